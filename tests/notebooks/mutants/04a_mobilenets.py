"""Wrong answers to the exercises of 04a_mobilenets, each under the rule that it breaks."""


def shuffle_again(x, groups):
    n, c, h, w = x.shape
    return x.reshape(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def always_down(channels):
    return max(8, int(channels) // 8 * 8)


def without_the_tenth(channels):
    return max(8, int(channels + 4) // 8 * 8)


def without_a_minimum(channels):
    nearest = int(channels + 4) // 8 * 8
    return nearest + 8 if 0 < nearest < 0.9 * channels else nearest


MUTANTS = {
    "unshuffle": {"the shuffle is undone, not repeated": shuffle_again},
    "in_eights": {
        "the nearest multiple, not the one below": always_down,
        "never more than a tenth is lost": without_the_tenth,
        "at least 8": without_a_minimum,
    },
}
