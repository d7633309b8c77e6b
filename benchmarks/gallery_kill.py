"""A gallery whose process is killed at random moments of enrolling and forgetting: nothing acknowledged is lost."""

from __future__ import annotations

import datetime
import multiprocessing
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import trange

from benchmarks.comparison import Comparison
from benchmarks.record import write_record
from course_lib.gallery import Consent, Store, TemplateKind

NAME = "gallery_kill"
SEED = 0
KIND = TemplateKind("no network: the embeddings are drawn", 192, False, (112, 112), ((0.0, 0.0),) * 5)
CONSENT = Consent(by="nobody: a drawn embedding", purpose="to be killed over", date=datetime.date(2026, 1, 1))
LONGEST = 0.6  # seconds from the first change to the kill, at most
SHARE_FORGOTTEN = 0.2  # of the changes; the others enrol
ENROL, FORGET = "enrol", "forget"


def main() -> dict[str, Any]:
    """Kill 200 times, and write the record."""
    figures = measure(kills=200)
    write_record(NAME, f"python -m benchmarks {NAME}", SEED, figures)
    return figures


def measure(kills: int, longest: float = LONGEST) -> dict[str, Any]:
    """Let a process change the gallery, kill it, look at what is there, and go on from that.

    The kill is SIGKILL. What a power cut would do, the same with the operating system's own memory lost, is not shown.
    """
    # Each process is forked from one that has the library loaded and no threads: it starts in a few milliseconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    random = np.random.default_rng(SEED)
    expected, counts = Expected(), Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "killed.gallery"
        Store(path, KIND)
        for number in trange(kills, unit="kill", leave=False):
            pending = expected.follow(killed(context, path, number, random.uniform(0, longest)), counts)
            counts["with a journal to undo"] += (path.parent / f"{path.name}-journal").exists()
            counts["lost or broken"] += len(faults(path, expected, pending, counts))
            expected.take_as_gone()
        expected.forgotten = expected.gone  # once more, all of them
        counts["lost or broken"] += len(faults(path, expected, None, counts))
    inside = sum(counts[f"{change}, killed inside"] for change in (ENROL, FORGET))
    broken = counts["lost or broken"]
    rows = [
        Comparison(f"of {kills} kills, inside a change", inside, inside, inside, unit=""),
        Comparison(f"after {kills} kills, lost or broken", broken, broken, broken, 0, at_least=False, unit=""),
    ]
    return {
        "settings": {"kills": kills, "longest_seconds": longest, "share_forgotten": SHARE_FORGOTTEN},
        "sqlite": sqlite3.sqlite_version,
        "acknowledged": sum(counts[f"{change}, acknowledged"] for change in (ENROL, FORGET)),
        "killed_inside_a_change": inside,
        "counts": dict(sorted(counts.items())),
        "people_at_the_end": len(expected.enrolled),
        "comparisons": [row.plain() for row in rows],
    }


@dataclass
class Expected:
    """What must be in the file, by what was acknowledged, and what must not."""

    enrolled: set[str] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)

    def follow(self, messages: list[tuple[str, str, bool]], counts: Counter[str]) -> tuple[str, str] | None:
        """Take in what a process reported; returns the change that it began and did not acknowledge, if any."""
        pending = None
        for change, name, is_done in messages:
            pending = None if is_done else (change, name)
            if is_done:
                counts[f"{change}, acknowledged"] += 1
                self.became(change, name)
        if pending:
            counts[f"{pending[0]}, killed inside"] += 1
        return pending

    def became(self, change: str, name: str) -> None:
        """A change has happened."""
        (self.enrolled.add if change == ENROL else self.enrolled.remove)(name)
        if change == FORGET:
            self.forgotten.add(name)

    def take_as_gone(self) -> None:
        """The forgotten have been looked for: to look for all of them after every kill would take hours."""
        self.gone |= self.forgotten
        self.forgotten = set()


def killed(
    context: multiprocessing.context.BaseContext, path: Path, number: int, seconds: float
) -> list[tuple[str, str, bool]]:
    """What a process reported until it was killed, so long after it began its first change."""
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=change_for_ever, args=(path, number, sender), daemon=True)
    process.start()
    sender.close()
    messages = [receiver.recv()]
    time.sleep(seconds)
    process.kill()
    process.join()
    try:
        while True:
            messages.append(receiver.recv())
    except EOFError:  # what the process had sent stays in the pipe until it has been read
        receiver.close()
    return messages


def change_for_ever(path: Path, number: int, sender: Connection) -> None:
    """Enrol people and forget some of them, and report each change when it begins and when it is acknowledged."""
    store, random, mine = Store(path, KIND), np.random.default_rng([SEED, number]), []
    while True:
        change = FORGET if mine and random.random() < SHARE_FORGOTTEN else ENROL
        name = (
            mine.pop(int(random.integers(len(mine)))) if change == FORGET else f"person {number}-{random.integers(1e9)}"
        )
        sender.send((change, name, False))
        if change == ENROL:
            store.enrol({name: (embeddings(name), CONSENT)})
            mine.append(name)
        else:
            store.forget(name)
        sender.send((change, name, True))


@cache
def embeddings(name: str) -> NDArray[np.float32]:
    """Of length one, 1 to 12 (N, D), so that a change is spread over several pages; always the same of a name."""
    random = np.random.default_rng(list(name.encode()))
    drawn = random.standard_normal((int(random.integers(1, 13)), KIND.embedding_size))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def faults(path: Path, expected: Expected, pending: tuple[str, str] | None, counts: Counter[str]) -> list[str]:
    """What is wrong with the file: the pending change must have happened whole or not at all, and all others whole."""
    try:
        store = Store(path, KIND)  # undoes what was half done
        people, contents = {person.name: person for person in store.people()}, store.load()
    except ValueError as refusal:
        return [str(refusal)]
    if pending:
        has_happened = (pending[1] in people) == (pending[0] == ENROL)
        counts[f"{pending[0]}, killed inside, {'new' if has_happened else 'old'} state"] += 1
        if has_happened:
            expected.became(*pending)
    found = []
    with closing(sqlite3.connect(path)) as connection:
        found += [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [f"orphan: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
    found += [f"{name} is lost" for name in expected.enrolled - people.keys()]
    found += [f"{name} is there" for name in people.keys() - expected.enrolled]
    for owner, name in enumerate(contents.names):
        rows = contents.templates[contents.owners == owner]
        if sorted(map(bytes, rows)) != sorted(map(bytes, embeddings(name))) or people[name].consents != (CONSENT,):
            found.append(f"{name} is changed")
    everything = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for name in expected.forgotten:
        if name.encode() in everything or any(bytes(row) in everything for row in embeddings(name)):
            found.append(f"{name} is forgotten, but not gone")
    return found
