from __future__ import annotations

import math

import numpy as np
import pytest
from torch import nn

from course_lib.data import normalise
from course_lib.training import embed
from course_lib.training.embed import MANY


def test_is_the_network_in_evaluation_mode(tiny_net, stripes):
    tiny_net.train()
    found = embed(tiny_net, stripes, batch_size=7)
    assert tiny_net.training, "the mode was not put back"
    expected = tiny_net.eval()(normalise(stripes.images)).detach().numpy()
    assert found.dtype == np.float32 and np.allclose(found, expected, atol=1e-5)


def test_flip_adds_the_mirror(tiny_net, stripes):
    mirrored = embed(tiny_net, stripes.images.flip(-1))
    assert np.allclose(embed(tiny_net, stripes, flip=True), embed(tiny_net, stripes) + mirrored, atol=1e-5)


def test_bad_input_is_refused(tiny_net, stripes):
    with pytest.raises(ValueError, match="no images to embed"):
        embed(tiny_net, stripes.images[:0])
    with pytest.raises(TypeError, match="expected uint8"):
        embed(tiny_net, normalise(stripes.images))
    tiny_net.out.bias.data[0] = math.nan
    with pytest.raises(ValueError, match=r"embedding of image 0 is not finite \(90 in all\)"):
        embed(tiny_net, stripes)


@pytest.mark.parametrize("count", [MANY - 1, MANY, 90])
def test_many_images_have_the_embeddings_of_few(tiny_net, stripes, count):
    """From MANY on a faster copy embeds them."""
    one_by_one = np.concatenate([embed(tiny_net, stripes.images[i : i + 1]) for i in range(count)])
    found = embed(tiny_net, stripes.images[:count])
    assert np.abs(found - one_by_one).max() <= 1e-5 * np.abs(one_by_one).max()


def test_a_network_that_is_trained_on_is_embedded_as_it_is_then(tiny_net, stripes):
    before = embed(tiny_net, stripes)
    tiny_net.out.weight.data.mul_(2)
    tiny_net.out.bias.data.mul_(2)
    assert np.allclose(embed(tiny_net, stripes), 2 * before, rtol=1e-4, atol=1e-5)


def test_a_hook_sees_every_image_once_and_in_order(tiny_net, stripes):
    seen = []
    handle = tiny_net.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    embed(tiny_net, stripes)
    handle.remove()
    assert np.array_equal(np.concatenate(seen), normalise(stripes.images))
    assert [len(batch) for batch in seen] == [16] * 5 + [10]


def test_a_network_without_weights_embeds_too(stripes):
    found = embed(nn.Flatten(), stripes.images[:3])
    assert np.array_equal(found, normalise(stripes.images[:3]).flatten(1))


@pytest.mark.parametrize(
    ("changed", "options", "error", "message"),
    [
        (lambda pixels: pixels.numpy(), {}, TypeError, "images are a ndarray; expected an ImageSet or a uint8 tensor"),
        (
            lambda pixels: pixels[0],
            {},
            ValueError,
            r"shape \(1, 8, 9\); expected \(N, C, H, W\)\. One image is images\[",
        ),
        (lambda pixels: pixels, {"batch_size": 0}, ValueError, "batch_size is 0; expected at least 1, or None"),
        (lambda pixels: pixels, {"batch_size": -1}, ValueError, "batch_size is -1"),
    ],
)
def test_what_is_no_set_of_images_is_refused(tiny_net, stripes, changed, options, error, message):
    with pytest.raises(error, match=message):
        embed(tiny_net, changed(stripes.images), **options)
