"""The one training loop: the same for a minute on a laptop and a day on many GPUs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_lib import machine
from course_lib.data import Augmentation, ImageSet
from course_lib.pointwise import in_reach, out_of_reach
from course_lib.progress import Progress
from course_lib.training.accelerators import fabric_for
from course_lib.training.batches import Batches
from course_lib.training.checkpoint import Checkpoint
from course_lib.training.contract import (
    check_batch_norm,
    check_counts,
    check_labels,
    check_parameters,
    check_recorded_once,
    records,
)
from course_lib.training.early_stopping import EarlyStopping
from course_lib.training.finite import NonFiniteError, first_non_finite
from course_lib.training.history import History
from course_lib.training.precision import resolve_precision
from course_lib.training.processes import mean_over_processes, share_buffers
from course_lib.training.quantization_aware import exact_precision, quantization_aware
from course_lib.training.run import Run
from course_lib.training.schedule import check_length, step_after_batch, step_after_epoch

if TYPE_CHECKING:
    from lightning_fabric import Fabric

# Fabric announces its precision at every call; here that is an argument, and in a notebook a line of noise per run.
logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)

Evaluate = Callable[[nn.Module], Mapping[str, Any]]


def fit(
    backbone: nn.Module,
    criterion: nn.Module,
    train: ImageSet,
    *,
    optimizer: Optimizer,
    epochs: int,
    schedule: LRScheduler | None = None,
    batch_size: int = 64,
    augment: Augmentation | None = None,
    evaluate: Evaluate | None = None,
    early_stopping: EarlyStopping | None = None,
    checkpoint: Path | str | None = None,
    checkpoint_every: int | None = None,
    resume: bool = True,
    precision: str = "auto",
    compile: bool = False,
    quantize: bool = False,
    accelerator: str = "auto",
    devices: int | str | list[int] = 1,
    strategy: str = "auto",
    seed: int = 0,
) -> History:
    """Train ``backbone`` and ``criterion`` in place on ``train``, and return what happened in each epoch.

    The backbone is laid out channels last. Convolutions in whose backward pass PyTorch would then overwrite memory
    compute as ``course_lib.pointwise.PointwiseConv`` meanwhile, with the same numbers.

    Args:
        backbone: images (N, C, H, W) float -> embeddings (N, D).
        criterion: ``criterion(embeddings, labels) -> Loss``; computed in float32 at every precision.
        optimizer: over the parameters of both; its ``step`` is called with a closure, and may call it more than once.
        epochs: how often each image is seen.
        schedule: a scheduler of that optimizer, stepped after every batch; ``ReduceLROnPlateau`` after every epoch, by
            the history's last ``loss``, or by the column that its attribute ``monitor`` names.
        batch_size: images a step, over all devices together; ``Batches`` says what happens to the last one.
        augment: applied to each batch of uint8 images.
        evaluate: called after each epoch with the backbone in evaluation mode; what it returns goes into the history.
            With ``quantize`` it sees what 8 bits make of the network.
        early_stopping: ends the run before ``epochs``, and puts the best epoch's weights back.
        checkpoint: a file, written after every epoch, and every ``checkpoint_every`` batches if given. Where it
            exists, the run goes on from there and ends with the weights it would have had: the same bits, on the same
            machine and settings. A finished run may be prolonged by more ``epochs``, if its schedule goes on.
        resume: False ignores an existing checkpoint and overwrites it.
        precision: ``"auto"``, or Lightning Fabric's words, such as ``"32-true"`` and ``"bf16-mixed"``.
        compile: run the backbone through ``torch.compile``; needs a C++ compiler, and a minute at the first step.
        quantize: train the backbone as 8 bits will run it, see ``quantization_aware``, at two to three times the cost.
            It is a float network afterwards, to be exported and quantised like any other. In ``"32-true"`` only.
        accelerator, devices, strategy: as Lightning Fabric's, e.g. ``accelerator="cpu", devices=2, strategy="ddp"``.
            Each process runs the whole script, ends with the same networks and history, and knows its number from
            ``torch.distributed.get_rank()``: write your own files where that is 0.
        seed: of data order, augmentation and dropout. PyTorch's global random state is left as it was.

    Raises:
        NonFiniteError: the loss or a gradient is NaN or infinite.
        TypeError: ``train`` is no ``ImageSet``; ``evaluate`` returns no dict; or what it returns, the optimizer or the
            schedule hold what a checkpoint could not give back: no numbers, texts, tensors or arrays of numbers.
        ValueError: a number is out of range; the optimizer misses a parameter, or lets a batch be recorded twice in the
            networks' buffers; a label is out of the criterion's range; a batch has one image, and batch norm one number
            to average; there is no such accelerator; the checkpoint is damaged or of another run; the schedule is over
            before the last epoch; ``quantize`` cannot be with this precision, or compiled.
        ModuleNotFoundError: torchao is not installed, and ``quantize`` is True.
    """
    check_parameters(optimizer, backbone, criterion)
    check_counts(epochs, checkpoint_every)
    if quantize:
        precision = exact_precision(precision, compile=compile)
    precision = resolve_precision(precision, accelerator)
    fabric = fabric_for(accelerator, devices, strategy, precision)
    if devices != 1:
        fabric.launch()
    batches = Batches(train, batch_size, augment, seed, fabric.global_rank, fabric.world_size)
    check_labels(criterion, train)
    check_length(schedule, epochs, len(batches))
    # The graph that quantize traces has all strides in its convolutions, so there the layout has to be another.
    layout = torch.contiguous_format if quantize and in_reach(backbone) else torch.channels_last
    backbone.to(fabric.device, memory_format=layout)
    check_batch_norm(backbone, batches, fabric.device)
    first = next(batches.epoch(0))[1].to(fabric.device) if quantize else None
    prepared = out_of_reach(backbone) if first is None else quantization_aware(backbone, first)

    with torch.random.fork_rng(), prepared, Progress(desc="training", total=epochs * len(batches), unit="batch") as bar:
        run = Run(backbone, criterion, optimizer, schedule, early_stopping)
        objective = _Objective(torch.compile(backbone) if compile else backbone, criterion)
        objective, stepper = fabric.setup(objective, optimizer)
        format_of_numbers = f"{precision}, rounded to 8 bits" if quantize else precision
        store = Checkpoint(checkpoint, run, batches, format_of_numbers, is_writer=fabric.is_global_zero)
        torch.manual_seed(seed)
        if resume:
            store.restore()
        bar.update(run.step)
        while run.epoch < epochs and not run.is_over():
            objective.train()
            for indices, images, labels in batches.epoch(run.epoch, start=run.step_in_epoch):
                started = time.perf_counter()
                images, labels = fabric.to_device((images.contiguous(memory_format=layout), labels))
                loss = _step(fabric, objective, stepper, images, labels, where=(run, indices))
                step_after_batch(schedule)
                run.count_step(*loss, time.perf_counter() - started)
                bar.update()
                if checkpoint_every and run.step % checkpoint_every == 0:
                    store.save()
            objective.eval()
            share_buffers(fabric, backbone, criterion)
            run.sums.update(mean_over_processes(fabric, run.sums))
            run.end_epoch({} if evaluate is None else mean_over_processes(fabric, evaluate(backbone)))
            step_after_epoch(schedule, run.history, fabric)
            bar.set_postfix(epoch=run.epoch, loss=f"{run.history.last['loss']:.3g}")
            store.save()
        run.restore_best()
    backbone.eval()
    machine.release_freed_memory()
    return run.history


def _step(
    fabric: Fabric, objective: nn.Module, optimizer: Any, images: Tensor, labels: Tensor, where: tuple[Run, Tensor]
) -> tuple[Tensor, dict[str, Tensor], Tensor, Tensor]:
    """One optimizer step; returns (total, parts, logits, their labels) of its first look at the batch."""
    run, _ = where
    looks, recorded = [], {}

    def closure() -> Tensor:
        optimizer.zero_grad()
        total, parts, logits, expected = objective(images, labels)
        if not total.isfinite():
            _stop("loss", images, labels, *where)
        fabric.backward(total)
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if not get_total_norm(gradients).isfinite():
            _stop("gradient", images, labels, *where)
        looks.append((total.detach(), parts, logits.detach(), expected))
        if run.step_in_epoch == 0 and len(looks) == 1:  # once an epoch is enough to find a fault of the optimizer
            recorded.update(records(run.backbone, run.criterion))
        return total

    optimizer.step(closure)
    if len(looks) > 1:
        check_recorded_once(recorded, run.backbone, run.criterion)
    return looks[0]


def _stop(what: str, images: Tensor, labels: Tensor, run: Run, indices: Tensor) -> None:
    culprit = first_non_finite(run.backbone, run.criterion, images, labels)
    some = ", ".join(map(str, indices[:8].tolist())) + (", …" if len(indices) > 8 else "")
    raise NonFiniteError(
        f"the {what} is not finite at step {run.step + 1} "
        f"(epoch {run.epoch + 1}, batch {run.step_in_epoch + 1}, images {some}). "
        f"The first non-finite tensor is {culprit}. "
        "Usual remedies: a smaller learning rate, a warm-up, a smaller loss weight"
    )


class _Objective(nn.Module):
    """Backbone and criterion as one module, so that every strategy averages the gradients of both."""

    def __init__(self, backbone: nn.Module, criterion: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.criterion = criterion

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor, Tensor]:
        embeddings = self.backbone(images)
        # The criterion stays in float32: a softmax over many classes loses too much in bfloat16.
        with torch.autocast(embeddings.device.type, enabled=False):
            loss = self.criterion(embeddings.float(), labels)
        return loss.total, loss.parts, loss.logits, labels if loss.labels is None else loss.labels
