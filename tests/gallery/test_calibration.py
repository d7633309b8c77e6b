from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import evaluation
from course_lib.gallery import unit_length
from course_lib.gallery.calibration import calibrate, threshold_for

NOTES = {"people": 3, "templates": 5, "strangers": "drawn", "date": "2026-03-31"}


@given(
    st.lists(st.integers(-8, 8).map(lambda step: step / 8), min_size=1, max_size=60),
    st.floats(0.001, 0.999),
)
def test_the_share_is_kept_and_a_lower_threshold_would_not_keep_it(scores, far):
    scores = np.array(scores)
    if len(scores) * far < 1 and 1 / len(scores) > far:
        with pytest.raises(ValueError, match="cannot be told"):
            threshold_for(far, scores)
        return
    threshold, accepted = threshold_for(far, scores)
    assert accepted == np.count_nonzero(scores >= threshold) and accepted / len(scores) <= far
    next_lower = scores[scores < threshold].max()  # there is one: a share below 1 refuses somebody
    assert np.mean(scores >= next_lower) > far
    assert accepted == 0 or next_lower < threshold <= scores[scores > next_lower].min()


@pytest.mark.parametrize(
    ("far", "expected", "accepted"),
    [
        (0.2, (0.9 + 0.7) / 2, 1),
        (0.39, (0.9 + 0.7) / 2, 1),
        (0.4, (0.9 + 0.7) / 2, 1),  # the two of 0.7 go together: with both it would be 0.6
        (0.6, (0.7 + 0.3) / 2, 3),
        (0.99, (0.3 + 0.1) / 2, 4),
    ],
)
def test_by_hand_with_a_tie(far, expected, accepted):
    assert threshold_for(far, [0.1, 0.7, 0.9, 0.3, 0.7]) == (pytest.approx(expected), accepted)


def test_equal_scores_are_all_refused():
    threshold, accepted = threshold_for(0.5, [0.4, 0.4, 0.4])
    assert accepted == 0 and 0.4 < threshold < 0.4 + 1e-12


def test_neighbouring_numbers_have_nothing_between_them():
    low = 0.5
    high = np.nextafter(low, 1)
    assert threshold_for(0.5, [low, high]) == (high, 1)


@pytest.mark.parametrize("percent", [7, 14, 28, 29, 55, 56, 57, 58])
def test_the_share_of_a_hundred_is_the_number_asked_for(percent):
    """0.29 * 100 is a little less than 29 in floating point, and 0.07 * 100 a little more than 7."""
    assert threshold_for(percent / 100, np.arange(100) / 100)[1] == percent


@pytest.mark.parametrize(
    ("far", "scores", "words"),
    [
        (0.0, [0.1], "far is 0.0"),
        (1.0, [0.1], "far is 1.0"),
        (0.01, np.zeros(99), "cannot be told from 99 faces of strangers; expected at least 100"),
        (0.5, [], "cannot be told from 0 faces"),
        (0.5, [0.1, np.nan], "not all finite"),
        (0.5, [[0.1, 0.2]], r"shape \(1, 2\)"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(far, scores, words):
    with pytest.raises(ValueError, match=words):
        threshold_for(far, scores)


@pytest.mark.parametrize("same", [1.0, 1 - 1e-8, 1 + 1e-8])
def test_strangers_who_are_enrolled_are_no_strangers(same):
    assert calibrate(0.5, [0.1, 0.2, same], **NOTES).accepted == 1
    for scores in ([same, same, 0.2], [same] * 3):
        with pytest.raises(
            ValueError, match=r"would be a cosine of 1\.000000, which no other photograph.*Leave these out"
        ):
            calibrate(0.5, scores, **NOTES)


def test_the_record_counts_and_has_the_interval_of_the_share():
    found = calibrate(0.02, np.arange(100) / 100, skipped=4, **NOTES)
    assert (found.accepted, found.searches, found.far, found.skipped) == (2, 100, 0.02, 4)
    assert found.threshold == pytest.approx(0.975)
    assert found.interval == evaluation.wilson(2, 100)
    text = str(found)
    assert "2 of 100 strangers" in text and "FAR 2 % (0.55 to 7 %)" in text and "3 people" in text and "drawn" in text


def test_it_is_the_rate_of_the_open_set():
    """The evaluation's false alarm rate at its threshold, from the same embeddings, is the gallery's FAR."""
    random = np.random.default_rng(0)
    gallery, strangers = (unit_length(random.standard_normal((count, 8))) for count in (30, 200))
    mated = unit_length(gallery[:5] + 0.01)
    probes, labels = np.concatenate([mated, strangers]), np.concatenate([np.arange(5), np.full(200, -1)])
    for far in (0.005, 0.05, 0.33):
        (theirs,) = evaluation.open_set(probes, labels, gallery, np.arange(30), fars=(far,))
        ours = calibrate(far, (strangers @ gallery.T).max(1), **NOTES)
        assert ours.far == theirs.far_achieved and ours.threshold <= theirs.threshold + 1e-6
