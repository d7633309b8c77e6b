"""Wrong answers to the exercises of 03_convolution_costs, each under the rule that it breaks."""

from tools.notebook_exercises import solution_of

right = solution_of("03_convolution_costs")


def depthwise_as_standard(in_channels, out_channels, kernel, height, width):
    return (in_channels * in_channels * kernel * kernel + in_channels * out_channels) * height * width


def flops(in_channels, out_channels, kernel, height, width):
    return 2 * right.separable_macs(in_channels, out_channels, kernel, height, width)


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


MUTANTS = {
    "separable_macs": {
        "a depthwise filter sees one channel": depthwise_as_standard,
        "a multiply-accumulate counts once": flops,
    },
    "folded": {
        "the scale multiplies a whole filter": scale_along_the_wrong_axis,
        "the mean is scaled before it is taken off": mean_not_scaled,
    },
    "peak_with_shortcut": {
        "the block's input waits until the addition": input_forgotten,
        "the addition reads two tensors and makes a third": addition_forgotten,
    },
}
