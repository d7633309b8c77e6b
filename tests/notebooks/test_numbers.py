"""Which numbers in prose need a cell behind them, and what counts as one."""

from __future__ import annotations

import pytest

from tools.notebook_numbers import quoted_without_evidence

CODE = ["epochs = 25  # not 77\nlearning_rate = 5e-4\nn = 4_000\nconfidence = 0.95"]
OUTPUTS = ["accuracy 0.9827\nparameters 1,200,512\ndrop 2.41 %\nshape (64, 112, 112)\nloss: -3.75\n.5"]


def quoted(*markdown: str) -> list[str]:
    """The numbers without evidence in markdown cells that follow a code cell."""
    cells = [("code", ""), *(("markdown", text) for text in markdown)]
    return [number for _, number in quoted_without_evidence(cells, CODE, OUTPUTS)]


@pytest.mark.parametrize(
    "text, found",
    [
        ("It reaches 98.3 %.", []),  # 0.9827
        ("It reaches 98 %, or 98.27 per cent.", []),
        ("It reaches 98.4 %.", ["98.4 %"]),
        ("It reaches 0.983.", []),
        ("It reaches 0.98\n25 times.", []),
        ("It reaches 0.984.", ["0.984"]),
        ("It reaches 98.27.", ["98.27"]),  # no cell prints that, and it is not marked as a percentage
        ("It falls by 2.4 points.", []),
        ("It falls by 2.3 percentage points.", ["2.3 percentage points"]),
        ("After 25 epochs on 4,000 images at 5e-4.", []),
        ("After 26 epochs on 4,001 images at 6e-4.", ["26", "4,001", "6e-4"]),
        ("After 77 epochs.", ["77"]),  # a comment is no evidence
        ("1.2M parameters, 1.2 million, 1201k.", []),  # 1,200,512
        ("1.3M parameters.", ["1.3M"]),
        ("A 95 % interval and 0.5.", []),
        ("A 90 % interval.", ["90 %"]),
        ("The loss is −3.75, or -3.75; not -3.85.", ["3.85"]),
        ("It is 37x faster, 37× even, in 38 ms and 39MB.", ["37x", "37×", "38", "39MB"]),
        ("Sixty-four, 64, and 65.", ["65"]),
        ("**98.4** or `0.984` or (97.3%)", ["98.4", "0.984", "97.3%"]),
        ("Lines may break: 98.3\npercent, 97.1\npercent", ["97.1\npercent"]),
        ("| a | 98.3 % |\n| b | 71.5 % |", ["71.5 %"]),
    ],
)
def test_numbers_need_evidence(text: str, found: list[str]) -> None:
    assert quoted(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "3 networks, 12 people, 0 errors, 100 % of them",
        "since 2016 and on 2024-05-31",
        "the inline formula $x = 0.731$ and\n\n$$\ny = 0.732\n$$",
        "```\nloss = 0.733\n```",
        "[a link](https://example.org/44.5/77) and https://example.org/78.9",
        '<img width="640" height="480">',
        "ResNet100, AgeDB-30, CIFAR-10, a 2-D plane, int8, 04_center_loss, images of 112x96 or 112 x 96 pixels",
        "Section 2.15, table 33, equation 14, Figure 4.25, Python 3.11, PyTorch 2.14.1, notebook 06, exercise 13",
        "13. the thirteenth item",
        "## 4.2 Results",
        "ArcFace reaches 99.83 % (Deng et al., 2019).",
        "ArcFace reaches 99.83 %, arXiv:1801.07698.",
    ],
)
def test_what_is_no_result_is_exempt(text: str) -> None:
    assert quoted(text) == []


def test_percentages_and_decimals_have_no_small_exemption() -> None:
    assert quoted("7 % and 1.5 and 3M") == ["7 %", "1.5", "3M"]


def test_the_papers_section_is_exempt_until_the_next_heading_of_its_level() -> None:
    papers = "## What the papers report\n\nLFW 99.55 %\n\n### MegaFace\n\n91.3 %"
    assert quoted(papers, "still the papers: 92.59", "### AgeDB\n\n96.07") == []
    assert quoted(papers, "## Summary\n\nOurs: 77.7 %") == ["77.7 %"]
    assert quoted(papers + "\n\n# Next\n\n77.7 %") == ["77.7 %"]


def test_a_citation_covers_its_paragraph_only() -> None:
    assert quoted("It is 99.83 % (Deng, 2019).\n\nOurs is 97.9 %.") == ["97.9 %"]


def test_times_and_sizes_are_exempt_in_the_header_only() -> None:
    sentence = "Takes 90 seconds, 1.5 GB and 16 cores; 97.9 % right."
    cells = [("markdown", sentence), ("code", ""), ("markdown", "Takes 90 seconds.")]
    assert list(quoted_without_evidence(cells, CODE, OUTPUTS)) == [(1, "97.9 %"), (3, "90")]


def test_the_minutes_of_an_open_task_are_exempt_in_its_heading_and_in_the_header() -> None:
    cells = [("markdown", "50 minutes to read and do, 45 more for the open task."), ("code", "")]
    assert list(quoted_without_evidence(cells, [], [])) == []
    assert quoted("### Open task: shrink it (45 minutes)\n\nFind 77 more.") == ["77"]


def test_a_cell_with_a_magic_still_counts() -> None:
    cells = [("code", ""), ("markdown", "77 and 78")]
    assert list(quoted_without_evidence(cells, ["%matplotlib inline\nx = 77\n# 78\ny = '''"], [])) == [(2, "78")]
