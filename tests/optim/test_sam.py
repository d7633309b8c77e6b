from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, AdamW, lr_scheduler

from course_lib.optim import ASAM, SAM

CURVATURE = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
START = torch.tensor([1.0, -2.0], dtype=torch.float64)


def quadratic(weights: Tensor) -> Callable[[], Tensor]:
    """A closure of 1/2 w'Aw, whose gradient is Aw."""

    def closure() -> Tensor:
        loss = weights @ CURVATURE @ weights / 2
        loss.backward()
        return loss

    return closure


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()


def batches(count: int) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(8, 4, generator=generator, dtype=torch.float64), torch.randint(3, (8,), generator=generator))
        for _ in range(count)
    ]


def closure_of(net: nn.Module, inputs: Tensor, labels: Tensor) -> Callable[[], Tensor]:
    def closure() -> Tensor:
        loss = cross_entropy(net(inputs), labels)
        loss.backward()
        return loss

    return closure


def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int, start: int = 0) -> list[Tensor]:
    for inputs, labels in batches(steps)[start:]:
        optimizer.zero_grad()
        optimizer.step(closure_of(net, inputs, labels))
    return [p.detach().clone() for p in net.parameters()]


def vector(tensors) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def assert_same_bits(one: list[Tensor], other: list[Tensor]) -> None:
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# --- The step, by its formula ---


def test_one_step_on_a_quadratic_by_hand():
    weights = START.clone().requires_grad_()
    loss = SAM([weights], partial(SGD, lr=0.1), rho=0.5).step(quadratic(weights))
    # w = (1, -2), A = ((3, 1), (1, 2)): g = Aw = (1, -3), ||g|| = sqrt(10), loss = (1 + 6) / 2,
    # e = 0.5 (1, -3) / sqrt(10), Ae = 0.5 (0, -5) / sqrt(10), w - 0.1 (g + Ae)
    assert loss.item() == pytest.approx(3.5)
    assert weights.tolist() == pytest.approx([1 - 0.1 * 1, -2 - 0.1 * (-3 - 2.5 / math.sqrt(10))])


def test_one_step_of_asam_on_a_quadratic_by_hand():
    weights = START.clone().requires_grad_()
    ASAM([weights], partial(SGD, lr=0.1), rho=0.5).step(quadratic(weights))
    # |w| g = (1, -6), its norm sqrt(37), e = 0.5 (1, -12) / sqrt(37), Ae = 0.5 (-9, -23) / sqrt(37)
    expected = [1 - 0.1 * (1 - 4.5 / math.sqrt(37)), -2 - 0.1 * (-3 - 11.5 / math.sqrt(37))]
    assert weights.tolist() == pytest.approx(expected)


@given(
    rho=st.floats(0, 5),
    w=st.lists(st.floats(-10, 10), min_size=2, max_size=2),
    a=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
)
def test_the_closed_form_holds_on_every_quadratic(rho: float, w: list[float], a: list[float]):
    """w - lr (A + rho A A / ||Aw||) w, and the zero gradient moves nothing."""
    matrix = torch.tensor([[a[0], a[1]], [a[1], a[2]]], dtype=torch.float64)
    weights = torch.tensor(w, dtype=torch.float64, requires_grad=True)
    gradient = matrix @ weights.detach()
    norm = gradient.norm().item()
    if 0 < rho * norm < 1e-11:
        return  # there the step fades to zero
    expected = weights.detach() - 0.1 * (gradient + (rho * matrix @ gradient / norm if norm else 0))

    def closure() -> Tensor:
        loss = weights @ matrix @ weights / 2
        loss.backward()
        return loss

    SAM([weights], partial(SGD, lr=0.1), rho=rho).step(closure)
    assert torch.allclose(weights, expected, rtol=1e-9, atol=1e-12)


def plain_sam(net: nn.Module, steps: int, rho: float, adaptive: bool, lr: float, momentum: float, decay: float):
    """SAM over SGD with momentum and weight decay, without an optimizer: the reference sequence."""
    parameters = list(net.parameters())
    velocity = [torch.zeros_like(p) for p in parameters]
    for inputs, labels in batches(steps):
        first = torch.autograd.grad(cross_entropy(net(inputs), labels), parameters)
        old = [p.detach().clone() for p in parameters]
        weight = [p.abs() if adaptive else torch.ones_like(p) for p in old]
        norm = vector(t * g for t, g in zip(weight, first, strict=True)).norm()
        for p, t, g in zip(parameters, weight, first, strict=True):
            p.data += rho * t**2 * g / norm
        second = torch.autograd.grad(cross_entropy(net(inputs), labels), parameters)
        for index, (p, was, g) in enumerate(zip(parameters, old, second, strict=True)):
            velocity[index] = momentum * velocity[index] + g + decay * was
            p.data = was - lr * velocity[index]
    return [p.detach() for p in parameters]


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_sequence_over_sgd_with_momentum_and_weight_decay(adaptive: bool):
    expected = plain_sam(network(), 6, rho=0.3, adaptive=adaptive, lr=0.2, momentum=0.9, decay=0.05)
    net = network()
    base = partial(SGD, lr=0.2, momentum=0.9, weight_decay=0.05)
    found = train(net, SAM(net.parameters(), base, rho=0.3, adaptive=adaptive), 6)
    assert torch.allclose(vector(found), vector(expected), rtol=1e-10)
    other = network()
    assert not torch.allclose(vector(found), vector(train(other, base(other.parameters()), 6)), rtol=1e-3)


@pytest.mark.parametrize("base", [partial(SGD, lr=0.1, momentum=0.9), partial(AdamW, lr=0.01)])
@pytest.mark.parametrize("options", [{}, {"adaptive": True}, {"every": 3}])
def test_without_a_radius_it_is_the_base(base, options):
    net, twin = network(), network()
    plain = train(twin, base(twin.parameters()), 7)
    assert_same_bits(train(net, SAM(net.parameters(), base, rho=0.0, **options), 7), plain)


def test_asam_is_adaptive_sam():
    net, twin = network(), network()
    base = partial(SGD, lr=0.1)
    assert_same_bits(
        train(net, ASAM(net.parameters(), base), 3),
        train(twin, SAM(twin.parameters(), base, rho=0.5, adaptive=True), 3),
    )


@given(scale=st.floats(0.1, 10))
def test_asam_sees_no_difference_where_a_rescaling_makes_none(scale: float):
    """v u x is the same function for (u s, v / s): so is ASAM's loss at w + e, and SAM's is not."""

    def second_losses(optimizer, by: float, options: dict) -> float:
        weights = [torch.tensor(2.0 * by, dtype=torch.float64), torch.tensor(0.5 / by, dtype=torch.float64)]
        seen = []

        def closure() -> Tensor:
            loss = (weights[0] * weights[1] * 3 - 1) ** 2
            loss.backward()
            seen.append(loss.item())
            return loss

        optimizer([w.requires_grad_() for w in weights], partial(SGD, lr=0.1), **options).step(closure)
        return seen[1]

    adaptive = {"adaptive": True, "rho": 0.2}
    assert second_losses(SAM, scale, adaptive) == pytest.approx(second_losses(SAM, 1.0, adaptive), rel=1e-9)
    if abs(math.log(scale)) > 0.5:
        assert second_losses(SAM, scale, {"rho": 0.2}) != pytest.approx(second_losses(SAM, 1.0, {"rho": 0.2}), rel=1e-2)


def test_groups_of_their_own_radius():
    """A group with rho 0 stays where it is, and does not count in the norm of the others."""
    moves, still = START.clone().requires_grad_(), START.clone().requires_grad_()
    places = []

    def closure() -> Tensor:
        places.append((moves.detach().clone(), still.detach().clone()))
        loss = quadratic(moves)() + 100 * quadratic(still)()
        return loss

    groups = [{"params": [moves]}, {"params": [still], "rho": 0.0, "lr": 0.3}]
    optimizer = SAM(groups, partial(SGD, lr=0.1), rho=0.5)
    optimizer.step(closure)
    assert torch.equal(places[0][1], places[1][1])
    assert (places[1][0] - places[0][0]).norm().item() == pytest.approx(0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.3]


def test_the_ellipsoid_of_two_radii():
    one, two = (torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in (3.0, -4.0))
    places = []

    def closure() -> Tensor:
        places.append((one.item(), two.item()))
        loss = (one**2 / 2 + two**2 / 2).sum()
        loss.backward()
        return loss

    SAM([{"params": [one], "rho": 2.0}, {"params": [two], "rho": 1.0}], partial(SGD, lr=0.1)).step(closure)
    # T g = (6, -4), its norm sqrt(52), e = (12, -4) / sqrt(52): on the ellipse (e1 / 2)^2 + (e2 / 1)^2 = 1
    assert places[1] == pytest.approx((3 + 12 / math.sqrt(52), -4 - 4 / math.sqrt(52)))


# --- The gradient ---


def test_the_gradient_is_clipped_after_the_second_pass():
    weights = START.clone().requires_grad_()
    second = CURVATURE @ (START + 0.5 * CURVATURE @ START / (CURVATURE @ START).norm())
    SAM([weights], partial(SGD, lr=1.0), rho=0.5, clip_norm=0.2).step(quadratic(weights))
    assert torch.allclose(START - weights.detach(), 0.2 * second / second.norm(), rtol=1e-5)


def test_a_gradient_of_zero_moves_nothing():
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    for every in (1, 2):
        SAM([weights], partial(SGD, lr=0.1), rho=0.5, every=every).step(quadratic(weights))
        assert weights.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e-14, 1e20])
def test_gradients_of_any_size_move_no_further_than_rho(size: float):
    weights = torch.ones(3, requires_grad=True)
    places = []

    def closure() -> Tensor:
        places.append(weights.detach().clone())
        loss = (weights * size).sum()
        loss.backward()
        return loss

    SAM([weights], partial(SGD, lr=0.0), rho=0.5).step(closure)
    assert (places[1] - places[0]).norm().item() <= 0.5 * (1 + 1e-6)


def test_parameters_without_a_gradient_are_left_out():
    weights, unused = START.clone().requires_grad_(), START.clone().requires_grad_()
    frozen = START.clone()
    SAM([unused, weights, frozen], partial(SGD, lr=0.1, weight_decay=0.1), rho=0.5).step(quadratic(weights))
    assert torch.equal(unused.detach(), START) and torch.equal(frozen, START)
    assert not torch.equal(weights.detach(), START)


@pytest.mark.parametrize("zeroes", [True, False])
def test_gradients_neither_pile_up_nor_stay_from_before(zeroes: bool):
    weights, twin = START.clone().requires_grad_(), START.clone().requires_grad_()
    weights.grad = torch.full((2,), 99.0, dtype=torch.float64)
    optimizer = SAM([weights], partial(SGD, lr=0.1), rho=0.5)

    def closure() -> Tensor:
        if zeroes:
            optimizer.zero_grad(set_to_none=False)
        return quadratic(weights)()

    optimizer.step(closure)
    SAM([twin], partial(SGD, lr=0.1), rho=0.5).step(quadratic(twin))
    assert torch.equal(weights, twin)


# --- LookSAM ---


def plain_look_sam(net: nn.Module, steps: int, rho: float, every: int, alpha: float, lr: float) -> Tensor:
    """Algorithm 1 of Liu et al. 2022 on one flat vector."""
    parameters = list(net.parameters())

    def gradient(at: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
        nn.utils.vector_to_parameters(at, parameters)
        return vector(torch.autograd.grad(cross_entropy(net(inputs), labels), parameters))

    w = vector(parameters)
    for step, batch in enumerate(batches(steps)):
        g = gradient(w, *batch)
        if step % every == 0:
            g_s = gradient(w + rho * g / g.norm(), *batch)
            cosine = g @ g_s / (g.norm() * g_s.norm())
            g_v = g_s - g_s.norm() * cosine * g / g.norm()
        else:
            g_s = g + alpha * g.norm() / g_v.norm() * g_v
        w = w - lr * g_s
    return w


def test_look_sam_by_its_algorithm():
    expected = plain_look_sam(network(), 8, rho=0.3, every=3, alpha=0.4, lr=0.2)
    net = network()
    optimizer = SAM(net.parameters(), partial(SGD, lr=0.2), rho=0.3, every=3, alpha=0.4)
    assert torch.allclose(vector(train(net, optimizer, 8)), expected, rtol=1e-9)


def test_look_sam_at_every_step_is_sam():
    net, twin = network(), network()
    base = partial(SGD, lr=0.2, momentum=0.9)
    found = train(net, SAM(net.parameters(), base, rho=0.3, every=1, alpha=0.1), 5)
    assert_same_bits(found, train(twin, SAM(twin.parameters(), base, rho=0.3), 5))


def test_look_sam_calls_the_closure_once_in_between():
    net, calls = network(), []
    net.register_forward_hook(lambda *_: calls.append(1))
    train(net, SAM(net.parameters(), partial(SGD, lr=0.1), every=4), 9)
    assert len(calls) == 9 + 3


# --- Buffers ---


def test_the_first_pass_alone_is_recorded():
    def with_norm(momentum: float | None) -> nn.Sequential:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, momentum=momentum), nn.Linear(6, 3)).double()

    for momentum in (0.1, None):
        net, untouched, once = with_norm(momentum), with_norm(momentum), with_norm(momentum)
        (batch,) = batches(1)
        once(batch[0])
        SAM(net.parameters(), partial(SGD, lr=0.1), rho=0.5, module=net).step(closure_of(net, *batch))
        for found, expected in zip(net.buffers(), once.buffers(), strict=True):
            assert torch.equal(found, expected)
        SAM(untouched.parameters(), partial(SGD, lr=0.1), rho=0.5).step(closure_of(untouched, *batch))
        assert untouched[1].num_batches_tracked == 2
        assert not torch.equal(untouched[1].running_var, once[1].running_var)
        # The rule changes what is recorded and nothing else.
        assert_same_bits(list(net.parameters()), list(untouched.parameters()))


class Step(nn.Module):
    """Scales by a count of the batches, as an annealed margin does."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("step", torch.ones(()))

    def forward(self, inputs: Tensor) -> Tensor:
        scaled = inputs * self.step
        self.step += 1
        return scaled


def test_the_second_pass_finds_the_buffers_that_the_first_one_found():
    net, seen = nn.Sequential(Step(), network()).double(), []
    net[1].register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].sum().item()))
    train(net, SAM(net.parameters(), partial(SGD, lr=0.1), module=net), 2)
    assert seen[0] == seen[1] and seen[2] == seen[3] and net[0].step == 3


def test_both_passes_draw_the_same_dropout_masks_and_each_step_others():
    net, masks = nn.Sequential(nn.Dropout(0.5), network()), []
    net[0].register_forward_hook(lambda _module, _inputs, output: masks.append(output == 0))
    train(net, SAM(net.parameters(), partial(SGD, lr=0.1), every=2), 4)
    assert len(masks) == 6  # twice, once, twice, once
    assert torch.equal(masks[0], masks[1]) and torch.equal(masks[3], masks[4])
    alone = [masks[index] for index in (0, 2, 3, 5)]
    assert not any(torch.equal(a, b) for index, a in enumerate(alone) for b in alone[:index])


# --- A closure that fails ---


class Broken(Exception):
    """What a closure raises."""


@pytest.mark.parametrize("at_call", [1, 2])
def test_whatever_the_closure_raises_weights_and_buffers_are_put_back(at_call: int):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)).double()
    before = [p.detach().clone() for p in net.parameters()]
    (batch,) = batches(1)
    optimizer = SAM(net.parameters(), partial(SGD, lr=0.1, momentum=0.9), rho=0.5, module=net)
    calls, places = [], []

    def closure() -> Tensor:
        calls.append(1)
        places.append(vector(net.parameters()))
        loss = cross_entropy(net(batch[0]), batch[1])
        loss.backward()
        if len(calls) == at_call:
            raise Broken
        return loss

    with pytest.raises(Broken):
        optimizer.step(closure)
    assert len(calls) == at_call and (at_call == 1 or not torch.equal(places[0], places[1]))
    assert_same_bits(before, list(net.parameters()))
    assert net[1].num_batches_tracked == 1 and not optimizer.state_dict()["state"] and optimizer.steps == 0


def test_a_closure_that_does_not_back_propagate():
    weights = START.clone().requires_grad_()
    weights.grad = torch.ones_like(weights)  # of an earlier step
    with pytest.raises(ValueError, match=r"no parameter has a gradient after the closure; .* call backward\(\) on it"):
        SAM([weights], partial(SGD, lr=0.1)).step(lambda: (weights**2).sum())
    assert torch.equal(weights.detach(), START)


def test_a_step_without_a_closure():
    weights = START.clone().requires_grad_()
    with pytest.raises(TypeError, match="closure"):
        SAM([weights], partial(SGD, lr=0.1)).step()


# --- An optimizer like any other ---


@pytest.mark.parametrize("base", [partial(SGD, lr=0.1, momentum=0.9, weight_decay=0.01), partial(AdamW, lr=0.01)])
@pytest.mark.parametrize("options", [{}, {"adaptive": True}, {"every": 3}])
def test_it_goes_on_from_its_state_with_the_same_bits(base, options):
    net = network()
    whole = train(net, SAM(net.parameters(), base, rho=0.2, **options), 8)

    first = network()
    optimizer = SAM(first.parameters(), base, rho=0.2, **options)
    train(first, optimizer, 5)
    file = io.BytesIO()
    torch.save((first.state_dict(), optimizer.state_dict()), file)
    file.seek(0)
    weights, state = torch.load(file, weights_only=True)

    second = network(seed=5)
    optimizer = SAM(second.parameters(), base, rho=0.9, **options)
    second.load_state_dict(weights)
    optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["rho"] == 0.2
    assert optimizer.base.param_groups is optimizer.param_groups and optimizer.base.state is optimizer.state
    assert_same_bits(train(second, optimizer, 8, start=5), whole)


SCHEDULES = {
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.3, total_steps=8),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.7),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 8),
    "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0),
    "warm-up, then step": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, total_iters=3), lr_scheduler.StepLR(o, 2, 0.5)], milestones=[3]
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_every_schedule_drives_it_as_it_drives_the_base(schedule):
    base = partial(SGD, lr=0.1, momentum=0.9)
    rates = []
    for wrapped in (False, True):
        net = network()
        optimizer = SAM(net.parameters(), base, rho=0.0) if wrapped else base(net.parameters())
        driver = schedule(optimizer)
        for inputs, labels in batches(8):
            optimizer.zero_grad()
            optimizer.step(closure_of(net, inputs, labels))
            driver.step(*([1.0] if isinstance(driver, lr_scheduler.ReduceLROnPlateau) else []))
            rates.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"], net[0].weight.sum()))
    assert rates[:8] == rates[8:] and rates[0] != rates[7]


def test_a_group_may_be_added_later():
    one, two = START.clone().requires_grad_(), START.clone().requires_grad_()
    optimizer = SAM([one], partial(SGD, lr=0.1), rho=0.5)
    optimizer.add_param_group({"params": [two], "lr": 0.2})

    def closure() -> Tensor:
        return quadratic(one)() + quadratic(two)()

    optimizer.step(closure)
    assert not torch.equal(two.detach(), START) and optimizer.base.param_groups[1]["rho"] == 0.5


def test_a_deep_copy_is_an_optimizer_of_its_own():
    net = network()
    twin, optimizer = copy.deepcopy((net, SAM(net.parameters(), partial(SGD, lr=0.1), module=net)))
    assert optimizer.modules == (twin,) and optimizer.base.param_groups is optimizer.param_groups
    before = vector(net.parameters())
    train(twin, optimizer, 1)
    assert torch.equal(vector(net.parameters()), before) and not torch.equal(vector(twin.parameters()), before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rho": -0.1}, "rho is -0.1; expected a finite number, 0 or more"),
        ({"rho": math.nan}, "rho is nan"),
        ({"rho": math.inf}, "rho is inf"),
        ({"params": [{"params": [torch.ones(1)], "rho": -1}]}, "rho is -1"),
        ({"every": 0}, "every is 0; expected at least 1 step"),
        ({"alpha": -1.0}, "alpha is -1.0"),
        ({"clip_norm": 0.0}, "clip_norm is 0.0; expected more than 0, or None"),
        ({"base": SGD([torch.ones(1)], lr=0.1)}, r"base is SGD, expected what makes an optimizer .*functools\.partial"),
        ({"base": 0.1}, "base is float"),
        ({"module": [nn.Identity(), "backbone"]}, r"module holds 'backbone'; expected a module or several"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        SAM(**{"params": [torch.ones(1)], "base": partial(SGD, lr=0.1), **options})
