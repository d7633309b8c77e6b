"""How long something takes, fairly compared: all contestants take turns, so that a busy moment hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import torch
from tqdm import trange

Contestants = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Latency:
    """The milliseconds of each call, in the order they were made.

    The minimum is what the work itself costs, as far as it can be seen: everything else on the machine only adds to
    it. The median is what a user waits.
    """

    milliseconds: tuple[float, ...]

    def __repr__(self) -> str:
        return f"Latency({len(self.milliseconds)} calls, minimum {self.minimum:.3g} ms, median {self.median:.3g} ms)"

    @property
    def minimum(self) -> float:
        """Of the quickest call."""
        return min(self.milliseconds)

    @property
    def median(self) -> float:
        """Of the call in the middle."""
        return median(self.milliseconds)


def latency(contestants: Contestants, *, rounds: int = 50, warm_up: int = 3, threads: int = 1) -> dict[str, Latency]:
    """Time all contestants in every round: A B C, then B C A, then C A B.

    Args:
        contestants: name -> a call without arguments, such as ``lambda: network(image)``.
        rounds: timed calls of each.
        warm_up: calls of each before, which do not count: the first ones allocate memory and choose kernels.
        threads: of PyTorch, meanwhile. Other runtimes are given theirs when they are made, see ``export.Runtime``.

    Raises:
        ValueError: there is no contestant, or no round.
    """
    if not contestants or rounds < 1:
        raise ValueError(f"{len(contestants)} contestants in {rounds} rounds; expected at least one of each")
    with torch_threads(threads), torch.inference_mode():
        for call in contestants.values():
            for _ in range(warm_up):
                call()
        seconds = take_turns(contestants, rounds)
    return {name: Latency(tuple(1e3 * each for each in times)) for name, times in seconds.items()}


def take_turns(contestants: Contestants, rounds: int) -> dict[str, list[float]]:
    """The seconds of each contestant in each round."""
    names = list(contestants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in trange(rounds, unit="round", leave=False, disable=None):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            started = time.perf_counter()
            contestants[name]()
            seconds[name].append(time.perf_counter() - started)
    return seconds


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """PyTorch runs on so many threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
