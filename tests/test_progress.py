from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from functools import partialmethod
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

import course_lib
from course_lib import data, losses, progress, training
from course_lib.progress import FIRST_LINE, NEXT_LINE, Progress, is_live


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""

    class Clock:
        now = 1000.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "monotonic", clock)
    monkeypatch.setattr("tqdm.std.time", clock)
    return clock


def lines(log: io.StringIO) -> list[str]:
    assert "\r" not in log.getvalue()
    return log.getvalue().splitlines()


def test_a_log_gets_a_line_now_and_then(clock):
    log = io.StringIO()
    with Progress(total=2000, desc="aligning", unit="photograph", file=log, disable=False) as bar:
        for _ in range(880):  # eight a second
            clock.now += 0.125
            bar.update()
    seconds = 880 / 8
    assert len(lines(log)) == 1 + (seconds - FIRST_LINE) // NEXT_LINE + 1  # the last one at the end
    assert lines(log)[0] == "aligning: 80 of 2,000 photographs, 00:10 gone, about 04:00 left"
    assert lines(log)[-1] == "aligning: 880 of 2,000 photographs, 01:50 gone, about 02:20 left"


def test_short_work_leaves_no_trace_in_a_log(clock):
    log = io.StringIO()
    assert list(Progress(range(90), unit="face", file=log, disable=False)) == list(range(90))
    assert log.getvalue() == ""


def test_iterating_counts_each_item_once_however_slow(clock):
    log = io.StringIO()
    bar = Progress(iter(range(7)), unit="face", file=log, disable=False)
    for _ in bar:
        clock.now += 12
    assert bar.n == 7
    assert lines(log)[0] == "1 face, 00:12 gone" and lines(log)[-1] == "7 faces, 01:24 gone"
    assert len(lines(log)) == 3  # after 12, 48 and 84 seconds


def test_what_an_earlier_run_did_is_no_sign_of_speed(clock):
    log = io.StringIO()
    with Progress(total=1000, initial=900, unit="photograph", file=log, disable=False) as bar:
        clock.now += 20
        bar.update(50)
    assert lines(log) == ["950 of 1,000 photographs, 00:20 gone, about 00:20 left"]


def test_a_postfix_is_told_and_causes_no_lines(clock):
    log = io.StringIO()
    with Progress(total=10, unit="batch", file=log, disable=False) as bar:
        for _ in range(5):
            bar.set_postfix(loss="0.5")
        assert log.getvalue() == ""
        clock.now += 11
        bar.update()
    assert lines(log) == ["1 of 10 batches, 00:11 gone, about 01:39 left, loss=0.5"]


def test_an_error_ends_it_like_an_end(clock):
    log = io.StringIO()
    with pytest.raises(KeyError), Progress(total=10, unit="face", file=log, disable=False) as bar:
        clock.now += 11
        bar.update()
        bar.update()
        raise KeyError
    assert [line[:7] for line in lines(log)] == ["1 of 10", "2 of 10"]
    assert not Progress._instances


def test_a_terminal_has_a_bar(clock):
    screen = Terminal()
    with Progress(total=10, unit="face", file=screen, disable=False) as bar:
        clock.now += 1
        bar.update(10)
    assert "100%" in screen.getvalue() and "\r" in screen.getvalue()


@pytest.mark.parametrize("file", [io.StringIO, Terminal])
def test_it_can_be_silenced(clock, file):
    out = file()
    with Progress(total=3, file=out, disable=True) as bar:
        clock.now += 100
        bar.update(3)
    for _ in Progress(range(3), file=out, disable=True):
        clock.now += 100
    assert out.getvalue() == ""


def test_the_environment_silences_it():
    program = "from course_lib import progress; progress.FIRST_LINE = 0; list(progress.Progress(range(9)))"
    others = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    for environment, said in ((others, True), (others | {"TQDM_DISABLE": "1"}, False)):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment)
        assert bool(done.stderr) == said, done.stderr


def test_a_notebook_is_live():
    in_notebook = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    assert is_live(in_notebook) and is_live(Terminal()) and not is_live(io.StringIO())


# --- Work that may take long ---


def folder_of_faces(folder):
    for number in range(3):
        (folder / "Ann").mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / f"Ann/{number}.png")
    return lambda: data.face_folder(folder)


def embedding(_):
    network, images = nn.Flatten(), torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    return lambda: training.embed(network, images, batch_size=1)


def fitting(_):
    images = data.ImageSet(torch.zeros(6, 1, 4, 4, dtype=torch.uint8), [0, 1] * 3, ("a", "b"), "black")
    network, criterion = nn.Sequential(nn.Flatten(), nn.Linear(16, 4)), losses.Softmax(4, 2)
    optimizer = torch.optim.SGD([*network.parameters(), *criterion.parameters()], lr=0.1)
    return lambda: training.fit(network, criterion, images, optimizer=optimizer, epochs=1, batch_size=2)


LONG = {
    "reading: 3 of 3 photographs, ": folder_of_faces,
    "embedding: 3 of 3 images, ": embedding,
    "training: 3 of 3 batches, ": fitting,
}


@pytest.mark.parametrize(("line", "work"), LONG.items(), ids=[work.__name__ for work in LONG.values()])
def test_long_work_tells_a_log_how_far_it_is(line, work, tmp_path, monkeypatch, capsys):
    run = work(tmp_path)
    loud = partialmethod(Progress.__init__, disable=False)  # tqdm reads TQDM_DISABLE once, when it is imported
    monkeypatch.setattr(Progress, "__init__", loud)
    monkeypatch.setattr(progress, "FIRST_LINE", 0.0)  # as if all of it took longer
    monkeypatch.setattr(progress, "NEXT_LINE", 0.0)
    run()
    out, err = capsys.readouterr()
    assert [told for told in err.splitlines() if told.startswith(line)] and "\r" not in err and out == ""


@pytest.mark.parametrize("work", LONG.values())
def test_short_work_says_nothing_to_a_log(work, tmp_path, monkeypatch, capsys):
    run = work(tmp_path)
    loud = partialmethod(Progress.__init__, disable=False)  # tqdm reads TQDM_DISABLE once, when it is imported
    monkeypatch.setattr(Progress, "__init__", loud)
    run()
    assert capsys.readouterr() == ("", "")


EVERY_BAR = {
    ("alignment/folder.py", "aligning", "photograph"): {},
    ("training/fit.py", "training", "batch"): {},
    ("training/embed.py", "embedding", "image"): {"leave": False, "delay": 1},
    ("export/executorch_file.py", "to ExecuTorch", "step"): {"leave": False},
    ("export/executorch_file.py", "calibrating", "image"): {"leave": False},
    ("export/activation_ranges.py", "calibrating", "image"): {"leave": False},
    ("export/litert_file.py", "calibrating", "image"): {"leave": False},
    ("gallery/faces.py", "looking at", "photograph"): {"leave": False, "delay": 1},
    ("data/pair_photographs.py", "reading faces", "photograph"): {},
    ("data/verification_bin.py", "decoding", "image"): {"delay": 1},
    ("data/photographs.py", "reading", "photograph"): {"leave": False, "delay": 1},
}


def test_every_bar_of_the_library_says_what_is_done_and_of_what() -> None:
    """What is part of something longer leaves no line; what may be over at once waits before it draws one."""
    folder, found = Path(course_lib.__file__).parent, {}
    for path in (Path(here, name) for here, _, names in os.walk(folder, followlinks=True) for name in names):
        if path.suffix != ".py":
            continue
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        for call in calls:
            if isinstance(call.func, ast.Name) and call.func.id == "Progress":
                said = {word.arg: word.value.value for word in call.keywords if isinstance(word.value, ast.Constant)}
                name = (path.relative_to(folder).as_posix(), said.pop("desc", None), said.pop("unit", None))
                found[name] = {option: value for option, value in said.items() if option in ("leave", "delay")}
    assert found == EVERY_BAR
