"""Solutions to the exercises of notebooks/04g_vit.ipynb, and the mistakes that its checks explain."""

import math


def one_head(queries, keys, values):
    scores = queries @ keys.T / math.sqrt(queries.shape[1])
    return scores.softmax(dim=1) @ values


def block_cost(tokens, dim, mlp):
    return tokens * (4 * dim**2 + 2 * dim * mlp) + 2 * tokens**2 * dim


def softmax_over_queries(queries, keys, values):
    scores = queries @ keys.T / math.sqrt(queries.shape[1])
    return scores.softmax(dim=0) @ values


def not_divided(queries, keys, values):
    return (queries @ keys.T).softmax(dim=1) @ values


def what_hooks_see(tokens, dim, mlp):
    return tokens * (4 * dim**2 + 2 * dim * mlp)


def without_output_layer(tokens, dim, mlp):
    return tokens * (3 * dim**2 + 2 * dim * mlp) + 2 * tokens**2 * dim


WRONG = {
    "one_head": {"each row sums to 1": softmax_over_queries, "the root of d": not_divided},
    "block_cost": {"tokens x tokens x dim each": what_hooks_see, "dim x 3 dim, dim x dim": without_output_layer},
}
