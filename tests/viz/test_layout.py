"""Every figure can be read: no text is cut off or runs into another, and no legend hides data."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pytest
from figure_examples import EXAMPLES, LONG
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from course_lib import viz
from course_lib.viz.layout import square_window, wrapped

pytestmark = pytest.mark.slow


def draw(name: str) -> tuple[Figure, bytes]:
    figure = EXAMPLES[name]()
    figure.set_dpi(90)  # some places of text are kept in pixels of the last drawing
    return figure, viz.png(figure, dpi=90)


@pytest.fixture(scope="module", params=EXAMPLES)
def drawn(request: pytest.FixtureRequest) -> tuple[Figure, bytes]:
    """Each figure in turn, as `show` draws it."""
    return draw(request.param)


def tick_labels(axis: Axes) -> list[Text]:
    """The tick labels inside the limits; matplotlib keeps some outside, which it does not draw."""
    kept = []
    for side in (axis.xaxis, axis.yaxis):
        low, high = sorted(side.get_view_interval())
        places = zip(side.get_majorticklocs(), side.get_majorticklabels(), strict=False)  # none above a shared axis
        kept += [label for place, label in places if low <= place <= high and label.get_visible()]
    return kept


def texts(figure: Figure) -> list[Text]:
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axis in figure.axes:
        found += [axis.title, *([axis.xaxis.label, axis.yaxis.label, *tick_labels(axis)] if axis.axison else [])]
    return [text for text in found if text.get_text().strip()]


def shrunk(box: Bbox) -> Bbox:
    """A pixel less on each side: where boxes merely touch, letters do not."""
    return Bbox.from_extents(box.x0 + 1, box.y0 + 1, box.x1 - 1, box.y1 - 1)


@pytest.mark.slow
def test_every_text_is_inside_the_figure(drawn: tuple[Figure, bytes]) -> None:
    figure, _ = drawn
    for text in texts(figure):
        box = shrunk(text.get_window_extent())
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert inside, f"{text.get_text()!r} is cut off"


def test_no_text_runs_into_another(drawn: tuple[Figure, bytes]) -> None:
    boxes = [(text.get_text(), shrunk(text.get_window_extent())) for text in texts(drawn[0])]
    for (one, box), (other, other_box) in combinations(boxes, 2):
        assert not box.overlaps(other_box), f"{one!r} and {other!r} overlap"


def test_text_is_large_enough_to_read(drawn: tuple[Figure, bytes]) -> None:
    assert min(text.get_fontsize() for text in texts(drawn[0])) >= 8


def test_legends_and_titles_hide_no_data(drawn: tuple[Figure, bytes]) -> None:
    figure, _ = drawn
    over = [*figure.legends, *figure.texts]
    for axis in figure.axes:
        assert axis.get_legend() is None
        for artist in over:
            assert not shrunk(artist.get_window_extent()).overlaps(axis.get_window_extent()), artist


def test_the_long_title_is_complete(drawn: tuple[Figure, bytes]) -> None:
    assert drawn[0].get_suptitle().split() == LONG.split()


def test_axes_are_labelled_and_not_squeezed(drawn: tuple[Figure, bytes]) -> None:
    assert drawn[0].axes[-1].get_xlabel() or not drawn[0].axes[-1].axison
    for axis in drawn[0].axes:
        assert axis.get_window_extent().width > 50 and axis.get_window_extent().height > 50  # pixels
        if axis.axison:
            assert axis.get_xlabel() or axis in axis.get_shared_x_axes().get_siblings(drawn[0].axes[-1])
            assert axis.get_ylabel() or axis.get_yticklabels()[0].get_text()  # methods name themselves


def numbers(texts: Iterable[Text]) -> bool:
    """Whether all labels of an axis are numbers, such as 0.5, 20 % and 10 to a power."""
    plain = [re.sub(r"\\mathdefault|\\times|[${}^]", "", text.get_text()) for text in texts]
    return all(re.fullmatch(r"[-−.,% \d]*", text) for text in plain)


def test_no_line_joins_categories(drawn: tuple[Figure, bytes]) -> None:
    for axis in drawn[0].axes:
        sides = {0: axis.get_xticklabels(), 1: axis.get_yticklabels()}
        for side in [side for side, labels in sides.items() if not numbers(labels)]:
            for line in axis.get_lines():
                if line.get_linestyle() != "None" and line.get_transform() == axis.transData:
                    assert np.ptp(line.get_xydata()[:, side]) == 0, line.get_label()


def test_dashed_lines_are_references_and_have_no_markers(drawn: tuple[Figure, bytes]) -> None:
    for axis in drawn[0].axes:
        for line in axis.get_lines():
            if line.is_dashed():
                assert line.get_marker() == "None" and not line.get_label().startswith("_")


def test_pairs_have_whole_ticks(drawn: tuple[Figure, bytes]) -> None:
    for axis in drawn[0].axes:
        if axis.get_ylabel() == "pairs":
            assert np.array_equal(axis.get_yticks(), np.round(axis.get_yticks()))


@pytest.mark.parametrize(
    ("text", "is_one"), [("0.5", True), ("20 %", True), ("$\\mathdefault{10^{2}}$", True), ("stage 1", False)]
)
def test_what_counts_as_a_number_on_an_axis(text: str, is_one: bool) -> None:
    assert numbers([Text(text=text)]) == is_one


def test_the_png_is_valid_small_and_not_blank(drawn: tuple[Figure, bytes]) -> None:
    figure, png = drawn
    assert png.startswith(b"\x89PNG\r\n\x1a\n") and len(png) < 150_000
    Image.open(io.BytesIO(png)).verify()
    picture = Image.open(io.BytesIO(png))
    assert picture.size == pytest.approx([side * 90 for side in figure.get_size_inches()], abs=1)
    assert np.ptp(np.asarray(picture.convert("L"))) > 200


@pytest.mark.slow
@pytest.mark.parametrize("name", ["feature_plane", "score_histogram", "seeds_and_means"])
def test_a_figure_is_the_same_each_time_and_leaves_the_random_state_alone(name: str) -> None:
    before = np.random.get_state()[1].copy()
    assert draw(name)[1] == draw(name)[1]
    assert np.array_equal(np.random.get_state()[1], before)


def test_wrapped_keeps_words_and_line_breaks() -> None:
    text = wrapped("one two three four five\nsix", inches=1, points=12)
    assert text.split() == "one two three four five six".split()
    assert max(map(len, text.split("\n"))) <= 10
    assert text.endswith("\nsix")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "points", [np.zeros((1, 2)), np.array([[0.0, 0.0], [4.0, 1.0]]), np.array([[5.0, -9], [5, 9]])]
)
def test_square_window_holds_all_points_and_is_square(points: np.ndarray) -> None:
    axis = Figure().subplots()
    square_window(axis, points)
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    assert right - left == pytest.approx(high - low) and right > left
    assert np.all((points > (left, low)) & (points < (right, high)))


def test_an_empty_title_is_refused() -> None:
    with pytest.raises(ValueError, match="title is empty"):
        viz.lines({"a": [1]}, [1], title=" ", xlabel="x", ylabel="y")
