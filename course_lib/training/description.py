"""What makes two runs the same run, in plain values that a checkpoint can hold and that a message can quote."""

from __future__ import annotations

import dis
import functools
import hashlib
import re
from collections.abc import Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_lib.training.batches import Batches
from course_lib.training.names import plain_name, plain_state

if TYPE_CHECKING:
    from course_lib.training.run import Run

ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)
SAMPLE = 256  # images whose pixels are compared one by one; of the others the sum
DEPTH = 8  # of values within values; what lies deeper is told apart by its type only
LONGEST = 500  # characters of a part's setting; of a longer one the digest
Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


def describe(run: Run, batches: Batches, precision: str) -> dict[str, Any]:
    """A run's settings. ``epochs`` is not among them: a finished run may be prolonged."""
    return {
        "precision": precision,
        "backbone": {name: str(tuple(tensor.shape)) for name, tensor in plain_state(run.backbone).items()},
        "criterion": " ".join(repr(run.criterion).split()),
        "optimizer": of_optimizer(run.optimizer),
        "schedule": of_schedule(run.schedule),
        "early stopping": repr(run.early_stopping),
        "batch size": batches.batch_size,
        "augmentation": plain(batches.augment),
        "seed": batches.seed,
        "images": of_images(batches),
        "parts of the backbone": of_parts(run.backbone),
        "parts of the criterion": of_parts(run.criterion),
    }


def of_parts(network: nn.Module) -> dict[str, dict[str, Plain]]:
    """The type of each part and its settings: the public numbers, texts and functions that it keeps, or lists of them.

    What it has learned is no setting, and neither is what wraps it, such as ``torch.compile``.
    """
    parts = {}
    for name, part in network.named_modules():
        settings = {key: value for key, value in sorted(vars(part).items()) if not key.startswith("_")}
        settings.pop("training", None)
        told = {key: _briefly(plain(value)) for key, value in settings.items() if _is_setting(value)}
        # A wrapper and what it wraps have one plain name; the latter comes last.
        parts[plain_name(f"{name}.").rstrip(".") or "whole"] = {"type": type(part).__name__, **told}
    return parts


def of_optimizer(optimizer: Optimizer) -> dict[str, Plain]:
    """Its type, its defaults, and the settings of every parameter group."""
    groups = {}
    for number, group in enumerate(optimizer.param_groups):
        settings = {name: value for name, value in group.items() if name not in ("params", "param_names")}
        groups[f"group {number}"] = {**plain(settings), "tensors": len(group["params"])}
    return {"type": type(optimizer).__name__, "defaults": plain(optimizer.defaults), **groups}


def of_schedule(schedule: LRScheduler | None) -> Plain:
    """Its type and numbers, and the functions that PyTorch leaves out of a schedule's state."""
    if schedule is None:
        return None
    functions = {"functions": plain(schedule.lr_lambdas)} if hasattr(schedule, "lr_lambdas") else {}
    parts = {f"part {i}": of_schedule(part) for i, part in enumerate(getattr(schedule, "_schedulers", []), 1)}
    state = {name: value for name, value in schedule.state_dict().items() if name != "_schedulers"}
    return {"type": type(schedule).__name__, **plain(state), **functions, **parts}


def of_images(batches: Batches) -> dict[str, Plain]:
    """How many images of whom, and what tells their pixels from others': all of some, and the sum of all."""
    images = batches.images
    some = images.images[:: max(1, len(images) // SAMPLE)]
    return {
        "number": len(images),
        "shape": "x".join(map(str, images.images.shape[1:])),
        "classes": images.n_classes,
        "names": _digest("\n".join(images.names).encode()),
        "labels": _digest(images.labels.numpy().tobytes()),
        "pixels": f"{_digest(some.contiguous().numpy().tobytes())}, sum {int(images.images.sum(dtype=torch.int64))}",
    }


def plain(value: Any, depth: int = DEPTH) -> Any:
    """A value of any kind as numbers, texts, lists and dictionaries, equal for equal settings in another process.

    Functions are told apart by their code and what they hold, never by their address; large arrays by a digest.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth == 0:
        return type(value).__qualname__
    inside = functools.partial(plain, depth=depth - 1)
    if isinstance(value, Mapping):
        return {str(key): inside(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [inside(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, map(inside, value)))
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return inside(value.tolist())  # its bytes are addresses
    if isinstance(value, (Tensor, np.ndarray)):
        return _of_array(value)
    if isinstance(value, functools.partial):
        return {"function": inside(value.func), "arguments": inside(value.args), "options": inside(value.keywords)}
    if isinstance(value, MethodType):
        return {"function": inside(value.__func__), "of": inside(value.__self__)}
    if isinstance(value, FunctionType):
        return _of_function(value, depth)
    return _of_object(value, depth)


def difference(key: str, there: Any, here: Any) -> str:
    """Say in words where two descriptions of ``key`` part."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        absent = object()
        for name in [*here, *there]:
            ours, theirs = here.get(name, absent), there.get(name, absent)
            if (
                isinstance(ours, Mapping)
                and isinstance(theirs, Mapping)
                and ours != theirs
                and ours.keys() == theirs.keys()
            ):
                return difference(f"{key}, {name}", theirs, ours)
            if ours != theirs:
                told = ["not there" if value is absent else f"{value}" for value in (theirs, ours)]
                return f"its {key} has {name} = {told[0]}, here it is {told[1]}"
    return f"its {key} is {there}, here it is {here}"


def _is_setting(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_setting, value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(_is_setting, value))
    functions = (FunctionType, BuiltinFunctionType, functools.partial)
    return value is None or isinstance(value, (bool, int, float, str, *functions))


def _briefly(told: Plain) -> Plain:
    text = repr(told)
    return told if len(text) <= LONGEST else _digest(text.encode())


def _of_array(value: Tensor | np.ndarray) -> Plain:
    array = value.detach().cpu().float().numpy() if isinstance(value, Tensor) else value
    if array.size <= 8:
        return array.tolist()
    return f"{'x'.join(map(str, array.shape))} {array.dtype} {_digest(np.ascontiguousarray(array).tobytes())}"


def _of_function(function: FunctionType, depth: int) -> dict[str, Plain]:
    inside = functools.partial(plain, depth=depth - 1)
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    held = {name: inside(_contents(cell)) for name, cell in cells}
    options = inside([function.__defaults__, function.__kwdefaults__])
    name = f"{function.__module__}.{function.__qualname__}"
    return {"function": name, "code": _digest(_code(function.__code__).encode()), "holds": held, "defaults": options}


def _of_object(value: Any, depth: int) -> Plain:
    """Its own words where it has any, without addresses; else its type and what it holds."""
    name = type(value).__qualname__
    if isinstance(value, type) or not hasattr(value, "__dict__"):
        return ADDRESS.sub("", repr(value))
    if isinstance(value, nn.Module):
        tensors = {key: plain(tensor) for key, tensor in value.state_dict().items()}
        return {"type": name, "words": ADDRESS.sub("", " ".join(repr(value).split())), "tensors": tensors}
    if type(value).__repr__ is not object.__repr__:
        return ADDRESS.sub("", repr(value))
    return {"type": name, **{key: plain(item, depth - 1) for key, item in sorted(vars(value).items())}}


def _code(code: CodeType) -> str:
    """Byte code with its names and constants; functions within it too, whose own repr would hold an address."""
    used = sorted({step.arg for step in dis.get_instructions(code) if step.opcode in dis.hasconst})
    constants = []
    # Only those in use: Python 3.14 also keeps the first member of a set, which differs from process to process.
    for one in (code.co_consts[place] for place in used):
        if isinstance(one, frozenset):  # whose order is another one in every process
            one = sorted(map(repr, one))
        constants.append(_code(one) if isinstance(one, CodeType) else repr(one))
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
