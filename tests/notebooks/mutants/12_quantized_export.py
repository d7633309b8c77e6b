"""Wrong answers to the exercises of 12_quantized_export, each under the rule that it breaks."""

import numpy as np

from tools.notebook_exercises import solution_of

right = solution_of("12_quantized_export")


def range_without_zero(low, high):
    scale = (high - low) / 255
    return scale, round(-low / scale)


def as_many_steps_as_values(low, high):
    scale, zero = right.scale_and_zero(low, high)
    return scale * 255 / 256, zero


def zero_point_reversed(low, high):
    scale, zero = right.scale_and_zero(low, high)
    return scale, -zero


def groups_forgotten(in_channels, out_channels, kernel, groups):
    return right.stored_bytes(in_channels, out_channels, kernel, groups=1)


def one_scale_for_all(in_channels, out_channels, kernel, groups):
    return right.stored_bytes(in_channels, out_channels, kernel, groups) - 5 * (out_channels - 1)


def threshold_always_new(before, after, same, far):
    return right.kept_and_chosen_again(after, after, same, far)


def threshold_never_new(before, after, same, far):
    far_kept, tar_kept, _ = right.kept_and_chosen_again(before, after, same, far)
    return far_kept, tar_kept, tar_kept


def share_of_all_pairs(before, after, same, far):
    far_kept, tar_kept, tar_again = right.kept_and_chosen_again(before, after, same, far)
    return far_kept * np.mean(~same), tar_kept * np.mean(same), tar_again * np.mean(same)


MUTANTS = {
    "scale_and_zero": {
        "zero lies in the range": range_without_zero,
        "256 values are 255 steps apart": as_many_steps_as_values,
        "the zero point is what stands for 0": zero_point_reversed,
    },
    "stored_bytes": {
        "a filter sees the channels of its group": groups_forgotten,
        "each output channel has its scale": one_scale_for_all,
    },
    "kept_and_chosen_again": {
        "the first threshold comes from before": threshold_always_new,
        "the second threshold comes from after": threshold_never_new,
        "rates are shares of their own kind of pairs": share_of_all_pairs,
    },
}
