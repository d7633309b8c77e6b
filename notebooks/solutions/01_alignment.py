"""Solutions to the exercises of notebooks/01_alignment.ipynb, with the reasons."""

import numpy as np


def overlap(box, other):
    """The shared box begins at the larger of the two beginnings and ends at the smaller of the two ends.

    Where it would end before it begins there is none: each side is clipped at 0 **before** they are multiplied, since
    two negative sides would make a positive area. Both areas together count the shared part twice, so it is taken off
    once.
    """
    begins, ends = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
    shared = np.prod(np.clip(ends - begins, 0, None))
    areas = np.prod(box[2:] - box[:2]) + np.prod(other[2:] - other[:2])
    return shared / (areas - shared)


def mirrored(points, width):
    """Column x lies x columns from the left, so its mirror image lies x columns from the right: width - 1 - x.

    Afterwards the person's eyes have changed sides. The names belong to the image, so the rows of the eyes change
    places, and those of the corners of the mouth.
    """
    result = np.array(points)[[1, 0, 2, 4, 3]]
    result[:, 0] = width - 1 - result[:, 0]
    return result
