"""Which machine a run is on: Lightning Fabric, with its refusals in the words of ``fit``'s arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def fabric_for(accelerator: str, devices: int | str | list[int], strategy: str, precision: str) -> Fabric:
    """A ``Fabric`` of these arguments.

    Raises:
        ValueError: there is no such accelerator, device, strategy or precision, or this machine has not got it.
    """
    from lightning_fabric import Fabric  # here, as it loads PyTorch's compiler: seconds, and 100 MB

    try:
        return Fabric(accelerator=accelerator, devices=devices, strategy=strategy, precision=precision)
    except (ValueError, TypeError, RuntimeError, LookupError, ImportError) as error:
        given: dict[str, Any] = {"accelerator": accelerator, "devices": devices}
        given |= {"strategy": strategy, "precision": precision}
        told = ", ".join(f"{name}={value!r}" for name, value in given.items())
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(
            f"this machine cannot train with {told}: {reason}. Give accelerator='auto' to take what there is, or 'cpu'"
        ) from error
