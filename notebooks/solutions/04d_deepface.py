"""Solutions to the exercises of notebooks/04d_deepface.ipynb, with the reasons."""

import numpy as np
import torch


def locally_connected(x, weight, bias, stride):
    """A convolution with one more index on the weights: the position whose output is computed.

    The window of position (i, j) begins at (i * stride, j * stride), and is as large as the kernel. All its numbers, in
    all channels, are multiplied by the kernel of that position and added up, once for each output channel.
    """
    kernel, (rows, columns) = weight.shape[-1], bias.shape[1:]
    out = bias.expand(len(x), *bias.shape).clone()
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride, j * stride
        window = x[:, :, top : top + kernel, left : left + kernel]
        out[:, :, i, j] += torch.einsum("ncuv,ocuv->no", window, weight[i, j])
    return out


def local_parameters(in_channels, out_channels, kernel, side, stride):
    """First count the positions, then what one of them owns.

    Without padding the kernel begins at 0, stride, 2 * stride, … as long as it fits, so there are (side - kernel) // stride
    + 1 places in a row and as many rows. Each position has a kernel of its own for every output channel, and a bias.
    """
    positions = ((side - kernel) // stride + 1) ** 2
    return positions * out_channels * (kernel**2 * in_channels + 1)


def response_norm(x, n, alpha, beta, k):
    """For each channel sum the squares of those near it; the slice leaves out what does not exist.

    What does not exist adds nothing to the sum, and PyTorch divides alpha by n all the same, not by how many there were. No
    other position takes part, and nothing here could be trained.
    """
    channels, half = x.shape[1], n // 2
    sums = []
    for c in range(channels):
        near = x[:, max(0, c - half) : c + half + 1]
        sums.append((near**2).sum(1))
    return x / (k + alpha / n * torch.stack(sums, 1)) ** beta
