"""The picture at the top of the README, drawn by the library: python -m tools.picture

People of ORL on one sheet, and the names that the course's small model finds for them.
"""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from course_lib import alignment, data, viz, weights
from course_lib.gallery import Consent, Gallery, IdentifiedFace

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "who_is_who.png"
ENROLLED, CALIBRATING = range(20), range(20, 30)  # people; those who are calibrated on are in no gallery
SHEET, PAPER, FRAME = (340, 1240), 232, 5  # height and width; grey; white pixels around a photograph
PLACES = {  # person and photograph, from left to right: x, y, scale, tilt in degrees
    (2, 5): (20, 90, 1.9, -4),
    (33, 0): (232, 30, 1.25, 13),
    (7, 4): (385, 95, 1.75, -8),
    (11, 6): (600, 20, 1.2, 3),
    (38, 2): (720, 120, 1.6, -12),
    (15, 7): (935, 25, 1.45, 8),
    (19, 8): (1080, 150, 1.3, -4),
}


def photograph(person: int, number: int) -> np.ndarray:
    """One of the ten photographs of a person, uint8 (112, 92)."""
    return data.orl_faces().images[10 * person + number, 0].numpy()


def portrait(person: int, number: int) -> np.ndarray:
    """The same with room around the face, in which a detector finds it: uint8 (304, 264)."""
    return np.pad(photograph(person, number), 20, mode="edge").repeat(2, 0).repeat(2, 1)


def sheet() -> np.ndarray:
    """Photographs laid on grey paper, large and small, upright and tilted: uint8 ``SHEET``."""
    drawn = np.full(SHEET, PAPER, np.uint8)
    for which, (x, y, scale, tilt) in PLACES.items():
        turn = scale * np.exp(1j * np.deg2rad(tilt))
        matrix = np.array([[turn.real, -turn.imag, x], [turn.imag, turn.real, y]])
        framed = np.pad(photograph(*which), FRAME, constant_values=255)
        inside = alignment.warp(np.full_like(framed, 255), matrix, SHEET) > 127
        drawn = np.where(inside, alignment.warp(framed, matrix, SHEET), drawn)
    return drawn


def name(person: int) -> str:
    """What a person of ORL is called, counted from 1."""
    return f"ORL {person + 1:02d}"


def answers(picture: np.ndarray) -> list[IdentifiedFace]:
    """Whom a gallery of ``ENROLLED`` finds, from left to right; one in twenty strangers may get a name."""
    consent = Consent(by="volunteers of ORL", purpose="published for research", date=datetime.date(1994, 4, 1))
    with tempfile.TemporaryDirectory() as folder:
        gallery = Gallery(
            weights.load("mobilefacenet_075_relu"), alignment.MTCNN(min_face=40), Path(folder) / "orl.gallery"
        )
        for person in ENROLLED:
            gallery.enrol(name(person), [portrait(person, number) for number in range(3)], consent=consent)
        gallery.calibrate(0.05, [portrait(person, number) for person in CALIBRATING for number in range(6)])
        return sorted(gallery.identify(picture), key=lambda face: face.box[0])


def figure(picture: np.ndarray, found: list[IdentifiedFace]) -> Figure:
    """The sheet, with a box around each face: a name and its cosine, or dashed for a stranger."""
    labels = [f"{face.name}  {face.score:.2f}" if face.name else None for face in found]
    panel = viz.Annotated(picture, np.array([face.box for face in found]), labels=labels)
    n_known = sum(label is not None for label in labels)
    title = f"{n_known} people of the gallery, and {len(labels) - n_known} strangers"
    caption = "blue: a name, and how alike; dashed: nobody whom the gallery knows"
    return viz.annotated({caption: panel}, title=title, columns=1, cell=11, credit=data.orl_faces().source)


if __name__ == "__main__":
    on_paper = sheet()
    figure(on_paper, answers(on_paper)).savefig(PICTURE, dpi=110, metadata={"Software": None})
    print(f"{PICTURE.name}: {PICTURE.stat().st_size / 1000:.0f} kB")
