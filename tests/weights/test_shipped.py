"""The shipped model: its files, what it is loaded by, and that its card says what the records say."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
import torch

from benchmarks import model_card
from benchmarks.record import read_record
from course_lib import data, evaluation, weights
from course_lib.training import embed
from course_lib.weights.recipe import Recipe, described

NAME = "mobilefacenet_075_relu"


@pytest.fixture(scope="module")
def faces() -> data.ImageSet:
    """ORL's crops are no aligned ones: the square around the face stands in for alignment."""
    orl = data.orl_faces()
    crops = orl.images[:, :, 10:102].repeat(1, 3, 1, 1)
    square = data.ImageSet(crops, orl.labels, orl.names, orl.source).resized(112, 112)
    return square.subset([index for index in range(400) if index % 10 < 3])


def test_loading_gives_the_network_in_evaluation_mode():
    network = weights.load(NAME)
    assert not network.training and network.embedding_dim == 192 and network.input_size == (112, 112)
    assert weights.available() == [NAME]


def test_the_int8_file_is_under_a_megabyte_and_agrees(faces):
    file = weights.int8_file(NAME)
    assert file.stat().st_size < 1_000_000
    exact = embed(weights.load(NAME), faces.images[:32])
    rounded = onnxruntime.InferenceSession(file).run(None, {"images": data.normalise(faces.images[:32]).numpy()})[0]
    cosines = (exact * rounded).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rounded, axis=1)
    assert cosines.mean() > 0.95


@pytest.mark.slow
def test_it_tells_people_apart_whom_it_never_saw(faces):
    pairs = data.verification_pairs(faces.labels, 200, seed=0)
    scores = evaluation.cosine_scores(embed(weights.load(NAME), faces, flip=True), pairs.left, pairs.right)
    assert evaluation.eer(scores, pairs.same).rate < 0.1


def test_the_files_are_of_one_training():
    training = json.loads((weights.FOLDER / f"{NAME}.json").read_text(encoding="utf-8"))
    assert training["recipe"] == json.loads(json.dumps(described(Recipe())))
    assert len(training["history"]) == Recipe().epochs
    sizes = read_record("shipped_model")["figures"]["bytes"]
    assert sizes["int8"] == weights.int8_file(NAME).stat().st_size
    assert sizes["fp32"] == (weights.FOLDER / f"{NAME}.safetensors").stat().st_size


def test_the_card_says_what_the_records_say():
    assert weights.card(NAME) == model_card.written()


def test_other_names_are_refused():
    for call in (weights.load, weights.int8_file, weights.card):
        with pytest.raises(ValueError, match=f"no model 'large' is shipped; available: {NAME}"):
            call("large")


def test_the_weights_are_finite():
    assert all(torch.isfinite(tensor).all() for tensor in weights.load(NAME).state_dict().values())
