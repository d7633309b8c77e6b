from __future__ import annotations

import multiprocessing
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from benchmarks import gallery_kill
from benchmarks.gallery_kill import CONSENT, ENROL, FORGET, KIND, Expected, embeddings, faults, measure
from course_lib.gallery import Store


@pytest.mark.slow
@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="needs processes that fork")
def test_what_was_acknowledged_survives_ten_kills(monkeypatch):
    monkeypatch.setattr(gallery_kill, "SHARE_FORGOTTEN", 0.4)
    figures = measure(kills=10, longest=0.1)
    counts = figures["counts"]
    assert counts["lost or broken"] == 0
    assert counts["enrol, acknowledged"] > 0
    inside = [counts.get(f"{change}, killed inside", 0) for change in (ENROL, FORGET)]
    assert sum(inside) > 0
    for change, count in zip((ENROL, FORGET), inside, strict=True):
        assert count == sum(counts.get(f"{change}, killed inside, {state} state", 0) for state in ("old", "new"))
    assert [row["verdict"] for row in figures["comparisons"]] == ["", "met"]
    assert figures["acknowledged"] >= counts["enrol, acknowledged"] and figures["killed_inside_a_change"] == sum(inside)


@pytest.fixture
def path(tmp_path):
    """Ada and Grace, enrolled; Eve, forgotten."""
    store = Store(tmp_path / "a.gallery", KIND)
    store.enrol({name: (embeddings(name), CONSENT) for name in ("Ada", "Grace", "Eve")})
    store.forget("Eve")
    return store.path


def expected() -> Expected:
    return Expected({"Ada", "Grace"}, {"Eve"})


def test_an_intact_file_has_no_fault(path):
    assert faults(path, expected(), None, Counter()) == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM people WHERE name = 'Ada'", "a row belongs to one that is missing"),
        ("DELETE FROM templates WHERE enrolment = 1", "there is no template of 'Ada'"),
        ("UPDATE people SET name = 'Eva' WHERE name = 'Ada'", "Eva is there"),
        ("UPDATE templates SET embedding = zeroblob(768) WHERE id = 1", "not of length one"),
        (
            "INSERT INTO templates (enrolment, embedding) SELECT 2, embedding FROM templates WHERE id = 1",
            "Grace is changed",
        ),
        ("UPDATE enrolments SET purpose = 'another' WHERE person = 2", "Grace is changed"),
        ("DELETE FROM enrolments WHERE person = 1", "a row belongs to one that is missing"),
        ("INSERT INTO facts VALUES ('note', 'Eve was here')", "Eve is forgotten, but not gone"),
    ],
)
def test_each_fault_is_found(path, statement, words):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    assert any(words in fault for fault in faults(path, expected(), None, Counter()))


@pytest.mark.parametrize(
    ("pending", "outcome", "enrolled"),
    [
        ((ENROL, "Mary"), "enrol, killed inside, old state", {"Ada", "Grace"}),
        ((ENROL, "Grace"), "enrol, killed inside, new state", {"Ada", "Grace"}),
        ((FORGET, "Ada"), "forget, killed inside, old state", {"Ada", "Grace"}),
        ((FORGET, "Eve"), "forget, killed inside, new state", {"Ada", "Grace"}),
    ],
)
def test_the_change_under_way_may_have_happened_or_not(path, pending, outcome, enrolled):
    before = {
        (ENROL, "Grace"): Expected({"Ada"}, {"Eve"}),
        (FORGET, "Eve"): Expected({"Ada", "Grace", "Eve"}, set()),
    }.get(pending, expected())
    counts = Counter()
    assert faults(path, before, pending, counts) == []
    assert counts == {outcome: 1} and before.enrolled == enrolled


def test_what_was_reported_is_followed():
    there, counts = Expected(), Counter()
    messages = [(ENROL, "Ada", False), (ENROL, "Ada", True), (ENROL, "Eve", False), (ENROL, "Eve", True)]
    messages += [(FORGET, "Eve", False), (FORGET, "Eve", True), (ENROL, "Mary", False)]
    assert there.follow(messages, counts) == (ENROL, "Mary")
    assert there == Expected({"Ada"}, {"Eve"}) and counts == {
        "enrol, acknowledged": 2,
        "forget, acknowledged": 1,
        "enrol, killed inside": 1,
    }
    assert there.follow([(FORGET, "Ada", False), (FORGET, "Ada", True)], counts) is None
