"""Solutions to the exercises of notebooks/04b_mobilefacenet.ipynb, and the mistakes that its checks explain."""


def bottleneck_parameters(c_in, hidden, c_out):
    convolutions = c_in * hidden + 9 * hidden + hidden * c_out
    batch_norms = 2 * (hidden + hidden + c_out)
    slopes = 2 * hidden
    return convolutions + batch_norms + slopes


def folded(w, gamma, beta, mean, var):
    factor = gamma / (var + 1e-5) ** 0.5
    return w * factor[:, None, None, None], beta - mean * factor


def without_slopes(c_in, hidden, c_out):
    return bottleneck_parameters(c_in, hidden, c_out) - 2 * hidden


def ordinary_3x3(c_in, hidden, c_out):
    return bottleneck_parameters(c_in, hidden, c_out) + 9 * hidden * (hidden - 1)


def mean_not_scaled(w, gamma, beta, mean, var):
    factor = gamma / (var + 1e-5) ** 0.5
    return w * factor[:, None, None, None], beta - mean


def over_the_inputs(w, gamma, beta, mean, var):
    factor = gamma / (var + 1e-5) ** 0.5
    return w * factor[: w.shape[1], None, None], beta - mean * factor


WRONG = {
    "bottleneck_parameters": {"1 a hidden channel, twice": without_slopes, "3x3 for each hidden channel": ordinary_3x3},
    "folded": {"value 2 of 2": mean_not_scaled, "over the output channels": over_the_inputs},
}
