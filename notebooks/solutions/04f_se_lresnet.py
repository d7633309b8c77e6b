"""Solutions to the exercises of notebooks/04f_se_lresnet.ipynb, and the mistakes that its checks explain."""

import torch


def squeeze_parameters(channels, reduction, units):
    hidden = channels // reduction
    return units * (2 * channels * hidden + hidden)


def excited(x, down, up):
    factors = torch.sigmoid(torch.relu(x.mean((2, 3)) @ down.T) @ up.T)
    return x * factors[:, :, None, None]


def without_prelu(channels, reduction, units):
    return units * 2 * channels * (channels // reduction)


def one_layer(channels, reduction, units):
    hidden = channels // reduction
    return units * (channels * hidden + hidden)


def without_sigmoid(x, down, up):
    return x * (torch.relu(x.mean((2, 3)) @ down.T) @ up.T)[:, :, None, None]


def one_factor_a_position(x, down, up):
    hidden = torch.relu(torch.einsum("nchw,dc->ndhw", x, down))
    return x * torch.sigmoid(torch.einsum("ndhw,cd->nchw", hidden, up))


WRONG = {
    "squeeze_parameters": {"one slope for each hidden": without_prelu, "Each of the two layers": one_layer},
    "excited": {"up, sigmoid": without_sigmoid, "Average over positions": one_factor_a_position},
}
