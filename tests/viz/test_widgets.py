"""The slider draws each figure once and shows the one it stands on."""

from __future__ import annotations

import base64
import io
from datetime import datetime, timezone
from pathlib import Path
from textwrap import dedent

import ipywidgets
import nbclient
import nbformat
import pytest
from matplotlib.figure import Figure
from PIL import Image

from course_lib import viz

WIDGET = "application/vnd.jupyter.widget-view+json"


def titled(value: int) -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.suptitle(f"After the\nepoch {value}")
    return figure


class Recorder:
    """A figure function that remembers what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def __call__(self, value: object) -> Figure:
        self.calls.append(value)
        figure = Figure(figsize=(2, 1))
        figure.text(0.1, 0.5, f"epoch {value}")
        return figure


def test_slider_shows_the_first_figure_above_which_it_stands() -> None:
    render = Recorder()
    box = viz.slider(render, [1, 2, 4], label="epoch")
    handle, picture = box.children
    assert isinstance(handle, ipywidgets.SelectionSlider) and isinstance(picture, ipywidgets.Image)
    assert (handle.value, handle.description) == (1, "epoch")
    assert render.calls == [1]  # the others wait until they are asked for
    assert picture.format == "png" and picture.value == viz.png(Recorder()(1), dpi=90)


def test_slider_draws_each_value_once() -> None:
    render = Recorder()
    handle, picture = viz.slider(render, [1, 2, 4], label="epoch").children
    first = picture.value
    pictures = {1: first}
    for value in (2, 4, 2, 1, 4):
        handle.value = value
        assert pictures.setdefault(value, picture.value) == picture.value
    assert render.calls == [1, 2, 4]
    assert len(set(pictures.values())) == 3


def test_slider_starts_where_it_is_told() -> None:
    render = Recorder()
    handle, _ = viz.slider(render, [0.0, 0.01, 1.0], label="weight", start=0.01).children
    assert handle.value == 0.01 and render.calls == [0.01]


def test_slider_passes_tuples_on_whole() -> None:
    render = Recorder()
    handle, _ = viz.slider(render, [("a", 1), ("b", 2)], label="pair").children
    handle.value = ("b", 2)
    assert render.calls == [("a", 1), ("b", 2)]


def test_two_sliders_do_not_share_their_figures() -> None:
    one, other = Recorder(), Recorder()
    viz.slider(one, [1, 2], label="one")
    viz.slider(other, [1, 2], label="other")
    assert one.calls == other.calls == [1]


@pytest.mark.parametrize("values", [[], [1]])
def test_slider_refuses_fewer_than_two_values(values: list[int]) -> None:
    with pytest.raises(ValueError, match=f"values of epoch has {len(values)} entries; expected at least two"):
        viz.slider(Recorder(), values, label="epoch")


def test_slider_refuses_a_start_that_is_no_value() -> None:
    with pytest.raises(ValueError, match="start is 3 for epoch; expected one of the values: 1, 2"):
        viz.slider(Recorder(), [1, 2], label="epoch", start=3)


def test_several_sliders_move_one_figure() -> None:
    class Sum(Recorder):
        def __call__(self, *values: object) -> Figure:
            return super().__call__(values)

    render = Sum()
    scale, angle, picture = viz.sliders(render, {"scale": [1, 2], "angle": [0, 10, 20]}, start={"angle": 10}).children
    assert (scale.description, scale.value, angle.description, angle.value) == ("scale", 1, "angle", 10)
    first = picture.value
    scale.value = 2
    assert picture.value != first
    angle.value = 20
    scale.value, angle.value = 1, 10
    assert render.calls == [(1, 10), (2, 10), (2, 20), (1, 20)]
    assert picture.value == first, "kept, not drawn again"


def test_each_slider_is_checked() -> None:
    with pytest.raises(ValueError, match="values of angle has 1 entries"):
        viz.sliders(Recorder(), {"scale": [1, 2], "angle": [0]})
    with pytest.raises(ValueError, match="start is 3 for angle; expected one of the values: 0, 1"):
        viz.sliders(Recorder(), {"scale": [1, 2], "angle": [0, 1]}, start={"angle": 3})


# Photographs of one's own


def uploaded(name: str, colour: str | None) -> dict[str, object]:
    """A file as ``FileUpload`` gives it; one without a colour is no photograph."""
    content = io.BytesIO(b"not a photograph")
    if colour:
        content = io.BytesIO()
        Image.new("RGB", (4, 3), colour).save(content, format="png")
    described = {"type": "", "size": content.getbuffer().nbytes, "last_modified": datetime.now(timezone.utc)}
    return {"name": name, "content": memoryview(content.getvalue()), **described}


def of_colours(*photographs: Image.Image) -> Figure:
    if photographs[0] == "refused":
        raise ValueError("no face <here>")
    return titled(sum(photograph.getpixel((0, 0))[0] for photograph in photographs))


def test_uploaded_photographs_are_drawn_and_what_cannot_be_used_is_said() -> None:
    red, black = Image.new("RGB", (4, 3), "red"), Image.new("RGB", (4, 3), "black")
    box = viz.upload(of_colours, n=2, start=[black, black], alt="Two black pictures.")
    chosen, said, picture = box.children
    assert picture.value == viz.png(titled(0), dpi=90) and bundle(box)[1]["image/png"]["alt"] == "Two black pictures."
    assert bundle(box)[0]["text/plain"].endswith("run: choose 2 photographs")
    chosen.value = [uploaded("a.png", "red"), uploaded("b.png", "red")]
    drawn = viz.png(of_colours(red, red), dpi=90)
    assert picture.value == drawn and said.value == ""
    chosen.value = [uploaded("a.png", "red")]
    assert said.value.startswith("1 chosen; choose 2 at once") and picture.value == drawn
    chosen.value = [uploaded("a.png", "red"), uploaded("notes.txt", None)]
    assert said.value.startswith("notes.txt cannot be read as an image") and picture.value == drawn
    chosen.value = [uploaded("a.png", "black"), uploaded("b.png", "black")]
    assert said.value == "" and picture.value == viz.png(titled(0), dpi=90)


def test_what_the_figure_function_refuses_is_said_as_plain_text() -> None:
    def refuse_red(photograph: Image.Image) -> Figure:
        return of_colours("refused" if photograph.getpixel((0, 0))[0] else photograph)

    chosen, said, _ = viz.upload(refuse_red, n=1, start=[Image.new("RGB", (1, 1))], alt="Black.").children
    chosen.value = [uploaded("a.png", "red")]
    assert said.value == "no face &lt;here&gt;"


def test_upload_refuses_another_number_to_start_with() -> None:
    with pytest.raises(ValueError, match="start has 1 entries; expected 2"):
        viz.upload(of_colours, n=2, start=[Image.new("RGB", (1, 1))], alt="One.")


# The picture that is left where no widget can run


def bundle(box: ipywidgets.VBox) -> tuple[dict, dict]:
    return box._repr_mimebundle_()


def test_the_picture_of_the_start_and_its_words_go_along_with_the_widget() -> None:
    data, metadata = bundle(viz.slider(titled, [1, 2, 4], label="epoch", start=2))
    assert base64.b64decode(data["image/png"]) == viz.png(titled(2), dpi=90)
    assert metadata == {"image/png": {"alt": "After the epoch 2 (epoch 2)"}}
    assert data[WIDGET]["model_id"] and data["text/plain"] == "A figure that moves when this cell is run: epoch"


def test_the_words_can_be_given() -> None:
    _, metadata = bundle(viz.slider(titled, [1, 2], label="epoch", alt="Ten clouds that part."))
    assert metadata == {"image/png": {"alt": "Ten clouds that part."}}


def test_the_picture_is_the_one_that_is_shown() -> None:
    box = viz.sliders(lambda a, b: titled(a + b), {"a": [1, 2], "b": [10, 20]}, start={"b": 20})
    data, metadata = bundle(box)
    assert base64.b64decode(data["image/png"]) == viz.png(titled(21), dpi=90)
    assert metadata["image/png"]["alt"] == "After the epoch 21 (a 1, b 20)"
    box.children[0].value = 2
    assert base64.b64decode(bundle(box)[0]["image/png"]) == viz.png(titled(22), dpi=90)


@pytest.mark.slow
def test_the_stored_notebook_holds_the_widget_and_a_small_picture(tmp_path: Path) -> None:
    code = """\
    from course_lib import viz
    def draw(n):
        return viz.lines({"a": [1, n]}, [1, 2], title=f"Rises to {n}", xlabel="x", ylabel="y")
    viz.slider(draw, [1, 2, 4], label="end", start=2)"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(dedent(code))])
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    nbformat.validate(notebook)
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {"text/plain", "image/png", WIDGET}
    assert output.metadata["image/png"]["alt"] == "Rises to 2 (end 2)"
    picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    assert picture.size == (630, 360) and picture.mode == "P" and "transparency" not in picture.info
    assert len(output.data["image/png"]) < 20_000
