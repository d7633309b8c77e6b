"""Solutions to the exercises of notebooks/03_convolution_costs.ipynb."""


def separable_macs(in_channels, out_channels, kernel, height, width):
    depthwise = in_channels * kernel * kernel
    pointwise = in_channels * out_channels
    return (depthwise + pointwise) * height * width


def folded(weight, gamma, beta, mean, variance, epsilon):
    scale = gamma / (variance + epsilon) ** 0.5
    return weight * scale.reshape(-1, 1, 1, 1), beta - mean * scale


def peak_with_shortcut(sizes):
    first = sizes[0] + sizes[1]
    later = [
        sizes[0] + before + after
        for before, after in zip(sizes[1:], sizes[2:], strict=False)
    ]
    addition = sizes[0] + sizes[-1] + sizes[-1]
    return max(first, *later, addition)
