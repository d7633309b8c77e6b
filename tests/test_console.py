from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.console import listed, shown


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("Zoë/1.jpg", "Zoë/1.jpg"),
        ("Ад\u200cа", "Ад\u200cа"),
        (os.fsdecode(b"\xe9.jpg") if os.name == "posix" else "\udce9.jpg", r"\udce9.jpg"),
        ("a\nb", r"a\nb"),
        ("\x1b[2Ja", r"\x1b[2Ja"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
    ],
)
def test_a_name_is_shown_as_far_as_it_can_be(name, printed):
    assert shown(name) == printed


@given(st.text(st.characters(codec=None)))
def test_whatever_is_shown_is_text_of_one_line(name):
    assert len(shown(name).splitlines()) <= 1
    shown(name).encode("utf-8")


def test_the_first_are_listed_and_the_rest_counted():
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_a_narrow_console_prints_every_name():
    name = ascii("Zoë Чехов 王 " + chr(0xDCE9))
    program = f"from course_lib.console import print_anything; print_anything(); print({name})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=os.environ | {"PYTHONIOENCODING": "cp1252:strict"}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("cp1252").strip() == r"Zoë \u0427\u0435\u0445\u043e\u0432 \u738b \udce9"
