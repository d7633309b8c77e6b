from __future__ import annotations

import pytest

from course_lib.limits import Limit


def test_a_limit_is_its_default_or_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Limit("COURSE_MAX_OF_A_TEST", 10)
    assert limit.value == 10
    for text, value in (("", 10), (" 25 ", 25), ("1_000", 1000), ("2,000", 2000)):
        monkeypatch.setenv("COURSE_MAX_OF_A_TEST", text)
        assert limit.value == value


@pytest.mark.parametrize("text", ["0", "-5", "1e9", "many", "²", "9" * 5000])
def test_what_is_no_limit_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_MAX_OF_A_TEST", text)
    with pytest.raises(ValueError, match="COURSE_MAX_OF_A_TEST is .*; expected a whole number, such as 10") as error:
        _ = Limit("COURSE_MAX_OF_A_TEST", 10).value
    assert len(str(error.value)) < 200
