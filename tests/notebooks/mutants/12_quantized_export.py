"""Wrong answers to the exercises of 12_quantized_export, each under the rule that it breaks."""

import math

import numpy as np

from course_lib import evaluation
from tools.notebook_exercises import solution_of

right = solution_of("12_quantized_export")


def not_widened_down(low, high):
    high = max(high, 0.0)
    scale = (high - low) / 255
    return scale, round(-low / scale)


def not_widened_up(low, high):
    low = min(low, 0.0)
    scale = (high - low) / 255
    return scale, round(-low / scale)


def as_many_steps_as_values(low, high):
    scale, zero = right.scale_and_zero(low, high)
    return scale * 255 / 256, zero


def zero_point_reversed(low, high):
    scale, zero = right.scale_and_zero(low, high)
    return scale, -zero


def zero_point_cut_off(low, high):
    scale, _ = right.scale_and_zero(low, high)
    return scale, math.floor(-min(low, 0.0) / scale)


def zero_point_with_decimals(low, high):
    scale, _ = right.scale_and_zero(low, high)
    return scale, -min(low, 0.0) / scale


def signed_integers(low, high):
    scale, zero = right.scale_and_zero(low, high)
    return scale, zero - 128


def groups_forgotten(in_channels, out_channels, kernel, groups):
    return right.stored_bytes(in_channels, out_channels, kernel, groups=1)


def one_side_of_the_kernel(in_channels, out_channels, kernel, groups):
    return out_channels * (in_channels // groups * kernel + 17)


def weights_in_32_bits(in_channels, out_channels, kernel, groups):
    return out_channels * (4 * (in_channels // groups) * kernel**2 + 17)


def beside(n_bytes):
    """An answer that counts so many bytes beside the weights of an output channel, in place of 17."""
    return lambda i, o, kernel, groups: right.stored_bytes(i, o, kernel, groups) + (n_bytes - 17) * o


def one_scale_for_all(in_channels, out_channels, kernel, groups):
    return right.stored_bytes(in_channels, out_channels, kernel, groups) - 5 * (out_channels - 1)


def channels_of_the_input(in_channels, out_channels, kernel, groups):
    filters = out_channels * (in_channels // groups) * kernel**2
    return filters + 17 * in_channels


def threshold_always_new(before, after, same, far):
    return right.kept_and_chosen_again(after, after, same, far)


def threshold_never_new(before, after, same, far):
    far_kept, tar_kept, _ = right.kept_and_chosen_again(before, after, same, far)
    return far_kept, tar_kept, tar_kept


def scores_before(before, after, same, far):
    return (*right.kept_and_chosen_again(before, before, same, far)[:2], evaluation.tar_at_far(after, same, far).tar)


def share_of_all_pairs(before, after, same, far):
    far_kept, tar_kept, tar_again = right.kept_and_chosen_again(before, after, same, far)
    return far_kept * np.mean(~same), tar_kept * np.mean(same), tar_again * np.mean(same)


def strictly_above(before, after, same, far):
    kept, again = (evaluation.threshold_at(far, scores, same).threshold for scores in (before, after))
    return np.mean(after[~same] > kept), np.mean(after[same] > kept), np.mean(after[same] > again)


def tar_first(before, after, same, far):
    far_kept, tar_kept, tar_again = right.kept_and_chosen_again(before, after, same, far)
    return tar_kept, far_kept, tar_again


def far_chosen_again(before, after, same, far):
    _, tar_kept, tar_again = right.kept_and_chosen_again(before, after, same, far)
    return evaluation.threshold_at(far, after, same).far_achieved, tar_kept, tar_again


MUTANTS = {
    "scale_and_zero": {
        "a range above zero is widened": not_widened_down,
        "a range below zero is widened": not_widened_up,
        "256 values are 255 steps apart": as_many_steps_as_values,
        "the zero point is what stands for 0": zero_point_reversed,
        "rounded to the nearest integer": zero_point_cut_off,
        "the zero point is an integer": zero_point_with_decimals,
        "unsigned bytes": signed_integers,
    },
    "stored_bytes": {
        "a filter sees the channels of its group": groups_forgotten,
        "the kernel is square": one_side_of_the_kernel,
        "each weight takes one byte": weights_in_32_bits,
        "each output channel has its scale": one_scale_for_all,
        "what comes once, comes once for an output channel": channels_of_the_input,
        "a scale and a zero point for the weights": beside(12),
        "a zero point of the weights takes one byte": beside(20),
        "a bias has its scale and zero point": beside(9),
        "a zero point of the bias takes four bytes": beside(14),
    },
    "kept_and_chosen_again": {
        "the first threshold comes from before": threshold_always_new,
        "the second threshold comes from after": threshold_never_new,
        "the scores judged are those of after": scores_before,
        "rates are shares of their own kind of pairs": share_of_all_pairs,
        "a score equal to the threshold is accepted": strictly_above,
        "FAR, then TAR": tar_first,
        "the FAR is that of the threshold kept": far_chosen_again,
    },
}
