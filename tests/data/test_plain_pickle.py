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

from course_lib.data.plain_pickle import ArrayBytes, CodeError, read_plain

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
