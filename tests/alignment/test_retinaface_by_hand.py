"""RetinaFace around its network, which a stand-in plays: what it is shown, and what is made of its numbers."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import onnxruntime
import pytest

from course_lib.alignment import retinaface as module
from course_lib.alignment.anchors import anchors
from course_lib.alignment.retinaface import MEAN, WEIGHTS, WEIGHTS_SHA256, RetinaFace

# A face that the stand-in sees: the anchor whose centre and side these are, and the score.
Seen = tuple[float, float, int, float]


class Network:
    """Sees the faces that ``see`` names for a canvas (height, width): each fills its anchor, around its landmarks."""

    def __init__(self, see: Callable[[int, int], list[Seen]]) -> None:
        self.see, self.shown = see, []

    def run(self, outputs: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        assert outputs == ["loc", "conf", "landmarks"]
        (pixels,) = inputs.values()
        assert list(inputs) == ["input"] and pixels.dtype == np.float32 and len(pixels) == 1
        self.shown.append(pixels[0])
        every = anchors(*pixels.shape[2:])
        boxes, classes, points = (np.zeros((1, len(every), size), np.float32) for size in (4, 2, 10))
        for x, y, side, score in self.see(*pixels.shape[2:]):
            (place,) = np.flatnonzero((every == (x, y, side)).all(1))
            classes[0, place] = 1 - score, score
            points[0, place, 2:4] = 1, -1  # the second landmark: a tenth of the side to the right and up
        return [boxes, classes, points]


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Callable[..., RetinaFace]:
    def made(see: Callable[[int, int], list[Seen]], **options: object) -> RetinaFace:
        monkeypatch.setattr(module, "_load", lambda path: Network(see))
        return RetinaFace(**{"threads": 1, "min_face": 32, **options})

    return made


def photograph(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_network_is_shown_blue_first_less_the_mean_and_padded(detector) -> None:
    image, found = photograph(60, 100), detector(lambda *_: [])
    assert found.detect(image) == []
    (shown,) = found._network.shown
    assert shown.shape == (3, 64, 128)
    np.testing.assert_array_equal(
        shown[:, :60, :100], image.astype(float)[..., ::-1].transpose(2, 0, 1) - [[[104]], [[117]], [[123]]]
    )
    assert not shown[:, 60:].any() and not shown[:, :, 100:].any(), "the mean is zero to it"
    assert MEAN == (123, 117, 104)


def test_a_face_is_where_its_anchor_is(detector) -> None:
    """Pixels are counted from the centre of the first, half a pixel from the corner that anchors are measured from."""
    (face,) = detector(lambda *_: [(40, 24, 128, 0.75)], threshold=0.75).detect(photograph(60, 100))
    assert face.box.tolist() == [40 - 64 - 0.5, 24 - 64 - 0.5, 40 + 64 - 0.5, 24 + 64 - 0.5]
    middle = [39.5, 23.5]
    assert face.landmarks.tolist() == pytest.approx(np.array([middle, [39.5 + 12.8, 23.5 - 12.8], *[middle] * 3]))
    assert face.score == 0.75 and isinstance(face.score, float)
    assert detector(lambda *_: [(40, 24, 128, 0.75)], threshold=0.76).detect(photograph(60, 100)) == []


def test_of_overlapping_faces_the_surest_stays_and_no_part_of_it(detector) -> None:
    seen = [(20, 20, 32, 0.6), (12, 20, 32, 0.9), (12, 12, 16, 0.8), (100, 20, 16, 0.7), (100, 36, 16, 0.95)]
    found = detector(lambda *_: seen).detect(photograph(60, 128))
    # Of the first the second covers three fifths of both together; of the third four fifths lie in the second.
    assert [face.score for face in found] == pytest.approx([0.95, 0.9, 0.7])


@pytest.mark.parametrize("min_face", [16, 64])
def test_the_smallest_face_is_brought_to_32_pixels(detector, min_face) -> None:
    image, scale = photograph(60, 100), 32 / min_face
    see = lambda *_: [(40, 24, 64, 0.9)]  # noqa: E731
    found = detector(see, min_face=min_face)
    (face,) = found.detect(image)
    corners = np.array([40 - 32, 24 - 32, 40 + 32, 24 + 32]) / scale - 0.5
    assert face.box.tolist() == pytest.approx(corners.tolist())
    size = (round(100 * scale), round(60 * scale))
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    np.testing.assert_array_equal(found._network.shown[0][2, : size[1], : size[0]], scaled[..., 0].astype(float) - 123)


def test_a_speck_has_at_least_a_pixel(detector) -> None:
    found = detector(lambda *_: [], min_face=100)
    found.detect(photograph(1, 1))
    assert found._network.shown[0].shape == (3, 32, 32)


def test_of_a_large_photograph_a_second_look_finds_the_large_faces(detector) -> None:
    """1,000 pixels are shown whole, for faces up to 448 pixels, and at 512, for those from half of that on."""

    def see(height: int, width: int) -> list[Seen]:
        if width == 1024:
            return [(528, 112, 512, 0.9), (808, 104, 64, 0.8)]  # too large to be trusted, and a small one
        assert (height, width) == (128, 512)
        return [(48, 48, 512, 0.7), (408, 56, 64, 0.99)]  # and here one that is too small

    found = detector(see)
    large, small = sorted(found.detect(photograph(200, 1000)), key=lambda face: -face.area)
    assert (small.score, large.score) == (pytest.approx(0.8), pytest.approx(0.7))
    across, down = 512 / 1000, 102 / 200
    expected = [(48 - 256) / across - 0.5, (48 - 256) / down - 0.5, (48 + 256) / across - 0.5, (48 + 256) / down - 0.5]
    assert large.box.tolist() == pytest.approx(expected)
    assert [shown.shape for shown in found._network.shown] == [(3, 224, 1024), (3, 128, 512)]


@pytest.mark.parametrize(("width", "looks"), [(640, 1), (641, 2)])
def test_from_where_on_there_is_a_second_look(detector, width, looks) -> None:
    found = detector(lambda *_: [])
    found.detect(photograph(40, width))
    assert len(found._network.shown) == looks


@pytest.mark.parametrize(
    ("seen_at_first", "side", "kept"), [(True, 256, 1), (True, 512, 0), (False, 64, 0), (False, 128, 1)]
)
def test_each_look_trusts_its_own_heights(detector, seen_at_first, side, kept) -> None:
    def see(height: int, width: int) -> list[Seen]:
        every = anchors(height, width)
        x, y, _ = every[np.flatnonzero(every[:, 2] == side)[3]]
        return [(x, y, side, 0.9)] if (width == 1280) == seen_at_first else []

    found = detector(see, max_side=1280)
    assert len(found.detect(photograph(90, 4000))) == kept
    assert [shown.shape[2] for shown in found._network.shown] == [1280, 512], "no more than max_side is shown"


@pytest.mark.parametrize("threads", [1, 3])
def test_photographs_come_back_in_their_order(detector, threads) -> None:
    def see(height: int, width: int) -> list[Seen]:
        return [(12, 12, 16, width / 1000)]

    found = detector(see, threshold=0.01, threads=threads)
    widths = [32 * number for number in (3, 1, 5, 2, 4)]
    scores = [
        [face.score for face in faces] for faces in found.detect_many([photograph(32, width) for width in widths])
    ]
    assert scores == [[pytest.approx(width / 1000)] for width in widths]


def test_what_decides_the_faces_in_plain_values(detector, monkeypatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 7)
    found = detector(lambda *_: [], threshold=0.25, min_face=24, max_side=600, threads=None)
    assert found.threads == 7
    assert found.settings() == {
        "threshold": 0.25,
        "min_face": 24.0,
        "max_side": 600,
        "weights": WEIGHTS_SHA256,
        "onnxruntime": onnxruntime.__version__,
    }
    assert isinstance(found.settings()["min_face"], float)


def test_the_weights_are_read_once_they_are_the_right_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class SessionOptions:
        intra_op_num_threads = 0

    def session(content: bytes, options: SessionOptions, providers: list[str]) -> str:
        asked.append((content, options.intra_op_num_threads, providers))
        return "a session"

    runtime = ModuleType("onnxruntime")
    runtime.SessionOptions, runtime.InferenceSession = SessionOptions, session
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    monkeypatch.setattr(module, "WEIGHTS_SHA256", hashlib.sha256(b"weights").hexdigest())
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    (tmp_path / WEIGHTS).parent.mkdir()
    (tmp_path / WEIGHTS).write_bytes(b"weights")
    assert RetinaFace()._network == "a session"
    assert asked == [(b"weights", 1, ["CPUExecutionProvider"])]
    (tmp_path / WEIGHTS).write_bytes(b"others")
    with pytest.raises(
        ValueError, match=f"onnx is damaged or another file: its sha256 is {hashlib.sha256(b'others').hexdigest()}"
    ):
        RetinaFace()
