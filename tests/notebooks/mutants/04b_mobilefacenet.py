"""Wrong answers to the exercises of 04b_mobilefacenet, each under the rule that it breaks."""

from tools.notebook_exercises import solution_of

right = solution_of("04b_mobilefacenet")


def without_slopes(c_in, hidden, c_out):
    return right.bottleneck_parameters(c_in, hidden, c_out) - 2 * hidden


def ordinary_3x3(c_in, hidden, c_out):
    return right.bottleneck_parameters(c_in, hidden, c_out) + 9 * hidden * (hidden - 1)


def mean_not_scaled(w, gamma, beta, mean, var):
    factor = gamma / (var + 1e-5) ** 0.5
    return w * factor[:, None, None, None], beta - mean


def over_the_inputs(w, gamma, beta, mean, var):
    factor = gamma / (var + 1e-5) ** 0.5
    return w * factor[: w.shape[1], None, None], beta - mean * factor


def without_epsilon(w, gamma, beta, mean, var):
    factor = gamma / var**0.5
    return w * factor[:, None, None, None], beta - mean * factor


MUTANTS = {
    "bottleneck_parameters": {
        "a PReLU has one slope a channel": without_slopes,
        "the 3x3 convolution is depthwise": ordinary_3x3,
    },
    "folded": {
        "the mean is scaled before it is taken off": mean_not_scaled,
        "the factor belongs to the output channels": over_the_inputs,
        "epsilon is added to the variance": without_epsilon,
    },
}
