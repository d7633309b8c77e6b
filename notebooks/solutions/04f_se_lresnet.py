"""Solutions to the exercises of notebooks/04f_se_lresnet.ipynb, with the reasons."""

import torch


def excited(x, down, slopes, up):
    """Each image becomes one row of C averages, and both matrices act on rows.

    A row of averages goes down to `hidden` numbers, through the PReLU, up to C numbers again, and the sigmoid makes a
    factor between 0 and 1 of each. The two axes of length 1 let the factor of a channel multiply all of its places.
    """
    means = x.mean(dim=(2, 3))
    hidden = means @ down.T
    hidden = torch.where(hidden > 0, hidden, slopes * hidden)
    factors = torch.sigmoid(hidden @ up.T)
    return x * factors[:, :, None, None]


def squeeze_parameters(channels, reduction, units):
    """Count one unit, and multiply by how many there are.

    Both layers connect all channels with all hidden ones, and neither has a bias; the PReLU between them has as many slopes
    as there are hidden channels. Division is rounded down, since there is no half channel.
    """
    hidden = channels // reduction
    return units * (channels * hidden + hidden + hidden * channels)
