"""Options that several commands have, under one name and with one meaning, and the types of their values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from course_lib.paths import expanded

WEIGHTS_FOLDER = Path(__file__).resolve().parents[1] / "weights"
SHIPPED = "mobilefacenet_075_relu"
DETECTORS = ("mtcnn", "retinaface")
CHOICES = ("largest", "central")
ON_ERROR = ("exclude", "refuse")
POSITIVE = click.IntRange(min=1)
NETWORK_WORDS = {
    "give the architecture, one of": "give --network, one of",
    "and its options": "and its --network-options",
    "an architecture is given": "--network or --network-options is given",
}
SHOWN = 100  # characters of what was given, in a message


class Place(click.Path):
    """A path, which may begin with ``~``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, ``~`` expanded."""
        return super().convert(expanded(value), param, ctx)


class Number(click.FloatRange):
    """A finite number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A number, or the error that says which are."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):  # no bound stops what is no number
            self.fail(f"{value} is not finite; expected a number in the range {self._describe_range()}.", param, ctx)
        return number


class Size(click.ParamType):
    """``112``, or ``112x96`` as height and width; an int or a pair."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """An int or a pair, or the error."""
        sides = str(value).lower().split("x")
        if len(sides) > 2 or not all(side.isdecimal() and 1 <= int(side) <= 2048 for side in sides):
            self.fail(f"{value!r}; expected pixels, 112 or 112x96, at most 2,048 a side.", param, ctx)
        return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


class JsonObject(click.ParamType):
    """A JSON object, as a dictionary."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A dictionary, or the error."""
        import json

        if isinstance(value, dict):
            return value
        try:
            found = json.loads(value)
        except (ValueError, RecursionError) as error:
            self.fail(f"{value[:SHOWN]!r} is no JSON ({error}).", param, ctx)
        if not isinstance(found, dict):
            self.fail(f'{value[:SHOWN]!r} is no JSON object; expected such as {{"width": 0.75}}.', param, ctx)
        return found


SHARE = Number(min=0, max=1, min_open=True, max_open=True)
FAR = Number(min=0, max=1, min_open=True)


def models(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What completes a model: the shipped ones, and files."""
    names = [
        path.stem.removesuffix(end) for path in sorted(WEIGHTS_FOLDER.glob("*.int8.onnx")) for end in (".int8", "")
    ]
    return [*(CompletionItem(name) for name in names if name.startswith(incomplete)), CompletionItem("", type="file")]


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON in place of the table.")
detector = click.option(
    "--detector", type=click.Choice(DETECTORS), default="mtcnn", show_default=True, help="That finds the faces."
)
pair_detector = click.option(
    "--detector",
    type=click.Choice((*DETECTORS, "none")),
    help="That finds the faces of --pairs, mtcnn by default; none takes the photographs as they are. Not for .bin.",
)
network = click.option("--network", help="What a .safetensors file holds the weights of, such as mobilefacenet.")
network_options = click.option(
    "--network-options", type=JsonObject(), metavar="JSON", help='Of that network, such as {"width": 0.75}.'
)
on_error = click.option(
    "--on-error",
    type=click.Choice(ON_ERROR),
    default="refuse",
    show_default=True,
    help="Where a photograph cannot be used: leave it out and list it, or stop.",
)
choose = click.option(
    "--choose", type=click.Choice(CHOICES), help="Which of several faces; without it, several are an error."
)
