"""Solutions to the exercises of notebooks/04a_mobilenets.ipynb, with the reasons."""


def unshuffle(x, groups):
    """A shuffle reads a table of (groups, channels of a group) column by column. To undo it, read by rows again.

    After the shuffle the channels lie as a table with one row for each place within a group and one column a group.
    Swapping the two axes puts the groups back in front.
    """
    n, c, h, w = x.shape
    return x.reshape(n, c // groups, groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def in_eights(channels):
    """Half a step more and then rounding down is rounding to the nearest, half up; the other two rules come after it.

    The order matters: only the multiple that would be taken is asked whether it loses too much. The next multiple
    always suffices, since the nearest one lies at most 4 below.
    """
    nearest = max(8, 8 * int(channels / 8 + 0.5))
    return nearest + 8 if nearest < 0.9 * channels else nearest
