"""Wrong answers to the exercises of 04g_vit, each under the rule that it breaks."""

import torch

from tools.notebook_exercises import solution_of

right = solution_of("04g_vit")


def attend(queries, keys, values, heads, *, over=2, root=None):
    taken = []
    for q, k, v in zip(*(x.chunk(heads, dim=2) for x in (queries, keys, values)), strict=True):
        scores = q @ k.mT / (root or q.shape[2]) ** 0.5
        taken.append(scores.softmax(dim=over) @ v)
    return torch.cat(taken, dim=2)


def divided_by_the_width(queries, keys, values, heads):
    return attend(queries, keys, values, heads, root=(queries.shape[2] // heads) ** 2)


def all_images_together(queries, keys, values, heads):
    """Tokens attend to those of every image."""
    together = [x.flatten(0, 1)[None] for x in (queries, keys, values)]
    return right.attend(*together, heads).view_as(queries)


def every_other_number(queries, keys, values, heads):
    """The heads take turns along a token."""
    order = torch.arange(queries.shape[2]).view(-1, heads).T.flatten()
    taken = right.attend(queries[..., order], keys[..., order], values[..., order], heads)
    return taken[..., order.argsort()]


def heads_from_right_to_left(queries, keys, values, heads):
    parts = right.attend(queries, keys, values, heads).chunk(heads, dim=2)
    return torch.cat(parts[::-1], dim=2)


def mean_of_the_heads(queries, keys, values, heads):
    parts = right.attend(queries, keys, values, heads).chunk(heads, dim=2)
    return torch.stack(parts).mean(dim=0).repeat(1, 1, heads)


def block_cost(tokens, dim, mlp, *, square=4, hidden=2, pairs=2):
    return tokens * (square * dim**2 + hidden * dim * mlp) + pairs * tokens**2 * dim


MUTANTS = {
    "attend": {
        "the softmax runs over the keys": lambda *inputs: attend(*inputs, over=1),
        "scores are divided by the root of d": lambda *inputs: attend(*inputs, root=1),
        "by the root, not by d": divided_by_the_width,
        "d is the width of one head": lambda q, k, v, heads: attend(q, k, v, heads, root=q.shape[2]),
        "several heads, not one": lambda q, k, v, heads: right.attend(q, k, v, 1),
        "each image by itself": all_images_together,
        "a head has neighbouring numbers": every_other_number,
        "the first head on the left": heads_from_right_to_left,
        "side by side, not averaged": mean_of_the_heads,
        "queries ask and keys answer": lambda q, k, v, heads: right.attend(k, q, v, heads),
        "values are what is taken": lambda q, k, v, heads: right.attend(q, k, k, heads),
    },
    "block_cost": {
        "scores and weighted values cost as well": lambda *sizes: block_cost(*sizes, pairs=0),
        "both of them": lambda *sizes: block_cost(*sizes, pairs=1),
        "every pair of tokens": lambda t, d, m: block_cost(t, d, m, pairs=0) + 2 * t * d,
        "what attention puts out passes a layer": lambda *sizes: block_cost(*sizes, square=3),
        "queries, keys and values have a layer each": lambda *sizes: block_cost(*sizes, square=2),
        "to the hidden width and back": lambda *sizes: block_cost(*sizes, hidden=1),
        "every token passes the linear layers": lambda t, d, m: block_cost(1, d, m, pairs=0) + 2 * t**2 * d,
        "biases are left out": lambda t, d, m: block_cost(t, d, m) + t * (5 * d + m),
        "the softmax is left out": lambda t, d, m: block_cost(t, d, m) + t**2,
    },
}
