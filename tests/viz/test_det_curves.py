"""DET curves on probit axes: what is drawn are the points given, and the axes end where the pairs do."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from figure_examples import pairs

from course_lib import viz
from course_lib.evaluation import det, eer

probit = NormalDist().inv_cdf


def test_every_point_is_drawn_on_probit_axes() -> None:
    scores, same = pairs()
    curve = det(scores, same)
    figure = viz.det_curves({"a": curve, "b": det(-scores, same)}, title="T", n_genuine=300, n_impostor=300)
    (axis,) = figure.axes
    diagonal, drawn, _ = axis.get_lines()
    far, frr = drawn.get_data()
    inside = (curve.far > 0) & (curve.far < 1) & (curve.frr > 0) & (curve.frr < 1)
    np.testing.assert_allclose(far[inside], [probit(share) for share in curve.far[inside]], atol=1e-12)
    np.testing.assert_allclose(frr[inside], [probit(share) for share in curve.frr[inside]], atol=1e-12)
    low, high = axis.get_xlim()
    assert np.all((far[curve.far == 0] < low) & (frr[curve.far == 0] > low)) and np.all(far[curve.far == 1] > high)
    assert np.all(frr[curve.frr == 0] < axis.get_ylim()[0])
    assert drawn.get_drawstyle() == "steps-post"
    assert np.array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    assert "FAR" in axis.get_xlabel() and "FRR" in axis.get_ylabel() and figure.get_suptitle() == "T"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["FAR = FRR", "a", "b"]


def test_the_axes_start_at_one_pair_and_end_beyond_one_half() -> None:
    axis = viz.det_curves({"a": det(*pairs())}, title="T", n_genuine=100, n_impostor=1000).axes[0]
    assert axis.get_xlim() == pytest.approx((probit(0.001), 0.15))
    assert axis.get_ylim() == pytest.approx((probit(0.01), 0.15))
    for side in (axis.xaxis, axis.yaxis):
        places, labels = side.get_majorticklocs(), [label.get_text() for label in side.get_majorticklabels()]
        assert len(labels) >= 4
        for place, label in zip(places, labels, strict=True):
            assert place == pytest.approx(probit(float(label.removesuffix(" %")) / 100))


def test_a_model_worse_than_chance_is_still_in_view() -> None:
    scores, same = pairs()
    worse = det(-scores, same)
    axis = viz.det_curves({"a": worse}, title="T", n_genuine=300, n_impostor=300).axes[0]
    assert probit(eer(-scores, same).rate) < axis.get_xlim()[1]
    useless = viz.det_curves({"a": det(np.zeros(20), same[:20])}, title="T", n_genuine=10, n_impostor=10).axes[0]
    assert useless.get_xlim() == pytest.approx((probit(0.1), probit(0.9)))


def test_what_cannot_be_drawn_is_refused() -> None:
    curve = det(*pairs())
    with pytest.raises(ValueError, match="curves: there is nothing to draw"):
        viz.det_curves({}, title="T", n_genuine=300, n_impostor=300)
    with pytest.raises(ValueError, match="n_genuine is 2; expected at least 3"):
        viz.det_curves({"a": curve}, title="T", n_genuine=2, n_impostor=300)
    with pytest.raises(ValueError, match="n_impostor is 0; expected at least 3"):
        viz.det_curves({"a": curve}, title="T", n_genuine=300, n_impostor=0)
    with pytest.raises(ValueError, match="title is empty"):
        viz.det_curves({"a": curve}, title=" ", n_genuine=300, n_impostor=300)
