"""``face-course export``, from the shipped model to a file and its report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from course_lib.commands import main
from course_lib.data import orl_faces
from course_lib.export import Runtime

MODEL = "mobilefacenet_075_relu"
BOTH = (MODEL, "--to", "onnx", "--calibration", "faces")


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three faces of each of twelve people, IDENTITY/IMAGE; this folder is the current one."""
    monkeypatch.chdir(tmp_path)
    orl = orl_faces()
    for person in range(12):
        (tmp_path / f"faces/{person}").mkdir(parents=True)
        for number in range(3):
            pixels = orl.images[10 * person + number, 0, 10:102].numpy()
            Image.fromarray(pixels).convert("RGB").save(tmp_path / f"faces/{person}/{number}.png")
    return tmp_path / "faces"


@pytest.mark.slow
def test_eight_bits_with_their_report(faces: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["export", MODEL, "--calibration", "faces", "--to", "int8"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{MODEL}.int8.onnx: 84") and "cosine to first" in said
    assert "18 genuine and 18 impostor pairs of 18 photographs" in said
    assert Runtime(f"{MODEL}.int8.onnx").input_size == (112, 112)


@pytest.mark.slow
def test_32_bits_with_pairs_of_ones_own_as_json(faces: Path, capsys: pytest.CaptureFixture) -> None:
    lines = [f"{who}/0.png {who}/1.png 1\n{who}/0.png {who + 1}/1.png 0\n" for who in range(0, 6)]
    (faces / "pairs.txt").write_text("".join(lines))
    options = ["--pairs", "faces/pairs.txt", "--detector", "none", "--output", "small.onnx", "--json"]
    assert main(["export", MODEL, "--to", "onnx", *options]) == 0
    said = capsys.readouterr()
    (row,) = json.loads(said.out)
    assert row["file"] == "small.onnx" and row["bytes"] == Path("small.onnx").stat().st_size
    assert row["accuracy %"] > 80 and row["arena bytes"] is None and "small.onnx: " in said.err


@pytest.mark.slow
def test_without_faces_there_is_the_file_and_no_report(faces: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["export", MODEL, "--to", "onnx"]) == 0
    assert capsys.readouterr().out == f"{MODEL}.onnx: {Path(f'{MODEL}.onnx').stat().st_size:,} bytes\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([MODEL, "--to", "int8"], 2, "--to int8 measures the ranges of its 8 bits on faces; give --calibration FOLDER"),
        ([MODEL, "--to", "gif"], 2, "'gif' is not one of 'onnx', 'int8', 'pte', 'tflite'"),
        ([MODEL], 2, "Missing option '--to'"),
        (
            [MODEL, "--to", "onnx", "--detector", "mtcnn"],
            2,
            "--detector finds the faces of --pairs, which are not given",
        ),
        ([MODEL, "--to", "onnx", "--pairs", "a.bin", "--detector", "mtcnn"], 2, "--detector mtcnn has no meaning here"),
        (["none", "--to", "onnx"], 1, "no model 'none' in 32 bits: expected mobilefacenet_075_relu, or a file"),
        (["a.safetensors", "--to", "onnx"], 1, "holds weights but not the network's name; give --network, one of "),
        ([MODEL, "--to", "onnx", "--network", "lenet"], 1, "--network or --network-options is given, but"),
        ([MODEL, "--to", "onnx", "--calibration", "none"], 1, "none is not a folder"),
        ([MODEL, "--to", "onnx", "--pairs", "none.txt"], 1, "none.txt is not there"),
        ([*BOTH, "--output", "faces/0/0.png/x.onnx"], 2, "x.onnx cannot be written: Not a directory; give another"),
        ([*BOTH, "--output", f"new/{'x' * 300}.onnx"], 2, "cannot be written: File name too long; give another"),
    ],
)
def test_what_is_wrong_is_said_before_a_file_is_written(
    arguments: list[str], code: int, message: str, faces: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["export", *arguments]) == code and message in capsys.readouterr().err
    assert [path.name for path in faces.parent.iterdir()] == ["faces"]


def test_a_folder_where_the_file_would_be_is_seen_before_the_work(faces: Path, capsys: pytest.CaptureFixture) -> None:
    Path(f"{MODEL}.onnx").mkdir()
    assert main(["export", *BOTH]) == 2
    assert f"{MODEL}.onnx, the file to write, is a folder; give another one by --output" in capsys.readouterr().err
