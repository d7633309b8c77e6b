"""Wrong answers to the exercises of 04b_mobilefacenet, each under the rule that it breaks."""

from tools.notebook_exercises import solution_of

bottleneck = solution_of("04b_mobilefacenet").bottleneck_parameters


def fold(w, b, gamma, beta, mean, var, *, epsilon=0.001, root=0.5):
    factor = gamma / (var + epsilon) ** root
    return w * factor[:, None, None, None], beta + (b - mean) * factor


def factor_over_the_inputs(w, b, gamma, beta, mean, var):
    factor = gamma / (var + 0.001) ** 0.5
    return w * factor[None, :, None, None], beta + (b - mean) * factor


def mean_not_scaled(w, b, gamma, beta, mean, var):
    factor = gamma / (var + 0.001) ** 0.5
    return w * factor[:, None, None, None], beta + b * factor - mean


def own_bias_not_scaled(w, b, gamma, beta, mean, var):
    weight, bias = fold(w, 0 * b, gamma, beta, mean, var)
    return weight, bias + b


def epsilon_outside_the_root(w, b, gamma, beta, mean, var):
    factor = gamma / (var**0.5 + 0.001)
    return w * factor[:, None, None, None], beta + (b - mean) * factor


MUTANTS = {
    "bottleneck_parameters": {
        "a PReLU has a slope for every channel": lambda c, h, out: bottleneck(c, h, out) - 2 * h,
        "one slope for every channel, not one in all": lambda c, h, out: bottleneck(c, h, out) - 2 * h + 2,
        "two PReLUs": lambda c, h, out: bottleneck(c, h, out) - h,
        "the last convolution is linear": lambda c, h, out: bottleneck(c, h, out) + out,
        "the 3x3 convolution is depthwise": lambda c, h, out: bottleneck(c, h, out) + 9 * h * (h - 1),
        "the kernel has nine weights": lambda c, h, out: bottleneck(c, h, out) - 6 * h,
        "the convolutions have no bias": lambda c, h, out: bottleneck(c, h, out) + 2 * h + out,
        "batch norms count": lambda c, h, out: bottleneck(c, h, out) - 4 * h - 2 * out,
        "a scale and a shift": lambda c, h, out: bottleneck(c, h, out) - 2 * h - out,
        "running statistics are no parameters": lambda c, h, out: bottleneck(c, h, out) + 4 * h + 2 * out,
        "three batch norms": lambda c, h, out: bottleneck(c, h, out) - 2 * out,
        "the first convolution reads c_in channels": lambda c, h, out: bottleneck(out, h, out),
        "the last convolution makes c_out channels": lambda c, h, out: bottleneck(c, h, c),
    },
    "folded": {
        "the factor belongs to the output channels": factor_over_the_inputs,
        "the mean is multiplied by the factor, too": mean_not_scaled,
        "the convolution's own bias counts": lambda w, b, *norm: fold(w, 0 * b, *norm),
        "the convolution's own bias is multiplied by the factor": own_bias_not_scaled,
        "beta is added": lambda w, b, gamma, beta, *rest: fold(w, b, gamma, 0 * beta, *rest),
        "gamma multiplies": lambda w, b, gamma, *rest: fold(w, b, 0 * gamma + 1, *rest),
        "the mean is taken off": lambda w, b, gamma, beta, mean, var: fold(w, b, gamma, beta, -mean, var),
        "epsilon counts": lambda *numbers: fold(*numbers, epsilon=0),
        "epsilon is 0.001": lambda *numbers: fold(*numbers, epsilon=1e-5),
        "epsilon stands below the root": epsilon_outside_the_root,
        "the root of the variance": lambda *numbers: fold(*numbers, root=1),
        "first the weight, then the bias": lambda *numbers: fold(*numbers)[::-1],
    },
}
