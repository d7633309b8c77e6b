"""The gallery: enrol people who agreed, name them in photographs, leave strangers without a name, and forget."""

from __future__ import annotations

import datetime
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from course_lib.alignment import Detector, Photograph, Problem
from course_lib.alignment.align import Choice
from course_lib.alignment.template import Size
from course_lib.data import ImageSet
from course_lib.gallery.calibration import Calibration, calibrate, most_accepted
from course_lib.gallery.consent import Consent, today
from course_lib.gallery.enrolment import EnrolmentReport, as_list, consents, people_in
from course_lib.gallery.faces import FaceEmbedder, OnError, counted, labelled
from course_lib.gallery.kind import IncompatibleError
from course_lib.gallery.matching import Index
from course_lib.gallery.names import as_name
from course_lib.gallery.store import Person, Store
from course_lib.paths import expanded


@dataclass(frozen=True, eq=False)
class IdentifiedFace:
    """A face in a photograph, and whose it is.

    Attributes:
        box: float64 (4,): left, top, right, bottom in pixels, see ``course_lib.alignment.Face``.
        landmarks: float64 (5, 2), in pixels.
        name: of the nearest person; None where the score is below the threshold: a stranger.
        nearest: the nearest person, whatever the score.
        score: cosine with the most similar template of that person.
        margin: how much higher that is than the score of the next person; None where only one is enrolled.
    """

    box: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    name: str | None
    nearest: str
    score: float
    margin: float | None

    def __repr__(self) -> str:
        who = self.name if self.name is not None else f"a stranger, nearest {self.nearest}"
        return f"IdentifiedFace({who}, score {self.score:.3f})"


class Gallery:
    """People who are enrolled in one file, and a network that finds them again.

    Args:
        model: faces (N, 3, H, W) float -> embeddings (N, D) float, such as ``weights.load(...)`` gives.
        detector: finds the faces, such as ``MTCNN()``.
        path: the file, made if need be; see ``Store`` for what can go wrong with it. What other processes change in it
            is seen at the next call.
        size: of the aligned face that the model expects, see ``course_lib.alignment.template``.
        flip: add the embedding of the mirrored face.

    Raises:
        IncompatibleError: the file holds templates of another model, another alignment template, size or ``flip``.
    """

    def __init__(
        self, model: nn.Module, detector: Detector, path: Path | str, *, size: Size = 112, flip: bool = False
    ) -> None:
        self.embedder = FaceEmbedder(model, detector, size, flip)
        self.store = Store(path, self.embedder.kind())
        self._loaded: tuple[tuple[int, datetime.date], Index] | None = None

    def __repr__(self) -> str:
        people = self.people()
        return f"Gallery({len(people):,} people, {sum(p.templates for p in people):,} templates in {self.store.path})"

    def enrol(
        self,
        name: str,
        photographs: Photograph | Sequence[Photograph],
        *,
        consent: Consent,
        choose: Choice | None = None,
        on_error: OnError = "raise",
        extend: bool = False,
    ) -> EnrolmentReport:
        """Enrol one person from photographs that show them: a template of each, stored together or not at all.

        Args:
            name: see ``Store.enrol``.
            photographs: one or several, see ``course_lib.alignment.as_rgb``; they are not kept.
            consent: who agreed to this.
            choose: of several faces in a photograph the ``"largest"`` or the ``"central"`` one; None calls them an
                error, since the wrong one would be enrolled under this name.
            on_error: what to do about a photograph that is unreadable, or without a face, or with several: ``"raise"``
                before anything is stored, or ``"skip"`` it; the report names it.
            extend: add to the templates of a person who is enrolled already.

        Raises:
            UnreadableError, NoFaceError, SeveralFacesError: a photograph cannot be used; it is named.
            IncompatibleError: the model was trained further since the gallery was opened.
            TypeError, ValueError: no photograph is left, or name, consent or another argument is not what it should be.
        """
        name, photographs = as_name(name), as_list(photographs)
        report = self._enrol({name: photographs}, {name: consent}, choose, on_error, extend)
        if report.left_out:
            raise ValueError(
                f"{name!r}: none of {len(photographs)} photographs can be used: {counted(report.problems)}"
            )
        return report

    def enrol_folder(
        self,
        folder: Path | str,
        *,
        consent: Consent | Mapping[str, Consent],
        choose: Choice | None = None,
        on_error: OnError = "raise",
        extend: bool = False,
    ) -> EnrolmentReport:
        """Enrol everybody in a folder, ``PERSON/IMAGE.jpg``: all of them together or nobody.

        Hidden files are passed over, what systems leave behind (such as ``__MACOSX``), and files that are no images by
        their suffix; the report lists them. With ``on_error="skip"`` a person of whom no photograph can be used is left
        out; the report says so.

        Args:
            consent: one that covers everybody, or one for each person, by name.
            choose, on_error, extend: see ``enrol``.

        Raises:
            FileNotFoundError: there is no such folder, or nobody in it.
            ValueError: an image lies outside the folders of the people, or somebody's consent is missing. Otherwise
                as ``enrol``.
        """
        people, passed_over = people_in(expanded(folder), on_error)
        return self._enrol(people, consents(list(people), consent), choose, on_error, extend, passed_over)

    def calibrate(
        self,
        far: float,
        strangers: ImageSet | Sequence[Photograph] | None = None,
        *,
        choose: Choice | None = None,
        on_error: OnError = "raise",
    ) -> Calibration:
        """Choose and store the threshold at which at most a share ``far`` of strangers' faces is given a name.

        Args:
            far: between 0 and 1; at least 1 / far faces of strangers are needed.
            strangers: photographs of people who are not enrolled, like those that will be identified. None takes the
                gallery's own templates, each searched for among all the other people.
            choose, on_error: see ``enrol``.

        Raises:
            ValueError: there are too few strangers, or too few people enrolled. Otherwise as ``enrol``.
        """
        index, skipped = self.index(), 0
        if strangers is None:
            if len(index) < 2:
                raise ValueError("one person is enrolled; expected two or more, or photographs of strangers")
            templates, owners = index.own()
            scores = index.nearest(templates, other_than=owners).score
            described = "the people enrolled, each template searched for among the others"
        else:
            is_set = isinstance(strangers, ImageSet)
            photographs = list(strangers.images) if is_set else as_list(strangers)
            most_accepted(far, len(photographs))  # before the long work, which gives one face a photograph at most
            portraits = self.embedder.portraits(photographs, labelled(photographs), choose=choose, on_error=on_error)
            scores = index.nearest(portraits.templates).score
            skipped = len(portraits.problems)
            described = strangers.source if is_set else f"{len(photographs):,} photographs"
        people, templates = len(index), index.n_templates
        calibration = calibrate(
            far,
            scores,
            people=people,
            templates=templates,
            strangers=described,
            date=today().isoformat(),
            skipped=skipped,
        )
        self.store.calibrate(calibration)
        return calibration

    @property
    def calibration(self) -> Calibration | None:
        """The last one; None before the first."""
        return self.store.calibration()

    def identify(self, photograph: Photograph, *, threshold: float | None = None) -> list[IdentifiedFace]:
        """Every face in a photograph, the surest detection first, with a name or, for strangers, without.

        Args:
            threshold: the lowest cosine that is given a name, instead of the calibrated one.

        Raises:
            ValueError: nobody is enrolled, or there is no threshold yet.
            UnreadableError, TypeError: the photograph cannot be used.
        """
        return self.identify_many([photograph], threshold=threshold)[0]

    def identify_many(
        self,
        photographs: Sequence[Photograph],
        *,
        threshold: float | None = None,
        problems: list[Problem] | None = None,
    ) -> list[list[IdentifiedFace]]:
        """``identify`` for each of several photographs, which is quicker.

        Args:
            threshold: see ``identify``.
            problems: a list, to go on without photographs that cannot be used, which are added to it and have no faces
                in what is returned; None raises at the first.
        """
        index = self.index()
        if threshold is None:
            threshold = self._calibrated(index)
        elif not math.isfinite(threshold):
            raise ValueError(f"threshold is {threshold}; expected a cosine")
        photographs = as_list(photographs)
        faces, templates = self.embedder.everybody(photographs, labelled(photographs), problems)
        named = _named(index, templates, threshold)
        return [[IdentifiedFace(face.box, face.landmarks, *next(named)) for face in in_one] for in_one in faces]

    def people(self) -> tuple[Person, ...]:
        """Everyone who is enrolled, with their consent; also those whose consent has ended, who are not identified."""
        return self.store.people()

    def forget(self, name: str) -> int:
        """Remove a person and all that was stored of them from the file; returns how many templates that were.

        Raises:
            ValueError: nobody of that name is enrolled.
        """
        self._loaded = None
        return self.store.forget(name)

    def forget_ended(self) -> int:
        """Remove all that was enrolled under a consent that has ended; returns how many templates that were."""
        self._loaded = None
        return self.store.forget_ended()

    def index(self) -> Index:
        """What is searched now: everyone whose consent holds today.

        Raises:
            ValueError: that is nobody.
        """
        moment = self.store.changes(), today()
        if self._loaded is None or self._loaded[0] != moment:
            contents = self.store.load()
            if not contents.names:
                raise ValueError(
                    f"in {self.store.path} nobody is enrolled whose consent holds today; enrol somebody first"
                )
            self._loaded = moment, Index(contents.names, contents.owners, contents.templates)
        return self._loaded[1]

    def _calibrated(self, index: Index) -> float:
        calibration = self.calibration
        if calibration is None:
            raise ValueError("there is no threshold yet; call calibrate(far=...), or pass threshold=...")
        if len(index) > calibration.people:
            warnings.warn(
                f"the threshold was chosen for {calibration.people:,} people, and {len(index):,} are enrolled now: "
                "more strangers are given a name than was asked for. Calibrate again",
                stacklevel=3,
            )
        return calibration.threshold

    def _enrol(
        self,
        people: Mapping[str, Sequence[Photograph]],
        agreed: Mapping[str, Consent],
        choose: Choice | None,
        on_error: OnError,
        extend: bool,
        passed_over: Sequence[tuple[str, str]] = (),
    ) -> EnrolmentReport:
        self.store.check(agreed, extend=extend)  # before the long work
        if self.embedder.kind() != self.store.kind:
            raise IncompatibleError("the model was changed since the gallery was opened; open it again with this model")
        photographs = [photograph for given in people.values() for photograph in given]
        labels = [label for given in people.values() for label in labelled(given)]
        whose = np.repeat(np.arange(len(people)), [len(given) for given in people.values()])
        portraits = self.embedder.portraits(photographs, labels, choose=choose, on_error=on_error)
        of_each = {name: portraits.templates[whose[portraits.used] == i] for i, name in enumerate(people)}
        enrolled = {name: templates for name, templates in of_each.items() if len(templates)}
        if enrolled:
            self.store.enrol({name: (rows, agreed[name]) for name, rows in enrolled.items()}, extend=extend)
        return EnrolmentReport(
            templates={name: len(templates) for name, templates in enrolled.items()},
            left_out=tuple(name for name in people if name not in enrolled),
            problems=portraits.problems,
            chosen=portraits.chosen,
            passed_over=tuple(passed_over),
        )


def _named(
    index: Index, templates: NDArray[np.float32], threshold: float
) -> Iterator[tuple[str | None, str, float, float | None]]:
    """Name, nearest person, score and margin of each template."""
    found = index.nearest(templates)
    for person, score, runner_up in zip(*map(np.ndarray.tolist, vars(found).values()), strict=True):
        nearest = index.names[person]
        yield nearest if score >= threshold else None, nearest, score, score - runner_up if len(index) > 1 else None
