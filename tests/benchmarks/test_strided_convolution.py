from __future__ import annotations

import sys

import pytest
import torch

from benchmarks import strided_convolution
from benchmarks.strided_convolution import Case, backward, described, is_close, measure, train


def test_a_case_out_of_reach_ends_well():
    assert train(Case(channels_in=4, height=6, width=6, is_ours=True)) == 0
    assert train(Case(channels_in=16, channels_out=4, height=6, width=5, dtype="bfloat16")) == 0


def test_wrong_numbers_are_seen(monkeypatch: pytest.MonkeyPatch):
    calls = []

    def wrong(layer, images):
        output, *gradients = backward(layer, images)
        calls.append(layer)
        return output * (1 + 0.01 * len(calls)), *gradients

    monkeypatch.setattr(strided_convolution, "backward", wrong)
    case = Case(channels_in=16, height=6, width=6)
    assert strided_convolution.ENDS[train(case)] == "wrong numbers"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory checks are glibc's")
def test_the_cases_are_told_apart(monkeypatch: pytest.MonkeyPatch):
    chosen = [Case(channels_in=16, height=6, width=6), Case(height=6, width=6, is_ours=True)]
    figures = measure(chosen, ["AVX2"])
    assert figures["ends"] == {
        "channels_in 16, height 6, width 6": "fine",
        "height 6, width 6, is_ours True": "fine",
    }
    assert [row["verdict"] for row in figures["comparisons"]] == ["", "met", "met"]


def test_what_differs_is_described():
    assert described(Case()) == "default" and described(Case(stride=(1, 2))) == "stride (1, 2)"
    assert len({described(case) for case in strided_convolution.cases()}) >= len(set(strided_convolution.cases()))


def test_nan_is_close_to_nothing():
    assert is_close(torch.ones(2), torch.ones(2).double(), 0.1)
    assert not is_close(torch.tensor([1.0, torch.nan]), torch.ones(2).double(), 0.1)
