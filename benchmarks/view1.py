"""What 8 bits do to an embedder on LFW's View 1; the aligned crops are cut once and kept in the data folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from benchmarks import shipped_tried
from benchmarks.alignment_accuracy import result
from course_lib import data, evaluation
from course_lib.data.lfw import lfw_files
from course_lib.gallery import unit_length
from course_lib.paths import data_folder

CROPS = "runs/view1.safetensors"
TEST = "dev_test"


def view1() -> tuple[torch.Tensor, dict[str, data.Pairs]]:
    """Aligned crops, uint8 (N, 3, 112, 112), and the two lists of pairs.

    The crops are cut again where the folder of LFW holds another number of photographs than at the last time.
    """
    file = data_folder() / CROPS
    crops = load_file(file)["crops"] if file.exists() else torch.empty(0)
    if len(crops) != len(lfw_files()):
        crops = shipped_tried.view1()[0].contiguous()
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(file.name + ".unfinished")
        save_file({"crops": crops}, unfinished)
        os.replace(unfinished, file)
    return crops, {view: data.lfw_pairs(view=view) for view in ("dev_train", TEST)}


def drawn(images: torch.Tensor, count: int, seed: int) -> np.ndarray:
    """So many images for calibration, drawn by chance and normalised: float32 (count, C, H, W)."""
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:count]
    return data.normalise(images[chosen]).numpy()


def verified(embeddings: np.ndarray, pairs: Mapping[str, data.Pairs]) -> dict[str, Any]:
    """What ``result`` says, and the area under the ROC curve; the threshold is None where to accept nothing is best."""
    test, found = pairs[TEST], result(embeddings, pairs)
    curve = evaluation.roc(evaluation.cosine_scores(embeddings, test.left, test.right), test.same)
    threshold = found["threshold"] if np.isfinite(found["threshold"]) else None  # JSON has no infinity
    return {**found, "threshold": threshold, "auc": round(float(np.trapezoid(curve.tar, curve.far)), 6)}


def verified_int8(
    embeddings: np.ndarray, fp32: np.ndarray, threshold: float, pairs: Mapping[str, data.Pairs]
) -> dict[str, Any]:
    """The same for embeddings by 8 bits, and how they differ from those by 32.

    Args:
        embeddings, fp32: (N, D) of the same crops.
        threshold: that was chosen for ``fp32``.

    Returns:
        ``cosine`` to ``fp32``, mean and lowest; ``accuracy_kept`` at the given threshold; how far the mean score of
        genuine and of impostor pairs moved.
    """
    test = pairs[TEST]
    scores, before = (evaluation.cosine_scores(e, test.left, test.right) for e in (embeddings, fp32))
    cosines = np.sum(unit_length(embeddings) * unit_length(fp32), axis=1)
    return {
        **verified(embeddings, pairs),
        "cosine": round(float(cosines.mean()), 5),
        "lowest_cosine": round(float(cosines.min()), 5),
        "accuracy_kept": float(((scores >= threshold) == test.same).mean()),
        "genuine_moved": round(float((scores - before)[test.same].mean()), 5) + 0.0,
        "impostor_moved": round(float((scores - before)[~test.same].mean()), 5) + 0.0,
    }
