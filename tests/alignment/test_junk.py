from __future__ import annotations

import pytest

from course_lib.alignment.junk import is_junk


@pytest.mark.parametrize(
    "name", "__MACOSX ._x.jpg .DS_Store Thumbs.db THUMBS.DB @eaDir .ipynb_checkpoints desktop.ini Icon\r".split(" ")
)
def test_what_systems_leave_behind_is_known(name: str) -> None:
    assert is_junk(name)


@pytest.mark.parametrize("name", ["x.jpg", "_x.jpg", ".x.jpg", "MACOSX", "Thumb", "eaDir", "Ada"])
def test_names_of_people_and_photographs_are_not(name: str) -> None:
    assert not is_junk(name)
