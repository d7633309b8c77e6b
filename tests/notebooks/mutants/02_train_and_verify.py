"""Wrong answers to the exercises of 02_train_and_verify, each under the rule that it breaks."""

import numpy as np
import torch

from course_lib import evaluation


def loop(
    net,
    criterion,
    batches,
    learning_rate,
    *,
    momentum=0.9,
    decay=0.0005,
    clear=True,
    train_criterion=True,
    optimizer_per_batch=False,
    step=True,
    after=False,
):
    """The right loop, and one switch for each of its rules."""
    weights = [*net.parameters(), *(criterion.parameters() if train_criterion else [])]

    def new_optimizer():
        return torch.optim.SGD(weights, lr=learning_rate, momentum=momentum, weight_decay=decay)

    optimizer, found = new_optimizer(), []
    for images, labels in batches:
        optimizer = new_optimizer() if optimizer_per_batch else optimizer
        if clear:
            optimizer.zero_grad()
        loss = criterion(net(images), labels).total
        loss.backward()
        if step:
            optimizer.step()
        found.append((criterion(net(images), labels).total if after else loss).item())
    return found


def with_switch(**switch):
    """The loop with one rule broken."""

    def train_on(net, criterion, batches, learning_rate):
        return loop(net, criterion, batches, learning_rate, **switch)

    return train_on


def from_the_last_batch(net, criterion, batches, learning_rate):
    return loop(net, criterion, batches[::-1], learning_rate)[::-1]


def their_mean(net, criterion, batches, learning_rate):
    return float(np.mean(loop(net, criterion, batches, learning_rate)))


def fixed_rate(net, criterion, batches, learning_rate):
    return loop(net, criterion, batches, 0.1)


def accepts_above(scores, same, far):
    thresholds = np.append(scores, -np.inf)
    return max(np.mean(scores[same] > t) for t in thresholds if np.mean(scores[~same] > t) < far or far == 1)


def splits_ties(scores, same, far):
    order = np.lexsort((~same, -scores))  # of equal scores the genuine ones first, and one by one
    false = np.append(0, np.cumsum(~same[order])) / np.sum(~same)
    true = np.append(0, np.cumsum(same[order])) / np.sum(same)
    return true[false <= far].max()


def accepts_the_refused(scores, same, far):
    impostor = np.append(np.sort(scores[~same])[::-1], -np.inf)
    may_pass = np.sum(np.arange(1, np.sum(~same) + 1) / np.sum(~same) <= far)
    return np.mean(scores[same] >= impostor[may_pass])


def only_below(scores, same, far):
    impostor = np.sort(scores[~same])[::-1]
    may_pass = np.sum(np.arange(1, len(impostor) + 1) / len(impostor) < far)
    highest_refused = impostor[may_pass] if may_pass < len(impostor) else -np.inf
    return np.mean(scores[same] > highest_refused)


def truncates(scores, same, far):
    impostor = np.append(np.sort(scores[~same])[::-1], -np.inf)
    return np.mean(scores[same] > impostor[int(far * np.sum(~same))])


def rounds_up(scores, same, far):
    impostor = np.append(np.sort(scores[~same])[::-1], -np.inf)
    return np.mean(scores[same] > impostor[int(np.ceil(far * np.sum(~same)))])


def thresholds_of_impostors(scores, same, far):
    allowed = [t for t in scores[~same] if np.mean(scores[~same] >= t) <= far]
    return max([np.mean(scores[same] >= t) for t in allowed], default=0.0)


def far_of_all_pairs(scores, same, far):
    rates = [(np.mean((scores >= t) & ~same), np.mean(scores[same] >= t)) for t in scores]
    return max([tar for false, tar in rates if false <= far], default=0.0)


def lowest_tar(scores, same, far):
    rates = [(np.mean(scores[~same] >= t), np.mean(scores[same] >= t)) for t in scores]
    return min([tar for false, tar in rates if false <= far], default=0.0)


def nobody_at_zero(scores, same, far):
    return 0.0 if far < 1 / np.sum(~same) else splits_nothing(scores, same, far)


def splits_nothing(scores, same, far):
    rates = [(np.mean(scores[~same] >= t), np.mean(scores[same] >= t)) for t in scores]
    return max([tar for false, tar in rates if false <= far], default=0.0)


def best_of(candidates, scores, same, right=lambda accepted, same: accepted == same):
    counts = [np.sum(right(scores >= t, same)) for t in candidates]
    return candidates[int(np.argmax(counts))]


def candidates(scores, *, reject_all=True, accept_all=True):
    """All candidates of the task from high to low, or without one of the two ends."""
    falling = np.unique(scores)[::-1]
    middle = (falling[1:] + falling[:-1]) / 2
    return np.array([*([np.inf] if reject_all else []), *middle, *([falling[-1]] if accept_all else [])])


def lowest_of_equals(scores, same):
    return best_of(candidates(scores)[::-1], scores, same)


def never_rejects_all(scores, same):
    return best_of(candidates(scores, reject_all=False), scores, same)


def never_accepts_all(scores, same):
    return best_of(candidates(scores, accept_all=False), scores, same)


def scores_themselves(scores, same):
    return best_of(np.array([np.inf, *np.unique(scores)[::-1]]), scores, same)


def between_equal_scores(scores, same):
    falling = np.sort(scores)[::-1]
    return best_of(np.array([np.inf, *(falling[1:] + falling[:-1]) / 2, falling[-1]]), scores, same)


def genuine_alone(scores, same):
    return best_of(candidates(scores), scores, same, lambda accepted, same: accepted & same)


def impostors_alone(scores, same):
    return best_of(candidates(scores), scores, same, lambda accepted, same: ~accepted & ~same)


def grid(scores, same):
    return best_of(np.linspace(1, -1, 201), scores, same)


def eer_with(counts):
    """The EER of a list of pairs, each as often as `counts` says of the times its two people were drawn."""

    def eer_of_drawn(scores, same, left_person, right_person, drawn):
        times = np.bincount(drawn, minlength=10)
        repeats = counts(same, times[left_person], times[right_person])
        return evaluation.eer(np.repeat(scores, repeats), np.repeat(same, repeats)).rate

    return eer_of_drawn


def at_the_old_threshold(scores, same, left_person, right_person, drawn):
    times = np.bincount(drawn, minlength=10)
    counts = np.where(same, times[left_person], times[left_person] * times[right_person])
    accepted = scores >= evaluation.eer(scores, same).threshold
    far = np.sum(counts * (accepted & ~same)) / np.sum(counts * ~same)
    return (far + np.sum(counts * (~accepted & same)) / np.sum(counts * same)) / 2


def mean_of_people(scores, same, left_person, right_person, drawn):
    rates = []
    for who in drawn:
        own = (left_person == who) | (right_person == who)
        rates.append(evaluation.eer(scores[own], same[own]).rate)
    return np.mean(rates)


MUTANTS = {
    "train_on": {
        "the gradient of this batch alone": with_switch(clear=False),
        "the weights of the criterion, too": with_switch(train_criterion=False),
        "a momentum of 0.9": with_switch(momentum=0),
        "a weight decay of 0.0005": with_switch(decay=0),
        "the optimizer keeps its momentum from batch to batch": with_switch(optimizer_per_batch=True),
        "one step for each batch": with_switch(step=False),
        "each loss is measured before its step": with_switch(after=True),
        "batches in their order": from_the_last_batch,
        "a list of losses, not their mean": their_mean,
        "the given learning rate": fixed_rate,
    },
    "tar_at": {
        "a score at the threshold is accepted": accepts_above,
        "equal scores are accepted together": splits_ties,
        "what equals the first refused impostor is refused": accepts_the_refused,
        "at most `far`, not below it": only_below,
        "0.29 of 100 pairs are 29": truncates,
        "at most `far`: the count is not rounded up": rounds_up,
        "any number can be the threshold, not only impostor scores": thresholds_of_impostors,
        "FAR counts impostor pairs alone": far_of_all_pairs,
        "the highest TAR": lowest_tar,
        "where no impostor may pass, genuine pairs above them still do": nobody_at_zero,
    },
    "best_threshold": {
        "of equally good ones the highest": lowest_of_equals,
        "midpoints, not scores": scores_themselves,
        "rejecting every pair is a candidate": never_rejects_all,
        "accepting every pair is a candidate": never_accepts_all,
        "between different scores": between_equal_scores,
        "right decisions of genuine pairs alone": genuine_alone,
        "right decisions of impostor pairs alone": impostors_alone,
        "candidates come from the scores": grid,
    },
    "eer_of_drawn": {
        "people are drawn, and pairs follow": lambda scores, same, left, right, drawn: (
            evaluation.eer(scores, same).rate
        ),
        "a person drawn twice counts twice": eer_with(lambda same, a, b: (a > 0) & (b > 0)),
        "an impostor pair has two people": eer_with(lambda same, a, b: a),
        "a genuine pair has one person": eer_with(lambda same, a, b: a * b),
        "the product of both, not their sum": eer_with(lambda same, a, b: np.where(same, a, a + b)),
        "the product of both, not the rarer one": eer_with(lambda same, a, b: np.where(same, a, np.minimum(a, b))),
        "impostor pairs are drawn, too": eer_with(lambda same, a, b: np.where(same, a, 1)),
        "genuine pairs are drawn, too": eer_with(lambda same, a, b: np.where(same, 1, a * b)),
        "the threshold is computed anew": at_the_old_threshold,
        "one list, not a mean over people": mean_of_people,
    },
}
