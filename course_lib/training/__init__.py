"""Training: one loop for every backbone, criterion and optimizer; its record, its checkpoints, and what comes out of
it."""

from __future__ import annotations

from course_lib.training.batches import Batches
from course_lib.training.early_stopping import EarlyStopping
from course_lib.training.embed import embed
from course_lib.training.finite import NonFiniteError
from course_lib.training.fit import fit
from course_lib.training.freezing import frozen
from course_lib.training.history import History
from course_lib.training.precision import resolve_precision
from course_lib.training.teaching import fingerprint, teacher_embeddings, views
from course_lib.training.transfer import Transferred, pretrain, transfer
from course_lib.training.weights import load_weights, save_weights

__all__ = [
    "Batches",
    "EarlyStopping",
    "History",
    "NonFiniteError",
    "Transferred",
    "embed",
    "fingerprint",
    "fit",
    "frozen",
    "load_weights",
    "pretrain",
    "resolve_precision",
    "save_weights",
    "teacher_embeddings",
    "transfer",
    "views",
]
