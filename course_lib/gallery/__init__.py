"""The gallery: enrol people who agreed to it, identify them in photographs, leave strangers unnamed, and forget.

    gallery = Gallery(weights.load("mobilefacenet_075_relu"), MTCNN(), "people.gallery")
    gallery.enrol("Ada", ["ada_1.jpg", "ada_2.jpg"], consent=Consent(by="Ada", purpose="...", date=date(2026, 3, 31)))
    gallery.calibrate(far=0.01, strangers=photographs_of_others)
    gallery.identify("group.jpg")
    gallery.forget("Ada")

What is stored: names, embeddings, agreements and the threshold; never a photograph. An agreement may end,
``Consent(..., until=...)``: from then on that person is not identified, and ``forget_ended`` removes them.

What it does not protect against:

- **Whoever can read the file** can compare faces with it, and knows the names. An embedding is no secret code: with the
  model, which is public, it tells whether a photograph shows that person, and a rough picture of the face can be made
  from it. The file is readable by its owner alone, also where it was made otherwise (on Windows: as its folder
  is), and is not encrypted: that is the disk's job.
- **Copies.** ``forget`` leaves no byte of a person in the file or beside it. It cannot reach backups, snapshots and
  synchronised folders, what a disk keeps of overwritten blocks, nor another process's memory before its next call.
- **A picture instead of a face.** A printed photograph or a screen is identified like the person it shows.
- **A lie at enrolment.** ``Consent`` records what it is told: nothing here can tell who really agreed, nor whether the
  photographs show the person named.
- **Other conditions.** The FAR holds for strangers like those it was calibrated on, and for a gallery of that size.
- **Network drives**, whose locks are often broken: two processes there may damage the file. Keep it on a local disk.
"""

from __future__ import annotations

from course_lib.gallery.calibration import Calibration
from course_lib.gallery.consent import Consent
from course_lib.gallery.enrolment import EnrolmentReport
from course_lib.gallery.faces import SeveralFacesError
from course_lib.gallery.gallery import Gallery, IdentifiedFace
from course_lib.gallery.kind import IncompatibleError, TemplateKind
from course_lib.gallery.matching import Index, Nearest, unit_length
from course_lib.gallery.store import Contents, Person, Store

__all__ = [
    "Calibration",
    "Consent",
    "Contents",
    "EnrolmentReport",
    "Gallery",
    "IdentifiedFace",
    "IncompatibleError",
    "Index",
    "Nearest",
    "Person",
    "SeveralFacesError",
    "Store",
    "TemplateKind",
    "unit_length",
]
