"""What ``python -m course_lib.evaluation`` does: read its options, verify, print and write."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from course_lib.alignment import MTCNN, Detector, RetinaFace
from course_lib.console import print_anything, shown
from course_lib.data import PairedFaces, PairList, Pairs, check_pairs, lfw_list, pair_list, read_bin, read_pairs
from course_lib.data.lfw import FACE_SQUARE, VIEW_FILES
from course_lib.export import Runtime
from course_lib.export.runtime import WEIGHTS
from course_lib.paths import expanded
from course_lib.verify.network import load_network
from course_lib.verify.report import FARS, check_kinds, verify

OK, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
DETECTORS = {"mtcnn": MTCNN, "retinaface": RetinaFace}
ALLOWED = ("duplicates", "itself", "contradictions")
# What the library says of its arguments -> the same of the options.
IN_OPTIONS = {
    "pass on_error='exclude' to": "give --on-error exclude to",
    "allow it by name: duplicates, itself, contradictions, shared": f"allow it: --allow with {', '.join(ALLOWED)}",
}


class WrongOptionError(ValueError):
    """An option that does not go with what the files hold."""


def main(arguments: list[str] | None = None) -> int:
    """Verify a model on pairs; the exit code. What is written is written before anything is printed."""
    print_anything()
    options = checked(arguments)
    try:
        listed = listed_pairs(options)
        network = load_network(
            options.model, architecture=options.network, options=options.network_options, trusted=options.trusted
        )
        paired, alignment = paired_faces(options, network, listed)
        check_folds(paired.pairs, paired.faces.source, options.folds)
        report = verify(
            network,
            paired,
            flip=options.flip,
            n_folds=options.folds,
            fars=options.fars,
            confidence=options.confidence,
            allow=[*options.allow, "shared"],
            alignment=alignment,
        )
        try:
            written = report.save(options.output) if options.output else []
        finally:
            print(report)
        if written:
            print("written:", *(shown(str(file)) for file in written), sep="\n  ")
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    except (OSError, ValueError, RuntimeError, MemoryError, ModuleNotFoundError) as error:
        print(f"Error: {in_options(error)}", file=sys.stderr)
        return WRONG if isinstance(error, WrongOptionError) else FAILED
    return OK


def in_options(error: Exception) -> str:
    """An error as it is told to who gave options, on one line."""
    text = str(error) or f"not enough memory ({type(error).__name__})"
    for argument, option in IN_OPTIONS.items():
        text = text.replace(argument, option)
    return shown(text)


def listed_pairs(options: argparse.Namespace) -> PairList | None:
    """The list, once it is known to be fit for the rest of the options; None for a ``.bin`` file, which is no list."""
    path: Path = options.pairs
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path} is not there; expected a .bin file, a folder of LFW, or a list of pairs")
    if path.suffix == ".bin":
        return None
    listed = lfw_list(path, view=options.view or "view2") if path.is_dir() else pair_list(path, options.root)
    check_folds(listed.pairs, listed.source, options.folds)
    people = None if listed.identities is None else np.array(listed.identities)
    check_pairs(listed.pairs, people, allow=[*options.allow, "shared"])
    return listed


def check_folds(pairs: Pairs, source: str, n_folds: int) -> None:
    """Refuse more folds than there are pairs of a kind.

    Raises:
        WrongOptionError: there are.
        ValueError: there are no pairs of a kind.
    """
    check_kinds(pairs, source)
    genuine = int(pairs.same.sum())
    fewest, kind = min((genuine, "genuine"), (len(pairs) - genuine, "impostor"))
    if n_folds > fewest:
        raise WrongOptionError(f"--folds is {n_folds}, but {source} has {fewest} {kind} pairs; give 2 to {fewest}")


def paired_faces(options: argparse.Namespace, network: Runtime, listed: PairList | None) -> tuple[PairedFaces, str]:
    """The faces and pairs that the options ask for, and how the faces were made."""
    given: dict[str, Any] = {
        "size": network.input_size,
        "colour": network.in_channels == 3,
        "on_error": options.on_error,
    }
    if listed is None:
        faces = read_bin(options.pairs, **given)
        return faces, "aligned already, as the file holds them"
    of_lfw = options.pairs.is_dir()
    choose, crop = options.choose or ("central" if of_lfw else "largest"), FACE_SQUARE if of_lfw else None
    detector = options.detector or "mtcnn"
    if detector != "none":
        faces = read_pairs(listed, detector=made(detector), choose=choose, **given)
        return faces, f"found by {detector} (of several the {choose} one) and aligned by five landmarks"
    if crop is not None and len(set(network.input_size)) > 1:
        raise WrongOptionError(
            f"{network.name} takes {network.input_size}, no square; find LFW's faces with --detector mtcnn"
        )
    where = "" if crop is None else f" the square of {crop[2]} pixels from row {crop[0]} and column {crop[1]} of"
    return read_pairs(listed, crop=crop, **given), f"not aligned here:{where} the photographs as they are"


def checked(arguments: list[str] | None) -> argparse.Namespace:
    """The options; where one is wrong, a sentence, and the program ends with exit code 2."""
    described = parser()
    options = described.parse_args(arguments)
    problem = _ignored(options) or _no_network(options) or (options.output and _no_place(options.output))
    if problem:
        described.error(problem)
    return options


def _ignored(options: argparse.Namespace) -> str | None:
    """The first option that would be ignored, and why."""
    path: Path = options.pairs
    if path.suffix == ".bin":
        why, names = f"{path} holds aligned faces", ("detector", "choose", "view", "root")
    elif os.path.isdir(path):
        why, names = f"{path} is a folder of LFW", ("root",)
    else:
        why, names = f"{path} is not a folder of LFW", ("view",)
    given = [(name, why) for name in names if not (name == "detector" and options.detector == "none")]
    if options.detector == "none":
        given.append(("choose", "without a detector nothing is chosen"))
    for name, reason in given:
        if getattr(options, name) is not None:
            return f"--{name} {getattr(options, name)} has no meaning here: {reason}. Leave it out"
    if options.root is not None and not os.path.isdir(options.root):
        return f"--root is {options.root}, which is no folder; give the one that the list's photographs lie in"
    return None


def _no_network(options: argparse.Namespace) -> str | None:
    """Why model and network do not go together."""
    if options.model.endswith(WEIGHTS) and options.network is None:
        return f"--model is {options.model}, which holds weights only; say of which network: --network"
    if not options.model.endswith(WEIGHTS) and (options.network or options.network_options):
        return f"--network and --network-options are for {WEIGHTS} files; {options.model} has its own network"
    return None


def _no_place(folder: Path) -> str | None:
    """Why the report cannot be written there; it is tried, as permissions do not tell on every system."""
    if os.path.exists(folder) and not folder.is_dir():  # pathlib raises where a name is too long
        return f"--output is {folder}, which is a file; give a folder, or a name for a new one"
    if not os.path.isdir(folder.parent):
        return f"--output is {folder}, but {folder.parent} is no folder; make it first, or give another one"
    new = not os.path.exists(folder)
    try:
        folder.mkdir(exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
        if new:
            folder.rmdir()
    except OSError as error:
        return f"--output is {folder}, where nothing can be written: {error.strerror}"
    return None


def made(detector: str) -> Detector:
    """A detector by its name."""
    return DETECTORS[detector]()


def parser() -> argparse.ArgumentParser:
    """The options."""
    described = argparse.ArgumentParser(
        prog="python -m course_lib.evaluation",
        description="How well a model tells whether two photographs show the same person: accuracy over folds, TAR at "
        "FAR, EER and thresholds, with their intervals.",
        epilog="A model's file is a program: .onnx, .pte and .tflite are run in a process of their own, with limits on"
        " time and memory, unless they are --trusted. Exit code: 0; 1 if something failed; 2 if the options are wrong.",
    )
    described.add_argument(
        "--model",
        required=True,
        help="a shipped model, such as mobilefacenet_075_relu or mobilefacenet_075_relu.int8; a file .onnx; or a file"
        " .safetensors, with --network",
    )
    described.add_argument("--network", help="what a .safetensors file holds the weights of, such as mobilefacenet")
    described.add_argument("--network-options", type=as_options, metavar="JSON", help='such as {"width": 0.75}')
    described.add_argument(
        "--trusted",
        action="store_true",
        help="run the model's file in this process, without limits: it is yours, or from someone you trust",
    )
    described.add_argument(
        "--pairs",
        required=True,
        type=as_path,
        help="InsightFace's .bin file; a folder of LFW; or a list of pairs: A B 1 (the same person) or A B 0",
    )
    described.add_argument("--view", choices=tuple(VIEW_FILES), help="of LFW (default: view2)")
    described.add_argument("--root", type=as_path, help="where a list's photographs lie (default: beside the list)")
    described.add_argument(
        "--detector",
        choices=(*DETECTORS, "none"),
        help="that finds the faces to align; none takes the photographs as they are (default: mtcnn; not for .bin)",
    )
    described.add_argument(
        "--choose", choices=("largest", "central"), help="which of several faces (default: central for LFW)"
    )
    described.add_argument(
        "--on-error",
        choices=("exclude", "refuse"),
        default="exclude",
        help="where a photograph is missing, cannot be read or has no face: leave its pairs out, count them and name"
        " the photograph (default), or stop",
    )
    described.add_argument(
        "--allow",
        nargs="+",
        choices=ALLOWED,
        default=[],
        help="what may be wrong with the list: pairs that come twice, of one photograph with itself, or whose labels"
        " contradict each other (default: nothing)",
    )
    described.add_argument("--no-flip", dest="flip", action="store_false", help="embed the faces without mirror images")
    described.add_argument("--folds", type=folds, default=10, help="default: 10")
    described.add_argument("--fars", type=far, nargs="+", default=FARS, help="default: 0.1 down to 1e-06")
    described.add_argument("--confidence", type=confidence, default=0.95, help="of the intervals (default: 0.95)")
    described.add_argument("--output", type=as_path, help="folder for report.json and the figures")
    return described


def as_options(text: str) -> dict[str, object]:
    """Options of a network from JSON."""
    try:
        options = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON ({error})") from error
    if not isinstance(options, dict):
        raise argparse.ArgumentTypeError(f'{text!r} is no JSON object; expected such as {{"width": 0.75}}')
    return options


def as_path(text: str) -> Path:
    """A path, which may begin with ``~``."""
    return expanded(text)


def folds(text: str) -> int:
    """A whole number of at least 2."""
    if not text.isdecimal() or len(text) > 9 or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text[:40]!r}; expected a whole number of at least 2, such as 10")
    return int(text)


def far(text: str) -> float:
    """A share above 0 and up to 1."""
    value = as_number(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r}; expected a share above 0 and up to 1, such as 0.001")
    return value


def confidence(text: str) -> float:
    """A share between 0 and 1."""
    value = as_number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r}; expected a share between 0 and 1, such as 0.95")
    return value


def as_number(text: str) -> float:
    """A number; 0, which no option here may be, where it is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0
