from __future__ import annotations

import time

import pytest
import torch

from course_lib.cost import Latency, latency


def test_all_take_turns_after_warming_up():
    calls = []
    found = latency({name: lambda name=name: calls.append(name) for name in "ab"}, rounds=3, warm_up=2)
    assert "".join(calls) == "aabb" + "ab" + "ba" + "ab"
    assert {name: len(each.milliseconds) for name, each in found.items()} == {"a": 3, "b": 3}


def test_milliseconds_are_milliseconds():
    found = latency({"sleep": lambda: time.sleep(0.02)}, rounds=2, warm_up=0)["sleep"]
    assert 19 < found.minimum <= found.median < 200


def test_minimum_and_median():
    found = Latency((4.0, 1.0, 2.0, 9.0))
    assert (found.minimum, found.median) == (1.0, 3.0)


def test_pytorch_has_that_many_threads_meanwhile_and_no_gradient():
    before, seen = torch.get_num_threads(), set()
    latency({"a": lambda: seen.add((torch.get_num_threads(), torch.is_inference_mode_enabled()))}, rounds=1, threads=1)
    assert seen == {(1, True)} and torch.get_num_threads() == before


def test_threads_are_put_back_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        latency({"a": lambda: 1 / 0}, threads=before + 1)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("contestants", "rounds"), [({}, 3), ({"a": int}, 0)])
def test_nothing_to_time_is_refused(contestants, rounds):
    with pytest.raises(ValueError, match="expected at least one of each"):
        latency(contestants, rounds=rounds)
