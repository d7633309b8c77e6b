"""Data: images and labels as tensors, splits that keep people apart, verification pairs, augmentation."""

from __future__ import annotations

from course_lib.data.augmentation import Augmentation, Compose, RandomFlip, RandomShift
from course_lib.data.container import ImageSet, normalise
from course_lib.data.degradation import LADDERS, Blur, Jpeg, LowResolution, Noise, Occlusion
from course_lib.data.distortion import RandomBlend, RandomLight, RandomWarp
from course_lib.data.embedded import digits, orl_faces
from course_lib.data.lfw import lfw, lfw_pairs
from course_lib.data.objects import objects
from course_lib.data.pair_checks import PairCheck, check_pairs
from course_lib.data.pair_list import PairList, lfw_list, pair_list
from course_lib.data.pair_photographs import read_pairs
from course_lib.data.paired_faces import Excluded, PairedFaces
from course_lib.data.pairs import Pairs, verification_pairs
from course_lib.data.photographs import face_folder, read_photograph
from course_lib.data.splits import split_by_identity, split_by_image
from course_lib.data.synthetic import SyntheticFaces, synthetic_faces
from course_lib.data.verification_bin import read_bin
from course_lib.paths import data_folder

__all__ = [
    "LADDERS",
    "Augmentation",
    "Blur",
    "Compose",
    "Excluded",
    "ImageSet",
    "Jpeg",
    "LowResolution",
    "Noise",
    "Occlusion",
    "PairCheck",
    "PairList",
    "PairedFaces",
    "Pairs",
    "RandomBlend",
    "RandomFlip",
    "RandomLight",
    "RandomShift",
    "RandomWarp",
    "SyntheticFaces",
    "check_pairs",
    "data_folder",
    "digits",
    "face_folder",
    "lfw",
    "lfw_list",
    "lfw_pairs",
    "normalise",
    "objects",
    "orl_faces",
    "pair_list",
    "read_bin",
    "read_pairs",
    "read_photograph",
    "split_by_identity",
    "split_by_image",
    "synthetic_faces",
    "verification_pairs",
]
