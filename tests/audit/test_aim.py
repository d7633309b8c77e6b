"""The AIM article: counts of MobileFaceNet and ShuffleNet, and differences on 6,000 pairs."""

from __future__ import annotations

import pytest

from course_lib.audit import aim

pytestmark = pytest.mark.slow  # the networks are built and counted once for all

PAPER = "AIM article"


def test_verdicts(verdicts) -> None:
    assert verdicts(PAPER) == (9, 2, 4)


def test_shufflenet_has_fewer_parameters_and_multiply_adds(find) -> None:
    assert find(PAPER, "many more parameters").values["trained"] == pytest.approx(904_728 / 1_003_136)
    assert aim.shufflenet_time()["multiply-adds"] < 1 < aim.shufflenet_time()["Snapdragon 820, Chen et al. 2018"]


def test_million_parameters_with_and_without_batch_norm(find) -> None:
    assert find(PAPER, "0.99 million").values == {"trained": 1_003_136, "folded": 993_344}
    assert find(PAPER, "4.0 MB").reading == "batch norm folded, MB"


def test_lfw_is_too_small_where_agedb_is_not(find) -> None:
    values = find(PAPER, "MS-Celeb-1M").values
    assert values["LFW, low end"] < 0 < values["AgeDB-30, low end"]
    assert find(PAPER, "more accurate than ShuffleNet").values["LFW, low end"] > 0


def test_the_last_layer_is_a_matter_of_parameters_not_of_work() -> None:
    assert 0 < aim.saved(head="m") < 0.05 and aim.saved(input_size=(112, 96)) > 14
