"""A pickle of plain values, read without running what is in it.

A pickle is a program: it may name any function of any module and call it. Here its instructions are looked at first,
those that plain values do not need are refused, and the few functions that real files name are replaced by stand-ins
that keep bytes. Nothing else can be named, so nothing else can be called.
"""

from __future__ import annotations

import pickle
import pickletools
from io import BytesIO
from typing import Any

_VALUES = "NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2"
_STRINGS = "STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8"
_TEXTS = "UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8"
_CONTAINERS = "MARK EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3"
_MEMORY = "PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET"
_STAND_INS = "GLOBAL STACK_GLOBAL REDUCE BUILD"  # safe as long as only stand-ins can be named
ALLOWED = frozenset(" ".join(["PROTO FRAME STOP", _VALUES, _STRINGS, _TEXTS, _CONTAINERS, _MEMORY, _STAND_INS]).split())


class CodeError(ValueError):
    """A pickle asks for more than plain values."""


class ArrayBytes:
    """What stands in for a NumPy array of single bytes, as OpenCV makes them of an encoded image: only its bytes."""

    raw = b""

    def __setstate__(self, state: Any) -> None:
        _, _, kind, _, raw = state
        self.raw = _checked(raw, kind)

    def __bytes__(self) -> bytes:
        return self.raw


def read_plain(data: bytes) -> Any:
    """The lists, tuples, booleans, integers, bytes, text and ``ArrayBytes`` of a pickle, by Python 2 or 3.

    Python 2's strings come as bytes.

    Raises:
        CodeError: it holds an instruction, or names a function or class, that plain values do not need; nothing of it
            has run.
        ValueError: it is truncated, damaged, or goes on after its end.
    """
    _check_instructions(data)
    stream = BytesIO(data)
    try:
        value = _Unpickler(stream, encoding="bytes").load()
    except CodeError:
        raise
    except Exception as error:  # damaged instructions lead to nearly any error
        raise ValueError(f"it is a damaged pickle ({type(error).__name__}: {error})") from error
    if stream.tell() != len(data):
        raise ValueError(f"it goes on for {len(data) - stream.tell()} bytes after its end")
    return value


def _check_instructions(data: bytes) -> None:
    try:
        for opcode, argument, position in pickletools.genops(data):
            if opcode.name not in ALLOWED:
                raise CodeError(f"its instruction {opcode.name} at byte {position} is not for plain values")
            if opcode.name.endswith("PUT") and not 0 <= argument <= position:
                raise CodeError(
                    f"its instruction {opcode.name} at byte {position} asks for {argument} places in memory"
                )
    except CodeError:
        raise
    except Exception as error:  # also IndexError and OverflowError, for bytes that are no pickle
        raise ValueError(f"it is no whole pickle ({error})") from error


class _Unpickler(pickle.Unpickler):
    """Knows the stand-ins only. They are made anew for each file, so that none can change them for the next."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._known = _stand_ins()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise CodeError(f"it asks for {module}.{name}, which plain values do not need")
        return self._known[module, name]


def _stand_ins() -> dict[tuple[str, str], Any]:
    """What the globals of real files mean here.

    Python 3 writes bytes by protocol 2 as ``_codecs.encode(text, "latin1")``. The AgeDB-30 and CFP files of InsightFace
    hold each image as a NumPy array of bytes; protocol 5 writes such an array by ``_frombuffer``.
    """

    class Kind:  # of numpy.dtype
        def __init__(self, code: Any, *_: Any) -> None:
            self.code = code

        def __setstate__(self, state: Any) -> None:
            """Byte order and alignment mean nothing to single bytes."""

    def encode(text: str, codec: str) -> bytes:
        if not isinstance(text, str) or codec not in ("latin1", "latin-1"):
            raise CodeError(f"it asks to encode by {codec!r}, which plain values do not need")
        return text.encode("latin1")

    def empty_array(*_: Any) -> ArrayBytes:
        return ArrayBytes()

    def from_buffer(raw: Any, kind: Any, *_: Any) -> ArrayBytes:
        array = ArrayBytes()
        array.raw = _checked(raw, kind)
        return array

    known: dict[tuple[str, str], Any] = {("_codecs", "encode"): encode, ("numpy", "dtype"): Kind}
    known["numpy", "ndarray"] = "ndarray"  # only ever an argument
    for core in ("numpy.core", "numpy._core"):
        known[f"{core}.multiarray", "_reconstruct"] = empty_array
        known[f"{core}.numeric", "_frombuffer"] = from_buffer
    return known


def _checked(raw: Any, kind: Any) -> bytes:
    code = getattr(kind, "code", None)
    if code not in ("u1", b"u1") or not isinstance(raw, (bytes, bytearray)):
        raise CodeError(f"it holds a NumPy array of {code}; expected bytes, u1")
    return bytes(raw)
