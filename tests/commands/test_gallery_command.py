"""``face-course gallery``, from photographs to names, with the shipped model on faces of ORL."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from framed_faces import orl_photograph

from course_lib.commands import main


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two of Ada and of Bob, and others, in this folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "others").mkdir()
    for person, name in ((0, "ada"), (1, "bob")):
        for number in range(2):
            orl_photograph(person, number).save(tmp_path / f"{name}_{number}.png")
    for person in range(2, 6):
        orl_photograph(person).save(tmp_path / f"others/{person}.png")
    return tmp_path


def enrol(name: str, *more: str) -> int:
    return main(["gallery", "enrol", "club.gallery", name, f"{name.lower()}_0.png", "--purpose", "a test", *more])


def found(capsys: pytest.CaptureFixture) -> list[dict]:
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_from_consent_to_oblivion(photographs: Path, capsys: pytest.CaptureFixture) -> None:
    assert enrol("Ada") == 0 and enrol("Bob", "--by", "Bob's mother", "--until", "2999-12-31") == 0
    assert "people enrolled: 1, templates: 1" in capsys.readouterr().out
    assert main(["gallery", "identify", "club.gallery", "ada_1.png"]) == 1
    assert "face-course gallery calibrate chooses one, or give --threshold" in capsys.readouterr().err
    assert main(["gallery", "calibrate", "club.gallery", "--strangers", "others", "--far", "0.25"]) == 0
    assert "strangers' faces would be given a name" in capsys.readouterr().out
    assert main(["gallery", "identify", "club.gallery", "ada_1.png", "others/2.png", "--json"]) == 0
    ada, other = found(capsys)
    assert ada["name"] == "Ada" and other["name"] is None and len(ada["box"]) == 4 and ada["score"] > other["score"]
    assert main(["gallery", "people", "club.gallery"]) == 0
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "templates", "by", "purpose", "date", "until", "ended"]
    assert first.startswith("Ada   1          Ada") and second.split()[-2:] == ["2999-12-31", "False"]
    assert main(["gallery", "forget", "club.gallery", "Bob", "--json"]) == 0 and found(capsys) == {"templates": 1}
    assert main(["gallery", "people", "club.gallery", "--json"]) == 0
    assert [person["name"] for person in found(capsys)] == ["Ada"]


def test_nobody_is_enrolled_without_a_purpose(photographs: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["gallery", "enrol", "club.gallery", "Ada", "ada_0.png"]) == 2
    assert "Missing option '--purpose'" in capsys.readouterr().err and not Path("club.gallery").exists()


def test_only_enrol_makes_a_gallery(photographs: Path, capsys: pytest.CaptureFixture) -> None:
    for more in (["people"], ["forget", "Ada"], ["identify", "ada_0.png"], ["calibrate"]):
        assert main(["gallery", more[0], "none.gallery", *more[1:]]) == 1
        assert "none.gallery is not there; face-course gallery enrol makes it" in capsys.readouterr().err
    assert not Path("none.gallery").exists()


def test_errors_speak_of_options(photographs: Path, capsys: pytest.CaptureFixture) -> None:
    assert enrol("Ada") == 0
    assert enrol("Ada") == 1 and "add templates with --extend, or forget them first" in capsys.readouterr().err
    assert enrol("Ada", "--extend") == 0
    assert main(["gallery", "forget", "club.gallery", "Eve"]) == 1
    assert "nobody is enrolled as 'Eve'; face-course gallery people lists who is" in capsys.readouterr().err
    assert main(["gallery", "forget", "club.gallery", "Ada", "--ended"]) == 2
    assert "give either NAME or --ended" in capsys.readouterr().err
    Path("none").mkdir()
    assert main(["gallery", "calibrate", "club.gallery", "--strangers", "none"]) == 1
    assert "none holds no photograph" in capsys.readouterr().err


def test_strangers_that_cannot_be_listed_are_named(
    photographs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert enrol("Ada") == 0
    (photographs / "others/closed").mkdir()
    scandir = os.scandir

    def refuse(folder):
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert main(["gallery", "calibrate", "club.gallery", "--strangers", "others", "--far", "0.01"]) == 1
    said = capsys.readouterr().err
    assert f"Warning: {Path('others/closed')} is not listed (PermissionError: Permission denied)" in said


def test_a_photograph_that_cannot_be_used_stops_or_is_named(photographs: Path, capsys: pytest.CaptureFixture) -> None:
    (photographs / "text.jpg").write_text("not a photograph")
    given = ["gallery", "enrol", "club.gallery", "Ada", "ada_0.png", "text.jpg", "--purpose", "a test"]
    assert main(given) == 1 and "text.jpg" in capsys.readouterr().err
    assert main([*given, "--on-error", "exclude"]) == 0
    said = capsys.readouterr().out
    assert "1 unreadable" in said and "\n  text.jpg: " in said
    asked = ["gallery", "identify", "club.gallery", "text.jpg", "ada_1.png", "--threshold", "0.2", "--json"]
    assert main(asked) == 1 and "text.jpg" in capsys.readouterr().err
    assert main([*asked, "--on-error", "exclude"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)[0]["photograph"] == "ada_1.png" and told.err.startswith("text.jpg: ")


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--model", "none"], 1, "no model 'none' in 32 bits"),
        (["--model", "mobilefacenet_075_relu.int8"], 1, "no model 'mobilefacenet_075_relu.int8' in 32 bits"),
        (
            ["--network", "mobilefacenet"],
            1,
            "--network-options is given, but mobilefacenet_075_relu has its own; it is",
        ),
        (["--model", "none.safetensors"], 1, "give --network, one of "),
        (["--model", "none.safetensors", "--network", "mobilefacenet"], 1, "none.safetensors is not there"),
        (["--date", "yesterday"], 2, "'yesterday' does not match the format"),
        (["--until", "2001-01-01"], 1, "until is 2001-01-01, before its date"),
    ],
)
def test_wrong_models_and_days_are_named(
    more: list[str], code: int, message: str, photographs: Path, capsys: pytest.CaptureFixture
) -> None:
    assert enrol("Ada", *more) == code and message in capsys.readouterr().err
    assert not Path("club.gallery").exists()
