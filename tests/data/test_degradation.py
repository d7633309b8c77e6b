from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Generator

from course_lib.alignment import template
from course_lib.data import LADDERS, Blur, Jpeg, LowResolution, Noise, Occlusion, orl_faces


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    return orl_faces().resized(112, 112).images[::80].repeat(1, 3, 1, 1)


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.float() - b.float()).square().mean().sqrt())


@pytest.mark.parametrize("name", LADDERS)
def test_each_step_is_worse_than_the_last(name, faces):
    worse = [difference(step(faces, seeded()), faces) for step in LADDERS[name]]
    assert worse[0] > 0.5 and all(np.diff(worse) > 0) and len({str(step) for step in LADDERS[name]}) == len(worse)


@pytest.mark.parametrize("step", [ladder[2] for ladder in LADDERS.values()], ids=str)
def test_the_images_stay_images_and_the_seed_decides(step, faces):
    before = faces.clone()
    for images in (faces, faces[:, :1], faces[:, :, :, 8:-8]):
        made = step(images, seeded())
        assert made.shape == images.shape and made.dtype == torch.uint8
        assert torch.equal(made, step(images, seeded()))
    assert torch.equal(faces, before), "the images themselves are not touched"


def test_nothing_changes_nothing(faces):
    for nothing in (Blur(0), Noise(0), Occlusion(0), Occlusion(0, "eyes"), LowResolution(112)):
        assert torch.equal(nothing(faces, seeded()), faces)


@pytest.mark.parametrize("sigma", [0.7, 2.0, 5.0])
def test_blur_is_scipys(sigma, faces):
    blurred = Blur(sigma)(faces)[:, 0].numpy()
    expected = [gaussian_filter(face.astype(float), sigma, mode="mirror", truncate=3) for face in faces[:, 0].numpy()]
    assert np.abs(blurred - np.stack(expected)).max() < 2


def test_blur_of_small_images_does_not_fail():
    assert Blur(6)(torch.full((1, 1, 8, 9), 70, dtype=torch.uint8)).unique().tolist() == [70]


def test_low_resolution_leaves_what_fits_into_so_few_pixels(faces):
    stripes = torch.zeros(1, 1, 112, 112, dtype=torch.uint8)
    stripes[:, :, ::2] = 200  # every other row: half the resolution cannot show them
    assert LowResolution(28)(stripes)[:, :, 8:-8].float().std() < 5
    assert LowResolution(28)(faces[:, :, :, 8:-8]).shape[-1] == 96
    once = LowResolution(14)(faces)
    assert difference(LowResolution(14)(once), once) < 0.35 * difference(once, faces)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.35, 0.8, 1.0])
@pytest.mark.parametrize("place", ["random", "eyes", "mouth"])
@pytest.mark.parametrize("size", [(112, 112), (112, 96)])
def test_a_block_covers_its_share(share, place, size):
    white = torch.full((20, 3, *size), 255, dtype=torch.uint8)
    covered = (Occlusion(share, place)(white, seeded()) == 0).float()
    assert torch.equal(covered.amin(1), covered.amax(1)), "all channels alike"
    assert covered.mean((1, 2, 3)).sub(share).abs().max() < 0.03


@pytest.mark.parametrize(("place", "points"), [("eyes", [0, 1]), ("mouth", [3, 4])])
def test_a_block_on_the_eyes_covers_the_eyes(place, points):
    for size in ((112, 112), (112, 96)):
        covered = Occlusion(0.15, place)(torch.full((1, 1, *size), 255, dtype=torch.uint8))[0, 0] == 0
        landmarks = template(size).round().astype(int)
        assert [bool(covered[y, x]) for x, y in landmarks] == [index in points for index in range(5)]
        rows, columns = (covered.any(axis).nonzero().flatten().float().mean() for axis in (1, 0))
        middle = template(size)[points].mean(0)
        assert abs(columns - middle[0]) <= 0.5 and abs(rows - middle[1]) <= 0.5


def test_blocks_lie_anywhere_each_image_its_own():
    white = torch.full((300, 1, 20, 30), 255, dtype=torch.uint8)
    covered = (Occlusion(0.1)(white, seeded()) == 0).float().mean((0, 1))
    assert covered.min() > 0, "also in the corners"
    first = (Occlusion(0.1)(white, seeded()) == 0).flatten(1).float().argmax(1)
    assert len(first.unique()) > 100


def test_noise_has_its_deviation():
    grey = torch.full((4, 3, 64, 64), 128, dtype=torch.uint8)
    noise = Noise(12)(grey, seeded()).float() - 128
    assert abs(noise.std() - 12) < 0.3 and abs(noise.mean()) < 0.3
    assert not torch.equal(Noise(12)(grey, seeded(1)), Noise(12)(grey, seeded(2)))
    assert Noise(200)(grey, seeded()).float().mean() > 100, "clipped, not wrapped round"


@pytest.mark.parametrize("quality", [5, 40])
def test_jpeg_is_opencvs(quality, faces):
    coloured = faces[:1] // torch.tensor([1, 2, 3], dtype=torch.uint8)[:, None, None]
    bgr = coloured[0].permute(1, 2, 0).numpy()[..., ::-1]
    written = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    expected = cv2.imdecode(written, cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    assert np.abs(Jpeg(quality)(coloured)[0].permute(1, 2, 0).numpy() - expected).max() <= 2


@pytest.mark.parametrize(
    ("make", "value"),
    [(Blur, -1), (Blur, float("nan")), (LowResolution, 0), (Occlusion, 1.1), (Noise, -2), (Jpeg, 0), (Jpeg, 101)],
)
def test_a_strength_out_of_range_is_refused(make, value):
    with pytest.raises(ValueError, match="expected"):
        make(value)


def test_what_cannot_be_done_is_refused(faces):
    with pytest.raises(ValueError, match="place 'nose'; expected"):
        Occlusion(0.1, "nose")
    with pytest.raises(ValueError, match="height is 113, but the images have 112 pixels"):
        LowResolution(113)(faces)
    with pytest.raises(ValueError, match="a random place needs a generator"):
        Occlusion(0.1)(faces)
    with pytest.raises(ValueError, match="no template of 112x92"):
        Occlusion(0.1, "eyes")(faces[:, :, :, :92])
