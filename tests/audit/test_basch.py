"""Basch et al.: six counts, the people behind them, and how much a classifier can get right."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib.audit import basch

PAPER = "Basch et al."


def test_verdicts(verdicts) -> None:
    assert verdicts(PAPER) == (12, 4, 2)


def test_a_label_that_does_not_fit_its_number(find) -> None:
    found = find(PAPER, "Inception v3 without")
    assert found.reading == "instead: with both of ImageNet's classifiers"
    assert found.values["auxiliary head kept"] == 27_161_264 - 2_049_000


def test_three_rows_mean_nearly_the_same_number_of_people() -> None:
    means = [round(next(iter(basch.classes(network).values()))) for network in basch.WITH_CLASSIFIER]
    assert means == [7315, 7346, 7322]
    # And back: the printed totals.
    assert round((25_112_264 + 2049 * 7315) / 1e6, 1) == 40.1
    assert round((770_176 + (100_352 + 1) * 7346) / 1e6) == 738


def test_the_ceiling_of_a_random_split_is_that_of_a_simulation() -> None:
    generator = np.random.default_rng(0)
    people = np.arange(basch.IMAGES) % 7000
    ceilings = []
    for _ in range(20):
        test = generator.permutation(basch.IMAGES)[: basch.TEST]
        train = np.setdiff1d(np.arange(basch.IMAGES), test)
        ceilings.append(100 * np.isin(people[test], people[train]).mean())
    expected = basch.ceilings()["parted at random, about 7,000 people"]
    assert np.mean(ceilings) == pytest.approx(expected, abs=0.3)


def test_an_uneven_spread_of_images_loses_more() -> None:
    generator = np.random.default_rng(0)
    people = generator.integers(7000, size=basch.IMAGES)
    test = generator.permutation(basch.IMAGES)[: basch.TEST]
    named = np.isin(people[test], np.delete(people, test)).mean()
    assert 100 * named < basch.ceilings()["parted at random, about 7,000 people"] - 1


def test_what_deepface_has_and_what_was_put_in_its_place(find) -> None:
    assert find(PAPER, "over 120 million").values == {"4,030 people": 118_923_774}
    assert find(PAPER, "local response norm").values == {"LocalResponseNorm": 0}
    assert find(PAPER, "DeepFace without").instead == ()
