"""The card of the shipped model, written from the records of its training, of its test and of what else was tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import int8_choices, shipped_model, shipped_tried
from benchmarks.record import read_record
from benchmarks.shipped_model import MODEL
from course_lib import weights

TEMPLATE = Path(__file__).with_suffix(".md")


def card(
    training: Mapping[str, Any], measured: Mapping[str, Any], tried: Mapping[str, Any], choices: Mapping[str, Any]
) -> str:
    """Markdown, of what ``python -m course_lib.weights`` wrote and the records of the three benchmarks above.

    ``choices`` is the record of the ways to make 8 bits.
    """
    recipe, figures = training["recipe"], measured["figures"]
    network = weights.load(MODEL)
    return TEMPLATE.read_text(encoding="utf-8").format(
        model=MODEL,
        dim=network.embedding_dim,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        **figures["bytes"],
        **{name: training[name] for name in ("photographs", "people", "precision", "threads", "date")},
        **{name: recipe[name] for name in ("width", "fitted", "copies", "rate", "epochs", "seed")},
        batch=recipe["batch_size"],
        hours=training["training_hours"],
        loss=training["history"][-1]["loss"],
        processor=measured["hardware"]["processor"],
        rows="\n".join(map(row, figures["runs"])),
        times=recipe["epochs"] * (1 + recipe["copies"]) / tried["figures"]["settings"]["looks"],
        looks=tried["figures"]["settings"]["looks"],
        tried="\n".join(map(tried_row, tried["figures"]["runs"])),
        per_tensor=100 * max(run["accuracy"] for run in choices["figures"]["runs"] if is_per_tensor(run)),
    )


def row(run: Mapping[str, Any]) -> str:
    """One line of the table of results."""
    low, high = (100 * end for end in run["interval"])
    figures = f"{100 * run['accuracy']:.1f} % | {low:.1f} to {high:.1f} | {run['threshold']:.2f}"
    return f"| {run['detector']} | {run['model']} | {figures} | {100 * run['eer']:.1f} % |"


def tried_row(run: Mapping[str, Any]) -> str:
    """One line of the table of what else was tried."""
    low, high = (100 * end for end in run["interval"])
    return f"| {run['way']} | {100 * run['accuracy']:.1f} % | {low:.1f} to {high:.1f} |"


def is_per_tensor(run: Mapping[str, Any]) -> bool:
    """Whether a run gave the network, as it is, one scale for a whole weight."""
    return not (run["per_channel"] or run["silenced"])


def written() -> str:
    """The card as the records say it."""
    training = json.loads((weights.FOLDER / f"{MODEL}.json").read_text(encoding="utf-8"))
    return card(training, *(read_record(which.NAME) for which in (shipped_model, shipped_tried, int8_choices)))


if __name__ == "__main__":
    (weights.FOLDER / f"{MODEL}.md").write_text(written(), encoding="utf-8")
