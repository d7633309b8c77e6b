"""Wrong answers to the exercises of 04c_mobiface, each under the rule that it breaks."""

import math

import torch

from tools.notebook_exercises import solution_of

right = solution_of("04c_mobiface")


def heads(channels, side, dim, *, gap=0, gdconv=0, fc=0):
    """The right answer, with something added to each head."""
    return tuple(
        number + more
        for number, more in zip(right.head_parameters(channels, side, dim), (gap, gdconv, fc), strict=True)
    )


def three(maps, place, dense, *, gap=None, gdconv=None, fc=None):
    """The right answer with another of the heads."""
    answers = right.three_heads(maps, place, dense)
    return tuple(
        answer if other is None else other(maps, place, dense)
        for answer, other in zip(answers, (gap, gdconv, fc), strict=True)
    )


def behind(*table, fewest=0, most=0):
    """The right answer, with something added at each end."""
    few, many = right.classes_behind(*table)
    return few + fewest, many + most


def floor_at_the_low_end(printed, step, body, features, bias):
    fewest = (printed - step // 2 - body) // (features + bias)
    return fewest, right.classes_behind(printed, step, body, features, bias)[1]


def ceil_at_the_high_end(printed, step, body, features, bias):
    most = math.ceil((printed + step // 2 - body) / (features + bias))
    return right.classes_behind(printed, step, body, features, bias)[0], most


def half_rounded_down(printed, step, body, features, bias):
    low = printed - step // 2 - body
    return low // (features + bias) + 1, (low + step) // (features + bias)


def half_of_a_unit(printed, step, body, features, bias):
    low = printed - body
    return math.ceil(low / (features + bias)), math.ceil((low + step) / (features + bias)) - 1


MUTANTS = {
    "three_heads": {
        "gap is a mean, not a sum": lambda *a: three(*a, gap=lambda m, p, d: m.sum((2, 3))),
        "gap keeps the channels apart": lambda *a: three(
            *a, gap=lambda m, p, d: m.mean((1, 2, 3))[:, None] + 0 * m[:, :, 0, 0]
        ),
        "gdconv weighs each place": lambda *a: three(*a, gdconv=lambda m, p, d: m.sum((2, 3)) * p.mean((1, 2))),
        "gdconv adds up, and does not average": lambda *a: three(*a, gdconv=lambda m, p, d: (m * p).mean((2, 3))),
        "gdconv keeps the channels apart": lambda *a: three(
            *a, gdconv=lambda m, p, d: (m * p).sum((1, 2, 3))[:, None] + 0 * m[:, :, 0, 0]
        ),
        "each channel has its own weights": lambda *a: three(*a, gdconv=lambda m, p, d: (m * p[:1]).sum((2, 3))),
        "fc reads channel by channel": lambda *a: three(*a, fc=lambda m, p, d: m.permute(0, 2, 3, 1).flatten(1) @ d.T),
        "fc has no bias": lambda *a: three(*a, fc=lambda m, p, d: m.flatten(1) @ d.T + 1),
        "fc reads every channel": lambda *a: three(
            *a, fc=lambda m, p, d: torch.cat([m[:, :1], 0 * m[:, 1:]], 1).flatten(1) @ d.T
        ),
        "in this order": lambda *a: right.three_heads(*a)[::-1],
    },
    "head_parameters": {
        "a mean learns nothing": lambda c, s, d: heads(c, s, d, gap=c),
        "gdconv counts its batch norm": lambda c, s, d: heads(c, s, d, gdconv=-2 * c),
        "a batch norm has a scale and a shift": lambda c, s, d: heads(c, s, d, gdconv=-c),
        "running statistics are no parameters": lambda c, s, d: heads(c, s, d, gdconv=2 * c),
        "gdconv's convolution has no bias": lambda c, s, d: heads(c, s, d, gdconv=c),
        "gdconv has a weight for each place, not for each row": lambda c, s, d: heads(
            c, s, d, gdconv=c * s - c * s * s
        ),
        "gdconv connects no pairs of channels": lambda c, s, d: heads(c, s, d, gdconv=c * s * s * (c - 1)),
        "gdconv's embedding has as many numbers as channels": lambda c, s, d: heads(c, s, d, gdconv=2 * d - 2 * c),
        "fc counts its bias": lambda c, s, d: heads(c, s, d, fc=-d),
        "fc has a bias for each output": lambda c, s, d: heads(c, s, d, fc=c * s * s - d),
        "fc sees every place": lambda c, s, d: (*right.head_parameters(c, s, d)[:2], c * d + d),
        "in this order": lambda c, s, d: right.head_parameters(c, s, d)[::-1],
    },
    "classes_behind": {
        "the body is taken away": lambda p, s, body, f, bias: right.classes_behind(p, s, 0, f, bias),
        "a bias if there is one": lambda p, s, body, f, bias: right.classes_behind(p, s, body, f, False),
        "no bias if there is none": lambda p, s, body, f, bias: right.classes_behind(p, s, body, f, True),
        "rounded to the step, not to a million": lambda p, s, *a: right.classes_behind(p, 1_000_000, *a),
        "rounded to the step, not to a tenth": lambda p, s, *a: right.classes_behind(p, 100_000, *a),
        "at the low end a class more is needed": floor_at_the_low_end,
        "at the high end a class less is left": ceil_at_the_high_end,
        "exactly half a step is rounded up": half_rounded_down,
        "half a step to either side, not a step upwards": half_of_a_unit,
        "the smallest first": lambda *a: right.classes_behind(*a)[::-1],
        "the fewest that still fit": lambda *a: behind(*a, fewest=1),
        "the most that still fit": lambda *a: behind(*a, most=-1),
    },
}
