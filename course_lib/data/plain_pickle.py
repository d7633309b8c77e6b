"""A pickle of plain values, read without running what is in it.

A pickle is a program: it may name any function of any module and call it. Here its instructions are carried out by a
small machine of our own that has no way to call anything. It knows the instructions that plain values need; of the
functions that real files name it does itself what they would do; and it keeps count of how much is asked for.
"""

from __future__ import annotations

import codecs
import math
import pickletools
import re
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.limits import MAX_BIN_BYTES

AN_INSTRUCTION = 256  # bytes that it may cost beside what it reads: a value and its places in lists and in memory
_CONSTANTS = {b"N": None, b"\x88": True, b"\x89": False}
_NUMBERS = {b"J": "<i", b"K": "<B", b"M": "<H"}
_STRINGS = {b"T": "<i", b"U": "<B", b"B": "<I", b"C": "<B", b"\x8e": "<Q"}
_TEXTS = {b"X": "<I", b"\x8c": "<B", b"\x8d": "<Q"}
_PUTS = {b"q": "<B", b"r": "<I"}
_GETS = {b"h": "<B", b"j": "<I"}
_TUPLES = {b")": 0, b"\x85": 1, b"\x86": 2, b"\x87": 3}


class CodeError(ValueError):
    """A pickle asks for more than plain values."""


class ArrayBytes:
    """What stands in for a NumPy array or number of whole numbers or truth values: its bytes, type and shape.

    Images are such arrays where OpenCV has encoded them; labels may be.
    """

    raw: bytes | bytearray = b""
    code = "u1"
    order = "|"
    shape: tuple[int, ...] = (0,)

    def __bytes__(self) -> bytes:
        return bytes(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def numbers(self) -> np.ndarray:
        """The array itself, read-only."""
        return np.frombuffer(self.raw, self.order.replace("|", "") + self.code).reshape(self.shape)


def read_plain(data: bytes) -> Any:
    """The lists, tuples, booleans, integers, bytes, text and ``ArrayBytes`` of a pickle, by Python 2 or 3, protocol 0
    to 5.

    Python 2's strings come as bytes.

    Raises:
        CodeError: it holds an instruction, or names a function or class, that plain values do not need; nothing of it
            has run.
        ValueError: it is truncated, damaged, goes on after its end, or holds more than ``MAX_BIN_BYTES`` of
            ``course_lib.limits``, where what is used again counts again.
    """
    machine = _Machine(data, MAX_BIN_BYTES.value)
    try:
        value = machine.run()
    except CodeError:
        raise
    except _TooMuchError as error:
        raise ValueError(
            f"it holds more than {machine.limit:,} bytes, counting again what it uses again. Allow more by the "
            f"environment variable {MAX_BIN_BYTES.variable}"
        ) from error
    except EOFError as error:
        raise ValueError(f"it is no whole pickle: its {len(data):,} bytes end within an instruction") from error
    except Exception as error:  # damaged instructions lead to nearly any error, whose words may hold any value
        raise ValueError(f"it is a damaged pickle ({type(error).__name__} at byte {machine.start:,})") from error
    if machine.at != len(data):
        raise ValueError(f"it goes on for {len(data) - machine.at:,} bytes after its end")
    return value


class _TooMuchError(Exception):
    pass


@dataclass(slots=True)
class _Item:
    """A value, what it would take in bytes if all of it were copied, and whether it was used again already."""

    value: Any
    weight: int
    used_again: bool = False


@dataclass(frozen=True)
class _Global:
    module: str
    name: str


@dataclass
class _Kind:
    """Of ``numpy.dtype``."""

    code: str
    order: str = "|"


class _Machine:
    def __init__(self, data: bytes, limit: int) -> None:
        self.data = data
        self.limit = limit
        self.start = self.at = 0  # of the instruction, and how far it is read
        self.total = 0
        self.stack: list[_Item] = []
        self.marks: list[int] = []
        self.memory: dict[int, _Item] = {}

    def run(self) -> Any:
        """The value at the end, which must have come."""
        while True:
            self.start = self.at
            self.count(AN_INSTRUCTION)
            code = self.read(1)
            if code == b".":
                return self.pop().value
            self.step(code)

    def step(self, code: bytes) -> None:
        """Carry out one instruction."""
        if code in _CONSTANTS:
            self.push(_CONSTANTS[code])
        elif code in _NUMBERS:
            self.push(self.number(_NUMBERS[code]))
        elif code in _STRINGS:
            self.push(self.read(self.number(_STRINGS[code])))
        elif code == b"\x96":
            self.push(bytearray(self.read(self.number("<Q"))))
        elif code in _TEXTS:
            self.push(self.read(self.number(_TEXTS[code])).decode("utf-8", "surrogatepass"))
        elif code in _PUTS:
            self.memory[self.number(_PUTS[code])] = self.stack[-1]
        elif code in _GETS:
            self.again(self.number(_GETS[code]))
        elif code in _TUPLES:
            count = _TUPLES[code]
            self.push_all(tuple, [self.pop() for _ in range(count)][::-1])
        elif code in _OTHERS:
            _OTHERS[code](self)
        else:
            name = getattr(pickletools.code2op.get(code.decode("latin1")), "name", None)
            if name is None:
                raise ValueError("no instruction")
            raise CodeError(f"its instruction {name} at byte {self.start:,} is not for plain values")

    def count(self, weight: int) -> None:
        """Add to the running sum."""
        self.total += weight
        if self.total > self.limit:
            raise _TooMuchError

    def read(self, count: int) -> bytes:
        if count < 0:
            raise ValueError("a negative length")
        if self.at + count > len(self.data):
            raise EOFError
        self.at += count
        return self.data[self.at - count : self.at]

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise EOFError
        return self.read(end + 1 - self.at)[:-1]

    def number(self, form: str) -> int:
        return struct.unpack(form, self.read(struct.calcsize(form)))[0]

    def push(self, value: Any) -> None:
        weight = AN_INSTRUCTION + (sys.getsizeof(value) if isinstance(value, (bytes, bytearray, str)) else 0)
        self.count(weight)
        self.stack.append(_Item(value, weight))

    def push_all(self, kind: Callable[[list[Any]], Any], items: list[_Item]) -> None:
        self.stack.append(_Item(kind([item.value for item in items]), AN_INSTRUCTION + sum(i.weight for i in items)))

    def pop(self) -> _Item:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise ValueError("an empty stack")
        return self.stack.pop()

    def since_mark(self) -> list[_Item]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def again(self, place: int) -> None:
        item = self.memory[place]
        item.used_again = True
        self.count(item.weight)
        self.stack.append(item)

    def changed(self, item: _Item, by: list[_Item]) -> Any:
        """The value to change. What is used elsewhere already is not: a list could come to hold itself."""
        if item.used_again:
            raise CodeError(f"at byte {self.start:,} it changes a value that it has used before")
        item.weight += sum(one.weight for one in by)
        return item.value

    # Instructions

    def append(self) -> None:
        self.extend([self.pop()])

    def extend(self, items: list[_Item]) -> None:
        values = self.changed(self.stack[-1], items)
        if type(values) is not list:
            raise TypeError("no list")
        values.extend(item.value for item in items)

    def integer(self) -> None:
        """Protocol 0 writes truth values as 00 and 01."""
        text = self.line()
        self.push({b"00": False, b"01": True}.get(text, _whole(text)))

    def long(self) -> None:
        self.push(_whole(self.line().removesuffix(b"L")))

    def long1(self) -> None:
        self.push(int.from_bytes(self.read(self.number("<B")), "little", signed=True))

    def string(self) -> None:
        text = self.line().strip()
        if len(text) < 2 or text[:1] not in (b"'", b'"') or text[:1] != text[-1:]:
            raise ValueError("no quotes")
        self.push(codecs.escape_decode(text[1:-1])[0])

    def name(self) -> None:
        module, name = self.line(), self.line()
        self.named(module.decode(), name.decode())

    def stack_name(self) -> None:
        name, module = self.pop().value, self.pop().value
        self.named(module, name)

    def named(self, module: str, name: str) -> None:
        if (module, name) not in _FUNCTIONS and (module, name) != ("numpy", "ndarray"):  # ndarray: only an argument
            raise CodeError(f"it asks for {_brief(module)}.{_brief(name)}, which plain values do not need")
        self.push(_Global(module, name))

    def call(self) -> None:
        """Do what a function would do that is named; there is nothing else to call."""
        arguments, function = self.pop(), self.pop().value
        if type(function) is not _Global or type(arguments.value) is not tuple:
            raise TypeError("no function of a tuple")
        self.push(_FUNCTIONS[function.module, function.name](*arguments.value))
        if type(self.stack[-1].value) is ArrayBytes:  # it keeps the bytes that it was made of
            self.stack[-1].weight += arguments.weight

    def build(self) -> None:
        state = self.pop()
        value = self.changed(self.stack[-1], [state])
        if type(value) is _Kind:
            value.order = _order(state.value[1])
        elif type(value) is ArrayBytes:
            _, shape, kind, _, raw = state.value
            _fill(value, raw, kind, shape)
        else:
            raise TypeError("nothing to build")


_OTHERS: dict[bytes, Callable[[_Machine], Any]] = {
    b"I": _Machine.integer,
    b"L": _Machine.long,
    b"\x8a": _Machine.long1,
    b"S": _Machine.string,
    b"V": lambda machine: machine.push(machine.line().decode("raw-unicode-escape")),
    b"(": lambda machine: machine.marks.append(len(machine.stack)),
    b"]": lambda machine: machine.push_all(list, []),
    b"l": lambda machine: machine.push_all(list, machine.since_mark()),
    b"t": lambda machine: machine.push_all(tuple, machine.since_mark()),
    b"a": _Machine.append,
    b"e": lambda machine: machine.extend(machine.since_mark()),
    b"p": lambda machine: machine.memory.update({_whole(machine.line()): machine.stack[-1]}),
    b"\x94": lambda machine: machine.memory.update({len(machine.memory): machine.stack[-1]}),
    b"g": lambda machine: machine.again(_whole(machine.line())),
    b"c": _Machine.name,
    b"\x93": _Machine.stack_name,
    b"R": _Machine.call,
    b"b": _Machine.build,
    b"\x80": lambda machine: machine.read(1),  # the protocol
    b"\x95": lambda machine: machine.read(8),  # how much follows in one piece
}


def _whole(text: bytes) -> int:
    if not re.fullmatch(rb" *-?[0-9]{1,300} *", text):
        raise ValueError("no whole number")
    return int(text)


# What the globals of real files mean. Python 3 writes bytes by protocol 2 as encode(text, "latin1"), and bytearrays in
# ways of their own. The AgeDB-30 and CFP files of InsightFace hold each image as a NumPy array; protocol 5 writes such
# an array by _frombuffer. A list of NumPy's truth values holds scalars.


def _encode(text: str, codec: str | bytes) -> bytes:
    if type(text) is not str or _latin(codec) not in ("latin1", "latin-1"):
        raise CodeError("it asks to encode other than text by latin1, which plain values do not need")
    return text.encode("latin1")


def _bytes(content: bytes = b"") -> bytes:
    if type(content) is not bytes:
        raise CodeError(f"it asks for bytes of a {type(content).__name__}, which plain values do not need")
    return content


def _bytearray(content: bytes | str = b"", codec: str | bytes = "latin1") -> bytearray:
    return bytearray(content if type(content) is bytes else _encode(content, codec))


def _kind(code: str | bytes, *_: Any) -> _Kind:
    return _Kind(_latin(code))


def _empty_array(*_: Any) -> ArrayBytes:
    return ArrayBytes()


def _from_buffer(raw: bytes | bytearray, kind: _Kind, shape: tuple[int, ...], *_: Any) -> ArrayBytes:
    return _fill(ArrayBytes(), raw, kind, shape)


def _scalar(kind: _Kind, raw: bytes) -> ArrayBytes:
    return _fill(ArrayBytes(), raw, kind, ())


def _fill(array: ArrayBytes, raw: bytes | bytearray, kind: _Kind, shape: tuple[int, ...]) -> ArrayBytes:
    code = kind.code if type(kind) is _Kind else "unknown type"
    if not re.fullmatch(r"b1|[iu][1248]", code):
        raise CodeError(f"it holds a NumPy array of {_brief(code)}; expected bytes, other whole numbers or booleans")
    shape = (shape,) if type(shape) is int else shape
    if type(raw) not in (bytes, bytearray) or not all(type(side) is int and side >= 0 for side in shape):
        raise TypeError("no array")
    if len(raw) != math.prod(shape[:32]) * int(code[1]) or len(shape) > 32:
        raise ValueError("an array of another length")
    array.raw, array.code, array.order, array.shape = raw, code, kind.order, tuple(shape)
    return array


_FUNCTIONS: dict[tuple[str, str], Callable[..., Any]] = {("_codecs", "encode"): _encode, ("numpy", "dtype"): _kind}
for _builtins in ("builtins", "__builtin__"):
    _FUNCTIONS |= {(_builtins, "bytes"): _bytes, (_builtins, "bytearray"): _bytearray}
for _core in ("numpy.core", "numpy._core"):
    _FUNCTIONS[f"{_core}.multiarray", "_reconstruct"] = _empty_array
    _FUNCTIONS[f"{_core}.multiarray", "scalar"] = _scalar
    _FUNCTIONS[f"{_core}.numeric", "_frombuffer"] = _from_buffer


def _latin(text: str | bytes) -> str:
    """Python 2's strings are bytes here."""
    return text.decode("latin1") if type(text) is bytes else text


def _order(text: Any) -> str:
    order = _latin(text)
    if order not in ("<", ">", "|", "="):
        raise ValueError("no byte order")
    return order


def _brief(text: str) -> str:
    """A name for a message: it may be as long as the file, or hold anything."""
    return re.sub(r"[^\w.]", "?", text[:60]) + ("..." if len(text) > 60 else "")
