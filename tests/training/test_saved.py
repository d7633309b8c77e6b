"""Files of torch.save, and what else may lie in their place."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.training.saved import read_saved, savable


class Malice:
    def __reduce__(self):
        return os.system, ("touch executed",)


def deflated(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in records.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("new", [True, False], ids=["archive", "before archives"])
def test_tensors_and_plain_values_are_read(tmp_path, new):
    torch.save({"a": torch.arange(3), "b": [1, "x"]}, tmp_path / "file", _use_new_zipfile_serialization=new)
    found = read_saved(tmp_path / "file", also_before_archives=True)
    assert found["a"].tolist() == [0, 1, 2] and found["b"] == [1, "x"]


def test_files_from_before_archives_are_read_on_request_only(tmp_path):
    torch.save({}, tmp_path / "file", _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match="not a zip file"):
        read_saved(tmp_path / "file")


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("new", [True, False], ids=["archive", "before archives"])
def test_code_is_refused_in_our_own_words(tmp_path, monkeypatch, new, old):
    monkeypatch.chdir(tmp_path)
    torch.save(Malice(), tmp_path / "file", _use_new_zipfile_serialization=new)
    with pytest.raises(ValueError, match="it asks for posix.system|it asks for nt.system|not a zip file") as caught:
        read_saved(tmp_path / "file", also_before_archives=old)
    assert "weights_only" not in str(caught.value) and not Path("executed").exists()


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", pickle.dumps({1, "x"}, 2)[:9], b"PK\x03\x04"])
def test_other_files_are_refused(tmp_path, content, old):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=r"\w") as caught:
        read_saved(tmp_path / "file", also_before_archives=old)
    assert "eights" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("old", [True, False])
def test_compressed_records_are_refused_before_they_are_read(tmp_path, monkeypatch, old):
    torch.save({"a": torch.zeros(100_000)}, tmp_path / "file")
    deflated(tmp_path / "file")
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(ValueError, match="its record .* is compressed"):
        read_saved(tmp_path / "file", also_before_archives=old)


def test_what_the_system_cannot_open_is_its_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_saved(tmp_path / "nowhere")


def test_what_is_savable_is_read_back(tmp_path):
    kept = {
        "d": OrderedDict(a=torch.ones(2)),
        "c": Counter({3: 2, 5: 1}),
        "t": (1, None, [b"x", {2}]),
        "s": torch.Size([2]),
    }
    torch.save(savable({**kept, "more": torch.float32}, "x"), tmp_path / "file")
    assert str(read_saved(tmp_path / "file")) == str({**kept, "more": torch.float32})
    assert savable(kept["d"], "x") is kept["d"]  # with the versions that PyTorch notes on it


def test_what_is_numpys_is_saved_as_pythons_or_as_a_tensor(tmp_path):
    given = {"a": np.float64(0.5), "b": [np.int64(3), np.bool_(True)], np.int64(7): (np.arange(3), np.str_("x"))}
    torch.save(savable(given, "x"), tmp_path / "file")
    found = read_saved(tmp_path / "file")
    assert type(found["a"]) is float and [type(value) for value in found["b"]] == [int, bool]
    assert found[7][0].tolist() == [0, 1, 2] and type(found[7][1]) is str


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (Malice(), "x is a Malice"),
        ({"a": [1, Malice()]}, r"x\['a'\]\[1\] is a Malice"),
        (np.array([Malice()]), "x is a ndarray"),
        ({Malice(): 1}, "a key of x is a Malice"),
        (1j, "x is a complex"),
    ],
)
def test_what_could_not_be_read_back_is_named(value, place):
    with pytest.raises(TypeError, match=place):
        savable(value, "x")
