from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import int8_choices
from benchmarks.int8_choices import (
    COUNTS,
    DRAWS,
    EDGES,
    PAIRS_OF_CHOICES,
    PERCENTILES,
    SOURCES,
    Choice,
    compare,
    histograms,
    plan,
    sweep,
)
from course_lib import backbones, data, export

SIZE = 48


def test_every_choice_has_every_draw_once_and_the_first_draws_come_first():
    runs = plan()
    choices = {choice for choice, _ in runs}
    assert len(set(runs)) == len(runs) == len(choices) * len(DRAWS)
    assert [draw for _, draw in runs] == sorted(draw for _, draw in runs)
    assert choices >= {Choice(c, p, count=n) for c in (True, False) for p in PERCENTILES for n in COUNTS}
    assert choices >= {choice for pair in PAIRS_OF_CHOICES for choice in pair} and Choice() in choices


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_the_wrong_images_have_the_right_shape_and_are_enough(monkeypatch, name):
    draw = data.synthetic_faces
    monkeypatch.setattr(data, "synthetic_faces", lambda n, *rest, **options: draw(min(n, 64), *rest, **options))
    images = SOURCES[name].__wrapped__()  # what is drawn in haste is not kept
    assert images.dtype == torch.uint8 and images.shape[1:] == (3, 112, 112) and len(images) >= 64
    assert (images[0] != images[1]).any()


def test_the_histograms_count_every_pair():
    embeddings = np.array([[1.0, 0], [1, 0], [0, 1], [-1, 2]])
    pairs = data.Pairs(np.array([0, 0, 0]), np.array([1, 2, 3]), np.array([True, False, False]))
    found = histograms(embeddings, pairs)
    assert sum(found["genuine"]) == found["genuine"][-1] == 1  # cosine 1 lies in the last bin
    assert sum(found["impostor"]) == 2 and found["impostor"][np.searchsorted(EDGES, -1 / np.sqrt(5)) - 1] == 1


@pytest.fixture
def swept(monkeypatch, tmp_path, shallow):
    """A tiny network, two choices; and how often a file was written."""
    network = backbones.create("mobilefacenet_relu", width=0.1, embedding_dim=16, input_size=SIZE, seed=0).eval()
    crops = torch.randint(0, 256, (40, 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    some = data.Pairs(np.arange(20), np.arange(20, 40), np.arange(20) % 2 == 0)
    pairs = {"dev_train": some, "dev_test": some}
    written, quantize = [], export.quantize
    monkeypatch.setattr(int8_choices, "plan", lambda: [(Choice(count=16), 0), (Choice(False, None, count=16), 1)])
    monkeypatch.setattr(export, "quantize", lambda *args, **scheme: written.append(scheme) or quantize(*args, **scheme))
    fp32 = export.to_onnx(network, tmp_path / "fp32.onnx")
    files = {False: fp32, True: fp32}
    return lambda: sweep(files, {"faces": lambda: crops}, crops, pairs), written


@pytest.mark.slow
def test_a_sweep_goes_on_where_its_record_ends(swept):
    run, written = swept
    figures = run()
    assert [scheme["scheme"] for scheme in written] == [export.Scheme(True, 99.99), export.Scheme(False, None)]
    first, second = figures["runs"]
    assert (first["per_channel"], second["percentile"], second["draw"]) == (True, None, 1)
    assert second["bytes"] < first["bytes"] < figures["fp32"]["bytes"]
    assert 0.9 < first["cosine"] <= 1 and sum(first["genuine"]) == sum(figures["fp32"]["genuine"]) == 10
    assert (figures["fp32_silenced"]["cosine"], figures["fp32_silenced"]["impostor_moved"]) == (1, 0)  # the same file
    assert run()["runs"] == figures["runs"] and len(written) == 2


def test_the_table_pairs_the_draws():
    runs = [
        {**vars(choice), "draw": draw, "cosine": 0.9 + draw / 100 + choice.per_channel / 50, "accuracy": 0.98}
        | {"accuracy_kept": 0.97}
        for choice, draw in plan()
    ]
    rows = {row["name"]: row for row in compare(runs)}
    assert rows["accuracy; per channel, 99.99 %, 256 faces"]["value"] == 98
    difference = rows["cosine to fp32; per channel, 99.99 %, 256 faces - per tensor, 99.99 %, 256 faces"]
    assert difference["value"] == pytest.approx(0.02) == difference["low"]
