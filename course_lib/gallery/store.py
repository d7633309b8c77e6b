"""People, their templates and their consent in one file: each change happens whole or not at all."""

from __future__ import annotations

import datetime
import json
import sqlite3
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.alignment.folder import AVERAGING
from course_lib.evaluation import Interval
from course_lib.gallery.calibration import Calibration
from course_lib.gallery.consent import Consent, today
from course_lib.gallery.database import Database, fact, insert, set_fact
from course_lib.gallery.kind import IncompatibleError, TemplateKind
from course_lib.gallery.matching import not_of_length_one, unit_length
from course_lib.gallery.names import as_name, may_be_read

SCHEMA_VERSION = 1
APPLICATION = 0x46614761  # in the header of the file
NAMED_AT_MOST = 80  # characters of a name in a message
SCHEMA = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    """CREATE TABLE enrolments (
        id INTEGER PRIMARY KEY,
        person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE,
        agreed_by TEXT NOT NULL, purpose TEXT NOT NULL, date TEXT NOT NULL, until TEXT)""",
    """CREATE TABLE templates (
        id INTEGER PRIMARY KEY,
        enrolment INTEGER NOT NULL REFERENCES enrolments ON DELETE CASCADE,
        embedding BLOB NOT NULL)""",
    "CREATE INDEX enrolments_of ON enrolments (person)",
    "CREATE INDEX templates_of ON templates (enrolment)",
)


@dataclass(frozen=True)
class Person:
    """Somebody who is enrolled: how many templates, and under which agreements."""

    name: str
    templates: int
    consents: tuple[Consent, ...]

    @property
    def has_ended(self) -> bool:
        """Whether no agreement is left that still holds: the templates are there, but are not searched."""
        return all(consent.has_ended() for consent in self.consents)


@dataclass(frozen=True, eq=False)
class Contents:
    """What may be searched at one moment: names (P,), owners (T,) as indices of names, templates (T, D)."""

    names: tuple[str, ...]
    owners: NDArray[np.int64]
    templates: NDArray[np.float32]

    def __repr__(self) -> str:
        return f"Contents({len(self.names):,} people, {len(self.templates):,} templates)"


class Store:
    """The file of a gallery.

    Args:
        path: of the file; it is made if need be, and readable by its owner alone, see ``Database``. One of an older
            version, whose templates of large faces are others, is opened with a warning.
        kind: of the templates.

    Raises:
        FileNotFoundError: the folder is missing.
        IncompatibleError: the file holds templates of another kind, or has another version of the tables.
        ValueError: here and in every method: the file is no gallery, or is damaged.
        TimeoutError: here and in every method: another process has kept the file for too long.
    """

    def __init__(self, path: Path | str, kind: TemplateKind) -> None:
        facts = {**kind.as_text(), "schema": str(SCHEMA_VERSION), "warp": AVERAGING}
        self._database = Database(path, application=APPLICATION, schema=SCHEMA, facts=facts)
        self.path, self.kind = self._database.path, kind
        with self._database.reading() as connection:
            there = dict(connection.execute("SELECT name, value FROM facts"))
        kind.check(there, str(self.path))
        if "warp" not in there:
            warnings.warn(
                f"{self.path} was made by an older version, which did not average faces more than twice as large as "
                "their crop: templates of such faces are less like new ones of the same person. Enrol everyone again "
                "in another file",
                stacklevel=2,
            )

    def enrol(self, people: Mapping[str, tuple[ArrayLike, Consent]], *, extend: bool = False) -> None:
        """Store people, all of them in one change: for each name embeddings (N, D), of any length, and the consent.

        Args:
            people: names are kept in Unicode's composed form (NFC), whatever the folders they came from use.
            extend: whether somebody who is enrolled gets these in addition; otherwise that is an error.

        Raises:
            TypeError: there is no ``Consent``.
            ValueError: a name is empty or enrolled already, or embeddings have another size or are not finite.
        """
        for name, (_, consent) in people.items():
            _check_consent(as_name(name), consent)
        rows_of = {as_name(name): (self._rows(name, rows), consent) for name, (rows, consent) in people.items()}
        if len(rows_of) != len(people):
            raise ValueError("two names are the same once written in one way; give one of these people another name")
        with self._database.changing() as connection:
            for name, (rows, consent) in rows_of.items():
                there = _id(connection, name, extend)
                person = there or insert(connection, "people (name)", name)
                agreement = (consent.by, consent.purpose, consent.date.isoformat(), _iso(consent.until))
                enrolment = insert(
                    connection, "enrolments (person, agreed_by, purpose, date, until)", person, *agreement
                )
                connection.executemany(
                    "INSERT INTO templates (enrolment, embedding) VALUES (?, ?)",
                    [(enrolment, row.tobytes()) for row in rows],
                )

    def check(self, agreed: Mapping[str, Consent], *, extend: bool = False) -> None:
        """Whether these people may be enrolled; raises what ``enrol`` would of names and consents."""
        for name, consent in agreed.items():
            _check_consent(as_name(name), consent)
        with self._database.reading() as connection:
            for name in agreed:
                _id(connection, as_name(name), extend)

    def forget(self, name: str) -> int:
        """Remove a person, so that no byte of them is left in the file; returns how many templates that were.

        Raises:
            ValueError: nobody of that name is enrolled.
        """
        name = as_name(name)
        with self._database.changing(erases=True) as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM templates JOIN enrolments ON enrolments.id = enrolment "
                "JOIN people ON people.id = person WHERE name = ?",
                (name,),
            ).fetchone()
            if connection.execute("DELETE FROM people WHERE name = ?", (name,)).rowcount == 0:
                raise ValueError(f"nobody is enrolled as {name!r}; people() lists who is")
        self._database.wipe()
        return count

    def forget_ended(self) -> int:
        """Remove what was enrolled under an agreement that has ended, as ``forget`` does; returns how many templates.

        A person of whom nothing else is there is removed altogether.
        """
        ended = "SELECT id FROM enrolments WHERE until < ?"
        with self._database.changing(erases=True) as connection:
            query = f"SELECT count(*) FROM templates WHERE enrolment IN ({ended})"
            (count,) = connection.execute(query, (today().isoformat(),)).fetchone()
            connection.execute(f"DELETE FROM enrolments WHERE id IN ({ended})", (today().isoformat(),))
            connection.execute("DELETE FROM people WHERE id NOT IN (SELECT person FROM enrolments)")
        self._database.wipe()
        return count

    def people(self) -> tuple[Person, ...]:
        """Everyone, by name, those whose agreement has ended included."""
        with self._database.reading() as connection:
            return self._people(connection)

    def _people(self, connection: sqlite3.Connection) -> tuple[Person, ...]:
        rows = connection.execute(
            "SELECT people.name, agreed_by, purpose, date, until, count(templates.id) FROM people "
            "LEFT JOIN enrolments ON person = people.id LEFT JOIN templates ON enrolment = enrolments.id "
            "GROUP BY people.id, enrolments.id ORDER BY people.name, enrolments.id"
        ).fetchall()
        found: dict[str, Person] = {}
        for name, by, purpose, date, until, count in rows:
            if not may_be_read(name):
                raise self._database.damaged("a name is none, or has characters that no name has")
            if not count:
                raise self._database.damaged(f"there is no template of {_start(name)}")
            try:
                consent = Consent(by, purpose, _date(date), _date(until))
            except (TypeError, ValueError) as error:  # they quote what is there, of any length
                raise self._database.damaged(f"an agreement of {_start(name)} is none") from error
            so_far = found.get(name, Person(name, 0, ()))
            found[name] = Person(name, so_far.templates + count, (*so_far.consents, consent))
        return tuple(found.values())

    def load(self) -> Contents:
        """All templates whose consent holds today.

        Raises:
            ValueError: a template is not finite, not of length one (``LENGTH_TOLERANCE``), or of another size; it is
                named, with its person.
        """
        size = self.kind.embedding_size
        with self._database.reading() as connection:
            self._people(connection)  # a day that is none would be compared like any other text
            rows = connection.execute(
                "SELECT people.id, templates.id, embedding FROM people JOIN enrolments ON person = people.id "
                "JOIN templates ON enrolment = enrolments.id WHERE until IS NULL OR until >= ?",
                (today().isoformat(),),
            ).fetchall()
            names = dict(connection.execute("SELECT id, name FROM people"))
        for person, template, blob in rows:
            if not isinstance(blob, bytes) or len(blob) != 4 * size:
                raise self._broken(f"a template has another size than {size}", template, names[person])
        templates = np.frombuffer(b"".join(row[2] for row in rows), "<f4").reshape(-1, size)
        broken = not_of_length_one(templates)
        if len(broken):
            person, template, _ = rows[broken[0]]
            raise self._broken("a template is not finite, or not of length one", template, names[person])
        people, owners = np.unique(np.array([row[0] for row in rows], np.int64), return_inverse=True)
        return Contents(tuple(names[person] for person in people.tolist()), owners, templates)

    def _broken(self, what: str, template: int, name: str) -> ValueError:
        return ValueError(
            f"{self.path} is damaged: {what} (template {template}, of {_start(name)}); restore a copy, or forget this "
            "person and enrol them again"
        )

    def changes(self) -> int:
        """How many changes the file has seen; it tells whether what was loaded is still what is there."""
        return self._database.changes()

    def calibration(self) -> Calibration | None:
        """The last one that was stored."""
        with self._database.reading() as connection:
            text = fact(connection, "calibration")
        if text is None:
            return None
        try:
            values = json.loads(text)
            return Calibration(**{**values, "interval": Interval(**values["interval"])})
        except (TypeError, ValueError, KeyError, RecursionError) as error:
            raise self._database.damaged(f"its calibration is none: {type(error).__name__}") from error

    def calibrate(self, calibration: Calibration) -> None:
        """Store one, in place of the last."""
        with self._database.changing() as connection:
            set_fact(connection, "calibration", json.dumps(asdict(calibration)))

    def _rows(self, name: str, embeddings: ArrayLike) -> NDArray[np.float32]:
        try:
            rows = unit_length(embeddings).astype("<f4")
        except ValueError as error:
            raise ValueError(f"{name!r}: {error}") from error
        if rows.shape[1] != self.kind.embedding_size:
            raise IncompatibleError(
                f"{name!r}: embeddings of {rows.shape[1]} numbers; {self.path} holds templates of "
                f"{self.kind.embedding_size}"
            )
        return rows


def _check_consent(name: str, consent: Consent) -> None:
    if not isinstance(consent, Consent):
        raise TypeError(
            f"{name!r}: consent is {consent!r}; expected Consent(by=..., purpose=..., date=...). Nobody is enrolled "
            "who did not agree"
        )
    if consent.date > today() or consent.has_ended():
        span = f"from {consent.date}" + (f" to {consent.until}" if consent.until else "")
        raise ValueError(f"{name!r}: the consent holds {span}; today is {today()}")


def _id(connection: sqlite3.Connection, name: str, extend: bool) -> int | None:
    """The person of that name, if there is one, and if there may be."""
    row = connection.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
    if row and not extend:
        raise ValueError(
            f"{name!r} is enrolled already; if it is the same person, add templates with extend=True or forget them "
            "first, otherwise give another name"
        )
    return row[0] if row else None


def _iso(day: datetime.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _date(text: str | None) -> datetime.date | None:
    """A day in the one way in which days compare as text."""
    day = None if text is None else datetime.date.fromisoformat(text)
    if _iso(day) != text:
        raise ValueError("a day is not written as 2026-03-31")
    return day


def _start(name: str) -> str:
    return repr(name[:NAMED_AT_MOST])
