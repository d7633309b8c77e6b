"""Every term of the glossary stands in bold where it is defined, and no notebook uses one that it has not explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import glossary
from tools.notebooks import NOTEBOOKS

TWINS = sorted((NOTEBOOKS / "text").glob("*.py"))


@pytest.fixture(scope="module")
def entries() -> list[glossary.Entry]:
    return glossary.read(glossary.GLOSSARY.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {glossary.number_of(twin): glossary.markdown_of(twin) for twin in TWINS}


def test_the_glossary_is_sorted_without_doubles_and_its_links_lead_to_notebooks(entries: list) -> None:
    assert len(entries) > 100
    faults = [*glossary.file_faults(entries), *glossary.dead_links(entries)]
    assert not faults, "\n".join(["", *faults])


def test_the_first_terms_that_a_learner_would_look_up_have_entries(entries: list) -> None:
    names = {name for entry in entries for name in entry.names}
    wanted = {"embedding", "identity", "genuine", "impostor", "TAR", "FAR", "FRR", "EER", "ROC", "DET", "DIR", "CMC"}
    wanted |= {"mate", "template", "gallery", "probe", "Wilson interval", "bootstrap", "linear probe", "fine-tuning"}
    assert not (wanted | {"regularisation", "Hessian", "closure"}) - names


@pytest.mark.slow
@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.stem)
def test_a_notebook_defines_its_terms_and_uses_none_too_early(twin: Path, entries: list, texts: dict) -> None:
    faults = glossary.faults(twin, entries)
    faults += glossary.misleading_pointers(glossary.number_of(twin), texts, entries)
    assert not faults, "\n".join(["", *faults])


def test_every_pointer_names_a_notebook_that_exists(texts: dict) -> None:
    faults = [fault for number in texts for fault in glossary.dangling_pointers(number, texts[number], set(texts))]
    assert not faults, "\n".join(["", *faults])


SAMPLE = """# Glossary

Words about it.

## E

**embedding** · [00](../notebooks/00_start.ipynb) · A vector.

**false accept rate** (FAR, false match rate) · [02](../notebooks/02_train.ipynb) · Impostors who
are let in.

**patch** (patches) · [04g](../notebooks/04g_vit.ipynb) · A square.

**score** (counted: cosine score) · [00](../notebooks/00_start.ipynb) · A number.

**template (alignment)** (counted: alignment template) · [01](../notebooks/01_alignment.ipynb) · Places.

**width** (wide; counted: none) · [03](../notebooks/03_costs.ipynb) · How wide.
"""
TERMS = {entry.term: entry for entry in glossary.read(SAMPLE)}


def too_early(number: str, markdown: str) -> list[str]:
    found = glossary.used_before_defined(number, glossary.prose(markdown), TERMS.values())
    return [fault.split("'")[1] for fault in found]


def test_an_entry_is_read_with_its_names_and_the_forms_that_count() -> None:
    far = TERMS["false accept rate"]
    assert far.counted == far.names == ("false accept rate", "FAR", "false match rate")
    assert (far.number, far.definition) == ("02", "Impostors who are let in.")
    assert (TERMS["score"].names, TERMS["score"].counted) == (("score", "cosine score"), ("cosine score",))
    assert TERMS["template (alignment)"].names == ("template", "alignment template")
    assert (TERMS["width"].names, TERMS["width"].counted) == (("width", "wide"), ())
    with pytest.raises(ValueError, match=r"the glossary has '\*\*rank\*\* without a notebook', expected"):
        glossary.read("**rank** without a notebook")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("**embedding**", "**zoo**", "'false accept rate' stands behind 'zoo'"),
        ("**patch** (patches)", "**embedding** (patches)", "'embedding' has 2 entries"),
        ("(patches)", "(FAR)", "'far' is counted for 2 terms"),
    ],
)
def test_a_spoilt_glossary_is_found(old: str, new: str, says: str) -> None:
    assert list(glossary.file_faults(glossary.read(SAMPLE))) == []
    assert any(says in fault for fault in glossary.file_faults(glossary.read(SAMPLE.replace(old, new))))


def test_a_dead_link_and_a_link_to_another_number_are_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "notebooks").mkdir()
    for entry in TERMS.values():
        (tmp_path / "docs" / entry.link).touch()
    assert list(glossary.dead_links(TERMS.values(), tmp_path / "docs")) == []
    (tmp_path / "notebooks" / "04g_vit.ipynb").unlink()
    moved = glossary.read(SAMPLE.replace("[02]", "[03]"))
    dead = "\n".join(glossary.dead_links(moved, tmp_path / "docs"))
    assert dead.count("\n") == 1
    assert "'patch' links to ../notebooks/04g_vit.ipynb, which does not exist" in dead
    assert "'false accept rate' names notebook 03 and links to ../notebooks/02_train.ipynb" in dead


@pytest.mark.parametrize(
    ("number", "markdown", "found"),
    [
        ("01", "The false accept rate is small.", ["false accept rate"]),
        ("01", "Two false-match rates.", ["false accept rate"]),
        ("01", "FAR is small.", ["false accept rate"]),
        ("01", "It is far away, in NEARFAR, and FAR-fetched.", []),
        ("01", "**FAR** is small, and FAR stays small.", []),
        ("01", "The false accept rate (**FAR**) is small.", []),
        ("01", "The **false accept rate, FAR**, is small.", []),
        ("01", "FAR is small. That is the **FAR**.", ["false accept rate"]),
        ("01", "**A small FAR is good.**", ["false accept rate"]),
        ("02", "FAR first, bold never.", ["false accept rate"]),
        ("03", "FAR is known since 02.", []),
        ("05", "A core notebook may not know patches.", ["patch"]),
        ("11", "An optional one knows patches.", []),
        ("05", "A core notebook explains **patches**.", []),
        ("00", "A score is an everyday word.", []),
        ("00", "A cosine score is none.", ["score"]),
        ("00", "As **score** we take the cosine score.", []),
        ("01", "`FAR`, $FAR$, [here](FAR.md), <FAR>\n\n```\nFAR\n```\n\n$$\nFAR\n$$", []),
        ("01", "[FAR](here.md)", ["false accept rate"]),
        ("01", "## The FAR\n\nWords.", []),
        ("01", "**What you will learn**\n- FAR;\n- more.\n\nFAR.", ["false accept rate"]),
        ("01", "**What you will learn**\n- FAR;\n- more.\n\nWords.\n\nNext: FAR in notebook 02.\n\n**Next**: FAR.", []),
        ("01", "## What the papers report\n\nFAR.\n\n### More\n\nFAR.\n\n## Exercises\n\nWords.", []),
        ("01", "## Next\n\nFAR.\n\n## Exercises\n\nWords.", []),
        ("01", "## What the papers report\n\nWords.\n\n## Exercises\nFAR.", ["false accept rate"]),
    ],
)
def test_what_counts_as_used_before_it_is_explained(number: str, markdown: str, found: list[str]) -> None:
    assert too_early(number, markdown) == found


def test_a_notebook_must_have_its_terms_in_bold() -> None:
    text = glossary.prose("The **Alignment templates** of crops.")
    assert list(glossary.not_defined("01", text, TERMS.values())) == []
    bare = glossary.prose("The alignment template, **the template of a crop** and **`template`**.")
    (fault,) = glossary.not_defined("01", bare, TERMS.values())
    assert fault.endswith("write **template**.")


def test_pointers_lead_to_notebooks_that_exist_and_that_have_the_term() -> None:
    markdown = (
        "See Notebook 02, notebooks 03, 04g and 07b. FAR (notebook 01) and patches (notebook 04g).\n\nnotebook\n99"
    )
    found = list(glossary.dangling_pointers("05", markdown, {"01", "02", "03", "04g"}))
    assert [fault.split(",")[0] for fault in found] == [
        f"notebook 05 points at notebook {name}" for name in ("07b", "99")
    ]
    texts = {"01": "no term", "02": "**FAR**", "04g": "**patch**", "05": markdown}
    (fault,) = glossary.misleading_pointers("05", texts, TERMS.values())
    assert fault == "notebook 05 points at 01 for 'false accept rate', which 02 defines."
    assert not list(glossary.misleading_pointers("05", texts | {"01": "again **FAR**"}, TERMS.values()))
