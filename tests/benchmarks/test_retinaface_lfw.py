from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from benchmarks import retinaface_lfw as benchmark
from course_lib.alignment import Face
from course_lib.alignment.anchors import anchors
from course_lib.alignment.retinaface import WEIGHTS, RetinaFace
from course_lib.paths import data_folder


@pytest.fixture
def weights() -> None:
    if not (data_folder() / WEIGHTS).is_file():
        pytest.skip("RetinaFace's weights are not there: python data_scripts/get_retinaface.py")


def photographs(folder: Path) -> list[Path]:
    """LFW as its publishers lay it out: the portrait, cut so that the face is at the centre, and one without a face."""
    face = astronaut()[20:220, 120:330]
    for name, number, image in (("Ada_L", 1, face), ("Ada_L", 2, face[:, ::-1]), ("Bob_M", 1, face // 8 * 0)):
        file = folder / "lfw" / "lfw_funneled" / name / f"{name}_{number:04d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file.with_suffix(".jpg"), format="PNG")
    return sorted((folder / "lfw" / "lfw_funneled").glob("*/*.jpg"))


@pytest.mark.usefixtures("weights")
def test_the_record_has_recall_and_speeds(tmp_path):
    figures = benchmark.measure(photographs(tmp_path), n_timed=2, rounds=1)
    assert (figures["found_percent"], figures["missed"]) == (pytest.approx(200 / 3), 1)
    assert figures["faces_per_photograph"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["comparisons"][0]["target"] == 99.5 and figures["comparisons"][0]["verdict"] == "missed"
    assert all(speed > 0 for speed in figures["photographs_per_second"].values())
    assert figures["settings"] == {"photographs": 3, "timed": 2, "threshold": 0.5}


def test_view_1_is_what_its_pairs_use(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    files = photographs(tmp_path)
    (tmp_path / "lfw/pairsDevTrain.txt").write_text("1\nAda_L\t1\t2\nAda_L\t2\tBob_M\t1\n")
    with pytest.raises(FileNotFoundError, match=r"pairsDevTest\.txt is not there; fetch it with: python data_scripts"):
        benchmark.view1_photographs()
    (tmp_path / "lfw/pairsDevTest.txt").write_text("1\nAda_L\t1\t2\nAda_L\t1\tAda_L\t2\n")
    assert benchmark.view1_photographs() == files
    (tmp_path / "lfw/pairsDevTrain.txt").write_text("1\nAda_L\t1\t2\nAda_L\t2\tAda_L\t1\n")
    assert benchmark.view1_photographs() == files[:2]


def test_without_lfw_the_script_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="python data_scripts/get_lfw.py"):
        benchmark.main()


@pytest.mark.usefixtures("weights")
def test_the_released_steps_find_the_same(monkeypatch):
    """At a size that is whole cells of every grid both see the same pixels: the library's steps against plain ones."""
    image = np.concatenate([astronaut()[:256, 96:352], astronaut()[:256, 352:95:-1][:, :256]], axis=1)
    boxes, landmarks, scores = benchmark.ReleasedSteps().detect(image)
    faces = RetinaFace(min_face=32, threads=1).detect(image)
    assert len(faces) == len(boxes) == 2
    for face, box, points, score in zip(faces, boxes, landmarks, scores, strict=True):
        assert face.box + 0.5 == pytest.approx(box, abs=1e-3)
        assert face.landmarks + 0.5 == pytest.approx(points.reshape(5, 2), abs=1e-3)
        assert face.score == pytest.approx(score)


def test_listed_anchors_are_the_librarys():
    listed = np.array(benchmark.listed_anchors(48, 80)) * [80, 48, 80, 48]
    assert listed[:, :3] == pytest.approx(anchors(48, 80)) and listed[:, 3] == pytest.approx(listed[:, 2])


@pytest.mark.parametrize(
    ("box", "inside"),
    [([0, 0, 9, 9], True), ([4.5, 2.0, 9, 9], True), ([4.6, 0, 9, 9], False), ([0, 0, 9, 1.9], False)],
)
def test_the_centre(box, inside):
    face = Face(np.array(box, dtype=float), np.zeros((5, 2)), 1.0)
    assert benchmark.around_centre(face, np.zeros((5, 10, 3), dtype=np.uint8)) is inside
