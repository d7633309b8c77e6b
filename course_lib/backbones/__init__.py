"""Backbones: networks that turn images (N, C, H, W) into embeddings (N, D); ``create`` builds one by name."""

from __future__ import annotations

import torch
from torch import nn

from course_lib.backbones import (
    deepface,
    efficientnet_lite0,
    inception_resnet_v1,
    inception_v3,
    iresnet,
    lenet,
    mobiface,
    mobilefacenet,
    mobilenet_v1,
    mobilenet_v2,
    shufflenet,
    vit_tiny,
)
from course_lib.backbones.agreement import percent_apart
from course_lib.backbones.deepface import DeepFace
from course_lib.backbones.efficientnet_lite0 import EfficientNetLite0
from course_lib.backbones.inception_resnet_v1 import InceptionResNetV1
from course_lib.backbones.inception_v3 import InceptionV3
from course_lib.backbones.iresnet import IResNet
from course_lib.backbones.lenet import LeNetPlusPlus
from course_lib.backbones.locally_connected import LocallyConnected2d
from course_lib.backbones.mobiface import MobiFace
from course_lib.backbones.mobilefacenet import MobileFaceNet
from course_lib.backbones.mobilenet_v1 import MobileNetV1
from course_lib.backbones.mobilenet_v2 import MobileNetV2
from course_lib.backbones.registry import Description, Entry, Paper
from course_lib.backbones.shufflenet import ShuffleNet
from course_lib.backbones.vit_tiny import VisionTransformer

__all__ = [
    "DeepFace",
    "Description",
    "EfficientNetLite0",
    "IResNet",
    "InceptionResNetV1",
    "InceptionV3",
    "LeNetPlusPlus",
    "LocallyConnected2d",
    "MobiFace",
    "MobileFaceNet",
    "MobileNetV1",
    "MobileNetV2",
    "Paper",
    "ShuffleNet",
    "VisionTransformer",
    "available",
    "create",
    "describe",
    "percent_apart",
]

# One file per family; each lists its networks in NETWORKS. A new file needs its name here.
_FAMILIES = (
    deepface,
    efficientnet_lite0,
    inception_resnet_v1,
    inception_v3,
    iresnet,
    lenet,
    mobiface,
    mobilefacenet,
    mobilenet_v1,
    mobilenet_v2,
    shufflenet,
    vit_tiny,
)
_NETWORKS: dict[str, Entry] = {name: entry for family in _FAMILIES for name, entry in family.NETWORKS.items()}


def available() -> list[str]:
    """The names that ``create`` knows, in alphabetical order."""
    return sorted(_NETWORKS)


def create(name: str, *, seed: int | None = None, **options: object) -> nn.Module:
    """Build a backbone by name: ``create("mobilefacenet", width=0.5)``.

    Args:
        name: one of ``available()``.
        seed: fixes the initial weights without touching PyTorch's global random state; None draws from that state.
        **options: keyword arguments of the network's class.

    Raises:
        ValueError: the name is not known, or an option is out of range.
        TypeError: the network has no such option.
    """
    entry = _entry(name)
    known = list(entry.defaults())
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise TypeError(f"backbone {name!r} has no option {', '.join(unknown)}; its options are {', '.join(known)}")
    if seed is None:
        return entry.build(**options)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return entry.build(**options)


def describe(name: str) -> Description:
    """What the paper says of a backbone, what is built here, and why the two differ: ``print(describe("mobiface"))``.

    Raises:
        ValueError: the name is not known.
    """
    return _entry(name).describe(name)


def _entry(name: str) -> Entry:
    if name not in _NETWORKS:
        raise ValueError(f"backbone {name!r} is not known; available: {', '.join(available())}")
    return _NETWORKS[name]
