"""A SQLite file whose changes happen whole or not at all, and in which nothing is left of what was deleted.

A change is acknowledged, which means that the call returns, when it is on the disk. A process that is killed at any
moment leaves what was there before or what should be there after: whoever opens the file next undoes a half-written
change before reading. Threads and processes may share the file: they wait for each other.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PRAGMAS = (
    "foreign_keys = ON",
    # No write-ahead log: it would keep what is deleted until somebody empties it.
    "journal_mode = DELETE",
    # FULL, and the folder is synced too once the journal is gone: until then a power cut could undo the change.
    "synchronous = EXTRA",
    "secure_delete = ON",
    "temp_store = MEMORY",
)
PATIENCE = 30.0  # seconds to wait for another process


class Database:
    """One file, with a table ``facts`` of names and values beside those asked for.

    Args:
        path: of the file; it is made if need be, readable by its owner alone.
        application: a number of 32 bits in the header, which tells the file from other databases.
        schema: statements that make the tables, when the file is new.
        facts: to put in then.

    Raises:
        FileNotFoundError: the folder is missing.
        ValueError: here and later: the file is another database, none at all, or damaged.
        TimeoutError: here and later: another process has kept the file for ``PATIENCE`` seconds.
    """

    def __init__(self, path: Path | str, *, application: int, schema: Sequence[str], facts: dict[str, str]) -> None:
        self.path = Path(path).expanduser().resolve()
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"{self.path.parent} is not a folder; make it before you put a file there")
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._transaction("IMMEDIATE", is_ours=False) as connection:
            if connection.execute("PRAGMA schema_version").fetchone()[0] == 0:
                for statement in ("CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)", *schema):
                    connection.execute(statement)
                for name, value in {**facts, "changes": "0", "remnants": "0"}.items():
                    set_fact(connection, name, value)
                connection.execute(f"PRAGMA application_id = {application}")
            elif connection.execute("PRAGMA application_id").fetchone()[0] != application:
                raise ValueError(f"{self.path} is a database, but no gallery; choose another path")
        self.wipe()

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
            raise sqlite3.OperationalError(f"{self.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{self.path} is no gallery, or is damaged ({error}); restore it or delete it") from error


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
