"""Wrong answers to the exercises of 04d_deepface, each under the rule that it breaks."""

import torch


def one_kernel_for_all(in_channels, out_channels, kernel, side, stride):
    return out_channels * (kernel**2 * in_channels + 1)


def one_bias_for_all(in_channels, out_channels, kernel, side, stride):
    positions = ((side - kernel) // stride + 1) ** 2
    return positions * out_channels * kernel**2 * in_channels + out_channels


def sum_over_all_channels(x, n, alpha, beta, k):
    return x / (k + alpha / n * (x**2).sum(1, keepdim=True)) ** beta


def alpha_not_divided(x, n, alpha, beta, k):
    half = n // 2
    sums = [(x[:, max(0, c - half) : c + half + 1] ** 2).sum(1) for c in range(x.shape[1])]
    return x / (k + alpha * torch.stack(sums, 1)) ** beta


MUTANTS = {
    "local_parameters": {
        "each position has its own kernel": one_kernel_for_all,
        "each position has its own bias": one_bias_for_all,
    },
    "response_norm": {
        "only the neighbouring channels count": sum_over_all_channels,
        "alpha is divided by n": alpha_not_divided,
    },
}
