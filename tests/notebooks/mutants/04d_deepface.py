"""Wrong answers to the exercises of 04d_deepface, each under the rule that it breaks."""

import torch

from tools.notebook_exercises import solution_of

solved = solution_of("04d_deepface")
right = solved.local_parameters


def local(x, weight, bias, stride, **_):
    return solved.locally_connected(x, weight, bias, stride)


def moved_by_one(x, weight, bias, stride):
    """The windows begin one row lower where there is one."""
    return local(torch.cat([x[:, :, 1:], x[:, :, :1]], 2), weight, bias, stride)


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
    "locally_connected": {
        "each position has its own kernel": lambda x, w, b, s: local(x, w[:1, :1].expand_as(w), b, s),
        "each row has its own kernels": lambda x, w, b, s: local(x, w[:1].expand_as(w), b, s),
        "each column has its own kernels": lambda x, w, b, s: local(x, w[:, :1].expand_as(w), b, s),
        "each output channel has its own kernel": lambda x, w, b, s: local(x, w[:, :, :1].expand_as(w), b, s),
        "the windows are a stride apart": lambda x, w, b, s: local(x, w, b, 1),
        "the first window begins at the edge": moved_by_one,
        "all channels are read": lambda x, w, b, s: local(x[:, :1].expand_as(x), w, b, s),
        "the sums are added to the bias": lambda x, w, b, s: local(x, w, 0 * b, s),
        "the bias is added once": lambda x, w, b, s: local(x, w, 2 * b, s),
        "each bias belongs to a position": lambda x, w, b, s: local(x, w, b[:, :1, :1].expand_as(b), s),
        "a sum, not a mean": lambda x, w, b, s: local(x, w / w[0, 0, 0].numel(), b, s),
        "kernels are not mirrored": lambda x, w, b, s: local(x, w.flip(-1, -2), b, s),
        "each image by itself": lambda x, w, b, s: local(x.flip(0), w, b, s),
    },
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
        "alpha is divided by n, as PyTorch does": lambda x, n, alpha, *a: norm(x, n, alpha * n, *a),
        "channels that do not exist count as zero": lambda x, *a: norm(x, *a, counted="existing"),
        "squares": lambda x, *a: norm(x, *a, power=1),
        "to the power beta": lambda x, n, alpha, beta, k: norm(x, n, alpha, 1, k),
        "k is added": lambda x, n, alpha, beta, k: norm(x, n, alpha, beta, 1),
        "each number is divided, not multiplied": lambda x, n, alpha, beta, k: norm(x, n, alpha, -beta, k),
    },
}
