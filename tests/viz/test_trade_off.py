from __future__ import annotations

import pytest

from course_lib import viz

COSTS = {"million multiply-adds": {"a": 10.0, "b": 100.0}, "MB": {"a": 1.0, "b": 4.0}}
QUALITY = {"a": (0.7, 0.8, 0.9), "b": (0.8, 0.85, 0.9)}
GROUPS = {"small": ["a"], "large": ["b"]}


@pytest.mark.slow
def test_each_name_is_a_dot_over_its_cost_with_its_interval():
    figure = viz.trade_off(COSTS, QUALITY, GROUPS, title="T", ylabel="accuracy", references={"pixels": 0.75})
    for axis, cost in zip(figure.axes, COSTS.values(), strict=True):
        assert axis.get_xscale() == "log"
        bars, dots = axis.collections[::2], axis.collections[1::2]
        for name, bar, dot in zip("ab", bars, dots, strict=True):
            low, middle, high = QUALITY[name]
            assert dot.get_offsets().tolist() == [[cost[name], middle]]
            assert bar.get_segments()[0].tolist() == [[cost[name], low], [cost[name], high]]
        assert list(axis.lines[0].get_ydata()) == [0.75, 0.75]
        assert axis.lines[0].get_marker() == "None" and len(axis.texts) == 0
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["small", "large", "pixels"]
    assert len({axis.get_ylim() for axis in figure.axes}) == 1  # one quality, one range


def test_the_names_that_the_text_speaks_of_stand_beside_their_dots():
    figure = viz.trade_off(COSTS, QUALITY, GROUPS, title="T", ylabel="accuracy", named=["b"])
    for axis, cost in zip(figure.axes, COSTS.values(), strict=True):
        assert {text.get_text(): text.xy for text in axis.texts} == {"b": (cost["b"], 0.85)}
    with pytest.raises(ValueError, match=r"named are \['c'\]"):
        viz.trade_off(COSTS, QUALITY, GROUPS, title="T", ylabel="accuracy", named=["c"])


@pytest.mark.parametrize(
    ("costs", "quality", "groups", "words"),
    [
        ({}, QUALITY, GROUPS, "costs: there is nothing to draw"),
        ({"MB": {"a": 1.0}}, QUALITY, GROUPS, r"costs\['MB'\] names \['a'\]"),
        (COSTS, QUALITY, {"small": ["a", "b"], "large": ["b"]}, r"groups names \['a', 'b', 'b'\]"),
        ({"MB": {"a": 0.0, "b": 1.0}}, QUALITY, GROUPS, "positive numbers"),
        (COSTS, {**QUALITY, "b": (0.1, float("nan"), 0.2)}, GROUPS, "finite numbers"),
    ],
)
def test_what_cannot_be_drawn_is_refused(costs: dict, quality: dict, groups: dict, words: str):
    with pytest.raises(ValueError, match=words):
        viz.trade_off(costs, quality, groups, title="T", ylabel="accuracy")
