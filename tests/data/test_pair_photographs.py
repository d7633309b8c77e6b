from __future__ import annotations

import sys
import time

import numpy as np
import pytest
import torch
from bins import greys
from PIL import Image

from course_lib.alignment import Face, align, template
from course_lib.data import pair_list, read_pairs
from course_lib.data.pair_photographs import AT_ONCE


class Finder:
    """Finds a face in photographs that are not dark, where the template has it in the middle; counts its calls."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def detect(self, image):
        return self.detect_many([image])[0]

    def detect_many(self, images):
        self.calls.append(len(images))
        return [[self._face(image)] if np.asarray(image).mean() > 40 else [] for image in images]

    def _face(self, image):
        points = template(112) + 44
        return Face(np.array([80.0, 90.0, 120.0, 140.0]), points, 1.0)


def photographs(folder, greys, size=(200, 200)):
    folder.mkdir(exist_ok=True)
    for number, grey in enumerate(greys):
        Image.new("RGB", size, (grey,) * 3).save(folder / f"{number}.png")


def listed(folder, text):
    (folder / "pairs.txt").write_text(text)
    return pair_list(folder / "pairs.txt")


def test_photographs_are_read_as_they_are(tmp_path):
    photographs(tmp_path, [50, 100, 150])
    found = read_pairs(listed(tmp_path, "0.png 1.png 1\n2.png 0.png 0\n"), size=(28, 24), colour=False)
    assert found.faces.images.shape == (3, 1, 28, 24) and greys(found.faces.images) == [50, 100, 150]
    assert found.pairs.left.tolist() == [0, 2] and found.excluded == ()


def test_a_crop_is_cut_out_first(tmp_path):
    photographs(tmp_path, [0, 0])
    image = Image.open(tmp_path / "0.png")
    image.paste((255, 255, 255), (30, 20, 80, 70))
    image.save(tmp_path / "0.png")
    found = read_pairs(listed(tmp_path, "0.png 1.png 0\n"), crop=(20, 30, 50), size=(10, 10))
    assert greys(found.faces.images) == [255, 0]


def test_a_detector_aligns_them_in_batches(tmp_path):
    n = AT_ONCE + 3
    photographs(tmp_path, np.linspace(50, 200, n).astype(int).tolist())
    finder = Finder()
    found = read_pairs(listed(tmp_path, "".join(f"{i}.png {(i + 1) % n}.png 0\n" for i in range(n))), detector=finder)
    assert finder.calls == [AT_ONCE, 3] and found.faces.images.shape == (n, 3, 112, 112)
    for index in (0, AT_ONCE, n - 1):
        expected = align(tmp_path / f"{index}.png", finder).image
        np.testing.assert_array_equal(found.faces.images[index].permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("detector", [None, Finder()])
def test_a_missing_and_a_damaged_photograph_are_named(tmp_path, detector):
    photographs(tmp_path, [50, 100, 150])
    (tmp_path / "1.png").write_bytes(b"no image")
    pairs = listed(tmp_path, "0.png 2.png 1\n1.png 0.png 0\n2.png 9.png 0\n0.png 9.png 0\n")
    with pytest.raises(ValueError, match=r"9\.png, in pairs 2, 3, cannot be used: there is no such file"):
        read_pairs(pairs, detector=detector)
    found = read_pairs(pairs, detector=detector, on_error="exclude")
    assert [(gone.photograph.split("/")[-1], gone.pairs) for gone in found.excluded] == [
        ("1.png", (1,)),
        ("9.png", (2, 3)),
    ]
    assert len(found.pairs) == 1 and greys(found.faces.images[:, :, 30:80, 30:80]) == [50, 150]


def test_a_photograph_without_a_face_is_named_and_never_scored(tmp_path):
    photographs(tmp_path, [50, 10, 150])
    pairs = listed(tmp_path, "0.png 2.png 1\n1.png 0.png 0\n")
    with pytest.raises(ValueError, match=r"1\.png, in pair 1, cannot be used: the detector finds no face"):
        read_pairs(pairs, detector=Finder(), on_error="refuse")
    found = read_pairs(pairs, detector=Finder(), on_error="exclude")
    assert [gone.reason for gone in found.excluded] == ["the detector finds no face in it"] and len(found.pairs) == 1


def test_refusing_stops_at_the_first(tmp_path):
    photographs(tmp_path, [10] * (3 * AT_ONCE))
    finder = Finder()
    with pytest.raises(ValueError, match=r"0\.png"):
        read_pairs(
            listed(tmp_path, "".join(f"{i}.png {i + 1}.png 0\n" for i in range(3 * AT_ONCE - 1))),
            detector=finder,
            on_error="refuse",
        )
    assert len(finder.calls) == 1


def test_bad_arguments_are_refused(tmp_path):
    photographs(tmp_path, [50, 100])
    pairs = listed(tmp_path, "0.png 1.png 0\n")
    with pytest.raises(ValueError, match="a crop is given with a detector"):
        read_pairs(pairs, detector=Finder(), crop=(0, 0, 10))
    with pytest.raises(ValueError, match="on_error is 'ignore'"):
        read_pairs(pairs, on_error="ignore")
    with pytest.raises(ValueError, match="choose is 'first'"):
        read_pairs(pairs, choose="first")
    with pytest.raises(ValueError, match="too small for the crop"):
        read_pairs(pairs, crop=(150, 0, 100))


def test_by_default_a_photograph_without_a_face_is_excluded_and_counted_and_a_damaged_one_refused(tmp_path):
    photographs(tmp_path, [50, 10, 150, 60])
    pairs = listed(tmp_path, "0.png 2.png 1\n1.png 0.png 0\n3.png 1.png 0\n")
    found = read_pairs(pairs, detector=Finder())
    assert [(gone.photograph.split("/")[-1], gone.pairs) for gone in found.excluded] == [("1.png", (1, 2))]
    assert len(found.pairs) == 1 and "1 photographs excluded, and 2 pairs with them" in str(found)
    (tmp_path / "3.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"3\.png, in pair 2, cannot be used: .*cannot be read"):
        read_pairs(pairs, detector=Finder())


def test_missing_photographs_are_refused_before_any_work(tmp_path):
    photographs(tmp_path, [50])
    pairs = listed(tmp_path, "0.png 1.png 0\n0.png 2.png 0\n")
    finder = Finder()
    with pytest.raises(ValueError, match=r"1\.png, in pair 0, cannot be used: there is no such file, and 1 more"):
        read_pairs(pairs, detector=finder)
    assert finder.calls == []


class Known(Finder):
    """One whose faces depend on a brightness, and that says so."""

    least = 40

    def settings(self):
        return {"least": self.least}


def test_what_was_found_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    photographs(tmp_path, [50, 10, 150])
    pairs = listed(tmp_path, "0.png 2.png 1\n1.png 0.png 0\n")
    first, again, never = Known(), Known(), Known()
    found = read_pairs(pairs, detector=first)
    same = read_pairs(pairs, detector=again)
    assert first.calls == [3] and again.calls == []
    assert torch.equal(found.faces.images, same.faces.images) and found.excluded == same.excluded
    read_pairs(pairs, detector=never, remember=False)
    assert never.calls == [3]
    Image.new("RGB", (200, 200), (90,) * 3).save(tmp_path / "1.png")
    third = Known()
    assert read_pairs(pairs, detector=third).excluded == () and third.calls == [1]


@pytest.mark.parametrize("on_error", ["refuse", "exclude"])
def test_a_long_list_of_missing_photographs_costs_no_memory_and_little_time(tmp_path, monkeypatch, on_error):
    pairs = listed(tmp_path, "".join(f"n{i}.jpg n{i + 1}.jpg 1\n" for i in range(0, 20_000, 2)))
    monkeypatch.setattr(torch, "zeros", None)
    start = time.perf_counter()
    with pytest.raises(ValueError, match="no such file") as error:
        read_pairs(pairs, size=(10_000, 10_000), on_error=on_error)
    assert time.perf_counter() - start < 10
    message = str(error.value)
    assert ("n0.jpg" in message and len(message) < 1500) and ("19,999 more" in message or "20,000 photo" in message)


def test_photographs_that_are_none_take_no_memory(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(b"no image")
    pairs = listed(tmp_path, "0.png 1.png 1\n2.png 3.png 0\n")
    with pytest.raises(ValueError, match="no pair is left without the 4 photographs that cannot be used, such as "):
        read_pairs(pairs, size=(1_000_000, 1_000_000), on_error="exclude")


def test_a_name_that_no_system_can_have_is_missing(tmp_path):
    photographs(tmp_path, [50, 100])
    pairs = listed(tmp_path, "0.png 1.png 1\n" + "n" * 300 + ".jpg 1.png 0\n")
    found = read_pairs(pairs, on_error="exclude")
    assert [gone.reason for gone in found.excluded] == ["there is no such file"]


def test_a_heic_photograph_in_a_list_is_named_as_what_it_is(tmp_path, monkeypatch):
    photographs(tmp_path, [50, 100])
    (tmp_path / "2.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    found = read_pairs(listed(tmp_path, "0.png 1.png 1\n0.png 2.heic 0\n"), on_error="exclude")
    assert "2.heic is a HEIC photograph; pip install pillow-heif" in found.excluded[0].reason


class InOnePlace(Finder):
    """Of photographs that are white, all landmarks lie in one place."""

    def _face(self, image):
        face = super()._face(image)
        return Face(face.box, np.full((5, 2), 50.0), 1.0) if np.asarray(image).mean() > 250 else face


def test_a_face_that_cannot_be_aligned_is_named_and_the_others_go_on(tmp_path):
    photographs(tmp_path, [100, 150, 255])
    Image.new("RGB", (33_000, 120), (90,) * 3).save(tmp_path / "wide.png")
    pairs = listed(tmp_path, "0.png 1.png 1\n0.png 2.png 0\n1.png wide.png 0\n")
    found = read_pairs(pairs, detector=InOnePlace(), on_error="exclude")
    assert greys(found.faces.images) == [100, 150] and len(found.pairs) == 1
    reasons = {gone.photograph.rpartition("/")[2]: gone.reason for gone in found.excluded}
    assert "all in one place" in reasons["2.png"] and "at most 32766 pixels a side" in reasons["wide.png"]
    with pytest.raises(ValueError, match=r"2\.png.* cannot be used: its face cannot be aligned"):
        read_pairs(pairs, detector=InOnePlace())
