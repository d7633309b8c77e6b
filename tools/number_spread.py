"""How far printed numbers move from machine to machine, and whether a cell's tolerance fits that.

A tolerance must hold the whole spread of each number (else it is too tight), and may be at most three times as wide as
the largest spread among the numbers that it holds for (else it is too wide). One unit in the last printed digit is
always allowed: a value that lies near the middle between two roundings may flip on the next machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from .printed_numbers import Number, Tolerance, pieces_of_text

WIDEST, SUGGESTED = Decimal(3), Decimal("1.5")  # times the largest spread
_BETWEEN = "; "


@dataclass(frozen=True)
class Spread:
    """A number as the first run printed it, and the least and the largest that any run printed in its place."""

    number: Number
    low: Decimal
    high: Decimal

    @property
    def width(self) -> Decimal:
        """Largest minus least."""
        return self.high - self.low

    @property
    def relative(self) -> Decimal:
        """The width as a share of the number; infinite where the number is zero and moved."""
        size = abs(self.number.value)
        return self.width / size if size else Decimal("inf" if self.width else 0)


def packed(runs: Mapping[str, Sequence[Number]]) -> dict[str, str]:
    """The numbers of several runs as a record keeps them: those of the first, and of the others that printed others."""
    texts = {name: _BETWEEN.join(map(str, numbers)) for name, numbers in runs.items()}
    first = next(iter(texts))
    return {name: text for name, text in texts.items() if name == first or text != texts[first]}


def unpacked(entry: Mapping[str, str]) -> list[Spread]:
    """The spread of each number, from what `packed` gave."""
    runs = [[_number(text) for text in texts.split(_BETWEEN)] for texts in entry.values()]
    return [
        Spread(first, min(number.value for number in numbers), max(number.value for number in numbers))
        for first, *numbers in zip(runs[0], *runs, strict=True)
    ]


def _number(text: str) -> Number:
    return next(piece for piece in pieces_of_text(text) if isinstance(piece, Number))


def too_tight(spreads: Sequence[Spread], tolerance: Tolerance) -> Iterator[str]:
    """The numbers that moved further than the tolerance allows."""
    for spread in spreads:
        allowed = tolerance.allowed(spread.number)
        if spread.width > allowed:
            yield f"{spread.number} moved by {spread.width:f}, tolerance {f'{allowed:f}' if allowed else 'none'}"


def too_wide(spreads: Sequence[Spread], tolerance: Tolerance) -> Iterator[str]:
    """The parts of the tolerance that are wider than measured numbers need."""
    for name, size, concerned in _parts(spreads, tolerance):
        if not concerned:
            yield f"{name} holds for no number of the cell"
            continue
        relative = name.endswith("%")
        moved = [spread for spread in concerned if spread.width]
        needed = [_needed(spread, WIDEST, relative) for spread in moved]
        allowed = max(needed) if moved else min(_needed(spread, WIDEST, relative) for spread in concerned)
        if size > allowed:
            yield f"{name} is wider than the {_share(allowed) if relative else f'{allowed:f}'} that the spread allows"


def _parts(spreads: Sequence[Spread], tolerance: Tolerance) -> Iterator[tuple[str, Decimal, list[Spread]]]:
    """Each size of the tolerance as it is written, and the spreads of the numbers that it holds for."""
    if tolerance.points:
        yield f"{tolerance.points} points", tolerance.points, [spread for spread in spreads if spread.number.in_points]
    if tolerance.plain:
        yield f"{tolerance.plain}", tolerance.plain, [spread for spread in spreads if not spread.number.in_points]
    if tolerance.relative:
        yield _share(tolerance.relative), tolerance.relative, [spread for spread in spreads if spread.number.value]


def _needed(spread: Spread, times: Decimal, relative: bool) -> Decimal:
    """So many spreads, or one printed step if that is more."""
    width = max(times * spread.width, spread.number.step)
    return width / abs(spread.number.value) if relative else width


def _share(size: Decimal) -> str:
    return f"{float(100 * size):.3g} %"


def suggestion(spreads: Sequence[Spread]) -> str:
    """The smallest sensible tolerance as a cell declares it, empty if no number moved.

    One and a half spreads, rounded up to one digit. A share where the bare numbers that moved differ tenfold in size.
    """
    points = [spread.width for spread in spreads if spread.number.in_points and spread.width]
    bare = [spread for spread in spreads if not spread.number.in_points and spread.width]
    sizes = [abs(spread.number.value) for spread in bare]
    parts = [f"{_rounded_up(SUGGESTED * max(points)):f} points"] if points else []
    if bare and min(sizes) and max(sizes) > 10 * min(sizes):
        parts.append(f"{_rounded_up(100 * SUGGESTED * max(spread.relative for spread in bare)):f} %")
    elif bare:
        parts.append(f"{_rounded_up(SUGGESTED * max(spread.width for spread in bare)):f}")
    return ", ".join(parts)


def _rounded_up(size: Decimal) -> Decimal:
    """To one digit that counts: 0.0123 to 0.02, 21 to 30."""
    unit = Decimal(1).scaleb(size.adjusted())
    return (size / unit).to_integral_value(ROUND_CEILING) * unit
