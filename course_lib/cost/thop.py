"""The rule of thop 0.1.1, by which many tables of face networks are printed: it hooks modules and knows their classes.

Its number for a layer with input x and output y:

- convolution, linear: the multiply-adds, without bias;
- batch, instance and layer norm: 2 for each element, 4 when it has a scale and a shift;
- PReLU: 1 for each element; other activations nothing;
- average pooling: 1 for each element of y; adaptive average pooling: 1 + size of its window for each element of y;
- softmax: 3n - 1 for each row of n.

Nothing else costs anything: calls of ``torch.nn.functional``, additions, attention (``nn.MultiheadAttention`` with its
linear layers), locally connected layers. A subclass counts here as the class it extends, which thop itself does not
see. Of thop's recurrent and upsampling layers there is no rule here.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor, nn


def _convolution(module: nn.Module, x: Tensor, y: Tensor) -> int:
    return y.numel() * (x.shape[1] // module.groups) * math.prod(module.kernel_size)


def _linear(module: nn.Linear, x: Tensor, y: Tensor) -> int:
    return y.numel() * module.in_features


def _norm(module: nn.Module, x: Tensor, y: Tensor) -> int:
    affine = getattr(module, "affine", False) or getattr(module, "elementwise_affine", False)
    return (4 if affine else 2) * x.numel()


def _each_output(module: nn.Module, x: Tensor, y: Tensor) -> int:
    return y.numel()


def _adaptive_pooling(module: nn.Module, x: Tensor, y: Tensor) -> int:
    window = math.prod(x.shape[2:]) / math.prod(y.shape[2:])
    return int((window + 1) * y.numel())


def _softmax(module: nn.Softmax, x: Tensor, y: Tensor) -> int:
    features = x.shape[module.dim]
    return x.numel() // features * (3 * features - 1)


_OPERATIONS: dict[type[nn.Module], Callable[..., int]] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), _convolution),
    **dict.fromkeys((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), _convolution),
    nn.Linear: _linear,
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, nn.LayerNorm), _norm),
    **dict.fromkeys((nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), _norm),
    nn.PReLU: _each_output,
    **dict.fromkeys((nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d), _each_output),
    **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d), _adaptive_pooling),
    nn.Softmax: _softmax,
}


def known_to_thop(module: nn.Module) -> bool:
    """Whether thop counts anything for the class of a module."""
    return any(kind in _OPERATIONS for kind in type(module).__mro__)


def thop_operations(module: nn.Module, x: Tensor, y: Tensor) -> int:
    """What thop counts for a call of a module it knows, which turns x into y."""
    formula = next(_OPERATIONS[kind] for kind in type(module).__mro__ if kind in _OPERATIONS)
    return formula(module, x, y)
