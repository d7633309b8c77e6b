"""Wrong answers to the exercises of 04g_vit, each under the rule that it breaks."""

import math


def softmax_over_queries(queries, keys, values):
    scores = queries @ keys.T / math.sqrt(queries.shape[1])
    return scores.softmax(dim=0) @ values


def not_divided(queries, keys, values):
    return (queries @ keys.T).softmax(dim=1) @ values


def what_hooks_see(tokens, dim, mlp):
    return tokens * (4 * dim**2 + 2 * dim * mlp)


def without_output_layer(tokens, dim, mlp):
    return tokens * (3 * dim**2 + 2 * dim * mlp) + 2 * tokens**2 * dim


MUTANTS = {
    "one_head": {
        "the softmax runs over the keys": softmax_over_queries,
        "scores are divided by the root of d": not_divided,
    },
    "block_cost": {
        "scores and weighted values cost as well": what_hooks_see,
        "the output layer is one of the four": without_output_layer,
    },
}
