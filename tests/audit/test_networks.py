"""Counts that are kept, and the readings made of them."""

from __future__ import annotations

import pytest

from course_lib.audit import networks


def test_counts_are_made_once() -> None:
    assert networks.counted("lenet_plus_plus") is networks.counted("lenet_plus_plus")
    assert networks.parameters("lenet_plus_plus") == networks.counted("lenet_plus_plus").parameters


def test_three_rules() -> None:
    rules = networks.by_rule("mobilefacenet")
    assert rules["two operations a multiply-add"] == 2 * rules["convolutions and linear layers"] == 2 * 220_965_376


def test_six_sizes() -> None:
    sizes = networks.by_file("mobilefacenet")
    assert sizes["batch norm folded, MB"] == 4 * 993_344 and sizes["parameters alone, MB"] == 4 * 1_003_136
    assert sizes["parameters alone, MiB"] == pytest.approx(1e6 * 4 * 1_003_136 / 2**20)
    assert sizes["with buffers, MB"] == 4 * (1_003_136 + 19_584)


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(ValueError, match="'facenet' is not known"):
        networks.counted("facenet")
