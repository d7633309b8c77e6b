"""Solutions to the exercises of notebooks/01_alignment.ipynb, with the reasons."""

import numpy as np

from course_lib.alignment.boxes import overlap


def my_overlap(box, other):
    """The shared box begins at the larger of the two beginnings and ends at the smaller of the two ends.

    Where it would end before it begins there is none: each side is clipped at 0 **before** they are multiplied, since
    two negative sides would make a positive area. Both areas together count the shared part twice, so it is taken off
    once.
    """
    begins, ends = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
    shared = np.prod(np.clip(ends - begins, 0, None))
    areas = np.prod(box[2:] - box[:2]) + np.prod(other[2:] - other[:2])
    return shared / (areas - shared)


def my_nms(boxes, scores, threshold):
    """Going down the scores, everything that could suppress a box was decided before it.

    Only kept boxes are compared with: a chain of boxes along a row, each overlapping the next, must not vanish but for
    its first. The first box has nobody to be compared with, and `all` of nothing is true.
    """
    kept = []
    for k in np.argsort(-scores, kind="stable"):
        if (overlap(boxes[[k]], boxes[kept]) <= threshold).all():
            kept.append(k)
    return kept


def my_similarity(source, target):
    """The slope of a regression line is the sum of the products over the sum of the squares; this is the same.

    The source is conjugated, so that each product holds the angle **from** source **to** target. The shift comes last:
    it is what the means still lack once the source's has been turned and scaled.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    z = (source - source_mean) @ [1, 1j]
    w = (target - target_mean) @ [1, 1j]
    a = (z.conj() * w).sum() / (abs(z) ** 2).sum()
    turn = np.array([[a.real, -a.imag], [a.imag, a.real]])
    return np.column_stack([turn, target_mean - turn @ source_mean])


def my_warp(image, matrix, size):
    """The matrix turns and scales first and shifts last, so undoing it takes the shift off first.

    Every place of the crop asks once, so none is left without a value. The index is clipped only to keep NumPy from
    failing, or from counting a negative index from the other end; what lay outside is made black afterwards.
    """
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    places = np.stack([columns, rows], axis=-1)
    sources = (places - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    x, y = np.rint(sources).astype(int).transpose(2, 0, 1)
    height, width = image.shape[:2]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    nearest = image[y.clip(0, height - 1), x.clip(0, width - 1)]
    return np.where(inside[..., None], nearest, 0)


def mirrored(points, width):
    """Column x lies x columns from the left, so its mirror image lies x columns from the right: width - 1 - x.

    Afterwards the person's eyes have changed sides. The names belong to the image, so the rows of the eyes change
    places, and those of the corners of the mouth.
    """
    result = np.array(points)[[1, 0, 2, 4, 3]]
    result[:, 0] = width - 1 - result[:, 0]
    return result


def my_frame(points, template):
    """All landmarks of all faces stand in one list, each with its place on the template beside it: a regression.

    The scale is its slope, the sum of the products over the sum of the squares, both counted from the means of the
    whole list. A mean of each face's own would be one shift a face, and that needs landmarks.
    """
    mean, target_mean = points.mean(axis=(0, 1)), template.mean(axis=0)
    around, onto = points - mean, template - target_mean
    scale = (around * onto).sum() / (around**2).sum()
    return scale, *(target_mean - scale * mean)
