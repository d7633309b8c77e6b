"""What every backbone promises, whatever its family; on the small options that its entry names."""

from __future__ import annotations

import functools
import inspect
from pathlib import Path

import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from course_lib import backbones, export
from course_lib.export.embedder_file import taken_by

NAMES = backbones.available()
every_backbone = pytest.mark.parametrize("name", NAMES)
one_name_per_class = list({backbones._NETWORKS[name].network: name for name in NAMES}.values())
takes_input_size = [name for name in NAMES if "input_size" in backbones._NETWORKS[name].defaults()]


def small(name: str, **options: object) -> nn.Module:
    return backbones.create(name, seed=0, **{**backbones._NETWORKS[name].small, **options})


@functools.cache
def trained_a_little(name: str) -> nn.Module:
    """In evaluation mode, with one batch's statistics, so that the images' embeddings differ. Not to be changed."""
    network = small(name).train()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # all of the batch, not a tenth of it
    with torch.no_grad():
        network(images_for(network, 4))
    return network.eval().requires_grad_(False)


def images_for(network: nn.Module, n: int) -> Tensor:
    generator = torch.Generator().manual_seed(n)
    return torch.rand(n, network.in_channels, *network.input_size, generator=generator) * 2 - 1


def assert_same(found: Tensor, expected: Tensor, tolerance: float = 1e-4) -> None:
    """Equal to within a part of the largest number; networks without training amplify rounding."""
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=tolerance * float(expected.abs().max()))


@pytest.mark.slow
@every_backbone
def test_embeddings_have_the_dimension_and_do_not_depend_on_the_batch(name: str):
    network = trained_a_little(name)
    images = images_for(network, 3)
    embeddings = network(images)
    assert embeddings.shape == (3, network.embedding_dim)
    assert embeddings.dtype == torch.float32
    assert not torch.allclose(embeddings[0], embeddings[1], rtol=1e-3)
    alone = torch.cat([network(image[None]) for image in images])
    assert_same(alone, embeddings)


@pytest.mark.slow
@every_backbone
def test_gradients_reach_every_parameter(name: str):
    network = small(name).train()
    embeddings = network(images_for(network, 4))
    generator = torch.Generator().manual_seed(0)
    (embeddings * torch.randn(embeddings.shape, generator=generator)).sum().backward()
    untouched = [
        key
        for key, parameter in network.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    ]
    assert untouched == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in one_name_per_class])
def test_exports_for_any_batch_size(name: str):
    """As the export to ONNX, the next test, begins."""
    network = trained_a_little(name)
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(network, (images_for(network, 2),), dynamic_shapes=({0: batch},))
    images = images_for(network, 3)
    assert_same(exported.module()(images), network(images))


@pytest.mark.slow
@pytest.mark.parametrize("name", one_name_per_class)
def test_exports_to_onnx(name: str, tmp_path: Path):
    network = trained_a_little(name)
    path = export.to_onnx(network, tmp_path / "network.onnx")
    assert taken_by(path) == [network.in_channels, *network.input_size]  # no batch norm is left after a convolution
    images = images_for(network, 3)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": images.numpy()})
    assert_same(torch.from_numpy(found), network(images), 1e-3)


@pytest.mark.slow
@every_backbone
def test_runs_channels_last_and_in_bfloat16(name: str):
    network = small(name).eval().requires_grad_(False)
    images = images_for(network, 2)
    expected = network(images)
    network.to(memory_format=torch.channels_last)
    images = images.contiguous(memory_format=torch.channels_last)
    assert_same(network(images), expected)
    with torch.autocast("cpu", torch.bfloat16):
        assert_same(network(images), expected, 0.05)
    embeddings = network.bfloat16()(images.bfloat16())
    assert embeddings.dtype == torch.bfloat16
    assert_same(embeddings, expected, 0.05)


@pytest.mark.slow
@every_backbone
def test_trains_in_bfloat16_and_channels_last(name: str):
    network = small(name).train().to(memory_format=torch.channels_last)
    images = images_for(network, 4).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        embeddings = network(images)
    embeddings.float().square().mean().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


@pytest.mark.slow
@every_backbone
def test_weights_survive_safetensors(name: str, tmp_path: Path):
    network = trained_a_little(name)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    other = small(name).eval()
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"), strict=True)
    images = images_for(network, 2)
    with torch.no_grad():
        assert torch.equal(other(images), network(images))


@pytest.mark.slow
@every_backbone
def test_the_seed_decides_the_weights(name: str):
    def weights(seed: int) -> list[Tensor]:
        options = backbones._NETWORKS[name].small
        return list(backbones.create(name, seed=seed, **options).state_dict().values())

    first = weights(1)
    assert all(torch.equal(*pair) for pair in zip(first, weights(1), strict=True))
    assert not all(torch.equal(*pair) for pair in zip(first, weights(2), strict=True))


@every_backbone
def test_nothing_is_torchscript(name: str):
    network = trained_a_little(name)
    assert not any(isinstance(module, torch.jit.ScriptModule) for module in network.modules())
    assert "torch.jit" not in inspect.getsource(inspect.getmodule(type(network)))


@every_backbone
def test_images_of_another_shape_or_type_are_refused(name: str):
    network = trained_a_little(name)
    height, width = network.input_size
    for shape in ((2, network.in_channels + 1, height, width), (2, network.in_channels, height, width + 1)):
        with pytest.raises(ValueError, match=rf"expects \(N, {network.in_channels}, {height}, {width}\)"):
            network(torch.zeros(shape))
    with pytest.raises(TypeError, match="torch.uint8; expected floats"):
        network(torch.zeros(2, network.in_channels, height, width, dtype=torch.uint8))


@every_backbone
def test_unknown_options_are_refused_by_name(name: str):
    with pytest.raises(TypeError, match=f"backbone '{name}' has no option wdith; its options are .*"):
        backbones.create(name, wdith=0.5)


@pytest.mark.parametrize("name", takes_input_size)
@pytest.mark.parametrize("size", [0, -112, (4, 4), (112,), (3, 112, 112), (112, 0)])
def test_senseless_input_sizes_are_refused_by_name(name: str, size):
    with pytest.raises(ValueError, match="input_size"):
        backbones.create(name, input_size=size)


@every_backbone
def test_senseless_dimensions_are_refused_by_name(name: str):
    for option in {"embedding_dim", "feature_dim", "in_channels"} & set(backbones._NETWORKS[name].defaults()):
        with pytest.raises(ValueError, match=f"{option}.* 0"):
            backbones.create(name, **{option: 0})


@every_backbone
def test_takes_grey_images_where_it_has_the_option(name: str):
    if "in_channels" not in backbones._NETWORKS[name].defaults():
        pytest.skip("the number of channels is fixed")
    network = small(name, in_channels=1).eval()
    with torch.no_grad():
        assert network(images_for(network, 2)).shape == (2, network.embedding_dim)


@every_backbone
def test_the_description_is_complete(name: str):
    description = backbones.describe(name)
    assert description.name == name
    for text in (description.title, description.paper.title, description.paper.authors):
        assert text and text == text.strip()
    assert len(description.table_row) > 20 and description.differs
    assert all(side > 0 for side in description.input_size)
    assert f"{description.parameters:,} parameters" in str(description)
    assert all(f"{option}=" in str(description) for option in description.options)


def test_no_two_networks_have_the_same_title():
    assert len({backbones.describe(name).title for name in NAMES}) == len(NAMES)
