"""Wrong answers to the exercises of 04f_se_lresnet, each under the rule that it breaks."""

import math

import torch

from tools.notebook_exercises import solution_of

right = solution_of("04f_se_lresnet")


def prelu(numbers, slopes):
    return torch.where(numbers > 0, numbers, slopes * numbers)


def excite(x, means, down, slopes, up, *, between=prelu, bound=torch.sigmoid):
    return x * bound(between(means @ down.T, slopes) @ up.T)[:, :, None, None]


def of_means(**changed):
    return lambda x, down, slopes, up: excite(x, x.mean(dim=(2, 3)), down, slopes, up, **changed)


def one_factor_a_place(x, down, slopes, up):
    hidden = prelu(torch.einsum("nchw,dc->ndhw", x, down), slopes[:, None, None])
    return x * torch.sigmoid(torch.einsum("ndhw,cd->nchw", hidden, up))


def added(x, down, slopes, up):
    return x + right.excited(torch.ones_like(x) * x.mean(dim=(2, 3), keepdim=True), down, slopes, up)


def only_the_factors(x, down, slopes, up):
    return excite(torch.ones_like(x), x.mean(dim=(2, 3)), down, slopes, up)


def means_of_the_batch(x, down, slopes, up):
    return excite(x, x.mean(dim=(0, 2, 3))[None], down, slopes, up)


def summed(x, down, slopes, up):
    return excite(x, x.sum(dim=(2, 3)), down, slopes, up)


def over_the_height(x, down, slopes, up):
    return excite(x, x.mean(dim=2)[..., 0], down, slopes, up)


def parameters(channels, reduction, units, *, hidden=None, layers=2, slopes=None, biases=False):
    hidden = channels // reduction if hidden is None else hidden
    slopes = hidden if slopes is None else slopes
    return units * (layers * channels * hidden + slopes + biases * (channels + hidden))


MUTANTS = {
    "excited": {
        "a sigmoid bounds the factors": of_means(bound=lambda numbers: numbers),
        "a PReLU stands between the layers": of_means(between=lambda numbers, _: numbers),
        "a PReLU, not a ReLU": of_means(between=lambda numbers, _: torch.relu(numbers)),
        "each hidden channel has its slope": of_means(between=lambda numbers, slopes: prelu(numbers, slopes[0])),
        "what is not negative stays": of_means(between=lambda numbers, slopes: slopes * numbers),
        "the places are averaged first": one_factor_a_place,
        "averaged, not added up": summed,
        "averaged over height and width": over_the_height,
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
