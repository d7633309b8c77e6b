"""Contestants that take turns, and the ratio of their times beside the target."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import psutil

from course_lib.cost.timing import take_turns
from course_lib.evaluation import Interval


@dataclass(frozen=True)
class Comparison:
    """One figure beside its target.

    Attributes:
        name: what is compared.
        value, low, high: median, minimum and maximum over the rounds, unless the name says otherwise.
        target: what is promised; None where nothing is, and the figure is for information.
        at_least: whether the target is a floor; otherwise it is a ceiling.
        unit: ``"x"`` for a ratio.
    """

    name: str
    value: float
    low: float
    high: float
    target: float | None = None
    at_least: bool = True
    unit: str = "x"

    @property
    def verdict(self) -> str:
        """``"met"``, ``"missed"``, or ``""`` without a target."""
        if self.target is None:
            return ""
        return "met" if (self.value >= self.target if self.at_least else self.value <= self.target) else "missed"

    def plain(self) -> dict[str, Any]:
        """The comparison in plain values, rounded, with its verdict."""
        rounded = {key: float(f"{getattr(self, key):.5g}") for key in ("value", "low", "high")}
        return {**asdict(self), **rounded, "verdict": self.verdict}


def estimate(name: str, interval: Interval, unit: str) -> dict[str, Any]:
    """A mean with its interval, which is symmetric about it, as one line of the table in plain values."""
    return Comparison(name, (interval.low + interval.high) / 2, interval.low, interval.high, unit=unit).plain()


@dataclass(frozen=True)
class Race:
    """The seconds of each contestant in each round, and how busy other programs kept the processor meanwhile."""

    seconds: dict[str, list[float]]
    others_percent: float

    def median(self, name: str) -> float:
        """A contestant's median seconds."""
        return median(self.seconds[name])

    def ratio(self, name: str, over: str, under: str, **target: Any) -> Comparison:
        """The ratio of two contestants' times, taken within each round."""
        return spread(name, [a / b for a, b in zip(self.seconds[over], self.seconds[under], strict=True)], **target)


def interleaved(contestants: Mapping[str, Callable[[], object]], rounds: int) -> Race:
    """Time all contestants in every round: A B C, B C A, C A B, …, so that a busy minute hits all alike."""
    before = _processor_seconds()
    seconds = take_turns(contestants, rounds)
    busy, own, passed = (after - start for after, start in zip(_processor_seconds(), before, strict=True))
    return Race(seconds, round(max(0.0, 100 * (busy - own) / passed), 1))


def timed(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def spread(name: str, values: Sequence[float], **target: Any) -> Comparison:
    """The median, minimum and maximum of one figure."""
    return Comparison(name, median(values), min(values), max(values), **target)


def table(comparisons: Sequence[Mapping[str, Any]]) -> str:
    """One line a comparison: the figure, its range, the target, and whether it is met."""
    rows = [("comparison", "figure", "range", "target", "")]
    for row in comparisons:
        unit = row["unit"]
        target = "" if row["target"] is None else f"{'>=' if row['at_least'] else '<='} {row['target']:g} {unit}"
        span = f"{row['low']:.3g} to {row['high']:.3g}"
        rows.append((row["name"], f"{row['value']:.3g} {unit}", span, target, row["verdict"]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _processor_seconds() -> tuple[float, float, float]:
    """Core-seconds so far: busy with anything, busy with this process and its ended children, and passed in all."""
    passed = time.perf_counter() * (os.cpu_count() or 1)
    system, own = psutil.cpu_times(), psutil.Process().cpu_times()
    idle = system.idle + getattr(system, "iowait", 0.0)
    return passed - idle, own.user + own.system + own.children_user + own.children_system, passed
