from __future__ import annotations

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.alignment.crop_names import LONGEST_NAME, crop_names, digest, found_as, plain_name, same_file

# A name comes from the disk, so that it has no letters which the locale cannot write.
any_letters = pytest.mark.skipif(sys.getfilesystemencoding() != "utf-8", reason="the locale has few letters")


def test_a_crop_is_called_like_its_photograph():
    assert crop_names(["a.jpg", "Ada/1.JPEG", "Ada/x.y.png"], ".png") == {
        "a.jpg": "a.png",
        "Ada/1.JPEG": "Ada/1.png",
        "Ada/x.y.png": "Ada/x.y.png",
    }


def test_photographs_that_share_a_stem_keep_their_suffixes():
    assert crop_names(["1.png", "1.jpg", "2.jpg"], ".jpg") == {
        "1.png": "1.png.jpg",
        "1.jpg": "1.jpg.jpg",
        "2.jpg": "2.jpg",
    }


def test_what_no_suffix_tells_apart_a_digest_does():
    names = crop_names(["x.jpg", "x.jpeg", "x.jpg.png", "X.JPG"], ".png")
    assert names == {
        "x.jpg": f"x.jpg-{digest('x.jpg')}.png",
        "x.jpeg": "x.jpeg.png",
        "x.jpg.png": "x.jpg.png",
        "X.JPG": f"X.JPG-{digest('X.JPG')}.png",
    }


def test_a_later_photograph_leaves_names_as_they_are():
    first = crop_names(["Ada/1.jpg"], ".png")
    assert crop_names(["Ada/1.jpg", "Ada/1.png"], ".png", kept=first) == {
        "Ada/1.jpg": "Ada/1.png",
        "Ada/1.png": "Ada/1.png.png",
    }
    assert crop_names(["Ada/1.bmp"], ".png", taken=["Ada/1.PNG"]) == {"Ada/1.bmp": "Ada/1.bmp.png"}


def test_a_forged_digest_is_no_way_to_another_crop():
    forged = f"x.jpg-{digest('x.jpg')}.gif"
    names = crop_names(["x.jpg", "x.png", "X.JPG", forged.replace(".gif", ".jpg")], ".png")
    assert len({same_file(name) for name in names.values()}) == 4


@any_letters
def test_accents_written_in_two_ways_are_one_name():
    names = crop_names(["\u00e9.jpg", "e\u0301.jpg"], ".png")
    assert len({same_file(name) for name in names.values()}) == 2


@any_letters
@pytest.mark.parametrize("stem", ["a" * 251, "é" * 125, "\udcff" * 251, "王" * 83])
def test_long_names_are_cut(stem):
    photographs = [f"p/{stem}.jpg", f"p/{stem}.bmp"]
    names = crop_names(photographs, ".png")
    assert len(set(names.values())) == 2
    assert all(len(os.fsencode(name[2:])) <= LONGEST_NAME for name in names.values())


pieces = st.text(st.sampled_from("aAé\u0301ßSsİi\udcff.- "), min_size=1, max_size=4)
suffixes = st.sampled_from([".jpg", ".jpeg", ".png", ".JPG", ".jpg.png", ".png.jpg"])
trees = st.lists(st.builds(lambda f, s, e: f"{f}/{s}{e}", st.sampled_from("pP"), pieces, suffixes), unique=True)


@any_letters
@given(trees, trees)
def test_no_two_crops_are_one_file_and_names_stay(before, after):
    first = crop_names(before, ".png")
    assert len({same_file(name) for name in first.values()}) == len(before)
    kept = {photograph: first[photograph] for photograph in after if photograph in first}
    gone = [name for photograph, name in first.items() if photograph not in kept]
    second = crop_names(after, ".png", kept=kept, taken=gone)
    assert second.keys() == set(after) and kept.items() <= second.items()
    assert len({same_file(name) for name in (*second.values(), *gone)}) == len(after) + len(gone)
    assert crop_names(sorted(after), ".png", kept=kept, taken=gone) == second


@pytest.mark.parametrize("name", ["B_0001.jpg", "B_0001.png", "B_0001.jpg.png", "B_0001.JPEG", "B_0001"])
def test_a_name_stands_for_its_photograph(name):
    assert plain_name(name) == "B_0001"
    assert plain_name("v1.2.jpg") == "v1.2"


def test_a_photograph_is_found_as_itself_or_as_its_only_crop():
    there = [
        "a.png",
        "b.jpg.png",
        "b.png.png",
        "c.bmp",
        "c.png",
        "d.jpg",
        "d.jpg.png",
        "f.png.png",
        "g.png",
        "e\u0301.png",
    ]
    wanted = ["a.jpg", "b.jpg", "b.png", "c.jpg", "d.jpg", "e.jpg", "f.jpg", "f", "g.jpg.png", "\u00e9.jpg"]
    found = {"a.jpg": "a.png", "b.jpg": "b.jpg.png", "b.png": "b.png.png", "d.jpg": "d.jpg", "f": "f.png.png"}
    assert found_as(wanted, there) == {**found, "\u00e9.jpg": "e\u0301.png"}
