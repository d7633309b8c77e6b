"""What ``face-course evaluate`` is asked for: checked before the work, then carried out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from course_lib.alignment import MTCNN, Detector, RetinaFace
from course_lib.alignment.align import Choice
from course_lib.data import PairedFaces, PairList, Pairs, check_pairs, lfw_list, pair_list, read_bin, read_pairs
from course_lib.data.lfw import FACE_SQUARE
from course_lib.data.paired_faces import OnError
from course_lib.export import Runtime
from course_lib.export.runtime import WEIGHTS
from course_lib.verify.network import load_network
from course_lib.verify.report import FARS, Report, check_kinds, verify

DETECTORS = {"mtcnn": MTCNN, "retinaface": RetinaFace}


class WrongOptionError(ValueError):
    """An option that does not go with what the files hold."""


@dataclass(frozen=True)
class Request:
    """A model, pairs, and how to read them; each attribute is the option of ``face-course evaluate`` of that name."""

    model: str
    pairs: Path
    network: str | None = None
    network_options: Mapping[str, object] | None = None
    trusted: bool = False
    view: str | None = None
    root: Path | None = None
    detector: str | None = None
    choose: Choice | None = None
    on_error: OnError = "exclude"
    allow: tuple[str, ...] = ()
    flip: bool = True
    folds: int = 10
    fars: tuple[float, ...] = FARS
    confidence: float = 0.95
    output: Path | None = None

    def problem(self) -> str | None:
        """Why the options do not go together, in one sentence; None where they do."""
        return _ignored(self) or _no_network(self) or (_no_place(self.output) if self.output else None)

    def carry_out(self) -> Report:
        """Read, embed, score and report.

        Raises:
            WrongOptionError: an option does not go with what the files hold.
            FileNotFoundError, ValueError, RuntimeError, ModuleNotFoundError: what reading, ``load_network`` and
                ``verify`` raise.
        """
        listed = listed_pairs(self)  # before the network, which takes longer to load
        network = load_network(
            self.model, architecture=self.network, options=self.network_options, trusted=self.trusted
        )
        paired, alignment = paired_faces(self, network, listed)
        check_folds(paired.pairs, paired.faces.source, self.folds)
        return verify(
            network,
            paired,
            flip=self.flip,
            n_folds=self.folds,
            fars=self.fars,
            confidence=self.confidence,
            allow=[*self.allow, "shared"],
            alignment=alignment,
        )


def listed_pairs(request: Request) -> PairList | None:
    """The list, once it is known to be fit for the rest of the options; None for a ``.bin`` file, which is no list."""
    path: Path = request.pairs
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path} is not there; expected a .bin file, a folder of LFW, or a list of pairs")
    if path.suffix.lower() == ".bin":
        return None
    listed = lfw_list(path, view=request.view or "view2") if path.is_dir() else pair_list(path, request.root)
    check_folds(listed.pairs, listed.source, request.folds)
    people = None if listed.identities is None else np.array(listed.identities)
    check_pairs(listed.pairs, people, allow=[*request.allow, "shared"])
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


def paired_faces(request: Request, network: Runtime, listed: PairList | None) -> tuple[PairedFaces, str]:
    """The faces and pairs that the options ask for, and how the faces were made."""
    given: dict[str, Any] = {
        "size": network.input_size,
        "colour": network.in_channels == 3,
        "on_error": request.on_error,
    }
    if listed is None:
        faces = read_bin(request.pairs, **given)
        return faces, "aligned already, as the file holds them"
    of_lfw = request.pairs.is_dir()
    choose, crop = request.choose or ("central" if of_lfw else "largest"), FACE_SQUARE if of_lfw else None
    detector = request.detector or "mtcnn"
    if detector != "none":
        faces = read_pairs(listed, detector=made(detector), choose=choose, **given)
        return faces, f"found by {detector} (of several the {choose} one) and aligned by five landmarks"
    if crop is not None and len(set(network.input_size)) > 1:
        raise WrongOptionError(
            f"{network.name} takes {network.input_size}, no square; find LFW's faces with --detector mtcnn"
        )
    where = "" if crop is None else f" the square of {crop[2]} pixels from row {crop[0]} and column {crop[1]} of"
    return read_pairs(listed, crop=crop, **given), f"not aligned here:{where} the photographs as they are"


def _ignored(request: Request) -> str | None:
    """The first option that would be ignored, and why."""
    path: Path = request.pairs
    if path.suffix.lower() == ".bin":
        why, names = f"{path} holds aligned faces", ("detector", "choose", "view", "root")
    elif os.path.isdir(path):
        why, names = f"{path} is a folder of LFW", ("root",)
    else:
        why, names = f"{path} is not a folder of LFW", ("view",)
    given = [(name, why) for name in names if not (name == "detector" and request.detector == "none")]
    if request.detector == "none":
        given.append(("choose", "without a detector nothing is chosen"))
    for name, reason in given:
        if getattr(request, name) is not None:
            return f"--{name} {getattr(request, name)} has no meaning here: {reason}. Leave it out"
    if request.root is not None and not os.path.isdir(request.root):
        return f"--root is {request.root}, which is no folder; give the one that the list's photographs lie in"
    return None


def _no_network(request: Request) -> str | None:
    """Why model and network do not go together."""
    if request.model.lower().endswith(WEIGHTS) and request.network is None:
        return f"--model is {request.model}, which holds weights only; say of which network: --network"
    if not request.model.lower().endswith(WEIGHTS) and (request.network or request.network_options):
        return f"--network and --network-options are for {WEIGHTS} files; {request.model} has its own network"
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
