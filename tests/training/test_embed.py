from __future__ import annotations

import math

import numpy as np
import pytest

from course_lib.data import normalise
from course_lib.training import embed


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
