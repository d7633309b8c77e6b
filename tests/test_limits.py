from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from course_lib import limits
from course_lib.limits import Limit

ROOT = Path(__file__).resolve().parents[1]


def test_a_limit_is_its_default_or_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Limit("COURSE_MAX_OF_A_TEST", 10)
    assert limit.value == 10
    for text, value in (("", 10), (" 25 ", 25), ("1_000", 1000), ("2,000", 2000)):
        monkeypatch.setenv("COURSE_MAX_OF_A_TEST", text)
        assert limit.value == value


@pytest.mark.parametrize("text", ["0", "-5", "1e9", "many", os.fsdecode("²".encode()), "9" * 5000])
def test_what_is_no_limit_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_MAX_OF_A_TEST", text)
    with pytest.raises(ValueError, match="COURSE_MAX_OF_A_TEST is .*; expected a whole number, such as 10") as error:
        _ = Limit("COURSE_MAX_OF_A_TEST", 10).value
    assert len(str(error.value)) < 200


def test_the_page_on_security_states_every_limit() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^ *\| `(COURSE_\w+)` \| ([\d,]+)( GiB)? \|", page, flags=re.MULTILINE)
    stated = {variable: int(number.replace(",", "")) * (2**30 if unit else 1) for variable, number, unit in rows}
    assert stated == {limit.variable: limit.default for limit in vars(limits).values() if isinstance(limit, Limit)}


def test_the_tests_that_the_page_on_security_names_are_there() -> None:
    named = re.findall(r"`(tests/[^`]+)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) > 10 and [name for name in named if not (ROOT / name).is_file()] == []
