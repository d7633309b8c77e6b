from __future__ import annotations

import hashlib
import math
import warnings

import numpy as np
import pytest
import skimage.data
from collages import placed, portraits
from plain_mtcnn import plain_cascade
from recorded_mtcnn import photographs as recorded_photographs
from recorded_mtcnn import recorded
from safetensors.torch import load_file

from course_lib.alignment import mtcnn
from course_lib.alignment.detector import Face
from course_lib.alignment.mtcnn import MTCNN, Candidates
from course_lib.alignment.mtcnn_networks import WEIGHTS, ONet, PNet, RNet
from course_lib.alignment.summed_area import summed_area


@pytest.fixture(scope="module")
def detector() -> MTCNN:
    return MTCNN()


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    collages = [placed((person, person + 1, person + 2, person + 3))[0] for person in (0, 12, 30)]
    return [skimage.data.astronaut(), *(np.repeat(collage[..., None], 3, axis=2) for collage in collages)]


def test_faces_are_those_of_facenet_pytorch(detector):
    """Beside what was recorded of facenet-pytorch; `make parity` compares with the package itself."""
    distances = []
    for name, photograph in recorded_photographs().items():
        theirs = {part: np.array(values) for part, values in recorded()["faces"][name].items()}
        faces = detector.detect(photograph)
        assert len(faces) == len(theirs["boxes"])
        for face in faces:
            nearest = int(np.abs(theirs["boxes"] - face.box).sum(axis=1).argmin())
            box, landmarks = theirs["boxes"][nearest], theirs["landmarks"][nearest]
            np.testing.assert_allclose(face.box, box, atol=0.06 * (box[3] - box[1]))
            assert face.score == pytest.approx(theirs["scores"][nearest], abs=0.01)
            between_eyes = np.linalg.norm(landmarks[1] - landmarks[0])
            # Theirs lie a pixel further right and down.
            distances.append(np.linalg.norm(face.landmarks - (landmarks - 1), axis=1).mean() / between_eyes)
    assert len(distances) == 17
    assert np.mean(distances) < 0.04 and max(distances) < 0.1


def test_a_mirrored_photograph_has_mirrored_landmarks(detector):
    """The networks are not exactly symmetric, so only the mean over many faces tells; facenet-pytorch's is 2 beyond."""
    faces = [np.pad(portrait, 40, constant_values=128) for portrait in portraits()[::8]]
    plain, mirrored = detector.detect_many(faces), detector.detect_many([face[:, ::-1] for face in faces])
    sums = [
        (a[0].landmarks[:, 0] + b[0].landmarks[[1, 0, 2, 4, 3], 0]).mean()
        for a, b in zip(plain, mirrored, strict=True)
        if len(a) == len(b) == 1
    ]
    assert len(sums) > 45
    assert np.mean(sums) == pytest.approx(faces[0].shape[1] - 1, abs=0.8)


def test_the_stages_narrow_down_to_the_faces_of_detect(detector, photographs):
    stages = detector.stages(photographs[1])
    assert len(stages.proposals) > len(stages.refined) >= len(stages.faces) == 4
    found = detector.detect(photographs[1])
    for face, other in zip(stages.faces, found, strict=True):
        np.testing.assert_array_equal(face.landmarks, other.landmarks)
    for left, threshold in ((stages.proposals, 0.6), (stages.refined, 0.7)):
        assert left.boxes.shape == (len(left), 4) and left.landmarks.shape == (len(left), 0, 2)
        assert (left.scores > threshold).all() and (np.diff(left.scores) <= 0).all()
    refined_scores = MTCNN(thresholds=(0.6, 0.95, 0.7)).stages(photographs[1]).refined.scores
    assert len(refined_scores) and (refined_scores > 0.95).all()


def candidates(
    boxes: list | np.ndarray, scores: list, shifts: list | None = None, photographs: list | None = None
) -> Candidates:
    n = len(boxes)
    shifts = np.zeros((n, 4)) if shifts is None else np.array(shifts)
    numbers = np.zeros(n, dtype=np.int64) if photographs is None else np.array(photographs)
    return Candidates(np.array(boxes, dtype=float), np.array(scores), shifts, np.empty((n, 0, 2)), numbers)


def test_sides_move_by_parts_of_width_and_height_and_then_no_more():
    moved = candidates([[0, 0, 10, 20]], [0.9], [[0.1, 0.2, -0.1, 0.5]]).corrected()
    np.testing.assert_allclose(moved.boxes, [[1, 4, 9, 30]])
    assert not moved.shifts.any() and moved.scores == 0.9


def test_rivals_are_of_one_photograph_and_by_the_mode_asked_for():
    boxes = [[0, 0, 10, 10], [2, 2, 5, 5], [0, 0, 10, 10]]
    found = candidates(boxes, [0.7, 0.6, 0.9], photographs=[0, 0, 1])
    assert found.suppressed(0.5).scores.tolist() == [0.9, 0.7, 0.6]
    assert found.suppressed(0.5, "min").scores.tolist() == [0.9, 0.7]


def test_the_surest_of_each_photograph_by_hand():
    found = candidates([[0, 0, 1, 1]] * 6, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], photographs=[2, 0, 2, 2, 0, 1])
    assert found.surest(2).scores.tolist() == [0.9, 0.8, 0.7, 0.5, 0.4]
    assert found.per_photograph(4).tolist() == [2, 1, 3, 0]
    assert len(found.surest(3)) == 6 and len(candidates(np.empty((0, 4)), []).surest(3)) == 0
    many = candidates([[0, 0, 1, 1]] * 1000, list(np.linspace(1, 0, 1000)), photographs=[0, 1] * 500)
    np.testing.assert_array_equal(many.surest(7).scores, many.scores[:14])


@pytest.mark.parametrize(
    "options",
    [{"min_face": 24, "thresholds": (0.3, 0.2, 0.6)}, {"min_face": 33, "factor": 0.6, "thresholds": (0.4, 0.35, 0.05)}],
)
def test_every_stage_leaves_what_looking_at_one_place_after_the_other_leaves(options, photographs):
    detector = MTCNN(**options)
    photograph = photographs[2][60:330, 150:550].copy()
    photograph[:60] = photographs[0][100:160, 50:450]  # colours, so that channels do not pass for each other
    proposals, refined, faces = plain_cascade(detector, photograph)
    stages = detector.stages(photograph)
    for found, expected in ((stages.proposals, proposals), (stages.refined, refined)):
        assert len(found) == len(expected) > 4
        np.testing.assert_allclose(found.boxes, [place.box for place in expected], atol=1e-2)
        np.testing.assert_allclose(found.scores, [place.score for place in expected], atol=1e-4)
    assert len(stages.faces) == len(faces) > 1
    for face, place in zip(stages.faces, faces, strict=True):
        np.testing.assert_allclose(face.box, place.box, atol=1e-2)
        np.testing.assert_allclose(face.landmarks, place.landmarks, atol=1e-2)
        assert face.score == pytest.approx(place.score, abs=1e-4)


def test_the_pyramid_is_shown_as_it_is_scanned(detector, photographs):
    stages = detector.stages(photographs[1])
    assert [level.shape[:2] for level in stages.pyramid] == detector.pyramid_sizes(400, 600)
    for level, scale in zip(stages.pyramid, stages.scales, strict=True):
        assert level.dtype == np.uint8 and level.shape[0] / 400 == scale
        assert level.mean() == pytest.approx(photographs[1].mean(), abs=3)


def test_pyramid_sizes_by_hand():
    # 12/24 = 1/2 of 50 x 30 is 25 x 15; half of that is below one window of 12.
    assert MTCNN(min_face=24, factor=0.5).pyramid_sizes(50, 30) == [(25, 15)]
    assert MTCNN(min_face=12, factor=0.5).pyramid_sizes(25, 61) == [(25, 61), (13, 31)]
    assert MTCNN(min_face=20).pyramid_sizes(19, 500) == []


def test_a_level_scanned_in_strips_gives_the_same(detector, photographs, monkeypatch):
    tables = summed_area(np.stack(photographs[1:]))
    for size in ((240, 360), (101, 151), (12, 18)):
        whole = detector._scan(tables, size)
        looks = []
        hook = detector.pnet.register_forward_hook(lambda *_, looks=looks: looks.append(1))
        with monkeypatch.context() as patch:
            patch.setattr(mtcnn, "SCANNED_PIXELS", 20_000)
            strips = detector._scan(tables, size)
        hook.remove()
        rows = 20_000 // (3 * size[1] * 2)  # of windows, which lie two pixels apart, at a time
        assert len(looks) == math.ceil(((size[0] - 12) // 2 + 1) / rows)
        assert len(whole) > 0 or size == (12, 18)
        order, other = (np.lexsort((*c.boxes.T, c.photographs)) for c in (whole, strips))
        np.testing.assert_allclose(whole.boxes[order], strips.boxes[other])
        np.testing.assert_allclose(whole.scores[order], strips.scores[other], atol=1e-5)


def same(faces: list[Face], others: list[Face]) -> bool:
    return len(faces) == len(others) and all(
        np.allclose(a.landmarks, b.landmarks, atol=1e-2) for a, b in zip(faces, others, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "held"), [(1, 1e9), (500_000, 1e9), (1e9, 1e9), (1e9, 1), (1e9, 600_000)])
def test_faces_do_not_depend_on_how_many_are_held_in_memory(detector, photographs, batch, held, monkeypatch):
    mixed = [photographs[1], photographs[0][:300, :300], photographs[2], photographs[0], photographs[3]]
    expected = [detector.detect(photograph) for photograph in mixed]
    monkeypatch.setattr(mtcnn, "BATCH_PIXELS", batch)
    monkeypatch.setattr(mtcnn, "HELD_PIXELS", held)
    largest = []
    grouped = mtcnn._batches_of_equal_size

    def watched(images):
        for batch in grouped(images):
            largest.append(sum(pixels[..., 0].size for pixels in batch.values()))
            yield batch

    monkeypatch.setattr(mtcnn, "_batches_of_equal_size", watched)
    assert all(map(same, detector.detect_many(mixed), expected))
    assert max(largest) < min(batch, held) + 512 * 512


def test_what_decides_the_faces_in_plain_values():
    stored = {**load_file(WEIGHTS)}
    parts = [module.state_dict().items() for module in (PNet(), RNet(), ONet())]
    names = [f"{part}.{name}" for part, own in zip(("pnet", "rnet", "onet"), parts, strict=True) for name, _ in own]
    weights = hashlib.sha256(b"".join(stored[name].numpy().tobytes() for name in names)).hexdigest()
    settings = MTCNN(min_face=24, factor=0.6, thresholds=(0.5, 0.6, 0.7)).settings()
    plain = {"min_face": 24.0, "factor": 0.6, "thresholds": [0.5, 0.6, 0.7], "device": "cpu", "weights": weights}
    assert settings == plain and isinstance(settings["min_face"], float), "24 and 24.0 are one detector"


def test_min_face_decides_what_is_found():
    tiny = placed((3,), places=((36, 100, 100),), size=(200, 300))[0]
    assert len(MTCNN(min_face=20).detect(tiny)) == 1
    assert MTCNN(min_face=60).detect(tiny) == []
    assert MTCNN(min_face=1).pyramid_sizes(2, 3)[0] == (24, 36), "the smallest that may be asked for"
    smaller = placed((3,), places=((15, 100, 100),), size=(200, 300))[0]
    assert MTCNN(min_face=20).detect(smaller) == []
    assert len(MTCNN(min_face=10).detect(smaller)) == 1, "the photograph is scaled up"


def test_a_large_photograph():
    photograph = np.zeros((1500, 2000, 3), dtype=np.uint8)
    photograph[900:1412, 1400:1912] = skimage.data.astronaut()
    (face,), (alone,) = MTCNN(min_face=40).detect(photograph), MTCNN(min_face=40).detect(skimage.data.astronaut())
    np.testing.assert_allclose(face.landmarks - [1400, 900], alone.landmarks, atol=4)


def test_of_too_many_candidates_the_surest_are_looked_at_and_the_others_counted(detector, photographs):
    few = MTCNN(max_candidates=20)
    everything, stages = detector.stages(photographs[1]), few.stages(photographs[1])
    assert everything.left_out == 0 and "left out" not in repr(everything)
    assert len(stages.proposals) == 20 and stages.left_out == len(everything.proposals) - 20
    np.testing.assert_array_equal(stages.proposals.boxes, everything.proposals.boxes[:20])
    assert f", {stages.left_out} left out)" in repr(stages)

    grey = np.full_like(photographs[1], 128)  # of the same size, so in the same batch
    said = f"photograph 1 has {stages.left_out + 20} places .* the 20 surest, {stages.left_out} are left out; max_candi"
    with pytest.warns(UserWarning, match=said) as warned:
        found = few.detect_many([grey, photographs[1], grey])
    assert len(warned) == 1 and found[0] == found[2] == []
    assert same(found[1], stages.faces)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(MTCNN(max_candidates=len(everything.proposals)).detect(photographs[1]), everything.faces)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"max_candidates": 0}, "max_candidates is 0; expected at least 1"),
        ({"min_face": 0}, "min_face is 0; expected the side of a face in pixels"),
        ({"min_face": -20}, "min_face is -20"),
        ({"min_face": math.nan}, "min_face is nan"),
        ({"min_face": math.inf}, "min_face is inf"),
        ({"factor": 1}, "factor is 1; expected a number between 0 and 1"),
        ({"factor": 0}, "factor is 0"),
        ({"min_face": 0.9}, "min_face is 0.9"),
        ({"thresholds": (0.6, 0.7)}, "expected three numbers between 0 and 1"),
        ({"thresholds": (0.6, 0.7, 0.7, 0.7)}, "expected three numbers between 0 and 1"),
        ({"thresholds": (0.6, 0.7, 1)}, "expected three numbers between 0 and 1"),
        ({"thresholds": (0.6, 0, 0.7)}, "expected three numbers between 0 and 1"),
        ({"thresholds": (0.6, 0.7, 1.2)}, "expected three numbers"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        MTCNN(**arguments)
