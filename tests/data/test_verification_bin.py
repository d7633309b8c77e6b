from __future__ import annotations

import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from bins import encoded, greys, python_2_dumps, write_bin

from course_lib.data import check_pairs, read_bin


class Shell:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_images_and_labels_come_in_their_order(tmp_path, protocol):
    images = [encoded(grey) for grey in (10, 20, 30, 40)]
    found = read_bin(write_bin(tmp_path / "lfw.bin", images, [True, False], protocol))
    assert found.faces.images.shape == (4, 3, 112, 112) and greys(found.faces.images) == [10, 20, 30, 40]
    assert found.pairs.left.tolist() == [0, 2] and found.pairs.right.tolist() == [1, 3]
    assert found.pairs.same.tolist() == [True, False] and found.excluded == ()
    assert str(found) == "1 genuine and 1 impostor pairs of 4 photographs"
    assert found.faces.source.startswith(str(tmp_path / "lfw.bin")) and "as far as" in found.faces.source


def test_a_photograph_that_comes_twice_is_kept_once(tmp_path):
    a, b, c = (encoded(grey) for grey in (10, 20, 30))
    found = read_bin(write_bin(tmp_path / "x.bin", [a, b, c, a, b, a], [True, False, True]))
    assert greys(found.faces.images) == [10, 20, 30]
    assert found.pairs.left.tolist() == [0, 2, 1] and found.pairs.right.tolist() == [1, 0, 0]
    assert found.faces.labels.tolist() == [0, 0, 1], "a genuine pair links a and b"
    with pytest.raises(ValueError, match=r"duplicates: 1 group.* \(0 and 2\)"):
        check_pairs(found.pairs)


def test_jpeg_is_decoded_as_opencv_decodes_it(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8)
    bgr = cv2.GaussianBlur(noise, (9, 9), 0)
    array = cv2.imencode(".jpg", bgr)[1]  # what InsightFace's own scripts put into the AgeDB-30 and CFP files
    found = read_bin(write_bin(tmp_path / "agedb_30.bin", [array, array.tobytes()], [True]))
    assert len(found.faces) == 1, "an array and its bytes are one photograph"
    expected = cv2.imdecode(array, cv2.IMREAD_COLOR)[..., ::-1]
    pixels = found.faces.images[0].permute(1, 2, 0).numpy()
    assert np.abs(pixels.astype(int) - expected.astype(int)).max() <= 2


def test_size_and_colour(tmp_path):
    path = write_bin(tmp_path / "x.bin", [encoded(10, (96, 112)), encoded(60, (50, 50))], [False])
    found = read_bin(path, (56, 48), colour=False)
    assert found.faces.images.shape == (2, 1, 56, 48) and greys(found.faces.images) == [10, 60]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "kind", [bytes, bytearray, lambda raw: np.frombuffer(raw, np.uint8), lambda raw: np.frombuffer(raw, "u1")[:, None]]
)
@pytest.mark.parametrize(
    "labels",
    [list, tuple, np.array, lambda same: np.array(same, np.int64), lambda same: [np.bool_(one) for one in same],
     lambda same: [int(one) for one in same]],
)  # fmt: skip
def test_every_way_of_writing_it_is_read(tmp_path, protocol, kind, labels):
    images = [kind(encoded(grey)) for grey in (10, 20, 30, 40)]
    found = read_bin(write_bin(tmp_path / "x.bin", images, labels([True, False]), protocol), (8, 8))
    assert greys(found.faces.images) == [10, 20, 30, 40] and found.pairs.same.tolist() == [True, False]


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_what_python_2_wrote_is_read(tmp_path, protocol):
    images = [encoded(grey, form="JPEG") for grey in (10, 20, 30, 40)]
    (tmp_path / "lfw.bin").write_bytes(python_2_dumps((images, [True, False]), protocol))
    found = read_bin(tmp_path / "lfw.bin", (8, 8))
    assert greys(found.faces.images) == [10, 20, 30, 40] and found.pairs.same.tolist() == [True, False]


def test_limits_are_stated_and_can_be_raised(tmp_path, monkeypatch):
    path = write_bin(tmp_path / "x.bin", [encoded(1), encoded(2)], [True])
    monkeypatch.setenv("COURSE_MAX_BIN_BYTES", str(path.stat().st_size - 1))
    with pytest.raises(ValueError, match=r"x\.bin is no .* bytes; expected at most .* variable COURSE_MAX_BIN_BYTES"):
        read_bin(path)
    monkeypatch.setenv("COURSE_MAX_BIN_BYTES", "many")
    with pytest.raises(ValueError, match="COURSE_MAX_BIN_BYTES is 'many'; expected a whole number, such as 1073741824"):
        read_bin(path)
    monkeypatch.setenv("COURSE_MAX_BIN_BYTES", "1_000_000")
    assert len(read_bin(path, (8, 8)).faces) == 2


def test_a_message_holds_no_value_of_the_file(tmp_path):
    """A few hundred bytes whose label prints as millions of numbers."""
    nested = b"(" + b"I0\n" * 10 + b"lp0\n" + b"".join(
        b"(" + b"g%d\n" % level * 10 + b"lp%d\n" % (level + 1) for level in range(4)
    )  # fmt: skip
    image = b"C" + bytes([len(GOOD) % 256]) + GOOD[: len(GOOD) % 256]
    (tmp_path / "x.bin").write_bytes(b"\x80\x03((" + image * 2 + b"l(" + nested + b"lt.")
    with pytest.raises(ValueError, match=r"label 0 is a list of 10, not a boolean") as error:
        read_bin(tmp_path / "x.bin")
    assert len(str(error.value)) < 400
    for value in ([GOOD, GOOD], ["no" * 10_000]), ([GOOD, GOOD], [10**5000]), ([GOOD, "no" * 10_000], [True]):
        with pytest.raises(ValueError, match=r"x\.bin is no verification set") as error:
            read_bin(write_bin(tmp_path / "x.bin", *value))
        assert len(str(error.value)) < 400


def test_what_an_image_is_instead_is_said(tmp_path):
    path = write_bin(tmp_path / "x.bin", [GOOD, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"], [True])
    with pytest.raises(
        ValueError, match=r"image 1, in pair 0, .* from its \d+ bytes \(it .* it is a PostScript program"
    ):
        read_bin(path)


def test_the_home_folder_is_understood(tmp_path, monkeypatch):
    write_bin(tmp_path / "x.bin", [encoded(1), encoded(2)], [True])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert len(read_bin("~/x.bin", (8, 8)).faces) == 2


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_with_code_is_refused_and_does_not_run(tmp_path, protocol):
    target = tmp_path / "run"
    images = [encoded(1), Shell(f"echo run > {target}")]
    path = write_bin(tmp_path / "x.bin", images, [True], protocol)
    with pytest.raises(ValueError, match=r"x\.bin is no verification set: it asks for \w+\.system.* Nothing in it was"):
        read_bin(path)
    with pytest.raises(ValueError, match="system"):
        read_bin(path, on_error="exclude")
    assert not target.exists()
    pickle.loads(path.read_bytes())
    assert target.exists(), "it was a real attack"


GOOD = encoded(9)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (([GOOD, GOOD, GOOD], [True]), "3 images, an odd number"),
        (([GOOD, GOOD], [True, False]), "2 images, which are 1 pairs, but 2 labels"),
        (([GOOD, GOOD, GOOD, GOOD], [True]), "4 images, which are 2 pairs, but 1 labels"),
        (([], []), "no pair"),
        (([GOOD, "text"], [True]), "image 1 is of type str, not bytes"),
        (([GOOD, GOOD], [None]), "label 0 is a NoneType, not a boolean"),
        (([GOOD, GOOD, GOOD, GOOD], [True, 2]), "label 1 is an int other than 0 and 1, not a boolean"),
        ([GOOD], "holds a list of 1, not two lists"),
        (7, "holds an int, not two lists"),
        ((GOOD, [True]), f"holds a bytes of {len(GOOD)} and a list of 1, not two lists"),
        (([GOOD, GOOD], [[True]]), "label 0 is a list of 1, not a boolean"),
        (([GOOD, GOOD], ["yes"]), "label 0 is a str of 3, not a boolean"),
        (([GOOD, GOOD], np.array([2], np.int64)), "NumPy array of i8, 1, whose label 0 is neither 0 nor 1"),
        (([GOOD, GOOD], np.array([[True]])), "NumPy array of b1, 1x1; expected booleans"),
        (([GOOD, GOOD], [np.uint8(7)]), "label 0 is a NumPy array of 1, not a boolean"),
        (([GOOD, np.zeros((9, 9, 3), np.uint8)], [True]), "image 1 is a NumPy array of u1, 9x9x3, not the bytes of an"),
        (([GOOD, np.zeros(9, np.int8)], [True]), "image 1 is a NumPy array of i1"),
    ],
)
def test_another_content_is_refused(tmp_path, value, message):
    path = tmp_path / "x.bin"
    path.write_bytes(pickle.dumps(value, 2))
    with pytest.raises(ValueError, match=rf"x\.bin is no verification set: it holds|{message}") as error:
        read_bin(path)
    assert message in str(error.value)


def test_a_truncated_file_a_missing_one_and_another_choice_are_refused(tmp_path):
    path = write_bin(tmp_path / "x.bin", [GOOD, GOOD], [True])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"x\.bin is no verification set: it is no whole pickle"):
        read_bin(path)
    with pytest.raises(FileNotFoundError, match=r"y\.bin is not there"):
        read_bin(tmp_path / "y.bin")
    with pytest.raises(ValueError, match="on_error is 'skip'; expected one of refuse, exclude"):
        read_bin(path, on_error="skip")


def test_an_unreadable_image_is_named_and_refused_or_excluded(tmp_path):
    jpeg = encoded(50, form="JPEG")
    images = [encoded(10), encoded(20), encoded(30), jpeg[:300], encoded(20), b"no image", encoded(10), encoded(30)]
    path = write_bin(tmp_path / "x.bin", images, [True, False, True, False])
    with pytest.raises(ValueError, match=r"x\.bin: image 3, in pair 1, cannot be used: .*300 bytes.*, and 1 more"):
        read_bin(path)
    found = read_bin(path, on_error="exclude")
    assert [(gone.photograph, gone.pairs) for gone in found.excluded] == [("image 3", (1,)), ("image 5", (2,))]
    assert "no image can be decoded from its 8 bytes" in found.excluded[1].reason
    assert greys(found.faces.images) == [10, 20, 30] and found.n_dropped == 2
    assert found.pairs.left.tolist() == [0, 0] and found.pairs.right.tolist() == [1, 2]
    assert found.pairs.same.tolist() == [True, False]
    assert "2 photographs excluded, and 2 pairs with them" in str(found)


def test_nothing_left_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="no pair is left without the 1 photographs"):
        read_bin(write_bin(tmp_path / "x.bin", [encoded(1), b"bad"], [True]), on_error="exclude")
