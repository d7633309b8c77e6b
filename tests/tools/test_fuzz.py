"""A fixed hundred cases of each reader, and the fuzzer itself: every kind of fault is one that it sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from fuzz_faults import FAULTS, fails, hangs, reads

from tools.fuzz.__main__ import endings, main
from tools.fuzz.child import READ, REFUSED, Child, Reader
from tools.fuzz.mutation import LONGEST, mutated, odd_names, with_checksums, within_header, within_zip
from tools.fuzz.readers import MISSING, READERS

CASES, SEED = 100, 2026
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """One for all readers of this module: it takes seconds to start."""
    with Child(seconds=60) as child:  # of a hundred cases none takes one, but the machine may be busy
        yield child


@pytest.mark.parametrize("name", [*READERS, *MISSING])
def test_a_reader_reads_or_refuses(name: str, child: Child) -> None:
    if name in MISSING:
        pytest.skip(f"it needs {MISSING[name]}")
    reader = READERS[name]
    ended = list(endings(child, reader, name, SEED, CASES))
    faults = {ending: case for case, ending in ended if ending.is_fault}
    assert not faults
    kinds = {ending.kind for _, ending in ended}
    assert kinds == ({READ, REFUSED} if name != "folder-tree" else {READ}), "one of the two was never tried"


def valid() -> list[bytes]:
    return [b"valid"]


@pytest.mark.parametrize("read", FAULTS, ids=lambda read: read.__name__)
def test_every_kind_of_ending_is_told(read, child: Child) -> None:
    child.seconds, patience = (1.0 if read is hangs else child.seconds), child.seconds
    try:
        assert child.run(Reader(read, valid, "file", mutated), b"other").kind == FAULTS[read]
        assert child.run(Reader(reads, valid, "file", mutated), b"valid").kind == READ, "it is started again"
    finally:
        child.seconds = patience


def test_a_reader_that_refuses_valid_files_cannot_be_fuzzed(child: Child) -> None:
    with pytest.raises(RuntimeError, match="a valid file is not read: undocumented: KeyError: 'undocumented'"):
        child.run(Reader(fails, lambda: [b"other"], "file", mutated), b"other")


# Cases


@pytest.mark.parametrize("name", READERS)
def test_a_seed_makes_the_same_cases_and_another_makes_others(name: str) -> None:
    reader = READERS[name]
    first, again, other = ([reader.make(Random(f"{s} {n}"), reader.seeds()) for n in range(30)] for s in (1, 1, 2))
    assert first == again and first != other
    assert len(set(first)) > 20 and max(map(len, first)) < 2 * LONGEST


@pytest.mark.parametrize("make", [mutated, with_checksums, within_header, within_zip])
def test_most_cases_keep_something_of_a_valid_file(make) -> None:
    name = {within_zip: "checkpoint", within_header: "safetensors"}.get(make, "PNG")
    seeds = READERS[name].seeds()
    kept = [make(Random(number), seeds)[:2] == seeds[0][:2] for number in range(200)]
    assert 40 < sum(kept)


def test_names_of_folders_are_text_and_bytes() -> None:
    names = [name for number in range(200) for name in odd_names(Random(number), ()).split(b"\0")]
    assert all(name and b".." not in name.split(b"/") and not name.startswith(b"/") for name in names)
    texts = [_is_text(name) for name in names]
    assert 100 < sum(texts) < len(texts) - 100
    assert max(max(map(ord, name.decode())) for name, text in zip(names, texts, strict=True) if text) > 0x10000


def _is_text(name: bytes) -> bool:
    try:
        return bool(name.decode())
    except UnicodeDecodeError:
        return False


# The command


def test_the_command_says_how_cases_ended(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cases", "3", "LFW-list"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("LFW-list          6 cases") and "3 read" in told


def test_what_cannot_be_tried_here_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(MISSING, "HEIF", "pillow-heif")
    assert main(["HEIF"]) == 0
    assert capsys.readouterr().out == "HEIF         is not tried: it needs pillow-heif\n"


def test_a_fault_is_kept_and_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.fuzz.__main__.KEPT", tmp_path / "kept")
    monkeypatch.setitem(READERS, "bad", Reader(fails, valid, "file", mutated))
    assert main(["--cases", "1", "bad"]) == 1
    (kept,) = (tmp_path / "kept").iterdir()
    said = capsys.readouterr()
    assert f"bad: undocumented: KeyError: 'undocumented'\n    {kept}" in said.err and "1 undocumented" in said.out
    assert kept.read_bytes() == mutated(Random("bad 0 1"), [b"valid"])


@pytest.mark.parametrize(("arguments", "words"), [(["nosuch"], "no reader 'nosuch'"), (["--cases", "0"], "below 1")])
def test_what_cannot_be_done_is_said_at_once(arguments: list[str], words: str, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and words in capsys.readouterr().err
