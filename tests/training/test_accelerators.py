from __future__ import annotations

import pytest
import torch

from course_lib.losses import Softmax
from course_lib.training import fit
from course_lib.training.accelerators import fabric_for

DEFAULT = {"accelerator": "cpu", "devices": 1, "strategy": "auto", "precision": "32-true"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"accelerator": "cuda:7"}, "accelerator='cuda:7'"),
        ({"accelerator": "nonsense"}, "accelerator='nonsense'"),
        ({"accelerator": "tpu"}, "accelerator='tpu'"),
        ({"devices": 0}, "devices=0"),
        ({"devices": "x"}, "devices='x'"),
        ({"strategy": "nope"}, "strategy='nope'"),
        ({"precision": "7"}, "precision='7'"),
    ],
)
def test_what_the_machine_has_not_got_is_named_with_a_way_out(given, words):
    with pytest.raises(ValueError, match=f"this machine cannot train with .*{words}.* Give accelerator='auto'"):
        fabric_for(**{**DEFAULT, **given})


def test_all_that_was_asked_for_and_the_reason_are_one_line():
    whole = (
        r"this machine cannot train with accelerator='cpu', devices=0, strategy='auto', precision='32-true': "
        r"[^\n]*[^.\n]\. Give accelerator='auto' to take what there is, or 'cpu'$"
    )
    with pytest.raises(ValueError, match=whole):
        fabric_for("cpu", 0, "auto", "32-true")


def test_fit_says_so(tiny_net, stripes):
    criterion = Softmax(5, 3)
    optimizer = torch.optim.SGD([*tiny_net.parameters(), *criterion.parameters()], lr=0.1)
    with pytest.raises(ValueError, match="this machine cannot train with accelerator='cuda:7'"):
        fit(tiny_net, criterion, stripes, optimizer=optimizer, epochs=1, accelerator="cuda:7")
