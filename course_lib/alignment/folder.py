"""A folder tree of photographs to the same tree of aligned crops: in parallel, resumable, whatever the files are."""

from __future__ import annotations

import csv
import errno
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import cv2
import torch
from PIL import Image

from course_lib.alignment.align import Choice, align_many, check_choice, each_or_error
from course_lib.alignment.crop_names import digest, same_file
from course_lib.alignment.crop_record import Plan, plan, write_json, write_record
from course_lib.alignment.detector import Detector
from course_lib.alignment.photograph import UnreadableError, as_rgb
from course_lib.alignment.template import Size, as_height_width, template
from course_lib.alignment.tree import CROPS, HIDDEN, NOT_LISTED, OTHER_FILE, SEEN, SETTINGS, Problem, tree
from course_lib.console import listed
from course_lib.paths import expanded
from course_lib.progress import Progress
from course_lib.workers import Lost, run_chunks

NOT_ALIGNED = "not_aligned.csv"
CHUNK = 16  # photographs that a worker takes at a time
PIXELS_AT_ONCE = 20_000_000  # in one call of the detector
TIME_LIMIT = 60.0  # seconds: MTCNN takes 1.5 for one of 12 million pixels
LONGEST_SIDE = 2048  # of a crop, in pixels
SHOWN = 100  # characters of a setting in a message
NO_FACE, UNREADABLE, FAILED, FOREIGN = "no face", "unreadable", "failed", "not of this command"
AVERAGING = "large faces averaged"  # see warp; older versions did not, and their settings do not say how they warp
FULL = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}  # the same for all that is yet to come


@dataclass(frozen=True)
class FolderReport:
    """What became of a folder: counts, and by name every photograph without a crop and all else that was not used.

    Attributes:
        aligned: crops written.
        already_there: crops that an earlier run had written.
        passed_over: files that are no images by their suffix; they are among ``others``.
        problems: photographs without a crop and folders that cannot be listed, in the order of their paths.
        others: other files, hidden ones, links to what is reached by another way, folders of crops, and images among
            the crops that this command has not written.
        replaced: photographs that have changed since their crop was made; it was made again, or is gone.
        stale: crops whose photograph is gone.
        removed: whether the stale crops were removed.
        outside: photographs that lie beside the folders of the identities, or in a folder inside one:
            ``face_folder`` reads IDENTITY/IMAGE and nothing else.
    """

    aligned: int
    already_there: int
    passed_over: int
    problems: tuple[Problem, ...]
    others: tuple[Problem, ...] = ()
    replaced: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    removed: bool = False
    outside: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"FolderReport({self.counts()})"

    def __str__(self) -> str:
        lines = [self.counts()]
        if self.replaced:
            lines.append(f"replaced since they were aligned: {listed(self.replaced)}")
        if self.stale:
            what = "removed" if self.removed else "still there"
            lines.append(f"crops without a photograph, {what}: {listed(self.stale)}")
        if self.outside:
            lines.append(f"beside or below the identities' folders: {listed(self.outside)}")
        for kind in (NOT_LISTED, NO_FACE, UNREADABLE, FAILED, OTHER_FILE, HIDDEN, SEEN, CROPS, FOREIGN):
            names = [one.file for one in (*self.problems, *self.others) if one.problem == kind]
            lines += [f"{kind}: {listed(names)}"] if names else []
        return "\n".join(lines)

    def counts(self) -> str:
        """How many of what, in one line."""
        counts = Counter(problem.problem for problem in self.problems)
        parts = [f"{self.aligned:,} aligned", f"{self.already_there:,} already there"]
        parts += [f"{counts[kind]:,} {kind}" for kind in (NO_FACE, UNREADABLE, FAILED, NOT_LISTED) if counts[kind]]
        parts += [f"{len(self.stale):,} crops without a photograph"] if self.stale else []
        return ", ".join([*parts, f"{self.passed_over:,} other files passed over"])


@dataclass(frozen=True)
class Task:
    """One photograph, its path below the source, and where its crop goes."""

    photograph: Path
    name: str
    crop: Path


@dataclass(frozen=True)
class Recipe:
    """How crops are made; ``make_detector`` is called once in each process."""

    make_detector: Callable[[], Detector]
    size: Size
    choose: Choice
    margin: int

    def __post_init__(self) -> None:
        template(self.size, self.margin)
        check_choice(self.choose)
        if max(as_height_width(self.size)) > LONGEST_SIDE:
            raise ValueError(f"size is {self.size}; expected sides of at most {LONGEST_SIDE:,} pixels")

    def described(self, suffix: str) -> dict[str, Any]:
        """The recipe in plain values, as ``alignment.json`` holds it."""
        maker = getattr(self.make_detector, "func", self.make_detector)
        options = getattr(self.make_detector, "keywords", {})
        return {
            "detector": maker.__qualname__,
            "options": {name: str(value) for name, value in sorted(options.items())},
            "height, width": list(as_height_width(self.size)),
            "choose": self.choose,
            "suffix": suffix,
            "warp": AVERAGING,
            "template": template(self.size, self.margin).tolist(),
        }


def align_folder(
    source: Path | str,
    target: Path | str,
    make_detector: Callable[[], Detector],
    *,
    size: Size = 112,
    choose: Choice = "largest",
    margin: int = 0,
    suffix: Literal[".png", ".jpg"] = ".png",
    workers: int = 1,
    time_limit: float | None = None,
    force: bool = False,
    remove_stale: bool = False,
) -> FolderReport:
    """Align every photograph below ``source`` into the same place below ``target``.

    A run that is interrupted or killed continues where it stopped: a crop appears under its name only when it is
    complete, and what is there is not made again. Photographs without a crop are tried again. The settings and the
    template stand in ``alignment.json``: crops of two kinds are never mixed in one folder. Crops of an older version,
    which did not average large faces (see ``warp``), are made anew with ``force``; without it that is an error.

    No two photographs share a crop (see ``crop_names``), and ``crops.json`` remembers which is of which: photographs
    that come later leave names as they are, one that was replaced (another size or time of change) is aligned again,
    and crops whose photograph is gone are reported, or removed. ``not_aligned.csv`` lists what has no crop and why, in
    UTF-8; a byte of a name that is none stands there as ``\\udc..``.

    Args:
        source: any tree; hidden files, and files that are no images by their suffix, are passed over.
        target: is made if need be; it may lie inside ``source``. It holds nothing but crops.
        make_detector: a class, or for instance ``functools.partial(MTCNN, min_face=40)``; picklable for other
            processes.
        size, choose, margin: see ``align``; sides of up to 2,048 pixels.
        suffix: ``.png`` keeps every pixel, ``.jpg`` (quality 95) takes about a quarter of the space.
        workers: processes, each with one thread. They end with this one.
        time_limit: seconds for one photograph; one that takes longer is listed as failed. None: 60 where several
            processes work. 1 worker without a limit works in this process, where nothing can be stopped.
        force: align all photographs again, also one that was replaced by another of the same size in bytes and time of
            change, such as a copy that keeps times: nothing else tells the two apart.
        remove_stale: remove the crops whose photograph is gone, and folders that are empty then.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: ``target`` is ``source``, lies above it, or holds crops of other settings, of an older version or
            other images; an argument is out of range; or no photograph is left and stale crops are to be removed.
        OSError: ``target`` cannot be written, or is full.
    """
    source, target = expanded(source), expanded(target)
    _check(source, target, suffix, workers, time_limit)
    recipe = Recipe(make_detector, size, choose, margin)
    detector = make_detector()  # says at once what is wrong with its options
    claimed = _claimed(target, recipe.described(suffix), force=force)
    found = tree(source, target)
    planned = plan(source, target, found, suffix, claimed=claimed, force=force)
    if remove_stale and planned.stale and not found.photographs:
        raise ValueError(f"{source} holds no photograph, so every crop would be removed; delete {target} to mean that")
    _prepare(target, planned, recipe.described(suffix), found.folders, remove_stale=remove_stale)
    tasks = [Task(source / name, name, target / planned.names[name]) for name in planned.missing]
    here = detector if workers == 1 and time_limit is None else None
    problems = list(found.unlisted)
    total = len(found.photographs)
    with Progress(desc="aligning", total=total, initial=total - len(tasks), unit="photograph") as bar:
        for problem in _all(tasks, recipe, workers, here, time_limit or TIME_LIMIT):
            problems += [problem] if problem else []
            bar.update()
    foreign = tuple(Problem(name, FOREIGN, "an image that no run has written") for name in planned.foreign)
    report = FolderReport(
        aligned=len(tasks) - (len(problems) - len(found.unlisted)),
        already_there=total - len(tasks),
        passed_over=sum(one.problem == OTHER_FILE for one in found.passed_over),
        problems=tuple(sorted(problems, key=lambda problem: problem.file)),
        others=found.passed_over + foreign,
        replaced=() if force else planned.replaced,
        stale=planned.stale,
        removed=remove_stale,
        outside=_outside(found.photographs),
    )
    _write_table([*report.problems, *report.others], target / NOT_ALIGNED)
    return report


def _check(source: Path, target: Path, suffix: str, workers: int, time_limit: float | None) -> None:
    if not source.is_dir():
        raise FileNotFoundError(f"{source} is not a folder; expected one with photographs inside")
    if source.resolve() == target.resolve():
        raise ValueError(f"{target} holds the photographs themselves; choose another folder for the crops")
    if target.resolve() in source.resolve().parents:
        raise ValueError(f"{source} lies inside {target}, among what would be crops; choose another folder for them")
    if target.exists() and not target.is_dir():
        raise ValueError(f"{target} is a file; expected a folder for the crops, or a name for a new one")
    if workers < 1 or suffix not in (".png", ".jpg"):
        raise ValueError(f"workers is {workers} and suffix {suffix!r}; expected at least 1, and .png or .jpg")
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"time_limit is {time_limit}; expected seconds above 0")


def _claimed(target: Path, settings: dict[str, Any], *, force: bool) -> bool:
    """Whether earlier runs wrote crops there; their settings have to be these, or older ones by force."""
    file = target / SETTINGS
    if not file.exists():
        return False
    try:
        there = dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{file} is damaged ({error}), so it cannot be told how the crops there were made") from error
    older = "warp" not in there
    there = {"warp": AVERAGING} | there
    different = [
        f"{name} {there.get(name)!s:.{SHOWN}}, not {now!s:.{SHOWN}}"
        for name, now in settings.items()
        if there.get(name) != now
    ]
    if different:
        raise ValueError(f"{target} holds crops made with {'; '.join(different)}. Choose another folder")
    if older and not force:
        raise ValueError(
            f"{target} holds crops of an older version, which did not average faces more than twice as large as their"
            " crop; crops of both are not to be mixed. Align all anew (--force), or choose another folder"
        )
    return True


def _prepare(
    target: Path, planned: Plan, settings: dict[str, Any], folders: Sequence[str], *, remove_stale: bool
) -> None:
    """Claim the folder and write the record, before any work: from then on a crop that is there is what it says."""
    target.mkdir(parents=True, exist_ok=True)
    if not (target / SETTINGS).exists():
        write_json(target / SETTINGS, settings)
    if (target / SETTINGS.upper()).exists():  # here case does not count
        alike = [names for names in _alike(folders) if len(names) > 1]
        if alike:
            raise ValueError(
                f"the folders {' and '.join(alike[0])} would be one in {target}, where case does not count. Rename one"
            )
    for crop in (*(planned.names[name] for name in planned.replaced), *(planned.stale if remove_stale else ())):
        (target / crop).unlink(missing_ok=True)
    if remove_stale:
        for folder in sorted({parent for crop in planned.stale for parent in Path(crop).parents[:-1]}, reverse=True):
            if not any((target / folder).iterdir()):
                (target / folder).rmdir()
    gone = set(planned.stale) if remove_stale else set()
    write_record(target, {crop: state for crop, state in planned.record.items() if crop not in gone})
    write_json(target / SETTINGS, settings)  # an older version's only now, when none of its crops counts any more


def _alike(folders: Sequence[str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for folder in folders:
        groups.setdefault(same_file(folder), []).append(folder)
    return list(groups.values())


def _outside(photographs: Sequence[str]) -> tuple[str, ...]:
    """What does not lie as IDENTITY/IMAGE, where something does."""
    outside = tuple(photograph for photograph in photographs if photograph.count("/") != 1)
    return outside if len(outside) < len(photographs) else ()


def _all(
    tasks: list[Task], recipe: Recipe, workers: int, here: Detector | None, seconds: float
) -> Iterator[Problem | None]:
    """Of each photograph what went wrong, or None; in this process with the detector that is ``here``."""
    chunks = [tasks[start : start + CHUNK] for start in range(0, len(tasks), CHUNK)]
    if here is not None:
        for chunk in chunks:
            yield from (problem for _, problem in _align_chunk(chunk, here, recipe))
        return
    work = run_chunks(_in_worker, chunks, workers, set_up=_set_up_worker, arguments=(recipe,), seconds=seconds)
    for task, problem in work:
        yield Problem(task.name, FAILED, problem.reason) if isinstance(problem, Lost) else problem


_worker: dict[str, Any] = {}  # of a process that works on chunks: its recipe and its detector


def _set_up_worker(recipe: Recipe) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _worker.update(recipe=recipe, detector=recipe.make_detector())


def _in_worker(chunk: list[Task]) -> Iterator[tuple[int, Problem | None]]:
    return _align_chunk(chunk, _worker["detector"], _worker["recipe"])


def _align_chunk(chunk: list[Task], detector: Detector, recipe: Recipe) -> Iterator[tuple[int, Problem | None]]:
    """Align and write a few photographs; the number of each, and what went wrong with it or None."""
    batch: dict[int, tuple[Task, Any]] = {}
    for number, task in enumerate(chunk):
        try:
            batch[number] = (task, as_rgb(task.photograph))
        except Exception as error:  # UnreadableError as a rule; a folder or the memory may refuse as well
            known = isinstance(error, UnreadableError)
            yield number, Problem(task.name, UNREADABLE, str(error) if known else f"{type(error).__name__}: {error}")
        if sum(pixels.size // 3 for _, pixels in batch.values()) > PIXELS_AT_ONCE:
            yield from _align_batch(batch, detector, recipe)
            batch = {}
    yield from _align_batch(batch, detector, recipe)


def _align_batch(
    batch: dict[int, tuple[Task, Any]], detector: Detector, recipe: Recipe
) -> Iterator[tuple[int, Problem | None]]:
    align_some = partial(align_many, detector=detector, size=recipe.size, choose=recipe.choose, margin=recipe.margin)
    crops = each_or_error(align_some, [pixels for _, pixels in batch.values()])
    for (number, (task, _)), crop in zip(batch.items(), crops, strict=True):
        if isinstance(crop, Exception):
            yield number, Problem(task.name, FAILED, f"{type(crop).__name__}: {crop}")
        elif crop is None:
            yield number, Problem(task.name, NO_FACE, "the detector found none")
        else:
            yield number, _write_crop(Image.fromarray(crop.image), task)


def _write_crop(crop: Image.Image, task: Task) -> Problem | None:
    path = task.crop
    unfinished = path.with_name(f".{digest(path.name)}.part")  # as long for every name, and the same in every run
    how: dict[str, Any] = {"format": "PNG"} if path.suffix == ".png" else {"format": "JPEG", "quality": 95}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        crop.save(unfinished, **how)
        os.replace(unfinished, path)
    except OSError as error:
        if error.errno in FULL:
            raise
        return Problem(task.name, FAILED, f"its crop cannot be written ({error})")
    return None


def _write_table(problems: Sequence[Problem], path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        table = csv.writer(file)
        table.writerow(("file", "problem", "reason"))
        table.writerows((_no_formula(problem.file), problem.problem, problem.reason) for problem in problems)


def _no_formula(name: str) -> str:
    """The same path, which no spreadsheet takes for something to compute."""
    return f"./{name}" if name.startswith(tuple("=+-@\t\r")) else name
