from __future__ import annotations

import dataclasses
import datetime
import json
import multiprocessing
import sqlite3
import unicodedata
import warnings
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiles import CONSENT, files_of

from course_lib.gallery import (
    Consent,
    IncompatibleError,
    Person,
    Store,
    TemplateKind,
    consent,
    database,
    store,
    unit_length,
)
from course_lib.gallery.calibration import calibrate
from course_lib.gallery.matching import LENGTH_TOLERANCE

CALIBRATION = calibrate(
    0.1, np.linspace(-0.5, 0.5, 50), people=3, templates=6, strangers="drawn", date="2026-03-31", skipped=1
)
KIND = TemplateKind("3fa4c2e9" * 8, 6, False, (112, 112), ((38.2946, 51.6963), (73.5318, 51.5014)))
UNTIL = dataclasses.replace(CONSENT, until=datetime.date(2024, 12, 31))


def rows(seed: int, count: int = 1, size: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, size)) * 7


def in_store(there: Store) -> dict[str, list[bytes]]:
    """The templates of each person, in no order."""
    contents = there.load()
    return {
        name: sorted(map(bytes, contents.templates[contents.owners == owner]))
        for owner, name in enumerate(contents.names)
    }


def as_stored(embeddings: np.ndarray) -> list[bytes]:
    return sorted(map(bytes, unit_length(embeddings)))


def test_what_is_enrolled_is_there_when_the_file_is_opened_again(tmp_path):
    there = Store(tmp_path / "a.gallery", KIND)
    there.enrol({"Ada": (rows(1, 2), CONSENT), "Grace": (rows(2, 3), CONSENT)})
    other = Consent(by="Ada's mother", purpose="another", date=datetime.date(2025, 1, 1))
    there.enrol({"Ada": (rows(3), other)}, extend=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = Store(tmp_path / "a.gallery", KIND)
    assert in_store(again) == {"Ada": as_stored(np.vstack([rows(1, 2), rows(3)])), "Grace": as_stored(rows(2, 3))}
    assert again.people() == (Person("Ada", 3, (CONSENT, other)), Person("Grace", 3, (CONSENT,)))
    assert again.load().templates.dtype == np.float32 and again.changes() == 2


def test_an_empty_gallery_has_nobody(tmp_path):
    there = Store(tmp_path / "a.gallery", KIND)
    assert there.people() == () and there.load().names == () and there.load().templates.shape == (0, 6)
    assert there.forget_ended() == 0


def test_several_people_are_enrolled_together_or_not_at_all(tmp_path):
    there = Store(tmp_path / "a.gallery", KIND)
    there.enrol({"Ada": (rows(1), CONSENT)})
    with pytest.raises(ValueError, match="'Ada' is enrolled already; if it is the same person, .*extend=True"):
        there.enrol({"Grace": (rows(2), CONSENT), "Ada": (rows(3), CONSENT)})
    assert in_store(there) == {"Ada": as_stored(rows(1))}


@pytest.mark.parametrize(
    ("name", "embeddings", "agreed", "error", "words"),
    [
        ("Ada", rows(1), None, TypeError, "'Ada': consent is None; expected Consent"),
        ("Ada", rows(1), "yes", TypeError, "Nobody is enrolled who did not agree"),
        ("Ada", rows(1), UNTIL, ValueError, "'Ada': the consent holds from 2024-02-29 to 2024-12-31; today is 2025"),
        (
            "Ada",
            rows(1),
            dataclasses.replace(CONSENT, date=datetime.date(2026, 1, 1)),
            ValueError,
            "'Ada': the consent holds from 2026-01-01; today is 2025-06-01",
        ),
        ("", rows(1), CONSENT, ValueError, "the name is ''"),
        (" Ada", rows(1), CONSENT, ValueError, "without blanks around"),
        ("A\nda", rows(1), CONSENT, ValueError, "printable"),
        (7, rows(1), CONSENT, TypeError, "the name is 7; expected a string"),
        ("Ada", rows(1)[0], CONSENT, ValueError, r"'Ada': embeddings have shape \(6,\)"),
        ("Ada", rows(1) * np.nan, CONSENT, ValueError, "'Ada': embedding 0 has length nan"),
        ("Ada", rows(1, 1, 5), CONSENT, IncompatibleError, "'Ada': embeddings of 5 numbers; .* holds templates of 6"),
    ],
)
def test_who_may_not_be_enrolled_is_not(tmp_path, monkeypatch, name, embeddings, agreed, error, words):
    for module in (consent, store):
        monkeypatch.setattr(module, "today", lambda: datetime.date(2025, 6, 1))
    there = Store(tmp_path / "a.gallery", KIND)
    with pytest.raises(error, match=words):
        there.enrol({"Grace": (rows(0), CONSENT), name: (embeddings, agreed)})
    assert there.people() == () and there.changes() == 0


def test_who_may_be_enrolled_is_told_beforehand(tmp_path):
    there = Store(tmp_path / "a.gallery", KIND)
    there.check({"Ada": CONSENT})
    there.enrol({"Ada": (rows(1), CONSENT)})
    with pytest.raises(ValueError, match="'Ada' is enrolled already"):
        there.check({"Grace": CONSENT, "Ada": CONSENT})
    there.check({"Ada": CONSENT}, extend=True)
    with pytest.raises(TypeError, match="'Ada': consent is None"):
        there.check({"Ada": None}, extend=True)


def test_one_name_written_in_two_ways_is_one_name(tmp_path):
    there = Store(tmp_path / "a.gallery", KIND)
    composed, decomposed = (unicodedata.normalize(form, "Zoë Ångström") for form in ("NFC", "NFD"))
    with pytest.raises(ValueError, match="two names are the same"):
        there.enrol({composed: (rows(0), CONSENT), decomposed: (rows(1), CONSENT)})
    there.enrol({decomposed: (rows(0), CONSENT)})
    assert [person.name for person in there.people()] == [composed]
    with pytest.raises(ValueError, match="is enrolled already"):
        there.enrol({composed: (rows(1), CONSENT)})
    assert there.forget(decomposed) == 1 and there.people() == ()


def test_a_person_is_forgotten_with_all_that_was_stored(tmp_path):
    there = Store(tmp_path / "a.gallery", KIND)
    lengthy = dataclasses.replace(CONSENT, by="the mother of Augusta", purpose="a purpose told to her")
    there.enrol({"Augusta King": (rows(1, 3), lengthy), "Grace Hopper": (rows(2), CONSENT)})
    secrets = [b"Augusta", b"the mother of", b"a purpose told", *as_stored(rows(1, 3))]
    assert all(secret in files_of(tmp_path) for secret in secrets)
    assert there.forget("Augusta King") == 3
    assert [secret for secret in secrets if secret in files_of(tmp_path)] == []
    assert in_store(there) == {"Grace Hopper": as_stored(rows(2))}
    with pytest.raises(ValueError, match="nobody is enrolled as 'Augusta King'; people\\(\\) lists who is"):
        there.forget("Augusta King")


@settings(max_examples=10)
@given(data=st.data())
def test_whatever_the_order_the_file_holds_who_is_enrolled_and_nobody_else(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    with patch.object(database, "PRAGMAS", (*database.PRAGMAS, "synchronous = OFF")):  # the same, but quick
        there, people, forgotten = Store(folder / "a.gallery", KIND), {}, {}
        for number in range(data.draw(st.integers(1, 12))):
            if people and data.draw(st.booleans()):
                name = data.draw(st.sampled_from(sorted(people)))
                forgotten[name] = people.pop(name)
                assert there.forget(name) == len(forgotten[name])
            else:
                name = f"somebody called {number} " + "x" * data.draw(st.integers(1, 900))
                people[name] = rows(number, data.draw(st.integers(1, 4)))
                there.enrol({name: (people[name], CONSENT)})
        assert in_store(there) == {name: as_stored(embeddings) for name, embeddings in people.items()}
    content = files_of(folder)
    for name, embeddings in forgotten.items():
        pieces = [row[start : start + 8] for row in as_stored(embeddings) for start in (0, 16)]
        assert [piece for piece in (name[:20].encode(), *pieces) if piece in content] == []


def test_whose_consent_ended_is_not_searched_and_can_be_removed(tmp_path, monkeypatch):
    there = Store(tmp_path / "a.gallery", KIND)

    def it_is(*day: int) -> None:
        for module in (consent, store):
            monkeypatch.setattr(module, "today", lambda: datetime.date(*day))

    it_is(2024, 12, 31)
    there.enrol({"Ada": (rows(1, 2), UNTIL), "Grace": (rows(2), UNTIL), "Mary": (rows(3), CONSENT)})
    there.enrol({"Grace": (rows(4), CONSENT)}, extend=True)
    assert set(in_store(there)) == {"Ada", "Grace", "Mary"}
    it_is(2025, 1, 1)
    assert in_store(there) == {"Grace": as_stored(rows(4)), "Mary": as_stored(rows(3))}
    assert [(person.name, person.templates, person.has_ended) for person in there.people()] == [
        ("Ada", 2, True),
        ("Grace", 2, False),
        ("Mary", 1, False),
    ]
    assert there.forget_ended() == 3
    assert [(person.name, person.templates) for person in there.people()] == [("Grace", 1), ("Mary", 1)]
    assert b"Ada" not in files_of(tmp_path) and as_stored(rows(2))[0] not in files_of(tmp_path)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"model": "91bd" * 16}, "model 3fa4c2e93fa4 there, 91bd91bd91bd here"),
        ({"embedding_size": 7}, "embedding size 6 there, 7 here"),
        ({"flip": True}, "flip false there, true here"),
        ({"crop": (112, 96)}, r"crop \[112, 112\] there, \[112, 96\] here"),
        ({"landmarks": ((30.2946, 51.6963), (65.5318, 51.5014))}, r"landmarks \[\[38.2946, .* there, \[\[30.2946"),
        ({"model": "91bd" * 16, "embedding_size": 7}, "model 3fa4.* here; embedding size 6 there, 7 here"),
    ],
)
def test_templates_of_another_kind_are_refused_and_both_are_named(tmp_path, changed, words):
    Store(tmp_path / "a.gallery", KIND).enrol({"Ada": (rows(1), CONSENT)})
    with pytest.raises(IncompatibleError, match=r"a\.gallery holds templates that cannot be compared.*" + words):
        Store(tmp_path / "a.gallery", dataclasses.replace(KIND, **changed))
    assert in_store(Store(tmp_path / "a.gallery", KIND)) == {"Ada": as_stored(rows(1))}


def test_another_version_of_the_tables_is_refused_and_both_are_named(tmp_path, monkeypatch):
    Store(tmp_path / "a.gallery", KIND)
    monkeypatch.setattr(store, "SCHEMA_VERSION", 2)
    with pytest.raises(IncompatibleError, match="has version 1 of the tables; this library knows version 2"):
        Store(tmp_path / "a.gallery", KIND)


def test_a_template_of_another_length_is_damage(tmp_path):
    there = Store(tmp_path / "a.gallery", KIND)
    there.enrol({"Ada": (rows(1), CONSENT)})
    with sqlite3.connect(there.path) as connection:
        connection.execute("UPDATE templates SET embedding = x'0000803f'")
    connection.close()
    with pytest.raises(ValueError, match=r"a\.gallery is damaged: a template has another size than 6"):
        there.load()


def changed(path: Path, statement: str, *values: object) -> None:
    """What another program, or a bad disk, does to the file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement, values)
        connection.commit()


def as_float32(value: object) -> bytes:
    return np.broadcast_to(np.float32(value), 6).tobytes()


@pytest.mark.parametrize(
    ("embedding", "words"),
    [
        (as_float32(np.nan), "a template is not finite, or not of length one"),
        (as_float32([np.inf, 0, 0, 0, 0, 0]), "a template is not finite, or not of length one"),
        (as_float32(0), "a template is not finite, or not of length one"),
        (as_float32(5148), "a template is not finite, or not of length one"),
        (as_float32(3e38), "a template is not finite, or not of length one"),
        (as_float32([1.001, 0, 0, 0, 0, 0]), "a template is not finite, or not of length one"),
        (as_float32([0.999, 0, 0, 0, 0, 0]), "a template is not finite, or not of length one"),
        (b"", "a template has another size than 6"),
        (bytes(48), "a template has another size than 6"),
        (as_float32(1).hex(), "a template has another size than 6"),
        (7, "a template has another size than 6"),
    ],
)
def test_a_template_that_is_none_is_named_with_its_person_who_can_be_forgotten(tmp_path, embedding, words):
    there = Store(tmp_path / "a.gallery", KIND)
    there.enrol({"Ada": (rows(1, 2), CONSENT), "Grace": (rows(2, 2), CONSENT)})
    changed(there.path, "UPDATE templates SET embedding = ? WHERE id = 4", embedding)
    with pytest.raises(ValueError, match=rf"a\.gallery is damaged: {words} \(template 4, of 'Grace'\); .*forget this"):
        Store(there.path, KIND).load()
    there.forget("Grace")
    assert in_store(there) == {"Ada": as_stored(rows(1, 2))}


def test_what_rounding_does_to_the_length_is_no_damage(tmp_path):
    there = Store(tmp_path / "a.gallery", KIND)
    there.enrol({"Ada": (rows(1), CONSENT)})
    changed(there.path, "UPDATE templates SET embedding = ?", as_float32([1.00001, 0, 0, 0, 0, 0]))
    assert there.load().names == ("Ada",)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE people SET name = x'00'", "a name is none"),
        ("UPDATE people SET name = ''", "a name is none"),
        ("UPDATE people SET name = 'A' || char(27) || '[2Jda'", "a name is none, or has characters that no name has"),
        ("UPDATE people SET name = CAST(x'ff' AS TEXT)", "a text is no UTF-8"),
        ("UPDATE enrolments SET agreed_by = ''", "an agreement of 'Ada' is none"),
        ("UPDATE enrolments SET purpose = x'00'", "an agreement of 'Ada' is none"),
        ("UPDATE enrolments SET date = 'once'", "an agreement of 'Ada' is none"),
        ("UPDATE enrolments SET until = 'never'", "an agreement of 'Ada' is none"),  # later than any day, as text
        ("UPDATE enrolments SET until = '29991231'", "an agreement of 'Ada' is none"),
        ("UPDATE enrolments SET until = 20991231", "an agreement of 'Ada' is none"),
        ("UPDATE enrolments SET until = '2000-01-01'", "an agreement of 'Ada' is none"),  # before its date
        ("DELETE FROM templates", "there is no template of 'Ada'"),
        ("DELETE FROM enrolments", "a row belongs to one that is missing"),
        ("UPDATE enrolments SET person = 5", "a row belongs to one that is missing"),
    ],
)
def test_people_and_agreements_that_are_none_are_damage(tmp_path, statement, words):
    there = Store(tmp_path / "a.gallery", KIND)
    there.enrol({"Ada": (rows(1, 2), CONSENT)})
    changed(there.path, statement)
    for look in (Store.load, Store.people):
        with pytest.raises(ValueError, match=rf"a\.gallery is no gallery, or is damaged \({words}.*; restore it"):
            look(Store(there.path, KIND))


def test_long_values_are_not_quoted(tmp_path):
    there = Store(tmp_path / "a.gallery", KIND)
    there.enrol({"Ada": (rows(1), CONSENT)})
    changed(there.path, "UPDATE people SET name = ?", "A" * 100_000)
    changed(there.path, "UPDATE enrolments SET date = ?", "1" * 100_000)
    with pytest.raises(ValueError, match="an agreement of 'A{80}' is none") as caught:
        there.people()
    assert len(str(caught.value)) < 500
    changed(there.path, "UPDATE facts SET value = ? WHERE name = 'crop'", "[" * 100_000)
    with pytest.raises(IncompatibleError) as caught:
        Store(there.path, KIND)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "null",
        "[" * 100_000,
        '{"threshold": NaN}',
        *(
            json.dumps(asdict(CALIBRATION) | changes)
            for changes in (
                {"threshold": float("nan")},
                {"threshold": 5148},
                {"threshold": -2},
                {"threshold": "0.5"},
                {"people": "3"},
                {"searches": -1},
                {"far": 7},
                {"far_target": None},
                {"interval": {"low": 0.0}},
                {"interval": {"low": 0.0, "high": float("inf")}},
                {"strangers": 5},
                {"date": None},
                {"more": 1},
            )
        ),
    ],
)
def test_a_calibration_that_is_none_is_damage(tmp_path, text):
    """With a threshold of NaN nobody would be named, without a word."""
    there = Store(tmp_path / "a.gallery", KIND)
    there.calibrate(CALIBRATION)
    assert there.calibration() == CALIBRATION
    changed(there.path, "UPDATE facts SET value = ? WHERE name = 'calibration'", text)
    with pytest.raises(ValueError, match=r"a\.gallery is no gallery, or is damaged \(its calibration is none"):
        there.calibration()


def test_a_gallery_of_the_first_version_is_read(tmp_path):
    """Word for word what that version wrote; if this fails, galleries that people keep can no longer be opened."""
    with closing(sqlite3.connect(tmp_path / "old.gallery")) as old:
        old.executescript("""
            CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
            CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE enrolments (
        id INTEGER PRIMARY KEY,
        person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE,
        agreed_by TEXT NOT NULL, purpose TEXT NOT NULL, date TEXT NOT NULL, until TEXT);
CREATE TABLE templates (
        id INTEGER PRIMARY KEY,
        enrolment INTEGER NOT NULL REFERENCES enrolments ON DELETE CASCADE,
        embedding BLOB NOT NULL);
            CREATE INDEX enrolments_of ON enrolments (person);
            CREATE INDEX templates_of ON templates (enrolment);
            PRAGMA application_id = 1180780385;
            INSERT INTO people VALUES (1, 'Ada');
            INSERT INTO enrolments VALUES (1, 1, 'Ada', 'a test', '2024-02-29', NULL);
            INSERT INTO facts VALUES ('embedding_size', '6'), ('flip', 'false'), ('crop', '[112, 112]'),
                ('landmarks', '[[38.2946, 51.6963], [73.5318, 51.5014]]'),
                ('schema', '1'), ('changes', '3'), ('remnants', '0');
        """)
        old.execute("INSERT INTO facts VALUES ('model', ?)", (f'"{KIND.model}"',))
        old.execute("INSERT INTO templates VALUES (1, 1, ?)", (as_stored(rows(1))[0],))
        old.commit()
    with pytest.warns(UserWarning, match=r"old\.gallery was made by an older version, which did not average .* again"):
        there = Store(tmp_path / "old.gallery", KIND)
    assert in_store(there) == {"Ada": as_stored(rows(1))} and there.changes() == 3
    assert there.people() == (Person("Ada", 1, (Consent("Ada", "a test", datetime.date(2024, 2, 29)),)),)


@pytest.fixture(scope="module")
def some_gallery(tmp_path_factory) -> bytes:
    there = Store(tmp_path_factory.mktemp("some") / "a.gallery", KIND)
    there.enrol({f"person {number}": (rows(number, 2), CONSENT) for number in range(12)})
    there.calibrate(CALIBRATION)
    return there.path.read_bytes()


@settings(max_examples=100)
@given(data=st.data())
def test_whatever_bytes_change_the_file_is_named_or_its_templates_are_sound(data, some_gallery, tmp_path_factory):
    content = bytearray(some_gallery)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.one_of(st.integers(0, 199), st.integers(0, len(content) - 1)))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "a.gallery"
    path.write_bytes(content[: data.draw(st.sampled_from([None, None, None, place]))])
    try:
        there = Store(path, KIND)
        contents = there.load()
        assert all(person.templates for person in there.people()) and there.calibration() is None or True
    except (ValueError, sqlite3.OperationalError) as error:
        assert "a.gallery" in str(error) and len(str(error)) < 2000
        return
    lengths = np.linalg.norm(contents.templates.astype(np.float64), axis=1)
    assert np.abs(lengths - 1).max(initial=0) <= LENGTH_TOLERANCE * 1.01


def enrol_some(path: Path, who: str) -> None:
    there = Store(path, KIND)
    for number in range(8):
        there.enrol({f"{who} {number}": (rows(number), CONSENT)})


@pytest.mark.slow
def test_two_processes_enrol_at_once(tmp_path):
    """Each opens the file itself; both make it if they come at the same time."""
    can_fork = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if can_fork else "spawn")
    context.set_forkserver_preload(["course_lib.gallery"])  # imported once instead of twice
    processes = [context.Process(target=enrol_some, args=(tmp_path / "a.gallery", who)) for who in ("left", "right")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    there = Store(tmp_path / "a.gallery", KIND)
    assert in_store(there) == {f"{who} {n}": as_stored(rows(n)) for who in ("left", "right") for n in range(8)}
    assert there.changes() == 16
