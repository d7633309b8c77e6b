"""A folder tree of photographs to the same tree of aligned crops: in parallel, resumable, whatever the files are."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import torch
from PIL import Image
from tqdm import tqdm

from course_lib.alignment.align import Choice, align_many, check_choice
from course_lib.alignment.detector import Detector
from course_lib.alignment.photograph import IMAGE_SUFFIXES, UnreadableError, as_rgb
from course_lib.alignment.template import Size, as_height_width, template
from course_lib.alignment.workers import run_chunks

SETTINGS, NOT_ALIGNED = "alignment.json", "not_aligned.csv"
CHUNK = 16  # photographs that a worker takes at a time
PIXELS_AT_ONCE = 20_000_000  # in one call of the detector
NO_FACE, UNREADABLE, FAILED = "no face", "unreadable", "failed"


@dataclass(frozen=True)
class Problem:
    """A photograph without a crop: its path below the source, ``NO_FACE``, ``UNREADABLE`` or ``FAILED``, and why."""

    file: str
    problem: str
    reason: str


@dataclass(frozen=True)
class FolderReport:
    """What became of a folder: counts, and every photograph that has no crop.

    Attributes:
        aligned: crops written.
        already_there: crops that an earlier run had written.
        passed_over: files that are no images by their suffix.
        problems: in the order of their paths; also in ``not_aligned.csv`` beside the crops.
    """

    aligned: int
    already_there: int
    passed_over: int
    problems: tuple[Problem, ...]

    def __repr__(self) -> str:
        return f"FolderReport({self})"

    def __str__(self) -> str:
        counts = Counter(problem.problem for problem in self.problems)
        parts = [f"{self.aligned:,} aligned", f"{self.already_there:,} already there"]
        parts += [f"{counts[kind]:,} {kind}" for kind in (NO_FACE, UNREADABLE, FAILED) if counts[kind]]
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
) -> FolderReport:
    """Align every photograph below ``source`` into the same place below ``target``.

    A run that is interrupted or killed continues where it stopped: a crop appears under its name only when it is
    complete, and what is there is not made again. Photographs without a crop are tried again. The settings and the
    template stand in ``alignment.json``: crops of two kinds are never mixed in one folder.

    Args:
        source: any tree; hidden files, and files that are no images by their suffix, are passed over.
        target: is made if need be; it may lie inside ``source``.
        make_detector: a class, or for instance ``functools.partial(MTCNN, min_face=40)``; picklable for several
            workers.
        size, choose, margin: see ``align``.
        suffix: ``.png`` keeps every pixel, ``.jpg`` (quality 95) takes about a quarter of the space.
        workers: processes, each with one thread. 1 works in this process.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: ``target`` is ``source`` or holds crops of other settings, or an argument is out of range.
    """
    source, target = Path(source), Path(target)
    if not source.is_dir():
        raise FileNotFoundError(f"{source} is not a folder; expected one with photographs inside")
    if source.resolve() == target.resolve():
        raise ValueError(f"{target} holds the photographs themselves; choose another folder for the crops")
    if workers < 1 or suffix not in (".png", ".jpg"):
        raise ValueError(f"workers is {workers} and suffix {suffix!r}; expected at least 1, and .png or .jpg")
    recipe = Recipe(make_detector, size, choose, margin)
    _claim(target, recipe.described(suffix))
    photographs, passed_over = _photographs(source, target)
    tasks = list(_tasks(photographs, source, target, suffix))
    missing = [task for task in tasks if not task.crop.exists()]
    chunks = [missing[start : start + CHUNK] for start in range(0, len(missing), CHUNK)]
    problems: list[Problem] = []
    with tqdm(total=len(tasks), initial=len(tasks) - len(missing), unit="photograph", disable=None) as bar:
        for chunk, found in _all_chunks(chunks, recipe, workers) if chunks else ():
            problems += [problem for problem in found if problem]
            bar.update(len(chunk))
    problems.sort(key=lambda problem: problem.file)
    _write_table(problems, target / NOT_ALIGNED)
    return FolderReport(len(missing) - len(problems), len(tasks) - len(missing), passed_over, tuple(problems))


def _claim(target: Path, settings: dict[str, Any]) -> None:
    """Write the settings, or compare them with those of the crops that are there."""
    file = target / SETTINGS
    if not file.exists():
        target.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        return
    there = json.loads(file.read_text(encoding="utf-8"))
    different = [f"{name} {there.get(name)}, not {now}" for name, now in settings.items() if there.get(name) != now]
    if different:
        raise ValueError(f"{target} holds crops made with {'; '.join(different)}. Choose another folder")


def _photographs(source: Path, target: Path) -> tuple[list[Path], int]:
    """Every image below ``source`` by its suffix, in order, and how many other files there are.

    Links to folders are followed, each folder once: a link may lead back to where it stands.
    """
    photographs: list[Path] = []
    passed_over = 0
    seen = {source.resolve(), target.resolve()}
    for folder, subfolders, names in os.walk(source, followlinks=True):
        here = Path(folder)
        inner = {name: (here / name).resolve() for name in sorted(subfolders) if not name.startswith(".")}
        subfolders[:] = [name for name, real in inner.items() if real not in seen]
        seen |= set(inner.values())
        visible = sorted(name for name in names if not name.startswith("."))
        images = [here / name for name in visible if Path(name).suffix.lower() in IMAGE_SUFFIXES]
        photographs += images
        passed_over += len(visible) - len(images)
    return photographs, passed_over


def _tasks(photographs: list[Path], source: Path, target: Path, suffix: str) -> Iterator[Task]:
    """Where each crop goes: a.jpg to a.png; but where a.jpg and a.png both are, to a.jpg.png and a.png.png."""
    stems = Counter(photograph.with_suffix("") for photograph in photographs)
    for photograph in photographs:
        alone = stems[photograph.with_suffix("")] == 1
        below = photograph.relative_to(source)
        crop = target / below.with_name((photograph.stem if alone else photograph.name) + suffix)
        yield Task(photograph, below.as_posix(), crop)


def _all_chunks(
    chunks: list[list[Task]], recipe: Recipe, workers: int
) -> Iterator[tuple[list[Task], list[Problem | None]]]:
    if workers == 1:
        detector = recipe.make_detector()
        for chunk in chunks:
            yield chunk, _align_chunk(chunk, detector, recipe)
        return
    for chunk, found in run_chunks(_in_worker, chunks, workers, set_up=_set_up_worker, arguments=(recipe,)):
        yield chunk, found or [Problem(task.name, FAILED, "the process reading it died") for task in chunk]


_worker: dict[str, Any] = {}  # of a process that works on chunks: its recipe and its detector


def _set_up_worker(recipe: Recipe) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _worker.update(recipe=recipe, detector=recipe.make_detector())


def _in_worker(chunk: list[Task]) -> list[Problem | None]:
    return _align_chunk(chunk, _worker["detector"], _worker["recipe"])


def _align_chunk(chunk: list[Task], detector: Detector, recipe: Recipe) -> list[Problem | None]:
    """Align and write a few photographs; for each what went wrong, or None."""
    found: list[Problem | None] = []
    batch: list[tuple[Task, Any]] = []
    for task in chunk:
        try:
            batch.append((task, as_rgb(task.photograph)))
        except UnreadableError as error:
            found.append(Problem(task.name, UNREADABLE, str(error)))
        if sum(pixels.size // 3 for _, pixels in batch) > PIXELS_AT_ONCE:
            found += _align_batch(batch, detector, recipe)
            batch = []
    return found + _align_batch(batch, detector, recipe)


def _align_batch(batch: list[tuple[Task, Any]], detector: Detector, recipe: Recipe) -> list[Problem | None]:
    try:
        photographs = [pixels for _, pixels in batch]
        crops = align_many(photographs, detector, size=recipe.size, choose=recipe.choose, margin=recipe.margin)
        for (task, _), crop in zip(batch, crops, strict=True):
            if crop is not None:
                _write_crop(Image.fromarray(crop.image), task.crop)
    except Exception as error:  # whatever one photograph leads to, the others go on without it
        if isinstance(error, OSError):  # no space, no permission: it would be the same for all
            raise
        if len(batch) > 1:
            return [problem for one in batch for problem in _align_batch([one], detector, recipe)]
        return [Problem(batch[0][0].name, FAILED, f"{type(error).__name__}: {error}")]
    return [
        None if crop else Problem(task.name, NO_FACE, "the detector found none")
        for (task, _), crop in zip(batch, crops, strict=True)
    ]


def _write_crop(crop: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    crop.save(unfinished, **({"format": "PNG"} if path.suffix == ".png" else {"format": "JPEG", "quality": 95}))
    os.replace(unfinished, path)


def _write_table(problems: list[Problem], path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("file", "problem", "reason"))
        table.writerows((problem.file, problem.problem, problem.reason) for problem in problems)
