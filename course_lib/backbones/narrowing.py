"""A narrow MobileFaceNet that starts from a wide one: each layer fitted by least squares, with no gradient step."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import unfold

from course_lib.backbones.blocks import ConvUnit, InvertedBottleneck
from course_lib.backbones.mobilefacenet import MobileFaceNet

# Of the mean variance of the inputs. Channels that are always zero have no solution without it; and where there are
# hardly more rows than inputs, as in the last layer, an exact solution is exact for these images only.
RIDGE, RIDGE_PER_INPUT = 1e-4, 1e-2
POSITIONS = 100_000  # of a map, over all images, are enough to fit a kernel of nine


@torch.no_grad()
def narrow(wide: MobileFaceNet, slim: MobileFaceNet, images: Tensor, targets: Tensor) -> None:
    """Set all weights of ``slim`` so that on ``images`` it computes nearly what ``wide`` does.

    Layer by layer, from the image to the embedding, each convolution of ``slim`` is fitted by ridge regression: its
    inputs are what the layers of ``slim`` before it, already fitted, make of the images; its targets are what ``wide``
    has there. So each layer also mends what the ones before it got wrong, and the activations may differ: PReLU there,
    ReLU here. What ``wide`` has more of is reduced in two ways:

    - inside a bottleneck, the channels that contribute most to its output are kept;
    - between bottlenecks, where the shortcuts run and nothing is bent, the directions of largest variance are kept:
      principal components of the maps, not channels.

    Batch norm's statistics are those of the images, so that training can go on from there. Source: the regression is
    that of channel pruning (He, Zhang and Sun 2017, section 3.1); the rotation is that of SliceGPT (Ashkboos et al.
    2024, section 3), which works here because the shortcuts are linear.

    Args:
        wide: the network to start from, head ``"full"``.
        slim: of the same table, of any smaller width; changed in place and put into evaluation mode.
        images: (N, C, H, W) float, some hundreds, at the size of both networks.
        targets: (N, D) float, the embeddings that ``slim`` is to end with; D is its ``embedding_dim``.

    Raises:
        ValueError: the two networks have other tables, ``slim`` is the wider one, or targets and images do not fit.
    """
    _check(wide, slim, images, targets)
    wide.eval()
    slim.eval()
    theirs, ours = _narrow_stem(wide, slim, images)
    basis = torch.empty(0)
    for index, (broad, block) in enumerate(zip(wide.body, slim.body, strict=True)):
        if not block.has_shortcut:  # a new row of the table: the maps between its bottlenecks have one basis
            basis = _principal_directions(wide.body[index:], theirs, block.project[0].out_channels)
        theirs, ours = _narrow_bottleneck(broad, block, theirs, ours, basis)
    expand, pool, embed = wide.head[:3], slim.head[:3], slim.head[2]
    ours = _fit_pointwise(pool[0], ours, _before_activation(expand[0], theirs))
    ours = _fit_depthwise(pool[1], ours, _before_activation(expand[1], expand[0](theirs)))
    _fit_pointwise(embed, ours, targets[:, :, None, None])


def _narrow_stem(wide: MobileFaceNet, slim: MobileFaceNet, images: Tensor) -> tuple[Tensor, Tensor]:
    """Keep the stem's channels that the first bottleneck uses most; returns what both networks make of it."""
    first, second = wide.stem
    middle = first(images)
    theirs = second(middle)
    kept = _strongest(theirs, wide.body[0].expand[0], slim.stem[0][0].out_channels)
    scale = first[1].weight / (first[1].running_var + first[1].eps).sqrt()
    bias = first[1].bias - scale * first[1].running_mean
    slim.stem[0][0].weight.copy_((scale[:, None, None, None] * first[0].weight)[kept])
    ours = _settle(slim.stem[0], images, bias[kept])
    return theirs, _fit_depthwise(slim.stem[1], ours, _before_activation(second, middle)[:, kept])


def _narrow_bottleneck(
    wide: InvertedBottleneck, slim: InvertedBottleneck, theirs: Tensor, ours: Tensor, basis: Tensor
) -> tuple[Tensor, Tensor]:
    """Fit the three convolutions of ``slim`` one after the other; returns what both bottlenecks make of their maps."""
    hidden = wide.expand(theirs)
    filtered = wide.depthwise(hidden)
    kept = _strongest(filtered, wide.project[0], slim.expand[0].out_channels)
    inner = _fit_pointwise(slim.expand, ours, _before_activation(wide.expand, theirs)[:, kept])
    inner = _fit_depthwise(slim.depthwise, inner, _before_activation(wide.depthwise, hidden)[:, kept])
    theirs = wide.project(filtered) + (theirs if wide.has_shortcut else 0)
    wanted = torch.einsum("nchw,cd->ndhw", theirs, basis)
    if slim.has_shortcut:
        return theirs, ours + _fit_pointwise(slim.project, inner, wanted - ours)
    return theirs, _fit_pointwise(slim.project, inner, wanted)


def _principal_directions(blocks: nn.Sequential, maps: Tensor, count: int) -> Tensor:
    """(C, count): the first block's and its followers' outputs vary most along these, up to the next row's first."""
    covariance: Tensor | float = 0.0
    for index, block in enumerate(blocks):
        if index > 0 and not block.has_shortcut:
            break
        maps = block(maps)
        covariance = covariance + torch.cov(_rows(maps).T)
    return torch.linalg.eigh(covariance).eigenvectors.flip(1)[:, :count]


def _strongest(maps: Tensor, following: nn.Conv2d, count: int) -> Tensor:
    """The channels whose spread, times the weight that the next 1x1 convolution gives them, is largest; in order."""
    strength = maps.std((0, 2, 3)) * following.weight[:, :, 0, 0].norm(dim=0)
    return strength.argsort(descending=True)[:count].sort().values


def _fit_pointwise(unit: ConvUnit, inputs: Tensor, targets: Tensor) -> Tensor:
    """Fit a 1x1 convolution to ``targets``, which stand before the activation; returns the unit's output."""
    weight, bias = _ridge(_rows(inputs), _rows(targets))
    unit[0].weight.copy_(weight[:, :, None, None])
    return _settle(unit, inputs, bias)


def _fit_depthwise(unit: ConvUnit, inputs: Tensor, targets: Tensor) -> Tensor:
    """The same for a depthwise convolution: one small regression a channel."""
    convolution = unit[0]
    positions = targets.shape[2] * targets.shape[3]
    some = min(len(inputs), max(1, POSITIONS // positions)) if positions > 1 else len(inputs)
    biases = []
    for channel in range(inputs.shape[1]):
        one = inputs[:some, channel : channel + 1]
        patches = unfold(one, convolution.kernel_size, padding=convolution.padding, stride=convolution.stride)
        weight, bias = _ridge(patches.mT.flatten(0, 1), targets[:some, channel].reshape(-1, 1))
        convolution.weight[channel, 0] = weight.reshape(convolution.kernel_size)
        biases.append(bias)
    return _settle(unit, inputs, torch.cat(biases))


def _ridge(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(M, P), (M, Q) -> weight (Q, P), bias (Q,) of the least squares with a constant."""
    middle, goal = inputs.mean(0), targets.mean(0)
    centred = inputs - middle
    gram = (centred.T @ centred).double() / len(inputs)
    ridge = max(RIDGE, RIDGE_PER_INPUT * inputs.shape[1] / len(inputs))
    gram += (ridge * gram.diagonal().mean() + 1e-9) * torch.eye(len(gram), dtype=gram.dtype)
    product = (centred.T @ (targets - goal)).double() / len(inputs)
    weight = torch.linalg.solve(gram, product).T.to(inputs.dtype)
    return weight, goal - weight @ middle


def _settle(unit: ConvUnit, inputs: Tensor, bias: Tensor) -> Tensor:
    """Make batch norm add ``bias`` and nothing else, with the statistics of these inputs; returns the unit's output."""
    maps, norm = unit[0](inputs), unit[1]
    norm.running_mean.copy_(maps.mean((0, 2, 3)))
    norm.running_var.copy_(maps.var((0, 2, 3)))
    norm.weight.copy_((norm.running_var + norm.eps).sqrt())
    norm.bias.copy_(norm.running_mean + bias)
    return unit(inputs)


def _before_activation(unit: ConvUnit, inputs: Tensor) -> Tensor:
    return unit[1](unit[0](inputs))


def _rows(maps: Tensor) -> Tensor:
    """(N, C, H, W) -> (N H W, C)."""
    return maps.permute(0, 2, 3, 1).flatten(0, 2)


def _check(wide: MobileFaceNet, slim: MobileFaceNet, images: Tensor, targets: Tensor) -> None:
    kernels = [[(m.kernel_size, m.stride) for m in net.modules() if isinstance(m, nn.Conv2d)] for net in (wide, slim)]
    channels = [[m.out_channels for m in net.stem.modules() if isinstance(m, nn.Conv2d)] for net in (wide, slim)]
    if kernels[0] != kernels[1]:
        raise ValueError("the two networks have other tables; expected two MobileFaceNets of one head and input_size")
    if channels[0] < channels[1]:
        raise ValueError(f"slim begins with {channels[1][0]} channels and wide with {channels[0][0]}; expected fewer")
    if targets.shape != (len(images), slim.embedding_dim):
        raise ValueError(
            f"targets have shape {tuple(targets.shape)}; expected ({len(images)}, {slim.embedding_dim}), one row an "
            "image, as wide as slim's embedding_dim"
        )
