"""``face-course evaluate``: a model and pairs of photographs to accuracy, TAR at FAR, EER and thresholds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from course_lib.commands import options
from course_lib.commands.style import EXIT_CODES, Command, print_json
from course_lib.console import shown

ALLOWED = ("duplicates", "itself", "contradictions")
VIEWS = ("dev_train", "dev_test", "view2")
FARS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


@click.command(
    cls=Command,
    example="evaluate --model mobilefacenet_075_relu --pairs lfw.bin --output report",
    words={
        "pass on_error='exclude' to": "give --on-error exclude to",
        "allow it by name: duplicates, itself, contradictions, shared": f"allow it: --allow with {', '.join(ALLOWED)}",
    },
    epilog="A model's file is a program: .onnx, .pte and .tflite are run in a process of their own, with limits on time"
    f" and memory, unless they are --trusted. {EXIT_CODES}",
)
@click.option(
    "--model",
    required=True,
    shell_complete=options.models,
    help=f"A shipped model, such as {options.SHIPPED} or {options.SHIPPED}.int8; a file .onnx, .pte or .tflite; or a"
    " file .safetensors, with --network.",
)
@options.network
@options.network_options
@click.option("--trusted", is_flag=True, help="Run the model's file in this process, without limits: you trust it.")
@click.option(
    "--pairs",
    required=True,
    type=options.Place(),
    help="InsightFace's .bin file; a folder of LFW; or a list of pairs: A B 1 (the same person) or A B 0.",
)
@click.option("--view", type=click.Choice(VIEWS), help="Of LFW; view2 by default.")
@click.option("--root", type=options.Place(), help="Where a list's photographs lie; beside the list by default.")
@options.pair_detector
@click.option(
    "--choose", type=click.Choice(options.CHOICES), help="Which of several faces; largest by default, central for LFW."
)
@click.option(
    "--on-error",
    type=click.Choice(options.ON_ERROR),
    default="exclude",
    show_default=True,
    help="Where a photograph is missing, cannot be read or has no face: leave its pairs out, count them and name the"
    " photograph, or stop.",
)
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(ALLOWED),
    help="What may be wrong with the list: pairs that come twice, of one photograph with itself, or whose labels"
    " contradict each other. May be given several times.",
)
@click.option("--flip/--no-flip", default=True, show_default=True, help="Embed each face's mirror image too.")
@click.option(
    "--folds", type=click.IntRange(min=2), default=10, show_default=True, help="Of the pairs, for the accuracy."
)
@click.option(
    "--far",
    "--fars",
    "fars",
    type=options.FAR,
    multiple=True,
    default=FARS,
    help="Report TAR here; may be given several times. By default 0.1 down to 1e-06.",
)
@click.option(
    "--confidence", type=options.SHARE, default=0.95, show_default=True, metavar="SHARE", help="Of the intervals."
)
@click.option("--output", type=options.Place(), help="Folder for report.json and the figures.")
@options.as_json
@click.pass_context
def evaluate(ctx: click.Context, output: Path | None, as_json: bool, **given: Any) -> None:
    """Verify a model on pairs of photographs.

    How well it tells whether two photographs show the same person: accuracy over folds, TAR at FAR, EER and thresholds,
    with their intervals.
    """
    from course_lib.verify.request import Request, WrongOptionError

    request = Request(output=output, **given)
    problem = request.problem()
    if problem:
        raise click.UsageError(problem)
    try:
        report = request.carry_out()
    except WrongOptionError as error:
        raise click.UsageError(str(error)) from error
    try:
        written = report.save(output) if output else []
    finally:
        print_json(report.plain()) if as_json else print(str(report))
    if written:
        names = [shown(str(file)) for file in written]
        print("written:", *names, sep="\n  ", file=sys.stderr if as_json else sys.stdout)
