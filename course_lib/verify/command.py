"""What ``python -m course_lib.evaluation`` does: read its options, verify, print and write."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from course_lib.alignment import MTCNN, Detector, RetinaFace
from course_lib.data import PairedFaces, lfw_list, pair_list, read_bin, read_pairs
from course_lib.data.lfw import FACE_SQUARE, VIEW_FILES
from course_lib.export import Runtime
from course_lib.verify.network import load_network
from course_lib.verify.report import FARS, verify

OK, FAILED, INTERRUPTED = 0, 1, 130
DETECTORS = {"mtcnn": MTCNN, "retinaface": RetinaFace}
ALLOWED = ("duplicates", "itself", "contradictions")


def main(arguments: list[str] | None = None) -> int:
    """Verify a model on pairs; the exit code."""
    options = parser().parse_args(arguments)
    try:
        network = load_network(options.model, architecture=options.network, options=options.network_options)
        paired, alignment = paired_faces(options, network)
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
        print(report)
        if options.output:
            print("written:", *report.save(options.output), sep="\n  ")
    except KeyboardInterrupt:
        print("\nInterrupted; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    except (OSError, ValueError, ModuleNotFoundError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED
    return OK


def paired_faces(options: argparse.Namespace, network: Runtime) -> tuple[PairedFaces, str]:
    """The faces and pairs that the options ask for, and how the faces were made."""
    given: dict[str, Any] = {
        "size": network.input_size,
        "colour": network.in_channels == 3,
        "on_error": options.on_error,
    }
    path: Path = options.pairs
    if path.suffix == ".bin":
        inside = f"{path} holds aligned faces"
        _refuse(options, inside, *(["detector"] if options.detector != "none" else []), "choose", "view", "root")
        return read_bin(path, **given), "aligned already, as the file holds them"
    if path.is_dir():
        _refuse(options, f"{path} is a folder of LFW", "root")
        listed, choose, crop = lfw_list(path, view=options.view or "view2"), options.choose or "central", FACE_SQUARE
    else:
        _refuse(options, f"{path} is not a folder of LFW", "view")
        listed, choose, crop = pair_list(path, options.root), options.choose or "largest", None
    detector = options.detector or "mtcnn"
    if detector != "none":
        faces = read_pairs(listed, detector=made(detector), choose=choose, **given)
        return faces, f"found by {detector} (of several the {choose} one) and aligned by five landmarks"
    _refuse(options, "without a detector nothing is chosen", "choose")
    if crop is not None and len(set(network.input_size)) > 1:
        raise ValueError(
            f"{network.name} takes {network.input_size}, no square; find LFW's faces with --detector mtcnn"
        )
    where = "" if crop is None else f" the square of {crop[2]} pixels from row {crop[0]} and column {crop[1]} of"
    return read_pairs(listed, crop=crop, **given), f"not aligned here:{where} the photographs as they are"


def _refuse(options: argparse.Namespace, why: str, *names: str) -> None:
    """Options that would be ignored."""
    for name in names:
        if getattr(options, name) is not None:
            raise ValueError(f"--{name} {getattr(options, name)} has no meaning here: {why}. Leave it out")


def made(detector: str) -> Detector:
    """A detector by its name."""
    return DETECTORS[detector]()


def parser() -> argparse.ArgumentParser:
    """The options."""
    described = argparse.ArgumentParser(
        prog="python -m course_lib.evaluation",
        description="How well a model tells whether two photographs show the same person: accuracy over folds, TAR at "
        "FAR, EER and thresholds, with their intervals.",
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
        "--pairs",
        required=True,
        type=Path,
        help="InsightFace's .bin file; a folder of LFW; or a list of pairs: A B 1 (the same person) or A B 0",
    )
    described.add_argument("--view", choices=tuple(VIEW_FILES), help="of LFW (default: view2)")
    described.add_argument("--root", type=Path, help="where a list's photographs lie (default: beside the list)")
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
        choices=("refuse", "exclude"),
        default="refuse",
        help="where a photograph cannot be read or has no face: stop, or leave its pairs out and list them"
        " (default: refuse)",
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
    described.add_argument("--folds", type=int, default=10, help="default: 10")
    described.add_argument("--fars", type=float, nargs="+", default=FARS, help="default: 0.1 down to 1e-06")
    described.add_argument("--confidence", type=float, default=0.95, help="of the intervals (default: 0.95)")
    described.add_argument("--output", type=Path, help="folder for report.json and the figures")
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
