"""Distillation of a classifier: the student gives all classes the teacher's probabilities, not only the right one."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import kl_div, log_softmax

from course_lib.losses.base import Loss, check_batch, check_range
from course_lib.losses.taught import checked_table


class HintonKD(nn.Module):
    """Cross-entropy on the labels plus the teacher's softened probabilities: embeddings (N, D), image numbers (N,) ->
    ``Loss``.

    total = (1 - weight) * classifier's loss + weight * T^2 * KL(softmax(z_t / T) || softmax(z_s / T)). The factor T^2
    keeps the gradient's size when T changes. Student and teacher must know the same classes. Source: Hinton, Vinyals
    and Dean 2015, "Distilling the knowledge in a neural network", section 2.

    A label here is the number of an image, as in ``Taught``; ``Loss.labels`` gives the classes that the logits (N, C)
    are to be compared with.

    Args:
        classifier: the student's criterion, over C classes, such as ``Softmax``.
        teacher_logits: (M, C) float, one row an image.
        labels: (M,) int64 in 0..C-1, the class of each image.
        temperature: T, above 0.
        weight: of the teacher's part, in [0, 1].

    Raises ``ValueError`` for an option out of range, tables that do not fit each other, a classifier of another number
    of classes, and image numbers out of range.
    """

    teacher_logits: Tensor
    labels: Tensor

    def __init__(
        self,
        classifier: nn.Module,
        teacher_logits: Tensor,
        labels: Tensor,
        *,
        temperature: float = 4.0,
        weight: float = 0.9,
    ) -> None:
        super().__init__()
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature is {temperature}; expected a number above 0")
        check_range("weight", weight, 0, 1)
        self.classifier = classifier
        self.temperature = temperature
        self.weight = weight
        self.register_buffer("teacher_logits", checked_table("teacher_logits", teacher_logits), persistent=False)
        check_batch(self.teacher_logits, labels, classifier.n_classes, classifier.n_classes)
        self.register_buffer("labels", labels.clone(), persistent=False)

    def extra_repr(self) -> str:
        images, classes = self.teacher_logits.shape
        teacher = f"{float(self.teacher_logits.double().sum()):.6g}"
        return f"{images=}, {classes=}, {teacher=!s}, temperature={self.temperature}, weight={self.weight}"

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        """Both terms, averaged over the batch."""
        check_batch(embeddings, labels, embeddings.shape[-1], len(self.labels))
        classes = self.labels[labels]
        student = self.classifier(embeddings, classes)
        kd = self.temperature**2 * kl_div(
            log_softmax(student.logits / self.temperature, dim=1),
            log_softmax(self.teacher_logits[labels] / self.temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        total = (1 - self.weight) * student.total + self.weight * kd
        return Loss(total, {**student.parts, "kd": kd.detach()}, student.logits, classes)
