"""Memory that several threads share: photographs are decoded at once as long as all of them fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class MemoryBudget:
    """Bytes that are lent and given back; who asks for more than are left waits."""

    def __init__(self) -> None:
        self._lent = 0
        self._changed = Condition()

    @contextmanager
    def lend(self, wanted: int, total: int) -> Iterator[None]:
        """Lend ``wanted`` of ``total`` bytes; what is more than all of it is lent while nothing else is."""
        with self._changed:
            self._changed.wait_for(lambda: self._lent == 0 or self._lent + wanted <= total)
            self._lent += wanted
        try:
            yield
        finally:
            with self._changed:
                self._lent -= wanted
                self._changed.notify_all()
