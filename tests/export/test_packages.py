from __future__ import annotations

import importlib
import io
import logging
import os
import subprocess
import sys
import warnings

import pytest

from course_lib.export.packages import aloud, needed_for, quietly


def test_nothing_is_said_and_what_was_set_comes_back(capfd):
    with quietly() as said:
        print("progress")
        print("progress", file=sys.stderr)
        warnings.warn("old", stacklevel=1)
        logging.getLogger("torch").warning("slow")
        os.write(2, b"from C++")
        said.seek(0)
        assert said.read() == b"from C++"
    assert capfd.readouterr() == ("", "")
    os.write(2, b"again")
    assert capfd.readouterr().err == "again"
    with pytest.warns(UserWarning, match="old"):
        warnings.warn("old", stacklevel=1)
    assert logging.root.manager.disable == logging.NOTSET


def test_an_error_goes_through_and_all_is_set_back(capfd):
    with pytest.raises(ValueError, match="broken"), quietly():
        raise ValueError("broken")
    os.write(2, b"again")
    assert capfd.readouterr().err == "again"


def test_a_missing_package_is_named_with_the_extra(monkeypatch):
    missing = "colours"
    monkeypatch.setitem(sys.modules, missing, None)
    message = r'colours is not installed, and paint is mixed with it; pip install "face-course\[paint\]"'
    with pytest.raises(ModuleNotFoundError, match=message), needed_for("paint is mixed with it", "paint"):
        importlib.import_module(missing)


def test_progress_is_seen_within_quiet() -> None:
    script = """if True:
        import sys
        from course_lib.export.packages import aloud, quietly
        with aloud() as log, quietly():
            print("chatter", file=sys.stderr)
            print("progress", file=log, flush=True)
        print("afterwards", file=sys.stderr)
        """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["progress", "afterwards"]


def test_progress_in_a_notebook_goes_to_its_own_stream(monkeypatch) -> None:
    cell = io.StringIO()
    monkeypatch.setattr(sys, "stderr", cell)
    with aloud() as log, quietly():
        log.write("progress")
    assert log is cell and cell.getvalue() == "progress"
