"""How many small faults in the library its tests notice: a sample of mutants, each of which the tests must kill.

    python -m tools.mutants                                sixty of the whole library, drawn by the last commit's hash
    python -m tools.mutants --sample 20 --seed abc gallery    twenty of one folder, another draw

A mutant is the library with one operator, number, word, argument or branch changed. The tests that mirror the changed
module run first, and those of its folder if they notice nothing. Needs mutmut (the extra mutants), which makes the
mutants; nothing else of the project does.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = "course_lib"
SAMPLE, SECONDS = 60, 600  # mutants, and the time that the tests of one may take: longer is as good as failing


@dataclass(frozen=True)
class Mutant:
    """A module of the library with one change."""

    module: Path  # from the project's root
    code: str

    @property
    def change(self) -> str:
        """The lines that differ, as diff prints them."""
        original = (ROOT / self.module).read_text(encoding="utf-8").splitlines()
        lines = list(difflib.unified_diff(original, self.code.splitlines(), lineterm="", n=0))[2:]
        return "\n".join(f"    {line}" for line in lines)

    def tests(self) -> Iterator[list[str]]:
        """What to run, the nearest first: the test module, then its folder, then all that are quick."""
        folder = Path("tests", *self.module.parts[1:-1])
        own = folder / f"test_{self.module.stem.lstrip('_')}.py"
        if (ROOT / own).exists():
            yield [str(own)]
        if len(folder.parts) > 1:
            yield [str(folder)]
        yield ["tests", "-m", "not slow", "--ignore=tests/notebooks", "--ignore=tests/tools", "--ignore=tests/web"]


def mutants_of(module: Path) -> list[tuple[Any, Any]]:
    """The changes that mutmut knows for a module, but those of the words of messages, which no test has to hold."""
    try:
        import libcst
        from mutmut.mutation.file_mutation import create_mutations
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error.name} is not installed; it makes the mutants: pip install -e '.[mutants]'") from error
    code = (ROOT / module).read_text(encoding="utf-8")
    tree, found, *_ = create_mutations(str(module), code)
    in_messages: set[int] = set()

    class Messages(libcst.CSTVisitor):
        def visit_Raise(self, node: libcst.Raise) -> None:
            node.visit(Inside())

    class Inside(libcst.CSTVisitor):
        def on_visit(self, node: libcst.CSTNode) -> bool:
            in_messages.add(id(node))
            return True

    tree.visit(Messages())
    inside_functions = [one for one in found if one.contained_by_top_level_function is not None]
    return [(tree, one) for one in inside_functions if id(one.original_node) not in in_messages]


def drawn(modules: Sequence[Path], count: int, seed: str) -> list[Mutant]:
    """So many mutants: every change of every module is as likely as every other."""
    changes = [(module, *change) for module in modules for change in mutants_of(module)]
    chosen = random.Random(seed).sample(changes, min(count, len(changes)))
    return [Mutant(module, tree.deep_replace(one.original_node, one.mutated_node).code) for module, tree, one in chosen]


def is_killed(mutant: Mutant, folder: Path) -> bool:
    """Whether some test fails, or takes too long, where the library is the mutant."""
    workplace(folder, mutant)
    settings = {**os.environ, "PYTHONPATH": str(folder), "TQDM_DISABLE": "1"}
    for tests in mutant.tests():
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return True
        if done.returncode not in (0, 5):  # 5: there were none
            return True
    return False


def workplace(folder: Path, mutant: Mutant) -> None:
    """The project as links to what it is, but for the one module that is changed."""
    folder.mkdir()
    for entry in ROOT.iterdir():
        if entry.name not in (LIBRARY, ".git"):
            (folder / entry.name).symlink_to(entry)
    for path in (ROOT / LIBRARY).rglob("*"):
        target = folder / path.relative_to(ROOT)
        if path.is_file() and "__pycache__" not in path.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    (folder / mutant.module).unlink()
    (folder / mutant.module).write_text(mutant.code, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 0 if every mutant was killed, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", help="folders or modules of the library; all of it when none is given")
    parser.add_argument("--sample", type=int, default=SAMPLE, help=f"how many mutants (default {SAMPLE})")
    parser.add_argument("--seed", help="what draws them (default: the hash of the last commit)")
    options = parser.parse_args(arguments)
    seed = options.seed or subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=ROOT, text=True).strip()
    every = sorted(path.relative_to(ROOT) for path in (ROOT / LIBRARY).rglob("*.py") if path.stem != "__init__")
    modules = [module for module in every if not options.folders or set(options.folders) & {*module.parts, module.stem}]
    survived = []
    chosen = drawn(modules, options.sample, seed)
    with tempfile.TemporaryDirectory() as folder:
        for number, mutant in enumerate(chosen, 1):
            killed = is_killed(mutant, Path(folder) / str(number))
            print(f"{number:3} {'killed' if killed else 'SURVIVED'} {mutant.module}\n{mutant.change}", flush=True)
            survived += [] if killed else [mutant]
    share = 100 * (1 - len(survived) / max(1, len(chosen)))
    print(f"seed {seed}: {len(chosen) - len(survived)} of {len(chosen)} killed, {share:.0f} %")
    return int(bool(survived))


if __name__ == "__main__":
    sys.exit(main())
