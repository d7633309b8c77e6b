"""Wrong answers to the exercises of 04c_mobiface, each under the rule that it breaks."""

import math

from tools.notebook_exercises import solution_of

right = solution_of("04c_mobiface")


def heads(channels, side, dim, *, gap=0, gdconv=0, fc=0):
    """The right answer, with something added to each head."""
    return tuple(
        number + more
        for number, more in zip(right.head_parameters(channels, side, dim), (gap, gdconv, fc), strict=True)
    )


def behind(millions, body, features, *, fewest=0, most=0):
    """The right answer, with something added at each end."""
    few, many = right.classes_behind(millions, body, features)
    return few + fewest, many + most


def floor_at_the_low_end(millions, body, features):
    low = millions * 1_000_000 - 500_000 - body
    return low // (features + 1), right.classes_behind(millions, body, features)[1]


def ceil_at_the_high_end(millions, body, features):
    high = millions * 1_000_000 + 500_000 - body
    return right.classes_behind(millions, body, features)[0], math.ceil(high / (features + 1))


def half_rounded_down(millions, body, features):
    low = millions * 1_000_000 - 500_000 - body
    return low // (features + 1) + 1, (low + 1_000_000) // (features + 1)


def half_of_a_unit(millions, body, features):
    low = (millions * 1_000_000 - body) / (features + 1)
    return math.ceil(low), math.ceil(low + 1_000_000 / (features + 1)) - 1


MUTANTS = {
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
        "the body is taken away": lambda m, body, f: right.classes_behind(m, 0, f),
        "each class has a bias": lambda m, body, f: right.classes_behind(m, body, f - 1),
        "at the low end a class more is needed": floor_at_the_low_end,
        "at the high end a class less is left": ceil_at_the_high_end,
        "exactly half a million is rounded up": half_rounded_down,
        "half a million to either side, not a million upwards": half_of_a_unit,
        "the smallest first": lambda m, body, f: right.classes_behind(m, body, f)[::-1],
        "the fewest that still fit": lambda m, body, f: behind(m, body, f, fewest=1),
        "the most that still fit": lambda m, body, f: behind(m, body, f, most=-1),
    },
}
