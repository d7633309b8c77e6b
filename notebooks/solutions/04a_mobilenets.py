"""Solutions to the exercises of notebooks/04a_mobilenets.ipynb, and the mistakes that its checks explain."""


def unshuffle(x, groups):
    n, c, h, w = x.shape
    return x.reshape(n, c // groups, groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def in_eights(channels):
    nearest = max(8, 8 * int(channels / 8 + 0.5))
    return nearest + 8 if nearest < 0.9 * channels else nearest


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


WRONG = {
    "unshuffle": {"the groups vary fastest": shuffle_again},
    "in_eights": {
        "Nearest multiple first": always_down,
        "only then the rule of the tenth": without_the_tenth,
        "at least 8": without_a_minimum,
    },
}
