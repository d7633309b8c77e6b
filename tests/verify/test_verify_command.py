"""``face-course evaluate``, from files to a table, with the shipped model on faces of ORL."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_files import failing
from PIL import Image

from course_lib.alignment import MTCNN, Face, RetinaFace, template
from course_lib.commands.evaluate import FARS, VIEWS, evaluate
from course_lib.commands.style import run as run_command
from course_lib.data import ImageSet
from course_lib.data.lfw import VIEW_FILES
from course_lib.verify import Report, network, report, request

MODEL = "mobilefacenet_075_relu"
ROOT = Path(__file__).resolve().parents[2]


def pixels(faces: ImageSet, index: int) -> Image.Image:
    return Image.fromarray(faces.images[index].permute(1, 2, 0).numpy())


@pytest.fixture
def orl_bin(tmp_path: Path, orl_squares: ImageSet, orl_pairs: list[tuple[int, int, bool]]) -> Path:
    encoded = []
    for index in range(len(orl_squares)):
        file = io.BytesIO()
        pixels(orl_squares, index).save(file, "JPEG", quality=95)
        encoded.append(file.getvalue())
    images = [encoded[side] for a, b, _ in orl_pairs for side in (a, b)]
    path = tmp_path / "orl.bin"
    path.write_bytes(pickle.dumps((images, [same for _, _, same in orl_pairs]), 2))
    return path


@pytest.fixture
def orl_lfw(tmp_path: Path, orl_squares: ImageSet, orl_pairs: list[tuple[int, int, bool]]) -> Path:
    """The same in LFW's layout: photographs of 250 pixels with the face in the middle, and a list of 6 folds."""
    for index in range(36):
        name = f"Person_{index // 3}"
        photograph = Image.new("RGB", (250, 250))
        photograph.paste(pixels(orl_squares, index).resize((120, 120)), (65, 55))
        (tmp_path / "lfw" / name).mkdir(parents=True, exist_ok=True)
        photograph.save(tmp_path / "lfw" / name / f"{name}_{index % 3 + 1:04d}.jpg", quality=95)
    genuine, impostor = orl_pairs[:36], orl_pairs[36:]
    lines = ["6\t6"]
    for fold in range(6):
        some = slice(6 * fold, 6 * fold + 6)
        lines += [f"Person_{a // 3}\t{a % 3 + 1}\t{b % 3 + 1}" for a, b, _ in genuine[some]]
        lines += [f"Person_{a // 3}\t{a % 3 + 1}\tPerson_{b // 3}\t{b % 3 + 1}" for a, b, _ in impostor[some]]
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.slow
def test_the_command_line_from_a_bin_file_to_figures(orl_bin: Path, tmp_path: Path) -> None:
    arguments = ["--model", MODEL, "--pairs", str(orl_bin), "--folds", "4", "--output", str(tmp_path / "out")]
    run = subprocess.run(
        [sys.executable, "-m", "course_lib.evaluation", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert "36 genuine, 36 impostor, of 36 photographs" in run.stdout
    assert "TAR at FAR 1e-06     not resolved" in run.stdout and "squared L2 <=" in run.stdout
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["accuracy"]["mean"] > 0.9 and report["eer"]["rate"] < 0.1
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"report.json", "scores.png", "roc.png", "det.png"}


def run(*arguments: object) -> int:
    return run_command(evaluate, ["--model", MODEL, *map(str, arguments)])


def test_an_lfw_folder_without_a_detector(orl_lfw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--pairs", orl_lfw, "--detector", "none", "--folds", 6, "--fars", 0.1, "--no-flip") == 0
    text = capsys.readouterr().out
    assert "192 numbers, face\n" in text and "36 genuine, 36 impostor, of 36 photographs" in text
    assert "not aligned here: the square of 120 pixels from row 55 and column 65" in text
    accuracy = float(text.split("accuracy, 6 folds")[1].split()[0])
    assert accuracy > 90


def test_photographs_that_are_missing_or_damaged_are_left_out_counted_and_named(
    orl_lfw: Path, orl_bin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (orl_lfw / "lfw/Person_3/Person_3_0002.jpg").unlink()
    (orl_lfw / "lfw/Person_5/Person_5_0001.jpg").write_bytes(b"no image")
    common = ("--detector", "none", "--folds", 4, "--fars", 0.1, "--no-flip")
    listed = ("--pairs", orl_lfw / "pairs.txt", "--root", orl_lfw / "lfw", *common)
    assert run(*listed) == 0
    text = capsys.readouterr().out
    assert "32 genuine, 33 impostor, of 34 photographs" in text
    assert "excluded   2 photographs, and 7 pairs with them" in text
    assert "Person_3_0002.jpg (there is no such file)" in text and "Person_5_0001.jpg (" in text
    assert run(*listed, "--on-error", "refuse") == 1
    assert "Person_3_0002.jpg, in pairs " in capsys.readouterr().err
    encoded, same = pickle.loads(orl_bin.read_bytes())
    orl_bin.write_bytes(pickle.dumps(([b"no image", *encoded[1:]], same), 2))
    assert run("--pairs", orl_bin, *common) == 0
    assert "excluded   1 photographs, and 1 pairs with them" in capsys.readouterr().out
    assert run("--pairs", orl_bin, *common, "--on-error", "refuse") == 1
    assert "Mend the set, or give --on-error exclude to leave such photographs out" in capsys.readouterr().err


class Finder:
    """Finds the middle of the photograph, unless it is dark."""

    def detect_many(self, images: list[np.ndarray]) -> list[list[Face]]:
        points = (template(112) - 56) * 120 / 112 + [125, 115]
        return [[Face(np.array([65.0, 55, 185, 175]), points, 1.0)] if i.mean() > 5 else [] for i in images]


@pytest.mark.slow
def test_a_list_with_a_detector_and_photographs_without_a_face(
    orl_lfw: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(request, "made", lambda name: asked.append(name) or Finder())
    Image.new("RGB", (250, 250)).save(orl_lfw / "lfw/Person_3/Person_3_0002.jpg")
    common = ("--pairs", orl_lfw / "pairs.txt", "--root", orl_lfw / "lfw", "--folds", 4, "--fars", 0.1)
    assert run(*common) == 0  # a photograph without a face is left out, and the rest is reported
    text = capsys.readouterr().out
    assert "excluded   1 photographs, and 4 pairs" in text and "Person_3_0002.jpg (the detector finds no face" in text
    (orl_lfw / "lfw/Person_5/Person_5_0001.jpg").write_bytes(b"no image")
    assert run(*common, "--on-error", "refuse", "--output", orl_lfw / "out") == 1 and not (orl_lfw / "out").exists()
    assert "finds no face" in capsys.readouterr().err
    assert run(*common, "--output", orl_lfw / "out") == 0
    assert asked == 3 * ["mtcnn"]
    text = capsys.readouterr().out
    assert "found by mtcnn (of several the largest one) and aligned by five landmarks" in text
    assert "Person_3_0002.jpg (the detector finds no face in it)" in text and "Person_5_0001.jpg (" in text
    report = json.loads((orl_lfw / "out/report.json").read_text())
    assert len(report["excluded"]) == 2 and report["genuine"] == 32
    assert report["genuine"] + report["impostor"] + report["pairs_dropped"] == 72


def test_the_help_names_what_the_library_does() -> None:
    assert FARS == report.FARS and tuple(VIEW_FILES) == VIEWS


def test_the_report_as_json(orl_bin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--pairs", orl_bin, "--folds", 4, "--far", 0.1, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["genuine"] == found["impostor"] == 36 and found["accuracy"]["mean"] > 0.9


def test_detectors_are_those_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(request.made("mtcnn"), MTCNN) and request.DETECTORS["retinaface"] is RetinaFace


@pytest.mark.parametrize(
    ("code", "arguments", "message"),
    [
        (1, ["--pairs", "none.bin"], "none.bin is not there"),
        (1, ["--pairs", "{folder}"], "holds none of the folders|pairs.txt is not there"),
        (1, ["--pairs", "{list}", "--detector", "none"], "one kind; expected genuine and impostor"),
        (
            1,
            ["--pairs", "{both}", "--detector", "none", "--folds", "2"],
            r"no pair is left without the 4 photographs .*a\.jpg: there is no such file",
        ),
        (2, ["--pairs", "{bin}", "--folds", "40"], "--folds is 40, but .* has 36 genuine pairs; give 2 to 36"),
        (2, ["--pairs", "{both}"], "--folds is 10, but .*both.txt has 2 genuine pairs; give 2 to 2"),
    ],
)
def test_bad_input_is_told_in_one_line(
    code: int, arguments: list[str], message: str, orl_bin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs, both = orl_bin.parent / "list.txt", orl_bin.parent / "both.txt"
    pairs.write_text("a.jpg b.jpg 1\n")
    both.write_text("a.jpg b.jpg 1\nc.jpg d.jpg 1\na.jpg c.jpg 0\nb.jpg d.jpg 0\n")
    places = {"bin": orl_bin, "folder": orl_bin.parent, "list": pairs, "both": both}
    assert run(*(argument.format(**places) for argument in arguments)) == code
    error = capsys.readouterr().err
    usage, _, told = error.partition("Error: ")
    assert told.count("\n") == 1 and "on_error" not in told and bool(usage) is (code == 2)
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(error)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--pairs", "x.bin", "--detector", "mtcnn"],
            "--detector mtcnn has no meaning here: x.bin holds aligned faces",
        ),
        (["--pairs", "x.bin", "--view", "view2"], "--view view2 has no meaning here"),
        (["--pairs", "{here}", "--root", "x"], "--root x has no meaning here"),
        (["--pairs", "x.txt", "--view", "view2"], "--view view2 has no meaning here"),
        (["--pairs", "x.txt", "--detector", "none", "--choose", "central"], "--choose central has no meaning here"),
        (["--pairs", "x.txt", "--root", "{here}/none"], "--root is .*none, which is no folder"),
        (["--pairs", "x.bin", "--network", "mobilefacenet"], "--network and --network-options are for .safetensors"),
        (["--pairs", "x.bin", "--model", "x.safetensors"], "holds weights only; say of which network: --network"),
        (["--pairs", "X.BIN", "--model", "X.SAFETENSORS"], "holds weights only; say of which network: --network"),
        (["--pairs", "X.BIN", "--view", "view2"], "--view view2 has no meaning here: X.BIN holds aligned faces"),
        (["--pairs", "x.bin", "--folds", "1"], "'--folds': 1 is not in the range x>=2"),
        (["--pairs", "x.bin", "--folds", "9" * 5000], "'--folds': '9+' is not a valid integer"),
        (["--pairs", "x.bin", "--folds", "²"], "'--folds': '²' is not a valid integer"),
        (["--pairs", "x.bin", "--fars", "0.1", "--far", "2"], "2.0 is not in the range 0<x<=1"),
        (["--pairs", "x.bin", "--fars", "nan"], "nan is not finite; expected a number in the range 0<x<=1"),
        (["--pairs", "x.bin", "--confidence", "95"], "'--confidence': 95.0 is not in the range 0<x<1"),
        (["--pairs", "x.bin", "--confidence", "most"], "'--confidence': 'most' is not a valid float"),
        (["--pairs", "n" * 300, "--root", "n" * 300], "--root is n+, which is no folder"),
        (["--pairs", "x.bin", "--output", "{here}/none/out"], "none is no folder; make it first, or give another one"),
        (["--pairs", "x.bin", "--output", "{here}/a.file"], "--output is .*a.file, which is a file; give a folder"),
        (["--pairs", "x.bin", "--output", "{here}/" + "n" * 300], "where nothing can be written: "),
    ],
)
def test_options_are_checked_before_the_work(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(request, "listed_pairs", lambda options: pytest.fail("the work began"))
    (tmp_path / "a.file").touch()
    assert run(*(argument.format(here=tmp_path) for argument in arguments)) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["a.file"]
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(capsys.readouterr().err)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_writable_is_no_place_for_a_report(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "where nothing can be written: Permission denied" in str(request._no_place(tmp_path / "out"))


def test_a_report_that_cannot_be_saved_is_printed(
    orl_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: Report, folder: Path) -> None:
        assert not capsys.readouterr().out
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Report, "save", full)
    assert run("--pairs", orl_bin, "--folds", 4, "--fars", 0.1, "--output", tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "accuracy, 4 folds" in said.out and "no space left on device" in said.err


def test_names_that_are_no_text_end_no_run(orl_bin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file system may hold names of any bytes, and two dollars would begin a formula in a figure."""
    named = tmp_path / "$x^$ of\udce9\n.bin"
    try:
        named.write_bytes(orl_bin.read_bytes())
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    assert run("--pairs", named, "--folds", 4, "--fars", 0.1, "--output", tmp_path / "out") == 0
    assert r"of\udce9\n.bin" in capsys.readouterr().out
    assert "of\udce9\n.bin" in json.loads((tmp_path / "out/report.json").read_text())["pairs"]


@pytest.mark.slow
def test_a_model_that_fails_is_an_error_and_no_traceback(orl_bin: Path, tmp_path: Path) -> None:
    """Trusted or not: the file is a stranger's, so it runs apart unless the user says otherwise."""
    file = failing(tmp_path / "failing$a^$.onnx")
    for trusted in ([], ["--trusted"]):
        done = subprocess.run(
            [sys.executable, "-m", "course_lib.evaluation", "--model", file, "--pairs", orl_bin, *trusted],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 1 and not done.stdout
        assert done.stderr.startswith("Error: failing$a^$.onnx failed while it ran: ") and done.stderr.count("\n") == 1


def test_only_the_shipped_models_and_trusted_files_run_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(request, "listed_pairs", lambda options: None)
    monkeypatch.setattr(network, "Runtime", lambda path, **given: asked.append(given["trusted"]) or sys.exit())
    for more, trusted in (([], False), (["--trusted"], True)):
        run_command(evaluate, ["--model", "x.onnx", "--pairs", "x.bin", *more])
        assert asked.pop() is trusted


def test_a_list_with_faults_is_refused_unless_allowed(orl_bin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, same = pickle.loads(orl_bin.read_bytes())
    orl_bin.write_bytes(pickle.dumps((images + images[:2], [*same, same[0]]), 4))
    assert run("--pairs", orl_bin) == 1
    assert "duplicates: 1 group(s) of pairs that compare the same two images (0 and 72)" in capsys.readouterr().err
    assert run("--pairs", orl_bin, "--allow", "duplicates", "--fars", 0.1) == 0
    assert "duplicates: 1 group(s)" in capsys.readouterr().out


def test_options_that_cannot_be_read_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("{width: 2}", "[1]", "[" * 100_000, "9" * 5_000):
        assert run("--pairs", "x.bin", "--network-options", text) == 2
        said = capsys.readouterr().err
        assert "no JSON" in said and len(said) < 1_000
