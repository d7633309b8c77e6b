"""What the figures draw is what they were given, read back from what matplotlib holds; and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from figure_examples import NAMES, features, pairs, photographs
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from course_lib import viz
from course_lib.evaluation import det, roc, tar_at_far


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


# Photographs


def test_image_grid_shows_every_image_under_its_caption() -> None:
    images = photographs(7)
    figure = viz.image_grid(images, [f"s{i}" for i in range(7)], title="Seven people", columns=3, credit="a camera")
    assert len(figure.axes) == 9  # three rows of three, two places empty
    for index, axis in enumerate(figure.axes[:7]):
        (shown,) = axis.get_images()
        assert np.array_equal(shown.get_array(), images[index, 0].numpy())
        assert shown.get_clim() == (0, 255)  # a dark photograph stays dark
        assert axis.get_title() == f"s{index}"
    assert not any(axis.get_images() or axis.axison for axis in figure.axes[7:])
    assert figure.get_suptitle() == "Seven people" and figure.get_supxlabel() == "a camera"


def test_image_grid_keeps_colours() -> None:
    images = photographs(2, channels=3)
    figure = viz.image_grid(images, title="RGB")
    (shown,) = figure.axes[1].get_images()
    assert np.array_equal(shown.get_array(), images[1].permute(1, 2, 0).numpy())


def test_image_grid_without_captions_has_none_and_no_empty_places() -> None:
    figure = viz.image_grid(photographs(2), title="Two", columns=10)
    assert [axis.get_title() for axis in figure.axes] == ["", ""]


# Features


def test_feature_plane_draws_every_point_in_the_style_of_its_class() -> None:
    points, labels = features()
    figure = viz.feature_plane({"softmax": (points, labels)}, NAMES, title="Ten digits")
    (axis,) = figure.axes
    assert len(axis.collections) == 10
    for label, drawn in enumerate(axis.collections):
        assert np.allclose(drawn.get_offsets(), points[labels == label])
    assert len({to_hex(drawn.get_facecolor()[0]) for drawn in axis.collections}) == 10
    assert len({drawn.get_paths()[0].vertices.tobytes() for drawn in axis.collections}) == 10  # the markers
    assert (axis.get_title(), axis.get_xlabel(), axis.get_ylabel()) == ("softmax", "feature 1", "feature 2")
    assert figure.get_suptitle() == "Ten digits" and legend_texts(figure) == NAMES


def test_feature_plane_draws_centers_in_their_panel_and_names_them_once() -> None:
    data, centers = features(), np.array([[20.0, 0.0], [-20.0, 1.0]])
    figure = viz.feature_plane(
        {"a": data, "b": data, "c": data}, NAMES, title="T", centers={"b": centers, "c": centers}
    )
    assert [len(axis.collections) for axis in figure.axes] == [10, 11, 11]
    assert np.allclose(figure.axes[1].collections[-1].get_offsets(), centers)
    assert legend_texts(figure) == [*NAMES, "center"]


@pytest.mark.parametrize("share", [False, True])
def test_feature_plane_shows_all_points_and_shares_limits_only_on_request(share: bool) -> None:
    points, labels = features()
    figure = viz.feature_plane(
        {"wide": (points, labels), "narrow": (points / 9, labels)}, NAMES, title="T", share=share
    )
    wide, narrow = ((*axis.get_xlim(), *axis.get_ylim()) for axis in figure.axes)
    assert (wide == narrow) == share
    assert wide[0] < points[:, 0].min() and wide[1] > points[:, 0].max()
    assert wide[2] < points[:, 1].min() and wide[3] > points[:, 1].max()


def test_feature_plane_takes_centers_outside_the_points_into_view() -> None:
    figure = viz.feature_plane({"a": features()}, NAMES, title="T", centers={"a": np.array([[500.0, 0.0]])})
    assert figure.axes[0].get_xlim()[1] > 500


# Curves


def test_roc_curves_show_the_tar_at_every_far_they_reach() -> None:
    scores, same = pairs()
    figure = viz.roc_curves({"a": roc(scores, same), "b": roc(-scores, same)}, title="T", n_impostor=300)
    (axis,) = figure.axes
    curve = axis.get_lines()[0]
    far, tar = curve.get_data()
    for target in (1 / 300, 0.005, 0.01, 0.02, 0.1, 0.5, 0.999):
        shown = tar[np.searchsorted(far, target, side="right") - 1]  # drawn as steps to the right of each point
        assert shown == tar_at_far(scores, same, target).tar
    assert curve.get_drawstyle() == "steps-post"
    assert axis.get_xscale() == "log" and axis.get_xlim() == pytest.approx((1 / 300, 1))
    assert "FAR" in axis.get_xlabel() and "TAR" in axis.get_ylabel() and legend_texts(figure) == ["a", "b"]


def test_roc_curves_of_a_perfect_and_of_a_useless_model() -> None:
    same = np.arange(20) % 2 == 0
    curves = {"perfect": roc(same.astype(float), same), "useless": roc(np.zeros(20), same)}
    perfect, useless = viz.roc_curves(curves, title="T", n_impostor=10).axes[0].get_lines()
    assert perfect.get_ydata().min() == 1
    assert useless.get_ydata().tolist() == [0, 1] and useless.get_xdata().tolist() == [0.1, 1]


def test_points_of_the_text_are_named_in_every_kind_of_curve_and_in_the_plane() -> None:
    scores, same = pairs()
    curves = viz.roc_curves({"a": roc(scores, same)}, title="T", n_impostor=300, named={"chosen": (0.01, 0.5)})
    assert [(text.get_text(), text.xy) for text in curves.axes[0].texts] == [("chosen", (0.01, 0.5))]
    counts = {"n_genuine": 300, "n_impostor": 300}
    errors = viz.det_curves({"a": det(scores, same)}, title="T", named={"even": (0.1, 0.1)}, **counts)
    (note,) = errors.axes[0].texts
    assert note.get_text() == "even" and note.xy == pytest.approx((-1.2816, -1.2816), abs=1e-3)  # the probit of 0.1
    planes = {"one": features(), "other": features()}
    figure = viz.feature_plane(planes, NAMES, title="T", named={"other": {"a stray": (20.0, 0.0)}})
    assert [[text.get_text() for text in axis.texts] for axis in figure.axes] == [[], ["a stray"]]


# Seeds


def test_seeds_and_means_draw_one_dot_a_run_and_the_interval() -> None:
    values, intervals = {"a": [0.1, 0.2, 0.6], "b": [0.5]}, {"a": (0.05, 0.7), "b": (0.4, 0.6)}
    figure = viz.seeds_and_means(values, intervals, title="T", xlabel="accuracy")
    (axis,) = figure.axes
    _, dots_a, bar_a, dots_b, bar_b = axis.get_lines()
    assert dots_a.get_xdata().tolist() == [0.1, 0.2, 0.6] and dots_b.get_xdata().tolist() == [0.5]
    assert bar_a.get_xdata() == pytest.approx([0.05, 0.3, 0.7]) and bar_b.get_xdata() == pytest.approx([0.4, 0.5, 0.6])
    assert dots_a.get_marker() != dots_b.get_marker() and dots_a.get_linestyle() == "None"
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first method on top
    assert legend_texts(figure) == ["one run", "mean of the runs and its interval"]


def test_seeds_and_means_mark_zero_only_between_differences() -> None:
    differences = viz.seeds_and_means({"a": [-0.1, 0.2]}, {"a": (-0.2, 0.3)}, title="T", xlabel="difference").axes[0]
    shares = viz.seeds_and_means({"a": [0.8, 0.9]}, {"a": (0.7, 0.9)}, title="T", xlabel="accuracy").axes[0]
    assert set(differences.get_lines()[-1].get_xdata()) == {0}
    assert len(shares.get_lines()) == len(differences.get_lines()) - 1 and shares.get_xlim()[0] > 0.5


def test_seeds_and_means_take_references_and_limits() -> None:
    options = {"references": {"bare pixels": 0.4}, "limits": (0, 1)}
    figure = viz.seeds_and_means({"a": [0.5]}, {"a": (0.4, 0.6)}, title="T", xlabel="x", **options)
    (axis,) = figure.axes
    line = next(line for line in axis.get_lines() if line.get_label() == "bare pixels")
    assert set(line.get_xdata()) == {0.4} and line.get_marker() == "None" and axis.get_xlim() == (0, 1)
    assert "bare pixels" in legend_texts(figure)
    pairs_of_runs = {"a": ([1.0, 2.0, 3.5], [1.0, 1.5, 2.0])}
    assert viz.paired_differences(pairs_of_runs, title="T", xlabel="x", limits=(-9, 9)).axes[0].get_xlim() == (-9, 9)


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_seeds_and_means_hide_no_run_behind_another(runs: list[float]) -> None:
    figure = viz.seeds_and_means({"a": runs}, {"a": (0, 1)}, title="T", xlabel="x")
    drawn = figure.axes[0].get_lines()[1].get_xydata()
    assert drawn[:, 0].tolist() == runs
    assert len(set(drawn[:, 1])) == len(runs) and np.ptp(drawn[:, 1]) < 0.5  # apart, and still in their own row


# Bad input: each case is the call, the error, and the words that name what is wrong.

POINTS, LABELS = features(per_class=2)
SCORES, SAME = pairs(10)
ROC = {"a": roc(SCORES, SAME)}
AXES = {"title": "T", "xlabel": "x", "ylabel": "y"}


def plane(points: object = POINTS, labels: object = LABELS, **others: object) -> Figure:
    return viz.feature_plane({"a": (points, labels)}, others.pop("names", NAMES), title="T", **others)


def with_nan(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array[3] = np.nan
    return array


REFUSED: list[tuple[Callable[[], Figure], type[Exception], str]] = [
    (lambda: viz.image_grid(torch.zeros(2, 1, 8, 8), title="T"), TypeError, "float32; expected uint8"),
    (lambda: viz.image_grid(photographs(2)[0], title="T"), ValueError, r"shape \(1, 56, 46\)"),
    (lambda: viz.image_grid(photographs(2)[:0], title="T"), ValueError, r"shape \(0, 1, 56, 46\)"),
    (lambda: viz.image_grid(photographs(2).repeat(1, 2, 1, 1), title="T"), ValueError, "1 or 3"),
    (
        lambda: viz.image_grid(photographs(2), ["a", "b", "c"], title="T"),
        ValueError,
        "captions has 3.*expected 2, one for each of images",
    ),
    (lambda: viz.image_grid(photographs(2), ["a"], title="T"), ValueError, "captions has 1.*expected 2"),
    (lambda: viz.image_grid(photographs(2), title="T", columns=0), ValueError, "columns is 0"),
    (lambda: viz.feature_plane({}, NAMES, title="T"), ValueError, "panels: there is nothing to draw"),
    (lambda: plane(np.ones((20, 3))), ValueError, r"panels\['a'\] features have shape \(20, 3\); expected \(N, 2\)"),
    (lambda: plane(np.ones(20)), ValueError, r"features have shape \(20,\)"),
    (lambda: plane(POINTS[:0], LABELS[:0]), ValueError, r"panels\['a'\] features: there is nothing to draw"),
    (lambda: plane(with_nan(POINTS)), ValueError, r"features hold \[nan nan\] at index 3"),
    (lambda: plane(labels=LABELS[:-1]), ValueError, r"panels\['a'\] labels have shape \(19,\); expected \(20,\)"),
    (lambda: plane(names=NAMES[:9]), ValueError, r"labels hold 9 at index 18; expected 0..8 for 9 names"),
    (lambda: plane(labels=LABELS - 1), ValueError, "labels hold -1 at index 0"),
    (lambda: plane(labels=LABELS / 2), TypeError, "float64; expected integers"),
    (lambda: plane(centers={"other": POINTS}), ValueError, r"centers are given for \['other'\].*\['a'\]"),
    (lambda: plane(named={"other": {"n": (0, 0)}}), ValueError, r"named points are given for \['other'\]"),
    (lambda: plane(centers={"a": np.ones((10, 3))}), ValueError, r"centers\['a'\] have shape \(10, 3\)"),
    (lambda: viz.roc_curves({}, title="T", n_impostor=5), ValueError, "curves: there is nothing to draw"),
    (lambda: viz.roc_curves(ROC, title="T", n_impostor=1), ValueError, "n_impostor is 1"),
    (lambda: viz.seeds_and_means({}, {}, title="T", xlabel="x"), ValueError, "values: there is nothing"),
    (lambda: viz.seeds_and_means({"a": []}, {"a": (0, 1)}, title="T", xlabel="x"), ValueError, r"values\['a'\]: there"),
    (lambda: viz.seeds_and_means({"a": [1]}, {"b": (0, 1)}, title="T", xlabel="x"), ValueError, r"\['b'\].*\['a'\]"),
    (lambda: viz.seeds_and_means({"a": [1]}, {"a": (0, np.nan)}, title="T", xlabel="x"), ValueError, "holds nan"),
]


@pytest.mark.parametrize(("draw", "error", "words"), REFUSED, ids=[words for _, _, words in REFUSED])
def test_what_cannot_be_drawn_whole_is_refused(draw: Callable[[], Figure], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        draw()
