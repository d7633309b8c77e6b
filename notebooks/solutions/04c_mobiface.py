"""Solutions to the exercises of notebooks/04c_mobiface.ipynb, with the reasons."""

import math


def three_heads(maps, place_weights, dense_weights):
    """All three add up the map with weights, and differ in which numbers they may weigh by themselves.

    gdconv multiplies each place of each channel by its own weight and adds up over the places, not over the channels.
    fc reads the map as one long row, channel by channel as `flatten` lays it out, with a row of weights for each output.
    """
    gap = maps.mean(dim=(2, 3))
    gdconv = (maps * place_weights).sum(dim=(2, 3))
    fc = maps.flatten(1) @ dense_weights.T
    return gap, gdconv, fc


def head_parameters(channels, side, dim):
    """Ask of every head what it multiplies.

    A mean multiplies nothing that is learned. gdconv has one weight for each place of each channel, and then a batch norm
    with two numbers a channel; fc has a weight for each place, channel and output, and a bias for each output.
    """
    places = side * side
    return 0, channels * places + 2 * channels, channels * places * dim + dim


def classes_behind(printed, step, body, features, bias):
    """Every class adds its weights, and its bias if it has one, so the totals that round to the printed one bound them.

    The lowest such total, half a step below, still counts, so the fewest classes are rounded up from it. The total half a
    step above does not count any more: the most classes are one less than those that reach it.
    """
    low, per_class = printed - step // 2 - body, features + bias
    fewest = math.ceil(low / per_class)
    reached = math.ceil((low + step) / per_class)
    return fewest, reached - 1
