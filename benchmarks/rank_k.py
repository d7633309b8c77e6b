"""Rank-1, -5 and -20 of as many probes and gallery entries as TinyFace has, against faiss-cpu's exact index."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.comparison import interleaved, spread
from benchmarks.memory import peak_memory
from benchmarks.record import write_record
from course_lib.evaluation import NOBODY, rank_k

NAME = "rank_k"
SEED = 0
RANKS = (1, 5, 20)
THEIRS, SEARCH, OURS = "IndexFlatIP", "IndexFlatIP, its search alone", "rank_k"

Scene = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # probes, their labels, gallery, its labels


def main() -> dict[str, Any]:
    """Measure at the promised size, and write the record."""
    size = {"n_people": 2_569, "n_probes": 3_728, "n_mates": 4_443, "n_distractors": 153_428, "dimensions": 512}
    figures = measure(size, rounds=3, threads=tuple(range(1, (os.cpu_count() or 1) + 1))[:2])
    write_record(NAME, f"python -m benchmarks {NAME}", SEED, figures)
    return figures


def measure(size: dict[str, int], rounds: int, threads: tuple[int, ...]) -> dict[str, Any]:
    """Memory of both, and time where faiss is installed: of the whole way from embeddings to rates."""
    faiss = installed()
    names = [THEIRS, OURS] if faiss else [OURS]
    peaks = {name: peak_memory(prepare, name, size).total for name in names}
    figures = {
        "settings": {**size, "dtype": "float32", "ranks": list(RANKS)},
        "faiss": faiss.__version__ if faiss else "not installed, so nothing is compared with it",
        "peak_bytes": peaks,
        "comparisons": [
            spread(
                f"{size['n_mates'] + size['n_distractors']:,} gallery entries: whole process of rank_k, peak memory",
                [peaks[OURS] / 1e9],
                target=1.0,
                at_least=False,
                unit="GB",
            ).plain()
        ],
    }
    if faiss is None:
        print("faiss-cpu is not installed, so the time is not compared: pip install faiss-cpu")
        return figures
    raced = race(faiss, tinyface_like(**size), rounds, threads)
    return {**figures, **raced, "comparisons": figures["comparisons"] + raced["comparisons"]}


def race(faiss: ModuleType, scene: Scene, rounds: int, threads: tuple[int, ...]) -> dict[str, Any]:
    """Time at each number of threads, and by how many probes the rates of the two differ."""
    index = built(faiss, scene)
    contestants: dict[str, Callable[[], object]] = {
        THEIRS: lambda: theirs(faiss, scene),
        SEARCH: lambda: index.search(scene[0], max(RANKS)),
        OURS: lambda: ours(scene),
    }
    races, comparisons = {}, []
    for count in threads:
        with threadpool_limits(count):
            races[count] = interleaved(contestants, rounds)
        for name, target in ((THEIRS, {"target": 1.0}), (SEARCH, {})):
            comparisons.append(races[count].ratio(f"threads: {count}, {name} / {OURS}, time", name, OURS, **target))
    rates = {THEIRS: theirs(faiss, scene), OURS: ours(scene)}
    apart = [abs(a - b) * len(scene[0]) for a, b in zip(*rates.values(), strict=True)]
    comparisons.append(spread("probes on which the two differ, at each rank", apart, unit="probes"))
    return {
        "others_cpu_percent": max(race.others_percent for race in races.values()),
        "seconds": {
            f"threads: {count}": {name: [round(s, 3) for s in times] for name, times in race.seconds.items()}
            for count, race in races.items()
        },
        "rates": {name: [round(rate, 5) for rate in found] for name, found in rates.items()},
        "comparisons": [comparison.plain() for comparison in comparisons],
    }


def tinyface_like(n_people: int, n_probes: int, n_mates: int, n_distractors: int, dimensions: int) -> Scene:
    """Embeddings float32 around one direction a person, so far from it that a third of the probes miss rank 1."""
    generator = np.random.default_rng(SEED)
    people = generator.standard_normal((n_people, dimensions), dtype=np.float32)
    probe_labels, mate_labels = np.arange(n_probes) % n_people, np.arange(n_mates) % n_people
    gallery = generator.standard_normal((n_mates + n_distractors, dimensions), dtype=np.float32)
    gallery *= 1.9
    gallery[:n_mates] += people[mate_labels]
    probes = people[probe_labels] + 1.9 * generator.standard_normal((n_probes, dimensions), dtype=np.float32)
    return probes, probe_labels, gallery, np.concatenate([mate_labels, np.full(n_distractors, NOBODY)])


def ours(scene: Scene) -> list[float]:
    """The rates from the library."""
    return [point.rate for point in rank_k(*scene, ranks=RANKS)]


def theirs(faiss: ModuleType, scene: Scene) -> list[float]:
    """The rates from the nearest entries that faiss finds."""
    probes, probe_labels, _, gallery_labels = scene
    _, nearest = built(faiss, scene).search(probes, max(RANKS))
    hits = gallery_labels[nearest] == probe_labels[:, None]
    return [float(hits[:, :rank].any(axis=1).mean()) for rank in RANKS]


def built(faiss: ModuleType, scene: Scene) -> Any:
    """The index of the gallery; probes and gallery are scaled to length 1 where they are, which needs no memory."""
    probes, _, gallery, _ = scene
    faiss.normalize_L2(probes)
    faiss.normalize_L2(gallery)
    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(gallery)
    return index


def prepare(name: str, size: dict[str, int]) -> Callable[[], list[float]]:
    """One contestant with the embeddings that it compares."""
    scene, faiss = tinyface_like(**size), installed()
    return (lambda: ours(scene)) if name == OURS else (lambda: theirs(faiss, scene))


def installed() -> ModuleType | None:
    """faiss, or None where it is not installed."""
    try:
        import faiss
    except ImportError:
        return None
    return faiss
