from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from tools import wheel


def test_the_sizes_are_those_of_the_parts(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.whl", "w") as archive:
        for name, size in (
            ("course_lib/paths.py", 1),
            ("course_lib/weights/a.onnx", 20),
            ("course_lib/_course/notebooks/solutions/00.py", 300),
            ("course_lib/_course/page/index.html", 4000),
            ("face_course-1.dist-info/licenses/LICENSE", 50000),
        ):
            archive.writestr(name, b"x" * size)
    assert wheel.sizes(tmp_path / "a.whl") == {"library": 50001, "weights": 20, "notebooks": 300, "page": 4000}


def test_what_cannot_be_built_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"the wheel was not built:\n(.|\n)*pyproject.toml"):
        wheel.build(tmp_path, tmp_path)


def test_an_unknown_option_builds_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "build", lambda *_: pytest.fail("it was built"))
    assert wheel.main(["--page"]) == 2 and "--without-page" in capsys.readouterr().err
