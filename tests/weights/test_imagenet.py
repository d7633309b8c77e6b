"""ImageNet's weights: the files of the real ones, photographs they must name, and files that are something else."""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor, nn
from torch.nn.functional import linear
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import center_crop, resize

from course_lib.backbones import create
from course_lib.data import normalise
from course_lib.losses import Softmax
from course_lib.paths import data_folder
from course_lib.weights.imagenet import EFFICIENTNET, MOBILENET, SOURCES, imagenet


def photographs() -> dict[str, tuple[np.ndarray, set[int]]]:
    """RGB pictures that scikit-image and scikit-learn carry, and ImageNet's numbers of what each shows."""
    return {
        "three kinds of cat": (skimage.data.chelsea(), {281, 282, 285}),
        "espresso": (skimage.data.coffee(), {967}),
        "a tripod": (np.repeat(skimage.data.camera()[..., None], 3, axis=2), {872}),
        "moped or motor scooter": (skimage.data.stereo_motorcycle()[0], {665, 670}),
        "a palace": (load_sample_image("china.jpg"), {698}),
    }


@pytest.fixture(scope="module", params=SOURCES)
def real(request: pytest.FixtureRequest) -> tuple[dict[str, Tensor], nn.Module, Softmax]:
    """The real file's tensors, and what is made of them."""
    source = SOURCES[request.param]
    if not (data_folder() / source.file).is_file():
        pytest.skip(f"ImageNet's weights are not there: python data_scripts/{source.script}")
    return torch.load(data_folder() / source.file, weights_only=True), *imagenet(request.param)


@pytest.mark.slow
@pytest.mark.parametrize("shown", photographs())
def test_photographs_are_named(real, shown):
    _, backbone, classifier = real
    photograph, numbers = photographs()[shown]
    image = torch.from_numpy(photograph.copy()).permute(2, 0, 1)
    image = center_crop(resize(image, [256], InterpolationMode.BICUBIC, antialias=True), [224, 224])
    with torch.no_grad():
        logits = linear(backbone(normalise(image[None])), classifier.weight, classifier.bias)
    assert int(logits.argmax()) in numbers


def assert_all_but_the_stem_are(stored: dict[str, Tensor], backbone: nn.Module, classifier: Softmax) -> None:
    """In the order of the data, which both have; the stem's weight and mean were changed to take other pixels."""
    ours = [*backbone.state_dict().items(), *classifier.state_dict().items()]
    pairs = zip(ours, stored.values(), strict=True)
    other = [name for (name, tensor), theirs in pairs if not torch.equal(tensor, theirs)]
    assert set(other) <= {"stem.0.weight", "stem.1.running_mean"}


def test_every_tensor_of_the_real_file_is_in_its_place(real):
    stored, backbone, classifier = real
    assert_all_but_the_stem_are(stored, backbone, classifier)
    assert not backbone.training and backbone.embedding_dim == 1280


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    """torchvision's network with random weights and statistics."""
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    network = mobilenet_v2().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network


@pytest.fixture
def save(tmp_path, monkeypatch) -> Callable[..., Path]:
    """Puts an object where a network's weights belong: MobileNetV2's, if not said."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    (tmp_path / MOBILENET).parent.mkdir()

    def save(content: object, file: str = MOBILENET) -> Path:
        torch.save(content, tmp_path / file)
        return tmp_path / file

    return save


def test_mobilenet_is_torchvisions_for_pixels_that_normalise_gave(theirs, save):
    save(theirs.state_dict())
    backbone, classifier = imagenet("mobilenet_v2", input_size=(64, 32))
    assert_all_but_the_stem_are(theirs.state_dict(), backbone, classifier)
    assert backbone.input_size == (64, 32) and classifier.weight.shape == (1000, 1280)
    pixels = torch.randint(256, (2, 3, 64, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]
    with torch.no_grad():
        expected = theirs.features[0]((pixels / 255 - mean) / std)
        found = backbone.stem(normalise(pixels))
    assert expected.std() > 0.1
    # Row and column 0 see the padding.
    torch.testing.assert_close(found[:, :, 1:, 1:], expected[:, :, 1:, 1:], atol=1e-4, rtol=0)


def test_padding_is_the_only_difference(theirs, save):
    save(theirs.state_dict())
    backbone, _ = imagenet("mobilenet_v2", input_size=32)
    theirs = copy.deepcopy(theirs)
    theirs.features[0][0].padding = (0, 0)  # it is given what ours pads with: grey 127.5, a zero for normalise
    pixels = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]
    padded = ((0.5 - mean) / std).expand(2, 3, 34, 34).clone()
    padded[:, :, 1:33, 1:33] = (pixels / 255 - mean) / std
    with torch.no_grad():
        expected = theirs.features(padded).mean((2, 3))
        found = backbone(normalise(pixels))
    torch.testing.assert_close(found, expected, atol=1e-4 * float(expected.abs().max()), rtol=1e-3)


def efficientnet_pytorch_names() -> list[str]:
    """As the file has them, in its order: the blocks' layers, then the head; the first block expands nothing."""
    statistics = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")

    def unit(convolution: str, norm: str) -> list[str]:
        return [f"{convolution}.weight", *(f"{norm}.{tensor}" for tensor in statistics)]

    names = unit("_conv_stem", "_bn0")
    for block in range(16):
        inside = unit("_expand_conv", "_bn0") if block else []
        inside += unit("_depthwise_conv", "_bn1") + unit("_project_conv", "_bn2")
        names += [f"_blocks.{block}.{name}" for name in inside]
    return [*names, *unit("_conv_head", "_bn1"), "_fc.weight", "_fc.bias"]


def test_efficientnet_is_of_the_file_for_pixels_that_normalise_gave(save):
    torch.manual_seed(0)
    shapes = [*create("efficientnet_lite0").state_dict().values(), torch.empty(1000, 1280), torch.empty(1000)]
    stored = [torch.rand_like(tensor) if tensor.is_floating_point() else tensor for tensor in shapes]
    names = efficientnet_pytorch_names()
    assert len(names) == 296
    state = dict(zip(names, stored, strict=True))
    save(state, EFFICIENTNET)
    backbone, classifier = imagenet("efficientnet_lite0", input_size=(64, 32))
    assert_all_but_the_stem_are(state, backbone, classifier)
    plain = copy.deepcopy(backbone.stem)
    plain[0].weight.data, plain[1].running_mean.data = state["_conv_stem.weight"], state["_bn0.running_mean"]
    pixels = torch.randint(256, (2, 3, 64, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, expected = backbone.stem(normalise(pixels)), plain((pixels.float() - 127) / 128)
    assert expected.std() > 0.1
    # The last row and column see the padding, which TensorFlow puts there.
    torch.testing.assert_close(found[:, :, :-1, :-1], expected[:, :, :-1, :-1], atol=1e-4, rtol=0)


def without(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: without(state, "classifier.1.bias"),
            r"its classifier\.1\.bias is missing; expected one of shape \(1000,\)",
        ),
        (
            lambda state: without(state, "features.4.conv.1.1.running_var"),
            r"its features\.4\.conv\.1\.1\.running_var is missing; expected one of shape \(144,\)",
        ),
        (
            lambda state: {**state, "features.19.weight": torch.zeros(2, 3)},
            r"its features\.19\.weight is of shape \(2, 3\); expected no tensor of that name",
        ),
        (
            lambda state: {**state, "classifier.1.weight": torch.zeros(10, 1280)},
            r"its classifier\.1\.weight is of shape \(10, 1280\); expected one of shape \(1000, 1280\)",
        ),
        (lambda state: {"epoch": 3, "state": state}, "holds other things than tensors"),
        (lambda state: [*state.values()], "holds other things than tensors"),
    ],
)
def test_another_networks_file_is_refused(theirs, save, change, message: str):
    path = save(change(theirs.state_dict()))
    with pytest.raises(ValueError, match=message) as raised:
        imagenet("mobilenet_v2")
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"<html>quota exceeded</html>", None], ids=["empty", "page", "cut"])
def test_a_damaged_file_is_refused(theirs, save, content: bytes | None):
    path = save(theirs.state_dict())
    path.write_bytes(path.read_bytes()[:1_000_000] if content is None else content)
    with pytest.raises(ValueError, match=r"mobilenet_v2-b0353104\.pth holds no weights of PyTorch"):
        imagenet("mobilenet_v2")


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_code_in_a_file_is_not_executed(save, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save({"features.0.0.weight": Evil()})
    with pytest.raises(ValueError, match=r"holds no weights of PyTorch \(it asks for getattr\); delete") as caught:
        imagenet("mobilenet_v2")
    assert not Path("executed").exists()
    assert "weights_only" not in str(caught.value)


def test_compressed_records_are_refused_before_they_are_read(theirs, save):
    path = save(theirs.state_dict())
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=r"holds no weights of PyTorch \(its record \S+ is compressed\)"):
        imagenet("mobilenet_v2")


def test_a_file_of_an_old_pytorch_is_read(theirs, save):
    path = save({})
    torch.save(theirs.state_dict(), path, _use_new_zipfile_serialization=False)
    assert_all_but_the_stem_are(theirs.state_dict(), *imagenet("mobilenet_v2", input_size=32))


def test_what_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    for name, message in {
        "mobilenet_v2": r"b0353104\.pth is not there; .*python data_scripts/get_mobilenet_v2\.py",
        "efficientnet_lite0": r"57934424\.pth is not there; .*python data_scripts/get_efficientnet_lite0\.py",
    }.items():
        with pytest.raises(FileNotFoundError, match=message):
            imagenet(name)
    with pytest.raises(ValueError, match="'vgg'; expected one of efficientnet_lite0, mobilenet_v2"):
        imagenet("vgg")


def test_a_size_too_small_for_the_network_is_refused(save):
    save({}, EFFICIENTNET)
    with pytest.raises(ValueError, match="at least 32 pixels"):
        imagenet("efficientnet_lite0", input_size=16)
