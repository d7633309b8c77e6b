from __future__ import annotations

import pytest
from tiles import CONSENT, photograph

from course_lib.alignment import Problem
from course_lib.gallery import EnrolmentReport
from course_lib.gallery.enrolment import as_list, consents, people_in


@pytest.mark.parametrize(
    ("missing", "listed"),
    [(1, "of p0;"), (5, "of p0, p1, p2, p3, p4;"), (6, "of p0, p1, p2, p3, p4 and 1 more;"), (1500, "and 1,495 more;")],
)
def test_who_has_no_consent_is_named_five_at_most(missing, listed):
    names = [f"p{number}" for number in range(missing)]
    with pytest.raises(ValueError, match=listed):
        consents(["there", *names], {"there": CONSENT})
    assert consents(names, CONSENT) == dict.fromkeys(names, CONSENT)


def test_a_consent_of_somebody_else_is_not_taken():
    assert consents(["Ada"], {"Ada": CONSENT, "Grace": CONSENT}) == {"Ada": CONSENT}


def test_one_photograph_is_a_list_of_one_and_none_is_refused():
    assert len(as_list(photograph(1, 2))) == 1 and as_list("a.jpg") == ["a.jpg"]
    assert as_list(("a.jpg", "b.jpg")) == ["a.jpg", "b.jpg"]
    with pytest.raises(ValueError, match="no photograph is given"):
        as_list([])


def test_the_report_says_what_there_is_and_no_more():
    assert str(EnrolmentReport({"Ada": 2}, (), (), {})) == "people enrolled: 1, templates: 2"
    whole = EnrolmentReport(
        {"Ada": 2}, ("Eve",), (Problem("a.png", "no face", "why"),), {"b.png": 2}, (("c.txt", "why"),) * 1_000
    )
    assert str(whole) == (
        "people enrolled: 1, templates: 2; left out: Eve; photographs not used: 1 no face; one of several faces chosen "
        "in 1; 1,000 other files passed over"
    )


def test_what_systems_leave_behind_is_nobody(tmp_path):
    for name in ("Ada/1.png", "Ada/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", "@eaDir/x.jpg", "__MACOSX/Ada/._1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "Thumbs.db").touch()
    assert people_in(tmp_path, "raise") == ({"Ada": [tmp_path / "Ada/1.png"]}, [])
