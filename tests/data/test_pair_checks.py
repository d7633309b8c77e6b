from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data import Pairs, check_pairs
from course_lib.data.pair_checks import linked_people

ALL = ("duplicates", "itself", "contradictions", "shared")


def pairs_of(*rows: tuple[int, int, bool]) -> Pairs:
    left, right, same = zip(*rows, strict=True)
    return Pairs(np.array(left), np.array(right), np.array(same, dtype=bool))


def test_a_clean_list_has_nothing():
    found = check_pairs(pairs_of((0, 1, True), (2, 3, True), (0, 2, False), (1, 3, False)), folds=np.zeros(4, int))
    assert (found.duplicates, found.itself, found.contradictions, found.shared) == ((), (), (), ())
    assert str(found) == "nothing"


def test_duplicates_are_named_in_either_order():
    pairs = pairs_of((0, 1, True), (2, 3, False), (1, 0, True), (3, 2, False), (2, 3, False), (4, 5, True))
    with pytest.raises(ValueError, match=r"duplicates: 2 group\(s\) .* \(0 and 2, 1 and 3 and 4\)\. Mend the list"):
        check_pairs(pairs)
    found = check_pairs(pairs, allow=["duplicates"])
    assert found.duplicates == ((0, 2), (1, 3, 4)) and "2 group(s)" in str(found)


def test_an_image_with_itself_is_named():
    with pytest.raises(ValueError, match=r"itself: 1 pair\(s\) of an image with itself \(1\)"):
        check_pairs(pairs_of((0, 1, True), (2, 2, True)))


def test_labels_that_cannot_be_are_named():
    linked = pairs_of((0, 1, True), (1, 2, True), (0, 2, False))  # 0 is 1 and 1 is 2, so 0 is 2
    with pytest.raises(ValueError, match=r"contradictions: 1 pair\(s\) .* \(2\)"):
        check_pairs(linked)
    pairs = pairs_of((0, 1, True), (2, 3, False), (0, 2, False))
    assert check_pairs(pairs).contradictions == (), "without identities nothing speaks against them"
    assert check_pairs(pairs, np.array([7, 8, 9, 9]), allow=ALL).contradictions == (0, 1)


def test_an_identity_in_two_folds_is_named():
    pairs = pairs_of((0, 1, True), (2, 3, False), (1, 4, True), (5, 6, False))
    folds = np.array([0, 0, 1, 1])
    with pytest.raises(ValueError, match=r"shared: 1 identities in more than one fold \(0\)"):
        check_pairs(pairs, folds=folds)
    assert check_pairs(pairs).shared == (), "nobody asked about folds"
    people = np.array([5, 5, 6, 7, 5, 7, 8])
    assert check_pairs(pairs, people, folds, allow=["shared"]).shared == (5, 7)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans(), st.integers(0, 2)), min_size=1))
def test_against_counting_by_hand(rows):
    pairs, folds = pairs_of(*(row[:3] for row in rows)), np.array([row[3] for row in rows])
    people = np.array([0, 0, 1, 1, 2, 2, 3])
    found = check_pairs(pairs, people, folds, allow=ALL)
    times = Counter(frozenset(row[:2]) for row in rows)
    assert sorted(p for group in found.duplicates for p in group) == [
        number for number, row in enumerate(rows) if times[frozenset(row[:2])] > 1
    ]
    assert all(len({frozenset(rows[pair][:2]) for pair in group}) == 1 for group in found.duplicates)
    folds_of = {who: {row[3] for row in rows if who in people[list(row[:2])]} for who in range(4)}
    assert found.shared == tuple(who for who in range(4) if len(folds_of[who]) > 1)
    assert found.contradictions == tuple(
        number for number, (a, b, same, _) in enumerate(rows) if (people[a] == people[b]) != same
    )


def test_linked_people_are_all_that_genuine_pairs_connect():
    people = linked_people(pairs_of((0, 3, True), (3, 5, True), (1, 2, False), (4, 4, True)), 7)
    assert people[0] == people[3] == people[5] and len(set(people.tolist())) == 5


def test_bad_arguments_are_refused():
    pairs = pairs_of((0, 1, True), (2, 3, False))
    with pytest.raises(ValueError, match=r"allow holds \['doubles'\]; expected some of duplicates, itself"):
        check_pairs(pairs, allow=["doubles"])
    with pytest.raises(ValueError, match="there are 3 identities, but the pairs name image 3"):
        check_pairs(pairs, np.zeros(3, int))
    with pytest.raises(ValueError, match=r"folds have shape \(3,\); expected \(2,\)"):
        check_pairs(pairs, folds=np.zeros(3, int))


def test_a_message_stays_short_however_much_is_found():
    pairs = Pairs(np.zeros(50_000, int), np.ones(50_000, int), np.ones(50_000, bool))
    with pytest.raises(
        ValueError, match=r"duplicates: 1 group.* \(0 and 1 and 2 and 3 and 4 and 49,995 more\)"
    ) as error:
        check_pairs(pairs)
    assert len(str(error.value)) < 300
