"""The pipeline: every photograph takes each step by itself, and what comes out meets."""

from __future__ import annotations

import pytest

from course_lib import viz

STEPS = {"detector": "five points", "network": "128 numbers"}
JOINED = {"cosine": "one score"}


def draw(
    photographs: list[str] | None = None, steps: dict[str, str] | None = None, joined: dict[str, str] | None = None
) -> viz.Diagram:
    given = ["A", "B"] if photographs is None else photographs
    steps, joined = STEPS if steps is None else steps, JOINED if joined is None else joined
    return viz.pipeline_diagram(given, steps, joined, decision="accepted", title="T")


def test_steps_stand_once_for_each_photograph_and_joined_ones_once() -> None:
    (axis,) = draw().figure.axes
    texts = [text.get_text() for text in axis.texts]
    assert {word: texts.count(word) for word in ("A", "B", "detector", "128 numbers", "cosine", "accepted")} == {
        "A": 1,
        "B": 1,
        "detector": 2,
        "128 numbers": 2,
        "cosine": 1,
        "accepted": 1,
    }
    places = {text.get_text(): text.get_position() for text in axis.texts}
    assert places["A"][1] < places["cosine"][1] < places["B"][1]
    assert places["detector"][0] < places["network"][0] < places["cosine"][0] < places["accepted"][0]


def test_the_alt_text_names_all_steps_in_order() -> None:
    assert draw().alt == (
        "Pipeline from left to right. Each by itself, A and B: detector (five points), network (128 numbers). "
        "Together: cosine (one score); accepted."
    )


@pytest.mark.parametrize("missing", ["photographs", "steps", "joined"])
def test_an_empty_pipeline_is_refused(missing: str) -> None:
    with pytest.raises(ValueError, match=f"{missing}: there is nothing to draw"):
        draw(**{missing: [] if missing == "photographs" else {}})


def test_a_single_photograph_needs_nothing_that_joins() -> None:
    alone = draw(["photograph"], joined={})
    assert (
        alone.alt == "Pipeline from left to right. photograph: detector (five points), network (128 numbers); accepted."
    )
    texts = [text.get_text() for text in alone.figure.axes[0].texts]
    assert texts.count("detector") == texts.count("accepted") == 1
