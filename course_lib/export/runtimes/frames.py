"""What two processes say to each other over a pipe: a few words as JSON, and bytes. Nothing of it is ever unpickled.

Whoever runs a stranger's file may have become that stranger's, so what comes from there is read as data and no more.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

LENGTHS = struct.Struct("<IQ")  # of the words and of the bytes after them
WORDS_AT_MOST = 1 << 16


def send(pipe: BinaryIO, words: dict[str, Any], content: bytes | memoryview = b"") -> None:
    """Write one message; raises ``OSError`` where nobody reads any more."""
    said = json.dumps(words).encode()
    pipe.write(LENGTHS.pack(len(said), len(content)) + said)
    pipe.write(content)
    pipe.flush()


def receive(pipe: BinaryIO, at_most: int) -> tuple[dict[str, Any], bytes]:
    """Read one message, of at most so many bytes.

    Raises:
        EOFError: the other end is gone.
        ValueError: it is no message, or one of more bytes.
    """
    n_words, n_bytes = LENGTHS.unpack(_exactly(pipe, LENGTHS.size))
    if n_words > WORDS_AT_MOST or n_bytes > at_most:
        raise ValueError(f"a message of {n_words:,} and {n_bytes:,} bytes; expected {at_most:,} at most")
    try:
        words = json.loads(_exactly(pipe, n_words))
    except RecursionError as error:
        raise ValueError("a message is nested too deeply") from error
    if not isinstance(words, dict):
        raise ValueError(f"a message is {type(words).__name__}; expected an object")
    return words, _exactly(pipe, n_bytes)


def _exactly(pipe: BinaryIO, n: int) -> bytes:
    content = pipe.read(n)
    if len(content) < n:
        raise EOFError
    return content
