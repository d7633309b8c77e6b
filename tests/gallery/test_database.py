from __future__ import annotations

import os
import random
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from course_lib.gallery import IncompatibleError, database
from course_lib.gallery.database import Database, fact, insert, set_fact

SCHEMA = ("CREATE TABLE things (id INTEGER PRIMARY KEY, word TEXT NOT NULL)",)


def opened(path: Path) -> Database:
    return Database(path, application=7, schema=SCHEMA, facts={"colour": "red"})


def add(there: Database, word: str) -> None:
    with there.changing() as connection:
        insert(connection, "things (word)", word)


def words(there: Database) -> list[str]:
    with there.reading() as connection:
        return [word for (word,) in connection.execute("SELECT word FROM things ORDER BY id")]


def test_a_new_file_has_the_tables_and_an_old_one_is_left_as_it_is(tmp_path):
    name = os.fsdecode("a b%20?#ü.db".encode())  # whatever a path may hold, in whatever locale
    there = opened(tmp_path / name)
    add(there, "first")
    again = opened(tmp_path / name)
    add(again, "second")
    assert words(there) == ["first", "second"] and there.changes() == 2
    with again.reading() as connection:
        assert fact(connection, "colour") == "red" and fact(connection, "nothing") is None
    assert os.listdir(tmp_path) == [name]


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps permissions another way")
def test_only_the_owner_can_read_it(tmp_path):
    opened(tmp_path / "a.db")
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600
    for before, after in ((0o644, 0o600), (0o660, 0o600), (0o604, 0o600), (0o777, 0o700)):
        (tmp_path / "a.db").chmod(before)
        opened(tmp_path / "a.db")
        assert (tmp_path / "a.db").stat().st_mode & 0o777 == after
    (tmp_path / "empty.db").touch(0o644)
    (tmp_path / "empty.db").chmod(0o644)
    opened(tmp_path / "empty.db")
    assert (tmp_path / "empty.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps permissions another way")
def test_if_others_can_read_it_and_that_cannot_be_changed_it_is_said(tmp_path, monkeypatch):
    opened(tmp_path / "a.db")
    (tmp_path / "a.db").chmod(0o640)

    def of_another(*_):
        raise PermissionError

    for chmod in (of_another, lambda *_: None):  # or of a disk that keeps no modes
        monkeypatch.setattr(Path, "chmod", chmod)
        with pytest.warns(UserWarning, match=r"a\.db can be read by others \(mode 640\), .* closed to others"):
            there = opened(tmp_path / "a.db")
        assert words(there) == []


def test_every_setting_is_in_force_for_reading_and_changing(tmp_path):
    there = opened(tmp_path / "a.db")
    expected = {"foreign_keys": 1, "journal_mode": "delete", "synchronous": 3, "secure_delete": 1, "temp_store": 2}
    for use in (there.reading, there.changing):
        with use() as connection:
            found = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in expected}
        assert found == expected


def test_a_write_ahead_log_of_somebody_else_is_given_up(tmp_path):
    there = opened(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO things VALUES (1, 'theirs')")
        connection.commit()
    add(opened(tmp_path / "a.db"), "mine")
    assert words(there) == ["theirs", "mine"] and os.listdir(tmp_path) == ["a.db"]


def test_an_error_inside_undoes_the_change(tmp_path):
    there = opened(tmp_path / "a.db")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), there.changing() as connection:
            insert(connection, "things (word)", "never")
            raise error
    assert words(there) == [] and there.changes() == 0
    add(there, "then")  # no lock is left behind
    assert words(there) == ["then"]


@pytest.mark.parametrize("kept_as", ["text", "empty database", "other database", "write-ahead log"])
def test_another_file_is_refused_and_not_touched(tmp_path, kept_as):
    path = tmp_path / "a.db"
    if kept_as == "text":
        path.write_text("these are the notes of many years " * 50)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA journal_mode = {'WAL' if kept_as == 'write-ahead log' else 'DELETE'}")
            connection.execute("CREATE TABLE notes (text)")
            connection.execute("DROP TABLE notes" if kept_as == "empty database" else "INSERT INTO notes VALUES ('x')")
        connection.close()
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"a\.db is (a database, but no gallery|no gallery, or is damaged)"):
        opened(path)
    assert path.read_bytes() == before
    assert os.name == "nt" or path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("CREATE TABLE notes (text)", "not the tables of a gallery: table notes"),
        ("CREATE VIEW facts_too AS SELECT * FROM facts", "not the tables of a gallery: view facts_too"),
        ("CREATE INDEX by_word ON things (word)", "not the tables of a gallery: index by_word"),
        (
            "CREATE TRIGGER things AFTER DELETE ON things BEGIN INSERT INTO facts VALUES (old.word, 'kept'); END",
            "not the tables of a gallery: trigger things",
        ),
        ("ALTER TABLE things ADD COLUMN more TEXT", "not the tables of a gallery: table things"),
        ("DROP TABLE things", "not the tables of a gallery: table things"),
        ("DROP TABLE facts", "its table of facts is missing"),
        ("ALTER TABLE facts ADD COLUMN more TEXT", "its table of facts is missing or another one"),
        ("DELETE FROM facts WHERE name = 'changes'", "it does not say how often it was changed"),
        ("UPDATE facts SET value = 'many' WHERE name = 'changes'", "it does not say how often it was changed"),
        ("UPDATE facts SET value = '-1' WHERE name = 'remnants'", "it does not say how often it was changed"),
        (f"UPDATE facts SET value = '{'9' * 5000}' WHERE name = 'changes'", "it does not say how often it was changed"),
        ("UPDATE facts SET value = x'00' WHERE name = 'colour'", "a fact is no text"),
        ("UPDATE facts SET name = x'00' WHERE name = 'colour'", "a fact is no text"),
        ("UPDATE facts SET value = CAST(x'ff' AS TEXT) WHERE name = 'changes'", "a text is no UTF-8"),
    ],
)
def test_tables_and_facts_of_somebody_else_are_refused_and_not_touched(tmp_path, change, words):
    opened(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute(change)
        connection.commit()
    before = (tmp_path / "a.db").read_bytes()
    with pytest.raises(ValueError, match=rf"a\.db is no gallery, or is damaged \({words}.*\); restore it or delete it"):
        opened(tmp_path / "a.db")
    assert (tmp_path / "a.db").read_bytes() == before


def test_another_version_is_told_before_its_tables_are_compared(tmp_path):
    Database(tmp_path / "a.db", application=7, schema=("CREATE TABLE other (x)",), facts={"schema": "0"})
    with pytest.raises(
        IncompatibleError, match=r"a\.db has version 0 of the tables; this library knows version 1\. Open"
    ):
        Database(tmp_path / "a.db", application=7, schema=SCHEMA, facts={"schema": "1"})


def test_rows_that_belong_to_none_and_pages_that_do_not_fit_are_refused(tmp_path):
    schema = (*SCHEMA, "CREATE TABLE parts (id INTEGER PRIMARY KEY, thing INTEGER NOT NULL REFERENCES things)")
    options = {"application": 7, "schema": schema, "facts": {}}
    add(Database(tmp_path / "a.db", **options), "first")
    content = (tmp_path / "a.db").read_bytes()
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("INSERT INTO parts VALUES (1, 5)")
        connection.commit()
    with pytest.raises(ValueError, match="a row belongs to one that is missing"):
        Database(tmp_path / "a.db", **options)
    (tmp_path / "a.db").write_bytes(content + bytes(4096))
    assert Database(tmp_path / "a.db", **options).changes() == 1  # what lies behind the last page is not read
    torn = content[:28] + (len(content) // 4096 + 1).to_bytes(4, "big") + content[32:] + bytes(4096)
    (tmp_path / "a.db").write_bytes(torn)
    with pytest.raises(ValueError, match=r"damaged \(.*never used"):
        Database(tmp_path / "a.db", **options)


def test_definitions_that_are_no_text_are_refused(tmp_path):
    opened(tmp_path / "a.db")
    content = (tmp_path / "a.db").read_bytes()
    for wrong in (b"CREATE TABLE things \xd7id", b"CREATE TABLE th\xd7ngs (id", b"CREATE TABLE things ((("):
        (tmp_path / "a.db").write_bytes(content.replace(b"CREATE TABLE things (id", wrong.ljust(23)[:23]))
        with pytest.raises(ValueError, match=r"a\.db is no gallery, or is damaged"):
            opened(tmp_path / "a.db")


@pytest.mark.parametrize(("place", "value"), [(56, 2), (44, 9)])
def test_a_header_of_another_encoding_or_format_is_refused(tmp_path, place, value):
    """UTF-16, or a schema of a later SQLite."""
    opened(tmp_path / "a.db")
    content = bytearray((tmp_path / "a.db").read_bytes())
    content[place : place + 4] = value.to_bytes(4, "big")
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.db is no gallery, or is damaged \("):
        opened(tmp_path / "a.db")


def test_a_whole_database_in_another_encoding_is_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        for statement in ("PRAGMA encoding = 'UTF-16'", database.FACTS, *SCHEMA, "PRAGMA application_id = 7"):
            connection.execute(statement)
        connection.execute("INSERT INTO facts VALUES ('changes', '0'), ('remnants', '1')")
        connection.commit()
    with pytest.raises(ValueError, match=r"a\.db is no gallery, or is damaged \(its texts are in another encoding"):
        opened(tmp_path / "a.db")


def test_a_header_that_denies_its_tables_does_not_make_the_file_a_new_one(tmp_path):
    path = tmp_path / "file.db"
    add(opened(path), "first")
    content = bytearray(path.read_bytes())
    assert any(content[40:44])  # the number of changes to the tables; 0 in a new file
    content[40:44] = bytes(4)
    path.write_bytes(content)
    assert words(opened(path)) == ["first"]


def test_a_header_that_lets_only_a_newer_sqlite_write_is_refused(tmp_path):
    path = tmp_path / "file.db"
    opened(path)
    content = bytearray(path.read_bytes())
    content[18] = 9  # the version of the format that whoever writes must know
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"file\.db is no gallery, or is damaged \(its header says"):
        opened(path)


def test_a_damaged_file_is_named(tmp_path):
    there = opened(tmp_path / "a.db")
    add(there, "word" * 10_000)
    content = bytearray((tmp_path / "a.db").read_bytes())
    content[8192:] = os.urandom(len(content) - 8192)
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.db is no gallery, or is damaged \(.*\); restore it or delete it"):
        words(there)


def test_a_file_that_was_deleted_meanwhile_is_no_empty_one(tmp_path):
    there = opened(tmp_path / "a.db")
    (tmp_path / "a.db").unlink()
    with pytest.raises(sqlite3.OperationalError, match=r"a\.db: unable to open"):
        words(there)
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        opened(tmp_path / "nowhere" / "a.db")


def test_one_writer_waits_for_the_other_and_then_gives_up(tmp_path, monkeypatch):
    there = opened(tmp_path / "a.db")
    monkeypatch.setattr(database, "PATIENCE", 0.05)
    with there.changing() as connection:
        insert(connection, "things (word)", "mine")
        with pytest.raises(TimeoutError, match=r"a\.db has been in use by another process for 0.05 s"):
            add(there, "theirs")  # each use has a connection of its own, as if it were another process
    monkeypatch.setattr(database, "PATIENCE", 20)
    threads = [threading.Thread(target=lambda: [add(there, "x") for _ in range(5)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert words(there) == ["mine"] + ["x"] * 20 and there.changes() == 21


def test_what_is_read_is_of_one_moment(tmp_path):
    there = opened(tmp_path / "a.db")
    add(there, "first")
    with there.reading() as connection:
        before = connection.execute("SELECT count(*) FROM things").fetchone()
        writer = threading.Thread(target=add, args=(there, "second"))
        writer.start()
        writer.join(0.2)
        assert connection.execute("SELECT count(*) FROM things").fetchone() == before == (1,)
    writer.join()
    assert words(there) == ["first", "second"]


def test_who_opens_the_file_next_erases_what_a_killed_process_left(tmp_path):
    """A copy made after the change and before the wiping is what a kill between them leaves."""
    there = opened(tmp_path / "a.db")
    add(there, "first")
    add(there, "word" * 10_000)
    with there.changing(erases=True) as connection:
        connection.execute("DELETE FROM things WHERE id > 1")
    shutil.copy(tmp_path / "a.db", tmp_path / "killed.db")
    size = (tmp_path / "killed.db").stat().st_size
    opened(tmp_path / "killed.db")
    assert (tmp_path / "killed.db").stat().st_size < size / 2
    with opened(tmp_path / "killed.db").reading() as connection:
        assert fact(connection, "remnants") == "0"


def test_a_mark_set_meanwhile_stays(tmp_path, monkeypatch):
    """Another process erases something between the building anew and the taking away of the mark."""
    there = opened(tmp_path / "a.db")
    with there.changing(erases=True):
        pass
    connect = sqlite3.connect

    class Meddled(sqlite3.Connection):
        def execute(self, statement, *values):
            result = super().execute(statement, *values)
            if statement == "VACUUM":
                with connect(tmp_path / "a.db") as other:
                    set_fact(other, "remnants", "2")
                other.close()
            return result

    monkeypatch.setattr(database.sqlite3, "connect", lambda *args, **named: connect(*args, factory=Meddled, **named))
    there.wipe()
    with there.reading() as connection:
        assert fact(connection, "remnants") == "2"


def test_no_copy_of_a_deleted_row_is_left_in_a_page(tmp_path):
    """This very sequence leaves one of the names in a page that SQLite filled anew, in spite of secure_delete."""
    schema = ("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT UNIQUE)",)
    there = Database(tmp_path / "a.db", application=7, schema=schema, facts={})
    draw, names, deleted = random.Random(6), [], []
    with there.changing(erases=True):
        pass
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        for pragma in (*database.PRAGMAS, "synchronous = OFF", "journal_mode = MEMORY"):  # the same, but quick
            connection.execute(f"PRAGMA {pragma}")
        for _ in range(100):
            connection.execute("BEGIN")
            for _ in range(2):
                names.append("".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(draw.randint(20, 400))))
                insert(connection, "people (name)", names[-1])
            connection.execute("COMMIT")
            deleted.append(names.pop(draw.randrange(len(names))))
            connection.execute("DELETE FROM people WHERE name = ?", (deleted[-1],))
    there.wipe()
    content = (tmp_path / "a.db").read_bytes()
    assert all(name.encode() in content for name in names)
    assert [name for name in deleted if name.encode() in content] == []
