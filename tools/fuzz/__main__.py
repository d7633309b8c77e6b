"""Feed every reader of the library with damaged and malicious files: python -m tools.fuzz

    python -m tools.fuzz                               2,000 cases of each reader
    python -m tools.fuzz --cases 5000 --seed 7 bin PNG    of two of them, others than before

A reader reads a file, or refuses it with an exception that it documents; within limits on memory and time; and writes,
starts, unpickles and asks for nothing else. A case that ends otherwise is kept in .cache/fuzz, and fails the command.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from time import monotonic

from tools.fuzz.child import Child, Ending, Reader
from tools.fuzz.readers import MISSING, READERS

KEPT = Path(__file__).resolve().parents[2] / ".cache" / "fuzz"
ENOUGH = 20  # faults of one reader


def endings(child: Child, reader: Reader, name: str, seed: int, cases: int) -> Iterator[tuple[bytes, Ending]]:
    """Each case and its ending: the valid files first, then ``cases`` others, the same for the same seed."""
    seeds = reader.seeds()
    for number in range(len(seeds) + cases):
        case = seeds[number] if number < len(seeds) else reader.make(Random(f"{name} {seed} {number}"), seeds)
        yield case, child.run(reader, case)


def fuzz(child: Child, name: str, seed: int, cases: int) -> bool:
    """One reader; prints how its cases ended and keeps the faults; whether there was none."""
    counts: Counter[str] = Counter()
    memory, seconds, faults, began = 0, 0.0, 0, monotonic()
    for case, ending in endings(child, READERS[name], name, seed, cases):
        counts[ending.kind] += 1
        memory, seconds = max(memory, ending.memory), max(seconds, ending.seconds)
        if not ending.is_fault:
            continue
        faults += 1
        KEPT.mkdir(parents=True, exist_ok=True)
        file = KEPT / f"{name}-{seed}-{counts.total()}"
        file.write_bytes(case)
        print(f"{name}: {ending.kind}: {ending.reason}\n    {file}", file=sys.stderr)
        if faults == ENOUGH:
            print(f"{name}: {ENOUGH} faults are enough; the rest was not tried", file=sys.stderr)
            break
    told = ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common())
    most = f"at most {memory / 2**20:.0f} MiB and {seconds:.2f} s for one"
    print(f"{name:12} {counts.total():6,} cases in {monotonic() - began:4.0f} s: {told}; {most}", flush=True)
    return not faults


def fuzz_alone(name: str, seed: int, cases: int) -> bool:
    """One reader in a process of its own."""
    with Child() as child:
        return fuzz(child, name, seed, cases)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 0 if no case ended in a fault, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("readers", nargs="*", help=f"some of: {', '.join(READERS)}; all when none is given")
    parser.add_argument("--cases", type=int, default=2000, help="of each reader (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another one makes other cases (default: %(default)s)")
    given = parser.parse_args(arguments)
    for name, needed in MISSING.items():
        if name in given.readers or not given.readers:
            print(f"{name:12} is not tried: it needs {needed}", flush=True)
    chosen = [name for name in given.readers or READERS if name not in MISSING]
    unknown = [name for name in chosen if name not in READERS]
    if unknown or given.cases < 1:
        parser.error(f"no reader {unknown[0]!r}; known: {', '.join(READERS)}" if unknown else "--cases is below 1")
    return int(not all([fuzz_alone(name, given.seed, given.cases) for name in chosen]))


if __name__ == "__main__":
    sys.exit(main())
