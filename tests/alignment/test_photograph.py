from __future__ import annotations

import io
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from course_lib.alignment import UnreadableError, as_rgb, open_photograph, photograph
from course_lib.alignment.photograph import MAX_PIXELS, grey_levels


@pytest.fixture
def colours() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)


def test_the_same_pixels_from_wherever_they_come(tmp_path, colours):
    Image.fromarray(colours).save(tmp_path / "a.png")
    rgba = np.dstack([colours, np.full((5, 7), 128, np.uint8)])
    sources = [
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        Image.fromarray(colours),
        Image.fromarray(rgba),
        colours,
        rgba,
        colours.astype(np.uint16) * 257,
        torch.from_numpy(colours).permute(2, 0, 1),
        colours[:, ::-1][:, ::-1],
    ]
    for source in sources:
        pixels = as_rgb(source)
        assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous
        np.testing.assert_array_equal(pixels, colours)


def test_grey_becomes_three_equal_channels(colours):
    grey = colours[..., 0]
    for source in (grey, grey[..., None], torch.from_numpy(grey.copy())[None], Image.fromarray(grey)):
        np.testing.assert_array_equal(as_rgb(source), np.dstack([grey] * 3))


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    deep = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert as_rgb(tmp_path / "deep.png")[0, :, 0].tolist() == [0, 1, 128, 255]
    assert open_photograph(tmp_path / "deep.png").mode == "L"


GREY = [[0, 1, 100, 255]]


@pytest.mark.parametrize("suffix", [".tif", ".png", ".pgm"])
@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (np.array(GREY), "int32", [0, 1, 100, 255]),
        (np.array(GREY), "uint16", [0, 1, 100, 255]),
        (np.array(GREY), "float32", [0, 1, 100, 255]),
        (np.array(GREY) * 257, "int32", [0, 1, 100, 255]),
        (np.array(GREY) * 257, "uint16", [0, 1, 100, 255]),
        (np.array(GREY) * 257, "float32", [0, 1, 100, 255]),
        (np.array(GREY) / 255, "float32", [0, 1, 100, 255]),
        (np.array([[0, 0.4, 20.5, 99.6]]), "float32", [0, 0, 20, 100]),
        (np.array([[0, 3, 7]]), "int32", [0, 3, 7]),  # integers have no smaller range: a dark picture
        (np.array([[0, 256, 4096]]), "uint16", [0, 0, 15]),
        (np.zeros((1, 4)), "float32", [0, 0, 0, 0]),
    ],
)
def test_the_range_of_grey_values_is_the_smallest_that_holds_them(tmp_path, suffix, values, kind, expected):
    picture = Image.fromarray(values.astype(kind))
    sources = [picture, values.astype(kind)] if kind == "uint16" else [picture]
    if suffix == ".tif" or kind == "uint16":  # other formats do not hold 32 bits
        picture.save(tmp_path / f"grey{suffix}")
        sources.append(tmp_path / f"grey{suffix}")
    for source in sources:
        assert as_rgb(source)[0, :, 1].tolist() == expected
    big_endian = values.astype(kind).astype(np.dtype(kind).newbyteorder(">"))
    assert grey_levels(big_endian)[0].tolist() == expected


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ([[-1, 100]], "int32", "pixels from -1 to 100; expected 0..255 or 0..65535"),
        ([[0, 65536]], "int32", "pixels from 0 to 65536"),
        ([[0, np.nan]], "float32", "pixels from nan to nan"),
        ([[-np.inf, 1]], "float32", "pixels from -inf to 1"),
        ([[-0.1, 1]], "float32", "pixels from -0.1 to 1"),
        ([[0, 1.02]], "float32", r"brightest pixel is 1.02: too dark for 0\.\.255, too bright for 0\.\.1\."),
        ([[0, 256]], "uint16", r"brightest pixel is 256: too dark for 0\.\.65535, too bright for 0\.\.255\. Scale"),
        ([[0, 4095]], "int32", "brightest pixel is 4095: too dark"),
    ],
)
def test_a_range_that_cannot_be_told_is_refused(tmp_path, values, kind, message):
    picture = Image.fromarray(np.array(values, kind))
    picture.save(tmp_path / "odd.tif")
    with pytest.raises(UnreadableError, match=message):
        as_rgb(picture)
    with pytest.raises(UnreadableError, match=r"odd\.tif: .*" + message):
        as_rgb(tmp_path / "odd.tif")


def test_transparency_has_no_part_in_the_range(colours):
    deep = np.dstack([colours, np.full((5, 7), 65535)]).astype(np.uint16)
    np.testing.assert_array_equal(as_rgb(deep), colours)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"])
def test_every_mode_becomes_rgb(mode):
    pixels = as_rgb(Image.new("L", (3, 2), 255).convert("RGB" if mode in ("HSV", "LAB") else mode))
    assert pixels.shape == (2, 3, 3) and pixels.min() >= 250


def test_cmyk_jpeg_is_not_negative(tmp_path):
    Image.new("CMYK", (8, 8), (0, 0, 0, 0)).save(tmp_path / "white.jpg")
    assert as_rgb(tmp_path / "white.jpg").min() > 250


def test_exif_orientation_turns_files_and_pil_images(tmp_path):
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:, :3] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    for source in (tmp_path / "turned.png", Image.open(tmp_path / "turned.png")):
        upright = as_rgb(source)
        assert upright.shape == (6, 4, 3) and upright[0].min() == 255 and upright[-1].max() == 0


def test_what_is_turned_once_is_not_turned_again(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for form in ("png", "jpg", "webp", "tif"):
        Image.new("RGB", (6, 4)).save(tmp_path / f"turned.{form}", exif=exif)
        assert as_rgb(open_photograph(tmp_path / f"turned.{form}")).shape == (6, 4, 3)


def with_exif(form: str) -> tuple[bytes, bytes]:
    """A picture with the EXIF of a camera, and the EXIF alone."""
    exif = Image.Exif()
    exif.update({0x0112: 1, 0x010F: "Maker", 0x011A: 72.0, 0x0131: "program"})
    exif.get_ifd(0x8769).update({0x9003: "2020:01:01 00:00:00", 0x927C: b"maker" * 5})
    exif.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0)})
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 30, 3), dtype=np.uint8)).save(file, form, exif=exif)
    return file.getvalue(), exif.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
@settings(max_examples=30)
@given(data=st.data())
def test_a_whole_picture_with_damaged_exif_is_a_whole_picture(form, data):
    if form == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    whole, exif = with_exif(form)
    start = whole.find(exif[8:40]) - 8
    assert start > 0
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[start + data.draw(st.integers(0, len(exif) - 1))] = data.draw(st.integers(0, 255))
    if form == "PNG" and data.draw(st.booleans()):  # damaged before or after its checksum was made
        end = start + len(exif)
        damaged[end : end + 4] = zlib.crc32(damaged[start - 4 : end]).to_bytes(4, "big")
    read, expected = as_rgb(open_photograph(bytes(damaged))), as_rgb(open_photograph(whole))
    turned = [np.rot90(flipped, turns) for flipped in (expected, expected[:, ::-1]) for turns in range(4)]
    assert any(np.array_equal(read, one) for one in turned)  # chance may write another orientation


def test_a_large_photograph_is_copied_in_bands(colours, monkeypatch):
    for image in (Image.fromarray(np.tile(colours, (20, 3, 1))), Image.fromarray(np.tile(colours[..., 0], (20, 3)))):
        expected = as_rgb(image)
        monkeypatch.setattr(photograph, "BAND", 50)
        np.testing.assert_array_equal(as_rgb(image), expected)
        np.testing.assert_array_equal(as_rgb(image), np.array(image.convert("RGB")))


@pytest.mark.parametrize(("allowed", "most"), [("1", 1), ("1_000_000", 4)])
def test_photographs_are_decoded_at_once_as_far_as_memory_allows(colours, monkeypatch, allowed, most):
    monkeypatch.setenv("COURSE_DECODING_BYTES", allowed)
    now, seen, lock = [], [], threading.Lock()

    def decode(file, again):
        with lock:
            now.append(file)
            seen.append(len(now))
        time.sleep(0.02)
        with lock:
            now.remove(file)
        return Image.new("RGB", (2, 2))

    monkeypatch.setattr(photograph, "eight_bit", decode)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: as_rgb_of(jpeg(colours)), range(8)))
    assert len(seen) == 8 and (max(seen) == 1 if most == 1 else max(seen) > 1)


def as_rgb_of(content: bytes) -> None:
    with photograph.decoded(content):
        pass


def test_the_home_folder_is_understood(tmp_path, monkeypatch, colours):
    Image.fromarray(colours).save(tmp_path / "a.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    np.testing.assert_array_equal(as_rgb("~/a.png"), colours)


def jpeg(colours: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.tile(colours, (20, 20, 1))).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda c: b"", "is empty; expected an image"),
        (lambda c: b"Dear learner,\nthis is text.", "bad.jpg cannot be read as an image"),
        (lambda c: jpeg(c)[:-200], "bad.jpg cannot be read as an image"),
        (lambda c: jpeg(c)[:30], "bad.jpg cannot be read as an image"),
        (None, "bad.jpg is not a file"),
    ],
)
def test_a_bad_file_is_named(tmp_path, colours, content, message):
    if content:
        (tmp_path / "bad.jpg").write_bytes(content(colours))
    with pytest.raises(UnreadableError, match=message):
        as_rgb(tmp_path / "bad.jpg")


def test_a_bomb_is_refused_before_it_unfolds(tmp_path):
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")  # a few kilobytes
    assert (tmp_path / "bomb.png").stat().st_size < 100_000
    with pytest.raises(UnreadableError, match="bomb.png"):
        as_rgb(tmp_path / "bomb.png")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_many_pixels_are_refused_with_their_number(tmp_path):
    Image.new("1", (10_001, 10_000)).save(tmp_path / "large.png")
    with pytest.raises(UnreadableError, match=f"large.png: 10001x10000 pixels; expected 1 to {MAX_PIXELS:,}"):
        as_rgb(tmp_path / "large.png")


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (np.zeros((4, 4), np.float32), TypeError, "is float32; expected uint8"),
        (torch.zeros(3, 4, 4), TypeError, "is float32; expected uint8"),
        (np.zeros((4, 4, 2), np.uint8), ValueError, r"shape \(4, 4, 2\)"),
        (np.zeros((0, 4), np.uint8), ValueError, r"shape \(0, 4\)"),
        (torch.zeros(4, 4, 3, dtype=torch.uint8), ValueError, r"\(4, 4, 3\); expected \(1 or 3, H, W\)"),
        (None, TypeError, "is a NoneType; expected a path"),
    ],
)
def test_what_is_no_photograph_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        as_rgb(wrong)


def write_deep(path, colours, top, *, transparent):
    """16 bits a channel, of which 0..top is used; OpenCV has blue first."""
    deep = (colours[..., ::-1].astype(int) * top // 255).astype(np.uint16)
    deep = np.dstack([deep, np.full((5, 7), 65535, np.uint16)]) if transparent else deep
    assert cv2.imwrite(str(path), deep, [cv2.IMWRITE_TIFF_COMPRESSION, 1] if "plain" in path.name else [])


@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("name", ["deep.png", "packed.tif", "plain.tif"])
def test_the_range_of_deep_colours_is_told_like_that_of_grey(tmp_path, colours, name, transparent):
    colours[0, 0] = 255
    for top in (255, 65535):
        write_deep(tmp_path / name, colours, top, transparent=transparent)
        np.testing.assert_array_equal(as_rgb(tmp_path / name), colours)
        np.testing.assert_array_equal(as_rgb(open_photograph((tmp_path / name).read_bytes())), colours)
    write_deep(tmp_path / name, colours * 0, 255, transparent=transparent)
    assert as_rgb(tmp_path / name).max() == 0
    write_deep(tmp_path / name, colours, 4095, transparent=transparent)
    with pytest.raises(UnreadableError, match=name + r": the brightest pixel is below 4096: too dark for 0\.\.65535"):
        as_rgb(tmp_path / name)
    write_deep(tmp_path / name, colours, 255, transparent=transparent)
    with pytest.raises(UnreadableError, match=r"below 256: too dark for 0\.\.65535, give its file"):
        as_rgb(Image.open(tmp_path / name))
