from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import data, export, losses, training
from course_lib.export.onnx_file import write_whole
from course_lib.gallery.database import Database
from course_lib.paths import data_folder, expanded, written_whole


def test_course_data_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "not there yet"))
    assert data_folder() == tmp_path / "not there yet"
    assert not data_folder().exists()


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("COURSE_DATA", "~/data")
    assert data_folder() == tmp_path / "data"


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_otherwise_the_platforms_cache(monkeypatch: pytest.MonkeyPatch, empty: str | None) -> None:
    monkeypatch.delenv("COURSE_DATA", raising=False)
    if empty is not None:
        monkeypatch.setenv("COURSE_DATA", empty)
    assert data_folder().is_absolute()
    assert "face-course" in data_folder().parts


def write(path: Path, text: str) -> None:
    with written_whole(path) as unfinished:
        unfinished.write_text(text)


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "run.ckpt").symlink_to(tmp_path / "disk/run.ckpt")
    for text in ("first", "second"):
        write(tmp_path / "run.ckpt", text)
        assert (tmp_path / "run.ckpt").is_symlink() and (tmp_path / "disk/run.ckpt").read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "run.ckpt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(FileExistsError, match="pipe is no file, but a device or a pipe"):
            write(tmp_path / name, "text")
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(os.name == "nt", reason="permissions are others")
def test_a_file_of_ones_own_stays_ones_own(tmp_path: Path) -> None:
    write(tmp_path / "file", "first")
    (tmp_path / "file").chmod(0o600)
    write(tmp_path / "file", "second")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_relative_path_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", "data")
    with pytest.raises(ValueError, match="COURSE_DATA is 'data', a relative path; expected a full one"):
        data_folder()


def test_only_a_first_part_that_is_the_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert expanded("~") == tmp_path and expanded(Path("~/a/b.jpg")) == tmp_path / "a/b.jpg"
    for name in ("~old.jpg", "a/~/b.jpg", "a~", "", "/a"):
        assert expanded(name) == Path(name)


def a_checkpoint() -> None:
    images = data.ImageSet(torch.zeros(6, 1, 4, 4, dtype=torch.uint8), [0, 1] * 3, ("a", "b"), "black")
    network, criterion = nn.Sequential(nn.Flatten(), nn.Linear(16, 4)), losses.Softmax(4, 2)
    optimizer = torch.optim.SGD([*network.parameters(), *criterion.parameters()], lr=0.1)
    training.fit(network, criterion, images, optimizer=optimizer, epochs=1, checkpoint="~/file")


def embeddings() -> None:
    images = torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    training.teacher_embeddings(nn.Flatten(), images, "~/file")


def a_database() -> None:
    Database("~/file", application=1, schema=(), facts={})


def an_export() -> None:
    assert write_whole(b"network", "~/file") == Path.home() / "file"


@pytest.mark.parametrize("write", [a_checkpoint, embeddings, a_database, an_export])
def test_what_is_written_to_the_home_folder_lies_there(write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    write()
    assert (tmp_path / "file").is_file() and not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    "read",
    [
        lambda: export.Runtime("~/no.onnx"),
        lambda: export.quantize("~/no.onnx", np.zeros(1), "~/a.onnx"),
        lambda: export.report(["~/no.onnx"], None),
        lambda: training.load_weights(nn.Flatten(), "~/no.onnx"),
    ],
)
def test_what_is_read_from_the_home_folder_is_looked_for_there(read, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(FileNotFoundError, match=re.escape(f"{tmp_path / 'no.onnx'} is not there")):
        read()


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    with (
        pytest.raises(IsADirectoryError, match=re.escape(f"{tmp_path} is a folder; expected the name of a file")),
        written_whole(tmp_path),
    ):
        pass
    with pytest.raises(IndexError, match="no epoch yet"):
        training.History().last  # noqa: B018
