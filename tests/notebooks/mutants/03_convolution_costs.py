"""Wrong answers to the exercises of 03_convolution_costs, each under the rule that it breaks."""

import torch


def costs(c_in, c_out, kernel, groups, stride, padding, height, width, *, filters=None, seen=None, per_place=1):
    """The right costs, but for the number of filters, the channels that one sees, or the work in a place."""
    high, wide = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
    parameters = (filters or c_out) * (seen or c_in // groups) * kernel**2
    return per_place * high * wide * parameters, parameters, high, wide


def groups_ignored(c_in, *others):
    return costs(c_in, *others, seen=c_in)


def one_channel_a_filter(c_in, *others):
    return costs(c_in, *others, seen=1)


def filters_of_one_group(c_in, c_out, kernel, groups, *others):
    return costs(c_in, c_out, kernel, groups, *others, filters=c_out // groups)


def a_filter_a_channel_in(c_in, *others):
    return costs(c_in, *others, filters=c_in)


def one_row_of_weights(c_in, c_out, kernel, groups, *others):
    _, parameters, high, wide = costs(c_in, c_out, kernel, groups, *others)
    return high * wide * parameters // kernel, parameters // kernel, high, wide


def padded_on_one_side(c_in, c_out, kernel, groups, stride, padding, height, width):
    parameters = costs(c_in, c_out, kernel, groups, stride, padding, height, width)[1]
    high, wide = ((side + padding - kernel) // stride + 1 for side in (height, width))
    return high * wide * parameters, parameters, high, wide


def rounded_up(c_in, c_out, kernel, groups, stride, padding, height, width):
    parameters = costs(c_in, c_out, kernel, groups, stride, padding, height, width)[1]
    high, wide = (-(-(side + 2 * padding - kernel) // stride) + 1 for side in (height, width))
    return high * wide * parameters, parameters, high, wide


def same_size_over_stride(c_in, c_out, kernel, groups, stride, padding, height, width):
    parameters = costs(c_in, c_out, kernel, groups, stride, padding, height, width)[1]
    high, wide = (-(-side // stride) for side in (height, width))
    return high * wide * parameters, parameters, high, wide


def stride_forgotten(c_in, c_out, kernel, groups, stride, *others):
    return costs(c_in, c_out, kernel, groups, 1, *others)


def padding_forgotten(c_in, c_out, kernel, groups, stride, padding, *others):
    return costs(c_in, c_out, kernel, groups, stride, 0, *others)


def squares_only(c_in, c_out, kernel, groups, stride, padding, height, width):
    return costs(c_in, c_out, kernel, groups, stride, padding, height, height)


def parameters_first(*layer):
    macs, parameters, high, wide = costs(*layer)
    return parameters, macs, high, wide


def width_first(*layer):
    macs, parameters, high, wide = costs(*layer)
    return macs, parameters, wide, high


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


def lives(reads, sizes, *, first_reader=False, unread_goes=False, reader_too=True, maker_too=True):
    """What lives during each operation, with one rule broken at a time."""
    n = len(sizes)
    last = [None] * n
    for now, sources in enumerate(reads):
        for source in sources:
            last[source] = now if last[source] is None or not first_reader else last[source]
    last = [made if at is None and unread_goes else n - 1 if at is None else at for made, at in enumerate(last)]
    live = []
    for now in range(n):
        held = 0
        for made in range(n):
            starts = made <= now if maker_too else made < now
            ends = now <= last[made] if reader_too or made == now else now < last[made]
            held += sizes[made] if starts and ends else 0
        live.append(held)
    return live


def never_freed(reads, sizes):
    return [sum(sizes[: now + 1]) for now in range(len(sizes))]


def reads_and_makes(reads, sizes):
    return [size + sum(sizes[source] for source in sources) for sources, size in zip(reads, sizes, strict=True)]


def counted(reads, sizes):
    return lives(reads, [1] * len(sizes))


def largest_alone(reads, sizes):
    return [max(sizes[source] for source in [*sources, now]) for now, sources in enumerate(reads)]


def windows(layers, *, reach=1, own_stride=False, back=1, padding_in_pixels=False, padding_after=False, sum_up=False):
    """Size, step and begin, with one rule broken at a time."""
    size, step, begin = 1, 1, 0
    for kernel, stride, padding in layers:
        before = step
        step = step + stride - 1 if sum_up else step * stride
        size += (kernel - reach) * (step if own_stride else before)
        begin -= back * padding * (1 if padding_in_pixels else step if padding_after else before)
    return size, step, begin


def without_strides(layers):
    _, step, begin = windows(layers)
    return 1 + sum(kernel - 1 for kernel, _, _ in layers), step, begin


def centred(layers):
    size, step, begin = windows(layers)
    return size, step, begin + size // 2


def from_the_image_on(layers):
    size, step, begin = windows(layers)
    return size, step, max(begin, 0)


def last_stride(layers):
    size, _, begin = windows(layers)
    return size, layers[-1][1], begin


def last_layer_first(layers):
    return windows(layers[::-1])


MUTANTS = {
    "convolution_costs": {
        "a filter sees the channels of its own group": groups_ignored,
        "a group may have several channels": one_channel_a_filter,
        "the filters of all groups count": filters_of_one_group,
        "there are c_out filters": a_filter_a_channel_in,
        "a kernel has kernel x kernel weights": one_row_of_weights,
        "zeros on every side": padded_on_one_side,
        "a place where the filter would stick out is left out": rounded_up,
        "the size depends on kernel and padding": same_size_over_stride,
        "the stride skips places": stride_forgotten,
        "there is padding": padding_forgotten,
        "height and width may differ": squares_only,
        "a multiply-add counts once": lambda *layer: costs(*layer, per_place=2),
        "the multiply-adds come first": parameters_first,
        "the height comes before the width": width_first,
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
    "live_memory": {
        "what an operation reads is alive": lambda *net: lives(*net, reader_too=False),
        "what an operation makes is alive": lambda *net: lives(*net, maker_too=False),
        "the last reader counts, not the first": lambda *net: lives(*net, first_reader=True),
        "a map that nobody reads stays to the end": lambda *net: lives(*net, unread_goes=True),
        "a map goes after its last reader": never_freed,
        "what waits is alive": reads_and_makes,
        "a map takes its size": counted,
        "all that is alive, not the largest": largest_alone,
        "a list of all operations, not the peak": lambda *net: max(lives(*net)),
    },
    "window": {
        "a kernel reaches over kernel - 1 steps": lambda layers: windows(layers, reach=0),
        "a step is that of the layer before": lambda layers: windows(layers, own_stride=True),
        "strides before a layer widen its window": without_strides,
        "steps multiply": lambda layers: windows(layers, sum_up=True),
        "the strides of all layers count": last_stride,
        "padding is that of units, not of pixels": lambda layers: windows(layers, padding_in_pixels=True),
        "padding is measured before the stride": lambda layers: windows(layers, padding_after=True),
        "padding moves the window back": lambda layers: windows(layers, back=-1),
        "the padding of one side": lambda layers: windows(layers, back=2),
        "padding counts": from_the_image_on,
        "the first pixel, not the middle one": centred,
        "from the first layer to the last": last_layer_first,
    },
}
