from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data.text_lines import LONGEST_LINE, fields_of, shown, text_lines

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1).map(str.strip).filter(bool)


@given(st.lists(NAMES, min_size=2, max_size=4), st.sampled_from("\t,"))
def test_what_a_spreadsheet_writes_comes_back(fields: list[str], separator: str) -> None:
    file = io.StringIO()
    csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL).writerow(fields)
    assert fields_of(file.getvalue()) == fields


@given(st.lists(st.text("ab.jpg/_-0123é", min_size=1), min_size=2, max_size=4), st.sampled_from(["\t", ",", " ", "  "]))
def test_plain_fields_come_back(fields: list[str], separator: str) -> None:
    assert fields_of(separator.join(fields)) == fields


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('"Lee, Ann.jpg",b.jpg,1', ["Lee, Ann.jpg", "b.jpg", "1"]),
        ('"Ann Lee.jpg" "Bo.jpg" 1', ["Ann Lee.jpg", "Bo.jpg", "1"]),
        ('"Lee, Ann.jpg"   Bo.jpg 1 ', ["Lee, Ann.jpg", "Bo.jpg", "1"]),
        ('"a\tb.jpg"\tc.jpg\t0', ["a\tb.jpg", "c.jpg", "0"]),
        ('"say ""cheese"".jpg",b.jpg,1', ['say "cheese".jpg', "b.jpg", "1"]),
        ('5"6.jpg,b.jpg,1', ['5"6.jpg', "b.jpg", "1"]),
        ("a.jpg , b.jpg,\t", ["a.jpg , b.jpg,"]),
    ],
)
def test_quotes_hold_fields_together(line: str, fields: list[str]) -> None:
    assert fields_of(line) == fields


def test_a_quote_that_is_not_closed_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be split into fields") as error:
        fields_of('"a.jpg,b.jpg,1' + "x" * 10_000)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_every_editor(encoding: str, end: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(end.join(["Zoë 1", "a\u2028b\x85c\x0cd", ""]).encode(encoding))
    assert text_lines(tmp_path / "list.txt") == ["Zoë 1", "a\u2028b\x85c\x0cd", ""]


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0", codecs.BOM_UTF16_LE + b"odd", b"\x80\x02"])
def test_what_is_no_text_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"list\.txt is no text in UTF-8"):
        text_lines(tmp_path / "list.txt")


def test_a_line_that_can_name_no_files_is_refused_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"a b 1\n{'x' * LONGEST_LINE}\n")
    assert [len(line) for line in text_lines(tmp_path / "list.txt")] == [5, LONGEST_LINE, 0]
    (tmp_path / "list.txt").write_text(f"a b 1\n{'x' * LONGEST_LINE}y\n")
    with pytest.raises(ValueError, match=r"list\.txt, line 2: 4,097 characters, of which 4,096 are allowed"):
        text_lines(tmp_path / "list.txt")


def test_long_texts_are_cut_off_in_messages() -> None:
    assert shown("short") == "'short'" and len(shown("x" * 10**6)) < 100
