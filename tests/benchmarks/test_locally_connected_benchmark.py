from __future__ import annotations

import pytest
import torch

from benchmarks import locally_connected as benchmark
from course_lib.backbones.locally_connected import LocallyConnected2d


@pytest.mark.parametrize("stride", [1, 2])
def test_both_contestants_compute_the_same(stride: int):
    torch.manual_seed(0)
    layer = LocallyConnected2d(2, 3, 3, (6, 7), stride=stride, bias=False).double()
    usual = benchmark.UnfoldEinsum(layer)
    x = torch.randn(2, 2, 6, 7, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(layer(x), usual(x), rtol=1e-12)
    direction = torch.randn(layer(x).shape, dtype=torch.float64)
    apart = benchmark.differences(layer, usual, x, direction)
    assert apart.keys() == {"output", "input gradient", "weight gradient"} and max(apart.values()) < 1e-14
    usual.weight.data[0, 0, 0] += 1
    apart = benchmark.differences(layer, usual, x, direction)
    assert apart["output"] > 1e-3 and apart["input gradient"] > 1e-3 and apart["weight gradient"] < 1e-14


def test_the_record_has_times_peaks_and_differences():
    figures = benchmark.measure(input_size=18, channels=4, kernel_size=3, batch_size=8, rounds=2)
    assert figures["milliseconds"].keys() == {"unfold + einsum", "LocallyConnected2d", "weights moved"}
    assert figures["settings"]["weights"] == 16 * 16 * 4 * 9 * 4
    usual, ours = figures["peak_bytes"]["unfold + einsum"], figures["peak_bytes"]["LocallyConnected2d"]
    # Both hold the gradient of the weights; the usual one also all windows of all images.
    assert ours >= 4 * figures["settings"]["weights"] and usual >= ours
    rows = figures["comparisons"]
    assert [row["target"] for row in rows] == [1.5, 2.0, None, 1e-5]
    assert rows[-1]["value"] == pytest.approx(max(figures["differences"].values())) and rows[-1]["verdict"] == "met"
