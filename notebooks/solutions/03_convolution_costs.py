"""Solutions to the exercises of notebooks/03_convolution_costs.ipynb, with the reasons."""


def convolution_costs(c_in, c_out, kernel, groups, stride, padding, height, width):
    """Count the weights of one filter, then how many filters there are and how often each is used.

    Padding adds on both sides. The first place takes `kernel` pixels, and every further one `stride` more, so what is
    left over after the first is divided by the stride and rounded down. A filter sees the channels of its own group
    only. Groups do not change how many filters there are.
    """
    high = (height + 2 * padding - kernel) // stride + 1
    wide = (width + 2 * padding - kernel) // stride + 1
    parameters = c_out * (c_in // groups) * kernel**2
    return high * wide * parameters, parameters, high, wide


def folded(weight, gamma, beta, mean, variance, epsilon):
    """Sort the batch norm's formula into what multiplies x and what is left for x = 0.

    The factor is one number for each output channel, and a convolution is linear: so it may multiply the channel's whole
    filter. For x = 0 the batch norm gives beta - mean * factor, which is the bias.
    """
    factor = gamma / (variance + epsilon) ** 0.5
    return weight * factor.reshape(-1, 1, 1, 1), beta - mean * factor


def live_memory(reads, sizes):
    """Note for each map the last operation that needs it, then add up for each operation what lives.

    A map that nobody reads is an output and needed to the end, so every entry starts with the last operation's number
    or, for maps that are read, is overwritten by each reader in turn: the last one stays. A map lives from the operation
    with its own number to that one, both included.
    """
    last = [len(sizes) - 1] * len(sizes)
    for now, sources in enumerate(reads):
        for source in sources:
            last[source] = now
    alive = []
    for now in range(len(sizes)):
        alive.append(sum(sizes[made] for made in range(now + 1) if last[made] >= now))
    return alive


def window(layers):
    """Keep size, step and begin of the windows up to a layer, and let each layer change all three.

    A kernel reaches over kernel - 1 steps between units of the layer before, and such a step is worth `step` pixels. The
    padding puts the first window so many units, hence `padding * step` pixels, further back. Only then does the stride
    make the steps of this layer longer: it does not widen its own window.
    """
    size, step, begin = 1, 1, 0
    for kernel, stride, padding in layers:
        size += (kernel - 1) * step
        begin -= padding * step
        step *= stride
    return size, step, begin
