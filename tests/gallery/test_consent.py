from __future__ import annotations

import dataclasses
import datetime

import pytest

from course_lib.gallery import Consent, consent

DAY = datetime.date(2026, 3, 31)


def test_it_is_what_was_said_and_cannot_be_changed():
    agreed = Consent(by="Ada", purpose="the course", date=DAY)
    assert (agreed.by, agreed.purpose, agreed.date, agreed.until) == ("Ada", "the course", DAY, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        agreed.purpose = "something else"


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"by": "  "}, ValueError, "by is '  '"),
        ({"purpose": ""}, ValueError, "purpose is ''"),
        ({"by": None}, TypeError, "by is None; expected a string"),
        ({"date": "2026-03-31"}, TypeError, "date is '2026-03-31'; expected a date"),
        ({"date": None}, TypeError, "date is None"),
        ({"date": datetime.datetime(2026, 3, 31)}, TypeError, "expected a date, such as datetime.date"),
        ({"until": "soon"}, TypeError, "until is 'soon'"),
        ({"until": datetime.date(2026, 3, 30)}, ValueError, "until is 2026-03-30, before its date, 2026-03-31"),
    ],
)
def test_what_is_no_agreement_is_refused(changed, error, words):
    with pytest.raises(error, match=words):
        Consent(**{"by": "Ada", "purpose": "the course", "date": DAY, **changed})


@pytest.mark.parametrize(("days", "has_ended"), [(-1, False), (0, False), (1, True)])
def test_the_last_day_counts(monkeypatch, days, has_ended):
    agreed = Consent(by="Ada", purpose="the course", date=DAY, until=DAY)
    monkeypatch.setattr(consent, "today", lambda: DAY + datetime.timedelta(days))
    assert agreed.has_ended() is has_ended
    assert not dataclasses.replace(agreed, until=None).has_ended()
