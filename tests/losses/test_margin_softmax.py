"""What holds for every margin criterion."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from margin_examples import CRITERIA, MAGFACE, batch, without_autocast
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from course_lib.data import ImageSet
from course_lib.losses import ArcFace, CenterLoss, CombinedMargin, CosFace, MagFace, SphereFace, margin_schedule
from course_lib.training import fit

every_criterion = pytest.mark.parametrize("make", CRITERIA.values(), ids=CRITERIA)
names = st.sampled_from(sorted(CRITERIA))
# Past pi the plain form rises, up to a bonus: test_arcface holds that. The easy margin ends with a step up.
stricter = st.sampled_from(sorted(CRITERIA.keys() - {"arcface, plain"}))
falling = st.sampled_from(sorted(CRITERIA.keys() - {"arcface, plain", "arcface, easy margin", "magface"}))
NORM = torch.tensor(4.0, dtype=torch.float64)


def target_logit(criterion: nn.Module, cosine: torch.Tensor) -> torch.Tensor:
    return criterion.target_logit(cosine, NORM) if isinstance(criterion, MagFace) else criterion.target_logit(cosine)


@every_criterion
def test_the_logits_are_scaled_cosines_without_margin(make):
    criterion = make(8, 5)
    embeddings, labels = batch()
    x, w = embeddings.double().numpy(), criterion.weight.detach().double().numpy()
    norms = np.linalg.norm(x, axis=1)
    cosines = np.array([[a @ b / np.linalg.norm(b) for b in w] for a in x]) / norms[:, None]
    scale = norms[:, None] if criterion.scale is None else 64.0
    loss = criterion(embeddings, labels)
    assert np.allclose(loss.logits.detach().numpy(), scale * cosines, atol=1e-5)
    assert "margin_softmax" in loss.parts and not any(part.requires_grad for part in loss.parts.values())


@every_criterion
def test_the_loss_is_that_of_the_logits_with_the_targets_replaced(make):
    criterion = make(8, 5).double().eval()
    embeddings, labels = batch()
    embeddings = embeddings.double()
    loss, norms = criterion(embeddings, labels), embeddings.norm(dim=1)
    expected = []
    for logits, label, norm in zip(loss.logits, labels, norms, strict=True):
        scale = norm if criterion.scale is None else criterion.scale
        options = {"norms": norm} if isinstance(criterion, MagFace) else {}
        with_margin = logits.clone()
        with_margin[label] = scale * criterion.target_logit(logits[label] / scale, **options)
        expected.append(torch.logsumexp(with_margin, 0) - with_margin[label])
    assert loss.parts["margin_softmax"].item() == pytest.approx(torch.stack(expected).mean().item(), rel=1e-6)


@every_criterion
def test_a_batch_gives_the_mean_of_its_samples(make):
    criterion, (embeddings, labels) = make(8, 5).double().eval(), batch()
    singles = [criterion(embeddings[i : i + 1].double(), labels[i : i + 1]).total for i in range(len(labels))]
    assert criterion(embeddings.double(), labels).total.item() == pytest.approx(torch.stack(singles).mean().item())


@pytest.mark.parametrize(
    "criterion",
    [
        SphereFace(8, 5, margin=1, seed=2),
        CosFace(8, 5, margin=0, seed=2),
        ArcFace(8, 5, margin=0, seed=2),
        ArcFace(8, 5, margin=0, gradient="straight_through", past_pi="plain", seed=2),
        CombinedMargin(8, 5, m1=1, m2=0, m3=0, seed=2),
        MagFace(8, 5, margin_bounds=(0, 0), seed=2),
    ],
    ids=lambda criterion: type(criterion).__name__,
)
def test_without_a_margin_it_is_softmax_over_scaled_cosines(criterion):
    embeddings, labels = batch()
    embeddings.requires_grad_()
    loss = criterion(embeddings, labels)
    directions = embeddings if criterion.scale is None else 64 * normalize(embeddings, dim=1)
    expected = cross_entropy(directions @ normalize(criterion.weight, dim=1).t(), labels)
    assert loss.parts["margin_softmax"].item() == pytest.approx(expected.item(), rel=1e-5)
    gradients = [torch.autograd.grad(total, embeddings)[0] for total in (loss.total, expected)]
    assert torch.allclose(*gradients, atol=1e-4)


@settings(deadline=None, max_examples=50)
@given(name=stricter, seed=st.integers(0, 2**31))
def test_the_loss_is_at_least_that_without_margin(name: str, seed: int):
    embeddings, labels = batch(seed=seed)
    loss = CRITERIA[name](8, 5)(embeddings, labels)
    assert loss.parts["margin_softmax"] >= cross_entropy(loss.logits, labels) - 1e-4


@settings(deadline=None)
@given(name=falling, angles=st.tuples(st.floats(0, math.pi), st.floats(0, math.pi)))
def test_the_targets_logit_falls_with_the_angle(name: str, angles: tuple[float, float]):
    smaller, larger = sorted(angles)
    logits = target_logit(CRITERIA[name](2, 2), torch.tensor([smaller, larger], dtype=torch.float64).cos())
    assert logits[0] >= logits[1] - 1e-6


@settings(deadline=None)
@given(name=names, dtype=st.sampled_from([torch.float32, torch.bfloat16]), seed=st.integers(0, 1000))
def test_nothing_is_nan_on_a_class_weight_or_opposite_it(name: str, dtype: torch.dtype, seed: int):
    criterion = CRITERIA[name](8, 5)
    with torch.no_grad():  # bfloat16 numbers, so that the cosines are 1 and -1 but for rounding
        criterion.weight.copy_(batch(5, seed=seed)[0].bfloat16())
    embeddings = torch.cat([criterion.weight.detach(), -2 * criterion.weight.detach()]).to(dtype).requires_grad_()
    loss = criterion(embeddings, torch.arange(5).repeat(2))
    loss.total.backward()
    assert loss.logits.dtype == loss.total.dtype == torch.float32 and embeddings.grad.dtype == dtype
    assert all(t.isfinite().all() for t in (loss.total, loss.logits, embeddings.grad, criterion.weight.grad))


@every_criterion
def test_the_targets_logit_and_its_slope_are_finite_at_the_ends(make):
    for dtype in (torch.float32, torch.float64):
        cosine = torch.tensor([-1.0, -1 + 1e-7, 0.0, 1 - 1e-7, 1.0], dtype=dtype, requires_grad=True)
        logits = target_logit(make(2, 2), cosine)
        (slope,) = torch.autograd.grad(logits.sum(), cosine)
        assert logits.isfinite().all() and slope.isfinite().all()


@every_criterion
def test_bfloat16_and_autocast_change_nothing_but_the_input(make):
    embeddings, labels = batch(32, 64)
    half = embeddings.bfloat16()
    expected = make(64, 5)(half.float(), labels)
    assert torch.equal(make(64, 5)(half, labels).total, expected.total)
    with torch.autocast("cpu", torch.bfloat16):
        found = make(64, 5)(half, labels)
    assert torch.equal(found.total, expected.total) and torch.equal(found.logits, expected.logits)
    assert found.logits.dtype == torch.float32


@every_criterion
def test_half_precision_weights_and_double_precision_embeddings_are_computed_in_the_wider(make):
    embeddings, labels = batch()
    half = make(8, 5).bfloat16()
    rounded = make(8, 5)
    rounded.load_state_dict(half.state_dict())
    found, expected = half(embeddings.bfloat16(), labels), rounded(embeddings.bfloat16().float(), labels)
    assert found.logits.dtype == torch.float32 and torch.equal(found.total, expected.total)
    assert make(8, 5)(embeddings.double(), labels).logits.dtype == torch.float64


@every_criterion
def test_training_and_evaluation_are_the_same_function(make):
    criterion, (embeddings, labels) = make(8, 5), batch()
    evaluated = criterion.eval()(embeddings, labels)
    before = {name: tensor.clone() for name, tensor in criterion.state_dict().items()}
    assert torch.equal(criterion(embeddings, labels).total, evaluated.total)
    assert all(torch.equal(tensor, before[name]) for name, tensor in criterion.state_dict().items())
    assert torch.equal(criterion.train()(embeddings, labels).total, evaluated.total)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CRITERIA if name != "arcface, straight-through"])
def test_gradcheck(name):
    # straight-through is left out: its gradient is not the derivative, on purpose
    criterion = CRITERIA[name](4, 3).double()
    embeddings, labels = batch(6, 4, 3, seed=3)

    def total(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(criterion.eval(), {"weight": w}, (x, labels)).total

    inputs = (embeddings.double().requires_grad_(), (100 * criterion.weight.detach()).requires_grad_())
    assert torch.autograd.gradcheck(total, inputs)
    assert torch.autograd.gradgradcheck(total, inputs), "the curvature of the loss is measured through it"


@every_criterion
def test_no_value_is_read_on_the_way(make, monkeypatch):
    without_autocast(monkeypatch)
    # A meta tensor has no values: whatever would make a GPU's host wait raises here.
    criterion = make(8, 5).to("meta")
    loss = criterion(torch.zeros(4, 8, device="meta"), torch.zeros(4, dtype=torch.int64, device="meta"))
    loss.total.backward()
    assert loss.logits.shape == (4, 5) and criterion.weight.grad.shape == (5, 8)


@every_criterion
def test_weights_are_drawn_from_the_seed(make):
    weight = make(64, 100).weight
    assert torch.equal(weight, make(64, 100).weight)
    assert weight.std().item() == pytest.approx(0.01, rel=0.05) and abs(weight.mean().item()) < 5e-4


@every_criterion
def test_center_loss_is_added(make):
    embeddings, labels = batch()
    criterion = CenterLoss(8, 5, weight=0.1, classifier=make(8, 5))
    loss, alone = criterion(embeddings, labels), make(8, 5)(embeddings, labels)
    assert loss.total.item() == pytest.approx(alone.total.item() + 0.1 * loss.parts["center"].item(), rel=1e-6)
    assert torch.equal(loss.logits, alone.logits) and loss.parts.keys() == {*alone.parts, "center"}


ZERO_SECOND = torch.tensor([[1.0, 2.0], [0.0, 0.0]])


@every_criterion
@pytest.mark.parametrize(
    ("embeddings", "labels", "message"),
    [
        (torch.ones(2, 3), torch.tensor([0, 1]), r"shape \(2, 3\); this criterion expects \(N, 2\)"),
        (torch.ones(2, 2), torch.tensor([0, 5]), "label 5 at index 1 is out of range; expected 0..4"),
        (torch.ones(0, 2), torch.empty(0, dtype=torch.int64), "the batch is empty"),
        (ZERO_SECOND, torch.tensor([0, 1]), "the embedding at index 1 has norm zero, so it has no angle"),
    ],
)
def test_bad_batches_are_refused(make, embeddings, labels, message):
    with pytest.raises(ValueError, match=message):
        make(2, 5)(embeddings, labels)


@pytest.mark.parametrize("kind", [CosFace, ArcFace, CombinedMargin, MagFace])
@pytest.mark.parametrize("scale", [0, -64.0, math.nan, math.inf])
def test_a_scale_out_of_range_is_refused(kind, scale):
    with pytest.raises(ValueError, match=f"scale is {scale}; expected more than 0"):
        kind(2, 3, scale=scale)


# --- Inside fit ---


def flat_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8))


def noise() -> ImageSet:
    images = torch.randint(256, (20, 1, 3, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return ImageSet(images, torch.arange(5).repeat(4), tuple("abcde"), "noise")


def train(make, epochs: int, checkpoint: Path | None = None) -> dict[str, torch.Tensor]:
    backbone, criterion = flat_network(), make()
    optimizer = torch.optim.SGD([*backbone.parameters(), *criterion.parameters()], lr=0.01, momentum=0.9)
    fit(backbone, criterion, noise(), optimizer=optimizer, epochs=epochs, batch_size=10, checkpoint=checkpoint)
    return {**backbone.state_dict(), **criterion.state_dict()}


IN_FIT = {
    "sphereface": lambda: SphereFace(8, 5, seed=1),
    "magface": lambda: MagFace(8, 5, **MAGFACE, seed=1),
    "schedule": lambda: margin_schedule(ArcFace(8, 5, seed=1), steps=5),
    "center": lambda: CenterLoss(8, 5, classifier=margin_schedule(CosFace(8, 5, seed=1), steps=5)),
}


@pytest.mark.parametrize("make", IN_FIT.values(), ids=IN_FIT)
def test_a_resumed_run_ends_with_the_same_bits(make, tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    whole = train(make, epochs=2)
    train(make, epochs=1, checkpoint=tmp_path / "run.ckpt")
    resumed = train(make, epochs=2, checkpoint=tmp_path / "run.ckpt")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())
    counters = [tensor for tensor in whole.values() if tensor.dtype == torch.int64]
    assert [int(counter) for counter in counters] in ([4], []), "two epochs of two batches"
