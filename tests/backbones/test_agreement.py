from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.backbones import create, percent_apart


def block(seed: int, kernel: int = 3) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(2, 4, kernel, padding=kernel // 2), nn.BatchNorm2d(4), nn.PReLU(4))


def test_the_same_layers_compute_the_same_with_the_same_weights() -> None:
    mine, theirs = block(0), block(1)
    before = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
    assert percent_apart(mine, theirs, 2, 5, 5) == 0.0
    assert all(torch.equal(before[name], tensor) for name, tensor in theirs.state_dict().items())
    assert torch.equal(mine[0].weight, theirs[0].weight)


def test_the_difference_is_in_per_cent_of_the_largest_number() -> None:
    class Doubled(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    assert percent_apart(Doubled(3, 4), nn.Linear(3, 4), 3) == pytest.approx(100)
    assert percent_apart(nn.Linear(3, 4), Doubled(3, 4), 3) == pytest.approx(50)


def test_batch_norm_is_compared_in_evaluation_and_the_mode_is_kept() -> None:
    mine, theirs = block(0).train(), block(1).eval()
    theirs[1].running_mean.fill_(3.0)
    assert percent_apart(mine, theirs, 2, 5, 5) == 0.0
    assert mine.training and not theirs.training
    assert mine[1].running_mean.tolist() == [3.0] * 4


class Bent(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).relu()


def test_the_seed_is_of_the_input_and_global_randomness_is_left_alone() -> None:
    theirs = nn.Linear(3, 4)
    found = {percent_apart(Bent(3, 4), theirs, 3, seed=seed) for seed in range(4)}
    assert len(found) > 1
    state = torch.random.get_rng_state()
    assert percent_apart(Bent(3, 4), theirs, 3, seed=1) in found
    drawn = torch.random.get_rng_state()
    torch.random.set_rng_state(state)
    Bent(3, 4)
    assert torch.equal(torch.random.get_rng_state(), drawn)


@pytest.mark.parametrize(
    ("mine", "theirs", "sentence"),
    [
        (block(0, kernel=1), block(0), r"0\.weight has shape \(4, 2, 1, 1\).*0\.weight.*\(4, 2, 3, 3\)"),
        (block(0)[:2], block(0), "mine has 7 parameters and buffers, theirs 8"),
        (
            nn.Sequential(nn.Linear(2, 3), nn.Flatten(0)),
            nn.Sequential(nn.Linear(2, 3)),
            r"puts out \(6,\), theirs \(2, 3\)",
        ),
    ],
)
def test_what_does_not_fit_is_named(mine: nn.Module, theirs: nn.Module, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        percent_apart(mine, theirs, *((2,) if isinstance(theirs[0], nn.Linear) else (2, 5, 5)))


def test_nothing_is_copied_where_weights_do_not_fit() -> None:
    mine = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    before = mine[0].weight.clone()
    with pytest.raises(ValueError, match=r"1\.weight"):
        percent_apart(mine, nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4)), 2)
    assert torch.equal(mine[0].weight, before)


def test_two_networks_of_the_library_with_other_seeds_agree() -> None:
    options = {"width": 0.25, "input_size": 32, "embedding_dim": 16}
    mine, theirs = (create("mobilefacenet", **options, seed=seed) for seed in (0, 1))
    assert percent_apart(mine, theirs, 3, 32, 32) == 0.0
