"""Solutions to the exercises of notebooks/04e_inception.ipynb, with the reasons."""

import torch


def block_sum(x, branches, join, scale, shortcut):
    """Every branch is called with x itself: they stand side by side, not in a row.

    Channels are axis 1 of (N, C, H, W), so that is where outputs are stacked, in the order that the join's weights
    expect. The scale is for what the join gives; x is added as it came in, since that is what makes it a shortcut.
    """
    stacked = torch.cat([branch(x) for branch in branches], dim=1)
    out = scale * join(stacked)
    return x + out if shortcut else out


def window_and_weights(kernels):
    """A window begins as one pixel, and every kernel adds its side less one, in each direction by itself.

    The weights are those of the kernels, one after the other: they add up, however large the window is that they see
    together. That is what splitting saves.
    """
    height = 1 + sum(h - 1 for h, _ in kernels)
    width = 1 + sum(w - 1 for _, w in kernels)
    return height, width, sum(h * w for h, w in kernels)


def people_behind(printed, rest, features):
    """Each person costs features + 1 parameters: a row of weights, and a bias.

    The printed number stands for a range half a tenth of a million to either side. The fewest people are the first whose
    sum reaches its lower end, so round up; the most are the last who stay below the upper end, so round up and take one
    off. In whole numbers nothing is lost to rounding.
    """
    middle = round(10 * printed) * 100_000 - rest
    fewest = -(-(middle - 50_000) // (features + 1))
    most = -(-(middle + 50_000) // (features + 1)) - 1
    return fewest, most
