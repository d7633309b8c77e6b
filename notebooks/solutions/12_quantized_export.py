"""Solutions to the exercises of notebooks/12_quantized_export.ipynb, with the reasons."""

import numpy as np

from course_lib import evaluation


def scale_and_zero(low, high):
    """Widen the range until it holds 0, then divide it into 255 steps.

    The integer 0 stands for the low end, so the number 0 lies as many steps above it as `low` is long. That count is
    the zero point, and it must be a whole number, or 0 would not be held exactly.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return scale, round(-low / scale)


def stored_bytes(in_channels, out_channels, kernel, groups):
    """Count one output channel, and take as many.

    Its filter has one byte for each weight, and it sees only the channels of its group. Everything else comes once for
    an output channel: two scales, two zero points and the bias. For a depthwise layer these are more than the weights.
    """
    weights_of_filter = in_channels // groups * kernel**2
    beside = 4 + 1 + 4 + 4 + 4
    return out_channels * (weights_of_filter + beside)


def kept_and_chosen_again(before, after, same, far):
    """Choose two thresholds, and judge the scores of 8 bits by both.

    The first one comes from the scores in 32 bits, as if nobody had looked again. FAR and TAR have different
    denominators, so each kind of pair is averaged alone, and a score equal to the threshold is accepted.
    """
    kept = evaluation.threshold_at(far, before, same).threshold
    again = evaluation.threshold_at(far, after, same).threshold
    genuine, impostor = after[same], after[~same]
    return (
        np.mean(impostor >= kept),
        np.mean(genuine >= kept),
        np.mean(genuine >= again),
    )
