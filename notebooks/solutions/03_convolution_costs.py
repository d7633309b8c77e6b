"""Solutions to the exercises of notebooks/03_convolution_costs.ipynb, and the mistakes that its checks explain."""


def separable_macs(in_channels, out_channels, kernel, height, width):
    depthwise = in_channels * kernel * kernel
    pointwise = in_channels * out_channels
    return (depthwise + pointwise) * height * width


def folded(weight, gamma, beta, mean, variance, epsilon):
    scale = gamma / (variance + epsilon) ** 0.5
    return weight * scale.reshape(-1, 1, 1, 1), beta - mean * scale


def peak_with_shortcut(sizes):
    first = sizes[0] + sizes[1]
    later = [sizes[0] + before + after for before, after in zip(sizes[1:], sizes[2:], strict=False)]
    addition = sizes[0] + sizes[-1] + sizes[-1]
    return max(first, *later, addition)


def depthwise_as_standard(in_channels, out_channels, kernel, height, width):
    return (in_channels * in_channels * kernel * kernel + in_channels * out_channels) * height * width


def flops(in_channels, out_channels, kernel, height, width):
    return 2 * separable_macs(in_channels, out_channels, kernel, height, width)


def scale_along_the_wrong_axis(weight, gamma, beta, mean, variance, epsilon):
    scale = gamma / (variance + epsilon) ** 0.5
    return weight * scale, beta - mean * scale  # broadcasts along the kernel's columns


def mean_not_scaled(weight, gamma, beta, mean, variance, epsilon):
    scale = gamma / (variance + epsilon) ** 0.5
    return weight * scale.reshape(-1, 1, 1, 1), beta - mean


def input_forgotten(sizes):
    steps = [before + after for before, after in zip(sizes, sizes[1:], strict=False)]
    return max(*steps, sizes[0] + 2 * sizes[-1])


def addition_forgotten(sizes):
    return max(sizes[0] + before + after for before, after in zip(sizes[1:], sizes[2:], strict=False))


WRONG = {
    "separable_macs": {"A depthwise filter sees one channel": depthwise_as_standard, "2 times what is": flops},
    "folded": {
        "the shape (out, 1, 1, 1)": scale_along_the_wrong_axis,
        "value 2 of 2": mean_not_scaled,
    },
    "peak_with_shortcut": {"the block's input, which waits": input_forgotten, "makes a third": addition_forgotten},
}
