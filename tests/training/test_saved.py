"""Files of torch.save, and what else may lie in their place."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from course_lib.training.saved import read_saved


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
