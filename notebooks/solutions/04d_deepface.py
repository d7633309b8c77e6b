"""Solutions to the exercises of notebooks/04d_deepface.ipynb, and the mistakes that its checks explain."""

import torch


def local_parameters(in_channels, out_channels, kernel, side, stride):
    positions = ((side - kernel) // stride + 1) ** 2
    return positions * out_channels * (kernel**2 * in_channels + 1)


def response_norm(x, n, alpha, beta, k):
    channels, half = x.shape[1], n // 2
    sums = [(x[:, max(0, c - half) : c + half + 1] ** 2).sum(1) for c in range(channels)]
    return x / (k + alpha / n * torch.stack(sums, 1)) ** beta


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


WRONG = {
    "local_parameters": {"Each has its kernel": one_kernel_for_all, "one bias for each output": one_bias_for_all},
    "response_norm": {"as far as they exist": sum_over_all_channels, "divide alpha by n": alpha_not_divided},
}
