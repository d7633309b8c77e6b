"""Solutions to the exercises of notebooks/04b_mobilefacenet.ipynb, with the reasons."""


def bottleneck_parameters(c_in, hidden, c_out):
    """Go through the layers in order, and count each kind by itself.

    Both 1x1 convolutions connect every channel with every other one; the depthwise 3x3 has nine weights a channel. A
    batch norm follows each of the three, with two numbers a channel, but only the first two have a PReLU.
    """
    convolutions = c_in * hidden + 9 * hidden + hidden * c_out
    batch_norms = 2 * (hidden + hidden + c_out)
    slopes = 2 * hidden
    return convolutions + batch_norms + slopes


def folded(w, b, gamma, beta, mean, var):
    """Put y = w * x + b into the batch norm's formula, and sort it by x.

    The factor multiplies all of y, so it multiplies the filters and the convolution's own bias. From that bias the
    running mean is taken off first, since the batch norm subtracts it before it scales.
    """
    factor = gamma / (var + 0.001) ** 0.5
    return w * factor[:, None, None, None], beta + (b - mean) * factor
