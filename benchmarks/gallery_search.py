"""Who of 100,000 people is this: the gallery's exact search against scikit-learn's brute force and a Python loop."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from benchmarks.comparison import Comparison, interleaved, timed
from benchmarks.record import write_record
from course_lib.gallery import Consent, Index, Store, TemplateKind, unit_length

NAME = "gallery_search"
SEED = 0
CONSENT = Consent(by="nobody: a drawn embedding", purpose="to be searched", date=datetime.date(2026, 1, 1))
NOISE = 0.7  # of a probe beside its person's template, as lengths: cosine about 0.8
OURS, THEIRS, LOOP = "course_lib", "scikit-learn", "Python loop"
Found = tuple[NDArray[np.int64], NDArray[np.float64]]


def main() -> dict[str, Any]:
    """Measure at the promised size, and write the record."""
    figures = measure(people=100_000, embedding_size=192, faces=(1, 10, 100), rounds=11)
    write_record(NAME, f"python -m benchmarks {NAME}", SEED, figures)
    return figures


def measure(people: int, embedding_size: int, faces: tuple[int, ...], rounds: int) -> dict[str, Any]:
    """Store them, load them, and look for one face, for those of a group, and for many at once; and forget one."""
    random = np.random.default_rng(SEED)
    templates = unit_length(random.standard_normal((people, embedding_size), dtype=np.float32))
    index, figures, rows = on_disk(templates)
    contestants = {OURS: by_index(index), THEIRS: by_scikit_learn(templates)}
    seconds, busy = {}, []
    for count in faces:
        owners = random.choice(people, count, replace=False)
        probes = templates[owners] + NOISE * unit_length(random.standard_normal((count, embedding_size)))
        probes = unit_length(probes)
        takes_part = contestants | ({LOOP: by_loop(templates)} if count == 1 else {})
        agree(takes_part, probes, owners)
        calls = {name: lambda search=search, probes=probes: search(probes) for name, search in takes_part.items()}
        race = interleaved(calls, rounds)
        busy.append(race.others_percent)
        seconds[f"{count}"] = {name: [float(f"{s:.4g}") for s in times] for name, times in race.seconds.items()}
        what = f"{people:,} people, {count} face{'s' * (count > 1)}"
        targets = {THEIRS: 5.0 if count == 1 else 1.5, LOOP: 10.0}
        rows += [
            race.ratio(f"{what}: {name} / {OURS}, time", name, OURS, target=targets[name]).plain()
            for name in takes_part
            if name != OURS
        ]
    settings = {"people": people, "embedding_size": embedding_size, "threads": torch.get_num_threads()}
    return {
        "settings": settings,
        "others_cpu_percent": max(busy),
        **figures,
        "seconds": seconds,
        "comparisons": rows,
    }


def on_disk(templates: NDArray[np.float32]) -> tuple[Index, dict[str, Any], list[dict[str, Any]]]:
    """The templates once through a file: what that takes, and the index of what comes out."""
    kind = TemplateKind("no network: the embeddings are drawn", templates.shape[1], False, (112, 112), ())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.gallery"
        store = Store(path, kind)
        people = {f"person {number}": (row[None], CONSENT) for number, row in enumerate(templates)}
        loaded: list[Index] = []

        def load() -> None:
            contents = store.load()
            loaded.append(Index(contents.names, contents.owners, contents.templates))

        stages = {
            "to enrol all of them in one change": lambda: store.enrol(people),
            "to load all of them": load,
            "to enrol one more": lambda: store.enrol({"one more": (templates[:1], CONSENT)}),
            "to forget that one": lambda: store.forget("one more"),
        }
        rows = []
        for name, stage in stages.items():
            took = timed(stage)
            rows.append(Comparison(f"{len(templates):,} people: {name}", took, took, took, unit="s").plain())
        size = path.stat().st_size
    return loaded[0], {"file_bytes": size}, rows


def by_index(index: Index) -> Callable[[NDArray[np.float32]], Found]:
    """Ours: the person, by the number in the name, and the cosine."""
    numbers = np.array([int(name.removeprefix("person ")) for name in index.names])

    def search(probes: NDArray[np.float32]) -> Found:
        nearest = index.nearest(probes)
        return numbers[nearest.person], nearest.score

    return search


def by_scikit_learn(templates: NDArray[np.float32]) -> Callable[[NDArray[np.float32]], Found]:
    """The two nearest by brute force: a margin needs the second as well."""
    neighbors = NearestNeighbors(n_neighbors=2, metric="cosine", algorithm="brute").fit(templates)

    def search(probes: NDArray[np.float32]) -> Found:
        distances, found = neighbors.kneighbors(probes)
        return found[:, 0], 1 - distances[:, 0]

    return search


def by_loop(templates: NDArray[np.float32]) -> Callable[[NDArray[np.float32]], Found]:
    """One template after the other, as many programs that come with a webcam do it."""
    rows = list(templates)

    def search(probes: NDArray[np.float32]) -> Found:
        scores = [[float(np.dot(row, probe)) for row in rows] for probe in probes]
        return np.argmax(scores, axis=1), np.max(scores, axis=1)

    return search


def agree(
    contestants: dict[str, Callable[[NDArray[np.float32]], Found]],
    probes: NDArray[np.float32],
    owners: NDArray[np.integer],
) -> None:
    """All must name the same people with the same cosines; raises ``ValueError``."""
    for name, search in contestants.items():
        person, score = search(probes)
        reference = contestants[OURS](probes)[1]
        if not (np.array_equal(person, owners) and np.allclose(score, reference, atol=1e-5)):
            raise ValueError(f"{name} finds others than were enrolled, or other cosines; nothing was timed")
