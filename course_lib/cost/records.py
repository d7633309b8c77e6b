"""What ``count`` returns: the costs of a network, of each of its operations, and the multiply-adds by rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby

FP32_BYTES = 4


@dataclass(frozen=True)
class Macs:
    """Multiply-adds for one image, by the three rules under which papers print them.

    Attributes:
        conv_linear: one for each multiply-add of convolutions, linear layers and matrix products; attention's products
            of queries, keys and values are in it. Biases, normalisation and activations are not.
        thop: what the tool thop 0.1.1 prints, see ``course_lib.cost.thop``.
        twice: two for each of ``conv_linear``: a multiplication and an addition, as "FLOPs" often mean.
    """

    conv_linear: int
    thop: int

    @property
    def twice(self) -> int:
        """Two operations for each multiply-add."""
        return 2 * self.conv_linear


@dataclass(frozen=True)
class Layer:
    """The cost of one operation of the network, at batch 1. Elements are numbers, of whatever type.

    Attributes:
        name: of the module that runs the operation, as in ``named_modules()``; "" is the network itself.
        kind: the operation, such as ``conv2d``, ``batch_norm`` or ``add``; ``relu_`` writes into its input; ``input``
            is the image.
        output_shape: of its (first) output, with the batch of 1.
        parameters: that it is the first to use.
        folded_parameters: the same after batch norm is folded, see ``Cost``.
        macs: its multiply-adds.
        activation_elements: that its output takes anew; 0 where it writes into its input.
        live_elements: of all activations that must be in memory while it runs.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    folded_parameters: int
    macs: Macs
    activation_elements: int
    live_elements: int

    @property
    def activation_bytes(self) -> int:
        """The new memory of its output, in fp32."""
        return FP32_BYTES * self.activation_elements

    @property
    def live_bytes(self) -> int:
        """The activation memory in use while it runs, in fp32."""
        return FP32_BYTES * self.live_elements


@dataclass(frozen=True)
class Cost:
    """What a network costs in evaluation, for one image.

    Attributes:
        name: the network's class.
        input_shape: (1, C, H, W).
        parameters: of the model, each once, also those that evaluation does not use (``unused_parameters``, such as an
            auxiliary head); running statistics are not parameters.
        folded_parameters: what is left to deploy. Unused parameters go. A batch norm that follows a convolution or a
            linear layer becomes one bias per channel, added to a bias that is there; any other becomes one scale and
            one shift per channel.
        buffers: elements of the floating-point buffers, such as running means and variances.
        macs: of all layers.
        layers: the image and the operations in the order they run. Views of memory that is there already are left out.
    """

    name: str
    input_shape: tuple[int, int, int, int]
    parameters: int
    folded_parameters: int
    buffers: int
    macs: Macs
    layers: tuple[Layer, ...]

    def __repr__(self) -> str:
        macs = f"{self.macs.conv_linear:,} multiply-adds"
        return f"Cost({self.name}: {self.parameters:,} parameters, {macs}, {len(self.layers)} layers)"

    @property
    def unused_parameters(self) -> int:
        """Parameters that no operation of the evaluation uses."""
        return self.parameters - sum(layer.parameters for layer in self.layers)

    @property
    def fp32_bytes(self) -> int:
        """Weights as training stores them: parameters and floating-point buffers, 4 bytes each."""
        return FP32_BYTES * (self.parameters + self.buffers)

    @property
    def int8_bytes(self) -> int:
        """One byte for each parameter, buffers excluded; the scales of a quantised file come on top."""
        return self.parameters

    @property
    def folded_fp32_bytes(self) -> int:
        """Weights to deploy: batch norm folded, no buffers, 4 bytes each."""
        return FP32_BYTES * self.folded_parameters

    @property
    def folded_int8_bytes(self) -> int:
        """Weights to deploy at one byte each; the scales of a quantised file come on top."""
        return self.folded_parameters

    @property
    def peak_layer(self) -> Layer:
        """The (first) layer during which the most activations are in memory."""
        return max(self.layers, key=lambda layer: layer.live_elements)

    @property
    def peak_elements(self) -> int:
        """The most elements of activations that are in memory at once; see ``course_lib.cost.liveness``."""
        return self.peak_layer.live_elements

    @property
    def peak_fp32_bytes(self) -> int:
        """Peak activation memory at 4 bytes for each element."""
        return FP32_BYTES * self.peak_elements

    @property
    def peak_int8_bytes(self) -> int:
        """Peak activation memory at one byte for each element."""
        return self.peak_elements

    def by_module(self, depth: int | None = None) -> Cost:
        """The same cost with fewer rows: neighbouring operations of one module are taken together.

        Args:
            depth: how many parts of a module's name count: 2 takes all of ``body.3.expand.0`` to ``body.3``. None takes
                all parts: one row for each call of an innermost module.

        A row then has the output of its last operation, the most live elements of any, and the sum of all else.
        """
        if depth is not None and depth < 1:
            raise ValueError(f"depth is {depth}; expected the number of parts of a module's name, from 1, or None")
        runs = groupby(self.layers, key=lambda layer: (layer.kind == "input", ".".join(layer.name.split(".")[:depth])))
        return replace(self, layers=tuple(_together(name, list(run)) for (_, name), run in runs))

    def table(self) -> list[dict[str, object]]:
        """One dictionary for each layer, ready for ``pandas.DataFrame``; bytes are fp32."""
        return [
            {
                "name": layer.name,
                "kind": layer.kind,
                "output_shape": layer.output_shape,
                "parameters": layer.parameters,
                "conv_linear": layer.macs.conv_linear,
                "thop": layer.macs.thop,
                "twice": layer.macs.twice,
                "activation_bytes": layer.activation_bytes,
                "live_bytes": layer.live_bytes,
            }
            for layer in self.layers
        ]

    def summary(self) -> dict[str, object]:
        """The totals as one row, to set several networks side by side."""
        return {
            "name": self.name,
            "input_shape": self.input_shape,
            "parameters": self.parameters,
            "folded_parameters": self.folded_parameters,
            "conv_linear": self.macs.conv_linear,
            "thop": self.macs.thop,
            "twice": self.macs.twice,
            "fp32_bytes": self.fp32_bytes,
            "int8_bytes": self.int8_bytes,
            "folded_fp32_bytes": self.folded_fp32_bytes,
            "folded_int8_bytes": self.folded_int8_bytes,
            "peak_fp32_bytes": self.peak_fp32_bytes,
            "peak_int8_bytes": self.peak_int8_bytes,
        }

    def __str__(self) -> str:
        peak = self.peak_layer
        shape = "x".join(str(side) for side in self.input_shape)
        unused = f", {self.unused_parameters:,} unused in evaluation" if self.unused_parameters else ""
        return "\n".join(
            (
                f"{self.name}, images {shape}",
                f"  parameters        {self.parameters:,}{unused}; {self.folded_parameters:,} with batch norm folded",
                f"  multiply-adds     {_millions(self.macs.conv_linear)} of convolutions and matrix products; "
                f"{_millions(self.macs.thop)} as thop counts, {_millions(self.macs.twice)} counted twice",
                f"  weights           {_megabytes(self.fp32_bytes)} fp32, {_megabytes(self.int8_bytes)} int8; folded "
                f"{_megabytes(self.folded_fp32_bytes)} fp32, {_megabytes(self.folded_int8_bytes)} int8",
                f"  peak activations  {_megabytes(self.peak_fp32_bytes)} fp32, {_megabytes(self.peak_int8_bytes)} int8,"
                f" at {peak.name or self.name} ({peak.kind})",
            )
        )


def _together(name: str, layers: list[Layer]) -> Layer:
    return Layer(
        name=name,
        kind=", ".join(dict.fromkeys(layer.kind for layer in layers)),
        output_shape=layers[-1].output_shape,
        parameters=sum(layer.parameters for layer in layers),
        folded_parameters=sum(layer.folded_parameters for layer in layers),
        macs=Macs(sum(layer.macs.conv_linear for layer in layers), sum(layer.macs.thop for layer in layers)),
        activation_elements=sum(layer.activation_elements for layer in layers),
        live_elements=max(layer.live_elements for layer in layers),
    )


def _millions(number: int) -> str:
    return f"{number / 1e6:,.2f}M"


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.2f} MB"
