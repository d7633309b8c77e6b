"""Quantisation-aware training: a network that computes, while it is trained, as 8 bits will run it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

RANGES = "ranges"  # the name under which the network holds the ranges of its values meanwhile
MOMENTUM = 0.1  # of those ranges: batch norm's own
aten = torch.ops.aten
RELU6 = (aten.hardtanh.default, aten.hardtanh_.default)
WEIGHTED = (aten.conv2d.default, aten.linear.default)
# What runtimes compute together with the operator before, and what they leave out or only move numbers with.
JOINING = (aten.batch_norm.default, aten.relu.default, aten.relu_.default, *RELU6)
PASSING = (aten.dropout.default, aten.dropout_.default, aten.flatten.using_ints, aten.view.default)


@contextmanager
def quantization_aware(backbone: nn.Module, images: Tensor) -> Iterator[None]:
    """Within it ``backbone`` computes as 8 bits will; at its end it computes in float again, with what it has learned.

    All weights and activations are rounded to 256 levels on their way through the network, and the gradient passes as
    if they were not ("straight through", Jacob et al. 2018, CVPR, section 3). The levels are those of
    ``export.quantize``: a weight, with the batch norm behind it multiplied in, has a scale for each output channel and
    zero in the middle; an activation is unsigned, over the range that its last batches had, which in evaluation mode
    stands still.

    The parameters are the same objects within and after. Within, ``state_dict`` holds the ranges too: a checkpoint
    restores them, and what holds buffers holds them.

    Args:
        backbone: images (N, C, H, W) float -> embeddings (N, D), which ``torch.export`` can follow.
        images: a batch (N, C, H, W) float, normalised, that the ranges begin with.

    Raises:
        ModuleNotFoundError: torchao is not installed.
    """
    before = deepcopy(backbone.state_dict())
    try:
        with _quiet():
            rounded = _Rounded(backbone, images)
    finally:
        backbone.load_state_dict(before)  # batch norm has counted what was only tried out
    backbone.add_module(RANGES, rounded.ranges)
    backbone.forward = rounded.forward
    try:
        yield
    finally:
        del backbone.forward
        delattr(backbone, RANGES)


def exact_precision(precision: str, *, compile: bool = False) -> str:
    """The precision in which rounding to 8 bits is exact; raises ``ValueError`` where another is asked for."""
    if precision not in ("auto", "32-true"):
        raise ValueError(
            f"precision is {precision!r}, but quantize=True needs '32-true': bfloat16 itself has 8 significant bits, "
            "and would round what was rounded"
        )
    if compile:
        raise ValueError("quantize=True cannot be compiled: its ranges are read at every step; leave out compile=True")
    return "32-true"


class _Rounded:
    """The network as a graph whose values are rounded: one graph for training, one for evaluation, one set of ranges.

    Both hold the network's own parameters and buffers. ``forward`` is a method that the network can take for its own;
    a deep copy of the network brings a copy of it along.
    """

    def __init__(self, backbone: nn.Module, images: Tensor) -> None:
        self.backbone = backbone.train()
        example = images[:1].repeat(2, 1, 1, 1)  # the tracer would take a batch of one for a constant
        with torch.no_grad():
            backbone(example)  # its hooks put frozen stages into evaluation mode, and the tracer calls no hooks
        program = torch.export.export(backbone, (example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
        self.in_training = _prepared(program.module(check_guards=False))
        _restore_batch_norms(self.in_training, backbone)
        self.in_evaluation = _for_evaluation(self.in_training)
        added = {name: child for name, child in self.in_training.named_children() if hasattr(child, "enable_observer")}
        self.ranges = nn.ModuleDict(added).to(images.device)
        with torch.no_grad():
            self.forward(images)  # the first ranges

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, C, H, W) float to (N, D); in training mode the ranges of activations follow."""
        for each in self.ranges.values():
            each.enable_observer(self.backbone.training or each.is_per_channel)  # a weight's are always its own
        return (self.in_training if self.backbone.training else self.in_evaluation)(images)


def _prepared(graph: GraphModule) -> GraphModule:
    """The graph, rounding what ``export.quantize`` rounds: the weights, and what each operator hands on."""
    try:
        from torchao.quantization import pt2e
        from torchao.quantization.pt2e.quantize_pt2e import prepare_qat_pt2e
        from torchao.quantization.pt2e.quantizer import QuantizationAnnotation, QuantizationSpec, Quantizer
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is not installed, and quantize=True rounds with it; pip install {error.name}"
        ) from error

    # Not torchao's fused rounding: it raises every scale below 6.1e-5 to that, and folded weights have smaller ones.
    rounding, no_limit = pt2e.FakeQuantize.with_args, 2.0**-60
    weight = {"observer": pt2e.MovingAveragePerChannelMinMaxObserver, "averaging_constant": 1.0, "eps": no_limit}
    value = {"observer": pt2e.MovingAverageMinMaxObserver, "averaging_constant": MOMENTUM, "eps": no_limit}
    weights = QuantizationSpec(torch.int8, rounding(**weight), -127, 127, torch.per_channel_symmetric, ch_axis=0)
    values = QuantizationSpec(torch.uint8, rounding(**value), 0, 255, torch.per_tensor_affine)

    class AsOnnxRuntime(Quantizer):
        def annotate(self, model: GraphModule) -> GraphModule:
            for node in filter(_is_of_floats, model.graph.nodes):
                inputs = {node.args[0]: values, node.args[1]: weights} if node.target in WEIGHTED else {}
                output = None if _is_joined(node) else values
                node.meta["quantization_annotation"] = QuantizationAnnotation(inputs, output, _annotated=True)
            return model

        def validate(self, model: GraphModule) -> None:
            pass

    return prepare_qat_pt2e(graph, AsOnnxRuntime())


def _is_of_floats(node: Node) -> bool:
    value = node.meta.get("val")
    return node.op in ("placeholder", "call_function") and isinstance(value, Tensor) and value.is_floating_point()


def _is_joined(node: Node) -> bool:
    """Whether it computes nothing itself, or only the operator behind it takes its output, before that is rounded."""
    users = [user.target for user in node.users]
    return node.target in PASSING or (len(users) == 1 and users[0] in JOINING)


def _restore_batch_norms(graph: GraphModule, backbone: nn.Module) -> None:
    """Give each batch norm its own mode, momentum and epsilon; torchao writes PyTorch's defaults for all."""
    for node in graph.graph.nodes:
        if node.target is aten.batch_norm.default:
            norm = _owner(backbone, node.args[3])
            node.args = (*node.args[:5], norm.training, norm.momentum, norm.eps, *node.args[8:])
        elif node.target is aten.add.Tensor and str(node.args[0].target).endswith("running_var"):
            node.args = (node.args[0], _owner(backbone, node.args[0]).eps)
    graph.recompile()


def _owner(backbone: nn.Module, buffer: Node) -> nn.Module:
    return backbone.get_submodule(buffer.target.rpartition(".")[0])


def _for_evaluation(training: GraphModule) -> GraphModule:
    """The same graph and tensors in evaluation mode: running statistics, no dropout, no batch counted."""
    graph = GraphModule(training, deepcopy(training.graph))
    for node in list(graph.graph.nodes):
        if node.target is aten.batch_norm.default:
            node.args = (*node.args[:5], False, *node.args[6:])
        elif node.target in (aten.dropout.default, aten.dropout_.default):
            node.args = (*node.args[:2], False)
        elif node.target is aten.add_.Tensor and str(node.args[0].target).endswith("num_batches_tracked"):
            graph.graph.erase_node(node)
    graph.recompile()
    return graph


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torchao says of its extensions for other processors, and the tracer of its own insides."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
