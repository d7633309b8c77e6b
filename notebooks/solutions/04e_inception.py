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


def people_behind(rows, bias):
    """Each person costs as many weights as there are features, and a bias if there is one.

    The printed number stands for a range of half a step to either side. The fewest people of a row are the first whose
    sum reaches its lower end, so round up; the most are the last who stay below the upper end, so round up and take one
    off. What fits every row is at least the largest of the fewest and at most the smallest of the most.
    """
    fewest, most = [], []
    for printed, step, rest, features in rows:
        low = printed - step // 2 - rest
        fewest.append(-(-low // (features + bias)))
        most.append(-(-(low + step) // (features + bias)) - 1)
    return (max(fewest), min(most)) if max(fewest) <= min(most) else ()
