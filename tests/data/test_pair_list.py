from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_lfw import write_lfw

from course_lib import alignment
from course_lib.alignment.crop_record import read_record
from course_lib.data import check_pairs, lfw, lfw_list, lfw_pairs, pair_list, read_pairs


def written(tmp_path, text):
    path = tmp_path / "pairs.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "a.jpg b.jpg 1\nc/d.jpg a.jpg 0\n",
        "1 a.jpg b.jpg\n0 c/d.jpg a.jpg\n",
        "a.jpg\tb.jpg\t1\n\nc/d.jpg\ta.jpg\t0",
        "left,right,same\na.jpg,b.jpg,1\nc/d.jpg, a.jpg, 0\n",
        "\ufeffa.jpg b.jpg 1\r\nc/d.jpg a.jpg 0\r\n",
        '"left","right","same"\n"a.jpg","b.jpg","1"\n"c/d.jpg","a.jpg","0"\n',
        "a.jpg 3\nb.jpg 3\nc/d.jpg 0\na.jpg 0\n",  # CALFW and CPLFW: a fold's number, or 0
    ],
)
def test_every_format_says_the_same(tmp_path, text):
    listed = pair_list(written(tmp_path, text))
    assert listed.files == (tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "c/d.jpg")
    assert listed.pairs.left.tolist() == [0, 2] and listed.pairs.right.tolist() == [1, 0]
    assert listed.pairs.same.tolist() == [True, False] and listed.identities is None


def test_names_may_hold_spaces_and_the_photographs_lie_elsewhere(tmp_path):
    listed = pair_list(written(tmp_path, "Ann Lee.jpg\tBo.jpg\t0\n"), tmp_path / "photos")
    assert listed.files == (tmp_path / "photos/Ann Lee.jpg", tmp_path / "photos/Bo.jpg")


def test_two_ways_of_writing_one_place_are_one_photograph(tmp_path):
    (tmp_path / "A").mkdir()
    (tmp_path / "A/x.jpg").touch()
    (tmp_path / "link.jpg").symlink_to("A/x.jpg")
    text = f"A/x.jpg ./A//x.jpg 1\nA/../A/x.jpg {tmp_path}/A/x.jpg 1\nlink.jpg b.jpg 0\n"
    listed = pair_list(written(tmp_path, text))
    assert listed.files == (tmp_path / "A/x.jpg", tmp_path / "b.jpg")
    assert check_pairs(listed.pairs, allow=("itself", "duplicates")).itself == (0, 1)


def test_folders_are_read_as_windows_writes_them(tmp_path):
    for name in ("A/x.png", "c\\d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    listed = pair_list(written(tmp_path, "A\\x.jpg c\\d.jpg 1\nA\\x.jpg e\\f.jpg 0\n"))
    if os.name != "nt":  # where a backslash may be part of a name
        assert listed.files == (tmp_path / "A/x.png", tmp_path / "c\\d.jpg", tmp_path / "e/f.jpg")


def test_photographs_named_0_and_1_do_not_confuse(tmp_path):
    listed = pair_list(written(tmp_path, "0 1 1\n1 2 0\n"))
    assert [file.name for file in listed.files] == ["0", "1", "2"] and listed.pairs.same.tolist() == [True, False]


def test_lfws_own_list_gives_the_photographs_it_names(tmp_path):
    write_lfw(tmp_path)
    for listed in (lfw_list(tmp_path), pair_list(tmp_path / "pairsDevTest.txt", tmp_path / "lfw-deepfunneled")):
        assert [file.stem for file in listed.files] == ["Ann_Lee_0001", "Ann_Lee_0002", "Bob_0003", "Cy_0001"]
        assert listed.identities == ("Ann_Lee", "Ann_Lee", "Bob", "Cy")
        everything, pairs = lfw(tmp_path, size=(8, 8)), lfw_pairs(tmp_path)
        for ours, theirs in ((listed.pairs.left, pairs.left), (listed.pairs.right, pairs.right)):
            names = [everything.names[label] for label in everything.labels[theirs].tolist()]
            assert [listed.identities[index] for index in ours] == names
        assert listed.pairs.same.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no pair"),
        ("left,right,same\n", "holds no pair"),
        ("a b 1\na b\n", r"pairs\.txt, line 2: 'a b' has 2 fields"),
        ("a b 1\na b yes\n", r"line 2: 'yes' is no label; expected 1, the same person, or 0"),
        ("a b c 1\n", "line 1: .* has 4 fields"),
        ("a,,1\n", "line 1"),
        ("a 1\nb 2\n", r"line 2: 2, but 1 in the line before"),
        ("a 1\nb 1\nc 0\n", "holds 3 lines, an odd number"),
        ("a 1\nb 1 1\n", "line 2: 'b 1 1'; expected a photograph and a number"),
        ("1\nNobody\t1\t2\nNobody\t1\tNoone\t1\n", r"line 2: the photograph Nobody_0001\.jpg is not there"),
    ],
)
def test_a_bad_list_is_refused_by_its_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        pair_list(written(tmp_path, text))


def test_a_file_that_is_no_list_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.txt is not there"):
        pair_list(tmp_path / "none.txt")
    (tmp_path / "x.bin").write_bytes(b"\x80\x02\xff\xfe")
    with pytest.raises(ValueError, match=r"x\.bin is no text"):
        pair_list(tmp_path / "x.bin")


def test_fields_in_quotes_may_hold_what_separates(tmp_path):
    listed = pair_list(written(tmp_path, '"Lee, Ann.jpg","say ""hi"".jpg",1\nplain.jpg,"Lee, Ann.jpg",0\n'))
    assert [file.name for file in listed.files] == ["Lee, Ann.jpg", 'say "hi".jpg', "plain.jpg"]
    with pytest.raises(ValueError, match=r"pairs\.txt, line 2: .* cannot be split into fields"):
        pair_list(written(tmp_path, 'a.jpg,b.jpg,1\n"a.jpg,b.jpg,1\n'))


def test_the_home_folder_is_understood(tmp_path, monkeypatch):
    written(tmp_path, "a.jpg ~/b.jpg 1\n~c.jpg a.jpg 0\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    listed = pair_list("~/pairs.txt", "~/photos")
    assert listed.files == (tmp_path / "photos/a.jpg", tmp_path / "b.jpg", tmp_path / "photos/~c.jpg")


def test_lfws_list_names_photographs_of_any_format(tmp_path):
    for name in ("Ann/Ann_0001.png", "Ann/Ann_0002.png", "Ann/._Ann_0003.png", "Bo/Bo_0001.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    listed = pair_list(written(tmp_path, "1\nAnn\t1\t2\nAnn\t1\tBo\t1\n"))
    assert [file.name for file in listed.files] == ["Ann_0001.png", "Ann_0002.png", "Bo_0001.webp"]


@pytest.mark.parametrize(
    "text",
    [
        "²\n",
        "a ²\nb ²\n",
        "a 9" + "9" * 4000 + "\n",
        "x" * 10**6 + " 1 1 1 1\n",
        "a b " + "1" * 10**6,
        "x" * 120_000 + " " + "y" * 120_000 + " 1\n",
        "9" * 4000 + "\nAnn\t1\t2\n",
        "9" * 5000 + "\nAnn\t1\t2\n",
    ],
)
def test_a_message_is_short_and_names_the_line(tmp_path, text):
    with pytest.raises(ValueError, match=r"pairs\.txt, line 1: ") as error:
        pair_list(written(tmp_path, text))
    assert len(str(error.value)) < 400


@given(st.binary(max_size=80) | st.text(max_size=60).map(str.encode) | st.text(' \t,"01ab\n\ufeff').map(str.encode))
def test_any_file_is_read_or_refused_by_its_name(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pairs.txt")
        path.write_bytes(content)
        try:
            listed = pair_list(path)
        except ValueError as error:
            assert "pairs.txt" in str(error)
        else:
            assert len(listed.pairs) >= 1 and len(listed.files) == len(set(listed.files)) or listed.identities


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0~/\\"), min_size=1).map(str.strip).filter(bool)


@given(
    st.lists(st.tuples(NAMES, NAMES, st.booleans()), min_size=1, max_size=5), st.sampled_from(["utf-8-sig", "utf-16"])
)
def test_what_a_spreadsheet_wrote_is_read_back(rows, encoding):
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder, "pairs.csv"), "w", newline="", encoding=encoding) as file:
            table = csv.writer(file, quoting=csv.QUOTE_ALL)
            table.writerows([("left", "right", "same"), *((left, right, int(same)) for left, right, same in rows)])
        listed = pair_list(Path(folder, "pairs.csv"))
    files = [file.name for file in listed.files]
    found = zip(listed.pairs.left, listed.pairs.right, listed.pairs.same, strict=True)
    assert [(files[left], files[right], same) for left, right, same in found] == [
        (Path("x", left).name, Path("x", right).name, same) for left, right, same in rows
    ]


def test_crops_of_lfw_are_found_and_what_is_missing_is_left_to_on_error(tmp_path):
    for name in ("Ann_0001.png", "Ann_0002.jpg", "Bob_0001.jpg.png"):
        file = tmp_path / "lfw" / name.split("_")[0] / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (112, 112), (90,) * 3).save(file)
    text = "2\nAnn\t1\t2\nAnn\t1\t3\nAnn\t1\tBob\t1\nAnn\t2\tBob\t1\n"
    (tmp_path / "pairsDevTest.txt").write_text(text, encoding="utf-8-sig")
    for listed in (lfw_list(tmp_path), pair_list(tmp_path / "pairsDevTest.txt", tmp_path / "lfw")):
        with pytest.raises(ValueError, match=r"Ann_0003\.jpg, in pair 1, cannot be used: there is no such file"):
            read_pairs(listed)
        found = read_pairs(listed, on_error="exclude")
        assert [gone.pairs for gone in found.excluded] == [(1,)] and len(found.pairs) == 3


@pytest.mark.parametrize(
    "text", ["A/1.jpg A/2.jpg 1\nA/1.jpg B/1.jpg 0\n", "A/1.jpg 5\nA/2.jpg 5\nA/1.jpg 0\nB/1.jpg 0\n"]
)
def test_a_list_of_photographs_reads_their_crops(tmp_path, text):
    for name in ("A/1.png", "A/2.jpg.png", "A/2.png.png", "B/1.bmp", "B/._1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (112, 112)).save(tmp_path / name, "PNG")
    listed = pair_list(written(tmp_path, text))
    assert [file.relative_to(tmp_path).as_posix() for file in listed.files] == ["A/1.png", "A/2.jpg.png", "B/1.bmp"]


def test_no_crop_stands_for_two_photographs(tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.bmp").touch()
    listed = pair_list(written(tmp_path, "a.png a.jpg 1\nb.jpg b.png 0\n"))
    assert [file.name for file in listed.files] == ["a.png", "a.jpg", "b.jpg", "b.png"]


def aligned(tmp_path, *names):
    """The crops of photographs of these names, by ``align_folder``, and the record beside them."""
    for name in names:
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (112, 112), (90,) * 3).save(tmp_path / "photos" / name, "PNG")
    alignment.align_folder(tmp_path / "photos", tmp_path / "crops", OneFace, size=16)
    return tmp_path / "crops"


class OneFace:
    def detect(self, image):
        return [alignment.Face(np.array([0.0, 0, 111, 111]), alignment.template(112), 1.0)]

    def detect_many(self, images):
        return [self.detect(image) for image in images]


LONG = "n" * 250


def test_a_crop_that_is_named_by_a_digest_is_found_by_its_record(tmp_path):
    names = ["A/x.jpg", "A/X.JPG", "A/x.jpg.png", f"A/{LONG}.jpg", f"A/{LONG}.png", "A/y.jpg"]
    crops = aligned(tmp_path, *names)
    record = {state.photograph: crop for crop, state in read_record(crops).items()}
    assert sum("-" in crop for crop in record.values()) == 4
    rows = "".join(f"{name} A/y.jpg 1\n" for name in names[:-1])
    for root, before in ((crops, ""), (crops / "A", "A/")):
        listed = pair_list(written(tmp_path, rows.replace(before, "")), root)
        found = {name.removeprefix(before): root / record[name].removeprefix(before) for name in names}
        assert [listed.files[index] for index in listed.pairs.left] == [
            found[n.removeprefix(before)] for n in names[:-1]
        ]


def test_lfws_list_finds_a_crop_that_is_named_by_a_digest(tmp_path):
    name = "N" * 244
    folder = f"{name}/{name}_0001.png/1.jpg"  # takes the name that the first crop would have
    crops = aligned(tmp_path, f"{name}/{name}_0001.jpg", f"{name}/{name}_0002.jpg", "B/B_0001.jpg", folder)
    listed = pair_list(written(tmp_path, f"1\n{name} 1 2\n{name} 1 B 1\n"), crops)
    digested, *plain = sorted((file.name for file in listed.files), key=len, reverse=True)
    assert plain == [f"{name}_0002.png", "B_0001.png"] and digested.startswith(f"{name[:200]}")
    assert read_record(crops)[f"{name}/{digested}"].photograph == f"{name}/{name}_0001.jpg"


def test_the_crop_of_another_photograph_is_no_substitute(tmp_path):
    crops = aligned(tmp_path, "A/x.jpg", "A/x.jpeg", "A/y.jpg")
    (crops / "A/x.jpg.png").unlink()  # as where no face was found
    for _ in ("by the record", "by their names"):
        listed = pair_list(written(tmp_path, "A/x.jpg A/y.jpg 1\n"), crops)
        assert [file.name for file in listed.files] == ["x.jpg", "y.png"]
        (crops / "crops.json").unlink(missing_ok=True)


def test_a_photograph_that_is_called_as_another_s_crop_is_refused(tmp_path):
    aligned(tmp_path, "A/x.jpg")
    crops = aligned(tmp_path, "A/x.png", "A/y.jpg")
    assert [file.name for file in pair_list(written(tmp_path, "A/x.jpg A/y.jpg 1\n"), crops).files] == [
        "x.png",
        "y.png",
    ]
    with pytest.raises(ValueError, match=r"A/x\.png is no crop of the photograph of that name, which is x\.png\.png"):
        pair_list(written(tmp_path, "A/x.png A/y.jpg 1\n"), crops)


def test_a_damaged_record_is_named(tmp_path):
    crops = aligned(tmp_path, "A/x.jpg", "A/y.jpg")
    (crops / "crops.json").write_text("{")
    for text in ("A/x.jpg A/y.jpg 1\n", "1\nA 1 2\nA 1 A 2\n"):
        with pytest.raises(ValueError, match=r"crops\.json is damaged .* Delete it"):
            pair_list(written(tmp_path, text), crops)
