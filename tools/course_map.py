"""Write docs/map.md and the table of chapters in README.md from notebooks/map.toml and the headers of the notebooks.

    python -m tools.course_map           write both
    python -m tools.course_map --check   say whether both are current

Order, needs, titles and tracks come from notebooks/map.toml; minutes and memory from the notebooks' text twins.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .notebook_minutes import RULE, Header, parse

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- chapters: written by tools/course_map.py -->", "<!-- end of the chapters -->"


@dataclass(frozen=True)
class Chapter:
    """A notebook's place in the course."""

    name: str
    title: str
    core: bool
    needs: tuple[str, ...]  # numbers
    gives: str
    data: str
    header: Header

    @property
    def number(self) -> str:
        """What orders the chapters, compared as text: 04b, 05, 07, 07b."""
        return self.name.split("_")[0]

    def link(self, folder: str) -> str:
        """Number and title, linked to the notebook in `folder`."""
        return f"[{self.number} {self.title}]({folder}/{self.name}.ipynb)"


@dataclass(frozen=True)
class Step:
    """A part of a track: when it comes, its chapters' numbers, and what one does there."""

    when: str
    chapters: tuple[str, ...]
    do: str


@dataclass(frozen=True)
class Track:
    """A way through the course."""

    title: str
    whom: str
    afterwards: str
    steps: tuple[Step, ...]

    @property
    def chapters(self) -> list[str]:
        """The numbers of all its chapters, in order."""
        return [number for step in self.steps for number in step.chapters]


@dataclass(frozen=True)
class Course:
    """All chapters in reading order, and the tracks through them."""

    chapters: tuple[Chapter, ...]
    tracks: tuple[Track, ...]

    def __getitem__(self, number: str) -> Chapter:
        """The chapter of that number; KeyError where there is none."""
        return {chapter.number: chapter for chapter in self.chapters}[number]


def load(root: Path = ROOT) -> Course:
    """The course in `root`/notebooks; ValueError for a chapter without a notebook or without its header."""
    course = tomllib.loads((root / "notebooks" / "map.toml").read_text(encoding="utf-8"))
    chapters = []
    for entry in course["chapters"]:
        twin = root / "notebooks" / "text" / f"{entry['name']}.py"
        if not twin.exists():
            raise ValueError(f"map.toml has the chapter {entry['name']}, but there is no {twin}.")
        try:
            header = parse(twin.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{twin}: {error}") from None
        chapters.append(Chapter(**(entry | {"needs": tuple(entry["needs"]), "header": header})))
    tracks = []
    for entry in course["tracks"]:
        steps = tuple(Step(**(step | {"chapters": tuple(step["chapters"])})) for step in entry["steps"])
        tracks.append(Track(**(entry | {"steps": steps})))
    return Course(tuple(chapters), tuple(tracks))


def faults(course: Course) -> Iterator[str]:
    """What breaks the order: number order is reading order, the core needs only the core, tracks leave out no need."""
    numbers = [chapter.number for chapter in course.chapters]
    for before, after in zip(numbers, numbers[1:], strict=False):
        if after <= before:
            yield f"{after} stands behind {before}: number order is reading order."
    core = {chapter.number for chapter in course.chapters if chapter.core}
    for chapter in course.chapters:
        for need in chapter.needs:
            if need not in numbers:
                yield f"{chapter.number} needs {need}, which does not exist."
            elif need >= chapter.number:
                yield f"{chapter.number} needs {need}, which comes later."
            elif chapter.core and need not in core:
                yield f"{chapter.number} belongs to the core, and needs {need}, which is optional."
    needs = {chapter.number: chapter.needs for chapter in course.chapters}
    for track in course.tracks:
        done: set[str] = set()
        for number in track.chapters:
            if number not in needs:
                yield f"{track.title}: {number} does not exist."
            for need in needs.get(number, ()):
                if need not in done:
                    yield f"{track.title}: {number} needs {need}, which does not come before it."
            done.add(number)


def duration(minutes: int) -> str:
    """Minutes as a person says them: 45 min, 2 h, 2 h 30 min."""
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest or not hours))


def run_minutes(chapter: Chapter) -> int:
    """The minutes to run a notebook, the most that its header names; ValueError where it names none."""
    found = re.fullmatch(r"(?:\d+ to )?(\d+) minutes?", chapter.header.run)
    if not found:
        raise ValueError(
            f'{chapter.name} takes "{chapter.header.run}" to run. Expected "1 minute" or "1 to 2 minutes".'
        )
    return int(found[1])


def totals(chapters: Sequence[Chapter]) -> str:
    """How long some chapters take together: to read and do, to run, and their open tasks."""
    read = sum(chapter.header.minutes.read for chapter in chapters)
    open_tasks = sum(chapter.header.minutes.open_tasks for chapter in chapters)
    more = f", {duration(open_tasks)} more for the open tasks" if open_tasks else ""
    return f"{duration(read)} to read and do{more}, {duration(sum(map(run_minutes, chapters)))} to run"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def marked(chapter: Chapter, folder: str) -> str:
    """The link to a chapter, bold if it belongs to the core."""
    return f"**{chapter.link(folder)}**" if chapter.core else chapter.link(folder)


def readme_table(course: Course) -> str:
    """The part of README between its markers: the chapters, and how long they take together."""
    head = ["notebook", "to run", "to read and do", "memory", "what you can do afterwards"]
    rows = [
        [
            marked(chapter, "notebooks"),
            re.sub("minutes?", "min", chapter.header.run),
            f"{chapter.header.minutes.read} min",
            f"{chapter.header.memory_gb:.1f} GB",
            chapter.gives,
        ]
        for chapter in course.chapters
    ]
    return f"{BEGIN}\n\n{table(head, rows)}\n\n{summary(course)}\n\n{END}"


def summary(course: Course) -> str:
    """How long the core and all chapters take, and the memory that is enough for each of them."""
    core = [chapter for chapter in course.chapters if chapter.core]
    memory = max(chapter.header.memory_gb for chapter in course.chapters)
    return (
        f"- **Core**, {len(core)} chapters: {totals(core)}.\n"
        f"- **All** {len(course.chapters)} chapters: {totals(course.chapters)}.\n"
        f"- **Memory**: the largest notebook takes {memory:.1f} GB."
    )


def diagram(course: Course) -> str:
    """The needs as a tree: each chapter below the last one it needs, with the others that are not above it."""

    def above(number: str) -> set[str]:
        return set().union(*({need} | above(need) for need in course[number].needs))

    def lines(number: str, before: str, turn: str, indent: str) -> Iterator[str]:
        chapter = course[number]
        parent = max(chapter.needs, default="")
        others = [need for need in chapter.needs if need != parent and need not in above(parent)]
        yield (
            f"{before}{turn}{number} {chapter.title}"
            + (f" (also {', '.join(others)})" if others else "")
            + ("" if chapter.core else " *")
        )
        below = [other.number for other in course.chapters if max(other.needs, default="") == number]
        for child in below:
            last = child == below[-1]
            yield from lines(child, before + indent, "└─ " if last else "├─ ", "   " if last else "│  ")

    roots = [chapter.number for chapter in course.chapters if not chapter.needs]
    return "\n".join(line for root in roots for line in lines(root, "", "", ""))


def track_text(course: Course, track: Track) -> str:
    """A track as a newcomer wants it: for whom, the chapters step by step, how long, and what one can do afterwards."""
    rows = []
    for step in track.steps:
        chapters = [course[number] for number in step.chapters]
        links = "<br>".join(chapter.link("../notebooks") for chapter in chapters)
        rows.append([step.when, links, duration(sum(chapter.header.minutes.read for chapter in chapters)), step.do])
    return (
        f"### {track.title}\n\n{track.whom}\n\n{table(['when', 'chapters', 'minutes', 'what for'], rows)}\n\n"
        f"**In all**: {totals([course[number] for number in track.chapters])}.\n\n"
        f"**Afterwards**: {track.afterwards}"
    )


def map_text(course: Course) -> str:
    """The whole of docs/map.md."""
    needs = [
        [marked(chapter, "../notebooks"), ", ".join(chapter.needs) or "–", chapter.gives] for chapter in course.chapters
    ]
    costs = [
        [
            f"{chapter.number} {chapter.title}",
            re.sub("minutes?", "min", chapter.header.run),
            f"{chapter.header.minutes.read} min",
            f"{chapter.header.minutes.open_tasks} min" if chapter.header.minutes.open_tasks else "–",
            f"{chapter.header.memory_gb:.1f} GB",
            chapter.data,
        ]
        for chapter in course.chapters
    ]
    return MAP.format(
        tracks="\n\n".join(track_text(course, track) for track in course.tracks),
        needs=table(["chapter", "needs", "afterwards you can"], needs),
        diagram=diagram(course),
        costs=table(["chapter", "to run", "to read and do", "open task", "memory", "data"], costs),
        summary=summary(course),
        rule=RULE,
    )


MAP = """\
<!-- Written by `python -m tools.course_map` from notebooks/map.toml and the headers of the notebooks. -->

# The map of the course

The chapters are numbered in reading order. The **core**, in bold, is the course; each of its chapters needs only core
chapters before it. The others are optional: the families of networks 04a and 04c to 04g can be read in any order, or
not at all.

{summary}

## Three ways through

{tracks}

## What each chapter needs, and what it gives

Only the chapters that are used directly are named; what those need in turn goes without saying.

{needs}

The same as a tree: each chapter stands below the last one that it needs, and names others that it needs as well.
Optional ones have a star.

```text
{diagram}
```

## Time, memory and data

The notebooks run on two CPU cores, without a GPU and without a network.

{costs}

Minutes to read and do follow a rule: {rule}.
An open task comes on top, with the minutes that its heading names. Memory is the most that the notebook's process held
while it was built.
"""


def documents(root: Path = ROOT) -> dict[Path, str]:
    """What the two files should hold; ValueError if README has not exactly one pair of markers."""
    course, readme = load(root), root / "README.md"
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{readme} lacks the markers of the chapters' table, {BEGIN} and {END}.")
    return {readme: before + readme_table(course) + after, root / "docs" / "map.md": map_text(course)}


def is_current(path: Path, text: str) -> bool:
    """Whether the file holds the text."""
    return path.exists() and path.read_text(encoding="utf-8") == text


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Command line; returns 0 if both files are current, 1 if --check finds one that is not, 2 if the map is faulty."""
    parser = argparse.ArgumentParser(description="Write docs/map.md and README's table of chapters.")
    parser.add_argument("--check", action="store_true", help="write nothing, and say whether both are current")
    options = parser.parse_args(arguments)
    try:
        found = list(faults(load(root)))
        texts = documents(root)
    except ValueError as error:
        found = [str(error)]
    if found:
        print(*found, sep="\n", file=sys.stderr)
        return 2
    outdated = [path for path, text in texts.items() if not is_current(path, text)]
    for path in outdated:
        if options.check:
            print(f"{path} is not current: run `python -m tools.course_map`", file=sys.stderr)
        else:
            path.write_text(texts[path], encoding="utf-8")
    return 1 if options.check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
