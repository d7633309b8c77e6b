from __future__ import annotations

import pytest

from benchmarks import rank_k

SIZE = {"n_people": 40, "n_probes": 60, "n_mates": 70, "n_distractors": 3_000, "dimensions": 32}


@pytest.mark.slow
def test_the_memory_is_measured_without_faiss_and_what_is_missing_is_said(monkeypatch, capsys):
    monkeypatch.setattr(rank_k, "installed", lambda: None)
    figures = rank_k.measure(SIZE, rounds=1, threads=(1,))
    (memory,) = figures["comparisons"]
    assert memory["target"] == 1.0 and memory["unit"] == "GB" and 0.01 < memory["value"] < 1.0
    assert figures["faiss"].startswith("not installed")
    assert "faiss-cpu is not installed" in capsys.readouterr().out


def test_the_scene_is_neither_easy_nor_hopeless():
    first, fifth, twentieth = rank_k.ours(rank_k.tinyface_like(**{**SIZE, "dimensions": 128}))
    assert 0.2 < first < fifth < twentieth < 1


def test_faiss_finds_the_same():
    faiss = pytest.importorskip("faiss", reason="the extra bench is not installed")
    figures = rank_k.race(faiss, rank_k.tinyface_like(**SIZE), rounds=1, threads=(1,))
    assert figures["rates"][rank_k.THEIRS] == figures["rates"][rank_k.OURS]
    assert figures["comparisons"][-1]["value"] == 0
    assert figures["comparisons"][0]["target"] == 1.0
