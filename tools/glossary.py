"""The glossary, docs/glossary.md, read as data, and what in the notebooks does not keep to it.

    python -m tools.glossary            the faults of every notebook
    python -m tools.glossary 05 12      of those whose names begin so

A term is explained where its first use in a notebook stands in bold. Prose is what `prose` keeps of the markdown cells.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from .notebooks import NOTEBOOKS, from_twin

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GLOSSARY = NOTEBOOKS.parent / "docs" / "glossary.md"
_CHAPTERS = tomllib.loads((NOTEBOOKS / "map.toml").read_text(encoding="utf-8"))["chapters"]
CORE = frozenset(chapter["name"].partition("_")[0] for chapter in _CHAPTERS if chapter["core"])
_ENTRY = re.compile(
    r"\*\*(?P<term>[^*]+)\*\*(?: \((?P<forms>[^()]+)\))? · "
    r"\[(?P<number>\d\d[a-z]?)\]\((?P<link>[^()]+)\) · (?P<definition>.+)"
)
_BOLD = re.compile(r"\*\*(?=\S)((?:(?!\*\*|\n\n).)+)\*\*", re.DOTALL)
_NUMBERS = r"\d\d[a-z]?(?:(?:, (?:and |or )?| and | or | to )\d\d[a-z]?)*"
_SKIPPED = ("what the papers report", "next", "what you will learn")


@dataclass(frozen=True)
class Entry:
    """A term: what it is called in bold, which of its forms are searched for, and the notebook that defines it."""

    term: str
    names: tuple[str, ...]
    counted: tuple[str, ...]
    number: str
    link: str
    definition: str

    def uses(self, text: str) -> list[int]:
        """Where a counted form stands in a text, as whole words, in order."""
        return sorted(found.start() for form in self.counted for found in _pattern(form).finditer(text))

    def bold(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each place where one of the term's names is all that stands in bold."""
        return [match.span() for match in _BOLD.finditer(text) if any(map(self._is_name, _parts(match[1])))]

    def _is_name(self, words: str) -> bool:
        return any(_pattern(name).fullmatch(words) for name in self.names)


def read(text: str) -> list[Entry]:
    """The entries of a glossary: the paragraphs that begin in bold.

    Raises ValueError for such a paragraph that is not `**term** (forms) · [NN](link) · definition`.
    """
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))
    return [_entry(paragraph) for paragraph in paragraphs if paragraph.startswith("**")]


def _entry(paragraph: str) -> Entry:
    match = _ENTRY.fullmatch(paragraph)
    if match is None:
        raise ValueError(
            f"the glossary has {paragraph[:80]!r}, expected `**term** (form, form) · [NN](../notebooks/NAME.ipynb) · "
            "definition`, in brackets also `name; counted: form, form`: write it so."
        )
    others, _, only = (match["forms"] or "").partition("counted:")
    head = re.sub(r" \(.*\)", "", match["term"])
    names = (head, *_listed(others))
    counted = tuple(form for form in _listed(only) if form != "none") if only else names
    names = tuple(dict.fromkeys(names + counted))
    return Entry(match["term"], names, counted, *match.group("number", "link", "definition"))


def _listed(text: str) -> list[str]:
    return [form for form in re.split(r"\s*[,;]\s*", text.strip()) if form]


@cache
def _pattern(form: str) -> re.Pattern[str]:
    """A form as whole words, with its plural; a blank is also a hyphen. Two capitals in a word: the case counts."""
    words = r"[\s-]+".join(map(re.escape, re.split(r"[\s-]+", form)))
    words = rf"{words[:-1]}(?:y|ies)" if form.endswith("y") else rf"{words}(?:s|es)?"
    is_abbreviation = re.search(r"[A-Z]\w*[A-Z]", form)
    return re.compile(rf"(?<![\w-]){words}(?![\w-])", 0 if is_abbreviation else re.IGNORECASE)


def _parts(words: str) -> list[str]:
    """The sides of commas and brackets, without full stops: two names of "false accept rate (FAR)"."""
    return [part.strip(" .:;\n") for part in re.split(r"[,()]", words)]


def file_faults(entries: Sequence[Entry]) -> Iterator[str]:
    """Faults of the glossary itself: its order, terms with two entries, forms that are counted for two terms."""
    for before, after in pairwise(entry.term for entry in entries):
        if _sort_key(before) > _sort_key(after):
            yield f"{after!r} stands behind {before!r}: sort the glossary by the alphabet."
    terms = Counter(entry.term.casefold() for entry in entries)
    forms = Counter(form.casefold() for entry in entries for form in dict.fromkeys(entry.counted))
    yield from (f"{term!r} has {count} entries: keep one." for term, count in terms.items() if count > 1)
    yield from (f"{form!r} is counted for {count} terms: keep one." for form, count in forms.items() if count > 1)


def dead_links(entries: Iterable[Entry], folder: Path = GLOSSARY.parent) -> Iterator[str]:
    """Entries whose link leads nowhere from the glossary's folder, or to another notebook than the one they name."""
    for entry in entries:
        if not Path(entry.link).name.startswith(f"{entry.number}_"):
            yield f"{entry.term!r} names notebook {entry.number} and links to {entry.link}: make both the same."
        elif not (folder / entry.link).is_file():
            yield f"{entry.term!r} links to {entry.link}, which does not exist: build it, or correct the link."


def _sort_key(term: str) -> str:
    return re.sub(r"[^a-z0-9 ]", "", term.casefold().replace("-", " "))


def prose(markdown: str) -> str:
    """The sentences of a notebook's markdown, links and bold kept.

    Left out: code, formulas, HTML tags, where links lead, headings, and what names things to come or quotes others: the
    list "What you will learn", a paragraph that begins "Next", the sections "Next" and "What the papers report".
    """
    kept, skipped_level = [], 0
    for paragraph in re.split(r"\n\s*\n|\n(?=#)|(?<=\n)(?=#)", words(markdown)):
        heading = re.match(r"(#+) +(.*)", paragraph)
        if heading:
            if not skipped_level or len(heading[1]) <= skipped_level:
                skipped_level = len(heading[1]) if heading[2].casefold().startswith(_SKIPPED) else 0
            _, _, paragraph = paragraph.partition("\n")
        if not skipped_level and not re.match(r"[*\s]*(?:next\b|what you will learn)", paragraph, re.IGNORECASE):
            kept.append(paragraph)
    return "\n\n".join(kept)


def words(markdown: str) -> str:
    """Markdown without code, formulas, HTML tags and the addresses of links; a sign stands where something was."""
    markdown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"(?ms)^```.*?^```", " ", markdown))
    return re.sub(r"`[^`]*`|\$\$.*?\$\$|\$(?:(?!\n\n)[^$])+\$|<[^<>\n]+>", " ¤ ", markdown, flags=re.DOTALL)


def used_before_defined(number: str, text: str, entries: Iterable[Entry]) -> Iterator[str]:
    """Terms that the prose of a notebook uses before it, or a notebook that its reader has read, explains them."""
    for entry in entries:
        is_known = entry.number < number and (number not in CORE or entry.number in CORE)
        uses, bold = entry.uses(text), entry.bold(text)
        if uses and not is_known and not any(_explains(text, uses[0], span) for span in bold):
            yield f"notebook {number} uses {entry.term!r} before it is explained: {_excerpt(text, uses[0])!r}."


def _explains(text: str, use: int, bold: tuple[int, int]) -> bool:
    """Whether the bold name stands before the use, around it, or behind it in the same sentence."""
    return bold[0] <= use or not re.search(r"[.!?]\s|\n\n", text[use : bold[0]])


def _excerpt(text: str, position: int) -> str:
    return " ".join(text[max(0, position - 40) : position + 60].split())


def not_defined(number: str, text: str, entries: Iterable[Entry]) -> Iterator[str]:
    """Terms that a notebook is said to define and that stand nowhere in bold in its prose."""
    for entry in entries:
        if entry.number == number and not entry.bold(text):
            yield f"notebook {number} defines {entry.term!r} and has it nowhere in bold: write **{entry.names[0]}**."


def dangling_pointers(number: str, markdown: str, known: Container[str]) -> Iterator[str]:
    """Each "notebook NN" of a notebook's markdown whose NN is not among the known numbers."""
    text = words(markdown)
    for match in re.finditer(rf"\bnotebooks?\s+({_NUMBERS})", text, re.IGNORECASE):
        for named in re.findall(r"\d\d[a-z]?", match[1]):
            if named not in known:
                where = _excerpt(text, match.start())
                yield f"notebook {number} points at notebook {named}, which does not exist: {where!r}."


def misleading_pointers(number: str, texts: Mapping[str, str], entries: Iterable[Entry]) -> Iterator[str]:
    """Each "term (notebook NN)" where NN neither defines the term nor has it in bold.

    `texts` maps the numbers of the notebooks to their markdown.
    """
    for entry, form in [(one, form) for one in entries for form in one.counted]:
        pointer = re.compile(rf"{_pattern(form).pattern}\**\s+\(notebook\s+(\d\d[a-z]?)", _pattern(form).flags)
        for named in pointer.findall(words(texts[number])):
            if named in texts and named != entry.number and not entry.bold(prose(texts[named])):
                yield f"notebook {number} points at {named} for {entry.term!r}, which {entry.number} defines."


def number_of(twin: Path) -> str:
    """The number of a notebook: 04b of 04b_mobilefacenet.py."""
    return twin.stem.partition("_")[0]


def markdown_of(twin: Path) -> str:
    """The markdown of a text twin, cells parted by blank lines."""
    return "\n\n".join(cell.source for cell in from_twin(twin).cells if cell.cell_type == "markdown")


def faults(twin: Path, entries: Sequence[Entry]) -> list[str]:
    """What the notebook of a text twin does not define, and what it uses too early."""
    number, text = number_of(twin), prose(markdown_of(twin))
    return [*not_defined(number, text, entries), *used_before_defined(number, text, entries)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the faults of the notebooks whose names begin with an argument; 1 if there are any."""
    begins = tuple(sys.argv[1:] if arguments is None else arguments) or ("",)
    entries = read(GLOSSARY.read_text(encoding="utf-8"))
    twins = sorted((NOTEBOOKS / "text").glob("*.py"))
    texts = {number_of(twin): markdown_of(twin) for twin in twins}
    found = [*file_faults(entries), *dead_links(entries)]
    for twin in (twin for twin in twins if twin.stem.startswith(begins)):
        number = number_of(twin)
        found += faults(twin, entries)
        found += [*dangling_pointers(number, texts[number], texts), *misleading_pointers(number, texts, entries)]
    print("\n".join([*found, f"{len(entries)} terms, {len(found)} faults"]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
