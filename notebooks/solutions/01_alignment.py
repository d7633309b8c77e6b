"""Solutions to the exercises of notebooks/01_alignment.ipynb, and the mistakes that its checks explain."""

import numpy as np


def overlap(box, other):
    corner = np.maximum(box[:2], other[:2])
    opposite = np.minimum(box[2:], other[2:])
    shared = np.prod(np.clip(opposite - corner, 0, None))
    return shared / (np.prod(box[2:] - box[:2]) + np.prod(other[2:] - other[:2]) - shared)


def mirrored(points, width):
    result = points[[1, 0, 2, 4, 3]]
    result[:, 0] = width - 1 - result[:, 0]
    return result


def negative_sides(box, other):
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    shared = width * height  # two negative sides have a positive area
    return shared / (np.prod(box[2:] - box[:2]) + np.prod(other[2:] - other[:2]) - shared)


def shared_counted_twice(box, other):
    shared = np.prod(np.clip(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0, None))
    return shared / (np.prod(box[2:] - box[:2]) + np.prod(other[2:] - other[:2]))


def sides_not_swapped(points, width):
    result = points.copy()
    result[:, 0] = width - 1 - result[:, 0]
    return result


def one_pixel_off(points, width):
    result = points[[1, 0, 2, 4, 3]]
    result[:, 0] = width - result[:, 0]
    return result


WRONG = {
    "overlap": {"it is empty": negative_sides, "The shared box begins": shared_counted_twice},
    "mirrored": {"change places": sides_not_swapped, "width - 1 - x": one_pixel_off},
}
