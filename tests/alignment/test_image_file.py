"""Pillow opens what is safe to decode, in one place; what is not read is said by what it is."""

from __future__ import annotations

import io
import os
import re
import struct
import sys
import tracemalloc
import types
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, features

from course_lib.alignment import UnreadableError, as_rgb, open_photograph
from course_lib.alignment import image_file as module

ROOT = Path(__file__).resolve().parents[2]
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


def written(form: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(file, form, **options)
    return file.getvalue()


def test_pillow_opens_images_in_one_place() -> None:
    folders = ("course_lib", "data_scripts", "tools", "benchmarks", "notebooks/text")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    opening = re.compile(r"\b\w*Image\.open\(")
    found = [file.relative_to(ROOT).as_posix() for file in files if opening.search(file.read_text(encoding="utf-8"))]
    assert found == ["course_lib/alignment/image_file.py"]


def test_a_png_takes_no_memory_for_bytes_that_it_only_announces(tmp_path: Path) -> None:
    """Its last chunk of pixels says that it has 2 GiB of them; what is there is whole."""
    png, file = written("PNG"), tmp_path / "x.png"
    at = png.index(b"IDAT")
    file.write_bytes(png[: at - 4] + struct.pack(">I", 2**31 - 1) + png[at:])
    whole = np.asarray(open_photograph(png))  # before memory is counted: it loads Pillow's plugins
    tracemalloc.start()
    try:
        pixels = np.asarray(open_photograph(file))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(pixels, whole)
    assert peak < 2_000_000


@pytest.mark.parametrize("form", ["JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".dat"])
def test_formats_are_told_by_the_bytes_whatever_the_name(form: str, suffix: str, tmp_path: Path) -> None:
    if form == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    (tmp_path / f"x{suffix}").write_bytes(written(form))
    for source in (tmp_path / f"x{suffix}", str(tmp_path / f"x{suffix}"), written(form)):
        photograph = open_photograph(source)
        assert photograph.size == (40, 30) and photograph.mode == "RGB"


def test_of_an_animation_the_first_picture_is_read() -> None:
    frames = [Image.new("RGB", (8, 8), (grey,) * 3) for grey in (10, 200)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert np.asarray(open_photograph(file.getvalue())).max() <= 11


def test_a_postscript_program_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a Ghostscript that tells whether it was called; Pillow alone calls it, whatever the file's name."""
    called = tmp_path / "called"
    for name in ("gs", "gswin32c.bat", "gswin64c.bat", "gs.bat"):
        program = f"@echo > {called}\n" if name.endswith("bat") else f"#!/bin/sh\necho > {called}\n"
        (tmp_path / name).write_text(program)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for variable in ("gs_binary", "gs_windows_binary"):
        monkeypatch.setattr(EpsImagePlugin, variable, None)
    (tmp_path / "face.jpg").write_bytes(written("EPS"))
    for read in (open_photograph, as_rgb):
        with pytest.raises(
            UnreadableError, match=r"face\.jpg .* is a PostScript program, .*; export it as PNG or JPEG"
        ):
            read(tmp_path / "face.jpg")
    assert not called.exists()
    if os.name == "posix":
        with pytest.raises(Exception), Image.open(tmp_path / "face.jpg") as file:  # noqa: B017
            file.load()
        assert called.exists(), "it was a real attack"


def test_a_heic_photograph_names_the_package_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "IMG_0001.HEIC").write_bytes(HEIC)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(UnreadableError, match=r"IMG_0001\.HEIC is a HEIC photograph; pip install pillow-heif") as error:
        open_photograph(tmp_path / "IMG_0001.HEIC")
    assert "delete" not in str(error.value).lower()


def test_a_heic_photograph_is_read_where_the_package_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for the package, which registers a plugin as it does."""
    asked = []

    def register(**options: object) -> None:
        asked.append(options)
        monkeypatch.setitem(Image.OPEN, "HEIF", (lambda file, name: Image.new("RGB", (5, 4), 7), None))

    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setitem(sys.modules, "pillow_heif", types.SimpleNamespace(register_heif_opener=register))
    for _ in range(2):
        assert open_photograph(HEIC).size == (5, 4)
    assert asked == [{"thumbnails": False}], "once"


def test_a_real_heic_photograph_is_read() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener(thumbnails=False)
    assert open_photograph(written("HEIF")).size == (40, 30)


def test_an_avif_image_that_this_pillow_cannot_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.features, "check", lambda name: False)
    with pytest.raises(UnreadableError, match="an AVIF image, which this Pillow cannot read; pip install --upgrade"):
        open_photograph(b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf")


def test_a_raw_file_is_not_taken_for_its_preview() -> None:
    tags = {254: 1}  # DNG and NEF begin with a reduced copy
    with pytest.raises(UnreadableError, match="is a camera's raw file, of which only a small preview"):
        open_photograph(written("TIFF", tiffinfo=tags))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_a_picture_that_is_cut_off_is_damaged_and_no_healthy_one_is(form: str) -> None:
    content = written(form)
    with pytest.raises(UnreadableError, match=f"a damaged or incomplete {form}.*; fetch or copy it again".lower()) as e:
        try:
            open_photograph(content[: len(content) // 2])
        except UnreadableError as error:
            raise UnreadableError(str(error).lower()) from error
    assert "0x" not in str(e.value), "no address, which differs from run to run"


def test_what_cannot_be_opened_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="cannot be opened: |is not a file"):
        open_photograph(tmp_path / ("n" * 300 + ".jpg"))
    with pytest.raises(UnreadableError, match="is not a file"):
        open_photograph(tmp_path / "nul\0.jpg")
    with pytest.raises(UnreadableError, match=f"^{re.escape(str(tmp_path))} is not a file; expected an image$"):
        open_photograph(tmp_path)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(UnreadableError, match=f"^{re.escape(str(tmp_path / 'empty.jpg'))} is empty; expected an image"):
        open_photograph(tmp_path / "empty.jpg")
    with pytest.raises(UnreadableError, match="^the file is empty"):
        open_photograph(b"")
    if os.name == "posix" and os.geteuid() != 0:
        (tmp_path / "secret.jpg").write_bytes(written("JPEG"))
        (tmp_path / "secret.jpg").chmod(0)
        with pytest.raises(UnreadableError, match=r"secret\.jpg cannot be opened: Permission denied"):
            open_photograph(tmp_path / "secret.jpg")


def test_memory_that_does_not_suffice_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(image: Image.Image, again: object) -> None:
        raise MemoryError

    monkeypatch.setattr("course_lib.alignment.photograph.eight_bit", too_much)
    with pytest.raises(UnreadableError, match="needs more memory than there is"):
        open_photograph(written("PNG"))


def announcing(width: int, height: int) -> bytes:
    """A PNG file that says how large it is, and holds no pixel."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)), (b"IDAT", b""), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("width", "height"), [(70_000, 1), (1, 70_000), (100_000_000, 1), (11_000, 10_000), (2**31 - 1, 2**31 - 1)]
)
def test_sides_and_pixels_are_bounded(width: int, height: int) -> None:
    message = (
        r"pixels; expected 1 to 100,000,000 pixels and sides of at most 65,535\. .* variables COURSE_MAX_PIXELS and "
        "COURSE_MAX_SIDE"
    )
    with pytest.raises(UnreadableError, match=message):
        open_photograph(announcing(width, height))


@pytest.mark.parametrize("kind", [Path, bytes])
def test_passes_over_the_pixels_of_a_jpeg_are_bounded(
    kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, one_more = written("JPEG", progressive=True), b"\xff\xda\0\x08\x01\x01\0\x01\x3f\x00\0\0"

    def opened(more: int) -> Image.Image:
        content = plain[:-2] + more * one_more + plain[-2:]
        (tmp_path / "x.jpg").write_bytes(content)
        return open_photograph(content if kind is bytes else tmp_path / "x.jpg")

    assert opened(90).size == (40, 30)
    with pytest.raises(
        UnreadableError, match="is a JPEG with 101 passes over its pixels; expected at most 100"
    ) as error:
        opened(91)
    assert ("x.jpg" in str(error.value)) == (kind is Path) and "variable COURSE_MAX_PASSES" in str(error.value)
    monkeypatch.setenv("COURSE_MAX_PASSES", "101")
    assert opened(91).size == (40, 30)


def test_how_many_pixels_there_are_is_said_as_pillow_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, pixels in (("Image size (8123456 pixels) exceeds", "8,123,456"), ("too large", "0")):

        def refuse(*_: object, said: str = said) -> None:
            raise Image.DecompressionBombError(said)

        monkeypatch.setattr(module, "_opened", refuse)
        with pytest.raises(UnreadableError, match=f"^the file: {pixels} pixels; expected 1 to"):
            open_photograph(b"any")


def test_longer_sides_can_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.new("1", (70_000, 1)).save(file, "PNG")
    monkeypatch.setenv("COURSE_MAX_SIDE", "70000")
    assert open_photograph(file.getvalue()).size == (70_000, 1)


def test_more_pixels_can_be_allowed_than_pillow_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.MonkeyPatch.context() as lower:
        lower.setenv("COURSE_MAX_PIXELS", "1000")
        with pytest.raises(UnreadableError, match="40x30 pixels; expected 1 to 1,000 pixels"):
            open_photograph(written("PNG"))
    assert open_photograph(written("PNG")).size == (40, 30)


def test_large_images_are_taken_in_pieces_that_the_system_gets_back() -> None:
    open_photograph(written("PNG"))
    assert Image.core.get_block_size() >= module.BLOCK > 32 * 2**20


def test_deep_colours_are_told_before_they_are_decoded() -> None:
    pixels = np.array([[[1, 2, 3], [65535, 0, 255]]], np.uint16)
    for form in (".png", ".tif"):
        content = cv2.imencode(form, pixels[..., ::-1])[1].tobytes()
        assert module.has_deep_colours(module.open_image(content, "deep"))
        lower = module.decode_lower_bytes(module.open_image(content, "deep"))
        assert np.asarray(lower).tolist() == [[[1, 2, 3], [255, 0, 255]]]
    for flat in (Image.new("I;16", (2, 2)), Image.new("RGB", (2, 2)), Image.new("1", (2, 2))):
        assert not module.has_deep_colours(module.open_image(saved(flat), "flat"))


def saved(image: Image.Image) -> bytes:
    image.save(buffer := io.BytesIO(), "PNG")
    return buffer.getvalue()


def test_dark_grey_of_16_bits_with_transparency_is_refused() -> None:
    header, rows = struct.pack(">IIBBBBB", 1, 1, 16, 4, 0, 0, 0), zlib.compress(b"\0\0\x64\xff\xff")
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    png = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    with pytest.raises(UnreadableError, match="16 bits a pixel, of which only the lower 8 are used; save it with 8"):
        open_photograph(b"\x89PNG\r\n\x1a\n" + png)
