"""Alignment: detect a face, find five points, warp it to the template that recognition networks expect."""

from __future__ import annotations

from course_lib.alignment.align import Crop, NoFaceError, align, align_many, choose_face, crop_with_margin
from course_lib.alignment.detector import LANDMARKS, Detector, Face
from course_lib.alignment.folder import FolderReport, Problem, align_folder
from course_lib.alignment.mtcnn import MTCNN
from course_lib.alignment.perturb import perturb
from course_lib.alignment.photograph import Photograph, UnreadableError, as_rgb, open_photograph
from course_lib.alignment.retinaface import RetinaFace
from course_lib.alignment.similarity import affine, similarity
from course_lib.alignment.template import mirror, template
from course_lib.alignment.warp import warp

__all__ = [
    "LANDMARKS",
    "MTCNN",
    "Crop",
    "Detector",
    "Face",
    "FolderReport",
    "NoFaceError",
    "Photograph",
    "Problem",
    "RetinaFace",
    "UnreadableError",
    "affine",
    "align",
    "align_folder",
    "align_many",
    "as_rgb",
    "choose_face",
    "crop_with_margin",
    "mirror",
    "open_photograph",
    "perturb",
    "similarity",
    "template",
    "warp",
]
