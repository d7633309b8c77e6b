"""Templates: several images and video frames of one person, pooled to one embedding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

AT_ONCE = 8192  # pairs that are scored at a time: 15.7 million with all their embeddings would not fit into memory


@dataclass(frozen=True, eq=False)
class Templates:
    """One embedding a template."""

    ids: NDArray  # (T,), sorted
    embeddings: NDArray[np.floating]  # (T, D), of length 1

    def __repr__(self) -> str:
        count, length = self.embeddings.shape
        return f"Templates({count:,} of {length} numbers)"

    def rows(self, ids: ArrayLike) -> NDArray[np.int64]:
        """The rows (P,) of the templates with these ids (P,). Raises ValueError for an id that no template has."""
        ids = np.asarray(ids)
        rows = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        unknown = np.flatnonzero(self.ids[rows] != ids)
        if len(unknown):
            raise ValueError(
                f"There is no template {ids[unknown[0]]} ({len(unknown)} of the {len(ids)} ids have none)."
            )
        return rows

    def scores(self, left: ArrayLike, right: ArrayLike) -> NDArray[np.floating]:
        """Cosine (P,) of the templates with ids left (P,) and right (P,), in the embeddings' dtype.

        Memory grows with P, not with P times D. Raises ValueError for an unknown id or unequal lengths.
        """
        left, right = self.rows(left), self.rows(right)
        if left.shape != right.shape:
            raise ValueError(f"left and right must have the same length, got {len(left)} and {len(right)}.")
        scores = np.empty(len(left), dtype=self.embeddings.dtype)
        for start in range(0, len(left), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            np.einsum("pd,pd->p", self.embeddings[left[some]], self.embeddings[right[some]], out=scores[some])
        return np.clip(scores, -1, 1, out=scores)


def pool_templates(
    embeddings: ArrayLike, template_ids: ArrayLike, media_ids: ArrayLike, weights: ArrayLike | None = None
) -> Templates:
    """Pool embeddings (N, D) to one for each of the templates (N,), the way IJB-C 1:1 is evaluated.

    The mean over the images of one medium in a template, then the sum over its media, then length 1: a video with a
    thousand frames counts as much as one photograph. The embeddings keep their norms, so that a sure one counts more,
    and are multiplied by `weights` (N,) if given, such as the detector's scores. A medium that is in two templates is
    two media. Where a template is one video, as in YouTube Faces, pass the videos' ids as both, which is the mean of
    its frames. For flip averaging, give the sum of both images' embeddings.

    Embeddings in float32 are pooled in float32, all others in float64. Raises ValueError for unequal lengths, a
    negative weight, an embedding or weight that is not finite, or a template whose sum is zero (they are named).
    Source: Maze et al., "IARPA Janus Benchmark - C", ICB 2018, and the evaluation published with ArcFace.
    """
    embeddings = np.asarray(embeddings)
    embeddings = embeddings.astype(np.result_type(embeddings.dtype, np.float32), copy=False)
    if embeddings.ndim != 2 or not len(embeddings):
        raise ValueError(f"embeddings must be (N, D) with N of at least 1, got shape {embeddings.shape}.")
    template_ids = _one_each("template_ids", template_ids, len(embeddings))
    media_ids = _one_each("media_ids", media_ids, len(embeddings))
    weights = np.ones(len(embeddings)) if weights is None else _one_each("weights", weights, len(embeddings))
    if bad := np.flatnonzero(~(np.isfinite(weights) & (weights >= 0))).tolist():
        raise ValueError(f"weights[{bad[0]}] is {weights[bad[0]]}; expected finite numbers of 0 or more.")
    ids, template = np.unique(template_ids, return_inverse=True)
    media = np.unique(media_ids, return_inverse=True)[1]
    _, medium, counts = np.unique(template * (media.max() + 1) + media, return_inverse=True, return_counts=True)
    sums = _sums(embeddings, template, weights / counts[medium], len(ids))
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    if broken := np.flatnonzero(~(np.isfinite(norms) & (norms > 0))).tolist():
        raise ValueError(_why(embeddings, ids[broken[0]], template == broken[0]))
    return Templates(ids, sums / norms)


def _sums(
    embeddings: NDArray[np.floating], template: NDArray[np.integer], shares: NDArray[np.floating], n_templates: int
) -> NDArray[np.floating]:
    """Each template's sum (T, D) of its embeddings times their shares: one sparse product, with no copy of them."""
    from scipy.sparse import csr_array  # here, since the import takes longer than that of the rest of the package

    columns = np.arange(len(template))
    pooling = csr_array((shares.astype(embeddings.dtype), (template, columns)), shape=(n_templates, len(template)))
    return pooling @ embeddings


def _one_each(name: str, values: ArrayLike, n_embeddings: int) -> NDArray:
    array = np.asarray(values)
    if array.shape != (n_embeddings,):
        raise ValueError(f"{name} must be one for each of the {n_embeddings} embeddings, got shape {array.shape}.")
    return array


def _why(embeddings: NDArray[np.floating], name: object, members: NDArray[np.bool_]) -> str:
    """Of a template that has no direction."""
    not_finite = np.flatnonzero(members & ~np.isfinite(embeddings).all(axis=1))
    if len(not_finite):
        return f"embeddings[{not_finite[0]}], of template {name}, is not finite ({len(not_finite)} in it are not)."
    return f"The embeddings of template {name} add up to zero, or to more than their dtype holds: it has no direction."
