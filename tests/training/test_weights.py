from __future__ import annotations

import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.backbones import create
from course_lib.training import load_weights, save_weights


def test_weights_come_back_the_same(tmp_path):
    network = create("mobilefacenet", width=0.25, input_size=32).to(memory_format=torch.channels_last)
    save_weights(network, tmp_path / "weights/network.safetensors")
    other = create("mobilefacenet", width=0.25, input_size=32)
    load_weights(other, tmp_path / "weights/network.safetensors")
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in network.state_dict().items())


def test_the_home_folder_may_be_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    net, other = nn.Linear(3, 4), nn.Linear(3, 4)
    save_weights(net, "~/w.safetensors")
    load_weights(other, "~/w.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"] and torch.equal(other.weight, net.weight)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"w\.safetensors is not there; expected a file written by save_weights"
    ):
        load_weights(nn.Linear(3, 4), tmp_path / "w.safetensors")


def test_other_weights_are_refused(tmp_path):
    path = tmp_path / "network.safetensors"
    save_weights(create("mobilefacenet", width=0.25, input_size=32), path)
    with pytest.raises(
        ValueError, match=r"holds another network: its network has stem\.0\.0\.weight = \(16, 3, 3, 3\)"
    ):
        load_weights(create("mobilefacenet", width=0.5, input_size=32), path)


@pytest.mark.parametrize("content", [b"", b"junk" * 100, pickle.dumps({"a": 1})])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "network.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"network\.safetensors is no safetensors file"):
        load_weights(create("lenet_plus_plus", width=0.1), path)


@pytest.mark.parametrize("new", [True, False], ids=["archive", "before archives"])
def test_a_file_of_torch_save_is_told_with_what_to_do(tmp_path, new):
    torch.save(nn.Linear(3, 4).state_dict(), tmp_path / "w.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(ValueError, match=r"w\.pth is no safetensors file, but one of torch\.save.*load_state_dict"):
        load_weights(nn.Linear(3, 4), tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weight: (100 * weight).to(torch.int8), r"its weight is torch\.int8; expected torch\.float32"),
        (lambda weight: weight * float("nan"), "its weight is not finite"),
        (lambda weight: weight.index_fill(0, torch.tensor(1), float("inf")), "its weight is not finite"),
    ],
)
def test_numbers_that_are_no_weights_are_refused(tmp_path, change, message):
    net = nn.Linear(3, 4)
    before = net.weight.clone()
    save_file({"weight": change(net.weight.detach()), "bias": net.bias.detach()}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=message):
        load_weights(net, tmp_path / "w.safetensors")
    assert torch.equal(net.weight, before)
    save_file({"weight": before.detach().half(), "bias": net.bias.detach().double()}, tmp_path / "w.safetensors")
    load_weights(net, tmp_path / "w.safetensors")
    assert net.weight.dtype == torch.float32 and torch.equal(net.weight, before.half().float())


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda net: torch.compile(net, backend="eager"),
        nn.DataParallel,
        lambda net: torch.compile(nn.DataParallel(net), backend="eager"),
        lambda net: nn.Sequential(torch.compile(net[0], backend="eager"), *net[1:]),
    ],
    ids=["compiled", "parallel", "both", "a part compiled"],
)
def test_wrappers_leave_no_trace_in_the_names(wrapped, tmp_path):
    torch.manual_seed(0)
    net, other = (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)) for _ in range(2))
    save_weights(wrapped(net), tmp_path / "wrapped.safetensors")
    assert load_file(tmp_path / "wrapped.safetensors").keys() == net.state_dict().keys()
    load_weights(other, tmp_path / "wrapped.safetensors")
    assert torch.equal(other[0].weight, net[0].weight)
    load_weights(wrapped(other), tmp_path / "wrapped.safetensors")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_weights_with_a_wrappers_prefix_are_read(prefix, tmp_path):
    net = nn.Linear(3, 4)
    save_file({prefix + name: tensor for name, tensor in net.state_dict().items()}, tmp_path / "w.safetensors")
    other = nn.Linear(3, 4)
    load_weights(other, tmp_path / "w.safetensors")
    assert torch.equal(other.weight, net.weight)


def test_a_part_that_is_called_module_keeps_its_name(tmp_path):
    net = nn.ModuleDict({"module": nn.ModuleDict({"a": nn.Linear(2, 2)}), "a": nn.Linear(2, 2)})
    save_weights(net, tmp_path / "w.safetensors")
    assert load_file(tmp_path / "w.safetensors").keys() == net.state_dict().keys()
    load_weights(net, tmp_path / "w.safetensors")
