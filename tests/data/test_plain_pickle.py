"""Plain values come back as they were; what would run anything is refused, and has not run."""

from __future__ import annotations

import builtins
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data.plain_pickle import ArrayBytes, CodeError, read_plain

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.binary(min_size=1) | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple),
    max_leaves=20,
)


@given(PLAIN, st.integers(2, pickle.HIGHEST_PROTOCOL))
def test_plain_values_come_back(value: Any, protocol: int) -> None:
    assert read_plain(pickle.dumps(value, protocol)) == value


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
        b"\x80\x02cnumpy.core.multiarray\nscalar\n.",
    ],
)
def test_other_ways_to_code_are_refused(data: bytes) -> None:
    with pytest.raises(CodeError):
        read_plain(data)


def test_a_place_in_memory_far_away_is_refused() -> None:
    with pytest.raises(CodeError, match="asks for 4294967295 places"):  # pickle would make room for all of them
        read_plain(b"\x80\x02]r\xff\xff\xff\xff.")


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


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros(3, bool), np.array([[1, 2]], np.int8)])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_other_arrays_are_refused(array: np.ndarray, protocol: int) -> None:
    with pytest.raises(CodeError, match="NumPy array of"):
        read_plain(pickle.dumps(array, protocol))


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
