"""Which crop is of which photograph, over all runs: kept beside the crops, so that none is mixed up or left behind."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from course_lib.alignment.crop_names import crop_names, same_file
from course_lib.alignment.tree import Tree, crops_in

RECORD = "crops.json"


@dataclass(frozen=True)
class State:
    """A photograph as it was when its crop was made: another size in bytes or time of change is another photograph."""

    photograph: str
    size: int
    changed: int  # in nanoseconds since 1970


OUTDATED = -1  # instead of the time of change: whatever the photograph, its crop is not of it as it is
UNKNOWN = State("", 0, 0)  # of a crop that was made before there was a record, and whose photograph is gone


@dataclass(frozen=True)
class Plan:
    """What a run has to do.

    Attributes:
        names: the crop of each photograph, both as paths with ``/``.
        missing: photographs without a crop, or with one that is not of them as they are now.
        replaced: those of the missing ones that have such a crop.
        stale: crops without a photograph.
        foreign: files among the crops that no run has made.
        record: each crop and its photograph, the stale ones included.
    """

    names: Mapping[str, str]
    missing: tuple[str, ...]
    replaced: tuple[str, ...]
    stale: tuple[str, ...]
    foreign: tuple[str, ...]
    record: Mapping[str, State] = field(repr=False)


def plan(source: Path, target: Path, found: Tree, suffix: str, *, claimed: bool, force: bool) -> Plan:
    """Compare the photographs with the record and with the crops that are there. Nothing is written.

    Args:
        claimed: whether earlier runs wrote to ``target``. Where such a one left no record, as older versions did, a
            crop is taken for that of the photograph with its name, if it is newer and no other photograph may have
            had that name.
        force: take every photograph for a missing one, those in folders that cannot be listed in the run after this.

    Raises:
        ValueError: the record is damaged; or ``target`` holds images that no run has written.
    """
    there = list(crops_in(target, suffix)) if target.is_dir() else []
    record = read_record(target)
    adopted = record is None and claimed
    if record is None and there and not claimed:
        raise ValueError(
            f"{target} holds {len(there):,} images that are no crops of this command, such as {there[0]}."
            " Choose an empty folder"
        )
    record = dict.fromkeys(there, UNKNOWN) if adopted else record or {}
    present = set(there)
    crop_of = {state.photograph: crop for crop, state in record.items() if state != UNKNOWN}
    kept = {name: crop_of[name] for name in found.photographs if _beside(name, crop_of.get(name, ""))}
    taken = set(found.folders) | (set() if adopted else present - set(kept.values()))
    names = crop_names(found.photographs, suffix, kept=kept, taken=taken)
    claims = _claims(found.photographs, suffix) if adopted else Counter()
    states = {photograph: _state(source, photograph) for photograph in found.photographs}
    done = {
        photograph
        for photograph, crop in names.items()
        if not force
        and crop in present
        and (
            record[crop] == states[photograph]
            if not adopted
            else claims[same_file(crop)] == 1 and _changed(target / crop) >= states[photograph].changed
        )
    }
    unseen = tuple(f"{problem.file}/" for problem in found.unlisted)  # their photographs may well be there
    ours = set(names.values())
    stale = [c for c in record if c in present and c not in ours and not c.startswith(unseen)]
    missing = [photograph for photograph in found.photographs if photograph not in done]
    left = {crop: state for crop, state in record.items() if crop in present and crop not in ours}
    if force:
        left = {crop: replace(state, changed=OUTDATED) for crop, state in left.items()}
    return Plan(
        names=names,
        missing=tuple(missing),
        replaced=tuple(photograph for photograph in missing if names[photograph] in present),
        stale=tuple(sorted(stale)),
        foreign=tuple(crop for crop in there if crop not in record and crop not in ours),
        record=left | {names[photograph]: states[photograph] for photograph in found.photographs},
    )


def _beside(photograph: str, crop: str) -> bool:
    """Whether the crop's path is a name in the photograph's folder: a record from elsewhere may say anything."""
    place = PurePosixPath(crop)
    return bool(crop) and place.parent == PurePosixPath(photograph).parent and Path(place.name).name == place.name


def _claims(photographs: Sequence[str], suffix: str) -> Counter[str]:
    """How many photographs older versions may have given each name: NAME.png or NAME.jpg.png."""
    paths = [PurePosixPath(photograph) for photograph in photographs]
    names = [{str(path.with_name(stem + suffix)) for stem in (path.stem, path.name)} for path in paths]
    return Counter(same_file(name) for both in names for name in both)


def _state(source: Path, photograph: str) -> State:
    try:
        found = (source / photograph).stat()
    except OSError:  # a link to nothing, or a file that went in the meantime: reading it says so
        return State(photograph, -1, 0)
    return State(photograph, found.st_size, found.st_mtime_ns)


def _changed(file: Path) -> int:
    return file.stat().st_mtime_ns


def read_record(target: Path) -> dict[str, State] | None:
    """The record beside the crops, or None where there is none.

    Raises:
        ValueError: it is damaged.
    """
    file = target / RECORD
    if not file.is_file():
        return None
    try:
        rows = json.loads(file.read_text(encoding="ascii"))
        return {str(crop): State(str(name), int(size), int(changed)) for crop, (name, size, changed) in rows.items()}
    except (ValueError, AttributeError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"{file} is damaged ({type(error).__name__}: {error}). Delete it: crops that are there are then"
            " told by their names and times"
        ) from error


def recorded(folders: Iterable[Path]) -> dict[Path, Path]:
    """The crops that the nearest record tells of, in each folder or above it: by where their photographs would lie.

    Raises:
        ValueError: a record is damaged.
    """
    above = {next((place for place in (f, *f.parents) if os.path.isfile(place / RECORD)), None) for f in folders}
    return {
        place / state.photograph: place / crop
        for place in above - {None}
        for crop, state in (read_record(place) or {}).items()
        if _beside(state.photograph, crop)
    }


def write_record(target: Path, record: Mapping[str, State]) -> None:
    """Write the record, whole or not at all. Any name survives, since JSON has an escape for every character."""
    rows = {crop: [state.photograph, state.size, state.changed] for crop, state in record.items()}
    write_json(target / RECORD, rows)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write a file of JSON under its name when it is complete."""
    unfinished = file.with_name(f".{file.name}.part")
    unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="ascii")
    os.replace(unfinished, file)
