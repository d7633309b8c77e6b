"""How many small faults in the library its tests notice: a sample of mutants, each of which the tests must kill.

    python -m tools.mutants                                sixty of the whole library, drawn by the last commit's hash
    python -m tools.mutants --sample 20 --seed abc gallery    twenty of one folder, another draw

A mutant is the library with one operator, number, word, argument or branch changed. The tests that mirror the changed
module run first, then those of its folder and of others that name it, these without the slow ones. It is killed by a
test that fails with the fault, again when it runs alone, and passes without. Needs mutmut (the extra mutants), which
makes the mutants; nothing else of the project does. Not on Windows.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import functools
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bootstrap import test_settings

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = "course_lib"
SAMPLE = 60
# A test that takes longer is as good as failing: of the processor, and of the clock, on which a busy machine is slow.
SECONDS, SECONDS_OF_THE_CLOCK = 120, 900
PASSED, FAILED, NO_TESTS = 0, 1, 5  # pytest's exit codes
# Imported once and not for each mutant: most of the seconds that its tests take.
IMPORTS = """pytest hypothesis torch torch.export torchvision pandas matplotlib.pyplot scipy.stats cv2 sympy onnxscript
onnxruntime sklearn.linear_model skimage.transform lightning_fabric""".split()


@dataclass(frozen=True)
class Mutant:
    """A module of the library with one change."""

    module: Path  # from the project's root
    code: str

    @property
    def change(self) -> str:
        """The lines that differ, as diff prints them."""
        lines = list(difflib.unified_diff(read(self.module).splitlines(), self.code.splitlines(), lineterm="", n=0))
        return "\n".join(f"    {line}" for line in lines[2:])

    def tests(self) -> Iterator[tuple[str, ...]]:
        """What to run, the nearest first; the slow tests of other modules never."""
        quick = ("-m", "not slow")
        folder = Path("tests", *self.module.parts[1:2]) if len(self.module.parts) > 2 else Path("tests")
        every = [path.relative_to(ROOT) for path in sorted((ROOT / "tests").rglob("test_*.py"))]
        mirrored = [path for path in every if (ROOT / LIBRARY / path.parts[1]).is_dir() or len(path.parts) == 2]
        names = [part.strip("_").removesuffix("s") for part in (*self.module.parts[2:-1], self.module.stem)]
        own = [path for path in mirrored if path.parent == folder and any(name in path.stem for name in names)]
        near = [path for path in mirrored if path.parent == folder != Path("tests") and path not in own]
        named = re.compile(rf"\b{Path(self.module.parts[1]).stem}\b|walk_packages")  # or looks at all of the library
        others = [path for path in mirrored if path.parent != folder and named.search(read(path))]
        of_all = [path for path in others if "walk_packages" in read(path)]
        others = [path for path in others if path not in of_all]
        for options, paths in ((quick, own), (quick, of_all), (quick, near), (("-m", "slow"), own), (quick, others)):
            if paths and not (options != quick and all("mark.slow" not in read(path) for path in paths)):
                yield *options, *map(str, paths)


@functools.cache
def read(path: Path) -> str:
    """The text of a file of the project."""
    return (ROOT / path).read_text(encoding="utf-8")


def mutants_of(module: Path) -> list[tuple[Any, Any]]:
    """The changes that mutmut knows for a module, but those of the words of messages, which no test has to hold."""
    try:
        import libcst
        from mutmut.mutation.file_mutation import create_mutations
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error.name} is not installed; it makes the mutants: pip install -e '.[mutants]'") from error
    code = read(module)
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


def is_killed(mutant: Mutant) -> bool:
    """Whether some test fails, crashes or takes far too long where the library is the mutant, and passes elsewhere."""
    whole = Mutant(mutant.module, read(mutant.module))
    for tests in mutant.tests():
        code, test = outcome(mutant, tests)
        if code in (PASSED, NO_TESTS):
            continue
        alone = (test,) if test else tests
        if test and outcome(mutant, alone)[0] == PASSED:
            print(f"This test notices nothing: it fails now and then: {test}")
        elif (code := outcome(whole, alone)[0]) in (PASSED, NO_TESTS):
            return True
        else:
            print(f"These tests notice nothing: they fail without a fault too (pytest: {code}): {' '.join(alone)}")
    return False


def outcome(mutant: Mutant, tests: tuple[str, ...]) -> tuple[int, str]:
    """How pytest ends at the first test that fails: its exit code, or less than 0, and that test; "" for none."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(IMPORTS)
    with tempfile.TemporaryDirectory() as folder:
        workplace(Path(folder, "here"), mutant)
        (begun := Path(folder, "begun")).touch()
        process = server.Process(target=run_tests, args=(Path(folder, "here"), tests, begun))
        process.start()
        process.join()
        with contextlib.suppress(ProcessLookupError):  # what the tests started ends with them
            os.killpg(process.pid, signal.SIGKILL)
        passed = process.exitcode in (PASSED, NO_TESTS)
        return process.exitcode, "" if passed else begun.read_text(encoding="utf-8")


def run_tests(folder: Path, tests: tuple[str, ...], begun: Path) -> None:
    """Run some tests up to the first that fails, in a process of its own, which ends with pytest's exit code."""
    os.setpgid(0, 0)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == LIBRARY]:
        del sys.modules[name]  # a server that others started may have imported the library as it is
    os.environ |= {"PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    import pytest

    class Limits:
        def pytest_runtest_logstart(self, nodeid: str) -> None:
            begun.write_text(nodeid, encoding="utf-8")
            set_limits()

    set_limits()  # of what is imported
    os._exit(pytest.main(["-x", "-q", "-o", "addopts=", "-p", "no:cacheprovider", *tests], plugins=[Limits()]))


def set_limits() -> None:
    """End this process by a signal unless this is called again in time."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_OF_THE_CLOCK)


def workplace(folder: Path, mutant: Mutant) -> None:
    """The project as links to what it is, but for the one module that is changed."""
    source = ROOT
    for part in mutant.module.parts:
        folder.mkdir()
        for entry in source.iterdir():
            if entry.name not in (part, "__pycache__", ".git"):
                (folder / entry.name).symlink_to(entry)
        source, folder = source / part, folder / part
    folder.write_text(mutant.code, encoding="utf-8")


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
    os.environ |= {**test_settings(threads=1), "TQDM_DISABLE": "1"}
    for number, mutant in enumerate(chosen, 1):
        killed = is_killed(mutant)
        print(f"{number:3} {'killed' if killed else 'SURVIVED'} {mutant.module}\n{mutant.change}", flush=True)
        survived += [] if killed else [mutant]
    share = 100 * (1 - len(survived) / max(1, len(chosen)))
    print(f"seed {seed}: {len(chosen) - len(survived)} of {len(chosen)} killed, {share:.0f} %")
    return int(bool(survived))


if __name__ == "__main__":
    sys.exit(main())
