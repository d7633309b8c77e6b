"""Wrong answers to the exercises of 04a_mobilenets, each under the rule that it breaks."""

import math

import numpy as np
from torch.nn import functional as F

from tools.notebook_exercises import solution_of

right = solution_of("04a_mobilenets")
shuffle = right.shuffle


def unshuffle(x, groups):
    n, c, h, w = x.shape
    return x.reshape(n, c // groups, groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def only_three_groups(x, groups):
    return shuffle(x, 3 if x.shape[1] % 3 == 0 else groups)


def block(x, expand, depthwise, project, *, first=F.relu6, second=F.relu6, last=None, add="shape", scale=1):
    """The solution with other activations, or another rule of the shortcut."""
    inside = x if expand is None else first(expand(x))
    out = project(second(depthwise(inside)))
    out = out if last is None else last(out)
    same = {"shape": x.shape == out.shape, "never": False, "map": x.shape[2:] == out.shape[2:]}
    same["channels"] = x.shape[1] == out.shape[1]
    if not same[add]:
        return out
    if x.shape != out.shape:  # what can be added, is
        n, c, h, w = (min(sizes) for sizes in zip(x.shape, out.shape, strict=True))
        out[:n, :c, :h, :w] += x[:n, :c, :h, :w]
        return out
    return scale * x + out


def plain(value):
    return value


def expanded_by_one(x, expand, depthwise, project):
    return block(F.relu6(x), None, depthwise, project) if expand is None else block(x, expand, depthwise, project)


def lost(points, matrix, *, needed=None, is_alive=lambda channels: channels > 0, share=np.mean, axis=1):
    alive = is_alive(points @ matrix).sum(axis=axis)
    return share(alive < (points.shape[1] if needed is None else needed))


def in_eights(channels, nearest=lambda channels: int(channels + 4) // 8 * 8, least=8, kept=0.9, step=8):
    found = max(least, nearest(channels))
    return found + step if found < kept * channels else found


MUTANTS = {
    "shuffle": {
        "dealt out, not collected": unshuffle,
        "any number of groups": only_three_groups,
        "each image by itself": lambda x, groups: shuffle(x, groups).flip(0),
        "the places stay where they are": lambda x, groups: shuffle(x, groups).flip(2),
        "the first group comes first": lambda x, groups: shuffle(x, groups).flip(1),
        "the shape stays": lambda x, groups: shuffle(x, groups).flatten(1),
        "the table alone is not yet dealt": lambda x, groups: x.clone(),
    },
    "inverted_residual": {
        "ReLU6 after expanding": lambda *a: block(*a, first=plain),
        "ReLU6 after filtering": lambda *a: block(*a, second=plain),
        "none after projecting": lambda *a: block(*a, last=F.relu6),
        "cut off at 6 after expanding": lambda *a: block(*a, first=F.relu),
        "cut off at 6 after filtering": lambda *a: block(*a, second=F.relu),
        "the input is added": lambda *a: block(*a, add="never"),
        "not where the map is halved": lambda *a: block(*a, add="channels"),
        "not where the channels change": lambda *a: block(*a, add="map"),
        "added as it came": lambda x, *a: block(x, *a, scale=2),
        "nothing is expanded by 1": expanded_by_one,
        "the result is filtered": lambda x, expand, depthwise, project: block(
            x, expand, lambda inside: inside, project
        ),
    },
    "share_lost": {
        "as many as coordinates, not two": lambda p, m: lost(p, m, needed=2),
        "just enough is enough": lambda p, m: lost(p, m, needed=p.shape[1] + 1),
        "zero is not above zero": lambda p, m: lost(p, m, is_alive=lambda c: c >= 0),
        "below zero is not above": lambda p, m: lost(p, m, is_alive=lambda c: c != 0),
        "a share, not a count": lambda p, m: lost(p, m, share=np.sum),
        "of points, not of channels": lambda p, m: lost(p, m, axis=0),
        "lost, not kept": lambda p, m: 1 - lost(p, m),
        "not in per cent": lambda p, m: 100 * lost(p, m),
    },
    "in_eights": {
        "the nearest multiple, not the one below": lambda c: max(8, int(c) // 8 * 8),
        "the nearest multiple, not the one above": lambda c: max(8, math.ceil(c / 8) * 8),
        "half goes up": lambda c: in_eights(c, lambda c: math.ceil(c / 8 - 0.5) * 8),
        "never more than a tenth is lost": lambda c: in_eights(c, kept=0),
        "a tenth, not a quarter": lambda c: in_eights(c, kept=0.75),
        "a tenth, not a twentieth": lambda c: in_eights(c, kept=0.95),
        "at least 8": lambda c: in_eights(c) if c >= 4 else 0,
        "the next multiple, not the number itself": lambda c: in_eights(c, step=4),
        "multiples of 8, not of 4": lambda c: in_eights(c, lambda c: int(c + 2) // 4 * 4),
    },
}
