"""Wrong answers to the exercises of 11_distillation, each under the rule that it breaks."""

import numpy as np

from tools.notebook_exercises import solution_of

part = solution_of("11_distillation").teachers_part


def table_of(points):
    return np.linalg.norm(points[:, None] - points[None], axis=2)


def mean_of_everything(points):
    return table_of(points) / table_of(points).mean()


def mean_of_distances_above_zero(points):
    distances = table_of(points)
    return distances / distances[distances > 0].mean()


def median_of_the_pairs(points):
    distances = table_of(points)
    return distances / np.median(distances[~np.eye(len(points), dtype=bool)])


def of_squared_distances(points):
    squared = table_of(points) ** 2
    return squared / squared[~np.eye(len(points), dtype=bool)].mean()


def of_directions(points):
    distances = table_of(points / np.linalg.norm(points, axis=1, keepdims=True).clip(1e-9))
    return distances / distances[~np.eye(len(points), dtype=bool)].mean()


def one_row_a_pair(points):
    distances = table_of(points)[np.triu_indices(len(points), 1)]
    return distances / distances.mean()


MUTANTS = {
    "teachers_part": {
        "times the temperature squared": lambda s, t, T: part(s, t, T) / T**2,
        "squared, not once": lambda s, t, T: part(s, t, T) / T,
        "the teacher's probabilities are the weights": lambda s, t, T: part(t, s, T),
        "the student is softened, too": lambda s, t, T: part(s * T, t, T),
        "the teacher is softened, too": lambda s, t, T: part(s, t * T, T),
        "logits are divided by the temperature, not multiplied": lambda s, t, T: part(s * T**2, t * T**2, T),
        "the mean over the images, not the sum": lambda s, t, T: len(s) * part(s, t, T),
        "the sum over the classes, not the mean": lambda s, t, T: part(s, t, T) / s.shape[1],
    },
    "relative_distances": {
        "a point's distance to itself is not in the mean": mean_of_everything,
        "points on the same spot are in the mean": mean_of_distances_above_zero,
        "the mean, not another middle": median_of_the_pairs,
        "distances, not their squares": of_squared_distances,
        "the points as they are, not their directions": of_directions,
        "a table (N, N)": one_row_a_pair,
        "divided by the mean": table_of,
    },
}
