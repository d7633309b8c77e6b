"""Wrong answers to the exercises of 03_convolution_costs, each under the rule that it breaks."""

import torch


def separable(c_in, c_out, kernel, height, width, *, depthwise=1, pointwise=1):
    """The right count, with each convolution multiplied by a factor."""
    return (depthwise * c_in * kernel**2 + pointwise * c_in * c_out) * height * width


def scale_of(gamma, variance, epsilon):
    return gamma / torch.sqrt(variance + epsilon)


def fold_with(scale, weight, beta, mean):
    return weight * scale.reshape(-1, 1, 1, 1), beta - mean * scale


def scale_along_the_columns(weight, gamma, beta, mean, variance, epsilon):
    scale = scale_of(gamma, variance, epsilon)
    return weight * scale, beta - mean * scale


def scale_along_the_inputs(weight, gamma, beta, mean, variance, epsilon):
    scale = scale_of(gamma, variance, epsilon)
    return weight * scale.reshape(1, -1, 1, 1), beta - mean * scale


def mean_not_scaled(weight, gamma, beta, mean, variance, epsilon):
    return weight * scale_of(gamma, variance, epsilon).reshape(-1, 1, 1, 1), beta - mean


def beta_forgotten(weight, gamma, beta, mean, variance, epsilon):
    return fold_with(scale_of(gamma, variance, epsilon), weight, 0 * beta, mean)


def beta_scaled(weight, gamma, beta, mean, variance, epsilon):
    scale = scale_of(gamma, variance, epsilon)
    return fold_with(scale, weight, beta * scale, mean)


def mean_added(weight, gamma, beta, mean, variance, epsilon):
    return fold_with(scale_of(gamma, variance, epsilon), weight, beta, -mean)


def without_epsilon(weight, gamma, beta, mean, variance, epsilon):
    return fold_with(gamma / variance**0.5, weight, beta, mean)


def epsilon_outside_the_root(weight, gamma, beta, mean, variance, epsilon):
    return fold_with(gamma / (variance**0.5 + epsilon), weight, beta, mean)


def without_root(weight, gamma, beta, mean, variance, epsilon):
    return fold_with(gamma / (variance + epsilon), weight, beta, mean)


def bias_first(weight, gamma, beta, mean, variance, epsilon):
    return fold_with(scale_of(gamma, variance, epsilon), weight, beta, mean)[::-1]


def only_what_is_made(sizes):
    return sizes[0] + max(*sizes[1:], sizes[-1])


def input_forgotten(sizes):
    steps = [before + after for before, after in zip(sizes, sizes[1:], strict=False)]
    return max(*steps, 3 * sizes[0])


def input_counted_twice_at_first(sizes):
    steps = [sizes[0] + before + after for before, after in zip(sizes, sizes[1:], strict=False)]
    return max(*steps, 3 * sizes[0])


def sum_not_counted(sizes):
    later = [sizes[0] + before + after for before, after in zip(sizes[1:], sizes[2:], strict=False)]
    return max(sizes[0] + sizes[1], *later, 2 * sizes[0])


MUTANTS = {
    "separable_macs": {
        "a depthwise filter sees one channel": lambda c, out, k, h, w: separable(c, out, k, h, w, depthwise=c),
        "there is one depthwise filter for each channel in": lambda c, out, k, h, w: separable(out, c, k, h, w),
        "a multiply-add counts once": lambda *sizes: 2 * separable(*sizes),
        "the depthwise convolution counts": lambda *sizes: separable(*sizes, depthwise=0),
        "the 1x1 convolution counts": lambda *sizes: separable(*sizes, pointwise=0),
        "a 1x1 filter has no window": lambda c, out, k, h, w: separable(c, out, k, h, w, pointwise=k**2),
        "the kernel has kernel * kernel weights": lambda c, out, k, h, w: (c * k + c * out) * h * w,
        "height x width places": lambda c, out, k, h, w: separable(c, out, k, h, h),
        "the padding keeps the size": lambda c, out, k, h, w: (
            c * k**2 * max(h - k + 1, 0) * max(w - k + 1, 0) + c * out * h * w
        ),
    },
    "folded": {
        "the factor multiplies a whole filter": scale_along_the_columns,
        "the factor belongs to the output channels": scale_along_the_inputs,
        "the mean is multiplied by the factor, too": mean_not_scaled,
        "the mean is taken off": mean_added,
        "beta is added": beta_forgotten,
        "beta is not multiplied": beta_scaled,
        "epsilon counts": without_epsilon,
        "epsilon stands below the root": epsilon_outside_the_root,
        "the root of the variance": without_root,
        "first the weight, then the bias": bias_first,
    },
    "peak_with_shortcut": {
        "what an operation reads is in memory": only_what_is_made,
        "the input stays until it has been added": input_forgotten,
        "the input is in memory once while the first operation reads it": input_counted_twice_at_first,
        "the addition makes a third tensor": sum_not_counted,
        "any other tensor goes after it was read": lambda sizes: sum(sizes) + sizes[-1],
        "the peak, not the largest tensor": max,
    },
}
