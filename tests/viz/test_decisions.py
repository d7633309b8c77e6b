"""The matrix beside the histogram holds the counts of the same decisions."""

from __future__ import annotations

import numpy as np
import pytest
from figure_examples import pairs

from course_lib import viz

SCORES = np.array([0.9, 0.5, 0.4, 0.6, 0.5, 0.1, 0.0])
SAME = np.array([True, True, True, False, False, False, False])


def test_the_places_hold_the_counts_and_shares_of_their_rows() -> None:
    figure = viz.decisions(SCORES, SAME, 0.5, title="T")
    histogram, matrix = figure.axes
    texts = {text.get_position(): text.get_text() for text in matrix.texts}
    assert texts == {
        (0.5, 0.5): "2\n66.7 %",  # genuine, accepted: a score equal to the threshold is
        (1.5, 0.5): "1\n33.3 %",
        (0.5, 1.5): "2\n50.0 %",
        (1.5, 1.5): "2\n50.0 %",
    }
    assert [label.get_text() for label in matrix.get_xticklabels()] == ["accepted", "rejected"]
    assert [label.get_text() for label in matrix.get_yticklabels()] == [
        "genuine",
        "impostor",
    ] and matrix.yaxis_inverted()
    assert histogram.lines[0].get_xdata() == [0.5, 0.5] and figure.get_suptitle() == "T"


def test_errors_have_another_colour_and_all_stand_beside_the_histogram() -> None:
    figure = viz.decisions(*pairs(), 0.3, title="T")
    figure.draw_without_rendering()
    histogram, matrix = figure.axes
    colours = {patch.get_xy(): patch.get_facecolor()[:3] for patch in matrix.patches}
    assert colours[0, 0] == colours[1, 1] != colours[1, 0] == colours[0, 1]
    assert histogram.get_position().x1 < matrix.get_position().x0
    assert histogram.get_position().width > matrix.get_position().width


def test_what_cannot_be_decided_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold is NaN"):
        viz.decisions(SCORES, SAME, float("nan"), title="T")
    with pytest.raises(ValueError, match="threshold is inf"):
        viz.decisions(SCORES, SAME, float("inf"), title="T")
    with pytest.raises(ValueError, match="no impostor"):
        viz.decisions(SCORES, np.ones(7, dtype=bool), 0.5, title="T")
    with pytest.raises(TypeError, match="same must be boolean"):
        viz.decisions(SCORES, SAME.astype(int), 0.5, title="T")
