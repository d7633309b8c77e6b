"""Nothing that a learner changed is ever written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import learner_folder
from course_lib.learner_folder import FIRST, RECORD, Laid, lay, lay_fresh, sources

OTHER = "05_digits.ipynb"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of three notebooks, a solution and a script, that can be brought to another version."""
    for name in (FIRST, OTHER, "05b_more.ipynb", "solutions/00.py", "map.toml", "assignments/secret.ipynb"):
        (tmp_path / "course/notebooks" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "course/notebooks" / name).write_text(f"first {name}")
    (tmp_path / "course/data_scripts").mkdir()
    (tmp_path / "course/data_scripts/get.py").write_text("first script")
    monkeypatch.setattr(learner_folder, "shipped", lambda part: tmp_path / "course" / part)
    return tmp_path / "course/notebooks"


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_notebooks_solutions_and_scripts_are_laid_and_assignments_never(course: Path, tmp_path: Path) -> None:
    laid = lay(tmp_path / "mine", "1.0")
    expected = {FIRST, OTHER, "05b_more.ipynb", "solutions/00.py", "data_scripts/get.py"}
    assert set(contents(tmp_path / "mine")) == set(laid.new) == expected
    assert lay(tmp_path / "mine", "1.0") == Laid((), (), {})


def test_a_newer_version_updates_what_is_unchanged_and_lies_beside_what_is_not(course: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    lay(mine, "1.0")
    (mine / OTHER).write_text("mine")
    for name in (FIRST, OTHER):
        (course / name).write_text(f"second {name}")
    laid = lay(mine, "2.0")
    assert laid == Laid((), (FIRST,), {OTHER: "05_digits-2.0.ipynb"})
    found = contents(mine)
    assert found[FIRST] == f"second {FIRST}" and found[OTHER] == "mine"
    assert found["05_digits-2.0.ipynb"] == f"second {OTHER}"
    assert "holds changes of yours, and stays; the new one is 05_digits-2.0.ipynb" in str(laid)
    assert lay(mine, "2.0") == Laid((), (), {}), "it is offered once"


def test_a_changed_file_stays_where_the_version_is_the_same(course: Path, tmp_path: Path) -> None:
    lay(tmp_path / "mine", "1.0")
    (tmp_path / "mine" / OTHER).write_text("mine")
    before = contents(tmp_path / "mine")
    assert lay(tmp_path / "mine", "1.0") == Laid((), (), {}) and contents(tmp_path / "mine") == before


def test_what_stood_there_before_the_course_stays(course: Path, tmp_path: Path) -> None:
    (tmp_path / OTHER).write_text("mine")
    assert lay(tmp_path, "1.0").beside == {OTHER: "05_digits-1.0.ipynb"}
    assert (tmp_path / OTHER).read_text() == "mine"
    (tmp_path / RECORD).unlink()  # without the record everything that differs counts as changed
    (tmp_path / FIRST).write_text("mine too")
    assert lay(tmp_path, "1.0").beside == {FIRST: "00_start_here-1.0.ipynb", OTHER: "05_digits-1.0.ipynb"}
    assert not (tmp_path / "05_digits-1.0-2.ipynb").exists(), "the same bytes are laid once"


def test_what_was_deleted_comes_again(course: Path, tmp_path: Path) -> None:
    lay(tmp_path / "mine", "1.0")
    (tmp_path / "mine" / OTHER).unlink()
    assert lay(tmp_path / "mine", "1.0").new == (OTHER,)


@pytest.mark.parametrize("name", ["05_digits", OTHER, "05_", "05_d"])
def test_a_fresh_copy_lies_beside_a_changed_one_and_is_never_written_over(
    name: str, course: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    assert lay_fresh(mine, name, "1.0") == mine / OTHER == lay_fresh(mine, name, "1.0"), "an untouched one will do"
    (mine / OTHER).write_text("mine")
    copy = lay_fresh(mine, name, "1.0")
    assert copy == mine / "05_digits-1.0.ipynb" == lay_fresh(mine, name, "1.0")
    copy.write_text("mine too")
    assert lay_fresh(mine, name, "1.0") == mine / "05_digits-1.0-2.ipynb"
    assert contents(mine) == {
        OTHER: "mine",
        "05_digits-1.0.ipynb": "mine too",
        "05_digits-1.0-2.ipynb": f"first {OTHER}",
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("05", "several notebooks: 05_digits.ipynb, 05b_more.ipynb"),
        ("99", "no notebook; there are: 00_start"),
        ("", "s"),
    ],
)
def test_a_name_of_none_or_several_is_refused(name: str, message: str, course: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        lay_fresh(tmp_path / "mine", name, "1.0")


@pytest.mark.parametrize("content", ["", "[]", '{"files": []}', '{"files": null}', "\udce9"])
def test_a_damaged_record_is_named(content: str, course: Path, tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text(content, errors="surrogateescape")
    with pytest.raises(ValueError, match=r"\.face-course\.json is damaged; delete it"):
        lay(tmp_path, "1.0")


def test_what_stands_in_the_way_is_named(course: Path, tmp_path: Path) -> None:
    (tmp_path / "mine" / OTHER).mkdir(parents=True)
    with pytest.raises(FileExistsError, match="05_digits.ipynb is no file, but the course has a file of that name"):
        lay(tmp_path / "mine", "1.0")
    (tmp_path / "yours").mkdir()
    (tmp_path / "yours/solutions").touch()
    with pytest.raises(OSError, match="00.py cannot be written .*; choose another folder"):
        lay(tmp_path / "yours", "1.0")


def test_a_folder_that_cannot_be_written_is_named(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(learner_folder, "written_whole", refuse)
    with pytest.raises(PermissionError, match=r"00_start_here\.ipynb cannot be written \(Permission denied\); choose"):
        lay(tmp_path / "mine", "1.0")


def test_the_courses_own_folder_is_no_place_for_copies(course: Path) -> None:
    with pytest.raises(ValueError, match="is the course's own folder of notebooks"):
        lay(course, "1.0")
    assert not (course / RECORD).exists()


def test_an_installation_without_notebooks_says_so(course: Path, tmp_path: Path) -> None:
    (course / FIRST).unlink()
    with pytest.raises(FileNotFoundError, match="holds no 00_start_here.ipynb; install the course anew"):
        lay(tmp_path / "mine", "1.0")


@given(steps=st.lists(st.sampled_from(["edit", "release", "lay", "delete", "fresh", "revert"]), max_size=9))
def test_no_order_of_events_loses_a_learners_text(steps: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("any")
    (root / "notebooks").mkdir()
    mine, source, version, written = root / "mine", root / "notebooks" / FIRST, 1, []
    is_new = True
    source.write_text("course 1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner_folder, "shipped", lambda part: root / part)
        for number, step in enumerate(steps):
            if step == "release":
                version, is_new = version + 1, True
                source.write_text(f"course {version}")
            elif step == "lay":
                lay(mine, str(version))
                assert not is_new or f"course {version}" in contents(mine).values(), "the new version can be read"
                is_new = False
            elif step == "fresh":
                assert lay_fresh(mine, "00", str(version)).read_text() == f"course {version}"
            elif mine.exists():
                if (mine / FIRST).exists() and (mine / FIRST).read_text() in written:
                    written.remove((mine / FIRST).read_text())  # the learner's own doing
                if step == "delete":
                    (mine / FIRST).unlink(missing_ok=True)
                else:
                    text = "course 1" if step == "revert" else f"learner {number}"
                    (mine / FIRST).write_text(text)
                    written += [text] if step == "edit" else []
    assert set(written) <= set(contents(mine).values())


def test_every_file_of_this_course_is_laid(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[1]
    laid = lay(tmp_path, "1.0")
    notebooks = {path.name for path in (root / "notebooks").glob("*.ipynb")}
    assert {path.name for path in tmp_path.glob("*.ipynb")} == notebooks and set(laid.new) == set(sources())
    assert json.loads((tmp_path / RECORD).read_text())["version"] == "1.0"
