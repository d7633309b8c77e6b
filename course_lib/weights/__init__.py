"""The small trained model that the course ships, ``load("mobilefacenet_075_relu")``; its card says what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from course_lib import backbones
from course_lib.terms import mention_once
from course_lib.training import load_weights

__all__ = ["available", "card", "int8_file", "load"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Shipped:
    """How a shipped network is built before its weights are put in."""

    network: str
    options: Mapping[str, object]


MODELS = {
    "mobilefacenet_075_relu": Shipped("mobilefacenet_relu", {"width": 0.75, "embedding_dim": 192}),
}


def available() -> list[str]:
    """The names that ``load`` knows."""
    return sorted(MODELS)


def load(name: str) -> nn.Module:
    """A shipped network with its trained weights, in evaluation mode: faces (N, 3, 112, 112) -> embeddings (N, D).

    Give it crops that ``course_lib.alignment.align`` made, through ``course_lib.data.normalise``; compare embeddings by
    their cosine. What it was trained on, what it may be used for and where it fails stands in ``card(name)``. The first
    time on a machine, one line on the standard error says under which terms it is.

    Raises:
        ValueError: no model of that name is shipped.
    """
    shipped = _shipped(name)
    mention_once()
    network = backbones.create(shipped.network, **shipped.options)
    load_weights(network, FOLDER / f"{name}.safetensors")
    return network.eval()


def int8_file(name: str) -> Path:
    """The same model in 8 bits, an ONNX file: input ``images``, output ``embeddings``.

    Raises:
        ValueError: no model of that name is shipped.
    """
    _shipped(name)
    mention_once()
    return FOLDER / f"{name}.int8.onnx"


def card(name: str) -> str:
    """The model card, in Markdown: data, terms, recipe, results with intervals, known failures.

    Raises:
        ValueError: no model of that name is shipped.
    """
    _shipped(name)
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def _shipped(name: str) -> Shipped:
    if name not in MODELS:
        raise ValueError(f"no model {name!r} is shipped; available: {', '.join(available())}")
    return MODELS[name]
