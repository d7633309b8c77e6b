"""A SQLite file whose changes happen whole or not at all, and in which nothing is left of what was deleted.

A change is acknowledged, which means that the call returns, when it is on the disk. A process that is killed at any
moment leaves what was there before or what should be there after: whoever opens the file next undoes a half-written
change before reading. Threads and processes may share the file: they wait for each other.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from course_lib.gallery.kind import IncompatibleError
from course_lib.paths import expanded

FACTS = "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
PRAGMAS = (
    "foreign_keys = ON",
    # No write-ahead log: it would keep what is deleted until somebody empties it.
    "journal_mode = DELETE",
    # FULL, and the folder is synced too once the journal is gone: until then a power cut could undo the change.
    "synchronous = EXTRA",
    "secure_delete = ON",
    "temp_store = MEMORY",
)
NO_TEXT = "a text is no UTF-8"
COUNT = re.compile("[0-9]{1,18}")
PATIENCE = 30.0  # seconds to wait for another process


class Database:
    """One file, with a table ``facts`` of names and values beside those asked for.

    A file that is there already is checked as a whole before anything is changed in it.

    Args:
        path: of the file; it is made if need be. It is readable by its owner alone, or made so if others could read it,
            with a warning where that is not possible. On Windows who may read it is its folder's affair.
        application: a number of 32 bits in the header, which tells the file from other databases.
        schema: statements that make the tables, when the file is new; an old one must have these tables and no others.
        facts: to put in then. One called ``"schema"`` is the version of the tables, which an old file must have too.

    Raises:
        FileNotFoundError: the folder is missing.
        IncompatibleError: the file has another version of the tables.
        ValueError: here and later: the file is another database, none at all, or damaged.
        TimeoutError: here and later: another process has kept the file for ``PATIENCE`` seconds.
    """

    def __init__(self, path: Path | str, *, application: int, schema: Sequence[str], facts: dict[str, str]) -> None:
        self.path = expanded(path).resolve()
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"{self.path.parent} is not a folder; make it before you put a file there")
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        tables = (FACTS, *schema)
        with self._transaction("IMMEDIATE", is_ours=False) as connection:
            is_new = connection.execute("PRAGMA schema_version").fetchone()[0] == 0
            if is_new and not _definitions(connection):  # a damaged header may say that there is nothing
                for statement in tables:
                    connection.execute(statement)
                for name, value in {**facts, "changes": "0", "remnants": "0"}.items():
                    set_fact(connection, name, value)
                connection.execute(f"PRAGMA application_id = {application}")
            elif connection.execute("PRAGMA application_id").fetchone()[0] != application:
                raise ValueError(f"{self.path} is a database, but no gallery; choose another path")
            else:
                self._check(connection, tables, facts.get("schema"))
        self._close_to_others()
        self.wipe()

    def damaged(self, what: str) -> ValueError:
        """The error that says what is wrong with the file."""
        return ValueError(f"{self.path} is no gallery, or is damaged ({what}); restore it or delete it")

    def _check(self, connection: sqlite3.Connection, tables: Sequence[str], version: str | None) -> None:
        """Refuse what this library did not write: it would be searched, or stay when people are forgotten."""
        there, expected = _definitions(connection), _definitions_of(tables)
        if there.get(("table", "facts")) != FACTS:
            raise self.damaged("its table of facts is missing or another one")
        if connection.execute("SELECT 1 FROM facts WHERE typeof(name) != 'text' OR typeof(value) != 'text'").fetchone():
            raise self.damaged("a fact is no text")
        found = fact(connection, "schema")
        if found != version:
            raise IncompatibleError(
                f"{self.path} has version {str(found)[:20]} of the tables; this library knows version {version}. Open "
                "it with the library that made it, or enrol everyone again in another file"
            )
        if there != expected:
            others = [key for key in there.keys() | expected.keys() if there.get(key) != expected.get(key)]
            raise self.damaged("not the tables of a gallery: " + min(f"{kind} {name}" for kind, name in others)[:80])
        if not all(COUNT.fullmatch(fact(connection, name) or "") for name in ("changes", "remnants")):
            raise self.damaged("it does not say how often it was changed")
        if connection.execute("PRAGMA encoding").fetchone()[0] != "UTF-8":
            raise self.damaged("its texts are in another encoding than UTF-8")
        (state,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if state != "ok":
            raise self.damaged(" ".join(state.split())[:200])
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise self.damaged("a row belongs to one that is missing")

    def _close_to_others(self) -> None:
        """Let the owner alone read the file, whatever it came with, such as the mode of a copy."""
        if os.name == "nt" or not self.path.stat().st_mode & 0o077:
            return
        try:
            self.path.chmod(stat.S_IMODE(self.path.stat().st_mode) & 0o700)
        except OSError:
            pass  # another's file; who else may read it is said below
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if mode & 0o077:  # also where a disk knows no modes
            warnings.warn(
                f"{self.path} can be read by others (mode {mode:o}), which only its owner can change, on a disk that "
                "keeps modes. Until then, keep it in a folder that is closed to others",
                stacklevel=2,
            )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """All that is read inside is of one moment."""
        with self._transaction("DEFERRED") as connection:
            yield connection

    @contextmanager
    def changing(self, *, erases: bool = False) -> Iterator[sqlite3.Connection]:
        """All that is changed inside is changed together; call ``wipe`` after a change that ``erases`` anything."""
        # IMMEDIATE waits for other writers before anything is read, so that nobody's change is lost.
        with self._transaction("IMMEDIATE") as connection:
            number = str(int(fact(connection, "changes") or 0) + 1)
            set_fact(connection, "changes", number)
            if erases:
                set_fact(connection, "remnants", number)
            yield connection

    def changes(self) -> int:
        """How many changes the file has seen; it tells whether what was read is still what is there."""
        with self.reading() as connection:
            return int(fact(connection, "changes") or 0)

    def wipe(self) -> None:
        """Build the file anew if anything was erased since it was last built.

        ``secure_delete`` overwrites what is deleted. But when SQLite distributes rows anew among pages, it may leave a
        copy of a row where it used to be, and that is not overwritten. Whoever is killed before this is done leaves
        the mark, and the next one to open the file does it.
        """
        with self._connection() as connection:
            mark = fact(connection, "remnants")
            if mark != "0":
                connection.execute("VACUUM")
                # Unless another process erased something meanwhile, and set a mark of its own.
                connection.execute("UPDATE facts SET value = '0' WHERE name = 'remnants' AND value = ?", (mark,))

    @contextmanager
    def _transaction(self, kind: str, *, is_ours: bool = True) -> Iterator[sqlite3.Connection]:
        with self._connection(is_ours=is_ours) as connection:
            connection.execute(f"BEGIN {kind}")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _connection(self, *, is_ours: bool = True) -> Iterator[sqlite3.Connection]:
        """A connection for one use: threads and forked processes never share one, and no lock is left behind.

        Until it is known whether the file ``is_ours`` its settings are left alone: they are kept in the file.
        """
        # mode=rw: a file that was deleted meanwhile is an error, not a new one with nobody in it.
        address = f"{self.path.as_uri()}?mode=rw"
        try:
            connection = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
            try:
                for pragma in PRAGMAS if is_ours else ():
                    connection.execute(f"PRAGMA {pragma}")
                yield connection
            finally:
                connection.close()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise TimeoutError(f"{self.path} has been in use by another process for {PATIENCE:g} s") from error
            if "decode" in str(error):
                raise self.damaged(NO_TEXT) from None  # the message would quote it
            if "unsupported" in str(error):
                raise self.damaged(str(error)) from error
            if "readonly" in str(error) and os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK):
                raise self.damaged("its header says that only a newer SQLite may write to it") from error
            raise sqlite3.OperationalError(f"{self.path}: {error}") from error
        except UnicodeDecodeError:  # of SQLite's own message, which quotes a definition
            raise self.damaged(NO_TEXT) from None
        except sqlite3.DatabaseError as error:
            raise self.damaged(str(error)) from error


def insert(connection: sqlite3.Connection, into: str, *values: object) -> int:
    """Insert one row ``into`` a table with its columns, ``"table (a, b)"``, and return its id."""
    marks = ", ".join("?" * len(values))
    return int(connection.execute(f"INSERT INTO {into} VALUES ({marks})", values).lastrowid or 0)


def fact(connection: sqlite3.Connection, name: str) -> str | None:
    """The value of a fact, if there is one."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def set_fact(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Put a fact in the place of the last of that name."""
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def _definitions(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """What makes each table, index, view and trigger, by type and name; those that SQLite adds by itself have none."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(kind, name): sql for kind, name, sql in rows}


def _definitions_of(statements: Sequence[str]) -> dict[tuple[str, str], str]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in statements:
            connection.execute(statement)
        return _definitions(connection)
