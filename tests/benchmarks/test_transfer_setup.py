from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.transfer_orl import TASK, USUAL
from benchmarks.transfer_setup import LITE, Setup


def test_a_title_says_what_is_not_usual():
    assert TASK.title(USUAL) == "MobiFace"
    unusual = Setup(LITE, "ImageNet", "half", "gently", people=5, photographs=2, copies=4, longer=3)
    assert TASK.title(unusual) == (
        "EfficientNet-Lite0, from ImageNet, gently, 5 people, frozen, then freed, 2 of each, near copies, "
        "3 times as long"
    )
    assert replace(TASK, usual=unusual).title(unusual).startswith("EfficientNet-Lite0, from ImageNet, frozen")


@pytest.mark.parametrize(("stretch", "epochs"), [(1, 48), (0.5, 24), (0, 12)])
def test_over_a_part_of_the_photographs_there_are_more_epochs(stretch: float, epochs: int):
    task = replace(TASK, stretch=stretch, epochs_of={LITE: 6})
    assert task.epochs_over(150, USUAL) == 12
    quarter = 150 / 4
    assert task.epochs_over(quarter, USUAL) == epochs
    assert task.epochs_over(quarter, replace(USUAL, longer=3)) == 3 * epochs
    assert task.epochs_over(quarter, replace(USUAL, network=LITE)) == epochs / 2


def test_a_setup_says_how_many_people_and_photographs():
    with pytest.raises(TypeError, match="people"):
        Setup(LITE)
