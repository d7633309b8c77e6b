"""Solutions to the exercises of notebooks/04a_mobilenets.ipynb, with the reasons."""

import numpy as np
from torch.nn import functional as F


def shuffle(x, groups):
    """The channels lie as a table with one row a group; to deal them out is to read that table column by column.

    Swapping the two axes of the table puts the place within a group in front, and the groups behind it vary fastest. The
    images and the places of the map stay where they are.
    """
    n, c, h, w = x.shape
    table = x.reshape(n, groups, c // groups, h, w)
    return table.transpose(1, 2).reshape(n, c, h, w)


def inverted_residual(x, expand, depthwise, project):
    """Two activations inside, where the channels are many; none after the projection, where they are few.

    The input can be added only to a result of its own shape: that excludes the blocks that halve the map, and those that
    change the number of channels.
    """
    inside = x if expand is None else F.relu6(expand(x))
    out = project(F.relu6(depthwise(inside)))
    return x + out if x.shape == out.shape else out


def share_lost(points, matrix):
    """Each channel above zero is one linear equation about the point, and D unknowns need D of them.

    A channel that the ReLU has set to zero says only on which side of a line the point lies. So we count the channels
    above zero, compare with the coordinates, and the mean of a yes or no is a share.
    """
    alive = (np.maximum(points @ matrix, 0) > 0).sum(axis=1)
    return (alive < points.shape[1]).mean()


def in_eights(channels):
    """Half a step more and then rounding down is rounding to the nearest, half up; the other two rules come after it.

    The order matters: only the multiple that would be taken is asked whether it loses too much. The next multiple
    always suffices, since the nearest one lies at most 4 below.
    """
    nearest = max(8, 8 * int(channels / 8 + 0.5))
    return nearest + 8 if nearest < 0.9 * channels else nearest
