"""A model's file is a program: one that is not trusted runs in a process of its own, which ends with its limits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from onnx_files import endless, failing, greedy, greedy_at_once, mean_colour

from course_lib import weights
from course_lib.export import Runtime, apart, apart_process
from course_lib.export.runtimes.frames import LENGTHS, receive, send

GB = 10**9
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to a limit of memory")


def some(n: int, side: int = 8) -> torch.Tensor:
    return torch.randint(256, (n, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def processes() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "apart_process" in str(child.cmdline())]


@pytest.mark.slow
def test_embeddings_are_the_same_to_the_bit():
    file, faces = weights.int8_file("mobilefacenet_075_relu"), some(35, 112)
    trusted, stranger = Runtime(file), Runtime(file, trusted=False)
    assert repr(stranger) == repr(trusted) and len(processes()) == 1
    np.testing.assert_array_equal(stranger.embed(faces, flip=True), trusted.embed(faces, flip=True))
    assert stranger.peak_activation_bytes() == trusted.peak_activation_bytes() > 0
    assert stranger.arena_bytes() is None
    del stranger
    assert processes() == []


@pytest.mark.slow
def test_a_file_that_never_ends_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MODEL_SECONDS", "3")
    network = Runtime(endless(tmp_path / "endless.onnx"), trusted=False)
    with pytest.raises(RuntimeError, match=r"endless\.onnx was stopped: it took longer than 3 seconds.*MODEL_SECONDS"):
        network.embed(some(1))
    assert processes() == []


@linux_only
@pytest.mark.slow
@pytest.mark.parametrize("made", [greedy, greedy_at_once])
def test_a_file_that_asks_for_all_memory_gets_none(made, tmp_path):
    file = made(tmp_path / "greedy.onnx", 25 * GB)
    assert file.stat().st_size < 1000
    with pytest.raises(RuntimeError, match=r"greedy\.onnx failed while it ran: .*25000000000"):
        Runtime(file, trusted=False).embed(some(1))
    assert processes() == []


def test_what_fails_says_so_here(tmp_path):
    with pytest.raises(RuntimeError, match=r"^failing\.onnx failed while it ran: .*Reshape.*\{7,11\}"):
        Runtime(failing(tmp_path / "failing.onnx")).embed(some(2))


@pytest.mark.slow
def test_what_fails_or_crashes_says_so_and_is_started_again(tmp_path):
    """A crash is a signal from outside here: which file crashes its runtime depends on the runtime's version."""
    both = Runtime(mean_colour(tmp_path / "mean.onnx", [3, 8, 8]), trusted=False)
    expected = both.embed(some(3))
    (child,) = processes()
    child.send_signal(signal.SIGABRT if os.name == "posix" else signal.SIGTERM)
    child.wait(30)
    with pytest.raises(RuntimeError, match=r"mean\.onnx was stopped: its process (was ended by signal SIGABRT|ended)"):
        both.embed(some(3))
    assert processes() == []
    np.testing.assert_array_equal(both.embed(some(3)), expected)
    failing(tmp_path / "mean.onnx")  # the file is another one now, and the process is one that has opened it
    processes()[0].kill()
    with pytest.raises(RuntimeError, match="was stopped"):
        both.embed(some(3))
    with pytest.raises(RuntimeError, match=r"mean\.onnx failed while it ran: .*\{7,11\}"):
        both.embed(some(3))
    assert processes() == []


@pytest.mark.slow
def test_what_is_no_embedder_is_refused_as_here(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"x\.onnx is no ONNX file that ONNX Runtime can run"):
        Runtime(tmp_path / "x.onnx", trusted=False)
    assert processes() == []


@pytest.mark.parametrize("side", [0, 1025, 10**6])
def test_faces_of_any_size_are_not_made_for_a_file(side, tmp_path):
    with pytest.raises(ValueError, match=r"expected 1 to 1,024 a side, which COURSE_MAX_FACE_SIDE raises|expected one"):
        Runtime(mean_colour(tmp_path / "x.onnx", [3, side, 8]))


def test_no_secret_is_handed_on(monkeypatch):
    monkeypatch.setenv("A_TOKEN", "secret")
    assert "secret" not in str(apart.small_environment()) and set(apart.small_environment()) <= {
        *apart.KEPT,
        "PYTHONPATH",
        "MALLOC_ARENA_MAX",
    }


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the environment of a process is shown in /proc")
@pytest.mark.slow
def test_the_process_has_no_secret_and_ends_when_its_parent_is_killed(tmp_path):
    file = endless(tmp_path / "endless.onnx")
    (tmp_path / "torch.py").write_text("raise SystemExit('a module beside the file was run')")
    program = (
        f"import sys; del sys.path[0]\nimport torch\nfrom course_lib.export import Runtime\n"
        f"network = Runtime({str(file)!r}, trusted=False)\nprint('opened', flush=True)\n"
        "network.embed(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"A_TOKEN": "secret", "PYTHONPATH": os.getcwd()},
        stdout=subprocess.PIPE,
    )
    assert parent.stdout.readline() == b"opened\n"
    children = psutil.Process(parent.pid).children()  # Python 3.14 also tracks tqdm's lock in one
    (child,) = [one for one in children if "apart_process" in str(one.cmdline())]
    assert b"secret" not in Path(f"/proc/{child.pid}/environ").read_bytes()
    parent.kill()
    parent.communicate()
    assert psutil.wait_procs([child], timeout=30)[1] == []


def test_a_message_is_what_was_sent():
    pipe = BytesIO()
    send(pipe, {"shape": [1, 2], "path": "a\udce9"}, b"12345678")
    pipe.seek(0)
    assert receive(pipe, 8) == ({"shape": [1, 2], "path": "a\udce9"}, b"12345678")
    with pytest.raises(EOFError):
        receive(pipe, 8)


@pytest.mark.parametrize(
    ("said", "content", "error"),
    [
        (b"{}", b"123456789", "expected 8 at most"),
        (b" " * (1 << 17), b"", "expected 8 at most"),
        (b"[1]", b"", "a message is list"),
        (b"no JSON", b"", "Expecting value"),
        (b"[" * 60_000, b"", "nested too deeply|Expecting value"),  # Python 3.14 nests as deeply as its stack
        (json.dumps({"a": 1}).encode("utf-16-le"), b"", ""),
    ],
)
def test_what_is_no_message_is_refused(said, content, error):
    pipe = BytesIO(LENGTHS.pack(len(said), len(content)) + said + content)
    if error:
        with pytest.raises(ValueError, match=error):
            receive(pipe, 8)
    else:
        assert receive(pipe, 8) == ({"a": 1}, b"")  # JSON says itself in which of its encodings it is


@pytest.mark.parametrize("shape", [None, [2], [3, 4], [2, 0], "no", [2, 5]])
def test_embeddings_that_are_none_are_refused(shape, tmp_path, monkeypatch):
    process = apart._Process(tmp_path / "x.onnx", 1)
    monkeypatch.setattr(process, "ask", lambda *_: ({"shape": shape}, np.zeros((2, 4), np.float32).tobytes()))
    with pytest.raises(ValueError, match="gives .* for 2 faces; expected one row a face"):
        process._forward(torch.zeros(2, 3, 8, 8))


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_size": [8, 10**6]},
        {"input_size": 8},
        {"input_size": [8, "8"]},
        {"in_channels": 2},
        {"batch_size": 0},
        {"batch_size": "1"},
    ],
)
def test_what_a_process_says_of_its_file_is_checked(wrong, tmp_path, monkeypatch):
    process, ended = apart._Process(tmp_path / "x.onnx", 1), []
    monkeypatch.setattr(process, "end", lambda: ended.append(True))
    right = {"input_size": [8, 6], "in_channels": 3, "batch_size": None, "arena_bytes": True}
    process.told = right
    assert process.loaded().input_size == (8, 6) and process.loaded().peak_activation_bytes is None and not ended
    process.told = right | wrong
    with pytest.raises(RuntimeError, match="which are no faces"):
        process.loaded()
    assert ended


# What the process does, done here


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("wrong"), "ValueError"),
        (UnicodeError("wrong"), "ValueError"),
        (ModuleNotFoundError("wrong"), "ModuleNotFoundError"),
        (OSError("wrong"), ""),
    ],
)
def test_the_answer_is_what_came_of_the_work(error, kind):
    def fail():
        raise error

    pipe = BytesIO()
    apart_process._answer(pipe, {"seconds": 60}, lambda: ({"shape": [1]}, b"abcd"))
    apart_process._answer(pipe, {"seconds": 60}, fail)
    apart_process._answer(pipe, {"seconds": 60}, lambda: (_ for _ in ()).throw(RuntimeError("x" * 100_000)))
    pipe.seek(0)
    assert receive(pipe, 8) == ({"shape": [1]}, b"abcd")
    assert receive(pipe, 8) == ({"error": kind, "text": "wrong"}, b"")
    assert receive(pipe, 8) == ({"error": "", "text": "x" * apart_process.LONGEST}, b"")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no such clock")
def test_the_clock_runs_while_there_is_work_and_then_stops():
    left = []
    work = lambda: left.append(signal.getitimer(signal.ITIMER_REAL)[0]) or ({}, b"")  # noqa: E731
    apart_process._answer(BytesIO(), {"seconds": 60}, work)
    assert 59 + apart_process.GRACE < left[0] <= 60 + apart_process.GRACE
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_file_is_opened_and_run_as_here(tmp_path):
    file = mean_colour(tmp_path / "mean.onnx", [3, 8, 6], batch=1)
    loaded, faces = [], torch.linspace(-1, 1, 3 * 8 * 6).reshape(1, 3, 8, 6)
    words, content = apart_process._open({"path": str(file), "threads": 1}, loaded)
    assert content == b"" and words == {
        "input_size": (8, 6),
        "in_channels": 3,
        "batch_size": 1,
        "peak_activation_bytes": True,
        "arena_bytes": False,
    }
    (opened,) = loaded
    words, content = apart_process._run(opened, str(file), {"shape": [1, 3, 8, 6]}, faces.numpy().tobytes())
    assert words == {"shape": (1, 3)}
    np.testing.assert_allclose(np.frombuffer(content, np.float32), faces.mean((2, 3))[0], rtol=1e-5, atol=1e-6)
    count = apart_process._run(opened, str(file), {"count": "peak_activation_bytes"}, b"")
    assert count == ({"bytes": opened.peak_activation_bytes()}, b"")
    with pytest.raises(RuntimeError, match=r"^mean\.onnx failed while it ran"):
        apart_process._run(opened, str(file), {"shape": [1, 3, 7, 6]}, bytes(4 * 3 * 7 * 6))
