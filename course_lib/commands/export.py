"""``face-course export``: a trained network as a small file, and the report of what that cost."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, Any

import click

from course_lib.commands import options
from course_lib.commands.style import Command, print_json
from course_lib.console import shown

if TYPE_CHECKING:
    from numpy import ndarray
    from torch import nn

    from course_lib.data import PairedFaces

ENDINGS = {"onnx": ".onnx", "int8": ".int8.onnx", "pte": ".pte", "tflite": ".tflite"}


@click.command(
    cls=Command,
    example="export mobilefacenet_075_relu --calibration faces --to int8",
    words=options.NETWORK_WORDS,
)
@click.argument("model", shell_complete=options.models)
@options.network
@options.network_options
@click.option(
    "--to",
    required=True,
    type=click.Choice(tuple(ENDINGS)),
    help="onnx in 32 bits; int8, the same in 8 bits; pte for ExecuTorch and tflite for LiteRT, in 8 bits with"
    " --calibration and in 32 without.",
)
@click.option(
    "--calibration",
    type=options.Place(),
    metavar="FOLDER",
    help="Aligned faces, PERSON/IMAGE.jpg, of people whom the model was not trained on. The 8 bits are fitted to one"
    " half of them, and the report is on the other, unless --pairs gives others.",
)
@click.option("--pairs", type=options.Place(), help="To report on; as evaluate takes them.")
@options.pair_detector
@click.option("--output", type=options.Place(dir_okay=False), help="The file; MODEL's name in this folder by default.")
@options.as_json
def export(
    model: str,
    network: str | None,
    network_options: dict[str, Any] | None,
    to: str,
    calibration: Path | None,
    pairs: Path | None,
    detector: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Write a model as a small file, with a report.

    MODEL is a shipped one or a file .safetensors; the file runs without PyTorch. The report, where --calibration or
    --pairs gives faces, sets it beside the 32 bits: bytes, memory, milliseconds, agreement, accuracy, and the threshold
    chosen again.
    """
    if detector is not None and pairs is None:
        raise click.UsageError("--detector finds the faces of --pairs, which are not given; leave it out")
    if to == "int8" and calibration is None:
        raise click.UsageError("--to int8 measures the ranges of its 8 bits on faces; give --calibration FOLDER")
    output = output or Path(Path(model).stem + ENDINGS[to])
    problem = _no_place(output)
    if problem:
        raise click.UsageError(problem)
    from course_lib import export as exporting
    from course_lib.verify import load_module

    module = load_module(model, architecture=network, options=network_options)
    images, paired = _faces(module, calibration, pairs, detector)
    with TemporaryDirectory() as folder:
        fp32 = exporting.to_onnx(module, output if to == "onnx" else Path(folder) / "fp32.onnx")
        written = fp32 if to == "onnx" else _write(to, module, fp32, images, output)
        print(f"{shown(str(written))}: {written.stat().st_size:,} bytes", file=sys.stderr if as_json else sys.stdout)
        if paired is not None:
            _report(
                {written.name: written} if to == "onnx" else {"32 bits": fp32, written.name: written}, paired, as_json
            )
        elif as_json:
            print_json([{"file": written.name, "bytes": written.stat().st_size}])


def _no_place(file: Path) -> str | None:
    """Why the file cannot be written; it is tried where its folder is or will be made."""
    if os.path.isdir(file):  # pathlib raises where a name is too long
        return f"{file}, the file to write, is a folder; give another one by --output"
    try:
        nearest = next(folder for folder in file.absolute().parents if os.path.exists(folder))
        for part in file.absolute().relative_to(nearest).parts:
            with suppress(FileNotFoundError):
                os.stat(nearest / part)  # another error where the name is too long, or ``nearest`` is no folder
        with TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        return f"{shown(str(file))} cannot be written: {error.strerror}; give another file by --output"
    return None


def _faces(
    module: nn.Module, calibration: Path | None, pairs: Path | None, detector: str | None
) -> tuple[ndarray | None, PairedFaces | None]:
    """Images to calibrate with, and pairs to report on; None where there are none."""
    from course_lib.data import face_folder
    from course_lib.export import Runtime
    from course_lib.export.held_out import calibration_images, held_out
    from course_lib.verify.request import Request, listed_pairs, paired_faces

    runtime, paired = Runtime.of(module, "MODEL"), None
    if pairs is not None:
        request = Request(model="", pairs=pairs, detector=detector, folds=2)
        problem = request.problem()
        if problem:
            raise click.UsageError(problem)
        paired, _ = paired_faces(request, runtime, listed_pairs(request))
    if calibration is None:
        return None, paired
    faces = face_folder(calibration, size=runtime.input_size, colour=runtime.in_channels == 3)
    return held_out(faces) if paired is None else (calibration_images(faces), paired)


def _write(to: str, module: nn.Module, fp32: Path, images: ndarray | None, path: Path) -> Path:
    from course_lib import export as exporting

    if to == "int8":
        return exporting.quantize(fp32, images, path)
    write = exporting.to_executorch if to == "pte" else exporting.to_litert
    return write(module, images, path)


def _report(files: dict[str, Path], paired: PairedFaces, as_json: bool) -> None:
    from course_lib import export as exporting

    fewest = min(int(paired.pairs.same.sum()), int((~paired.pairs.same).sum()))
    report = exporting.report(files, paired, n_folds=min(10, fewest))
    if as_json:
        print_json(json.loads(report.table().to_json(orient="records")))
    else:
        print(str(report))
