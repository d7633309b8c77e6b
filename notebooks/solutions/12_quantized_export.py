"""Solutions to the exercises of notebooks/12_quantized_export.ipynb."""

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
    kept, again = (
        evaluation.threshold_at(far, scores, same).threshold
        for scores in (before, after)
    )
    return (
        np.mean(after[~same] >= kept),
        np.mean(after[same] >= kept),
        np.mean(after[same] >= again),
    )
