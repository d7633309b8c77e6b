"""What holds arrays fits one line: a learner who ends a cell with it sees what it is, not its numbers.

All that the examples say of themselves is written down; `python tests/test_reprs.py` writes it anew.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import course_lib
from course_lib import alignment, audit, cost, data, evaluation, export, losses, training, viz
from course_lib.alignment.folder import FolderReport, Problem
from course_lib.alignment.mtcnn import Candidates, Stages
from course_lib.data.drawn_face.pose import Placement
from course_lib.data.drawn_face.solids import Hit, Sight, Solid
from course_lib.data.paired_faces import Excluded
from course_lib.gallery.enrolment import EnrolmentReport
from course_lib.gallery.faces import FaceEmbedder, Portraits
from course_lib.gallery.gallery import IdentifiedFace
from course_lib.gallery.matching import Nearest
from course_lib.gallery.store import Contents
from course_lib.training.batches import Batches
from course_lib.training.run import Run
from course_lib.training.transfer import Transferred
from course_lib.verify.report import Report
from course_lib.viz.diagram_graph import Inside, inside

WRITTEN = Path(__file__).with_name("reprs.txt")
LONGEST = 150
ARRAYS = re.compile(r"\b(ndarray|NDArray|Tensor|Module|list)\b")


def public_dataclasses() -> dict[str, type]:
    """Every public dataclass of the library by module and name."""
    found = {}
    for module in pkgutil.walk_packages(course_lib.__path__, "course_lib."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, type) and dataclasses.is_dataclass(value) and not name.startswith("_"):
                    if value.__module__.startswith("course_lib."):
                        found[f"{value.__module__}.{value.__name__}"] = value
    return found


def held(value: type) -> str:
    """The types of its fields; what a callable takes and returns is not held."""
    return " ".join(
        re.sub(r"Callable\[\[.*?\], .*?\]|Callable\[\.\.\., .*?\]", "", str(f.type)) for f in dataclasses.fields(value)
    )


def with_arrays() -> dict[str, type]:
    """Those that hold arrays, tensors, networks or lists, or others that do."""
    every = public_dataclasses()
    flooding = {name: value for name, value in every.items() if ARRAYS.search(held(value))}
    while True:
        names = {value.__name__ for value in flooding.values()}
        more = {
            name: value
            for name, value in every.items()
            if name not in flooding and names & set(re.findall(r"\w+", held(value)))
        }
        if not more:
            return flooding
        flooding |= more


def drawn() -> Inside:
    """What a diagram knows of two layers of 8 channels on maps of 4x4."""
    return inside(torch.nn.Sequential(torch.nn.Conv2d(8, 8, 1), torch.nn.MaxPool2d(1)), (8, 4, 4))


def images(n: int = 400) -> data.ImageSet:
    labels = torch.arange(n) % 40
    source = "photographs of a collection with a long name, " * 5
    return data.ImageSet(torch.zeros(n, 3, 112, 96, dtype=torch.uint8), labels, tuple(map(str, range(40))), source)


def scored(n: int = 6_000) -> tuple[np.ndarray, np.ndarray]:
    same = np.arange(n) % 2 == 0
    return np.random.default_rng(0).normal(0.1, 0.2, n) + 0.5 * same, same


def pairs() -> data.Pairs:
    return data.verification_pairs(torch.arange(400) % 40, 800)


def candidates(n: int = 900) -> Candidates:
    return Candidates(np.ones((n, 4)), np.linspace(0, 1, n), np.ones((n, 4)), np.ones((n, 5, 2)), np.zeros(n, np.int64))


def face() -> alignment.Face:
    return alignment.Face(np.array([12.3, 4.5, 98.7, 120.9]), np.arange(10.0).reshape(5, 2), 0.99871)


def history(n: int = 60) -> training.History:
    rows = [
        {"epoch": i, "loss": 1 / (1 + i), "accuracy": 1 - 1 / (2 + i), "features": torch.zeros(99, 2)} for i in range(n)
    ]
    return training.History(rows)


def verification() -> evaluation.Verification:
    return evaluation.verification(*scored())


def report() -> Report:
    check = data.PairCheck((), tuple(range(500)), (), ())
    excluded = tuple(Excluded(f"photograph {i}.jpg", "unreadable", (i, i + 1)) for i in range(50))
    words = {"network": "mobilefacenet_075_relu", "embedding_dim": 128, "flip": False, "pairs": "a list of pairs"}
    rest = {"n_faces": 7_701, "alignment": "MTCNN", "excluded": excluded, "n_dropped": 51, "check": check}
    return Report(
        **words,
        **rest,
        **dict(zip(("scores", "same"), scored(), strict=True)),
        verification=verification(),
        thresholds=tuple(evaluation.threshold_at(point.far_target, *scored()) for point in verification().tar_at_far),
    )


def file_report() -> export.FileReport:
    took, folds = cost.Latency(tuple(np.linspace(1, 2, 50))), evaluation.kfold_accuracy(*scored())
    return export.FileReport("8 bits, calibrated on our faces", 1_046_592, 400_000, None, took, 0.9871, folds, 0.97)


def run() -> Run:
    network = nn.Sequential(*(nn.Linear(8, 8) for _ in range(50)))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    return Run(network, losses.Softmax(8, 40), optimizer, None, None, 12, 3, 4_811, {}, history(), network.state_dict())


def group(name: str) -> evaluation.Group:
    interval = evaluation.Interval(0.1, 0.2)
    return evaluation.Group(name, 3_000, 3_000, 0.15, interval, 0.15, interval, 0.15, interval)


def fairness() -> evaluation.Fairness:
    groups = tuple(group(f"group {i}") for i in range(9))
    accuracies = evaluation.summary_of_accuracies({each.name: 90.0 + i for i, each in enumerate(groups)})
    return evaluation.Fairness(groups, "ten folds", accuracies, 0.3, "FAR 1 %", ("a group is small",) * 9)


def problems() -> tuple[Problem, ...]:
    return tuple(Problem(f"folder/photograph {i}.jpg", "no face", "there is no face in it") for i in range(60))


def det_curve() -> evaluation.Det:
    return evaluation.det(*scored())


def cmc_curve() -> evaluation.Cmc:
    return evaluation.Cmc(np.linspace(0.854, 1, 400), np.arange(1, 401), 20)


def space() -> evaluation.EmbeddingSpace:
    return evaluation.embedding_space(np.random.default_rng(0).normal(size=(400, 128)), np.arange(400) % 40)


def loss() -> losses.Loss:
    total = torch.tensor(2.345678, requires_grad=True)
    return losses.Loss(total, {"softmax": torch.tensor(2.3), "center": torch.tensor(4.5678)}, torch.zeros(64, 1000))


def paired_faces() -> data.PairedFaces:
    return data.PairedFaces(images(), pairs(), (Excluded("a.jpg", "unreadable", (3, 5)),))


def pair_list() -> data.PairList:
    return data.PairList(tuple(map(str, range(400))), pairs(), tuple(f"person {i}" for i in range(400)), "a list")


# Each with what its line must tell.
EXAMPLES: dict[str, tuple[Callable[[], object], str]] = {
    "alignment.align.Crop": (
        lambda: alignment.Crop(np.zeros((112, 96, 3), np.uint8), face(), np.ones((2, 3)), 2),
        "112x96",
    ),
    "alignment.detector.Face": (face, "x 12 to 99, y 4 to 121, score 0.999"),
    "alignment.folder.FolderReport": (lambda: FolderReport(900, 3, 2, problems()), "900 aligned"),
    "alignment.mtcnn.Candidates": (candidates, "900 boxes, scores 0.00 to 1.00"),
    "alignment.mtcnn.Stages": (
        lambda: Stages([np.zeros((99, 99, 3))] * 9, [1.0] * 9, candidates(), candidates(30), [face()] * 12),
        "9 levels, 900 proposals, 30 refined, 12 faces",
    ),
    "audit.report.Audit": (
        lambda: audit.audit(list(audit.PAPERS.values())[0][:3]),
        "3 claims: does not hold 2, holds 1",
    ),
    "cost.records.Cost": (
        lambda: cost.count(nn.Sequential(*[nn.Conv2d(3, 3, 3)] * 30), (99, 99), in_channels=3),
        "84 parameters",
    ),
    "cost.timing.Latency": (
        lambda: cost.Latency(tuple(np.linspace(1, 3, 500))),
        "500 calls, minimum 1 ms, median 2 ms",
    ),
    "data.container.ImageSet": (images, "400 RGB images of 112x96, 40 identities; photographs"),
    "data.drawn_face.pose.Placement": (lambda: Placement(45.23, 3.1, np.array([55.5, 56.5])), "scale 45.2"),
    "data.drawn_face.solids.Hit": (lambda: Hit(*(np.zeros(900),) * 5), "900 rays"),
    "data.drawn_face.solids.Sight": (lambda: Sight(np.zeros((2, 900)), 0.0123), "900 rays, pixel 0.0123"),
    "data.drawn_face.solids.Solid": (lambda: Solid((0, 0, 0), (1, 1.2, 0.9, 1), np.eye(3)), "1.2 up"),
    "data.pair_checks.PairCheck": (lambda: data.PairCheck((), tuple(range(500)), (), ()), "itself 500"),
    "data.pair_list.PairList": (pair_list, "800 pairs, 50 % genuine"),
    "data.paired_faces.PairedFaces": (paired_faces, "400 genuine and 400 impostor pairs of 400 photographs; 1 photo"),
    "data.pairs.Pairs": (pairs, "Pairs(800 pairs, 50 % genuine)"),
    "data.synthetic.SyntheticFaces": (
        lambda: data.synthetic_faces(3, 2, size=32, seed=0),
        "6 images of 32x32, 3 identities",
    ),
    "evaluation.curves.Det": (det_curve, "points, thresholds -"),
    "evaluation.curves.Roc": (lambda: evaluation.roc(*scored()), "6,001 points"),
    "evaluation.embedding_space.EmbeddingSpace": (space, "40 classes, intra"),
    "evaluation.fairness.Fairness": (fairness, "9 groups, mean accuracy 94.0 %"),
    "evaluation.identification.Cmc": (cmc_curve, "rank 1 85.4 %; 400 probes, 400 entries, 20 of them distractors"),
    "evaluation.kfold.KFoldAccuracy": (lambda: evaluation.kfold_accuracy(*scored()), "% over 10 folds, interval"),
    "evaluation.templates.Templates": (
        lambda: evaluation.Templates(np.arange(40), np.ones((40, 128))),
        "40 of 128 numbers",
    ),
    "evaluation.verification.Verification": (verification, "3,000 genuine and 3,000 impostor pairs"),
    "export.file_report.FileReport": (file_report, "1,046,592 bytes, 1 ms, accuracy"),
    "gallery.enrolment.EnrolmentReport": (
        lambda: EnrolmentReport({f"person {i}": 3 for i in range(40)}, (), problems(), {}),
        "40 people, 120 templates; 60 photographs not used",
    ),
    "gallery.faces.FaceEmbedder": (lambda: FaceEmbedder(run().backbone, object(), (112, 96)), "object, Sequential"),
    "gallery.faces.Portraits": (
        lambda: Portraits(np.ones((38, 128), np.float32), np.arange(38), problems(), {}),
        "38 templates of 128 numbers; 60 photographs not used",
    ),
    "gallery.gallery.IdentifiedFace": (
        lambda: IdentifiedFace(np.ones(4), np.ones((5, 2)), None, "Ada", 0.1234, 0.1),
        "a stranger, nearest Ada, score 0.123",
    ),
    "gallery.matching.Nearest": (
        lambda: Nearest(np.arange(90), np.linspace(0, 1, 90), np.zeros(90)),
        "90 faces, scores",
    ),
    "gallery.store.Contents": (lambda: Contents(("Ada",) * 40, np.zeros(90), np.ones((90, 128))), "40 people, 90"),
    "losses.base.Loss": (loss, "total 2.346; softmax 2.3, center 4.568; logits 64x1000"),
    "training.batches.Batches": (lambda: Batches(images(), 64), "7 of up to 64 from 400 images"),
    "training.history.History": (history, "60 epochs, loss 0.01667, accuracy 0.9836"),
    "training.run.Run": (run, "Sequential, Softmax: 12 epochs, 4,811 steps"),
    "training.transfer.Transferred": (
        lambda: Transferred(run().backbone, images(), None, history()),
        "Sequential names 40 people by cosine; History(60 epochs",
    ),
    "verify.report.Report": (report, "mobilefacenet_075_relu: Verification("),
    "viz.diagram_graph.Inside": (drawn, "3 parts, 72 parameters, 1,024 multiply-adds"),
    "viz.diagram_graph.Part": (lambda: drawn().parts[1], "1×1 convolution, to 8 × 4 × 4"),
    "viz.photographs.Annotated": (
        lambda: viz.Annotated(np.zeros((99, 80), np.uint8), np.ones((2, 4)), {"landmarks": np.ones((2, 5, 2))}),
        "99x80, 2 boxes, 10 points",
    ),
}


# The other branches of the same words.
OTHERWISE: dict[str, Callable[[], object]] = {
    "of somebody": lambda: IdentifiedFace(np.ones(4), np.ones((5, 2)), "Ada", "Ada", 0.98765, None),
    "with mirror images": lambda: FaceEmbedder(run().backbone, object(), 112, True),
    "by a classifier": lambda: Transferred(run().backbone, images(), losses.Softmax(8, 40), history(2)),
    "grey": lambda: data.ImageSet(torch.zeros(2, 1, 5, 4, dtype=torch.uint8), torch.zeros(2).long(), ("a",), "few"),
    "no pairs": lambda: data.Pairs(np.empty(0), np.empty(0), np.empty(0, bool)),
    "everything enrolled": lambda: EnrolmentReport(
        {"Ada": 2}, ("Eve",), problems()[:1], {"a.jpg": 2}, (("b", "why"),) * 1_234
    ),
    "nothing enrolled": lambda: EnrolmentReport({}, (), (), {}),
    "everything aligned": lambda: FolderReport(1, 2, 3, problems(), problems()[:2], ("a",), ("b",), True, ("c", "d")),
    "something stale": lambda: FolderReport(1, 2, 3, (), stale=("b",) * 1_200),
    "not resolved": lambda: evaluation.verification(*scored(70), n_folds=5, fars=(0.1, 0.001), confidence=0.9),
    "a perfect group": lambda: evaluation.summary_of_accuracies({"a": 100.0, "b": 98.5}),
    "augmented": lambda: Batches(images(), 64, data.RandomFlip()),
}


def told() -> list[str]:
    """What each example says when it is shown, and printed if that is another text, a line each."""
    lines = []
    for name, make in ({name: make for name, (make, _) in EXAMPLES.items()} | OTHERWISE).items():
        example = make()
        lines += [f"{name}: {text}" for text in dict.fromkeys((repr(example), str(example)))]
    return [line.replace("\n", r"\n") for line in lines]


def test_examples_say_what_they_said() -> None:
    assert told() == WRITTEN.read_text(encoding="utf-8").splitlines()


def test_every_dataclass_that_holds_arrays_has_an_example() -> None:
    missing = {name.removeprefix("course_lib.") for name in with_arrays()} - set(EXAMPLES)
    assert not missing
    unknown = {f"course_lib.{name}" for name in EXAMPLES} - set(public_dataclasses())
    assert not unknown


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_repr_is_one_short_line_that_says_what_it_is(name: str) -> None:
    make, tells = EXAMPLES[name]
    example = make()
    line = repr(example)
    assert f"course_lib.{name}" == f"{type(example).__module__}.{type(example).__name__}"
    assert "\n" not in line and len(line) <= LONGEST, line
    assert line.startswith(f"{name.rpartition('.')[2]}(") and tells in line


def test_nothing_at_all_has_a_line_too() -> None:
    none = np.empty(0)
    empty = [
        data.Pairs(none, none, none.astype(bool)),
        candidates(0),
        training.History(),
        Nearest(none, none, none),
        Portraits(np.empty((0, 128)), none, (), {}),
    ]
    lines = [repr(value) for value in empty]
    assert lines == [
        "Pairs(0 pairs)",
        "Candidates(0 boxes)",
        "History(0 epochs)",
        "Nearest(0 faces)",
        "Portraits(0 templates of 128 numbers; 0 photographs not used)",
    ]


if __name__ == "__main__":
    WRITTEN.write_text("\n".join(told()) + "\n", encoding="utf-8")
