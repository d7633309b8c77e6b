"""Wrong answers to the exercises of 04d_deepface, each under the rule that it breaks."""

import torch

from tools.notebook_exercises import solution_of

right = solution_of("04d_deepface").local_parameters


def places(kernel, side, stride):
    return (side - kernel) // stride + 1


def norm(x, n, alpha, beta, k, *, before=None, after=None, counted=None, power=2):
    """The solution with another neighbourhood, another divisor or another power."""
    before, after = (n // 2 if given is None else given for given in (before, after))
    sums, near = [], []
    for c in range(x.shape[1]):
        window = x[:, max(0, c - before) : c + after + 1]
        near.append(window.shape[1] if counted == "existing" else n)
        sums.append((window.abs() ** power).sum(1) / near[-1])
    return x / (k + alpha * torch.stack(sums, 1)) ** beta


def without_itself(x, n, alpha, beta, k):
    denominator = (x / norm(x, n, alpha, 1, k)).nan_to_num(k)
    return x / (denominator - alpha / n * x**2) ** beta


def neighbouring_positions(x, n, alpha, beta, k):
    squares = torch.nn.functional.avg_pool2d(x**2, n, 1, n // 2) * n**2
    return x / (k + alpha / n * squares) ** beta


MUTANTS = {
    "local_parameters": {
        "each position has its own kernel": lambda i, o, k, s, t: o * (k**2 * i + 1),
        "each position has its own bias": lambda i, o, k, s, t: places(k, s, t) ** 2 * o * k**2 * i + o,
        "biases count": lambda i, o, k, s, t: places(k, s, t) ** 2 * o * k**2 * i,
        "a bias for each output channel": lambda i, o, k, s, t: places(k, s, t) ** 2 * (o * k**2 * i + 1),
        "positions in both directions": lambda i, o, k, s, t: places(k, s, t) * o * (k**2 * i + 1),
        "the stride leaves positions out": lambda i, o, k, s, t: right(i, o, k, s, 1),
        "the kernel lies within the map": lambda i, o, k, s, t: ((s - 1) // t + 1) ** 2 * o * (k**2 * i + 1),
        "the last position counts": lambda i, o, k, s, t: max(1, (s - k) // t) ** 2 * o * (k**2 * i + 1),
        "a position that does not fit is left out": lambda i, o, k, s, t: (
            (-(-(s - k) // t) + 1) ** 2 * o * (k**2 * i + 1)
        ),
        "the kernel is square": lambda i, o, k, s, t: places(k, s, t) ** 2 * o * (k * i + 1),
        "it reads every input channel": lambda i, o, k, s, t: right(1, o, k, s, t),
        "it has every output channel": lambda i, o, k, s, t: right(i, 1, k, s, t),
    },
    "response_norm": {
        "only the near channels count": lambda x, *a: norm(x, *a, before=99, after=99),
        "channels before it count": lambda x, *a: norm(x, *a, before=0),
        "channels behind it count": lambda x, *a: norm(x, *a, after=0),
        "n channels, not n on either side": lambda x, n, *a: norm(x, n, *a, before=n, after=n),
        "the channel itself counts": without_itself,
        "channels, not positions": neighbouring_positions,
        "alpha is divided by n": lambda x, n, alpha, *a: norm(x, n, alpha * n, *a),
        "channels that do not exist count as zero": lambda x, *a: norm(x, *a, counted="existing"),
        "squares": lambda x, *a: norm(x, *a, power=1),
        "to the power beta": lambda x, n, alpha, beta, k: norm(x, n, alpha, 1, k),
        "k is added": lambda x, n, alpha, beta, k: norm(x, n, alpha, beta, 1),
        "each number is divided, not multiplied": lambda x, n, alpha, beta, k: norm(x, n, alpha, -beta, k),
    },
}
