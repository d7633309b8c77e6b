"""Archives: what they hold comes out unchanged, and nothing gets out of the folder."""

from __future__ import annotations

import gzip
import io
import ntpath
import posixpath
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
import unpack
from hypothesis import given
from hypothesis import strategies as st
from unpack import UnpackError, check_member, gunzip, readable, untar, zip_files

OUTSIDE = ["../evil", "a/../../evil", "/tmp/evil", "C:/evil", "C:evil", "..\\evil", "\\evil", "a\\..\\..\\evil"]


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "inside").mkdir(parents=True)
    return tmp_path / "deep" / "inside"


@pytest.fixture(params=["tarfile's filter", "Python 3.10.0 without it"])
def either_python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "tarfile's filter":
        monkeypatch.setattr(unpack, "_DATA_FILTER", {})


@pytest.mark.usefixtures("either_python")
@pytest.mark.filterwarnings("ignore:Python 3.14:DeprecationWarning")
class TestTar:
    def test_contents_come_out(self, folder: Path, tmp_path: Path) -> None:
        archive = tar_of(tmp_path / "a.tgz", (tarfile.TarInfo("top/x.jpg"), b"x"), (tarfile.TarInfo("top/y/z"), b"zz"))
        untar(folder, archive)
        assert (folder / "top/x.jpg").read_bytes() == b"x"
        assert (folder / "top/y/z").read_bytes() == b"zz"

    @pytest.mark.parametrize("name", OUTSIDE)
    def test_path_that_leads_out(self, folder: Path, tmp_path: Path, name: str) -> None:
        archive = tar_of(tmp_path / "a.tgz", (tarfile.TarInfo(name), b"evil"))
        before = set(tmp_path.rglob("*"))
        with pytest.raises(UnpackError, match="leads out of its folder; expected paths inside it") as raised:
            untar(folder, archive)
        assert str(archive) in str(raised.value) and repr(name) in str(raised.value)
        assert set(tmp_path.rglob("*")) == before

    @pytest.mark.parametrize(
        "member",
        [
            link("top", "../.."),
            link("top", "/etc"),
            link("top", "/etc/passwd", tarfile.LNKTYPE),
            link("p", "", tarfile.FIFOTYPE),
        ],
        ids=["symlink up", "symlink to /", "hard link", "fifo"],
    )
    def test_link_or_device(self, folder: Path, tmp_path: Path, member: tuple[tarfile.TarInfo, bytes]) -> None:
        archive = tar_of(tmp_path / "a.tgz", member, (tarfile.TarInfo("top/evil"), b"evil"))
        with pytest.raises(UnpackError, match="a link or a device; expected only files and folders"):
            untar(folder, archive)
        assert list(folder.iterdir()) == []
        assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("name", OUTSIDE)
def test_zip_path_that_leads_out(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good.jpg", b"")
        archive.writestr(name, b"evil")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive, pytest.raises(UnpackError, match="leads out") as raised:
        zip_files(archive)
    assert "a.zip" in str(raised.value) and repr(name) in str(raised.value)


def test_zip_symlink(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive, pytest.raises(UnpackError, match="'link', a link or a device"):
        zip_files(archive)


def test_zip_files_are_listed_without_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("top/", b"")
        archive.writestr("top/..x.jpg", b"")  # two dots in a name are no way out
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert [info.filename for info in zip_files(archive)] == ["top/..x.jpg"]


@given(st.text(alphabet="./\\:aC", max_size=12))
def test_accepted_names_stay_inside_on_every_system(name: str) -> None:
    try:
        check_member(name, plain=True, archive=Path("a.zip"))
    except UnpackError:
        return
    for system, base in ((posixpath, "/base/folder"), (ntpath, "C:\\base\\folder")):
        joined = system.normpath(system.join(base, name))
        assert joined == base or joined.startswith(base + system.sep)


def test_gunzip(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "train.idx.gz").write_bytes(gzip.compress(b"digits"))
    gunzip(folder, tmp_path / "train.idx.gz")
    assert (folder / "train.idx").read_bytes() == b"digits"


def test_damaged_archives_are_named(folder: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "a.gz"
    whole = gzip.compress(bytes(range(256)) * 100)
    for content in (b"no archive", whole[:-20], whole[:40] + b"\xff" * 40 + whole[80:]):
        damaged.write_bytes(content)
        for unpacking in (untar, gunzip):
            with pytest.raises(UnpackError, match=r"(?s)a\.gz cannot be unpacked .*; expected an archive"):
                unpacking(folder, damaged)
    with pytest.raises(UnpackError, match="BadZipFile"), readable(damaged), zipfile.ZipFile(damaged):
        pass
