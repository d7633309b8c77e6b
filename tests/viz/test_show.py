"""What reaches the notebook: a PNG, and the words that stand for it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from figure_examples import features, photographs
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from course_lib import viz
from course_lib.viz.style import COLOURS


@pytest.fixture
def shell(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell such as a kernel has, which forgets everything."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    yield shell
    shell.restore_sys_module_state()
    shell.builtin_trap.deactivate()
    InteractiveShell.clear_instance()


def small() -> Figure:
    return viz.lines({"a": [1, 2]}, [1, 2], title="T", xlabel="x", ylabel="y")


def test_show_publishes_the_png_and_its_alt_text(shell: InteractiveShell) -> None:
    with capture_output() as captured:
        viz.show(small(), "A line that rises from one to two.")
    (output,) = captured.outputs
    assert base64.b64decode(output.data["image/png"]) == viz.png(small(), dpi=90)
    assert output.metadata["image/png"]["alt"] == "A line that rises from one to two."
    assert captured.stdout == ""


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_show_refuses_a_picture_without_words(shell: InteractiveShell, alt: str) -> None:
    with capture_output() as captured, pytest.raises(ValueError, match="alt is empty"):
        viz.show(small(), alt)
    assert captured.outputs == []


def test_png_has_the_resolution_asked_for() -> None:
    figure = small()
    low, high = (Image.open(io.BytesIO(viz.png(figure, dpi=dpi))) for dpi in (50, 100))
    assert low.size == (350, 200) and high.size == (700, 400)
    assert high.info["dpi"] == pytest.approx((100, 100), abs=0.1)


def test_fewer_colours_look_the_same() -> None:
    """The 256 colours of the file differ from the drawing's by what an eye passes over."""
    points, labels = features()
    figures = (
        viz.feature_plane({"a": (points, labels)}, list("0123456789"), title="T"),
        viz.image_grid(photographs(6, channels=3), title="T"),
    )
    for figure in figures:
        stored = np.asarray(Image.open(io.BytesIO(viz.png(figure, dpi=90))).convert("RGB"), dtype=int)
        figure.set_layout_engine("none")  # keep every place
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=90)
        drawn = np.asarray(Image.open(buffer).convert("RGB"), dtype=int)
        difference = np.abs(stored - drawn).max(axis=2)
        assert difference.mean() < 2 and np.mean(difference > 40) < 0.001


def test_every_class_keeps_its_colour_in_the_file() -> None:
    points, labels = features()
    figure = viz.feature_plane({"a": (points, labels)}, list("0123456789"), title="T")
    pixels = np.asarray(Image.open(io.BytesIO(viz.png(figure, dpi=90))).convert("RGB"), dtype=int).reshape(-1, 3)
    for colour in COLOURS:
        distance = np.abs(pixels - np.round(255 * np.array(to_rgb(colour)))).max(axis=1)
        assert distance.min() <= 24, colour  # of 255; the legend shows each colour opaque
