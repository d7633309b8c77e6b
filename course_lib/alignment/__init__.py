"""Alignment: detect a face, find five points, warp it to the template that recognition networks expect."""

from __future__ import annotations

from course_lib.alignment.align import Crop, NoFaceError, align, align_many, crop_with_margin
from course_lib.alignment.detector import LANDMARKS, Detector, Face
from course_lib.alignment.photograph import Photograph, UnreadableError, as_rgb, open_photograph
from course_lib.alignment.similarity import affine, similarity
from course_lib.alignment.template import mirror, template
from course_lib.alignment.warp import warp

__all__ = [
    "LANDMARKS",
    "Crop",
    "Detector",
    "Face",
    "NoFaceError",
    "Photograph",
    "UnreadableError",
    "affine",
    "align",
    "align_many",
    "as_rgb",
    "crop_with_margin",
    "mirror",
    "open_photograph",
    "similarity",
    "template",
    "warp",
]
