"""Plain values come back as they were; what would run anything is refused, and has not run."""

from __future__ import annotations

import builtins
import os
import pickle
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from bins import python_2_dumps
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data.plain_pickle import ArrayBytes, CodeError, _fill, _Kind, read_plain

ARRAYS = st.sampled_from(["u1", "i1", "b1", "<i8", ">i4", "<u2"]).flatmap(
    lambda kind: st.lists(st.integers(0, 1), max_size=4).map(lambda numbers: np.array(numbers, kind))
)
PLAIN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**200), 2**200),
        st.binary(),
        st.binary().map(bytearray),
        st.text(),
        ARRAYS,
        st.booleans().map(np.bool_),
    ),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple),
    max_leaves=20,
)


def comparable(value: Any) -> Any:
    """Arrays as their type and numbers, whatever stands for them."""
    if isinstance(value, ArrayBytes):
        value = value.numbers()
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.newbyteorder("="), value.shape, value.tolist()
    if isinstance(value, list | tuple):
        return type(value)(map(comparable, value))
    return type(value), value


@given(PLAIN, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_come_back(value: Any, protocol: int) -> None:
    assert comparable(read_plain(pickle.dumps(value, protocol))) == comparable(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.binary(),
        lambda inner: st.lists(inner) | st.lists(inner).map(tuple),
        max_leaves=20,
    ),
    st.integers(0, 2),
)
def test_what_python_2_wrote_comes_back(value: Any, protocol: int) -> None:
    assert comparable(read_plain(python_2_dumps(value, protocol))) == comparable(value)


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


def attacks(target: Path) -> dict[str, Any]:
    """Each would write a file, or find a way to."""
    return {
        "a shell": Call(os.system, f"echo run > {target}"),
        "among the images": ([b"image", Call(os.system, f"echo run > {target}")], [True]),
        "an expression": Call(eval, f"open({str(target)!r}, 'w')"),
        "a file": Call(open, str(target), "w"),
        "an attribute": Call(getattr, b"", "join"),
        "an import": Call(builtins.__import__, "os"),
        "NumPy's own loader": Call(np.load, str(target)),
        "a class": Call(Path, "somewhere"),
    }


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("attack", attacks(Path()))
def test_code_is_refused_and_does_not_run(attack: str, protocol: int, tmp_path: Path) -> None:
    target = tmp_path / "run"
    data = pickle.dumps(attacks(target)[attack], protocol)
    with pytest.raises(CodeError, match="it asks for|is not for plain values"):
        read_plain(data)
    assert not target.exists()
    if attack in ("a shell", "a file"):  # it is a real attack: pickle runs it
        pickle.loads(data)
        assert target.exists()


def test_what_is_asked_for_is_named() -> None:
    with pytest.raises(CodeError, match=r"it asks for (posix|nt)\.system, which plain values do not need"):
        read_plain(pickle.dumps(Call(os.system, "true"), 2))


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02cos\nsystem\nU\x04true\x85R.",  # a call written by hand
        b"(S'true'\nios\nsystem\n.",  # INST names and calls at once
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x02c__builtin__\nobject\n)\x81.",  # NEWOBJ
        b"\x80\x02U\x03keyQ.",  # BINPERSID asks the reader for an object
        b"\x80\x02\x82\x01.",  # EXT1 asks the registry
        b"\x80\x02}U\x01aK\x01s.",  # a dictionary: not needed
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aU\x04zlib\x86R.",
        b"\x80\x02c_codecs\nencode\nU\x01aX\x06\x00\x00\x00latin1\x86R.",
        b"\x80\x02cnumpy.core.multiarray\nfrombuffer\n.",
        b"\x80\x02c__builtin__\nbytes\nJ\xff\xff\xff\x7f\x85R.",  # two gigabytes of zeros
    ],
)
def test_other_ways_to_code_are_refused(data: bytes) -> None:
    with pytest.raises(CodeError):
        read_plain(data)


def test_a_place_in_memory_far_away_takes_no_room() -> None:
    assert read_plain(b"\x80\x02]r\xff\xff\xff\xff.") == []  # pickle would make room for all the places before it


def test_stand_ins_cannot_be_changed_for_the_next_file() -> None:
    change = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nN}U\x04nameK\x01s\x86b."
    with pytest.raises(CodeError, match="SETITEM|EMPTY_DICT"):
        read_plain(change)
    with pytest.raises(ValueError, match="damaged"):
        read_plain(b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nK\x01b.")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_an_image_that_opencv_encoded_is_its_bytes(protocol: int) -> None:
    """InsightFace's AgeDB-30 and CFP files hold such arrays."""
    encoded = cv2.imencode(".jpg", np.full((8, 8, 3), 90, np.uint8))[1]
    images, same = read_plain(pickle.dumps(([encoded, encoded.reshape(-1, 1), encoded], [True]), protocol))
    assert [isinstance(image, ArrayBytes) for image in images] == [True] * 3 and same == [True]
    assert {bytes(image) for image in images} == {encoded.tobytes()}


def test_python_2_wrote_strings_and_arrays_of_them() -> None:
    """Assembled from the instructions that Python 2 writes by protocol 2; there, bytes are strings."""
    raw = bytes(range(256)) * 2
    text = b"T" + struct.pack("<i", len(raw)) + raw
    kind = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    array += b"(K\x01M\x00\x02K\x01\x86" + kind + b"\x89" + text + b"tb"
    images, same = read_plain(b"\x80\x02](" + text + array + b"U\x02abe]\x88a\x86.")
    assert images[0] == bytes(images[1]) == raw and images[2] == b"ab" and same == [True]


@pytest.mark.parametrize(
    "array", [np.zeros(3), np.array([b"ab"]), np.array([None]), np.array(["1"]), np.zeros(2, "M8[s]")]
)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_other_arrays_are_refused(array: np.ndarray, protocol: int) -> None:
    with pytest.raises(CodeError, match="NumPy array of|DICT"):
        read_plain(pickle.dumps(array, protocol))


@pytest.mark.parametrize(("shape", "raw"), [((3,), b"ab"), ((-1,), b""), ((2**62, 2**62), b"")])
def test_an_array_of_another_length_than_its_bytes_is_refused(shape: tuple[int, ...], raw: bytes) -> None:
    data = pickle.dumps(np.zeros(2, np.uint8), 2)
    state = pickle.dumps((1, shape), 2)[2:-1]
    assert data.count(b"K\x01K\x02\x85q") == 1
    damaged = data.replace(b"K\x01K\x02\x85q", state.replace(b"\x86q\x00", b"").replace(b"\x86q\x01", b"") + b"q", 1)
    with pytest.raises(ValueError, match="damaged|no whole"):
        read_plain(damaged)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_truncated_pickle_is_refused_wherever_it_ends(protocol: int) -> None:
    data = pickle.dumps(([b"first", b"second"], [True]), protocol)
    for end in range(len(data)):
        with pytest.raises(ValueError, match="no whole pickle|damaged"):
            read_plain(data[:end])


def test_what_follows_the_end_is_refused() -> None:
    with pytest.raises(ValueError, match="goes on for 4 bytes after its end"):
        read_plain(pickle.dumps([True], 2) + b"more")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_plain(data)
    except ValueError:
        pass


@given(st.data())
def test_a_real_file_with_other_bytes_here_and_there_is_read_or_refused(data: st.DataObject) -> None:
    array = np.frombuffer(b"an image", np.uint8)
    protocol = data.draw(st.integers(0, 5))
    content = bytearray(pickle.dumps(([b"image", bytearray(b"image"), array], np.array([True])), protocol))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_plain(bytes(content))
    except ValueError as error:
        assert len(str(error)) < 300


# What it takes

PIECES = [
    *(b"(", b"]", b"l", b"t", b"a", b"e", b")", b"\x85", b"R", b"b", b"N", b"K\x01"),
    *(b"q\x00", b"h\x00", b"q\x01", b"h\x01", b"h\x00" * 50, b"h\x01" * 50),
    *(b"B\x00\x04\x00\x00" + b"b" * 1024, b"X\x00\x04\x00\x00" + b"t" * 1024),
    *(b"X\x06\x00\x00\x00latin1", b"X\x02\x00\x00\x00u1", b"c_codecs\nencode\n", b"c__builtin__\nbytearray\n"),
    *(b"cnumpy\ndtype\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy.core.numeric\n_frombuffer\n"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_memory_stays_within_the_limit_whatever_is_used_again(pieces: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_MAX_BIN_BYTES", "100_000")
        tracemalloc.start()
        try:
            read_plain(b"\x80\x02" + b"".join(pieces) + b".")
        except ValueError:
            pass
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert peak < 300_000


def test_lists_of_lists_of_lists_are_refused_at_once() -> None:
    """A few hundred bytes that would print as ten to the power of twelve numbers."""
    levels = [b"(" + b"I0\n" * 10 + b"lp0\n", *(b"(" + b"g%d\n" % i * 10 + b"lp%d\n" % (i + 1) for i in range(11))]
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"more than 1,073,741,824 bytes, counting again .* COURSE_MAX_BIN_BYTES"):
        read_plain(b"(" + b"".join(levels) + b"l.")
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", [bytes, bytearray, lambda raw: np.frombuffer(raw, np.uint8)])
def test_what_is_used_again_counts_again(kind: Any, protocol: int, monkeypatch: pytest.MonkeyPatch) -> None:
    image = kind(bytes(100_000))
    data = pickle.dumps([image] * 50, protocol)
    monkeypatch.setenv("COURSE_MAX_BIN_BYTES", "4000000")
    with pytest.raises(ValueError, match="holds more than 4,000,000 bytes"):
        read_plain(data)
    monkeypatch.setenv("COURSE_MAX_BIN_BYTES", "50000000")
    assert len(read_plain(data)) == 50


def test_a_list_that_holds_itself_is_refused() -> None:
    itself: list[Any] = []
    itself.append(itself)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(CodeError, match="changes a value that it has used before"):
            read_plain(pickle.dumps(itself, protocol))


# The words


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"\x80\x02K\x01(\x85.", ValueError, "it is a damaged pickle (ValueError at byte 5)"),  # below a mark
        (b"\x80\x02.", ValueError, "it is a damaged pickle (ValueError at byte 2)"),  # nothing there
        (b"\x80\x02h\x05.", ValueError, "it is a damaged pickle (KeyError at byte 2)"),
        (b"K\x01K\x02a.", ValueError, "it is a damaged pickle (TypeError at byte 4)"),  # a number is no list
        (b"K\x01)R.", ValueError, "it is a damaged pickle (TypeError at byte 3)"),  # a number is no function
        (b"K\x01Nb.", ValueError, "it is a damaged pickle (TypeError at byte 3)"),  # nor can it be built
        (b"I1x\n.", ValueError, "it is a damaged pickle (ValueError at byte 0)"),
        (b"S'a\n.", ValueError, "it is a damaged pickle (ValueError at byte 0)"),
        (b"T\xff\xff\xff\xff.", ValueError, "it is a damaged pickle (ValueError at byte 0)"),  # a negative length
        (b"\xff", ValueError, "it is a damaged pickle (ValueError at byte 0)"),
        (b"", ValueError, "it is no whole pickle: its 0 bytes end within an instruction"),
        (b"T\x05\x00\x00\x00abcd", ValueError, "it is no whole pickle: its 9 bytes end within an instruction"),
        (b"I12", ValueError, "it is no whole pickle: its 3 bytes end within an instruction"),
        (b"N." + b"x" * 1234, ValueError, "it goes on for 1,234 bytes after its end"),
        (b"N}.", CodeError, "its instruction EMPTY_DICT at byte 1 is not for plain values"),
        (b"]q\x00h\x00Na.", CodeError, "at byte 6 it changes a value that it has used before"),
        (b"cos\nsystem\n.", CodeError, "it asks for os.system, which plain values do not need"),
        (
            b"c" + b"m" * 60 + b"\nn<>" + b"n" * 58 + b"\n.",
            CodeError,
            f"it asks for {'m' * 60}.n??{'n' * 57}..., which plain values do not need",
        ),
        (
            b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00ascii\x86R.",
            CodeError,
            "it asks to encode other than text by latin1, which plain values do not need",
        ),
        (
            b"c__builtin__\nbytes\nK\x03\x85R.",
            CodeError,
            "it asks for bytes of a int, which plain values do not need",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(data: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        read_plain(data)
    assert type(caught.value) is error and str(caught.value) == words


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"I01\n.", True),
        (b"I00\n.", False),
        (b"I 1 \n.", 1),
        (b"L-12L\n.", -12),
        (b"L7\n.", 7),
        (b"\x8a\x02\xff\xff.", -1),
        (b"S'a\\n'\n.", b"a\n"),
        (b'S"b"\n.', b"b"),
        (b"V\\u0416\n.", "\u0416"),
        (b"M\x01\x02.", 513),
        (b"J\xfe\xff\xff\xff.", -2),
        (b"K\x01(K\x02K\x03t\x86.", (1, (2, 3))),
        (b"(K\x02l.", [2]),
        (b"](K\x01K\x02e.", [1, 2]),
        (b"]p7\nK\x05ag7\n\x86.", ([5], [5])),
        (b"\x8c\x01a\x94\x8c\x01b\x94h\x01h\x00\x87.", None),
        (b"c__builtin__\nbytes\n)R.", b""),
        (b"c__builtin__\nbytearray\n)R.", bytearray()),
        (b"\x8c\x08builtins\x8c\x05bytes\x93U\x02ab\x85R.", b"ab"),
    ],
)
def test_instructions_one_by_one(data: bytes, expected: Any) -> None:
    if expected is None:  # the memory is filled in order, and read by place
        expected = ("b", "b", "a")
    assert comparable(read_plain(data)) == comparable(expected) and pickle.loads(data, encoding="bytes") == expected


def test_the_limit_is_the_last_number_of_bytes_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: N and the end are two instructions of 256, and the value another."""
    monkeypatch.setenv("COURSE_MAX_BIN_BYTES", "768")
    assert read_plain(b"N.") is None
    monkeypatch.setenv("COURSE_MAX_BIN_BYTES", "767")
    with pytest.raises(ValueError, match="it holds more than 767 bytes"):
        read_plain(b"N.")


@pytest.mark.parametrize(("order", "number"), [("<", 258), (">", 513), ("=", 258), ("|", 258)])
def test_bytes_of_an_array_are_in_their_order(order: str, number: int) -> None:
    array = ArrayBytes()
    array.raw, array.code, array.order, array.shape = b"\x02\x01" * 6, "u2", order, (3, 2)
    assert array.numbers().tolist() == [[number] * 2] * 3 and len(array) == 12 and bytes(array) == array.raw
    assert ArrayBytes().numbers().tolist() == [] and ArrayBytes().numbers().dtype == np.uint8


def test_an_array_has_at_most_32_axes_and_each_kind_its_size() -> None:
    def array(kind: str, shape: tuple[int, ...], raw: bytes) -> ArrayBytes:
        return _fill(ArrayBytes(), raw, _Kind(kind), shape)

    assert array("u1", (1,) * 32, b"a").numbers().shape == (1,) * 32
    assert array("i4", (2,), bytes(8)).numbers().dtype == np.int32
    assert array("b1", 2, b"\1\0").numbers().tolist() == [True, False]
    for kind, shape, raw in (("u1", (1,) * 33, b"a"), ("i4", (2,), bytes(7)), ("u1", (-1,), b""), ("u1", (1.0,), b"a")):
        with pytest.raises((ValueError, TypeError), match="no array|of another length"):
            array(kind, shape, raw)
    for kind in ("f4", "u3", "u16", "b2", "O8", "u" * 70):
        with pytest.raises(CodeError, match=f"a NumPy array of {kind[:60]}"):
            array(kind, (0,), b"")
