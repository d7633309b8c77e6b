"""What a notebook printed, as words and numbers, and whether two prints agree within a tolerance.

Words must be equal; runs of white space count as one blank, and white space beside a number does not count, since
columns move with the width of a number. Digits that belong to a name are part of a word: float32, ResNet-100,
mobilefacenet_075, 04b, 112x112, 10-fold, body.3.conv, 2026-11-22. Numbers are written as Python, numpy and pandas write
them: signs (also U+2212), thousands separators, exponents, "1." with a bare point; a unit may stand right behind them,
as in 1.2x, 98.3%, 12MB. A full stop right behind a number does not count either.

A tolerance is written "2 points", "0.02" or "10 %", several of them with commas between. Points hold for numbers in
percent or points, the bare number holds for all others, and "10 %" of the stored value holds for both; where two apply
the wider one does. Without a tolerance numbers must be equal. NaN and infinity never agree with anything: print a dash
for a value that does not exist; in quotes, 'nan' is a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html.parser import HTMLParser
from itertools import zip_longest

_TOKEN = re.compile(
    r"""
    (?P<date> (?<!\w) [0-9]+ (?:-[0-9]+){2,} (?!\w) )
    |
    (?<![\w×]) (?<!\w\.) (?<![A-Za-z_]-)                     # a name does not end here,
    (?! [-+−]?0[0-9] )                                        # and 04 is one
    (?P<number>
        (?: (?<![)\]%]) [-+−] )?                              # behind a bracket it is a hyphen
        (?: (?: [0-9]{1,3}(?:,[0-9]{3})+(?![0-9]) | [0-9]+ ) (?:\.[0-9]+)? | \.[0-9]+ )
        (?: [eE][-+−]?[0-9]{1,3} )?
    )
    (?! \.?[0-9] | \.[A-Za-z_] | -[A-Za-z] )                  # nor does a name begin,
    (?: (?= (?:[kKMG]?B|[kKMGx%°]|[mµn]?s|px|dB)(?![\w×]) ) | (?![\w×]) )  # unless it is a unit
    (?: \.(?!\.) )?
    |
    (?<![\w'"`.-]) (?P<not_finite> [-+−]?(?i:nan|inf) ) (?![\w'"`])
    """,
    re.VERBOSE,
)
_POINTS = r"\s*(?:%|(?:percentage )?points?\b|pp\b)"
_RANGE = r"(?:\s*(?:to|±|\+/-|–)\s*|-)"
_LIST = rf"(?:{_RANGE}|\s*,\s*)"
_TOLERANCE = re.compile(r"(?P<size>[0-9]*\.?[0-9]+(?:e-?[0-9]+)?)\s*(?P<unit>points?|%)?")


@dataclass(frozen=True)
class Number:
    """A number as printed; `value` is None for NaN and infinity, `in_points` says that % or points follow."""

    text: str
    value: Decimal | None
    in_points: bool = False

    @property
    def step(self) -> Decimal:
        """One unit in the last printed digit."""
        return Decimal(0) if self.value is None else Decimal(1).scaleb(self.value.as_tuple().exponent)

    def __str__(self) -> str:
        return f"{self.text} %" if self.in_points else self.text


@dataclass(frozen=True)
class Tolerance:
    """How far a number may lie from the stored one; nothing at all by default."""

    points: Decimal = Decimal(0)
    plain: Decimal = Decimal(0)
    relative: Decimal = Decimal(0)

    @classmethod
    def parse(cls, text: str | None) -> Tolerance:
        """Read "2 points", "0.02", "10 %", several with commas between, or None for none; else raise ValueError."""
        if text is None:
            return cls()
        sizes: dict[str, Decimal] = {}
        for part in str(text).split(","):
            found = _TOLERANCE.fullmatch(part.strip())
            if not found or not Decimal(found["size"]):
                raise ValueError(
                    f'{text!r} is no tolerance: write "2 points", "0.02" or "10 %", or several with commas between.'
                )
            kind = {"%": "relative", None: "plain"}.get(found["unit"], "points")
            if kind in sizes:
                raise ValueError(f"the tolerance {text!r} gives two sizes for the same numbers: keep one.")
            sizes[kind] = Decimal(found["size"]) / (100 if kind == "relative" else 1)
        return cls(**sizes)

    def allowed(self, number: Number) -> Decimal:
        """How far from `number`, a stored one, a new one may lie."""
        absolute = self.points if number.in_points else self.plain
        return absolute if number.value is None else max(absolute, self.relative * abs(number.value))


def pieces_of_text(text: str) -> list[str | Number]:
    """Words and numbers of a plain text, in order."""
    tokens = [match for match in _TOKEN.finditer(text) if not match["date"]]
    bounds = [0, *(bound for token in tokens for bound in token.span()), len(text)]
    gaps = [text[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True)]
    pieces: list[str | Number] = gaps[0].split()
    for token, in_points, gap in zip(tokens, _in_points(gaps), gaps[1:], strict=True):
        pieces += [Number(token[0].rstrip("."), _value(token["number"]), in_points), *gap.split()]
    return pieces


def _value(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text.replace(",", "").replace("−", "-"))


def _in_points(gaps: Sequence[str]) -> list[bool]:
    """For the numbers between the gaps, whether they are in percent or points.

    They are when the unit follows, and in the same range or bracket: 97 to 98 %, [97, 98] %, 98 % (97 to 99), 98 % ± 1.
    """
    n_numbers = len(gaps) - 1
    found = [bool(re.match(_POINTS, gap)) for gap in gaps[1:]]
    opened = closed = False
    for index in range(1, n_numbers):
        gap, before = gaps[index], found[index - 1]
        opened = bool(before and re.fullmatch(rf"{_POINTS}\s*[(\[]\s*", gap) or opened and re.fullmatch(_LIST, gap))
        found[index] |= opened or bool(before and re.fullmatch(rf"{_POINTS}\s*(?:±|\+/-)\s*", gap))
    for index in reversed(range(n_numbers)):
        gap = gaps[index + 1]
        closed = bool(re.match(rf"\s*[)\]]{_POINTS}", gap) or closed and re.fullmatch(_LIST, gap))
        found[index] |= closed or bool(re.fullmatch(_RANGE, gap) and any(found[index + 1 : index + 2]))
    return found


class _TablePieces(HTMLParser):
    """Collects the texts of cells and the tags that make rows and cells; other tags are white space, styles nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str | Number] = []
        self.text = ""
        self.hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag(f"<{tag}>", tag in ("table", "caption", "tr", "th", "td"))
        self.hidden = tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._tag(f"</{tag}>", tag in ("table", "caption"))
        self.hidden = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self.hidden else data

    def _tag(self, piece: str, kept: bool) -> None:
        self.text += " "
        if kept:
            self.take_text()
            self.pieces.append(piece)

    def take_text(self) -> None:
        self.pieces += pieces_of_text(self.text)
        self.text = ""


def pieces_of_html(html: str) -> list[str | Number]:
    """Words and numbers of the texts in an HTML output, and <table>, <tr>, <th>, <td> as words; no attributes."""
    parser = _TablePieces()
    parser.feed(html)
    parser.close()
    parser.take_text()
    return parser.pieces


def pieces_of(kind: str, text: str) -> list[str | Number]:
    """Words and numbers of an output of that MIME type or stream."""
    return pieces_of_html(text) if kind == "text/html" else pieces_of_text(text)


def numbers_of(pieces: Sequence[str | Number]) -> list[Number]:
    """The numbers alone."""
    return [piece for piece in pieces if isinstance(piece, Number)]


def differences(stored: Sequence[str | Number], found: Sequence[str | Number], tolerance: Tolerance) -> Iterator[str]:
    """One line for each number out of tolerance, up to the first place where words or their count differ."""
    for position, (old, new) in enumerate(zip_longest(stored, found)):
        where = " ".join(str(piece) for piece in stored[max(0, position - 4) : position])
        where = f'after "{where}": ' if where else "at the start: "
        if isinstance(old, Number) and isinstance(new, Number):
            problem = _apart(old, new, tolerance)
            if problem:
                yield where + problem
        elif old != new:
            yield where + f"stored {_named(old)}, found {_named(new)}"
            return


def _apart(stored: Number, found: Number, tolerance: Tolerance) -> str:
    if stored.value is None or found.value is None:
        return f"stored {stored}, found {found}: NaN and infinity never agree; print a dash for what does not exist"
    apart, allowed = abs(stored.value - found.value), tolerance.allowed(stored)
    if apart <= allowed:
        return ""
    return f"stored {stored}, found {found}: {_plain(apart)} apart, tolerance {_plain(allowed) if allowed else 'none'}"


def _plain(size: Decimal) -> str:
    return f"{float(size):.6g}"


def _named(piece: str | Number | None) -> str:
    if piece is None:
        return "nothing more"
    return f"the number {piece}" if isinstance(piece, Number) else f"the word {piece!r}"
