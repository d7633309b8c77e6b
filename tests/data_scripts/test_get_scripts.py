"""Each script: its facts are the publishers', and what it leaves is what the loaders read."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import get_celeba
import get_cifar10
import get_lfw
import get_mnist
import numpy as np
import pytest
from fetch import FAILED, OK, REFUSED, Dataset, command_line, run
from loopback import Loopback, served
from PIL import Image
from unpack import UnpackError

SCRIPTS = Path(get_mnist.__file__).parent
DATASETS = [get_mnist.MNIST, get_cifar10.CIFAR10, get_lfw.lfw("funneled"), get_lfw.lfw("original"), get_celeba.CELEBA]


def fetch(dataset: Dataset, root: Path) -> int:
    return run(dataset, command_line(None).parse_args(["--folder", str(root), "--accept"]))


def jpeg(grey: int, side: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), (grey, grey, grey)).save(file, "JPEG")
    return file.getvalue()


def tarball(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def hashes(dataset: Dataset) -> dict[str, str]:
    return {file.name: file.hash.split(":")[1] for piece in dataset.pieces for file in piece.files}


def test_hashes_are_those_of_torchvision_and_scikit_learn() -> None:
    from sklearn.datasets import _lfw
    from torchvision.datasets import CIFAR10, MNIST, CelebA

    assert hashes(get_mnist.MNIST) == dict(MNIST.resources)
    assert set(get_mnist.MIRRORS) == set(MNIST.mirrors)
    assert hashes(get_cifar10.CIFAR10) == {CIFAR10.filename: CIFAR10.tgz_md5}
    assert hashes(get_celeba.CELEBA) == {name: md5 for _, md5, name in CelebA.file_list}
    drive_ids = {name: drive_id for drive_id, _, name in CelebA.file_list}
    assert all(f"id={drive_ids[file.name]}&" in file.urls[0] for file in get_celeba.FILES)
    for version, archive in (("funneled", _lfw.FUNNELED_ARCHIVE), ("original", _lfw.ARCHIVE)):
        known = (archive, *_lfw.TARGETS)
        assert hashes(get_lfw.lfw(version)) == {file.filename: file.checksum for file in known}
        files = [file for piece in get_lfw.lfw(version).pieces for file in piece.files]
        assert {file.name: file.urls for file in files} == {file.filename: (file.url,) for file in known}


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_description_is_complete(dataset: Dataset) -> None:
    assert "Licence:" in dataset.terms and "Cite:" in dataset.terms
    assert dataset.page.startswith("http") and dataset.read_with
    assert dataset.faces == ("LFW" in dataset.name or "CelebA" in dataset.name)


def test_mnist_as_torchvision_reads_it(server: Loopback, tmp_path: Path) -> None:
    from torchvision.datasets import MNIST

    images = np.arange(3 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28)
    idx = {
        "images-idx3": b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (3, 28, 28)) + images.tobytes(),
        "labels-idx1": b"\0\0\x08\x01" + (3).to_bytes(4, "big") + bytes([7, 0, 9]),
    }
    contents = {f"{part}-{kind}-ubyte.gz": gzip.compress(idx[kind]) for part in ("train", "t10k") for kind in idx}
    assert fetch(served(get_mnist.MNIST, contents, server, {}), tmp_path) == OK
    for train in (True, False):
        read = MNIST(str(tmp_path), train=train, download=False)
        assert np.array_equal(read.data.numpy(), images)
        assert read.targets.tolist() == [7, 0, 9]


def test_mnist_cut_short_is_mended(server: Loopback, tmp_path: Path) -> None:
    contents = {f"{name}.gz": gzip.compress(b"x" * 20) for name, *_ in get_mnist.IDX_FILES}
    dataset = served(get_mnist.MNIST, contents, server, {piece.path: 20 for piece in get_mnist.MNIST.pieces})
    assert fetch(dataset, tmp_path) == OK
    cut = tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    cut.write_bytes(b"x" * 5)
    assert fetch(dataset, tmp_path) == OK
    assert cut.read_bytes() == b"x" * 20


def test_cifar10_as_torchvision_reads_it(server: Loopback, tmp_path: Path) -> None:
    from torchvision.datasets import CIFAR10

    pixels = np.random.default_rng(0).integers(0, 256, (1, 3072), dtype=np.uint8)
    batch = pickle.dumps({"data": pixels, "labels": [4]})
    meta = pickle.dumps({"label_names": list("abcdefghij")})
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    files = {name: batch for name in names} | {"batches.meta": meta, "readme.html": b""}
    archive = tarball({f"cifar-10-batches-py/{name}": content for name, content in files.items()})
    contents = {"cifar-10-python.tar.gz": archive}
    dataset = served(get_cifar10.CIFAR10, contents, server, {"cifar10/cifar-10-batches-py": 7})
    assert dataset.pieces[0].expected == get_cifar10.CIFAR10.pieces[0].expected
    assert fetch(dataset, tmp_path) == OK

    class Tiny(CIFAR10):
        train_list = [[name, hashlib.md5(batch).hexdigest()] for name in names[:5]]
        test_list = [["test_batch", hashlib.md5(batch).hexdigest()]]
        meta = {**CIFAR10.meta, "md5": hashlib.md5(files["batches.meta"]).hexdigest()}

    read = Tiny(str(tmp_path / "cifar10"), train=True, download=False)
    assert np.array_equal(read.data[0], pixels.reshape(3, 32, 32).transpose(1, 2, 0))
    assert read.targets == [4] * 5


@pytest.mark.parametrize(("version", "top"), [("funneled", "lfw_funneled"), ("original", "lfw")])
def test_lfw_as_the_course_reads_it(server: Loopback, tmp_path: Path, version: str, top: str) -> None:
    from course_lib.data import lfw, lfw_pairs

    people = ("Ada_L", 1), ("Ada_L", 2), ("Bob_M", 1)
    archive = {f"{top}/{name}/{name}_{n:04d}.jpg": jpeg(60 * i, 250) for i, (name, n) in enumerate(people, start=1)}
    packed = tarball(archive | {f"{top}/.DS_Store": b"", f"{top}/pairs_01.txt": b""})
    pairs = b"1\nAda_L\t1\t2\nAda_L\t2\tBob_M\t1\n"
    contents = {f"pairs{part}.txt": pairs for part in ("", "DevTrain", "DevTest")}
    contents |= {"lfw-funneled.tgz": packed, "lfw.tgz": packed}
    assert fetch(served(get_lfw.lfw(version), contents, server, {f"lfw/{top}": 3}), tmp_path) == OK
    read = lfw(tmp_path / "lfw")
    assert [int(image[0, 50, 50]) for image in read.images] == pytest.approx([60, 120, 180], abs=2)
    assert list(read.labels) == [0, 0, 1]
    assert list(lfw_pairs(tmp_path / "lfw", view="dev_test").same) == [True, False]


IDENTITIES = b"000001.jpg 2880\n000002.jpg 17\n000003.jpg 2880\n"
ANNOTATIONS = [file.name for file in get_celeba.FILES[2:]]


def celeba(server: Loopback, images: list[str], identities: bytes = IDENTITIES, expected: int | None = None) -> Dataset:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("img_align_celeba/", b"")
        for number, name in enumerate(images, start=1):
            archive.writestr(name, jpeg(60 * number, 24))
    contents = {"img_align_celeba.zip": packed.getvalue(), "identity_CelebA.txt": identities}
    contents |= {name: name.encode() for name in ANNOTATIONS}
    return served(get_celeba.CELEBA, contents, server, {} if expected is None else {"celeba": expected})


IMAGES = [f"img_align_celeba/00000{number}.jpg" for number in (1, 2, 3)]


def test_celeba_as_the_course_reads_it(server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from course_lib.data import face_folder

    assert fetch(celeba(server, IMAGES, expected=3), tmp_path) == OK
    folder = tmp_path / "celeba"
    assert sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*")) == [
        "17/000002.jpg",
        "2880/000001.jpg",
        "2880/000003.jpg",
    ]
    assert sorted(path.name for path in folder.glob("*.txt")) == sorted(["identity_CelebA.txt", *ANNOTATIONS])
    read = face_folder(folder)
    assert read.names == ("17", "2880")
    assert list(read.labels) == [0, 1, 1]
    assert "3 images of 2 people. Left out: 0 files" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_celeba_counts_what_does_not_fit(server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [IMAGES[0], IMAGES[0], "img_align_celeba/000009.jpg", IMAGES[1]]
    assert fetch(celeba(server, images, IDENTITIES + b"000001.jpg 2880\n"), tmp_path) == OK
    assert (
        "2 images of 2 people. Left out: 1 files without an identity, 1 that are twice in the archive."
        " identity_CelebA.txt lists 1 images twice and 1 that are missing."
    ) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("images", "identities", "found"),
    [
        (IMAGES[:2], IDENTITIES, "has 2 files */*.jpg; expected 3"),
        ([*IMAGES, "../../000001.jpg"], IDENTITIES, "leads out of its folder"),
        ([*IMAGES, "/000001.jpg"], IDENTITIES, "leads out of its folder"),
        (["other.jpg"], IDENTITIES, "holds no image that identity_CelebA.txt lists"),
        (IMAGES, IDENTITIES + b"000004.jpg\n", "line 4: '000004.jpg'; expected an image and its identity"),
        (IMAGES, IDENTITIES + b"000004.jpg ../../x\n", "line 4: '000004.jpg ../../x'; expected"),
        (IMAGES, IDENTITIES + b"000001.jpg 3\n", "line 4: 000001.jpg is 3, but was 2880 before"),
    ],
    ids=["missing", "climbs", "absolute", "strangers", "no identity", "identity climbs", "two identities"],
)
def test_celeba_refuses(
    server: Loopback,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    images: list[str],
    identities: bytes,
    found: str,
) -> None:
    root = tmp_path / "deep" / "inside"
    assert fetch(celeba(server, images, identities, expected=3), root) == FAILED
    assert found in capsys.readouterr().err
    assert [path.name for path in root.iterdir()] == ["downloads"]
    assert sorted(path.name for path in (root / "downloads/celeba").iterdir()) == sorted(hashes(get_celeba.CELEBA))
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_arrange_needs_readable_archive(tmp_path: Path) -> None:
    (tmp_path / "identity_CelebA.txt").write_bytes(IDENTITIES)
    (tmp_path / "img.zip").write_bytes(b"no zip")
    with pytest.raises(UnpackError, match=r"img\.zip cannot be unpacked"):
        get_celeba.arrange(tmp_path, tmp_path / "img.zip", tmp_path / "identity_CelebA.txt")


def script(name: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPTS / name), *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.name for path in SCRIPTS.glob("get_*.py")))
def test_help_from_any_folder(tmp_path: Path, name: str) -> None:
    done = script(name, "--help", cwd=tmp_path)
    assert done.returncode == 0 and "--folder" in done.stdout and "--accept" in done.stdout
    assert ("--version {funneled,original}" in done.stdout) == (name == "get_lfw.py")


@pytest.mark.parametrize("name", ["get_lfw.py", "get_celeba.py"])
def test_faces_are_refused_without_a_terminal(tmp_path: Path, name: str) -> None:
    done = script(name, "--folder", str(tmp_path / "data"), cwd=SCRIPTS.parent)
    assert done.returncode == REFUSED
    assert "Licence:" in done.stdout and "--accept" in done.stderr
    assert not (tmp_path / "data").exists()


def test_default_folder_is_the_librarys(tmp_path: Path) -> None:
    done = script("get_mnist.py", cwd=tmp_path, COURSE_DATA="relative")
    assert done.returncode == FAILED
    assert "COURSE_DATA is 'relative', a relative path" in done.stderr
