from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_lib import data

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def write_published(root: Path, monkeypatch: pytest.MonkeyPatch, batches: dict[str, bytes] | None = None) -> Path:
    """Tiny files of CIFAR-10's own format, two images a batch, whose hashes torchvision is told."""
    from torchvision.datasets import CIFAR10

    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    hashes = {}
    for number, name in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
        pixels = np.full((2, 3072), number, np.uint8)
        pixels[:, 1024:2048] = 100  # green
        pixels[:, 2048 + 32] = 200  # blue, first pixel of the second row
        content = (batches or {}).get(name) or pickle.dumps({"data": pixels, "labels": [number, 9]})
        (folder / name).write_bytes(content)
        hashes[name] = hashlib.md5(content).hexdigest()
    meta = pickle.dumps({"label_names": list(NAMES)})
    (folder / "batches.meta").write_bytes(meta)
    monkeypatch.setattr(CIFAR10, "train_list", [[name, md5] for name, md5 in hashes.items() if name != "test_batch"])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", hashes["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": hashlib.md5(meta).hexdigest()})
    return folder


def write_folders(root: Path, classes: tuple[str, ...] = ("cat", "ship"), size: tuple[int, int] = (32, 32)) -> None:
    for part, count in (("train", 3), ("test", 1)):
        for value, name in enumerate(classes):
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", size, (100 * value, 50, 50)).save(root / part / name / f"{number:04d}.jpg")


@pytest.mark.parametrize("given", [True, False])
def test_the_published_files_are_read_in_their_order(tmp_path, monkeypatch, given: bool):
    root = tmp_path / "cifar10"
    write_published(root, monkeypatch)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    train, test = data.objects(root) if given else data.objects()
    assert train.images.shape == (10, 3, 32, 32) and test.images.shape == (2, 3, 32, 32)
    assert train.names == test.names == NAMES
    assert train.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9] and test.labels.tolist() == [5, 9]
    assert train.images[:, 0, 0, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] and test.images[0, 0, 9, 9] == 5
    assert (test.images[:, 1] == 100).all() and (test.images[0, 2] == 200).nonzero().tolist() == [[1, 0]]
    assert test.images.is_contiguous() and "Krizhevsky" in test.source


def test_folders_of_images_are_read(tmp_path):
    write_folders(tmp_path)
    train, test = data.objects(tmp_path)
    assert train.names == test.names == ("cat", "ship")
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1] and test.labels.tolist() == [0, 1]
    assert train.images.shape == (6, 3, 32, 32)
    assert test.images[:, 0].float().mean((1, 2)).tolist() == pytest.approx([0, 100], abs=3)


def test_other_sizes_are_scaled(tmp_path):
    write_folders(tmp_path, size=(50, 40))
    assert data.objects(tmp_path)[0].images.shape == (6, 3, 32, 32)


def test_what_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"cifar10 holds neither .*: python data_scripts/get_cifar10\.py"):
        data.objects()
    (tmp_path / "train/cat").mkdir(parents=True)
    Image.new("RGB", (32, 32)).save(tmp_path / "train/cat/1.jpg")
    with pytest.raises(FileNotFoundError, match=r"test is not there; .*get_cifar10\.py"):
        data.objects(tmp_path)


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    (write_published(tmp_path, monkeypatch) / "data_batch_3").unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_3 is not there; .*get_cifar10\.py"):
        data.objects(tmp_path)


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


@pytest.mark.parametrize("name", ["data_batch_2", "test_batch", "batches.meta"])
@pytest.mark.parametrize("content", [b"", pickle.dumps(Evil())], ids=["empty", "code"])
def test_a_file_with_another_hash_is_named_and_never_unpickled(tmp_path, monkeypatch, name: str, content: bytes):
    (write_published(tmp_path / "data", monkeypatch) / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rf"{name} is damaged: its MD5 hash is not \w+; .*get_cifar10\.py"):
        data.objects(tmp_path / "data")
    assert not Path("executed").exists()


def test_the_hashes_are_the_published_ones(tmp_path, monkeypatch):
    with monkeypatch.context() as told:
        write_published(tmp_path, told)
    with pytest.raises(ValueError, match="data_batch_1 is damaged: .* is not c99cafc152244af753f735de768cd75f"):
        data.objects(tmp_path)


def test_a_class_in_one_part_only_is_named(tmp_path):
    write_folders(tmp_path)
    (tmp_path / "test/ship").rename(tmp_path / "test/truck")
    with pytest.raises(ValueError, match=r"ship is a class in train only; expected the same classes in both"):
        data.objects(tmp_path)
    (tmp_path / "train/ship").rename(tmp_path / "train/truck")
    (tmp_path / "test/frog").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "test/frog/1.jpg")
    with pytest.raises(ValueError, match=r"test.frog is a class in test only"):
        data.objects(tmp_path)


def test_a_damaged_image_is_named(tmp_path):
    write_folders(tmp_path)
    (tmp_path / "test/ship/0000.jpg").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"0000\.jpg cannot be read"):
        data.objects(tmp_path)
