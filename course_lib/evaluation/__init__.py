"""Metrics as pure functions on NumPy arrays: embeddings and labels in, frozen dataclasses out."""

from course_lib.evaluation.curves import Eer, Roc, TarAtFar, eer, roc, tar_at_far
from course_lib.evaluation.embedding_space import EmbeddingSpace, embedding_space
from course_lib.evaluation.intervals import Interval, bootstrap, mean_interval, paired_difference, wilson
from course_lib.evaluation.kfold import KFoldAccuracy, best_threshold, kfold_accuracy
from course_lib.evaluation.verification import Verification, cosine_scores, verification

__all__ = [
    "Eer",
    "EmbeddingSpace",
    "Interval",
    "KFoldAccuracy",
    "Roc",
    "TarAtFar",
    "Verification",
    "best_threshold",
    "bootstrap",
    "cosine_scores",
    "eer",
    "embedding_space",
    "kfold_accuracy",
    "mean_interval",
    "paired_difference",
    "roc",
    "tar_at_far",
    "verification",
    "wilson",
]
