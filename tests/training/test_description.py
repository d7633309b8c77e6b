"""What a checkpoint says of its run: the same words for the same settings, and a difference that can be read."""

from __future__ import annotations

import functools
import hashlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.data import ImageSet, RandomFlip
from course_lib.losses import Softmax
from course_lib.training import Batches, EarlyStopping
from course_lib.training.description import describe, difference, of_images, of_optimizer, of_parts, of_schedule, plain


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


class Silent:
    """Without words of its own."""

    def __init__(self, **held: object) -> None:
        vars(self).update(held)


class Telling:
    """With an address in its words, as many have."""

    def __repr__(self) -> str:
        return "Telling(<function f at 0x7F00aB>, 2)"

    def method(self, x: int = 3) -> int:
        return x


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2.5, 2.5),
        ("words", "words"),
        ({1: (2, [3])}, {"1": [2, [3]]}),
        ({3, 1, 2}, ["1", "2", "3"]),
        (frozenset("ba"), ["a", "b"]),
        (np.arange(8), [*range(8)]),
        (torch.tensor([0.5, 2.0], dtype=torch.bfloat16), [0.5, 2.0]),
        (np.arange(9, dtype=np.int16), f"9 int16 {digest(np.arange(9, dtype=np.int16).tobytes())}"),
        (torch.ones(3, 4).T, f"4x3 float32 {digest(np.ones((4, 3), np.float32).tobytes())}"),
        (np.array([None, "a"]), [None, "a"]),
        (Silent, "<class 'test_description.Silent'>"),
        (len, "<built-in function len>"),
        (Telling(), "Telling(<function f>, 2)"),
        (Silent(b=[1], a=Silent()), {"type": "Silent", "a": {"type": "Silent"}, "b": [1]}),
        (
            functools.partial(len, 1, x=2),
            {"function": "<built-in function len>", "arguments": [1], "options": {"x": 2}},
        ),
    ],
)
def test_values_are_told_in_plain_words(value, expected) -> None:
    assert plain(value) == expected


def test_a_network_is_told_by_its_words_and_its_tensors() -> None:
    layer = nn.Sequential(nn.Linear(2, 1, bias=False))
    told = plain(layer)
    words = "Sequential( (0): Linear(in_features=2, out_features=1, bias=False) )"
    assert told == {"type": "Sequential", "words": words, "tensors": {"0.weight": layer[0].weight.tolist()}}


def test_what_lies_deeper_is_told_by_its_type() -> None:
    assert plain([[[1]]], depth=2) == [["list"]] and plain([Silent()], depth=1) == ["Silent"]
    assert plain({"a": np.ones(1)}, depth=1) == {"a": "ndarray"} and plain([1], depth=1) == [1]
    nested: list = []
    for _ in range(20):
        nested = [nested]
    assert str(plain(nested)).count("[") == 8 and "list" in str(plain(nested))


def scale(by: float, *, start: int = 0):
    def scaled(x: float, more: float = 1.0, *, less: int = 2) -> float:
        return by * x + start

    return scaled


def test_a_function_is_told_by_its_code_and_what_it_holds() -> None:
    told = plain(scale(2.0))
    assert told == plain(scale(2.0)) and told["function"] == "test_description.scale.<locals>.scaled"
    assert told["holds"] == {"by": 2.0, "start": 0} and told["defaults"] == [[1.0], {"less": 2}]
    assert plain(scale(3.0))["holds"] != told["holds"] and plain(scale(3.0))["code"] == told["code"]
    assert plain(lambda x: x + 1)["code"] != plain(lambda x: x + 2)["code"]  # another constant
    assert plain(lambda x: x.sum())["code"] != plain(lambda x: x.min())["code"]  # another name
    assert plain(lambda x: x + 1)["code"] != plain(lambda x: x - 1)["code"]  # another operation
    assert plain(lambda: [lambda: 1])["code"] != plain(lambda: [lambda: 2])["code"]  # in a function within
    assert plain(lambda: [lambda: 1])["code"] == plain(lambda: [lambda: 1])["code"]
    one, other, more = (eval(f"lambda x: x in {{{members}}}") for members in ("'a', 'b'", "'b', 'a'", "'a', 'c'"))
    assert plain(one)["code"] == plain(other)["code"] != plain(more)["code"]


def test_a_method_is_told_with_its_object_and_an_empty_cell_is_nothing() -> None:
    told = plain(Telling().method)
    assert told["of"] == "Telling(<function f>, 2)" and told["function"]["defaults"] == [[3], None]

    def outer():
        def inner():
            return later

        told = plain(inner)
        later = 1
        return told, plain(inner), later

    before, after, _ = outer()
    assert before["holds"] == {"later": None} and after["holds"] == {"later": 1}


@pytest.mark.parametrize(
    ("there", "here", "told"),
    [
        (1, 2, "its key is 1, here it is 2"),
        ({"a": 1}, 2, "its key is {'a': 1}, here it is 2"),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, "its key has b = 2, here it is 3"),
        ({"a": 1}, {"a": 1, "b": 3}, "its key has b = not there, here it is 3"),
        ({"a": 1, "b": 2}, {"a": 1}, "its key has b = 2, here it is not there"),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 5}}, "its key, a has y = 2, here it is 5"),
        ({"a": {"x": 1}}, {"a": {"z": 1}}, "its key has a = {'x': 1}, here it is {'z': 1}"),
        ({"a": {"x": 1}, "b": 1}, {"a": {"x": 1}, "b": 2}, "its key has b = 1, here it is 2"),
        ({"a": {"x": 1}}, {"a": 5}, "its key has a = {'x': 1}, here it is 5"),
        ({"a": 5}, {"a": {"x": 1}}, "its key has a = 5, here it is {'x': 1}"),
    ],
)
def test_a_difference_is_told_where_it_lies(there, here, told) -> None:
    assert difference("key", there, here) == told


def test_an_optimizer_is_told_with_its_groups() -> None:
    layer = nn.Linear(2, 1)
    optimizer = torch.optim.SGD([{"params": [layer.weight], "lr": 0.5}, {"params": [layer.bias]}], lr=0.1, momentum=0.9)
    told = of_optimizer(optimizer)
    assert set(told) == {"type", "defaults", "group 0", "group 1"} and told["type"] == "SGD"
    assert told["defaults"]["lr"] == 0.1 and told["defaults"]["momentum"] == 0.9
    assert [told[f"group {i}"]["lr"] for i in (0, 1)] == [0.5, 0.1]
    assert [told[f"group {i}"]["tensors"] for i in (0, 1)] == [1, 1] and "params" not in told["group 0"]


def test_a_schedule_is_told_with_its_parts_and_functions() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    by_function = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    told = of_schedule(by_function)
    assert told["type"] == "LambdaLR" and told["functions"] == [plain(by_function.lr_lambdas[0])]
    steps = torch.optim.lr_scheduler.StepLR(optimizer, 7)
    told = of_schedule(torch.optim.lr_scheduler.SequentialLR(optimizer, [by_function, steps], [3]))
    assert told["type"] == "SequentialLR" and "functions" not in told and "_schedulers" not in told
    assert told["part 1"]["type"] == "LambdaLR" and told["part 2"]["step_size"] == 7 and "part 3" not in told
    assert of_schedule(None) is None


@pytest.mark.parametrize(("count", "step"), [(5, 1), (256, 1), (511, 1), (512, 2), (1300, 5)])
def test_images_are_told_by_all_pixels_of_some_and_the_sum_of_all(count: int, step: int) -> None:
    pixels = (torch.arange(count * 6) % 251).to(torch.uint8).reshape(count, 1, 2, 3)
    images = ImageSet(pixels, torch.arange(count) % 2, ("a", "b"), "a test")
    assert of_images(Batches(images, 4)) == {
        "number": count,
        "shape": "1x2x3",
        "classes": 2,
        "names": digest(b"a\nb"),
        "labels": digest((np.arange(count) % 2).tobytes()),
        "pixels": f"{digest(pixels[::step].numpy().tobytes())}, sum {int(pixels.numpy().astype(int).sum())}",
    }


def test_a_run_is_told_by_all_that_decides_its_weights() -> None:
    backbone, criterion = nn.Linear(6, 3), Softmax(3, 2, seed=0)
    optimizer = torch.optim.SGD([*backbone.parameters(), *criterion.parameters()], lr=0.1)
    run = SimpleNamespace(backbone=backbone, criterion=criterion, optimizer=optimizer, schedule=None)
    run.early_stopping = EarlyStopping("loss", patience=2)
    images = ImageSet(torch.zeros(3, 1, 2, 3, dtype=torch.uint8), torch.tensor([0, 1, 1]), ("a", "b"), "a test")
    batches = Batches(images, 2, RandomFlip(), seed=9)
    assert describe(run, batches, "32-true") == {
        "precision": "32-true",
        "backbone": {"weight": "(3, 6)", "bias": "(3,)"},
        "criterion": repr(criterion),
        "optimizer": of_optimizer(optimizer),
        "schedule": None,
        "early stopping": repr(run.early_stopping),
        "batch size": 2,
        "augmentation": plain(batches.augment),
        "seed": 9,
        "images": of_images(batches),
        "parts of the backbone": {"whole": {"type": "Linear", "in_features": 6, "out_features": 3}},
        "parts of the criterion": of_parts(criterion),
    }


class Scaled(nn.Module):
    """With settings that it does not tell in its words, and other things."""

    def __init__(self, scale: float, act=torch.relu) -> None:
        super().__init__()
        self.scale, self.act, self.steps = scale, act, (1, [2, "x"], None)
        self.inner = nn.Dropout(0.5)
        self.seen, self.others = torch.ones(1), [nn.Linear(1, 1)]
        self._hidden = 3


def test_parts_are_told_by_type_and_settings() -> None:
    relu = "<built-in method relu of type object>"
    assert of_parts(Scaled(2.0)) == {
        "whole": {"type": "Scaled", "act": relu, "scale": 2.0, "steps": [1, [2, "x"], None]},
        "inner": {"type": "Dropout", "inplace": False, "p": 0.5},
    }
    assert of_parts(Scaled(2.0, torch.tanh)) != of_parts(Scaled(2.0))
    assert of_parts(nn.Sequential(nn.Tanh())) != of_parts(nn.Sequential(nn.ReLU()))


def test_parts_are_those_of_the_network_within_its_wrappers() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    told = of_parts(net)
    assert told == of_parts(torch.compile(net, backend="eager")) == of_parts(nn.DataParallel(net))
    compiled = nn.Sequential(torch.compile(net[0], backend="eager"), net[1])
    assert told == of_parts(compiled)


def test_a_long_setting_is_told_by_a_digest() -> None:
    told = of_parts(Scaled([*range(10_000)]))["whole"]["scale"]
    assert len(told) == 16 and told != of_parts(Scaled([*range(9_999)]))["whole"]["scale"]
