"""Hassanpour and Kowsari: which networks were counted."""

from __future__ import annotations

import pytest

from course_lib.audit import hassanpour_kowsari_tables as tables
from course_lib.audit import networks

pytestmark = pytest.mark.slow


PAPER = "Hassanpour and Kowsari"


def test_verdicts(verdicts) -> None:
    assert verdicts(PAPER) == (24, 18, 4)


@pytest.mark.parametrize(
    "words, verdict, reading",
    [
        ("Figure 3: MobileFaceNet: FLOPS", "holds", "as thop counts"),
        ("as drawn", "does not hold", "instead: 112x112, 512 numbers, as thop counts"),
        ("MMobileFaceNet, all layers doubled: FLOPS", "does not hold", "doubled only between the blocks, as thop"),
        ("all layers doubled, 512 numbers: parameters", "does not hold", "doubled only between the blocks, trained"),
        ("Figures 1 and 3: MobileFaceNet, 112x112", "does not hold", "instead: 256 numbers"),
        ("Figure 3: MobileFaceNet: size", "does not hold", "4 bytes times the rounded 1.1M"),
        ("MMobileFaceNet, all layers doubled: size", "does not hold", "4 bytes times the rounded 2.1M"),
        ("SAM over SGD, 1.1M", "holds", "both, RFW as one average, IJB-C 1e-4 once"),
        ("SAM over SGD, 2.1M", "holds", "both, RFW as one average, IJB-C 1e-4 once"),
        ("SAM over the baseline", "does not hold", "relative, both, RFW as one average"),
    ],
)
def test_what_a_printed_number_is(find, words: str, verdict: str, reading: str) -> None:
    found = find(PAPER, words)
    assert (str(found.verdict), reading in found.reading) == (verdict, True), found.reading


def test_the_counts_are_those_that_are_known() -> None:
    described = networks.counted("mobilefacenet", embedding_dim=512, input_size=(112, 112))
    assert (described.parameters, described.macs.thop) == (1_200_512, 236_745_728)
    published = networks.counted("mmobilefacenet_published")
    assert (published.parameters, published.macs.thop) == (2_059_520, 456_892_928)
    assert networks.parameters("mmobilefacenet_as_written") == 3_683_072


def test_the_two_figures_agree_where_sam_was_used(find) -> None:
    for row in tables.ROWS:
        assert (str(find(PAPER, f"4: {row}: IJB-C").verdict) == "holds") == ("SAM" in row), row


def test_all_nine_averages_hold(find) -> None:
    for row in tables.ROWS:
        assert str(find(PAPER, f"4: {row}: average").verdict) == "holds", row


def test_evenness_depends_on_the_measure(find) -> None:
    found = find(PAPER, "served more evenly")
    assert str(found.verdict) == "cannot be told"
    assert found.values["STD of the accuracies"] > 0 > found.values["SER"]
