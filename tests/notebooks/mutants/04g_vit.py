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


def run_block(x, norm, attention, second_norm, mlp, *, first=1, second=1):
    x = first * x + attention(norm(x))
    return second * x + mlp(second_norm(x))


def norms_behind_the_sums(x, norm, attention, second_norm, mlp):
    x = norm(x + attention(x))
    return second_norm(x + mlp(x))


def norms_behind_the_layers(x, norm, attention, second_norm, mlp):
    x = x + norm(attention(x))
    return x + second_norm(mlp(x))


def what_is_normed_is_added(x, norm, attention, second_norm, mlp):
    x = norm(x)
    x = x + attention(x)
    x = second_norm(x)
    return x + mlp(x)


def first_half(x, norm, attention, second_norm, mlp):
    return x + attention(norm(x))


def both_from_the_input(x, norm, attention, second_norm, mlp):
    return x + attention(norm(x)) + mlp(second_norm(x))


def input_added_twice(x, norm, attention, second_norm, mlp):
    return x + mlp(second_norm(x + attention(norm(x))))


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
    "run_block": {
        "the input of attention's half is added": lambda *given: run_block(*given, first=0),
        "what came into the second half is added": lambda *given: run_block(*given, second=0),
        "and not the input of the block": input_added_twice,
        "a norm comes before its half, not behind the sum": norms_behind_the_sums,
        "nor behind the layer": norms_behind_the_layers,
        "what is added is not normed": what_is_normed_is_added,
        "there is a second half": first_half,
        "the second half reads what the first returned": both_from_the_input,
        "attention comes first": lambda x, norm, attention, second, mlp: right.run_block(
            x, second, mlp, norm, attention
        ),
        "each half has its own norm": lambda x, norm, attention, second, mlp: right.run_block(
            x, norm, attention, norm, mlp
        ),
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
