"""Wrong answers to the exercises of 04f_se_lresnet, each under the rule that it breaks."""

import torch


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


def without_relu(x, down, up):
    return x * torch.sigmoid(x.mean((2, 3)) @ down.T @ up.T)[:, :, None, None]


MUTANTS = {
    "squeeze_parameters": {
        "the PReLU has one slope a hidden channel": without_prelu,
        "there are two layers, down and up": one_layer,
    },
    "excited": {
        "a sigmoid bounds the factors": without_sigmoid,
        "the positions are averaged first": one_factor_a_position,
        "a ReLU stands between the layers": without_relu,
    },
}
