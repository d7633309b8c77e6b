"""Transfer: a network that learned one thing learns another, as a whole or with stages of it frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_lib.data import ImageSet
from course_lib.training.contract import check_parameters
from course_lib.training.embed import embed
from course_lib.training.fit import Evaluate, fit
from course_lib.training.freezing import Freeze, chosen_stages, frozen
from course_lib.training.history import History

HEADS = ("classifier", "embedding")

MakeCriterion = Callable[[int, int], nn.Module]
"""(embedding_dim, n_classes) -> criterion; ``losses.Softmax`` is one."""
MakeOptimizer = Callable[[nn.Module, nn.Module], Optimizer]
"""(backbone, criterion) -> optimizer over the parameters of both, in groups with rates of their own if wanted."""
MakeSchedule = Callable[[Optimizer], LRScheduler]


def pretrain(
    backbone: nn.Module,
    source: ImageSet,
    *,
    criterion: MakeCriterion,
    optimizer: MakeOptimizer,
    epochs: int,
    schedule: MakeSchedule | None = None,
    **options: Any,
) -> History:
    """Train ``backbone`` in place to tell the classes of ``source`` apart; the classifier is thrown away.

    Args:
        source: labelled images of anything, of the size and channels that the backbone takes.
        criterion, optimizer, schedule: how to make them; the classifier's size follows from backbone and source.
        **options: of ``fit``.
    """
    classifier = criterion(_embedding_dim(backbone, source), source.n_classes)
    stepper = optimizer(backbone, classifier)
    options |= {"optimizer": stepper, "schedule": None if schedule is None else schedule(stepper)}
    return fit(backbone, classifier, source, epochs=epochs, **options)


@dataclass(frozen=True)
class Transferred:
    """A backbone that names people, and how it came to that.

    Attributes:
        backbone: images (N, C, H, W) float -> embeddings (N, D).
        known: the people it can name, with photographs.
        classifier: the criterion whose logits name them; None where people are compared by cosine.
        history: of the training.
    """

    backbone: nn.Module
    known: ImageSet
    classifier: nn.Module | None
    history: History

    def __repr__(self) -> str:
        by = "cosine" if self.classifier is None else type(self.classifier).__name__
        parts = f"{type(self.backbone).__name__} names {self.known.n_classes} people by {by}"
        return f"Transferred({parts}; {self.history!r})"

    def enrol(self, people: ImageSet) -> Transferred:
        """The same backbone, naming these people by comparison with their photographs: no weight is new, none moves."""
        return replace(self, known=people, classifier=None)

    def predict(self, photographs: ImageSet | Tensor) -> list[str]:
        """A name for each photograph: the classifier's, or that of the known photograph with the largest cosine.

        Raises ``ValueError`` for an embedding that is not finite, or zero where cosines are taken.
        """
        embeddings = torch.from_numpy(embed(self.backbone, photographs))
        labels = self._nearest(embeddings) if self.classifier is None else self._classified(embeddings)
        return [self.known.names[label] for label in labels.tolist()]

    def accuracy(self, test: ImageSet) -> float:
        """The share of photographs that are named rightly.

        Raises ``ValueError`` for a person of ``test`` whom this cannot name: every answer would be wrong.
        """
        _check_known(test, self.known, "embedding" if self.classifier is None else "classifier")
        right = [test.names[label] for label in test.labels.tolist()]
        return sum(a == b for a, b in zip(self.predict(test), right, strict=True)) / len(right)

    @torch.inference_mode()
    def _classified(self, embeddings: Tensor) -> Tensor:
        self.classifier.eval()
        embeddings = embeddings.to(next(self.classifier.parameters()).device)
        anybody = torch.zeros(len(embeddings), dtype=torch.int64, device=embeddings.device)  # logits have no margin
        return self.classifier(embeddings, anybody).logits.argmax(1)

    def _nearest(self, embeddings: Tensor) -> Tensor:
        gallery = torch.from_numpy(embed(self.backbone, self.known))
        for name, rows in (("photograph", embeddings), ("known photograph", gallery)):
            zero = (rows == 0).all(1).nonzero().flatten()
            if len(zero):
                raise ValueError(
                    f"the embedding of {name} {int(zero[0])} is zero ({len(zero)} in all), and its cosine undefined: "
                    "has the network died in training?"
                )
        return self.known.labels[(normalize(embeddings) @ normalize(gallery).T).argmax(1)]


def transfer(
    backbone: nn.Module,
    train: ImageSet,
    *,
    criterion: MakeCriterion,
    optimizer: MakeOptimizer,
    epochs: int,
    freeze: Freeze = "none",
    unfreeze_at: int | None = None,
    head: str = "classifier",
    test: ImageSet | None = None,
    schedule: MakeSchedule | None = None,
    **options: Any,
) -> Transferred:
    """Train a pretrained ``backbone`` in place, with a new head, to tell the people of ``train`` apart.

    Args:
        criterion, optimizer, schedule: as for ``pretrain``.
        freeze: stages that stay as they are, see ``frozen``.
        unfreeze_at: after so many epochs every stage is trained; the optimizer must hold them all from the start.
        head: ``"classifier"`` keeps the criterion's classifier, a row of weights for each person of ``train``.
            ``"embedding"`` throws it away when training is over: people are compared by the cosine of their embeddings,
            and new ones need photographs (``enrol``), no new weights. The training is the same.
        test: photographs of people of ``train``; after each epoch the share that is named rightly goes into the
            history as ``test_accuracy``.
        **options: of ``fit``. With ``checkpoint`` a run that was killed goes on where it was, before ``unfreeze_at``
            and after.

    Raises:
        ValueError: a stage or a head is unknown; ``unfreeze_at`` cannot be; nothing that is kept would be trained; the
            optimizer lacks what is trained later; a person of ``test`` has no photograph in ``train``; a checkpoint is
            of a run that froze something else.
    """
    _check(backbone, freeze, unfreeze_at, head, epochs, options)
    if test is not None:
        _check_known(test, train, head)
    trainer = criterion(_embedding_dim(backbone, train), train.n_classes)
    stepper = optimizer(backbone, trainer)
    if unfreeze_at is not None:
        check_parameters(stepper, backbone, trainer)  # now, while every stage asks for a gradient
    # Part of what a checkpoint describes: a run that froze other stages is another run.
    stepper.defaults["frozen"] = [freeze if isinstance(freeze, str) else list(freeze), unfreeze_at]
    result = Transferred(backbone, train, trainer if head == "classifier" else None, History())
    options |= {"optimizer": stepper, "schedule": None if schedule is None else schedule(stepper)}
    options["evaluate"] = partial(_evaluated, result, test, options.get("evaluate"))
    run = partial(fit, backbone, trainer, train)
    if unfreeze_at is None:
        with frozen(backbone, freeze):
            return replace(result, history=run(epochs=epochs, **options))
    with TemporaryDirectory() as folder:
        # The second part prolongs the first through its checkpoint: order, schedule and history are those of one run.
        options["checkpoint"] = options.get("checkpoint") or Path(folder) / "transfer.ckpt"
        with frozen(backbone, freeze):
            run(epochs=unfreeze_at, **options)
        return replace(result, history=run(epochs=epochs, **{**options, "resume": True}))


def _evaluated(
    result: Transferred, test: ImageSet | None, own: Evaluate | None, backbone: nn.Module
) -> Mapping[str, Any]:
    """After an epoch: what the caller wants to know, and how well the test photographs are named."""
    found = {} if own is None else own(backbone)
    return found if test is None else {**found, "test_accuracy": result.accuracy(test)}


def _embedding_dim(backbone: nn.Module, images: ImageSet) -> int:
    return embed(backbone, images.images[:1]).shape[1]


def _check(
    backbone: nn.Module, freeze: Freeze, unfreeze_at: int | None, head: str, epochs: int, options: Mapping[str, Any]
) -> None:
    """Refuse what cannot be meant, before anything is trained."""
    if head not in HEADS:
        raise ValueError(f"head {head!r} is not known; expected one of {', '.join(HEADS)}")
    if unfreeze_at is not None:
        if not chosen_stages(backbone, freeze):
            raise ValueError(f"unfreeze_at is {unfreeze_at}, but freeze={freeze!r} freezes nothing")
        if not 1 <= unfreeze_at < epochs:
            raise ValueError(f"unfreeze_at is {unfreeze_at} of {epochs} epochs; expected 1 or more, and fewer")
        if options.get("devices", 1) != 1 and not options.get("checkpoint"):
            raise ValueError("several processes unfreeze through a file that all of them read; give checkpoint=")
        return
    with frozen(backbone, freeze):
        learns = any(parameter.requires_grad for parameter in backbone.parameters())
    if head == "embedding" and epochs and not learns:
        stages = ", ".join(repr(name) for name, _ in backbone.named_children())
        raise ValueError(
            "with every stage frozen the embeddings stay what they are, and the classifier, which alone would be "
            f"trained, is not kept. Leave a late stage free (there are {stages}), or take epochs=0 to use it as it is"
        )


def _check_known(test: ImageSet, known: ImageSet, head: str) -> None:
    """Raise ``ValueError`` naming a person with photographs in ``test`` and none in ``known``."""
    there = {known.names[label] for label in known.labels.unique().tolist()}
    unknown = [test.names[label] for label in test.labels.unique().tolist() if test.names[label] not in there]
    if unknown:
        others = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        why = {
            "classifier": "a classifier names only those it was trained on. Put photographs of them into train, or "
            "take head='embedding' and enrol them",
            "embedding": "there is no photograph to compare theirs with. Enrol them: enrol(photographs)",
        }[head]
        raise ValueError(f"identity {unknown[0]!r}{others} appears only in the test split: {why}")
