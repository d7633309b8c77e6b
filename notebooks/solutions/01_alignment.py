"""Solutions to the exercises of notebooks/01_alignment.ipynb."""

import numpy as np


def overlap(box, other):
    corner = np.maximum(box[:2], other[:2])
    opposite = np.minimum(box[2:], other[2:])
    shared = np.prod(np.clip(opposite - corner, 0, None))
    return shared / (
        np.prod(box[2:] - box[:2]) + np.prod(other[2:] - other[:2]) - shared
    )


def mirrored(points, width):
    result = points[[1, 0, 2, 4, 3]]
    result[:, 0] = width - 1 - result[:, 0]
    return result
