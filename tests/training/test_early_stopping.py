from __future__ import annotations

from math import nan

import pytest
import torch

from course_lib.training import EarlyStopping, History


def history(*losses: object) -> History:
    return History([{"epoch": i + 1, "loss": loss} for i, loss in enumerate(losses)])


def test_stops_when_patience_is_used_up():
    rule = EarlyStopping("loss", patience=2)
    assert not rule.is_over(history())
    assert not rule.is_over(history(3, 2, 2.5))
    assert rule.is_over(history(3, 2, 2.5, 2.1)) and rule.best(history(3, 2, 2.5, 2.1)) == 1
    assert not rule.is_over(history(3, 2, 2.5, 1.9))


def test_larger_may_be_better_and_small_gains_may_not_count():
    assert EarlyStopping("loss", patience=1, mode="max").is_over(history(1, 2, 1.5))
    assert EarlyStopping("loss", patience=1, min_delta=0.1).is_over(history(1.0, 0.95))
    assert EarlyStopping("loss", mode="max").best(history(1, 3, 3)) == 1


def test_nan_is_worse_than_any_number():
    for mode, losses in (("min", (nan, 3, nan, 2)), ("max", (nan, 2, nan, 3))):
        assert EarlyStopping("loss", mode=mode).best(history(*losses)) == 3
    assert EarlyStopping("loss", patience=2).is_over(history(nan, nan, nan))


def test_a_tensor_of_one_number_is_a_number():
    rule = EarlyStopping("loss", patience=1)
    assert rule.is_over(history(torch.tensor(1.0), torch.tensor([2.0])))


@pytest.mark.parametrize("value", [torch.ones(2), "0.5", None, 1j])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match=f"watches 'loss', a {type(value).__name__}; expected a number"):
        EarlyStopping("loss").best(history(value))


def test_bad_rules_are_refused():
    with pytest.raises(ValueError, match="mode is 'up'; expected 'min' or 'max'"):
        EarlyStopping("loss", mode="up")
    with pytest.raises(ValueError, match="patience is 0"):
        EarlyStopping("loss", patience=0)
    with pytest.raises(KeyError, match="no column 'accuracy'; the history has epoch, loss"):
        EarlyStopping("accuracy").best(history(1))
