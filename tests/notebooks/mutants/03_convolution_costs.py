"""Wrong answers to the exercises of 03_convolution_costs, each under the rule that it breaks."""

import torch

from tools.notebook_exercises import solution_of

solution = solution_of("03_convolution_costs")


def counted(rows, *, seen="group", filters="all", kernel_power=2, places_power=2):
    """The right count, with one of its factors changed."""
    multiply_adds = weights = 0
    for c_in, c_out, kernel, groups, side in rows:
        channels = c_in // groups if seen == "group" else c_in
        of_this_one = (c_out if filters == "all" else c_in) * channels * kernel**kernel_power
        weights += of_this_one
        multiply_adds += of_this_one * side**places_power
    return multiply_adds, weights


def only_the_last(rows):
    return solution.block_costs(rows[-1:])


def with_a_bias(rows):
    multiply_adds, weights = solution.block_costs(rows)
    return multiply_adds, weights + sum(c_out for _, c_out, *_ in rows)


def input_places(rows):
    """The places of the input that `count_by_ones` runs on, in place of those of the output."""
    return solution.block_costs([(*row[:4], row[4] + row[2] - 1) for row in rows])[0], solution.block_costs(rows)[1]


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


def lived(reads, sizes, *, last=max, unread="goes", readers=True):
    """The right totals, with one of the rules changed."""
    totals = []
    for now in range(len(sizes)):
        total = 0
        for made in range(now + 1):
            by = [operation for operation, tensors in enumerate(reads) if made in tensors]
            end = last(by) if by else (made if unread == "goes" else len(sizes))
            alive = end >= now if readers else end > now
            total += sizes[made] if alive or made == now else 0
        totals.append(total)
    return totals


def only_what_is_read(reads, sizes):
    return [sum(sizes[t] for t in set(tensors)) + sizes[now] for now, tensors in enumerate(reads)]


def twice_if_read_twice(reads, sizes):
    right = solution.live(reads, sizes)
    return [
        total + sum(sizes[t] * (tensors.count(t) - 1) for t in set(tensors))
        for total, tensors in zip(right, reads, strict=True)
    ]


def made_not_counted(reads, sizes):
    return [total - size for total, size in zip(solution.live(reads, sizes), sizes, strict=True)]


MUTANTS = {
    "block_costs": {
        "a filter sees the channels of its own group": lambda rows: counted(rows, seen="all"),
        "there are c_out filters": lambda rows: counted(rows, filters="c_in"),
        "a filter has kernel * kernel places": lambda rows: counted(rows, kernel_power=1),
        "the output has side * side places": lambda rows: counted(rows, places_power=1),
        "the places are those of the output": input_places,
        "a weight works at every place": lambda rows: (counted(rows)[1],) * 2,
        "for all of them together": only_the_last,
        "no convolution has a bias": with_a_bias,
        "a multiply-add counts once": lambda rows: (2 * counted(rows)[0], counted(rows)[1]),
        "first the multiply-adds, then the weights": lambda rows: counted(rows)[::-1],
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
    "live": {
        "what an operation makes is in memory": made_not_counted,
        "what it reads is in memory": lambda reads, sizes: lived(reads, sizes, readers=False),
        "what a later operation reads is in memory": only_what_is_read,
        "the last reader decides, not the first": lambda reads, sizes: lived(reads, sizes, last=min),
        "a tensor goes when it is not read any more": lambda reads, sizes: [
            sum(sizes[: now + 1]) for now in range(len(sizes))
        ],
        "a tensor that nobody reads goes": lambda reads, sizes: lived(reads, sizes, unread="stays"),
        "once, even if it is read twice": twice_if_read_twice,
        "sizes count, not tensors": lambda reads, sizes: solution.live(reads, [1] * len(sizes)),
        "a total for each operation, not the peak": lambda reads, sizes: max(solution.live(reads, sizes)),
    },
}
