"""What ImageNet's features of ORL's faces are worth under a linear head, and how far they spread, for notebook 09."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from torch import nn

from benchmarks.comparison import estimate
from benchmarks.record import write_record
from course_lib import data, evaluation, training
from course_lib.training import classical
from course_lib.weights.imagenet import imagenet

NAME = "imagenet_features"
NETWORK = "efficientnet_lite0"
SIZES = ((48, 40), (96, 80))  # height, width: the chapter's, and with COURSE_FULL=1
SEEDS = (0, 1, 2, 3, 4)  # the chapter's own split is that of seed 0

Size = tuple[int, int]


def main() -> dict[str, Any]:
    """Measure, and write the record.

    Raises:
        FileNotFoundError: the weights have not been fetched.
    """
    figures = measure(lambda size: imagenet(NETWORK, input_size=size)[0], SIZES, SEEDS)
    write_record(NAME, f"python -m benchmarks {NAME}", list(SEEDS), figures)
    return figures


def measure(network_of: Callable[[Size], nn.Module], sizes: Sequence[Size], seeds: Sequence[int]) -> dict[str, Any]:
    """A run for each size and seed: the share named rightly in per cent, and the mean spread of a number."""
    runs = []
    for size in sizes:
        feature = partial(in_colour, network_of(size))
        faces = data.orl_faces().resized(*size)
        runs += [{"size": list(size), "seed": seed, **of_split(feature, faces, seed)} for seed in seeds]
    comparisons = []
    for size in sizes:
        named = [run["named"] for run in runs if run["size"] == list(size)]
        title = f"named rightly, {size[0]}x{size[1]} pixels"
        comparisons.append(estimate(title, evaluation.mean_interval(named), "%"))
    return {"network": NETWORK, "runs": runs, "comparisons": comparisons}


def in_colour(network: nn.Module, faces: data.ImageSet) -> np.ndarray:
    """Embeddings of grey photographs, by a network that takes three colours."""
    return training.embed(network, faces.images.expand(-1, 3, -1, -1))


def of_split(feature: classical.Feature, faces: data.ImageSet, seed: int) -> dict[str, float]:
    """Thirty people, five photographs of each to learn from and five to name, as the chapter splits them."""
    people, _ = data.split_by_identity(faces, 10, seed=seed)
    learn, test = data.split_by_image(people, 0.5, seed=seed)
    head = classical.train_classifier("logistic regression", feature, learn)
    named = 100 * float(np.mean(head.predict(feature(test)) == test.labels.numpy()))
    return {"named": round(named, 2), "spread": float(f"{np.ptp(feature(learn), axis=0).mean():.3g}")}
