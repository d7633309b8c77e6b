from __future__ import annotations

import numpy as np
import pytest

from benchmarks import tar_at_far


def test_both_read_the_same_points():
    scores, same = tar_at_far.scored_pairs(300, 30_000)
    assert len(np.unique(scores)) < len(scores), "ties are part of the comparison"
    assert tar_at_far.ours(scores, same) == tar_at_far.theirs(scores, same)


@pytest.mark.slow
def test_the_record_has_times_peaks_and_ratios():
    figures = tar_at_far.measure(n_genuine=2_000, n_impostor=2_000_000, rounds=1)
    assert figures["seconds"].keys() == figures["peak_bytes"].keys() == {tar_at_far.THEIRS, tar_at_far.OURS}
    # A sorted copy and its order take 16 bytes a score; what ours takes may fit into what was freed before.
    assert figures["peak_bytes"][tar_at_far.THEIRS] > 16 * 2_000_000
    assert 0 <= figures["peak_bytes"][tar_at_far.OURS] < 16 * 2_000_000
    assert figures["tar"] == sorted(figures["tar"])
    assert [row["target"] for row in figures["comparisons"]] == [30.0, 1.0, 0.0]
    assert figures["comparisons"][2]["value"] == 0.0
