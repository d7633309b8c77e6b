from __future__ import annotations

import pytest
import torch
from counting import multiply_adds, n_parameters

from course_lib.backbones import create


def test_counts():
    network = create("mobilenet_v1")
    assert n_parameters(network) == 3_206_976
    assert multiply_adds(network) == 567_716_352


def test_the_original_at_224_costs_the_same_and_a_classifier_more():
    original = create("mobilenet_v1", input_size=224, stem_stride=2, embedding_dim=1000)
    assert n_parameters(original) == 3_206_976 + 1024 * 1000 + 1000  # the 4.2 million of Howard et al., Table 8
    assert multiply_adds(original) == 567_716_352 + 1024 * 1000  # and their 569 million


def test_the_last_map_of_a_face_is_seven_by_seven():
    network = create("mobilenet_v1", width=0.1).eval()
    assert network.body(network.stem(torch.randn(1, 3, 112, 112))).shape == (1, 102, 7, 7)


@pytest.mark.parametrize("embedding_dim", [None, 16])
def test_embeds_to_the_dimension_it_says(embedding_dim: int | None):
    network = create("mobilenet_v1", width=0.25, embedding_dim=embedding_dim, input_size=(20, 33)).eval()
    assert network.embedding_dim == (embedding_dim or 256)
    assert network(torch.randn(2, 3, 20, 33)).shape == (2, network.embedding_dim)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": float("inf")}, "width is inf"),
        ({"embedding_dim": -3}, "embedding_dim -3"),
        ({"stem_stride": 3}, "stem_stride 3 is not known; expected one of 1, 2"),
        ({"input_size": 31, "stem_stride": 2}, "at least 32 pixels"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("mobilenet_v1", **options)
