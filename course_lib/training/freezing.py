"""Freezing: stages of a network that stay what they are while the rest is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

Freeze = str | Sequence[str]
"""``"all"``, ``"none"``, or names of stages: the top-level modules and parameters of a network."""


@contextmanager
def frozen(backbone: nn.Module, freeze: Freeze = "all") -> Iterator[None]:
    """Within this block the chosen stages are fixed functions; afterwards they are trained as before.

    A weight that takes no gradient is only half of it. Batch norm keeps a running mean and variance, which are no
    parameters: in training mode every batch moves them, and is itself normalised by its own mean and variance. A
    network whose weights alone are frozen therefore drifts away from the one that was pretrained, without a single
    step of the optimizer. So a frozen stage is in evaluation mode at every forward, whatever ``train()`` has said,
    which also silences its dropout.

    Raises ``ValueError`` for a stage that the network does not have; the message lists those it has.
    """
    stages = chosen_stages(backbone, freeze)
    modules = [stage for stage in stages if isinstance(stage, nn.Module)]
    parameters = [stage for stage in stages if isinstance(stage, nn.Parameter)]
    parameters += [parameter for module in modules for parameter in module.parameters()]
    were_trained = [parameter for parameter in parameters if parameter.requires_grad]

    def hold_still(*_: object) -> None:
        for module in modules:
            module.eval()

    hook = backbone.register_forward_pre_hook(hold_still)
    for parameter in were_trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        hook.remove()
        for parameter in were_trained:
            parameter.requires_grad_(True)


def chosen_stages(backbone: nn.Module, freeze: Freeze) -> list[nn.Module | nn.Parameter]:
    """What ``freeze`` names; raises ``ValueError`` for a stage that is not there."""
    if freeze in ("all", "none"):
        return [backbone] if freeze == "all" else []
    stages = {**dict(backbone.named_children()), **dict(backbone.named_parameters(recurse=False))}
    names = [freeze] if isinstance(freeze, str) else list(freeze)
    unknown = [repr(name) for name in names if name not in stages]
    if unknown:
        raise ValueError(
            f"the backbone has no stage {', '.join(unknown)}; expected 'all', 'none', or some of "
            f"{', '.join(map(repr, stages))}"
        )
    return [stages[name] for name in names]
