"""Wrong answers to the exercises of 04a_mobilenets, each under the rule that it breaks."""

import math

from tools.notebook_exercises import solution_of

unshuffle = solution_of("04a_mobilenets").unshuffle


def shuffle_again(x, groups):
    n, c, h, w = x.shape
    return x.reshape(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def only_two_groups(x, groups):
    return unshuffle(x, min(groups, 2) if x.shape[1] % 2 == 0 else groups)


def in_eights(channels, nearest=lambda channels: int(channels + 4) // 8 * 8, least=8, kept=0.9, step=8):
    found = max(least, nearest(channels))
    return found + step if found < kept * channels else found


MUTANTS = {
    "unshuffle": {
        "the shuffle is undone, not repeated": shuffle_again,
        "any number of groups": only_two_groups,
        "each image by itself": lambda x, groups: unshuffle(x, groups).flip(0),
        "the places stay where they are": lambda x, groups: unshuffle(x, groups).flip(2),
        "the channels of a group keep their order": lambda x, groups: unshuffle(x, groups).flip(1),
        "all axes stay": lambda x, groups: unshuffle(x, groups).flatten(1),
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
