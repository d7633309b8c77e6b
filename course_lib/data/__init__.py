"""Data: images and labels as tensors, splits that keep people apart, verification pairs, augmentation."""

from __future__ import annotations

from course_lib.data.augmentation import Augmentation, Compose, RandomFlip, RandomShift
from course_lib.data.container import ImageSet, normalise
from course_lib.data.distortion import RandomBlend, RandomLight, RandomWarp
from course_lib.data.embedded import digits, orl_faces
from course_lib.data.lfw import lfw, lfw_pairs
from course_lib.data.objects import objects
from course_lib.data.pairs import Pairs, verification_pairs
from course_lib.data.photographs import face_folder, read_photograph
from course_lib.data.splits import split_by_identity, split_by_image
from course_lib.data.synthetic import SyntheticFaces, synthetic_faces
from course_lib.paths import data_folder

__all__ = [
    "Augmentation",
    "Compose",
    "ImageSet",
    "Pairs",
    "RandomBlend",
    "RandomFlip",
    "RandomLight",
    "RandomShift",
    "RandomWarp",
    "SyntheticFaces",
    "data_folder",
    "digits",
    "face_folder",
    "lfw",
    "lfw_pairs",
    "normalise",
    "objects",
    "orl_faces",
    "read_photograph",
    "split_by_identity",
    "split_by_image",
    "synthetic_faces",
    "verification_pairs",
]
