from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from course_lib.data import face_folder, read_photograph


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
    assert "1 files that are no images passed over" in faces.source


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
