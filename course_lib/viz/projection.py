"""Flattening embeddings to the plane, to look at them."""

from __future__ import annotations

import tempfile
import warnings
from functools import cache
from types import ModuleType

import numpy as np


def umap_projection(embeddings: np.ndarray, *, neighbours: int = 10, seed: int = 0) -> np.ndarray:
    """Place embeddings (N, D) in the plane by UMAP under the cosine distance: float32 (N, 2), the same for a seed.

    Near points stay near; distances between far groups mean nothing. Raises ValueError for another shape, for a value
    that is not finite, and unless N > 3 and 2 <= neighbours < N.
    What UMAP compiles is kept for the next time. Where it finds no folder to write to, each process compiles anew,
    unless the environment variable ``NUMBA_CACHE_DIR`` names one.
    Source: McInnes, Healy and Melville 2018, arXiv 1802.03426.
    """
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2:
        raise ValueError(f"embeddings have shape {embeddings.shape}; expected (N, D)")
    bad = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(bad):
        raise ValueError(f"embedding {bad[0]} holds a value that is not finite; so do {len(bad)} of {len(embeddings)}")
    if len(embeddings) < 4:
        raise ValueError(f"there are {len(embeddings)} embeddings; expected at least 4")
    if not 2 <= neighbours < len(embeddings):
        raise ValueError(f"neighbours is {neighbours}; expected 2 to {len(embeddings) - 1}, fewer than the embeddings")
    umap = import_umap()
    from sklearn.neighbors import NearestNeighbors

    # Given the neighbours, UMAP compiles half as long as when it has to look for them.
    search = NearestNeighbors(n_neighbors=neighbours, metric="cosine").fit(embeddings)
    distances, indices = search.kneighbors(embeddings)
    reducer = umap.UMAP(
        n_neighbors=neighbours, metric="cosine", random_state=seed, precomputed_knn=(indices, distances)
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_jobs value")  # a seed needs one thread, which is what we want
        warnings.filterwarnings("ignore", message="precomputed_knn")  # without its own search it places no new points
        return reducer.fit_transform(embeddings)


@cache
def import_umap() -> ModuleType:
    """UMAP, which compiles itself: slowly, and only where Numba, its compiler, has a folder to write to.

    Numba looks beside the installed package and in the home folder. Where both are read-only it gets a folder of this
    process's own, which goes with it.
    """
    try:
        import umap
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        import numba

        import_umap.folder = tempfile.TemporaryDirectory(prefix="numba-", ignore_cleanup_errors=True)
        numba.config.CACHE_DIR = import_umap.folder.name
        import umap
    return umap
