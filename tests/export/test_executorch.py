"""Files for ExecuTorch: written, run as ExecuTorch itself runs them, and refused where they are no embedders."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from shallow import FEWEST
from torch import Tensor, nn

from course_lib import backbones, data, export
from course_lib.training import fingerprint

pytestmark = pytest.mark.slow  # the first use of ExecuTorch takes half a minute

needs_executorch = pytest.mark.skipif(find_spec("executorch") is None, reason="the extra executorch is not installed")


@pytest.fixture(scope="module")
def small(small) -> Callable[[str], nn.Module]:
    """With as few layers as there can be: lowering one takes a second."""
    return lambda name: small(name, FEWEST)


@pytest.fixture(scope="module")
def files(small, photographs, tmp_path_factory) -> dict[str, Path]:
    pytest.importorskip("executorch")
    folder, faces = tmp_path_factory.mktemp("executorch"), data.normalise(photographs[:64]).numpy()
    return {
        "relu": export.to_executorch(small("mobilefacenet_relu"), faces, folder / "deep" / "relu.pte"),
        "prelu": export.to_executorch(small("mobilefacenet"), faces, folder / "prelu.pte"),
        "fp32": export.to_executorch(small("mobilefacenet_relu"), None, folder / "fp32.pte"),
    }


@needs_executorch
@pytest.mark.parametrize(("file", "name"), [("relu", "mobilefacenet_relu"), ("prelu", "mobilefacenet")])
def test_the_file_shrinks_and_the_embeddings_stay(small, files, agreement, file, name):
    # Seen: 0.96 and 0.94; with the quantizer's own least scale for weights 0, as the last layer's are all below it.
    assert agreement(small(name), files[file]) > 0.9
    assert files[file].stat().st_size < 0.5 * files["fp32"].stat().st_size
    assert not list(files[file].parent.glob("*.unfinished"))


@needs_executorch
def test_in_32_bits_the_embeddings_are_pytorchs(small, files, photographs):
    with torch.no_grad():
        expected = small("mobilefacenet_relu")(data.normalise(photographs[:3])).numpy()
    np.testing.assert_allclose(export.Runtime(files["fp32"]).embed(photographs[:3]), expected, atol=1e-5)


@needs_executorch
@pytest.mark.parametrize("file", ["relu", "prelu", "fp32"])
def test_all_of_it_runs_in_xnnpack(files, file):
    """No operation, such as a PReLU, is left to the slow kernels that take over what XNNPACK cannot do."""
    from executorch.exir._serialize._program import deserialize_pte_binary

    (plan,) = deserialize_pte_binary(files[file].read_bytes()).program.execution_plan
    assert [delegate.id for delegate in plan.delegates] == ["XnnpackBackend"] and not plan.operators


@needs_executorch
def test_the_runtime_is_executorch_on_one_thread(files, photographs):
    network = export.Runtime(files["relu"], threads=2)
    assert repr(network) == "Runtime(relu.pte: 3x48x48)" and network.batch_size == 1
    assert network.peak_activation_bytes() is None and network.arena_bytes() is None
    found = network.embed(photographs[:3], flip=True)
    from executorch.extension.pybindings import portable_lib
    from executorch.runtime import Runtime

    method = Runtime.get().load_program(files["relu"]).load_method("forward")
    for image, embedding in zip(data.normalise(photographs[:3]), found, strict=True):
        both = [method.execute([pixels[None].contiguous()])[0][0].clone() for pixels in (image, image.flip(-1))]
        np.testing.assert_allclose(embedding, (both[0] + both[1]).numpy(), rtol=1e-6)
    assert portable_lib._threadpool_get_thread_count() == 1


@needs_executorch
def test_writing_and_loading_say_nothing_and_leave_the_network_alone(tmp_path, photographs, capfd, recwarn):
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    network.in_channels, network.input_size = 3, (48, 48)
    before = fingerprint(network)
    export.Runtime(export.to_executorch(network, data.normalise(photographs[:16]).numpy(), tmp_path / "a.pte"))
    assert capfd.readouterr() == ("", "") and not recwarn.list
    assert fingerprint(network) == before


class Mean(nn.Module):
    """The mean colour as the embedding; or else twice, or not at all."""

    def __init__(self, give: Callable[[Tensor], object] = lambda mean: mean) -> None:
        super().__init__()
        self.give = give

    def forward(self, images: Tensor) -> object:
        return self.give(images.mean((2, 3)))


def program(path: Path, network: nn.Module, shape: tuple[int, ...], dtype=torch.float32, free=False) -> Path:
    from executorch.exir import to_edge

    axes = ({0: torch.export.Dim("batch", min=1, max=8)},) if free else None
    exported = torch.export.export(network, (torch.zeros(shape, dtype=dtype),), dynamic_shapes=axes)
    path.write_bytes(to_edge(exported).to_executorch().buffer)
    return path


@needs_executorch
@pytest.mark.parametrize("free", [True, False])
def test_any_program_that_takes_a_face_is_run(photographs, tmp_path, free):
    network = export.Runtime(program(tmp_path / "mean.pte", Mean(), (2 if free else 1, 3, 48, 48), free=free))
    expected = data.normalise(photographs[:3]).mean((2, 3)).numpy()
    np.testing.assert_allclose(network.embed(photographs[:3]), expected, rtol=1e-4, atol=1e-6)


@needs_executorch
@pytest.mark.parametrize(
    ("network", "shape", "message"),
    [
        (Mean(), (1, 4, 8, 8), r"x\.pte takes input 0: float32 \[1, 4, 8, 8\]; expected one float input"),
        (Mean(), (2, 3, 8, 8), r"x\.pte does not run with one face .*expected a batch of 1, fixed or free"),
        (Mean(lambda mean: (mean, mean)), (1, 3, 8, 8), r"is no embedder: it gives output 0: .*, output 1: "),
        (Mean(lambda mean: mean[..., None, None].expand(1, 3, 2, 2) + 0), (1, 3, 8, 8), r"is no embedder"),
        (Mean(lambda mean: mean.sum()), (1, 3, 8, 8), r"is no embedder"),
        (Mean(lambda mean: mean > 0), (1, 3, 8, 8), r"is no embedder: it gives output 0: type 11"),
    ],
)
def test_a_program_that_is_no_embedder_is_refused(tmp_path, network, shape, message):
    with pytest.raises(ValueError, match=message):
        export.Runtime(program(tmp_path / "x.pte", network, shape))


@needs_executorch
def test_a_damaged_file_is_refused(files, tmp_path):
    whole = files["relu"].read_bytes()
    for content in (b"", b"no model", b"\1" * 1000, whole[: len(whole) // 2], whole[:-1], whole[4000:]):
        (tmp_path / "cut.pte").write_bytes(content)
        with pytest.raises(ValueError, match=r"cut\.pte is no ExecuTorch file that runs here"):
            export.Runtime(tmp_path / "cut.pte")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((40, 3, 32, 32), np.float32), r"float32 \(40, 3, 32, 32\); expected float32 \(N, \[3, 48, 48\]\)"),
        (np.zeros((4, 3, 48, 48), np.float32), "there are 4 calibration images"),
        (np.zeros((40, 3, 48, 48), np.float32), "are all the same"),
    ],
)
def test_calibration_that_tells_nothing_is_refused(small, tmp_path, images, message):
    with pytest.raises(ValueError, match=message):
        export.to_executorch(small("mobilefacenet_relu"), images, tmp_path / "a.pte")
    assert not list(tmp_path.iterdir())


def test_what_is_missing_or_in_training_is_named(tmp_path, monkeypatch):
    network = backbones.create("mobilefacenet_relu", width=0.25, input_size=32)
    with pytest.raises(ValueError, match=r"in training mode; call model\.eval\(\) first"):
        export.to_executorch(network, None, tmp_path / "a.pte")
    for name in [name for name in sys.modules if name.split(".")[0] == "executorch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "executorch", None)
    with pytest.raises(
        ModuleNotFoundError, match=r'executorch.* are written with it; pip.* "face-course\[executorch\]"'
    ):
        export.to_executorch(network.eval(), None, tmp_path / "a.pte")
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.pte").write_bytes(b"")
    with pytest.raises(ModuleNotFoundError, match=r'and a\.pte is run by it; pip install "face-course\[executorch\]"'):
        export.Runtime(tmp_path / "a.pte")
