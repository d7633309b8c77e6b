"""Wrong answers to the exercises of 04e_inception, each under the rule that it breaks."""

import torch

from tools.notebook_exercises import solution_of

right = solution_of("04e_inception")


def one_after_the_other(x, branches, join, scale, shortcut):
    """The branches in a row, each as long as its channels fit."""
    seen = []
    for branch in branches:
        last = seen[-1] if seen and seen[-1].shape == x.shape else x
        seen.append(branch(last))
    out = scale * join(torch.cat(seen, dim=1))
    return x + out if shortcut else out


def with_relu(x, branches, join, scale, shortcut):
    return torch.relu(right.block_sum(x, branches, join, scale, shortcut))


def relu_before_the_sum(x, branches, join, scale, shortcut):
    out = torch.relu(right.block_sum(x, branches, join, scale, False))
    return x + out if shortcut else out


def everything_scaled(x, branches, join, scale, shortcut):
    return scale * right.block_sum(x, branches, join, 1.0, shortcut)


def always_added(x, branches, join, scale, shortcut):
    return right.block_sum(x, branches, join, scale, True)


def never_added(x, branches, join, scale, shortcut):
    return right.block_sum(x, branches, join, scale, False)


def never_scaled(x, branches, join, scale, shortcut):
    return right.block_sum(x, branches, join, 1.0, shortcut)


def last_branch_first(x, branches, join, scale, shortcut):
    return right.block_sum(x, list(branches)[::-1], join, scale, shortcut)


def without_the_bias(x, branches, join, scale, shortcut):
    return right.block_sum(x, branches, join, scale, shortcut) - scale * join.bias[:, None, None]


def sides_added_up(kernels):
    return sum(h for h, _ in kernels), sum(w for _, w in kernels), sum(h * w for h, w in kernels)


def weights_of_the_window(kernels):
    height, width, _ = right.window_and_weights(kernels)
    return height, width, height * width


def width_first(kernels):
    height, width, weights = right.window_and_weights(kernels)
    return width, height, weights


def largest_kernel(kernels):
    return max(h for h, _ in kernels), max(w for _, w in kernels), sum(h * w for h, w in kernels)


def shifted(rows, bias, *, down=0.5, up=0.5, late=0, more=0):
    """The right answer, with ranges of other widths in steps, or so many people more at either end."""
    fewest, most = [], []
    for printed, step, rest, features in rows:
        low, high = printed - int(down * step) - rest, printed + int(up * step) - rest
        fewest.append(-(-low // (features + bias)) + late)
        most.append(-(-high // (features + bias)) - 1 + more)
    return (max(fewest), min(most)) if max(fewest) <= min(most) else ()


def rounded_down(rows, bias):
    ends = [((p - s // 2 - r) // (f + bias), -(-(p + s // 2 - r) // (f + bias)) - 1) for p, s, r, f in rows]
    fewest, most = max(low for low, _ in ends), min(high for _, high in ends)
    return (fewest, most) if fewest <= most else ()


def upper_end_included(rows, bias):
    ends = [(-(-(p - s // 2 - r) // (f + bias)), (p + s // 2 - r) // (f + bias)) for p, s, r, f in rows]
    fewest, most = max(low for low, _ in ends), min(high for _, high in ends)
    return (fewest, most) if fewest <= most else ()


def any_row(rows, bias):
    ends = [right.people_behind([row], bias) for row in rows]
    return min(low for low, _ in ends), max(high for _, high in ends)


def crossed(rows, bias):
    ends = [right.people_behind([row], bias) for row in rows]
    return max(low for low, _ in ends), min(high for _, high in ends)


def in_tenths(rows, bias):
    return right.people_behind([(printed, 100_000, rest, features) for printed, _, rest, features in rows], bias)


MUTANTS = {
    "block_sum": {
        "each branch takes x itself": one_after_the_other,
        "no ReLU at the end": with_relu,
        "no ReLU behind the join": relu_before_the_sum,
        "the scale is not for x": everything_scaled,
        "the join's output is scaled": never_scaled,
        "shortcut=False leaves x out": always_added,
        "shortcut=True adds x": never_added,
        "stacked in the order of the branches": last_branch_first,
        "the join has its bias": without_the_bias,
    },
    "window_and_weights": {
        "a kernel adds its side less one": sides_added_up,
        "every kernel adds to the window": largest_kernel,
        "the weights of all kernels add up": weights_of_the_window,
        "height before width": width_first,
    },
    "people_behind": {
        "a bias if there is one": lambda rows, bias: right.people_behind(rows, False),
        "no bias if there is none": lambda rows, bias: right.people_behind(rows, True),
        "the fewest are rounded up": rounded_down,
        "less than the upper end": upper_end_included,
        "half a step to either side": lambda rows, bias: shifted(rows, bias, down=1, up=1),
        "rounded, not cut off": lambda rows, bias: shifted(rows, bias, down=0, up=1),
        "rounded to the row's own step": in_tenths,
        "every row, not the first alone": lambda rows, bias: right.people_behind(rows[:1], bias),
        "every row, not the last alone": lambda rows, bias: right.people_behind(rows[-1:], bias),
        "every row, not any of them": any_row,
        "() if no number fits": crossed,
        "the smallest first": lambda rows, bias: right.people_behind(rows, bias)[::-1],
    },
}
