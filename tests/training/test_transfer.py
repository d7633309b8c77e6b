from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import nn

from course_lib.data import ImageSet, split_by_image
from course_lib.losses import CenterLoss, Softmax
from course_lib.training import History, NonFiniteError, Transferred, fit, pretrain, transfer


def sgd(backbone: nn.Module, criterion: nn.Module, lr: float = 0.05) -> torch.optim.Optimizer:
    return torch.optim.SGD([*backbone.parameters(), *criterion.parameters()], lr=lr, momentum=0.9)


USUAL = {"criterion": partial(Softmax, seed=0), "optimizer": sgd, "batch_size": 30, "precision": "32-true"}


def equal(a: nn.Module, b: nn.Module) -> bool:
    return all(map(torch.equal, a.state_dict().values(), b.state_dict().values()))


def row(*pixels: tuple[int, int], names: tuple[str, ...], labels: list[int]) -> ImageSet:
    """Photographs of two pixels, which a flattening network takes for its embeddings."""
    images = torch.tensor(pixels, dtype=torch.uint8).reshape(-1, 1, 1, 2)
    return ImageSet(images, torch.tensor(labels), names, "two pixels")


class Pixels(nn.Module):
    """Nothing is learned: an image's pixels are its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)


def test_it_says_who_is_named_and_by_what():
    people = row((1, 0), (0, 1), names=("a", "b", "c"), labels=[0, 2])
    by_cosine = Transferred(Pixels(), people, None, History())
    assert repr(by_cosine) == f"Transferred(Pixels names 3 people by cosine; {History()!r})"
    assert "by Softmax; " in repr(Transferred(Pixels(), people, Softmax(2, 3), History()))
    assert repr(Transferred(Pixels(), people, Softmax(2, 3), History()).enrol(people)) == repr(by_cosine)


def test_pretraining_is_fit_with_a_classifier_that_is_thrown_away(tiny_net, stripes):
    twin, criterion = copy.deepcopy(tiny_net), Softmax(5, 3, seed=0)
    fit(twin, criterion, stripes, optimizer=sgd(twin, criterion), epochs=2, batch_size=30, precision="32-true")
    history = pretrain(tiny_net, stripes, epochs=2, **USUAL)
    assert equal(tiny_net, twin) and history["epoch"] == [1, 2]


def test_with_nothing_frozen_it_is_fit_and_the_criterion_is_the_classifier(tiny_net, stripes):
    twin, criterion = copy.deepcopy(tiny_net), Softmax(5, 3, seed=0)
    fit(twin, criterion, stripes, optimizer=sgd(twin, criterion), epochs=2, batch_size=30, precision="32-true")
    result = transfer(tiny_net, stripes, epochs=2, **USUAL)
    assert equal(tiny_net, twin) and equal(result.classifier, criterion)
    logits = criterion.eval()(tiny_net(stripes.images.float().sub(127.5).div(128)), stripes.labels).logits
    assert result.predict(stripes) == [stripes.names[label] for label in logits.argmax(1)]
    assert result.accuracy(stripes) == pytest.approx((logits.argmax(1) == stripes.labels).float().mean().item())


def test_a_frozen_backbone_is_untouched_and_its_head_learns(tiny_net, stripes):
    before = copy.deepcopy(tiny_net)
    train, test = split_by_image(stripes, 0.3, seed=0)
    quick = {**USUAL, "optimizer": partial(sgd, lr=1.0)}
    result = transfer(tiny_net, train, freeze="all", epochs=12, test=test, **quick)
    assert equal(tiny_net, before)
    assert result.history["test_accuracy"][-1] == result.accuracy(test) > 0.7 > result.history["test_accuracy"][0]
    assert all(parameter.requires_grad for parameter in tiny_net.parameters())


def test_stages_are_freed_after_the_epochs_asked_for(tiny_net, stripes):
    rows, twin = [], copy.deepcopy(tiny_net)
    before = tiny_net.conv.weight.clone()
    schedule = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.9)
    options = {"freeze": ["conv", "norm"], "schedule": schedule, **USUAL}

    def look(net: nn.Module) -> dict[str, float]:
        rows.append((torch.equal(net.conv.weight, before), int(net.norm.num_batches_tracked)))
        return {"own": 1.0}

    result = transfer(tiny_net, stripes, epochs=4, unfreeze_at=2, evaluate=look, test=stripes, **options)
    assert rows == [(True, 0), (True, 0), (False, 3), (False, 6)]
    assert result.history["epoch"] == [1, 2, 3, 4] and result.history["step"] == [3, 6, 9, 12]
    assert result.history["own"] == [1.0] * 4 and len(result.history["test_accuracy"]) == 4
    assert result.history["learning_rate"] == pytest.approx([0.05 * 0.9 ** (3 * epoch) for epoch in range(1, 5)])
    # Its first part is a run of two epochs that never thaws.
    short = transfer(twin, stripes, epochs=2, **options)
    assert short.history["loss"] == result.history["loss"][:2]


@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_a_killed_run_goes_on_to_the_same_bits(tiny_net, stripes, tmp_path, killed_after):
    options = {"epochs": 4, "freeze": ["conv", "norm"], "unfreeze_at": 2, **USUAL}
    fresh = copy.deepcopy(tiny_net)
    whole = transfer(tiny_net, stripes, **options)
    seen = []

    def kill(_: nn.Module) -> dict[str, float]:
        seen.append(1)
        if len(seen) == killed_after + 1:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        transfer(copy.deepcopy(fresh), stripes, evaluate=kill, checkpoint=tmp_path / "run.ckpt", **options)
    resumed = transfer(fresh, stripes, checkpoint=tmp_path / "run.ckpt", **options)
    assert equal(resumed.backbone, whole.backbone) and equal(resumed.classifier, whole.classifier)
    assert resumed.history["loss"] == whole.history["loss"]


def test_without_resume_both_parts_start_afresh(tiny_net, stripes, tmp_path):
    options = {"epochs": 2, "freeze": "conv", "unfreeze_at": 1, "checkpoint": tmp_path / "run.ckpt", **USUAL}
    fresh = copy.deepcopy(tiny_net)
    first = transfer(tiny_net, stripes, **options)
    again = transfer(fresh, stripes, resume=False, **options)
    assert again.history["loss"] == first.history["loss"] and equal(tiny_net, fresh)


@pytest.mark.parametrize("change", [{"freeze": "none"}, {"freeze": ["conv"]}, {"unfreeze_at": 1}])
def test_a_checkpoint_of_a_run_that_froze_something_else_is_refused(tiny_net, stripes, tmp_path, change):
    options = {"epochs": 2, "freeze": "all", "checkpoint": tmp_path / "run.ckpt", **USUAL}
    transfer(tiny_net, stripes, **options)
    with pytest.raises(ValueError, match=r"another run: its optimizer, defaults has frozen = \['all', None\]"):
        transfer(tiny_net, stripes, **{**options, **change})


def test_an_embedding_names_by_the_largest_cosine():
    people = row((255, 128), (128, 255), names=("right", "up"), labels=[0, 1])
    result = transfer(Pixels(), people, epochs=0, head="embedding", **USUAL)
    assert result.classifier is None and result.predict(row((200, 130), (100, 140), names=("?",), labels=[0, 0])) == [
        "right",
        "up",
    ]


def test_new_people_need_no_new_weights(tiny_net, stripes):
    strangers = ImageSet(255 - stripes.images, stripes.labels, ("dark left", "dark middle", "dark right"), "negatives")
    gallery, probes = split_by_image(strangers, 0.5, seed=0)
    result = transfer(tiny_net, stripes, epochs=3, **USUAL)
    before = copy.deepcopy(tiny_net)
    enrolled = result.enrol(gallery)
    assert enrolled.accuracy(probes) > 0.6 and equal(tiny_net, before)
    assert set(enrolled.predict(probes)) == set(strangers.names)
    assert result.classifier is not None  # the other answer is still there


def test_names_decide_not_label_numbers():
    train = row((255, 128), (128, 255), names=("right", "up"), labels=[0, 1])
    test = row((128, 250), (250, 128), names=("up", "right"), labels=[0, 1])
    assert transfer(Pixels(), train, epochs=0, head="embedding", **USUAL).accuracy(test) == 1


def test_both_heads_are_trained_alike(tiny_net, stripes):
    twin = copy.deepcopy(tiny_net)
    transfer(tiny_net, stripes, epochs=2, head="classifier", **USUAL)
    transfer(twin, stripes, epochs=2, head="embedding", **USUAL)
    assert equal(tiny_net, twin)


def test_asking_the_classifier_moves_no_center(tiny_net, stripes):
    result = transfer(tiny_net, stripes, epochs=0, **{**USUAL, "criterion": partial(CenterLoss, seed=0)})
    centers = result.classifier.centers.clone()
    result.predict(stripes)
    assert torch.equal(result.classifier.centers, centers)


def test_groups_may_have_rates_of_their_own(tiny_net, stripes):
    def slow_backbone(backbone: nn.Module, criterion: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD([{"params": backbone.parameters(), "lr": 0.0}, {"params": criterion.parameters()}], 0.1)

    before, start = copy.deepcopy(tiny_net), Softmax(5, 3, seed=0)
    result = transfer(tiny_net, stripes, epochs=1, **{**USUAL, "optimizer": slow_backbone})
    assert torch.equal(tiny_net.out.weight, before.out.weight)
    assert not torch.equal(result.classifier.weight, start.weight)


# What is refused, and before anything is trained.


@pytest.fixture
def untouched(tiny_net):
    before = copy.deepcopy(tiny_net)
    yield tiny_net
    assert equal(tiny_net, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": "softmax"}, "head 'softmax' is not known; expected one of classifier, embedding"),
        ({"freeze": "body"}, "no stage 'body'; expected 'all', 'none', or some of 'conv', 'norm', 'dropout', 'out'"),
        ({"freeze": "body", "unfreeze_at": 1}, "no stage 'body'"),
        ({"freeze": "all", "unfreeze_at": 0}, "unfreeze_at is 0 of 2 epochs; expected 1 or more, and fewer"),
        ({"freeze": "all", "unfreeze_at": 2}, "unfreeze_at is 2 of 2 epochs"),
        ({"unfreeze_at": 1}, "unfreeze_at is 1, but freeze='none' freezes nothing"),
        ({"freeze": "all", "head": "embedding"}, r"Leave a late stage free \(there are 'conv', 'norm', .*epochs=0"),
        ({"freeze": "all", "unfreeze_at": 1, "devices": 2}, "give checkpoint="),
    ],
)
def test_what_cannot_be_meant_is_refused(untouched, stripes, options, message):
    with pytest.raises(ValueError, match=message):
        transfer(untouched, stripes, **{**USUAL, "epochs": 2, **options})


def test_the_optimizer_must_hold_what_is_freed_later(untouched, stripes):
    def head_only(_: nn.Module, criterion: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(criterion.parameters(), lr=0.1)

    options = {**USUAL, "optimizer": head_only, "freeze": "all"}
    with pytest.raises(ValueError, match="does not hold backbone.conv.weight, so it would never be trained"):
        transfer(untouched, stripes, epochs=2, unfreeze_at=1, **options)
    assert len(transfer(untouched, stripes, epochs=1, **options).history) == 1  # what is never freed may be left out


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("classifier", r"a classifier names only those it was trained on\. .* into train, or take head='embedding'"),
        ("embedding", r"there is no photograph to compare theirs with\. Enrol them"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_person_of_the_test_split_alone_is_named(untouched, stripes, head, why, named):
    # Two ways to be unknown: no such name, or a name without a photograph.
    some = stripes.only([0, 1]) if named else stripes.subset((stripes.labels < 2).nonzero().flatten())
    with pytest.raises(ValueError, match=f"identity 'right' appears only in the test split: {why}"):
        transfer(untouched, some, test=stripes, head=head, epochs=1, **USUAL)
    trained = Transferred(untouched, some, None if head == "embedding" else Softmax(5, 3), History())
    with pytest.raises(ValueError, match=f"identity 'right' appears only in the test split: {why}"):
        trained.accuracy(stripes)


@pytest.mark.slow
def test_of_several_unknown_people_the_first_is_named_and_the_others_counted(tiny_net, stripes):
    result = transfer(tiny_net, stripes.only([2]), epochs=0, **USUAL)
    with pytest.raises(ValueError, match=r"identity 'left' \(and 1 more\) appears only in the test split"):
        result.accuracy(stripes)


@pytest.mark.parametrize(("dead", "words"), [((0, 1), "known photograph 1"), ((1, 0), "known photograph 0")])
def test_a_dead_network_is_found_out(dead, words):
    class Dead(Pixels):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1) * (images.flatten(1)[:, :1] > 0)

    people = row(*((255 * (1 - zero), 255) for zero in dead), names=("a", "b"), labels=[0, 1])
    alive = row((255, 255), names=("a",), labels=[0])
    with pytest.raises(ValueError, match=rf"embedding of {words} is zero \(1 in all\), and its cosine undefined"):
        Transferred(Dead(), people, None, History()).predict(alive)


def test_a_diverged_transfer_stops_with_its_reason(tiny_net, stripes):
    with pytest.raises(NonFiniteError, match="not finite at step"):
        transfer(tiny_net, stripes, epochs=9, **{**USUAL, "optimizer": partial(sgd, lr=1e30)})
