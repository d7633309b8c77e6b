"""The terms at first use: all of them by a command, one line by the library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from course_lib import terms, weights
from course_lib.commands import main

NAME = "mobilefacenet_075_relu"
LINE = f'{NAME}: Research and teaching only. All terms: print(course_lib.weights.card("{NAME}"))\n'


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the notes; nobody has been told the terms yet."""
    monkeypatch.delenv("COURSE_TERMS")
    monkeypatch.setattr(terms, "_folder", lambda: tmp_path / "state")
    terms.mention_once.cache_clear()
    yield tmp_path / "state"
    terms.mention_once.cache_clear()


def another_program() -> None:
    terms.mention_once.cache_clear()


def test_a_command_shows_all_of_them_once(notes: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    main(["gallery", "people", str(tmp_path / "none.gallery"), "--json"])
    first = capsys.readouterr()
    assert "the code is under the Apache License 2.0" in first.err and "Research and teaching only." in first.err
    assert "never let it decide about a person." in first.err and not first.out
    main(["gallery", "people", str(tmp_path / "none.gallery")])
    assert "Research" not in capsys.readouterr().err


def test_help_and_wrong_options_show_none(notes: Path, capsys: pytest.CaptureFixture) -> None:
    main(["align", "--help"])
    main(["align"])
    assert "Research" not in capsys.readouterr().err and not notes.exists()


@pytest.mark.parametrize("call", [weights.load, weights.int8_file])
def test_the_library_tells_them_in_one_line_once(call, capsys: pytest.CaptureFixture) -> None:
    call(NAME)
    assert capsys.readouterr() == ("", LINE)
    another_program()
    call(NAME)
    assert capsys.readouterr() == ("", "")


def test_who_saw_all_of_them_is_not_told_again_but_not_the_other_way_round(capsys: pytest.CaptureFixture) -> None:
    terms.mention_once()
    terms.show_once()
    assert capsys.readouterr().err == LINE + terms.terms() + "\n"
    another_program()
    terms.mention_once()
    assert capsys.readouterr().err == ""


def test_a_script_can_say_that_it_knows_them(
    notes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("COURSE_TERMS", "seen")
    terms.mention_once()
    terms.show_once()
    assert capsys.readouterr().err == "" and not notes.exists()


def test_where_nothing_can_be_kept_they_are_told_each_time_and_by_a_program_once(
    notes: Path, capsys: pytest.CaptureFixture
) -> None:
    notes.touch()
    for _ in range(2):
        terms.show_once()
        assert "Research and teaching only" in capsys.readouterr().err
        another_program()
        terms.mention_once()
        terms.mention_once()
        assert capsys.readouterr().err == LINE


def test_an_unknown_model_is_refused_without_terms(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(ValueError, match="no model 'large' is shipped"):
        weights.load("large")
    assert capsys.readouterr().err == ""


def test_a_card_without_terms_is_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "card.md").write_text("# A model\n\n## Training\n")
    monkeypatch.setattr(terms, "CARD", tmp_path / "card.md")
    with pytest.raises(ValueError, match="has no section '## Terms'"):
        terms.terms()
