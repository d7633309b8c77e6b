"""The lines of a list, and the fields of a line, as spreadsheets and editors write them."""

from __future__ import annotations

import codecs
import csv
import re
from pathlib import Path

from course_lib.stand_ins import refuse_stand_in

LONGEST_LINE = 4096  # characters: two paths and a label; a longer one names no file, and no message should hold it
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def text_lines(path: Path) -> list[str]:
    """The lines of a text file in UTF-8, or in UTF-16 with the byte order mark that Windows writes.

    Raises:
        ValueError: it is no text, or a web page or the like in its place, or a line is longer than ``LONGEST_LINE``;
            the message names it.
    """
    refuse_stand_in(path)
    content = path.read_bytes()
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 (byte {error.start} is none)") from error
    lines = re.split(r"\r\n|\r|\n", text)  # unlike splitlines: a name may hold any other character
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise ValueError(f"{path}, line {number}: {len(line):,} characters, of which {LONGEST_LINE:,} are allowed")
    return lines


def fields_of(line: str) -> list[str]:
    """What tabs separate, or else commas, or else spaces; a field in double quotes may hold them itself.

    Raises:
        ValueError: a quote is not closed, or something follows it.

    Example:
        >>> fields_of('"Lee, Ann.jpg", b.jpg, 1')
        ['Lee, Ann.jpg', 'b.jpg', '1']
    """
    outside = re.sub(r'"[^"]*"', "", line)
    separator = "\t" if "\t" in outside else "," if "," in outside else " "
    try:
        (fields,) = csv.reader([line.strip()], delimiter=separator, skipinitialspace=True, strict=True)
    except csv.Error as error:
        raise ValueError(f"{shown(line)} cannot be split into fields ({error})") from error
    if separator == " " and '"' not in line:
        return line.split()
    return [field.strip() for field in fields]


def shown(text: str, at_most: int = 80) -> str:
    """A text for a message: quoted, and cut off where it is long."""
    return repr(text) if len(text) <= at_most else f"{text[:at_most]!r}..."
