"""How far long work is: a bar in a terminal or a notebook, elsewhere a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from time import monotonic
from typing import Any, TextIO

from tqdm import tqdm

FIRST_LINE, NEXT_LINE = 10.0, 30.0  # seconds: what is done within the first needs no line


class Progress(tqdm):
    """A ``tqdm`` bar, by the same call, for terminals and notebooks; where there is none of both, lines for a log.

    A line says what is done, of how much, and how long it may still take. The first comes after 10 seconds, others
    follow 30 seconds apart, and a last one comes where there was one before. ``TQDM_DISABLE=1`` silences all.

    Args:
        iterable: what is worked on, to iterate over; or None, for ``update(n)`` in a ``with`` block.
        options: of ``tqdm``, such as ``total``, ``initial``, ``unit`` (one of them, such as ``"photograph"``), and
            ``desc`` (what is being done, such as ``"aligning"``).
    """

    def __init__(self, iterable: Any = None, **options: Any) -> None:
        file = options.pop("file", None) or sys.stderr
        self.live = is_live(file)
        self._due = monotonic() + FIRST_LINE
        super().__init__(iterable, file=file, **options)

    def __iter__(self) -> Iterator[Any]:
        if self.live:
            yield from super().__iter__()
            return
        try:
            for item in self.iterable:
                yield item
                self.update()
        finally:
            self.close()

    def update(self, n: float = 1) -> bool | None:
        """Count ``n`` more as done."""
        if self.live or self.disable:
            return super().update(n)
        self.n += n
        return self.display()

    def display(self, msg: str | None = None, pos: int | None = None) -> bool | None:
        """Draw the bar; or write a line, if one is due."""
        if self.live:
            return super().display(msg, pos)
        if monotonic() < self._due:
            return False
        self._write_line()
        return True

    def close(self) -> None:
        """Leave the bar as it is; or write a last line, if there was one before."""
        if not self.live and not self.disable and self.last_print_n != self.initial and self.n != self.last_print_n:
            self._write_line()
        if not self.live:
            self.leave, self.delay = False, float("inf")  # there is no bar to draw a last time, nor to wipe away
        super().close()

    def clear(self, nolock: bool = False) -> None:
        """Take the bar away for other output; lines stay."""
        if self.live:
            super().clear(nolock=nolock)

    def line(self) -> str:
        """What a log is told, such as ``aligning: 1,200 of 13,233 photographs, 02:10 gone, about 21:44 left``."""
        done, total, elapsed = self.n, self.total, self.format_dict["elapsed"]
        count = f"{done:,}" if total is None else f"{done:,} of {total:,}"
        plural = "" if (total or done) == 1 else "es" if self.unit.endswith("ch") else "s"
        parts = [f"{count} {self.unit}{plural}", f"{self.format_interval(elapsed)} gone"]
        if total is not None and self.initial < done < total:
            left = elapsed * (total - done) / (done - self.initial)
            parts.append(f"about {self.format_interval(left)} left")
        parts += [self.postfix] if self.postfix else []
        return ": ".join([*([self.desc.removesuffix(": ")] if self.desc else []), ", ".join(parts)])

    def _write_line(self) -> None:
        self._due = monotonic() + NEXT_LINE
        self.last_print_n = self.n
        self.fp.write(self.line() + "\n")
        self.fp.flush()


def is_live(file: TextIO) -> bool:
    """Whether what is written there can be drawn over: a terminal, or the output of a notebook's cell."""
    return type(file).__module__.startswith("ipykernel") or file.isatty()
