"""Wrong answers to the exercises of 04b_mobilefacenet, each under the rule that it breaks."""

from tools.notebook_exercises import solution_of

solution = solution_of("04b_mobilefacenet")


def every_block_strides(table, channels):
    found = solution.blocks_of(table, channels)
    strides = [s for _, _, n, s in table for _ in range(n)]
    return [(*block[:3], stride) for block, stride in zip(found, strides, strict=True)]


def the_last_block_strides(table, channels):
    found = solution.blocks_of(table, channels)
    strides = [s if repeat == n - 1 else 1 for _, _, n, s in table for repeat in range(n)]
    return [(*block[:3], stride) for block, stride in zip(found, strides, strict=True)]


def input_of_the_row(table, channels):
    """Every block of a row takes in what the first one of the row does."""
    found = []
    for t, c, n, s in table:
        found += [(channels, t * channels, c, s if repeat == 0 else 1) for repeat in range(n)]
        channels = c
    return found


def input_of_the_network(table, channels):
    return [(channels, hidden, c, s) for _, hidden, c, s in solution.blocks_of(table, channels)]


def input_is_the_output(table, channels):
    return [(c, hidden, c, s) for _, hidden, c, s in solution.blocks_of(table, channels)]


def inside_of_the_output(table, channels):
    factors = [t for t, _, n, _ in table for _ in range(n)]
    return [(b[0], t * b[2], *b[2:]) for b, t in zip(solution.blocks_of(table, channels), factors, strict=True)]


def inside_of_the_first_channels(table, channels):
    factors = [t for t, _, n, _ in table for _ in range(n)]
    return [(b[0], t * channels, *b[2:]) for b, t in zip(solution.blocks_of(table, channels), factors, strict=True)]


def one_block_a_row(table, channels):
    return solution.blocks_of([(t, c, 1, s) for t, c, _, s in table], channels)


def mean_over_places(maps, weights):
    return (maps * weights).mean(dim=(2, 3))


def one_map_of_weights(maps, weights):
    return (maps * weights[:1]).sum(dim=(2, 3))


def one_weight_a_channel(maps, weights):
    return (maps * weights.mean(dim=(1, 2), keepdim=True)).sum(dim=(2, 3))


def block_with(conv, c_in, hidden, c_out, stride, **changed):
    """The right block, with one of its rules changed."""
    strides = changed.get("strides", (1, stride, 1))
    groups = changed.get("groups", (1, hidden, 1))
    linear = changed.get("linear", (False, False, True))
    kernels = changed.get("kernels", (1, 3, 1))
    ends = changed.get("ends", ((c_in, hidden), (hidden, hidden), (hidden, c_out)))
    rows = zip(ends, kernels, strides, groups, linear, strict=True)
    units = [conv(*end, kernel, step, groups=group, linear=bare) for end, kernel, step, group, bare in rows]
    return units, changed.get("added", stride == 1 and c_in == c_out)


MUTANTS = {
    "blocks_of": {
        "a row stands for n blocks": one_block_a_row,
        "only the first block has the stride": every_block_strides,
        "the first block has the stride, not the last": the_last_block_strides,
        "a block takes in what the one before puts out": input_of_the_row,
        "the input follows the blocks": input_of_the_network,
        "the first block takes in `channels`": input_is_the_output,
        "t multiplies what the block takes in, not what it puts out": inside_of_the_output,
        "t multiplies what this block takes in, not the first one": inside_of_the_first_channels,
        "the order of the four": lambda table, channels: [
            (c_in, c_out, hidden, s) for c_in, hidden, c_out, s in solution.blocks_of(table, channels)
        ],
        "from first to last": lambda table, channels: solution.blocks_of(table, channels)[::-1],
    },
    "bottleneck": {
        "the depthwise unit has as many groups as channels": lambda *a: block_with(*a, groups=(1, 1, 1)),
        "the groups are those of its own channels": lambda *a: block_with(*a, groups=(1, a[1], 1)),
        "the stride belongs to the depthwise unit, not the first": lambda *a: block_with(*a, strides=(a[4], 1, 1)),
        "the stride belongs to the depthwise unit, not the last": lambda *a: block_with(*a, strides=(1, 1, a[4])),
        "the block has a stride": lambda *a: block_with(*a, strides=(1, 1, 1)),
        "the last unit is linear": lambda *a: block_with(*a, linear=(False, False, False)),
        "the depthwise unit is not linear": lambda *a: block_with(*a, linear=(False, True, True)),
        "the first unit is not linear": lambda *a: block_with(*a, linear=(True, False, True)),
        "the depthwise kernel is 3x3": lambda *a: block_with(*a, kernels=(1, 1, 1)),
        "the last kernel is 1x1": lambda *a: block_with(*a, kernels=(1, 3, 3)),
        "the first unit goes to hidden channels": lambda *a: block_with(
            *a, ends=((a[1], a[1]), (a[1], a[2]), (a[2], a[3]))
        ),
        "the last unit goes to c_out": lambda *a: block_with(*a, ends=((a[1], a[2]), (a[2], a[2]), (a[2], a[1]))),
        "in order": lambda *a: (block_with(*a)[0][::-1], block_with(*a)[1]),
        "the input is added only if the channels agree": lambda *a: block_with(*a, added=a[4] == 1),
        "the input is added only at stride 1": lambda *a: block_with(*a, added=a[1] == a[3]),
        "the input is added": lambda *a: block_with(*a, added=False),
    },
    "weighted_places": {
        "the sum, not the mean": mean_over_places,
        "every channel has its own weights": one_map_of_weights,
        "every place has its own weight": one_weight_a_channel,
        "the weights are used": lambda maps, weights: maps.sum(dim=(2, 3)),
        "a place has the weight of that place": lambda maps, weights: (maps * weights.flip(1, 2)).sum(dim=(2, 3)),
        "one number a channel, not one a face": lambda maps, weights: (maps * weights).sum(dim=(1, 2, 3)),
        "both dimensions of the places go": lambda maps, weights: (maps * weights).sum(dim=3),
        "weights may be negative": lambda maps, weights: (maps * weights.abs()).sum(dim=(2, 3)),
        "faces are not mixed": lambda maps, weights: (maps * weights).sum(dim=(2, 3)).mean(dim=0, keepdim=True),
    },
}
