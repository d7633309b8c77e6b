from __future__ import annotations

import pytest
import torch

from benchmarks.backbone_latency import measure
from course_lib import backbones


@pytest.mark.slow
def test_every_row_has_counts_times_and_the_rate_they_give():
    threads = torch.get_num_threads()
    figures = measure(["mobilefacenet", "mobilenet_v1"], (1, 2), rounds=2, width=0.25)
    assert [row["name"] for row in figures["backbones"]] == ["mobilefacenet", "mobilenet_v1"]
    for row in figures["backbones"]:
        network = backbones.create(row["name"], width=0.25)
        assert row["parameters"] == sum(p.numel() for p in network.parameters())
        assert row["macs"] > 1e6 and row["fp32_bytes"] >= 4 * row["parameters"]
        for batch, times in row["milliseconds_an_image"].items():
            assert len(times) == 2 and min(times) > 0
            assert row["giga_macs_a_second"][batch] == pytest.approx(row["macs"] / 1e6 / min(times), rel=0.01)
    assert len(figures["comparisons"]) == 4
    assert torch.get_num_threads() == threads
