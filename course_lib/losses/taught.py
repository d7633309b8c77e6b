"""What the criteria of distillation share: a teacher's embeddings of all training images, looked up by image number."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from course_lib.losses.base import check_batch


class Taught(nn.Module):
    """Base of the criteria that compare embeddings with a teacher's: embeddings (N, D), labels (N,) int64 -> ``Loss``.

    A label here is the number of an image, not of a person: row ``label`` of ``teacher`` is what the teacher made of
    that image. ``ImageSet.numbered()`` gives such labels. The logits (N, M) are cosines with all M rows, so that their
    argmax says which image the student's embedding stands for.

    Args:
        teacher: (M, D) float, one row an image; brought to length one. It is not part of the state dict, which would
            carry it into every checkpoint.

    Raises ``ValueError`` for a teacher that is no (M, D) table of finite, non-zero rows, for embeddings of another
    width, and for labels out of 0..M-1.
    """

    teacher: Tensor

    def __init__(self, teacher: Tensor) -> None:
        super().__init__()
        self.register_buffer("teacher", normalize(checked_table("teacher", teacher)), persistent=False)
        if not self.teacher.any(1).all():
            index = int((~self.teacher.any(1)).nonzero()[0])
            raise ValueError(f"row {index} of the teacher's embeddings is zero and has no direction")

    def extra_repr(self) -> str:
        # fit's checkpoints compare it: another teacher's embeddings are another run.
        images, dim = self.teacher.shape
        return f"images={images}, embedding_dim={dim}, teacher={float(self.teacher.double().sum()):.6g}"

    def look_up(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The embeddings at length one, the teacher's of the same images, both (N, D), and the logits (N, M)."""
        images, dim = self.teacher.shape
        if embeddings.ndim == 2 and embeddings.shape[1] != dim:
            raise ValueError(
                f"the student's embeddings have {embeddings.shape[1]} numbers and the teacher's {dim}; "
                f"create the student with embedding_dim={dim}, or take RelationalDistillation"
            )
        check_batch(embeddings, labels, dim, images)
        unit = normalize(embeddings)
        with torch.no_grad():
            logits = linear(unit, self.teacher)
        return unit, self.teacher[labels], logits


def checked_table(name: str, table: Tensor) -> Tensor:
    """A float32 copy; ``ValueError`` unless it is a finite (M, D) table with at least one row."""
    table = torch.as_tensor(table).detach().float().clone()
    if table.ndim != 2 or len(table) == 0 or not table.isfinite().all():
        raise ValueError(f"{name} has shape {tuple(table.shape)}; expected finite numbers (M, D), one row an image")
    return table
