from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.gallery.names import as_name, may_be_read

JOINER, NON_JOINER = "\u200d", "\u200c"


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "Zoë Ångström",
        "علی\u200cرضا",  # Persian: ya keeps the shape that it has at a word's end
        "امیر\u200cحسین",
        "عليٌّ\u200cرضا",  # with two marks on the letter
        "ه\u200d",  # an initial, in the shape that goes on
        "क\u094d\u200dष",  # Devanagari, half a ka
        "ರಾಜ\u0ccd\u200cಕುಮಾರ್",  # Kannada, the virama is seen
        "ශ\u0dca\u200dරී",  # Sinhala
        "অবন\u09cd\u200d",  # after a virama at the end
        "র\u200d\u09cdযাম",  # Bengali: before one
        "東海林",
        "葛\U000e0100城",  # which of two ways to write the sign
    ],
)
def test_what_can_be_seen_is_a_name(name):
    assert as_name(name) == unicodedata.normalize("NFC", name) and may_be_read(as_name(name))
    assert as_name(unicodedata.normalize("NFD", name)) == as_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " Ada",
        "Ada\u00a0",
        "A\nda",
        "A\x1b[2Jda",
        "A\u200cda",  # changes nothing in Latin: two names would look alike
        "Ada\u200d",
        "\u200cAda",
        "\u200cعلی",  # before the letter it changes nothing
        "علی \u200cرضا",
        "علی\u200c\u200cرضا",
        "A\u0301\u200cda",  # a mark, but on no Arabic letter
        "👩\u200d💻",
        "क\u094dषम\u200dक",  # the virama is two letters before
        "कम\u200dष\u094d",  # or two letters after
        "علی\u200bرضا",  # a place to break the line
        "Ada\u202eecarG",  # shown in another order
        "A\u00adda",
        "\ufeffAda",
        "Ada\ud800",
        "Ada\ue000",
    ],
)
def test_what_cannot_be_seen_is_refused(name):
    with pytest.raises(ValueError, match="expected printable characters without blanks around them"):
        as_name(name)


def test_a_name_is_no_book():
    assert as_name("A" * 1000) == "A" * 1000
    with pytest.raises(
        ValueError, match=r"the name is 'A{20}'\.\.\. of 100,000 characters; expected at most 1000"
    ) as error:
        as_name("A" * 100_000)
    assert len(str(error.value)) < 100


def test_what_is_no_string_is_refused():
    with pytest.raises(TypeError, match="the name is b'Ada'; expected a string"):
        as_name(b"Ada")


@given(
    st.text(
        st.sampled_from("Ae\u0301\u0651\u200b\u200c\u200d\u202e\u0378\u00a0 \x1bعیक\u094dರ\u0ccd\u09cd"), max_size=8
    )
)
def test_what_is_accepted_is_accepted_again_and_printable_but_for_the_joiners(text):
    try:
        name = as_name(text)
    except ValueError:
        assert text != text.strip() or not text.isprintable() or not text
        return
    assert as_name(name) == name and may_be_read(name)
    assert name.replace(JOINER, "").replace(NON_JOINER, "").isprintable()


def test_a_file_may_hold_letters_of_a_later_unicode_and_no_control_characters():
    assert unicodedata.category("\u0378") == "Cn" and may_be_read("Ada\u0378")
    for wrong in (None, 7, b"Ada", "", "A\x1bda", "A\u200cda", "A\u202eda", "\ud800"):
        assert not may_be_read(wrong)
