"""Wrong answers to the exercises of 11_distillation, each under the rule that it breaks."""

import numpy as np

from tools.notebook_exercises import solution_of

right = solution_of("11_distillation")


def without_the_factor(student, teacher, temperature):
    return right.teachers_part(student, teacher, temperature) / temperature**2


def the_other_way_round(student, teacher, temperature):
    return right.teachers_part(teacher, student, temperature)


def summed(student, teacher, temperature):
    return len(student) * right.teachers_part(student, teacher, temperature)


def mean_of_everything(points):
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    return distances / distances.mean()


MUTANTS = {
    "teachers_part": {
        "times the temperature squared": without_the_factor,
        "the teacher's probabilities are the weights": the_other_way_round,
        "the mean over the images": summed,
    },
    "relative_distances": {"a point's distance to itself is not in the mean": mean_of_everything},
}
