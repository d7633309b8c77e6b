"""Solutions to the exercises of notebooks/11_distillation.ipynb, and the mistakes that its checks explain."""

import numpy as np


def teachers_part(student, teacher, temperature):
    p = (teacher / temperature).softmax(1)
    log_q = (student / temperature).log_softmax(1)
    return temperature**2 * (p * (p.log() - log_q)).sum(1).mean()


def relative_distances(points):
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    n = len(points)
    return distances / (distances.sum() / (n * (n - 1)))


def without_the_factor(student, teacher, temperature):
    return teachers_part(student, teacher, temperature) / temperature**2


def the_other_way_round(student, teacher, temperature):
    return teachers_part(teacher, student, temperature)


def mean_of_everything(points):
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    return distances / distances.mean()


WRONG = {
    "teachers_part": {"times T squared": without_the_factor, "with the teacher's p": the_other_way_round},
    "relative_distances": {"The N zeros on the diagonal do not belong to the mean": mean_of_everything},
}
