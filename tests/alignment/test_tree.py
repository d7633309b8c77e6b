"""What is told of a folder of photographs, word for word: it stands in the table of problems."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from course_lib.alignment.tree import Problem, Tree, crops_in, tree


def files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_all_that_lies_in_a_folder_by_name_and_in_order(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "in" / "out"
    files(source, "b/2.JPG", "b/1.png", "a.jpeg", "b/notes.txt", "b/.3.jpg", ".trash/4.jpg", "out/5.png")
    files(source, "old/alignment.json", "old/6.png")
    found = tree(source, target)
    assert found.photographs == ("a.jpeg", "b/1.png", "b/2.JPG")
    assert found.folders == (".", "b") and found.unlisted == ()
    assert found.passed_over == (
        Problem(".trash", "hidden", "its name begins with a dot"),
        Problem("old", "crops", "it holds alignment.json: crops of another run"),
        Problem("b/.3.jpg", "hidden", "its name begins with a dot"),
        Problem("b/notes.txt", "other file", "no image by its suffix"),
    )
    assert repr(found) == "Tree(3 photographs in 2 folders, 0 not listed, 4 passed over)"


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_folder_that_links_lead_to_is_looked_into_once(tmp_path: Path) -> None:
    source = tmp_path / "in"
    files(source, "b/1.jpg")
    files(tmp_path, "elsewhere/2.jpg")
    for name, there in (("a", tmp_path / "elsewhere"), ("c", tmp_path / "elsewhere"), ("b/up", source)):
        (source / name).symlink_to(there)
    found = tree(source, tmp_path / "out")
    assert found.photographs == ("a/2.jpg", "b/1.jpg") and found.folders == (".", "a", "b")
    reason = "a link to a folder that is reached by another way too"
    assert found.passed_over == (Problem("c", "seen before", reason), Problem("b/up", "seen before", reason))


def test_a_folder_that_cannot_be_listed_is_named_and_the_first_is_an_error(tmp_path: Path, monkeypatch) -> None:
    files(tmp_path, "a/closed/1.jpg", "a/2.jpg")
    scan = os.scandir

    def scandir(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = tree(tmp_path, tmp_path / "out")
    assert found.unlisted == (Problem("a/closed", "not listed", "PermissionError: Permission denied"),)
    assert found.photographs == ("a/2.jpg",)
    with pytest.raises(PermissionError):
        tree(tmp_path / "a" / "closed", tmp_path / "out")


def test_crops_are_visible_files_of_their_suffix(tmp_path: Path) -> None:
    files(tmp_path, "b/1.png", "a/2.png", "a/3.jpg", "a/.4.png", ".c/5.png", "6.png")
    if os.name == "posix":
        (tmp_path / "a/7.png").symlink_to(tmp_path / "6.png")
    assert list(crops_in(tmp_path, ".png")) == ["6.png", "a/2.png", "b/1.png"]
    assert repr(Tree((), (), (), ())) == "Tree(0 photographs in 0 folders, 0 not listed, 0 passed over)"


def test_what_systems_leave_behind_is_not_there(tmp_path: Path) -> None:
    files(tmp_path, "Ada/1.jpg", "Ada/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "__MACOSX/Ada/1.jpg", "Ada/._1.jpg")
    files(tmp_path, "Ada/Thumbs.db", "Ada/.DS_Store")
    found = tree(tmp_path, tmp_path / "out")
    assert found.photographs == ("Ada/1.jpg",) and found.folders == (".", "Ada") and found.passed_over == ()
    assert list(crops_in(tmp_path, ".jpg")) == ["Ada/1.jpg"]
