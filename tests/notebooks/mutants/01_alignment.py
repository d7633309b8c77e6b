"""Wrong answers to the exercises of 01_alignment, each under the rule that it breaks."""

import numpy as np


def areas(box, other):
    shared = np.prod(np.clip(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0, None))
    return shared, np.prod(box[2:] - box[:2]), np.prod(other[2:] - other[:2])


def negative_sides(box, other):
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    shared = width * height  # two negative sides have a positive area
    return shared / (np.prod(box[2:] - box[:2]) + np.prod(other[2:] - other[:2]) - shared)


def shared_counted_twice(box, other):
    shared, first, second = areas(box, other)
    return shared / (first + second)


def share_of_the_smaller(box, other):
    shared, first, second = areas(box, other)
    return shared / min(first, second)


def sides_not_swapped(points, width):
    result = points.copy()
    result[:, 0] = width - 1 - result[:, 0]
    return result


def one_pixel_off(points, width):
    result = points[[1, 0, 2, 4, 3]]
    result[:, 0] = width - result[:, 0]
    return result


def mouth_not_swapped(points, width):
    result = points[[1, 0, 2, 3, 4]]
    result[:, 0] = width - 1 - result[:, 0]
    return result


MUTANTS = {
    "overlap": {
        "boxes that do not meet share nothing": negative_sides,
        "the shared part belongs to the union once": shared_counted_twice,
        "the union, not the smaller box, is the whole": share_of_the_smaller,
    },
    "mirrored": {
        "left and right change places": sides_not_swapped,
        "column x goes to width - 1 - x": one_pixel_off,
        "the corners of the mouth change places as well": mouth_not_swapped,
    },
}
