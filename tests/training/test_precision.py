from __future__ import annotations

import pytest
import torch

from course_lib.training import resolve_precision


@pytest.mark.parametrize(("fast", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_follows_the_processor(monkeypatch, fast, expected):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: fast)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert resolve_precision("auto", "cpu") == expected


def test_auto_follows_the_graphics_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for capability, expected in (((7, 5), "32-true"), ((8, 0), "bf16-mixed")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda capability=capability: capability)
        assert resolve_precision("auto") == expected


@pytest.mark.parametrize(
    ("accelerator", "cuda", "mps", "expected"),
    [
        ("auto", False, False, "bf16-mixed"),  # by the processor
        ("auto", False, True, "32-true"),
        ("mps", False, True, "32-true"),
        ("mps", True, True, "32-true"),
        ("cpu", True, True, "bf16-mixed"),
        ("gpu", False, False, "32-true"),
        ("gpu", True, False, "32-true"),  # by a graphics card that is too old
        ("cuda", True, False, "32-true"),
    ],
)
def test_the_processor_counts_only_where_it_trains(monkeypatch, accelerator, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    for avx512, amx in ((True, False), (False, True)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda avx512=avx512: avx512)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda amx=amx: amx)
        assert resolve_precision("auto", accelerator) == expected


@pytest.mark.parametrize("accelerator", ["auto", "gpu", "cuda"])
def test_a_new_graphics_card_is_fast_by_any_of_its_names(monkeypatch, accelerator):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    assert resolve_precision("auto", accelerator) == "bf16-mixed"


def test_anything_else_is_passed_on():
    assert resolve_precision("16-mixed", "cpu") == "16-mixed"
