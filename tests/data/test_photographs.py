from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.data import face_folder, read_photograph
from course_lib.data.photographs import SEEN, read_prepared
from course_lib.data.resizing import resize


def write(path, size=(5, 4), mode="RGB", value=9, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value,) * 3).save(path, **options)


def test_reads_identities_in_order(tmp_path):
    write(tmp_path / "bob/1.png", value=1)
    write(tmp_path / "ann/2.png", value=3)
    write(tmp_path / "ann/1.jpg", value=2)
    (tmp_path / "ann/notes.txt").write_text("not a photograph")
    (tmp_path / ".cache").mkdir()
    faces = face_folder(tmp_path)
    assert faces.names == ("ann", "bob") and faces.labels.tolist() == [0, 0, 1]
    assert faces.images.shape == (3, 3, 4, 5)
    assert faces.images[:, 0, 0, 0].tolist() == [2, 3, 1]
    assert "1 files that are no images passed over; not read: " in faces.source and ".cache (hidden)" in faces.source


def test_scales_and_greys_on_request(tmp_path):
    write(tmp_path / "ann/1.png", size=(5, 4))
    write(tmp_path / "ann/2.png", size=(10, 7))
    assert face_folder(tmp_path, size=(8, 6), colour=False).images.shape == (2, 1, 8, 6)
    with pytest.raises(ValueError, match=r"2\.png is 7x10, but .*1\.png is 4x5; expected one size"):
        face_folder(tmp_path)


def test_honours_exif_orientation(tmp_path):
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:, :3] = 255
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    image.save(tmp_path / "turned.png", exif=exif)
    upright = read_photograph(tmp_path / "turned.png")
    assert upright.shape == (3, 6, 4)
    assert upright[0, 0, 0] == 255 and upright[0, -1, 0] == 0


def test_grey_files_stay_grey_unless_asked(tmp_path):
    write(tmp_path / "grey.png", mode="L")
    assert read_photograph(tmp_path / "grey.png").shape == (1, 4, 5)
    assert read_photograph(tmp_path / "grey.png", colour=True).shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"<html>quota exceeded</html>", "cannot be read"), (None, "cannot be read")],
)
def test_a_bad_file_is_named(tmp_path, content, message):
    write(tmp_path / "ann/1.png")
    bad = tmp_path / "ann/2.png"
    if content is None:  # a picture cut off half way
        Image.effect_noise((40, 40), 50).save(bad)
        content = bad.read_bytes()[:300]
    bad.write_bytes(content)
    with pytest.raises(ValueError, match=rf"2\.png {message}"):
        face_folder(tmp_path)


def test_folders_without_faces_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no identity"):
        face_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        face_folder(tmp_path / "nowhere")
    write(tmp_path / "ann/1.png")
    (tmp_path / "bob").mkdir()
    with pytest.raises(ValueError, match=r"bob holds no image"):
        face_folder(tmp_path)


def test_what_is_not_read_is_counted_and_named(tmp_path):
    for name in ("ann/1.png", "bob/1.png", "bob/deeper/2.png", "beside.jpg", "ann/.hidden.png"):
        write(tmp_path / name)
    (tmp_path / "readme.txt").write_text("not a photograph")
    (tmp_path / "ann/raw.nef").write_bytes(b"x")
    faces = face_folder(tmp_path)
    assert faces.names == ("ann", "bob") and len(faces) == 2
    assert {(Path(entry).relative_to(tmp_path).as_posix(), reason) for entry, reason in faces.passed_over} == {
        ("ann/.hidden.png", "hidden"),
        ("ann/raw.nef", "no image by its suffix"),
        ("beside.jpg", "an image beside the folders of the identities"),
        ("bob/deeper", "a folder inside an identity's"),
        ("readme.txt", "no image by its suffix"),
    }
    assert "2 files that are no images passed over; not read: " in faces.source and "2 more" in faces.source
    assert faces.subset([0]).passed_over == faces.passed_over


def test_a_folder_that_is_reached_twice_is_one_identity(tmp_path):
    write(tmp_path / "faces/bob/1.png")
    write(tmp_path / "elsewhere/cleo/1.png")
    for name, target in (("ann", "bob"), ("cleo", "../elsewhere/cleo"), ("dora", "../elsewhere/cleo"), ("eve", "ann")):
        (tmp_path / "faces" / name).symlink_to(target, target_is_directory=True)
    faces = face_folder(tmp_path / "faces")
    assert faces.names == ("bob", "cleo")
    seen = [(str(tmp_path / "faces" / name), SEEN) for name in ("ann", "dora", "eve")]
    assert list(faces.passed_over) == seen and f"{seen[0][0]} ({SEEN}) and 2 more" in faces.source


def test_what_systems_leave_behind_is_nobody(tmp_path):
    for name in ("ann/1.png", "__MACOSX/ann/._1.png", "ann/._1.png", "ann/@eaDir/1.png", ".ipynb_checkpoints/1.png"):
        write(tmp_path / name)
    for name in (".DS_Store", "ann/.DS_Store", "ann/Thumbs.db"):
        (tmp_path / name).write_bytes(b"x")
    faces = face_folder(tmp_path)
    assert faces.names == ("ann",) and len(faces) == 1 and faces.passed_over == () and faces.source == str(tmp_path)


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    for name in ("ann/1.png", "bob/1.png", "cy/1.png"):
        write(tmp_path / name)
    listdir = os.listdir

    def refuse(folder):
        if Path(folder).name == "bob":
            raise PermissionError(13, "Permission denied", str(folder))
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refuse)
    faces = face_folder(tmp_path)
    assert faces.names == ("ann", "cy") and faces.labels.tolist() == [0, 1]
    assert faces.passed_over == ((str(tmp_path / "bob"), "a folder that cannot be listed: Permission denied"),)
    assert "bob (a folder that cannot be listed: Permission denied)" in faces.source


def test_an_empty_identity_says_what_lies_in_its_folder(tmp_path):
    write(tmp_path / "ann/album/1.png")
    with pytest.raises(ValueError, match=r"ann holds no image \(not read: .*album \(a folder inside an identity's\)\)"):
        face_folder(tmp_path)


def test_a_crop_of_a_photograph_scaled_in_pillows_order_is_the_same(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (70, 50, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image = read_prepared(tmp_path / "a.png", (24, 20), True, (10, 5, 40))
    cut = torch.from_numpy(pixels).permute(2, 0, 1)[:, 10:50, 5:45].contiguous()
    assert torch.equal(image, resize(cut, 24, 20)) and image.is_contiguous()
