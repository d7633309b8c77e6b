"""UMAP is repeatable, keeps clusters apart, and says what it cannot place."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from course_lib.viz import projection, umap_projection

EMBEDDINGS = np.random.default_rng(0).normal(scale=0.1, size=(40, 8)).astype(np.float32)


@pytest.mark.slow
def test_far_clusters_stay_apart_and_a_seed_repeats_itself() -> None:
    embeddings = EMBEDDINGS.copy()
    embeddings[:20, 0] += 1
    embeddings[20:, 1] += 1
    placed = umap_projection(embeddings, seed=3)
    assert placed.shape == (40, 2) and placed.dtype == np.float32
    assert np.array_equal(placed, umap_projection(embeddings, seed=3))
    assert not np.array_equal(placed, umap_projection(embeddings, seed=4))
    one, other = placed[:20], placed[20:]
    gap = np.linalg.norm(one[:, None] - other[None], axis=2).min()
    widest = max(np.linalg.norm(cluster - cluster.mean(axis=0), axis=1).max() for cluster in (one, other))
    assert gap > 3 * widest


@pytest.mark.slow
def test_a_machine_without_a_folder_to_write_to_is_no_obstacle(tmp_path) -> None:
    """Numba's search for a folder fails as it does where the package and the home folder are read-only."""
    script = """if True:
        import numba.core.caching
        def fail(self):
            raise OSError("read-only")
        locators = [kind for name, kind in vars(numba.core.caching).items() if "InTree" in name or "UserWide" in name]
        assert len(locators) >= 2
        for locator in locators:
            locator.ensure_cache_path = fail
        from course_lib.viz.projection import import_umap
        umap = import_umap()
        assert umap.UMAP and import_umap() is umap and numba.config.CACHE_DIR
        """
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)


@pytest.mark.parametrize(("count", "neighbours"), [(4, 2), (4, 3), (40, 10), (40, 39)])
def test_umap_is_given_the_neighbours_by_cosine(count: int, neighbours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """UMAP itself takes seconds to compile: what it is asked for is compared with the distances of all pairs."""
    asked = {}

    class Umap:
        def __init__(self, **options: object) -> None:
            asked.update(options)

        def fit_transform(self, embeddings: np.ndarray) -> np.ndarray:
            return embeddings[:, :2]

    monkeypatch.setattr(projection, "import_umap", lambda: SimpleNamespace(UMAP=Umap))
    some = EMBEDDINGS[:count]
    assert np.array_equal(umap_projection(some, neighbours=neighbours, seed=5), some[:, :2])
    indices, distances = asked.pop("precomputed_knn")
    assert asked == {"n_neighbors": neighbours, "metric": "cosine", "random_state": 5}
    unit = some / np.linalg.norm(some, axis=1, keepdims=True)
    apart = 1 - unit.astype(np.float64) @ unit.T.astype(np.float64)
    assert distances.shape == indices.shape == (count, neighbours)
    np.testing.assert_allclose(distances, np.sort(apart, axis=1)[:, :neighbours], atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(apart, indices, axis=1), distances, atol=1e-6)


@pytest.mark.parametrize(
    ("embeddings", "neighbours", "words"),
    [
        (EMBEDDINGS[0], 10, r"shape \(8,\); expected \(N, D\)"),
        (np.where(EMBEDDINGS > 0.2, np.nan, EMBEDDINGS), 10, "not finite"),
        (EMBEDDINGS[:3], 2, "there are 3 embeddings; expected at least 4"),
        (EMBEDDINGS[:10], 10, "neighbours is 10; expected 2 to 9"),
        (EMBEDDINGS, 1, "neighbours is 1"),
    ],
)
def test_bad_input_is_refused(embeddings: np.ndarray, neighbours: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        umap_projection(embeddings, neighbours=neighbours)
