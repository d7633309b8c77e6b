from __future__ import annotations

from benchmarks import import_time


def test_the_record_has_the_time_beyond_an_empty_program(monkeypatch):
    monkeypatch.setitem(import_time.PROGRAMS, "torch", "import json")  # importing torch takes seconds
    figures = import_time.measure(rounds=1)
    assert figures["seconds"].keys() == {"pass", "course_lib", "torch"}
    own = figures["comparisons"][0]
    assert own["target"] == 0.3 and not own["at_least"] and -0.1 < own["value"] < 0.3


def test_an_import_that_fails_is_not_timed():
    import subprocess

    import pytest

    with pytest.raises(subprocess.CalledProcessError):
        import_time.start("import no_such_package")
