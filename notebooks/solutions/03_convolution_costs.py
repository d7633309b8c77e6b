"""Solutions to the exercises of notebooks/03_convolution_costs.ipynb, with the reasons."""


def separable_macs(in_channels, out_channels, kernel, height, width):
    """Count the weights of both convolutions, and multiply by the places once.

    Each of the in_channels depthwise filters sees one channel, so it has kernel * kernel weights. Each of the
    out_channels 1x1 filters has one weight for every channel. Every weight works once at each place of the output.
    """
    depthwise = in_channels * kernel * kernel
    pointwise = in_channels * out_channels
    return (depthwise + pointwise) * height * width


def folded(weight, gamma, beta, mean, variance, epsilon):
    """Sort the batch norm's formula into what multiplies x and what is left for x = 0.

    The factor is one number for each output channel, and a convolution is linear: so it may multiply the channel's whole
    filter. For x = 0 the batch norm gives beta - mean * factor, which is the bias.
    """
    factor = gamma / (variance + epsilon) ** 0.5
    return weight * factor.reshape(-1, 1, 1, 1), beta - mean * factor


def peak_with_shortcut(sizes):
    """Sum up what is alive during each operation, and take the largest.

    The first operation reads the input itself. Every later one reads one tensor and makes another while the input
    waits. The addition reads the input and the last tensor, which are of one size, and makes a third as large.
    """
    first = sizes[0] + sizes[1]
    later = []
    for before, after in zip(sizes[1:], sizes[2:], strict=False):
        later.append(sizes[0] + before + after)
    addition = 3 * sizes[0]
    return max(first, *later, addition)
