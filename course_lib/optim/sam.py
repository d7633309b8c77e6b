"""Sharpness-aware minimization (Foret et al. 2021, ICLR), its adaptive form ASAM, and reuse as in LookSAM."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, get_total_norm
from torch.optim import Optimizer

from course_lib.optim.buffers import copy_buffers, hold_buffers, put_back
from course_lib.optim.look_sam import flat_direction, lean

Closure = Callable[[], Tensor]
DIRECTION = "flat_direction"  # the key of LookSAM's direction in a parameter's state


class SAM(Optimizer):
    """Step by the gradient at w + e, the worst point nearby, instead of the gradient at w.

    e = T^2 g / ||T g||, with g the gradient at w and the norm over all parameters together. SAM has T = rho, thus
    e = rho g / ||g|| (equation 2 of the paper). ASAM has T = rho |w|, element by element, thus
    e = rho w^2 g / || |w| g || (Kwon et al. 2021, ICML). The paper's eta, which is added to |w|, is 0 here: so e is
    exactly blind to a rescaling of weights that leaves the network's function as it is, and a weight that is zero is
    not moved. A gradient of zero moves nothing.

    Args:
        params: parameters or parameter groups, as any optimizer takes them. A group may bring its own ``rho``: the ball
            is then an ellipsoid, and ``rho=0`` leaves a group out of the ascent.
        base: makes the optimizer that takes the step: ``functools.partial(torch.optim.SGD, lr=0.1, momentum=0.9)``.
            Weight decay is the base's, at w, and no part of g.
        rho: radius of the ball, at least 0. ASAM needs about ten times SAM's.
        adaptive: ASAM instead of SAM.
        module: the module or modules that the closure runs, such as ``[backbone, criterion]``. The second pass finds
            all their buffers as the first one found them, and leaves them as the first one left them: it minimises the
            same loss, by the same centers, and is not recorded; see ``hold_buffers``. Without ``module``, batch norm
            would count each batch twice.
        every: look for w + e at every so many steps only, and reuse what it added to the gradient in between: LookSAM
            (Liu et al. 2022, CVPR), by the part of the gradient orthogonal to g. 1 is SAM.
        alpha: LookSAM's weight of the reused part; 0.7 in the paper.
        clip_norm: the norm that the step's gradient is clipped to, or None. It is applied after the second pass only.
            Clipping g would change nothing: only its direction counts.

    ``param_groups`` and ``state`` are the base's own, so every schedule of ``torch.optim.lr_scheduler`` drives it, and
    ``state_dict`` holds all that is needed to go on with the same bits. Under several processes the closure's backward
    averages the gradient over them, so all take the same e. Both passes draw the same dropout masks. With rho = 0 it is
    the base, bit for bit.

    Raises ``ValueError`` for an option out of range, and for a closure that does not back-propagate.
    """

    def __init__(
        self,
        params: Iterable[Any],
        base: Callable[[Any], Optimizer],
        rho: float = 0.05,
        adaptive: bool = False,
        *,
        module: nn.Module | Iterable[nn.Module] | None = None,
        every: int = 1,
        alpha: float = 0.7,
        clip_norm: float | None = None,
    ) -> None:
        _check_options(base, every, alpha, clip_norm)
        self.modules = _as_modules(module)
        self.base = base(params)
        own = {"rho": rho, "adaptive": adaptive, "every": every, "alpha": alpha, "clip_norm": clip_norm}
        # The groups get each default that they lack, and `defaults` tells a checkpoint what optimizer this is.
        super().__init__(self.base.param_groups, {**self.base.defaults, **own})
        self.state.update(self.base.state)
        for group in self.param_groups:
            if not 0 <= group["rho"] < math.inf:
                raise ValueError(f"rho is {group['rho']}; expected a finite number, 0 or more")
        self.steps = 0
        self._share()

    @torch.no_grad()
    def step(self, closure: Closure) -> Tensor:
        """Take one step and return the loss at w.

        ``closure`` computes the loss, back-propagates it and returns it; whether it zeroes the gradients first does not
        matter. It is called twice; once where LookSAM reuses. Whatever it raises, the weights are where they were, and
        of the second pass nothing is recorded.
        """
        looks_twice = self.steps % self.defaults["every"] == 0
        loss, direction = self._look_twice(closure) if looks_twice else self._look_once(closure)
        if self.defaults["clip_norm"] is not None:
            clip_grad_norm_(self._with_gradient(), self.defaults["clip_norm"])
        self.base.step()
        for parameter, unit in direction.items():  # only now: the base takes an empty state for a fresh one
            self.state[parameter][DIRECTION] = unit
        self.steps += 1
        return loss

    def _look_twice(self, closure: Closure) -> tuple[Tensor, dict[Tensor, Tensor]]:
        """Leave the gradient at w + e in ``.grad``; return the loss at w, and LookSAM's direction if it is reused."""
        before = copy_buffers(*self.modules)
        with torch.random.fork_rng(self._gpus()):  # the second pass draws the same dropout masks
            loss = self._back_propagate(closure)
        parameters = self._with_gradient()
        is_reused = self.defaults["every"] > 1
        plain = [p.grad.clone() for p in parameters] if is_reused else []
        with _moved(parameters, self._ascent()), hold_buffers(*self.modules):
            put_back(before)
            self._back_propagate(closure)
        if not is_reused:
            return loss, {}
        both = [(p, gradient) for p, gradient in zip(parameters, plain, strict=True) if p.grad is not None]
        units = flat_direction([p.grad for p, _ in both], [gradient for _, gradient in both])
        return loss, {p: unit for (p, _), unit in zip(both, units, strict=True)}

    def _look_once(self, closure: Closure) -> tuple[Tensor, dict[Tensor, Tensor]]:
        """Leave the gradient at w in ``.grad``, turned towards LookSAM's last direction; return the loss."""
        loss = self._back_propagate(closure)
        known = [p for p in self._with_gradient() if DIRECTION in self.state[p]]
        if known:
            lean([p.grad for p in known], [self.state[p][DIRECTION] for p in known], self.defaults["alpha"])
        return loss, {}

    def _ascent(self) -> list[Tensor]:
        """e of each parameter that has a gradient, made of that gradient's own memory."""
        groups = [(group["rho"], [p for p in group["params"] if p.grad is not None]) for group in self.param_groups]
        groups = [(rho, parameters) for rho, parameters in groups if parameters]
        ascents = [[p.grad for p in parameters] for _, parameters in groups]
        for (rho, _), vectors in zip(groups, ascents, strict=True):
            torch._foreach_mul_(vectors, rho)
        self._weigh(groups, ascents)  # T g; the sign of w is of no account, being squared
        norm = get_total_norm([vector for vectors in ascents for vector in vectors])
        # Below the smallest normal squares vanish, and the norm with them: e then shrinks instead of growing.
        norm = norm.clamp(min=max(1e-12, torch.finfo(norm.dtype).tiny))
        for (rho, _), vectors in zip(groups, ascents, strict=True):
            torch._foreach_mul_(vectors, rho / norm)
        self._weigh(groups, ascents)
        return [vector for vectors in ascents for vector in vectors]

    def _weigh(self, groups: list[tuple[float, list[Tensor]]], ascents: list[list[Tensor]]) -> None:
        if self.defaults["adaptive"]:
            for (_, parameters), vectors in zip(groups, ascents, strict=True):
                torch._foreach_mul_(vectors, parameters)

    def _back_propagate(self, closure: Closure) -> Tensor:
        self.zero_grad()
        with torch.enable_grad():
            loss = closure()
        if not self._with_gradient():
            raise ValueError(
                "no parameter has a gradient after the closure; it must compute the loss of the batch, "
                "call backward() on it, and return it"
            )
        return loss

    def _with_gradient(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"] if p.grad is not None]

    def _gpus(self) -> list[int]:
        devices = {p.device for group in self.param_groups for p in group["params"]}
        return sorted(device.index for device in devices if device.type == "cuda")

    def state_dict(self) -> dict[str, Any]:
        """The base's state and groups, LookSAM's directions, and how many steps were taken."""
        return {**super().state_dict(), "steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what ``state_dict`` gave."""
        super().load_state_dict(state_dict)
        self.steps = state_dict["steps"]
        self._share()

    def _share(self) -> None:
        """Let the base work on these very groups and this very state: loading replaces both."""
        self.base.param_groups, self.base.state = self.param_groups, self.state

    def __getstate__(self) -> dict[str, Any]:
        own = {"base": self.base, "modules": self.modules, "steps": self.steps}
        return {**super().__getstate__(), **own}


class ASAM(SAM):
    """``SAM`` with ``adaptive=True``, and the larger ``rho`` that it needs (Kwon et al. 2021)."""

    def __init__(
        self, params: Iterable[Any], base: Callable[[Any], Optimizer], rho: float = 0.5, **options: Any
    ) -> None:
        super().__init__(params, base, rho, adaptive=True, **options)


@contextmanager
def _moved(parameters: list[Tensor], by: list[Tensor]) -> Iterator[None]:
    """Within it the parameters are elsewhere; at its end they have the very bits they had."""
    saved = [p.clone() for p in parameters]
    torch._foreach_add_(parameters, by)
    del by  # its memory is free for the second pass
    try:
        yield
    finally:
        torch._foreach_copy_(parameters, saved)


def _as_modules(module: nn.Module | Iterable[nn.Module] | None) -> tuple[nn.Module, ...]:
    modules = () if module is None else (module,) if isinstance(module, nn.Module) else tuple(module)
    for one in modules:
        if not isinstance(one, nn.Module):
            raise ValueError(f"module holds {one!r}; expected a module or several, such as [backbone, criterion]")
    return modules


def _check_options(base: object, every: int, alpha: float, clip_norm: float | None) -> None:
    if isinstance(base, Optimizer) or not callable(base):
        raise ValueError(
            f"base is {type(base).__name__}, expected what makes an optimizer of parameters, "
            "such as functools.partial(torch.optim.SGD, lr=0.1)"
        )
    if every < 1:
        raise ValueError(f"every is {every}; expected at least 1 step")
    if not 0 <= alpha < math.inf:
        raise ValueError(f"alpha is {alpha}; expected a finite number, 0 or more")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm is {clip_norm}; expected more than 0, or None")
