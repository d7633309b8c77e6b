"""Metrics as pure functions on NumPy arrays: embeddings and labels in, frozen dataclasses out."""

from course_lib.evaluation.confusion import Confusion, confusion
from course_lib.evaluation.curves import Det, Eer, Roc, det, eer, roc
from course_lib.evaluation.embedding_space import EmbeddingSpace, embedding_space
from course_lib.evaluation.fairness import AccuracySummary, Fairness, Group, by_group, summary_of_accuracies
from course_lib.evaluation.identification import NOBODY, Cmc, DirAtFar, RankK, cmc, open_set, rank_k
from course_lib.evaluation.intervals import Interval, bootstrap, mean_interval, paired_difference, wilson
from course_lib.evaluation.kfold import KFoldAccuracy, best_threshold, kfold_accuracy
from course_lib.evaluation.operating_points import (
    TarAtFar,
    ThresholdAtFar,
    tar_at_far,
    tar_nearest_far,
    tars_at_fars,
    threshold_at,
)
from course_lib.evaluation.scores import cosine_scores, cosine_to_squared_l2, squared_l2, squared_l2_to_cosine
from course_lib.evaluation.significance import AccuracyDifference, McNemar, difference_of_accuracies, mcnemar
from course_lib.evaluation.templates import Templates, pool_templates
from course_lib.evaluation.verification import Verification, verification

__all__ = [
    "NOBODY",
    "AccuracyDifference",
    "AccuracySummary",
    "Cmc",
    "Confusion",
    "Det",
    "DirAtFar",
    "Eer",
    "EmbeddingSpace",
    "Fairness",
    "Group",
    "Interval",
    "KFoldAccuracy",
    "McNemar",
    "RankK",
    "Roc",
    "TarAtFar",
    "Templates",
    "ThresholdAtFar",
    "Verification",
    "best_threshold",
    "bootstrap",
    "by_group",
    "cmc",
    "confusion",
    "cosine_scores",
    "cosine_to_squared_l2",
    "det",
    "difference_of_accuracies",
    "eer",
    "embedding_space",
    "kfold_accuracy",
    "mcnemar",
    "mean_interval",
    "open_set",
    "paired_difference",
    "pool_templates",
    "rank_k",
    "roc",
    "squared_l2",
    "squared_l2_to_cosine",
    "summary_of_accuracies",
    "tar_at_far",
    "tar_nearest_far",
    "tars_at_fars",
    "threshold_at",
    "verification",
    "wilson",
]
