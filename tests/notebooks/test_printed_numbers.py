"""tools/printed_numbers.py: what is a word and what a number, and when two prints agree."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tools.printed_numbers import Number, Tolerance, differences, pieces_of_html, pieces_of_text


def texts_of(text: str) -> list[str]:
    """The pieces as printed, numbers between < and >."""
    return [f"<{piece.text}>" if isinstance(piece, Number) else piece for piece in pieces_of_text(text)]


def agree(stored: str, found: str, tolerance: str = "") -> bool:
    allowed = Tolerance.parse(tolerance or None)
    return not list(differences(pieces_of_text(stored), pieces_of_text(found), allowed))


@pytest.mark.parametrize(
    "name",
    ["float32", "int8", "ResNet100", "ResNet-100", "mobilefacenet_075", "04b", "04", "112x112", "112×96", "3x112x112"]
    + ["10-fold", "2-D", "body.3.conv", "0.weight", "2026-11-22", "2.14.1", "v3's", "0afc53350b3b", "1e5f3", "np.nan"]
    + ["'nan'", '"inf"', "banana", "MS-Celeb-1M", "3rd", "1_000"],
)
def test_digits_of_a_name_are_no_number(name: str) -> None:
    for text in (name, f"({name})", f"{name},"):
        assert texts_of(text) == [text]
    assert not agree(f"the {name} one", f"the {name}0 one", "1000, 100 %")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("12", "12"),
        ("-3.5", "-3.5"),
        ("−3.5", "-3.5"),
        ("+0.5", "0.5"),
        (".25", "0.25"),
        ("1,003,136", "1003136"),
        ("12,345.5", "12345.5"),
        ("1e-3", "0.001"),
        ("2.5E+06", "2500000"),
        ("7e−2", "0.07"),
    ],
)
@pytest.mark.parametrize(
    "frame", ["{}", "n={}", "({})", "[ {} ]", "{},", "{}.", "<{}>", "{} %", "{}%", "{}x", "{}ms", "{}MB"]
)
def test_numbers_are_read_in_any_frame(text: str, value: str, frame: str) -> None:
    numbers = [piece for piece in pieces_of_text(frame.format(text)) if isinstance(piece, Number)]
    assert [(number.text, number.value) for number in numbers] == [(text, Decimal(value))]


def test_prints_of_numpy_ranges_and_sums_fall_apart_where_a_reader_parts_them() -> None:
    assert texts_of("[[ 0.  1.5]\n [10. -2. ]]") == ["[[", "<0>", "<1.5>", "]", "[", "<10>", "<-2>", "]]"]
    assert texts_of("5-3, 97.2-98.9 and 3/10") == [
        "<5>",
        "-",
        "<3>",
        ",",
        "<97.2>",
        "-",
        "<98.9>",
        "and",
        "<3>",
        "/",
        "<10>",
    ]
    assert texts_of("1.2x faster, 12 ms.") == ["<1.2>", "x", "faster,", "<12>", "ms."]
    assert texts_of("shape (64, 3, 112)") == ["shape", "(", "<64>", ",", "<3>", ",", "<112>", ")"]
    assert texts_of("nan -inf [NaN]") == ["<nan>", "<-inf>", "[", "<NaN>", "]"]


@pytest.mark.parametrize(
    ("text", "in_points"),
    [
        ("98.3 %, 5", [True, False]),
        ("2.1 points", [True]),
        ("-2.1 percentage points", [True]),
        ("3 pp of 7", [True, False]),
        ("7 pointed", [False]),
        ("97.2 to 98.9 %", [True, True]),
        ("97.2-98.9%", [True, True]),
        ("[97.2, 98.9] %", [True, True]),
        ("98.3 % (97.2 to 98.9), 4", [True, True, True, False]),
        ("98.3 % [97.2, 98.9]", [True, True, True]),
        ("98.3 % ± 0.4, 10", [True, True, False]),
        ("3 of 10 (30 %)", [False, False, True]),
        ("epoch 3, 98 %", [False, True]),
        ("epoch 3 - 98 %", [False, True]),
        ("98 % (n = 4)", [True, False]),
        ("5-", [False]),
    ],
)
def test_points_are_the_numbers_that_a_reader_takes_for_percent(text: str, in_points: list[bool]) -> None:
    assert [piece.in_points for piece in pieces_of_text(text) if isinstance(piece, Number)] == in_points


@pytest.mark.parametrize(
    ("stored", "found", "tolerance", "same"),
    [
        ("accuracy 98.3 %", "accuracy 96.3 %", "2 points", True),
        ("accuracy 98.3 %", "accuracy 96.2 %", "2 points", False),
        ("loss 1.30", "loss 1.32", "2 points", False),
        ("loss 1.30", "loss 1.32", "0.02", True),
        ("loss 1.30", "loss 1.33", "0.02", False),
        ("98.3 %", "98.2 %", "0.5", False),
        ("200 KB", "220 KB", "10 %", True),
        ("200 KB", "221 KB", "10 %", False),
        ("-200", "-180", "10 %", True),
        ("50 %", "55 %", "10 %", True),
        ("0.001", "0.002", "10 %", False),
        ("0.001", "0.002", "10 %, 0.01", True),
        ("98 %, loss 1.3", "97 %, loss 1.2", "1 point, 0.1", True),
        ("98 %, loss 1.3", "97 %, loss 1.1", "1 point, 0.1", False),
        ("ratio −0.5", "ratio -0.5", "", True),
        ("ratio -0.01", "ratio 0.01", "0.02", True),
        ("ratio -0.01", "ratio 0.01", "", False),
        ("n = 1,000", "n = 1000", "", True),
        ("[ 9.5 10.2]", "[10.5  9.2]", "1", True),
        ("[1. 2.]", "[1.  2.1]", "0.1", True),
        ("is 5.", "is 5.2.", "0.2", True),
        ("one\ntwo", "one two", "", True),
        ("a 1\nb 2", "b 2\na 1", "10", False),
        ("1 2 3", "1 2", "10", False),
        ("1 2", "1 2 3", "10", False),
        ("met 5", "missed 5", "10", False),
        ("met 5", "met five", "10", False),
        ("met 5 times", "met 5 time", "10", False),
        ("nan", "nan", "10", False),
        ("inf", "inf", "10 %", False),
        ("1", "nan", "10", False),
        ("nan", "1", "10", False),
        ("'nan' is no number", "'nan' is no number", "", True),
        ("7e999", "7e999", "10 %", True),
    ],
)
def test_examples(stored: str, found: str, tolerance: str, same: bool) -> None:
    assert agree(stored, found, tolerance) == same


def test_a_message_names_place_values_and_tolerance() -> None:
    stored, found = "TAR at FAR 0.01 is 98.3 % of 500", "TAR at FAR 0.01 is 95.3 % of 450"
    lines = list(differences(pieces_of_text(stored), pieces_of_text(found), Tolerance.parse("2 points")))
    assert lines[0] == 'after "at FAR 0.01 is": stored 98.3 %, found 95.3 %: 3 apart, tolerance 2'
    assert lines[1].endswith("stored 500, found 450: 50 apart, tolerance none") and len(lines) == 2
    (missing,) = differences(pieces_of_text("a 1 b"), pieces_of_text("a b"), Tolerance())
    assert missing == "after \"a\": stored the number 1, found the word 'b'"
    (extra,) = differences(pieces_of_text("a"), pieces_of_text("a 2"), Tolerance())
    assert extra == 'after "a": stored nothing more, found the number 2'


@pytest.mark.parametrize(
    "text", ["", "2 pints", "points", "0", "0 %", "-1", "1,2", "1 %, 2 %", "2 points, 1 pp x", "nan", "ten"]
)
def test_a_tolerance_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        Tolerance.parse(text)


def test_a_tolerance_of_several_sizes() -> None:
    assert Tolerance.parse("2 points, 0.02,10%") == Tolerance(Decimal(2), Decimal("0.02"), Decimal("0.1"))
    assert Tolerance.parse("1 point") == Tolerance(points=Decimal(1)) and Tolerance.parse("1e-3").plain == Decimal(
        "0.001"
    )


TABLE = """<div><style>td {{ width: 5px }}</style><table class="{style}">
<thead><tr style="{style}"><th></th><th>TAR</th></tr></thead>
<tbody><tr><th>ours</th><td id="{style}">{ours}</td></tr><tr><th>theirs</th><td>97.1 &lt; 98</td></tr></tbody>
</table><p>2 rows</p></div>"""


def test_tables_are_compared_by_their_texts_rows_and_cells() -> None:
    stored = pieces_of_html(TABLE.format(style="a1", ours="98.3"))
    tolerance = Tolerance.parse("0.5")
    assert not list(differences(stored, pieces_of_html(TABLE.format(style="b27", ours="<b>98.7</b>")), tolerance))
    (line,) = differences(stored, pieces_of_html(TABLE.format(style="a1", ours="98.9")), tolerance)
    assert "<tr> <th> ours <td>" in line and "stored 98.3, found 98.9" in line
    for other in ("98.3</td><td>", "98.3</td></tr><tr><td>", "", "ninety"):
        assert list(differences(stored, pieces_of_html(TABLE.format(style="a1", ours=other)), tolerance)), other
    assert list(differences(stored, stored[:-2], tolerance))


WORDS = st.sampled_from(
    "accuracy of the ResNet-100 on 04b: float32, = | ( ) [ ] — met rank-1 a'b 112x112 '—' µ".split()
)
NUMBERS = st.decimals(min_value=-(10**7), max_value=10**7, allow_nan=False, allow_infinity=False, places=3)
UNITS = st.sampled_from(["", " %", "%", " points", "x", " ms", ",", ")", "."])
LINES = st.lists(st.one_of(WORDS, st.tuples(NUMBERS, UNITS)), min_size=1, max_size=12)


def printed(line: list[str | tuple[Decimal, str]], blank: str = " ") -> str:
    return blank.join(part if isinstance(part, str) else f"{part[0]:,}{part[1]}" for part in line)


def with_one_number_moved(line: list, data: st.DataObject, by: Decimal) -> list:
    places = [index for index, part in enumerate(line) if not isinstance(part, str)]
    assume(places)
    place = data.draw(st.sampled_from(places))
    (value, unit), sign = line[place], data.draw(st.sampled_from([1, -1]))
    return [*line[:place], (value + sign * by, unit), *line[place + 1 :]]


@given(st.text())
def test_any_text_without_nan_agrees_with_itself(text: str) -> None:
    assume(not any(isinstance(piece, Number) and piece.value is None for piece in pieces_of_text(text)))
    assert agree(text, text)


@given(LINES, st.sampled_from(["  ", "\n", " \t "]))
def test_white_space_does_not_count(line: list, blank: str) -> None:
    assert agree(printed(line), printed(line, blank))


@given(LINES, st.data())
def test_within_the_tolerance_passes_and_beyond_fails(line: list, data: st.DataObject) -> None:
    by = data.draw(st.decimals(min_value="0.001", max_value=1000, places=3))
    moved = printed(with_one_number_moved(line, data, by))
    assert agree(printed(line), moved, f"{by}, {by} points")
    less = by - Decimal("0.0001")
    assert not agree(printed(line), moved, f"{less}, {less} points")
    assert not agree(printed(line), moved)


@given(LINES, st.data())
def test_a_changed_a_missing_and_an_extra_piece_fail(line: list, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(line) - 1))
    tolerance = "1e9, 1e9 points"
    assert not agree(printed(line), printed([*line[:place], "changed", *line[place + 1 :]]), tolerance)
    assert not agree(printed(line), printed([*line[:place], "changed", *line[place:]]), tolerance)
    assert not agree(printed(line), printed([*line[:place], (Decimal(1), ""), *line[place:]]), tolerance)
    assert not agree(printed(line), printed([*line[:place], *line[place + 1 :]]), tolerance)
