"""What lies in the place of a file is told by every reader, whatever the file should be."""

from __future__ import annotations

from functools import partial

import pytest
from torch import nn

from course_lib import alignment, data, export, training
from course_lib.stand_ins import refuse_stand_in


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a pointer of Git LFS.*git lfs pull"),
        (b"\n <!DOCTYPE html><html>Sign in", "a web page.*fetch it again"),
        (bytes(9999), "filled with zeros.*copy it again"),
    ],
)
def test_what_lies_in_the_place_of_a_file_is_told_by_every_reader(tmp_path, content, words) -> None:
    readers = {
        "x.bin": data.read_bin,
        "x.txt": data.pair_list,
        "x.safetensors": partial(training.load_weights, nn.ReLU()),
    }
    readers |= {name: export.Runtime for name in ("x.onnx", "x.pte", "x.tflite")} | {"x.jpg": alignment.as_rgb}
    for name, read in readers.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}.* is {words}"):
            read(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"\0\0\0\x01", b"<svg/>", b"PK\x03\x04", b"a.jpg b.jpg 1\n"])
def test_what_is_in_its_place_is_left_to_its_reader(tmp_path, content) -> None:
    (tmp_path / "file").write_bytes(content)
    refuse_stand_in(tmp_path / "file")
