"""Files for LiteRT: written and run where the extras are installed, and run by an interpreter written out here."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib import backbones, data, export
from course_lib.export.runtimes import litert
from course_lib.training import fingerprint

needs_litert = pytest.mark.skipif(find_spec("litert_torch") is None, reason="the extra litert-export is not installed")
needs_micro = pytest.mark.skipif(find_spec("tflite_micro") is None, reason="tflite-micro is not installed")


@pytest.fixture(scope="module")
def files(small, photographs, tmp_path_factory) -> dict[str, Path]:
    pytest.importorskip("litert_torch")
    folder, faces = tmp_path_factory.mktemp("litert"), data.normalise(photographs[:64]).numpy()
    network = small("mobilefacenet_relu")
    return {
        "int8": export.to_litert(network, faces, folder / "deep" / "int8.tflite"),
        "fp32": export.to_litert(network, None, folder / "fp32.tflite"),
    }


@needs_litert
def test_the_file_shrinks_and_the_embeddings_stay(small, files, agreement):
    # Seen: 0.92; with the biases of dead channels lost, 0.21.
    assert agreement(small("mobilefacenet_relu"), files["int8"]) > 0.85
    assert agreement(small("mobilefacenet_relu"), files["fp32"]) > 0.999999
    assert files["int8"].stat().st_size < 0.55 * files["fp32"].stat().st_size
    assert not list(files["int8"].parent.glob("*.unfinished"))


@needs_litert
def test_there_is_nothing_in_it_but_the_network(files):
    for file in files.values():
        content = file.read_bytes()
        assert b"course_lib" not in content and str(Path.home()).encode() not in content
        interpreter = litert.open_interpreter(file, 1)
        ends = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        assert [(end["name"], end["dtype"]) for end in ends] == [("images", np.float32), ("embeddings", np.float32)]


@needs_litert
def test_the_runtime_is_litert(files, photographs):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(files["int8"]), num_threads=1)
    interpreter.allocate_tensors()
    image = data.normalise(photographs[:1]).permute(0, 2, 3, 1).contiguous().numpy()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    expected = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    network = export.Runtime(files["int8"], threads=1)
    assert repr(network) == "Runtime(int8.tflite: 3x48x48)" and network.batch_size == 1
    np.testing.assert_array_equal(network.embed(photographs[:1]), expected)


@needs_litert
@needs_micro
def test_the_arena_holds_activations_in_8_bits_or_32(files):
    """Two maps of 16 x 24 x 24 at least; TFLite Micro's own records come on top."""
    int8, fp32 = (export.Runtime(files[kind]).arena_bytes() for kind in ("int8", "fp32"))
    assert 2 * 16 * 24 * 24 < int8 < 100_000 and 4 * 2 * 16 * 24 * 24 < fp32 < 200_000 and fp32 > 2 * int8


@needs_litert
@needs_micro
def test_no_arena_is_told_where_weights_are_not_seen(files, tmp_path):
    """Where they are away, TFLite Micro computes with zeros."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(files["fp32"].read_bytes())
    for buffer in model.buffers:
        if buffer.data is not None and len(buffer.data) > 64:
            buffer.data = np.zeros_like(buffer.data)
    (tmp_path / "zeros.tflite").write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    assert litert.arena_bytes(tmp_path / "zeros.tflite") is None


def test_no_arena_is_told_without_tflite_micro(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "tflite_micro"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    assert litert.arena_bytes(tmp_path / "any.tflite") is None


@needs_litert
def test_writing_and_loading_say_nothing_and_leave_the_network_alone(small, files, tmp_path, capfd, recwarn):
    before = fingerprint(small("mobilefacenet_relu"))
    export.Runtime(export.to_litert(small("mobilefacenet_relu"), None, tmp_path / "a.tflite")).arena_bytes()
    assert capfd.readouterr() == ("", "") and not recwarn.list
    assert fingerprint(small("mobilefacenet_relu")) == before


@needs_litert
def test_a_damaged_file_is_refused(files, tmp_path):
    whole = files["int8"].read_bytes()
    for content in (b"", b"no model", bytes(1000), whole[: len(whole) // 2], whole[:-1]):
        (tmp_path / "cut.tflite").write_bytes(content)
        with pytest.raises(ValueError, match=r"cut\.tflite is no TensorFlow Lite file that LiteRT can run"):
            export.Runtime(tmp_path / "cut.tflite")


# --- With an interpreter written out here ---


class Interpreter:
    """LiteRT's calls: the mean colour as the embedding, of a batch that is fixed."""

    def __init__(self, shape: list[int], outputs: list[list[int]], kind: type = np.float32) -> None:
        self.taken = [{"name": "pixels", "index": 0, "shape": np.array(shape), "dtype": kind}]
        self.given = [
            {"name": f"out{i}", "index": i, "shape": np.array(sides), "dtype": kind} for i, sides in enumerate(outputs)
        ]

    def get_input_details(self) -> list[dict]:
        return self.taken

    def get_output_details(self) -> list[dict]:
        return self.given

    def set_tensor(self, index: int, value: np.ndarray) -> None:
        assert value.shape == tuple(self.taken[index]["shape"]) and value.flags.c_contiguous
        self.images = value

    def invoke(self) -> None:
        self.out = self.images.mean((1, 2) if self.images.shape[-1] == 3 else (2, 3))

    def get_tensor(self, index: int) -> np.ndarray:
        return self.out


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path, interpreter: Interpreter) -> export.Runtime:
    monkeypatch.setattr(litert, "open_interpreter", lambda path, threads: interpreter)
    (folder / "x.tflite").write_bytes(b"")
    return export.Runtime(folder / "x.tflite")


@pytest.mark.parametrize("shape", [[1, 8, 6, 3], [1, 3, 8, 6], [2, 8, 6, 3]])
def test_channels_may_come_first_or_last_and_a_batch_is_filled_up(monkeypatch, tmp_path, shape):
    network = opened(monkeypatch, tmp_path, Interpreter(shape, [[shape[0], 3]]))
    assert (network.input_size, network.in_channels, network.batch_size) == ((8, 6), 3, shape[0])
    faces = torch.randint(256, (5, 3, 8, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = data.normalise(faces).mean((2, 3)).numpy()
    np.testing.assert_allclose(network.embed(faces), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "outputs", "kind", "message"),
    [
        ([1, 8, 8, 4], [[1, 3]], np.float32, r"x\.tflite takes pixels: float32 .*expected one float input"),
        ([1, 8, 8, 3], [[1, 3]], np.uint8, r"x\.tflite takes pixels: uint8 .*expected one float input"),
        ([8, 3], [[8, 3]], np.float32, r"x\.tflite takes pixels: float32 .*expected one float input"),
        ([1, 8, 8, 3], [[1, 3], [1, 3]], np.float32, r"x\.tflite is no embedder: it gives out0: .*, out1: "),
        ([1, 8, 8, 3], [[1, 8, 8, 3]], np.float32, r"x\.tflite is no embedder"),
        ([1, 8, 8, 3], [[]], np.float32, r"x\.tflite is no embedder"),
    ],
)
def test_a_file_that_is_no_embedder_is_refused(monkeypatch, tmp_path, shape, outputs, kind, message):
    with pytest.raises(ValueError, match=message):
        opened(monkeypatch, tmp_path, Interpreter(shape, outputs, kind))


def test_what_is_missing_or_in_training_is_named(tmp_path, monkeypatch):
    network = backbones.create("mobilefacenet_relu", width=0.25, input_size=32)
    with pytest.raises(ValueError, match=r"in training mode; call model\.eval\(\) first"):
        export.to_litert(network, None, tmp_path / "a.tflite")
    with pytest.raises(ValueError, match="there are 4 calibration images"):
        export.to_litert(network.eval(), np.zeros((4, 3, 32, 32), np.float32), tmp_path / "a.tflite")
    monkeypatch.setitem(sys.modules, "litert_torch", None)
    with pytest.raises(ModuleNotFoundError, match=r'litert_torch is not .*; pip.* "face-course\[litert-export\]"'):
        export.to_litert(network, None, tmp_path / "a.tflite")
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.tflite").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(ModuleNotFoundError, match=r'and a\.tflite is run by it; pip install "face-course\[litert\]"'):
        export.Runtime(tmp_path / "a.tflite")
