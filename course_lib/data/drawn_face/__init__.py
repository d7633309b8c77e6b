"""A face drawn from a description: who it is, and how it is photographed."""

from __future__ import annotations

from course_lib.data.drawn_face.drawing import draw_face
from course_lib.data.drawn_face.model import HAIR_STYLES, OCCLUSIONS, Colour, Conditions, Identity
from course_lib.data.drawn_face.pose import face_box, landmarks

__all__ = ["HAIR_STYLES", "OCCLUSIONS", "Colour", "Conditions", "Identity", "draw_face", "face_box", "landmarks"]
