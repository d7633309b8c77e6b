"""What is fuzzed: every reader of the library, valid files for it, and the exceptions that it documents."""

from __future__ import annotations

import datetime
import io
import json
import os
import pickle
import sqlite3
import tempfile
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, features
from torch import nn

from course_lib import alignment, data, export, learner_folder, losses, training
from course_lib.alignment.tree import SETTINGS
from course_lib.data.lfw import read_lfw_list
from course_lib.gallery import Consent, Store, TemplateKind
from tools.fuzz.child import Reader
from tools.fuzz.malice import Malice
from tools.fuzz.mutation import mutated, odd_names, with_checksums, within_header, within_zip, zipped

Seeds = Sequence[bytes]


def _image(format: str, size: tuple[int, int] = (24, 20), mode: str = "RGB", **options: object) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(file, format=format, **options)
    return file.getvalue()


# .bin files


def read_bin(file: Path) -> None:
    """Images two a pair."""
    data.read_bin(file, size=(16, 16))


def bins() -> Seeds:
    """By each protocol, as lists and as NumPy arrays; and some that hold code."""
    images = [_image("PNG"), _image("JPEG"), _image("PNG"), _image("PNG", mode="L")]
    whole = (images, [True, False])
    arrays = ([np.frombuffer(image, np.uint8) for image in images], np.array([True, False]))
    malicious = (images, [Malice(exec), Malice(os.system)])
    seeds = [pickle.dumps(whole, protocol) for protocol in range(6)]
    seeds += [pickle.dumps(arrays, protocol) for protocol in (2, 4, 5)]
    return seeds + [pickle.dumps(malicious, protocol) for protocol in (0, 2, 4)]


# Lists of pairs


def read_list(file: Path) -> None:
    """In each of the formats."""
    data.pair_list(file)


def lists() -> Seeds:
    """Three formats, three separators, two encodings."""
    texts = ["a.jpg b.jpg 1\nc.jpg d.jpg 0\n", "left,right,same\n\"Lee, Ann.jpg\",b.jpg,1\n'c',d.jpg,0\n"]
    texts += ["1\ta b.jpg\tb.jpg\r\n0\tc\td\r\n", "a.jpg 3\nb.jpg 3\nc.jpg 0\nd.jpg 0\n", "1\nA\t1\t2\nA\t1\tB\t1\n"]
    return [text.encode() for text in texts] + [texts[0].encode("utf-8-sig"), texts[1].encode("utf-16")]


def read_lfw(file: Path) -> None:
    """LFW's list, as indices into photographs that are named but never opened."""
    read_lfw_list(file, [Path("lfw", name, f"{name}_{number:04d}.jpg") for name in "AB" for number in (1, 2, 3)])


def lfw_lists() -> Seeds:
    """View 1 and view 2."""
    return [
        b"1\nA\t1\t2\nA\t1\tB\t1\n",
        b"2\t1\nA\t1\t2\nA\t1\tB\t1\nB\t2\t3\nB\t1\tA\t3\n",
        b"1\nA 1 2\nA 1 B 1",
    ]


# Weights and checkpoints


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(24, 6), nn.BatchNorm1d(6), nn.PReLU(), nn.Linear(6, 3))


def _fit(checkpoint: Path) -> None:
    labels = torch.arange(2).repeat(4)
    images = torch.arange(8 * 24).reshape(8, 1, 4, 6).to(torch.uint8)
    network, criterion = _network(), losses.CenterLoss(3, 2, weight=0.1, seed=0)
    optimizer = torch.optim.SGD([*network.parameters(), *criterion.parameters()], lr=0.01, momentum=0.9)
    train = data.ImageSet(images, labels, ("a", "b"), "numbers")
    training.fit(network, criterion, train, optimizer=optimizer, epochs=1, batch_size=4, checkpoint=checkpoint)


def read_checkpoint(file: Path) -> None:
    """The run goes on from the file, if that is one of this run."""
    _fit(file)


def checkpoints() -> Seeds:
    """One that ``fit`` wrote, and the same with code in its pickle."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "run.ckpt")
        _fit(file)
        state = torch.load(file, weights_only=True)
        written = [file.read_bytes()]
        for function in (exec, os.system):
            torch.save({**state, "schedule": Malice(function)}, file)
            written.append(file.read_bytes())
    bare = {
        "archive/data.pkl": pickle.dumps(Malice(exec), 2),
        "archive/version": b"3\n",
        "archive/byteorder": b"little",
    }
    return [*written, zipped(bare)]


def read_weights(file: Path) -> None:
    """Into a network."""
    training.load_weights(_network(), file)


def weights() -> Seeds:
    """Of that network and of another."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "weights.safetensors")
        written = []
        for network in (_network(), nn.Linear(3, 2)):
            training.save_weights(network, file)
            written.append(file.read_bytes())
    return written


def read_onnx(file: Path) -> None:
    """Opened and not run: what it computes may take any time."""
    export.Runtime(file, threads=1)


@cache
def onnx_files() -> Seeds:
    """A convolution, and a matrix of weights, to an embedding."""
    from onnx import TensorProto, helper, numpy_helper

    face = helper.make_tensor_value_info("face", TensorProto.FLOAT, ["n", 1, 6, 6])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 4])
    kernel = numpy_helper.from_array(np.ones((4, 1, 6, 6), np.float32), "kernel")
    matrix = numpy_helper.from_array(np.ones((36, 4), np.float32), "matrix")
    conv = [helper.make_node("Conv", ["face", "kernel"], ["map"]), helper.make_node("Flatten", ["map"], ["embedding"])]
    gemm = [
        helper.make_node("Flatten", ["face"], ["row"]),
        helper.make_node("MatMul", ["row", "matrix"], ["embedding"]),
    ]
    graphs = [
        helper.make_graph(nodes, "network", [face], [embedding], [constant])
        for nodes, constant in ((conv, kernel), (gemm, matrix))
    ]
    opset = [helper.make_opsetid("", 17)]
    return [helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString() for graph in graphs]


# Galleries

KIND = TemplateKind("3fa4c2e9" * 8, 6, False, (112, 112), ((38.3, 51.7), (73.5, 51.5)))


def read_gallery(file: Path) -> None:
    """All that is in it; and what has ended is removed."""
    store = Store(file, KIND)
    store.people()
    store.load()
    store.calibration()
    store.forget_ended()


def galleries() -> Seeds:
    """One with three people, an empty one, and a database that is none."""
    consent = Consent(by="the person", purpose="a test", date=datetime.date(2024, 2, 29))
    rows = np.random.default_rng(0).standard_normal((9, 6))
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("people", "empty", "other")]
        people = {name: (rows[index::3], consent) for index, name in enumerate(("Ada", "Bo", "C\u00e9line"))}
        Store(files[0], KIND).enrol(people)
        Store(files[1], KIND)
        connection = sqlite3.connect(files[2])
        connection.execute("CREATE TABLE people (name)")
        connection.close()
        return [file.read_bytes() for file in files]


# Images


def read_image(file: Path) -> None:
    """Decoded, upright, as pixels."""
    alignment.as_rgb(file)


def images(format: str) -> Seeds:
    """Of one of Pillow's formats, in the ways of writing it that are decoded by other code."""
    exif = Image.Exif()
    exif[0x0112] = 6
    again = Image.new("RGB", (24, 20))
    ways: dict[str, list[dict[str, object]]] = {
        "JPEG": [{}, {"progressive": True, "exif": exif}, {"mode": "CMYK"}, {"mode": "L"}],
        "PNG": [{}, {"mode": "P"}, {"mode": "I;16"}, {"mode": "1"}, {"mode": "LA", "exif": exif}],
        "GIF": [{"mode": "P"}, {"mode": "P", "save_all": True, "append_images": [again]}],
        "BMP": [{}, {"mode": "P"}, {"mode": "1"}],
        "TIFF": [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}, {"compression": "group4", "mode": "1"}]
        + [{"mode": "F"}, {"compression": "tiff_adobe_deflate", "exif": exif}],
        "WEBP": [{}, {"lossless": True, "exif": exif}, {"mode": "RGBA"}],
        "PPM": [{}, {"mode": "L"}, {"mode": "1"}],
        "MPO": [{"save_all": True, "append_images": [again]}],
        "AVIF": [{}, {"exif": exif}],
        "HEIF": [{}, {"mode": "RGBA"}, {"mode": "L", "exif": exif}],
    }
    return [_image(format, **way) for way in ways[format]]  # type: ignore[arg-type]


def _missing() -> dict[str, str]:
    """The formats that cannot be read here, each with what they need."""
    missing = {} if features.check("avif") else {"AVIF": "a Pillow that has it"}
    try:
        import pillow_heif
    except ImportError:
        return {**missing, "HEIF": "pillow-heif"}
    pillow_heif.register_heif_opener(thumbnails=False)  # as ``image_file`` does; it also writes the seeds
    return missing


def no_images() -> Seeds:
    """What only its name makes an image; the first is one after all."""
    programs = [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        b"%PDF-1.7\n",
        b"<svg/>",
        b"P7\nWIDTH 1\n",
    ]
    others = [_image(format) for format in ("ICO", "TGA", "PCX", "SGI", "DDS", "ICNS", "IM", "EPS")]
    return [_image("JPEG"), *others, *programs]


# Folders


class EveryFace:
    """Takes every photograph for a face."""

    def detect(self, image: object) -> list[alignment.Face]:
        """See ``Detector``."""
        return [alignment.Face(np.array([0.0, 0, 111, 111]), alignment.template(112), 1.0)]

    def detect_many(self, images: Sequence[object]) -> list[list[alignment.Face]]:
        """See ``Detector``."""
        return [self.detect(image) for image in images]


@cache
def _small_png() -> bytes:
    return _image("PNG")


def read_tree(file: Path) -> None:
    """Align photographs of these names twice, and read the crops; none may be lost."""
    photographs = file.parent / "photographs"
    photographs.mkdir()
    made = sum(_put(photographs, name) for name in file.read_bytes().split(b"\0"))
    for _ in range(2):
        report = alignment.align_folder(photographs, file.parent / "crops", EveryFace, size=16)
        told = report.aligned + report.already_there + len(report.problems)
        others = sum(not (photographs / other.file).is_dir() for other in report.others)
        hidden = sum(_in_hidden(path) for path in _files(photographs))
        assert told + others + hidden == made, f"{made} files, but {report!r}"
    crops = [path for path in _files(file.parent / "crops") if path.suffix == ".png"]
    assert len(crops) == report.already_there, f"{len(crops)} crops, but {report!r}"
    try:
        data.face_folder(file.parent / "crops")
    except FileNotFoundError:
        assert not any(len(crop.relative_to(file.parent / "crops").parts) == 2 for crop in crops)
    except ValueError as error:  # a folder with nothing but folders in it is nobody's
        if "holds no image (not read: " not in str(error):
            raise


def _put(folder: Path, name: bytes) -> bool:
    """Make a file of that name, where there can be one and is none."""
    path = os.path.join(os.fsencode(folder), name)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.write(_small_png())
    except (OSError, ValueError):
        return False
    return True


def _files(folder: Path) -> list[Path]:
    return [Path(here, name) for here, _, names in os.walk(folder) for name in names]


def _in_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parent.parts[path.parts.index("photographs") + 1 :])


def trees() -> Seeds:
    """Two plain names."""
    return [b"Ada/1.jpg\0Bo/2.png"]


def read_record(file: Path) -> None:
    """What an aligned folder says of itself is damaged: the record of the crops, or the settings."""
    photographs, crops = file.parent / "photographs", file.parent / "crops"
    assert _put(photographs, b"Ada/1.jpg") and _put(photographs, b"Bo/2.jpg")
    alignment.align_folder(photographs, crops, EveryFace, size=16)
    content = file.read_bytes()
    name = "crops.json" if content.lstrip()[:2] != b"S:" else SETTINGS
    (crops / name).write_bytes(content.lstrip().removeprefix(b"S:"))
    alignment.align_folder(photographs, crops, EveryFace, size=16, remove_stale=True)


@cache
def records() -> Seeds:
    """As a run writes them; settings come after the letter S."""
    with tempfile.TemporaryDirectory() as folder:
        photographs, crops = Path(folder, "photographs"), Path(folder, "crops")
        _put(photographs, b"Ada/1.jpg"), _put(photographs, b"Bo/2.jpg")
        alignment.align_folder(photographs, crops, EveryFace, size=16)
        record = (crops / "crops.json").read_bytes()
        away = json.dumps({"../../away.png": [["x", 1, 2]], "/tmp/away.png": ["x", 1, 2]}).encode()
        return [record, b"S:" + (crops / SETTINGS).read_bytes(), record.replace(b"Ada/1.png", b"../away.png"), away]


def read_learner_record(file: Path) -> None:
    """What a learner's folder says of itself."""
    learner_folder.read_record(file)


def learner_records() -> Seeds:
    """As ``face-course lab`` writes it."""
    return [json.dumps({"version": "0.1.0", "files": {"00.ipynb": 64 * "a", "solutions/00.py": 64 * "b"}}).encode()]


def _readers() -> dict[str, Reader]:
    found = {
        "bin": Reader(read_bin, cache(bins), "pairs.bin", mutated),
        "pair-list": Reader(read_list, lists, "pairs.txt", mutated),
        "LFW-list": Reader(read_lfw, lfw_lists, "pairs.txt", mutated),
        "checkpoint": Reader(
            read_checkpoint, cache(checkpoints), "run.ckpt", within_zip, (ValueError, training.NonFiniteError)
        ),
        "safetensors": Reader(read_weights, cache(weights), "network.safetensors", within_header),
        "ONNX": Reader(read_onnx, onnx_files, "network.onnx", mutated),
        "gallery": Reader(read_gallery, cache(galleries), "gallery.sqlite", mutated),
        "folder-tree": Reader(read_tree, trees, "names", odd_names, ()),
        "crop-record": Reader(read_record, records, "record", mutated),
        "learner-record": Reader(read_learner_record, learner_records, "record.json", mutated),
        "no-image": Reader(read_image, cache(no_images), "photograph.jpg", mutated),
    }
    for format in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "MPO", "AVIF", "HEIF"):
        if format not in MISSING:
            make = with_checksums if format == "PNG" else mutated
            found[format] = Reader(read_image, cache(partial(images, format)), "photograph.jpg", make)
    return found


MISSING = _missing()
READERS = _readers()
