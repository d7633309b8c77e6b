"""Wrong answers to the exercises of 01_alignment, each under the rule that it breaks."""

import numpy as np

from course_lib.alignment.boxes import overlap


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


def nms_of(order=None, clashes=None, kept_only=True, names=None):
    """Suppression with one rule changed: the order, what counts as too much, who suppresses, what is returned."""

    def wrong(boxes, scores, threshold):
        kept, seen = [], []
        for k in np.argsort(-scores, kind="stable") if order is None else order(boxes, scores):
            shared = overlap(boxes[[k]], boxes[kept if kept_only else seen])
            too_much = shared > threshold if clashes is None else clashes(shared, threshold)
            seen.append(k)
            if not too_much.any():
                kept.append(k)
        return kept if names is None else names(boxes, kept)

    return wrong


def over_the_smaller(boxes, scores, threshold):
    kept = []
    for k in np.argsort(-scores, kind="stable"):
        if (overlap(boxes[[k]], boxes[kept], mode="min") <= threshold).all():
            kept.append(k)
    return kept


def fitted(slope=None, turn=None, shift=None, centred=True):
    """The transform with one step changed."""

    def wrong(source, target):
        means = (source.mean(axis=0), target.mean(axis=0)) if centred else (np.zeros(2), np.zeros(2))
        z, w = (source - means[0]) @ [1, 1j], (target - means[1]) @ [1, 1j]
        a = (z.conj() * w).sum() / (abs(z) ** 2).sum() if slope is None else slope(z, w)
        matrix = np.array([[a.real, -a.imag], [a.imag, a.real]]) if turn is None else turn(a)
        moved = means[1] - matrix @ means[0] if shift is None else shift(matrix, source, target)
        return np.column_stack([matrix, moved])

    return wrong


def stretched(source, target):
    rows = np.column_stack([source, np.ones(len(source))])
    return np.linalg.lstsq(rows, target, rcond=None)[0].T


def regression(z, w):
    return (z.conj() * w).sum() / (abs(z) ** 2).sum()


MUTANTS = {
    "my_overlap": {
        "boxes that do not meet share nothing": negative_sides,
        "the shared part belongs to the union once": shared_counted_twice,
        "the union, not the smaller box, is the whole": share_of_the_smaller,
    },
    "my_nms": {
        "go down the scores": nms_of(order=lambda boxes, scores: range(len(boxes))),
        "down, not up": nms_of(order=lambda boxes, scores: np.argsort(scores)),
        "what was not kept suppresses nobody": nms_of(kept_only=False),
        "an overlap equal to the threshold is kept": nms_of(clashes=lambda shared, threshold: shared >= threshold),
        "suppress what overlaps, not what does not": nms_of(clashes=lambda shared, threshold: shared <= threshold),
        "the overlap is over the union": over_the_smaller,
        "the surest first": nms_of(names=lambda boxes, kept: sorted(kept)),
        "numbers of boxes, not boxes": nms_of(names=lambda boxes, kept: boxes[kept]),
    },
    "my_similarity": {
        "the source is conjugated": fitted(slope=lambda z, w: (z * w.conj()).sum() / (abs(z) ** 2).sum()),
        "divide by the source's squares": fitted(slope=lambda z, w: (z.conj() * w).sum() / (abs(w) ** 2).sum()),
        "it may scale": fitted(slope=lambda z, w: regression(z, w) / abs(regression(z, w))),
        "it may turn": fitted(slope=lambda z, w: complex(abs(regression(z, w)))),
        "it may not stretch": stretched,
        "the sign of q": fitted(turn=lambda a: np.array([[a.real, a.imag], [-a.imag, a.real]])),
        "the shift acts after the turn": fitted(shift=lambda m, s, t: t.mean(axis=0) - s.mean(axis=0)),
        "count from the means": fitted(centred=False),
    },
    "mirrored": {
        "left and right change places": sides_not_swapped,
        "column x goes to width - 1 - x": one_pixel_off,
        "the corners of the mouth change places as well": mouth_not_swapped,
    },
}
