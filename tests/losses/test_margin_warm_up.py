from __future__ import annotations

import pytest
import torch
from margin_examples import batch, without_autocast

from course_lib.losses import (
    ArcFace,
    CenterLoss,
    CombinedMargin,
    CosFace,
    MagFace,
    Softmax,
    SphereFace,
    margin_schedule,
)

AT_A_SHARE = {
    "cosface": (CosFace(8, 5, margin=0.4, seed=0), lambda f: CosFace(8, 5, margin=0.4 * f, seed=0)),
    "arcface": (ArcFace(8, 5, margin=0.5, seed=0), lambda f: ArcFace(8, 5, margin=0.5 * f, seed=0)),
    "combined": (
        CombinedMargin(8, 5, m1=1.2, seed=0),
        lambda f: CombinedMargin(8, 5, m1=1 + 0.2 * f, m2=0.3 * f, m3=0.2 * f, seed=0),
    ),
    "magface": (
        MagFace(8, 5, norm_bounds=(1, 51), seed=0),
        lambda f: MagFace(8, 5, norm_bounds=(1, 51), margin_bounds=(0.45 * f, 0.8 * f), seed=0),
    ),
}


@pytest.mark.parametrize(("criterion", "at_share"), AT_A_SHARE.values(), ids=AT_A_SHARE)
def test_batch_by_batch_it_is_the_criterion_with_a_share_of_its_margin(criterion, at_share):
    schedule, (embeddings, labels) = margin_schedule(criterion, steps=4), batch()
    for fraction in (0, 0.25, 0.5, 0.75, 1, 1, 1):
        assert schedule.fraction.item() == fraction
        found, expected = schedule(embeddings, labels), at_share(fraction)(embeddings, labels)
        assert found.total.item() == pytest.approx(expected.total.item(), rel=1e-5)
        assert found.parts.keys() == expected.parts.keys() and torch.equal(found.logits, expected.logits)


def test_evaluation_uses_the_margin_of_now_and_counts_nothing():
    schedule, (embeddings, labels) = margin_schedule(ArcFace(8, 5, seed=0), steps=2), batch()
    schedule(embeddings, labels)
    schedule.eval()
    half = ArcFace(8, 5, margin=0.25, seed=0)(embeddings, labels).total.item()
    for _ in range(3):
        assert schedule(embeddings, labels).total.item() == pytest.approx(half, rel=1e-5)
    assert int(schedule.step) == 1


def test_the_state_dict_holds_the_count():
    schedule, other = (margin_schedule(ArcFace(8, 5, seed=seed), steps=10) for seed in (0, 1))
    embeddings, labels = batch()
    for _ in range(3):
        schedule(embeddings, labels)
    other.load_state_dict(schedule.state_dict())
    assert int(other.step) == 3 and torch.equal(other(embeddings, labels).total, schedule(embeddings, labels).total)


def test_it_reads_no_value_on_the_way(monkeypatch):
    without_autocast(monkeypatch)
    schedule = margin_schedule(ArcFace(8, 5), steps=3).to("meta")
    schedule(torch.zeros(4, 8, device="meta"), torch.zeros(4, dtype=torch.int64, device="meta"))


def test_its_settings_are_part_of_what_it_says_of_itself():
    assert "steps=7" in repr(margin_schedule(ArcFace(8, 5), steps=7)) and "margin=0.5" in repr(ArcFace(8, 5))


@pytest.mark.parametrize("criterion", [SphereFace(8, 5), Softmax(8, 5), CenterLoss(8, 5)])
def test_what_has_no_margin_to_schedule_is_refused(criterion):
    with pytest.raises(TypeError, match=f"{type(criterion).__name__} has no margin to schedule"):
        margin_schedule(criterion, steps=3)


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="steps is 0; expected the number of training batches, at least 1"):
        margin_schedule(ArcFace(8, 5), steps=0)
