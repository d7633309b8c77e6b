"""Which numbers in a notebook's prose have no cell behind them.

A number in a markdown cell needs evidence when it looks like a result. Exempt are
- integers up to 12, years from 1900 to 2100, dates, "100 %";
- formulas between dollar signs, fenced code, links and HTML tags;
- names and places: ResNet100, AgeDB-30, 2-D, 112x112, Section 2.1, Table 3, Python 3.11, list and heading numbers;
- times and sizes in the header, the cells before the first code cell, and the minutes in an open task's heading;
- the section "What the papers report", and any paragraph that cites a paper: (Name, year), arXiv:..., doi:...

Every other number must occur in the code (comments do not count) or in a text output. An integer must occur exactly;
4,000 and 4_000 are the same. A decimal or a percentage may be rounded: 98.3 is covered by 98.27, and 98.3 % by 98.27
or by 0.9827. "k", "M", "thousand" and "million" scale: 1.2M is covered by 1,200,512.
The sign is not compared. Numbers in words, such as "threefold", are not seen.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence

CITATION = r"(?:\([^()]*\b(?:19|20)\d\d[a-z]?\b[^()]*\)|\barXiv:|\bdoi:)"
_DIGITS = r"(?:\d{1,3}(?:[,_]\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?"
_QUOTED = re.compile(
    rf"(?<![\w.])(?<![A-Za-z]-)(?P<number>{_DIGITS})"
    r"(?P<unit>\s?(?:%|per ?cent\b|percentage points?\b|points?\b)|\s?(?:thousand|million)\b|[kM]|x|×|[kMG]?B|m?s)?"
    r"(?!\w)(?!\.\d)(?!-D\b)"
)
_SCALES = {"k": 1e3, "thousand": 1e3, "M": 1e6, "million": 1e6}
_EXEMPT = [
    r"\$\$.*?\$\$",
    r"\$[^$\n]+\$",
    r"!?\[(?=[^\]]*\]\()|\]\([^)]*\)",  # a link keeps its words and loses its address
    r"https?://\S+",
    r"<[^<>]+>",
    r"\b\d{4}-\d\d-\d\d\b",
    r"\d+(?:\s?[x×]\s?\d+)+",
    r"(?m)^\s*\d+[.)]\s|^#+\s+\d+(?:\.\d+)*[.)]?\s",
    r"(?m)^#+ Open task\b.*\(\d+ minutes\)\s*$",
    r"(?i)\b(?:sections?|sec\.|chapters?|notebooks?|tables?|figures?|fig\.|equations?|eq\.|steps?|exercises?|python|"
    r"pytorch|version|view|part)\s\d+(?:\.\d+)*[a-z]?\b",
]
_HEADER_EXEMPT = r"(?i)\b\d[\d.,]*\s?(?:minutes?|min|seconds?|s|hours?|[kMG]B|cores?|cells?|more)\b"


def quoted_without_evidence(
    cells: Sequence[tuple[str, str]], code: Sequence[str], outputs: Sequence[str]
) -> Iterator[tuple[int, str]]:
    """(cell number from 1, number as written) of each quoted number that neither code nor outputs hold.

    `cells` are (type, source) in order; `code` and `outputs` are the texts that count as evidence.
    """
    evidence = _values("\n".join([*map(_without_comments, code), *outputs]))
    for position, line in _prose(cells):
        for match in _QUOTED.finditer(line):
            number, unit = match["number"], (match["unit"] or "").strip()
            if not _is_exempt(number, unit) and not _is_covered(number, unit, evidence):
                yield position, match[0].strip()


def _prose(cells: Sequence[tuple[str, str]]) -> Iterator[tuple[int, str]]:
    """(cell number, paragraph) of the markdown in which numbers count, with what is exempt taken out."""
    papers_level, in_header = 0, True
    for position, (kind, source) in enumerate(cells, 1):
        in_header = in_header and kind == "markdown"
        if kind != "markdown":
            continue
        source = re.sub(r"(?ms)^```.*?^```", "", source)
        for paragraph in re.split(r"\n\s*\n|\n(?=#)|(?<=\n)(?=[-*] )", source):
            heading = re.match(r"(#+) +(.*)", paragraph)
            if heading and (not papers_level or len(heading[1]) <= papers_level):
                papers_level = len(heading[1]) if "what the papers report" in heading[2].lower() else 0
            if papers_level or re.search(CITATION, paragraph):
                continue
            for pattern in [*_EXEMPT, *([_HEADER_EXEMPT] if in_header else [])]:
                paragraph = re.sub(pattern, " ", paragraph, flags=re.DOTALL if pattern.startswith(r"\$\$") else 0)
            yield position, paragraph


def _is_exempt(number: str, unit: str) -> bool:
    if unit in ("%", "per cent", "percent") and number == "100":
        return True
    plain_integer = number.isdigit() and not unit.startswith(("%", "per", "point")) and unit not in _SCALES
    return plain_integer and (int(number) <= 12 or (not unit and 1900 <= int(number) <= 2100))


def _is_covered(number: str, unit: str, evidence: set[float]) -> bool:
    digits = re.sub("[,_]", "", number)
    scale, percent = _SCALES.get(unit, 1.0), unit.startswith(("%", "per", "point"))
    quoted = float(digits) * scale
    if digits.isdigit() and not percent and scale == 1:
        return quoted in evidence
    mantissa, _, exponent = digits.lower().partition("e")
    step = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2])) * scale
    candidates = evidence | {100 * value for value in evidence} if percent else evidence
    return any(abs(value - quoted) <= step / 2 * (1 + 1e-9) for value in candidates)


def _values(text: str) -> set[float]:
    """All numbers in a text. "112,112" may be one number or two: both readings count."""
    values: set[float] = set()
    for match in re.finditer(rf"(?<![\w.])(?:{_DIGITS}|\.\d+)", text):
        parts = [re.sub("[,_]", "", match[0]), *match[0].split(",")]
        values.update(float(part.replace("_", "")) for part in parts)
    return values


def _without_comments(code: str) -> str:
    try:
        tokens = tokenize.generate_tokens(io.StringIO(code).readline)
        return " ".join(token.string for token in tokens if token.type != tokenize.COMMENT)
    except (tokenize.TokenError, IndentationError):  # a cell with a magic: drop at least the whole-line comments
        return "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("#"))
