from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.paths import data_folder, expanded


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
