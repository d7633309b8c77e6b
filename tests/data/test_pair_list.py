from __future__ import annotations

import pytest
from test_lfw import write_lfw

from course_lib.data import lfw, lfw_list, lfw_pairs, pair_list


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
