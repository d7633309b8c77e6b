"""Valid files turned into damaged ones, by a random generator: the same seed makes the same file."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from random import Random

LONGEST = 2**18  # bytes of a case
SIZES = (0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, -1)
WORDS = tuple(
    b"\0 \n -1 NaN inf 1e999 99999999999999999999 ../../x / .. % %s \xef\xbb\xbf \xff\xfe \xed\xa0\x80".split(b" ")
)
PNG_START = 8


def mutated(random: Random, seeds: Sequence[bytes]) -> bytes:
    """One of the files with one to four faults, or, one time in ten, arbitrary bytes, some with a true beginning."""
    content = random.choice(seeds)
    if random.random() < 0.1:
        return content[: random.choice((0, 4, 16))] + random.randbytes(random.randrange(2000))
    for _ in range(random.randint(1, 4)):
        content = random.choice(FAULTS)(random, content, seeds)[:LONGEST]
    return content


def with_checksums(random: Random, seeds: Sequence[bytes]) -> bytes:
    """A damaged PNG; half of them have right checksums all the same, so that what lies behind these is reached."""
    content = mutated(random, seeds)
    if random.random() < 0.5:
        return content
    place, mended = PNG_START, bytearray(content)
    while place + 12 <= len(mended):
        (length,) = struct.unpack_from(">I", mended, place)
        end = place + 8 + length
        if end + 4 > len(mended):
            break
        struct.pack_into(">I", mended, end, zlib.crc32(mended[place + 4 : end]))
        place = end + 4
    return bytes(mended)


def within_zip(random: Random, seeds: Sequence[bytes]) -> bytes:
    """A damaged archive, or a whole one with a damaged record."""
    if random.random() < 0.3:
        return mutated(random, seeds)
    with zipfile.ZipFile(io.BytesIO(random.choice(seeds))) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    chosen = random.choice(sorted(records, key=len)) if random.random() < 0.3 else max(records, key=_is_pickle)
    records[chosen] = mutated(random, [records[chosen]])
    return zipped(records)


def zipped(records: dict[str, bytes]) -> bytes:
    """An archive that is not compressed, as PyTorch writes them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in records.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def within_header(random: Random, seeds: Sequence[bytes]) -> bytes:
    """A damaged safetensors file; half of them say the right length of a header that is damaged."""
    if random.random() < 0.5:
        return mutated(random, seeds)
    content = random.choice(seeds)
    (length,) = struct.unpack_from("<Q", content)
    header = mutated(random, [content[8 : 8 + length]])
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


def odd_names(random: Random, _: Sequence[bytes]) -> bytes:
    """Paths of a few files, apart by zero bytes: names of any characters or bytes, with or without a suffix."""
    return b"\0".join(b"/".join(_names(random)) for _ in range(random.randint(1, 8)))


def _names(random: Random) -> list[bytes]:
    folders = [_name(random) for _ in range(random.choice((0, 1, 1, 1, 2, 3)))]
    suffix = random.choice((b".jpg", b".JPG", b".png", b".jpeg", b".jpg.png", b".webp", b".txt", b""))
    return [*folders, (random.choice(ALIKE) if random.random() < 0.4 else _name(random)) + suffix]


ALIKE = (
    b"x",
    b"X",
    "\u00e9".encode(),
    "e\u0301".encode(),
    b"x.jpg",
    b"CON",
    b"-x",
    b"x ",
    b".x",
    b"=1+1",
    b'"',
    b"x\n",
)


def _name(random: Random) -> bytes:
    length = random.choice((1, 2, 3, 8, 30, 60, 200, 251))
    if random.random() < 0.3:
        name = random.randbytes(length)
    else:
        end = random.choice((0x80, 0x800, 0x10000, 0x110000))
        name = "".join(chr(random.randrange(1, end)) for _ in range(length)).encode("utf-8", "surrogatepass")[:251]
    name = name.replace(b"/", b"_").replace(b"\0", b"_")
    return name if name not in (b".", b"..") else b"_"


def _is_pickle(name: str) -> bool:
    return name.endswith(".pkl")


def _place(random: Random, content: bytes) -> int:
    """Anywhere, or near the beginning, where lengths and types stand."""
    return random.randrange(min(len(content), random.choice((64, 512, LONGEST, LONGEST))) + 1)


def _flip(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    flipped = bytearray(content)
    for _ in range(random.randint(1, 8) if content else 0):
        flipped[_place(random, content[:-1])] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _truncate(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content[: _place(random, content)]


def _cut(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    place = _place(random, content)
    return content[:place] + content[place + random.choice((1, 4, 32, 500)) :]


def _double(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    place, end = sorted((_place(random, content), _place(random, content)))
    return content[:end] + content[place:end] * random.choice((1, 1, 2, 50)) + content[end:]


def _length(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    place, width = _place(random, content), random.choice((1, 2, 4, 8))
    number = (random.choice(SIZES) % 2 ** (8 * width)).to_bytes(width, random.choice(("little", "big")))
    return content[:place] + number + content[place + width :]


def _word(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    place = _place(random, content)
    word = random.choice(WORDS) if random.random() < 0.7 else str(random.choice(SIZES)).encode()
    return content[:place] + word + content[place + random.choice((0, len(word))) :]


def _insert(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    place = _place(random, content)
    return content[:place] + random.randbytes(random.choice((1, 4, 100))) + content[place:]


def _splice(random: Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    other = random.choice(seeds)
    return content[: _place(random, content)] + other[_place(random, other) :]


FAULTS = (_flip, _flip, _truncate, _cut, _double, _length, _length, _word, _insert, _splice)
