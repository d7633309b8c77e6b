"""A report holds what the metrics say, and says what was left out and what is not resolved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from course_lib import evaluation
from course_lib.data import Excluded, ImageSet, PairedFaces, Pairs
from course_lib.export import Runtime
from course_lib.verify import Report, verify

PNG = b"\x89PNG"


class Embedder(nn.Module):
    """Any function of grey images of 8x8 as a backbone."""

    input_size, in_channels = (8, 8), 1

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function, self.scale = function, nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * self.function(images)


def network(dim: int = 6) -> Runtime:
    """A fixed linear map of the pixels; the mirror image gives another embedding."""
    matrix = torch.randn(64, dim, generator=torch.Generator().manual_seed(0))
    return Runtime.of(Embedder(lambda images: images.flatten(1) @ matrix), "linear")


def paired(n_people: int = 30, noise: float = 60.0, excluded: tuple[Excluded, ...] = ()) -> PairedFaces:
    """Two noisy images of each person; each is in one genuine and one impostor pair."""
    generator = torch.Generator().manual_seed(1)
    people = torch.randint(256, (n_people, 1, 8, 8), generator=generator).float().repeat_interleave(2, 0)
    images = (people + noise * torch.randn(people.shape, generator=generator)).clamp(0, 255).to(torch.uint8)
    first, second = np.arange(0, 2 * n_people, 2), np.arange(1, 2 * n_people, 2)
    left, right = np.concatenate([first, first]), np.concatenate([second, np.roll(second, 1)])
    names = tuple(f"p{number}" for number in range(n_people))
    faces = ImageSet(images, torch.arange(n_people).repeat_interleave(2), names, "drawn")
    return PairedFaces(faces, Pairs(left, right, np.arange(2 * n_people) < n_people), excluded)


@pytest.fixture(scope="module")
def report() -> Report:
    return verify(network(), paired(), n_folds=5, fars=(0.2, 0.001))


@pytest.mark.parametrize("flip", [True, False])
def test_it_is_what_the_metrics_say(flip: bool) -> None:
    sets, linear = paired(), network()
    found = verify(linear, sets, flip=flip, n_folds=5, fars=(0.1, 0.2), confidence=0.9)
    floats = (sets.faces.images.float() - 127.5) / 128
    embeddings = linear.forward(floats) + (linear.forward(floats.flip(-1)) if flip else 0)
    unit = torch.nn.functional.normalize(embeddings.double())
    scores = (unit[sets.pairs.left] * unit[sets.pairs.right]).sum(1).numpy()
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)
    expected = evaluation.verification(found.scores, sets.pairs.same, 5, (0.1, 0.2), 0.9)
    assert found.verification.accuracy.mean == expected.accuracy.mean and found.verification.eer == expected.eer
    assert found.verification.tar_at_far == expected.tar_at_far
    assert found.thresholds[1] == evaluation.threshold_at(0.2, found.scores, sets.pairs.same, 0.9)


def test_the_table_shows_both_thresholds_and_what_is_not_resolved(report: Report) -> None:
    text, found = str(report), report.verification
    row = next(line for line in text.splitlines() if line.startswith("TAR at FAR 0.2 "))
    at = report.thresholds[0].threshold
    assert f"{100 * found.tar_at_far[0].tar:.2f}" in row and f"{at:.4f} [" in row and f"{2 - 2 * at:.4f} [" in row
    assert "TAR at FAR 0.001     not resolved: one of 30 impostor pairs is a FAR of 0.033" in text
    assert f"accuracy, 5 folds    {100 * found.accuracy.mean:7.2f}" in text
    assert "linear, 6 numbers, face + mirror image" in text and "drawn: 30 genuine, 30 impostor, of 60" in text
    assert "excluded   0 photographs, and 0 pairs" in text


def test_the_plain_values_are_the_same_in_json(report: Report) -> None:
    plain = json.loads(json.dumps(report.plain(), allow_nan=False))
    found = report.verification
    assert plain["accuracy"]["mean"] == found.accuracy.mean and len(plain["accuracy"]["per_fold"]) == 5
    assert plain["tar_at_far"][0]["tar"] == found.tar_at_far[0].tar
    threshold = plain["tar_at_far"][0]["threshold"]
    assert threshold["squared_l2"] == pytest.approx(2 - 2 * threshold["cosine"])
    at, around = report.thresholds[0].interval, plain["tar_at_far"][0]["threshold_interval"]
    assert around["cosine"] == [at.low, at.high] and around["squared_l2"] == [2 - 2 * at.high, 2 - 2 * at.low]
    assert not plain["tar_at_far"][1]["resolved"]
    assert plain["tar_at_far"][1]["threshold_interval"]["cosine"][1] is None, "too few pairs bound it above"


def test_identities_in_two_folds_are_named_and_may_be_refused(report: Report) -> None:
    assert report.check.shared and set(report.check.shared) <= {f"p{number}" for number in range(30)}
    assert "identities in more than one fold (p" in str(report)
    with pytest.raises(ValueError, match="shared: .* identities in more than one fold"):
        verify(network(), paired(), n_folds=5, allow=())


def test_what_was_left_out_is_listed() -> None:
    gone = (Excluded("a.jpg", "the detector finds no face in it", (3, 9)), Excluded("b.jpg", "damaged", (9,)))
    found = verify(network(), paired(excluded=gone), n_folds=5, fars=(0.1,))
    assert "excluded   2 photographs, and 2 pairs with them" in str(found)
    assert "excluded: a.jpg (the detector finds no face in it)" in str(found)
    plain = found.plain()
    assert plain["pairs_dropped"] == 2 and plain["excluded"][0]["photograph"] == "a.jpg"
    assert plain["excluded"][0]["pairs"] == [3, 9]


@pytest.mark.slow
def test_files_are_written(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    files = report.save("~/new/folder")
    assert files[0].parent == tmp_path / "new" / "folder"
    assert [file.name for file in files] == ["report.json", "scores.png", "roc.png", "det.png"]
    assert json.loads(files[0].read_text()) == report.plain()
    assert all(file.read_bytes().startswith(PNG) for file in files[1:])


def test_a_model_that_tells_nothing_still_has_a_report() -> None:
    same_for_all = Runtime.of(Embedder(lambda images: torch.ones(len(images), 3)), "constant")
    found = verify(same_for_all, paired(), n_folds=5, fars=(0.1,))
    assert found.verification.eer.rate == pytest.approx(0.5)
    assert "TAR at FAR 0.1          0.00" in str(found) and "none" in str(found)
    assert json.dumps(found.plain(), allow_nan=False) and set(found.figures()) == {"scores", "roc", "det"}


def test_bad_input_is_refused_before_anything_is_embedded() -> None:
    def never(images: torch.Tensor) -> torch.Tensor:
        raise AssertionError("embedded")

    unused, sets = Runtime.of(Embedder(never), "unused"), paired()
    pairs = sets.pairs
    doubled = Pairs(*(np.concatenate([column, column[:2]]) for column in (pairs.left, pairs.right, pairs.same)))
    alike = Pairs(pairs.left, pairs.right, np.ones(60, dtype=bool))
    wrong = Pairs(pairs.left, pairs.right, ~pairs.same)
    for bad, options, message in (
        (doubled, {}, r"duplicates: 2 group\(s\) .* \(0 and 60, 1 and 61\)"),
        (alike, {}, "all 60 pairs are of one kind"),
        (wrong, {}, r"contradictions: 60 pair\(s\)"),
        (pairs, {"n_folds": 31}, "n_folds must lie between 2 and the 30 genuine pairs"),
        (pairs, {"fars": (0.1, 0)}, r"fars are \[0.1, 0\]; expected"),
        (pairs, {"fars": ()}, "expected at least one"),
    ):
        with pytest.raises(ValueError, match=message):
            verify(unused, PairedFaces(sets.faces, bad, ()), **options)
    assert verify(network(), PairedFaces(sets.faces, doubled, ()), allow=["duplicates", "shared"]).check.duplicates
