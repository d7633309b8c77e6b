"""Embeddings scaled to length 1, so that their products are cosines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unit_length(name: str, embeddings: NDArray, index: NDArray[np.integer] | None = None) -> NDArray[np.float64]:
    """Return embeddings (N, D) as float64 of length 1; ValueError names the first that is zero or not finite.

    `index` (N,) are the numbers by which the message calls them, where they are a part of more.
    """
    embeddings = np.asarray(embeddings, dtype=np.float64)
    largest = np.abs(embeddings).max(axis=1, keepdims=True, initial=0.0)
    bad = np.flatnonzero(~(np.isfinite(largest) & (largest > 0)))
    if len(bad):
        number = bad[0] if index is None else index[bad[0]]
        what = "has norm 0, so its cosine is undefined" if largest[bad[0]] == 0 else "holds NaN or infinity"
        raise ValueError(f"{name}[{number}] {what}; look at the network's output ({len(bad)} such here).")
    scaled = embeddings / largest  # squares of very large or very small entries would overflow or vanish
    return scaled / np.linalg.norm(scaled, axis=1, keepdims=True)


def unit_rows(name: str, embeddings: NDArray, rows: slice | NDArray[np.integer]) -> NDArray[np.float32]:
    """Return embeddings[rows] (n, D) as float32 of length 1, with the errors of `unit_length`.

    Nothing but these rows is touched or copied: all the embeddings (N, D) together may take most of the memory.
    """
    taken = embeddings[rows]
    with np.errstate(over="ignore"):
        single = np.asarray(taken, dtype=np.float32)
        norms = np.sqrt(np.einsum("nd,nd->n", single, single))
    if np.all((norms > 1e-15) & (norms < 1e15)):  # their squares are ordinary float32 numbers
        return single / norms[:, None]
    return unit_length(name, taken, np.arange(len(embeddings))[rows]).astype(np.float32)
