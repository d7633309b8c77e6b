"""Solutions to the exercises of notebooks/04g_vit.ipynb, with the reasons."""

import torch


def attend(queries, keys, values, heads):
    """Every head is attention by itself, on its own part of each token.

    A score compares one query with one key, so the softmax runs over the keys, the last axis of the scores; the pictures
    stay apart, as the product of stacked matrices keeps them. The root is that of a head's own width: it keeps the
    scores of narrow and wide heads equally spread.
    """
    width, taken = queries.shape[2] // heads, []
    for first in range(0, heads * width, width):
        part = slice(first, first + width)
        q, k, v = queries[..., part], keys[..., part], values[..., part]
        scores = q @ k.mT / width**0.5
        taken.append(scores.softmax(dim=2) @ v)
    return torch.cat(taken, dim=2)


def run_block(x, norm, attention, second_norm, mlp):
    """Each half reads its input through a norm, and adds what it finds to the input itself.

    So a half only changes the tokens, it does not replace them, and the gradient reaches the first block through sums
    alone. The second half reads what the first returned, not the input of the block.
    """
    x = x + attention(norm(x))
    return x + mlp(second_norm(x))


def block_cost(tokens, dim, mlp):
    """Linear layers cost their weights for every token, attention costs dim for every pair of tokens, twice.

    Four layers have dim x dim weights and two have dim x mlp. A head has only its part of dim, but there are as many parts
    as heads, so together the scores take dim multiply-adds a pair, and so do the weighted values.
    """
    linear_layers = tokens * (4 * dim * dim + 2 * dim * mlp)
    scores_and_values = 2 * tokens * tokens * dim
    return linear_layers + scores_and_values
