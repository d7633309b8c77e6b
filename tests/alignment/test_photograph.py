from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.alignment import UnreadableError, as_rgb, open_photograph
from course_lib.alignment.photograph import MAX_PIXELS


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
        (Image.new("F", (2, 2)), UnreadableError, "floating-point"),
        (None, TypeError, "is a NoneType; expected a path"),
    ],
)
def test_what_is_no_photograph_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        as_rgb(wrong)
