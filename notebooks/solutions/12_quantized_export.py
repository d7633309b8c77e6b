"""Solutions to the exercises of notebooks/12_quantized_export.ipynb, and the mistakes that its checks explain."""

import numpy as np

from course_lib import evaluation


def scale_and_zero(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return scale, round(-low / scale)


def stored_bytes(in_channels, out_channels, kernel, groups):
    weights = out_channels * (in_channels // groups) * kernel**2
    return weights + out_channels * (4 + 1 + 4 + 4 + 4)


def kept_and_chosen_again(before, after, same, far):
    kept, again = (evaluation.threshold_at(far, scores, same).threshold for scores in (before, after))
    return np.mean(after[~same] >= kept), np.mean(after[same] >= kept), np.mean(after[same] >= again)


def range_without_zero(low, high):
    scale = (high - low) / 255
    return scale, round(-low / scale)


def as_many_steps_as_values(low, high):
    scale, zero = scale_and_zero(low, high)
    return scale * 255 / 256, zero


def zero_point_reversed(low, high):
    scale, zero = scale_and_zero(low, high)
    return scale, -zero


def groups_forgotten(in_channels, out_channels, kernel, groups):
    return stored_bytes(in_channels, out_channels, kernel, groups=1)


def one_scale_for_all(in_channels, out_channels, kernel, groups):
    return stored_bytes(in_channels, out_channels, kernel, groups) - 5 * (out_channels - 1)


def threshold_always_new(before, after, same, far):
    return kept_and_chosen_again(after, after, same, far)


def threshold_never_new(before, after, same, far):
    far_kept, tar_kept, _ = kept_and_chosen_again(before, after, same, far)
    return far_kept, tar_kept, tar_kept


def share_of_all_pairs(before, after, same, far):
    far_kept, tar_kept, tar_again = kept_and_chosen_again(before, after, same, far)
    return far_kept * np.mean(~same), tar_kept * np.mean(same), tar_again * np.mean(same)


WRONG = {
    "scale_and_zero": {
        "Widen the range first, if 0 is outside": range_without_zero,
        "value 1 of 2: the result is 0.9961 times what is expected": as_many_steps_as_values,
        "value 2 of 2: the sign is reversed": zero_point_reversed,
    },
    "stored_bytes": {
        "A filter sees in_channels / groups channels": groups_forgotten,
        "To each output channel belong": one_scale_for_all,
    },
    "kept_and_chosen_again": {
        "value 1 of 3": threshold_always_new,
        "value 3 of 3": threshold_never_new,
        "the result is 0.5 times what is expected": share_of_all_pairs,
    },
}
