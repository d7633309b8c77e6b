"""Wrong answers to the exercises of 04f_se_lresnet, each under the rule that it breaks."""

import math

import torch

from tools.notebook_exercises import solution_of

right = solution_of("04f_se_lresnet")


def excite(x, means, down, up, *, between=torch.relu, bound=torch.sigmoid):
    return x * bound(between(means @ down.T) @ up.T)[:, :, None, None]


def of_means(**changed):
    return lambda x, down, up: excite(x, x.mean(dim=(2, 3)), down, up, **changed)


def one_factor_a_position(x, down, up):
    hidden = torch.relu(torch.einsum("nchw,dc->ndhw", x, down))
    return x * torch.sigmoid(torch.einsum("ndhw,cd->nchw", hidden, up))


def added(x, down, up):
    return x + right.excited(torch.ones_like(x) * x.mean(dim=(2, 3), keepdim=True), down, up)


def only_the_factors(x, down, up):
    return excite(torch.ones_like(x), x.mean(dim=(2, 3)), down, up)


def means_of_the_batch(x, down, up):
    return excite(x, x.mean(dim=(0, 2, 3))[None], down, up)


def parameters(channels, reduction, units, *, hidden=None, layers=2, slopes=None, biases=False):
    hidden = channels // reduction if hidden is None else hidden
    slopes = hidden if slopes is None else slopes
    return units * (layers * channels * hidden + slopes + biases * (channels + hidden))


MUTANTS = {
    "excited": {
        "a sigmoid bounds the factors": of_means(bound=lambda numbers: numbers),
        "a ReLU stands between the layers": of_means(between=lambda numbers: numbers),
        "a ReLU, not a PReLU": of_means(between=lambda numbers: torch.nn.functional.leaky_relu(numbers, 0.25)),
        "the positions are averaged first": one_factor_a_position,
        "averaged, not added up": lambda x, down, up: excite(x, x.sum(dim=(2, 3)), down, up),
        "averaged over height and width": lambda x, down, up: excite(x, x.mean(dim=2)[..., 0], down, up),
        "every image by itself": means_of_the_batch,
        "the factors multiply": added,
        "they multiply the channels": only_the_factors,
    },
    "squeeze_parameters": {
        "the PReLU has slopes": lambda *sizes: parameters(*sizes, slopes=0),
        "a slope for each channel between the layers": lambda *sizes: parameters(*sizes, slopes=1),
        "between the layers, not behind them": lambda c, r, n: parameters(c, r, n, slopes=c),
        "there are two layers, down and up": lambda *sizes: parameters(*sizes, layers=1),
        "the layers have no bias": lambda *sizes: parameters(*sizes, biases=True),
        "every unit has its own": lambda c, r, n: parameters(c, r, 1),
        "the hidden channels are rounded down": lambda c, r, n: parameters(c, r, n, hidden=math.ceil(c / r)),
        "the reduction divides": lambda c, r, n: parameters(c, r, n, hidden=c),
    },
}
