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


def warped(sources=None, rounded=np.rint, pick=None):
    """The warp with one step changed: where a place comes from, the rounding, what is taken there."""

    def wrong(image, matrix, size):
        places = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1)
        turn, shift = matrix[:, :2], matrix[:, 2]
        found = (places - shift) @ np.linalg.inv(turn).T if sources is None else sources(places, turn, shift)
        x, y = rounded(found).astype(int).transpose(2, 0, 1)
        return (taken if pick is None else pick)(image, x, y)

    return wrong


def taken(image, x, y):
    height, width = image.shape[:2]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.where(inside[..., None], edge_repeated(image, x, y), 0)


def edge_repeated(image, x, y):
    return image[y.clip(0, image.shape[0] - 1), x.clip(0, image.shape[1] - 1)]


def from_the_other_end(image, x, y):
    height, width = image.shape[:2]
    inside = (x >= -width) & (x < width) & (y >= -height) & (y < height)  # NumPy takes these
    return np.where(inside[..., None], image[y.clip(-height, height - 1), x.clip(-width, width - 1)], 0)


def framed(scale=None, shift=None, means=None):
    """The frame with one step changed: the scale of what is counted from the means, the shift, the means."""

    def wrong(points, template):
        mean, target = (points.mean(axis=(0, 1)), template.mean(axis=0)) if means is None else means(points, template)
        around, onto = points - mean, np.broadcast_to(template - target, points.shape)
        slope = (around * onto).sum() / (around**2).sum() if scale is None else scale(around, onto)
        moved = target - slope * mean if shift is None else shift(slope, points, template)
        return slope, *np.reshape(moved, (-1, 2)).mean(axis=0)

    return wrong


def turned_as_well(around, onto):
    z, w = around @ [1, 1j], onto @ [1, 1j]
    return abs((z.conj() * w).sum() / (abs(z) ** 2).sum())


def scales_averaged(points, template):
    parts = [framed()(face[None], template) for face in points]
    return tuple(np.mean(parts, axis=0))


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
    "my_warp": {
        "through the inverse": warped(sources=lambda places, turn, shift: places @ turn.T + shift),
        "the shift is taken off first": warped(sources=lambda p, turn, shift: p @ np.linalg.inv(turn).T - shift),
        "the matrix and not its transpose": warped(sources=lambda p, turn, shift: (p - shift) @ np.linalg.inv(turn)),
        "the nearest pixel": warped(rounded=np.floor),
        "black outside": warped(pick=edge_repeated),
        "below 0 is outside, too": warped(pick=from_the_other_end),
        "x is the column": warped(pick=lambda image, x, y: taken(image, y, x)),
    },
    "mirrored": {
        "left and right change places": sides_not_swapped,
        "column x goes to width - 1 - x": one_pixel_off,
        "the corners of the mouth change places as well": mouth_not_swapped,
    },
    "my_frame": {
        "one shift for all faces": framed(means=lambda p, t: (p.mean(axis=1, keepdims=True), t.mean(axis=0))),
        "one scale for all faces": scales_averaged,
        "divide by the squares of the landmarks": framed(scale=lambda p, t: (p * t).sum() / (t**2).sum()),
        "least squares, not a ratio of sizes": framed(scale=lambda p, t: np.sqrt((t**2).sum() / (p**2).sum())),
        "both coordinates count": framed(scale=lambda p, t: (p * t)[..., 0].sum() / (p**2)[..., 0].sum()),
        "it may not turn": framed(scale=turned_as_well),
        "count from the means": framed(means=lambda p, t: (np.zeros(2), np.zeros(2))),
        "the shift comes after the scale": framed(shift=lambda s, p, t: t.mean(axis=0) - p.mean(axis=(0, 1))),
        "it may scale": framed(scale=lambda p, t: 1.0),
    },
}
