from __future__ import annotations

import pandas as pd
import pytest

from course_lib import backbones, cost


@pytest.fixture(scope="module")
def mobilefacenet() -> cost.Cost:
    return cost.count(backbones.create("mobilefacenet"), (112, 112))


@pytest.mark.slow
def test_bytes_say_what_they_hold(mobilefacenet: cost.Cost) -> None:
    norm_channels = sum(layer.output_shape[1] for layer in mobilefacenet.layers if layer.kind == "batch_norm")
    assert mobilefacenet.buffers == 2 * norm_channels  # running means and variances
    assert mobilefacenet.fp32_bytes == 4 * (1_003_136 + 2 * norm_channels)
    assert mobilefacenet.int8_bytes == 1_003_136
    assert mobilefacenet.folded_fp32_bytes == 4 * 993_344
    assert mobilefacenet.folded_int8_bytes == 993_344


@pytest.mark.slow
def test_layers_add_up_to_the_total(mobilefacenet: cost.Cost) -> None:
    table = pd.DataFrame(mobilefacenet.table())
    summary = mobilefacenet.summary()
    for column in ("parameters", "conv_linear", "thop", "twice"):
        assert table[column].sum() == summary[column]
    assert table["live_bytes"].max() == summary["peak_fp32_bytes"] == 4 * summary["peak_int8_bytes"]
    assert table["kind"].value_counts().to_dict() == {
        "conv2d": 50,
        "batch_norm": 50,
        "prelu": 33,
        "add": 12,
        "input": 1,
    }


@pytest.mark.slow
def test_the_first_rows_are_the_papers_first_rows(mobilefacenet: cost.Cost) -> None:
    image, convolution, norm = mobilefacenet.layers[:3]
    assert (image.kind, image.output_shape, image.live_bytes) == ("input", (1, 3, 112, 112), 4 * 3 * 112**2)
    assert (convolution.name, convolution.output_shape) == ("stem.0.0", (1, 64, 56, 56))
    assert convolution.macs == cost.Macs(64 * 56**2 * 27, 64 * 56**2 * 27)
    assert (norm.macs.conv_linear, norm.macs.thop, norm.macs.twice) == (0, 4 * 64 * 56**2, 0)
    assert (convolution.parameters, convolution.folded_parameters) == (64 * 27, 64 * 27 + 64)
    assert (norm.parameters, norm.folded_parameters) == (128, 0)
    assert norm.activation_bytes == 4 * 64 * 56**2


def test_operations_are_taken_together_by_module(mobilefacenet: cost.Cost) -> None:
    blocks = mobilefacenet.by_module(2)
    names = [layer.name for layer in blocks.layers]
    assert names == ["", "stem.0", "stem.1", *(f"body.{i}" for i in range(15)), "head.0", "head.1", "head.2"]
    assert blocks.summary() == mobilefacenet.summary()
    assert blocks.layers[4].kind == "conv2d, batch_norm, prelu, add"
    assert blocks.layers[4].output_shape == (1, 64, 28, 28)
    assert sum(layer.macs.conv_linear for layer in blocks.layers) == blocks.macs.conv_linear
    inside = [layer for layer in mobilefacenet.layers if layer.name.split(".")[:2] == ["body", "1"]]
    assert blocks.layers[4].live_elements == max(layer.live_elements for layer in inside)
    assert blocks.layers[4].activation_elements == sum(layer.activation_elements for layer in inside)


def test_no_depth_is_refused(mobilefacenet: cost.Cost) -> None:
    with pytest.raises(ValueError, match="depth is 0"):
        mobilefacenet.by_module(0)


def test_it_reads_as_text(mobilefacenet: cost.Cost) -> None:
    assert str(mobilefacenet) == (
        "MobileFaceNet, images 1x3x112x112\n"
        "  parameters        1,003,136; 993,344 with batch norm folded\n"
        "  multiply-adds     220.97M of convolutions and matrix products; 236.55M as thop counts, "
        "441.93M counted twice\n"
        "  weights           4.09 MB fp32, 1.00 MB int8; folded 3.97 MB fp32, 0.99 MB int8\n"
        "  peak activations  3.21 MB fp32, 0.80 MB int8, at body.0.expand.1 (batch_norm)"
    )
