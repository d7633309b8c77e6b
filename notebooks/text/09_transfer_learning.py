# %% [markdown]
# # Transfer learning: what one task leaves for the next
#
# You have a hundred photographs of faces, and a network wants millions. So people start from a network that has learned
# **something else**: digits, objects, ImageNet. Basch et al. ("Face Recognition in Deep Learning with Minimal Resources")
# did, and left questions open: pretrained or not, frozen or not, classifier or embedding. Here we take them up, beside
# the old methods that every network should beat.
#
# **What you will learn**
# - what it takes to *freeze* a network, and the trap that batch norm sets;
# - why a frozen network is a table of features, and how to tell bad features from a badly trained head;
# - what an unrelated source is worth on faces, at which learning rate, with intervals over seeds;
# - what a classifier costs as people are added, and why an embedding needs no new weights for them;
# - how a perfect test score can come from a **leak**, and how to find it.
#
# **What you need before**: notebooks 04c and 06.
#
# **Time and place**: 1 minute to run, 45 minutes to read and do. No GPU, no network, about 1 GB of memory.

# %% tags=["imports"]
import copy
import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from course_lib import backbones, data, evaluation, exercises, losses, training, viz
from course_lib.training import classical
from course_lib.weights.imagenet import imagenet

# %% [markdown]
# ## The faces, and the source
#
# Thirty people of ORL: five photographs of each to learn from, five to test. Ten more people stay strangers. The source
# is as unrelated as it gets: handwritten digits. With `COURSE_FULL=1` it is CIFAR-10, which
# `python data_scripts/get_cifar10.py` fetches, the faces are larger, and all runs are longer.

# %%
FULL = os.environ.get("COURSE_FULL") == "1"
SIZE, EPOCHS, BATCH, DIM = ((96, 80), 30, 25, 128) if FULL else ((48, 40), 12, 25, 128)
people, strangers = data.split_by_identity(data.orl_faces().resized(*SIZE), 10, seed=0)
learn, test = data.split_by_image(people, 0.5, seed=0)
source = data.objects()[0] if FULL else data.digits()[0].subset(range(0, 4000, 4))
grey = source.images.float().mean(1, keepdim=True).round().to(torch.uint8)
source = data.ImageSet(grey, source.labels, source.names, source.source).resized(*SIZE)
print(
    f"{len(learn)} photographs of {people.n_classes} people to learn from, {len(test)} to test; source: {len(source):,}"
)

# %% [markdown]
# ## Pretraining
#
# Nothing new happens: a backbone learns the classes of the source through a classifier, and the classifier is **thrown
# away**. `training.pretrain` makes the classifier, calls `fit`, and drops it. The network is the MobiFace that Basch et
# al. reduced to one block a row, at half its width. Criterion, optimizer and schedule are given as *how to make them*,
# because their sizes depend on the data.


# %%
def new_network(seed=0):
    options = {"width": 0.5, "embedding_dim": DIM, "input_size": SIZE, "in_channels": 1}
    return backbones.create("mobiface_one_each", **options, seed=seed)


def sgd(backbone, criterion):
    return torch.optim.SGD(
        [*backbone.parameters(), *criterion.parameters()], lr=0.1, momentum=0.9
    )


def recipe(images, epochs):
    one_cycle = partial(
        OneCycleLR,
        max_lr=0.1,
        total_steps=epochs * len(training.Batches(images, BATCH)),
    )
    options = {"epochs": epochs, "batch_size": BATCH, "precision": "32-true"}
    return {
        "criterion": partial(losses.Softmax, seed=0),
        "optimizer": sgd,
        "schedule": one_cycle,
        **options,
    }


pretrained = new_network()
history = training.pretrain(pretrained, source, **recipe(source, 4))
print(
    "it names most images of the source:",
    history["accuracy"][-1] > (0.4 if FULL else 0.8),
)
assert history["accuracy"][-1] > 0.8 or FULL

# %% [markdown]
# ## Four ways to go on
#
# `training.transfer` puts a new head on the backbone and trains on faces. `freeze` says what stays as it is: `"none"`,
# `"all"` of the backbone, or stages by name.

# %%
ways = {
    "from nothing": (new_network(), "none"),
    "from the source, all trained": (copy.deepcopy(pretrained), "none"),
    "from the source, first stage frozen": (copy.deepcopy(pretrained), ["stem"]),
    "from the source, all frozen": (copy.deepcopy(pretrained), "all"),
}
results = {
    way: training.transfer(
        network, learn, freeze=freeze, test=test, **recipe(learn, EPOCHS)
    )
    for way, (network, freeze) in ways.items()
}

# %%
curves = {
    way: [100 * value for value in result.history["test_accuracy"]]
    for way, result in results.items()
}
title, SHARE = (
    "All frozen, it hardly learns to name faces (one run)",
    "test named rightly, %",
)
figure = viz.lines(
    curves, range(1, EPOCHS + 1), title=title, xlabel="epoch", ylabel=SHARE
)
viz.show(
    figure,
    alt="Four curves over epochs: three rise high, the one of the frozen network stays near the bottom.",
)
nothing, trained, frozen = (
    curves[way][-1] for way in ("from nothing", *list(ways)[1::2])
)
print("all frozen names less than half of what all trained does:", 2 * frozen < trained)
assert (2 * frozen < trained and nothing > 50) or FULL

# %% [markdown]
# One run shows no more than that it can happen; a record below says how often. But **why** is the frozen one so bad? Two
# answers are possible, and easily confused.
#
# ## A frozen network is a table of features
#
# If nothing in the backbone moves, a photograph has the same embedding in every epoch. So compute all of them **once**,
# and train a linear layer on that table:
#
# $$\min_{W, b} \; -\sum_i \log \operatorname{softmax}(W f(x_i) + b)_{y_i} , \qquad f \text{ fixed} .$$
#
# By hand that is a few lines, with no backbone in the loop. It must give the very same head as `transfer` does with
# `freeze="all"`. And the question gets a clean form. The best linear head on a table is **logistic regression**, a convex
# problem, which scikit-learn solves to the end. If *that* names the faces, the features were good, and the head was
# badly trained.


# %%
def train_head(network, images, epochs):
    features, head = (
        torch.from_numpy(training.embed(network, images)),
        losses.Softmax(DIM, images.n_classes, seed=0),
    )
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(epochs):
        for chosen in training.Batches(images, BATCH).indices(epoch):
            optimizer.zero_grad()
            head(features[chosen], images.labels[chosen]).total.backward()
            optimizer.step()
    return head


by_hand = train_head(pretrained, learn, epochs=3)
constant_rate = {**recipe(learn, 3), "schedule": None}
library = training.transfer(
    copy.deepcopy(pretrained), learn, freeze="all", **constant_rate
)
assert torch.allclose(by_hand.weight, library.classifier.weight, atol=1e-4)
assert all(
    map(
        torch.equal,
        library.backbone.state_dict().values(),
        pretrained.state_dict().values(),
    )
)
print("the same head, and not one number of the backbone has moved: True")


# %%
def best_head(feature):
    classifier = classical.train_classifier("logistic regression", feature, learn)
    return 100 * float(
        np.mean(classifier.predict(feature(test)) == test.labels.numpy())
    )


probe = best_head(partial(training.embed, pretrained))
print("trained to the end, the head names 20 points more:", probe > frozen + 20)
print("but fewer than a network that is trained as a whole:", probe < trained)
assert frozen + 20 < probe < trained or FULL

# %% [markdown]
# Both are to blame. Much of what looked like bad features was a head that had not converged. Basch et al. report that
# their frozen MobiFace stayed at about a fifth of the test, and suspect the size of the classifier and the frozen layers.
# With no head trained to the end, one cannot tell.
#
# ## The trap: freezing weights does not freeze the network
#
# The usual recipe is `requires_grad_(False)`. But batch norm keeps two numbers a channel that are no weights: mean and
# variance of what it has seen. In training mode every batch moves them, with no gradient and no optimizer:
#
# $$\mu \leftarrow 0.9 \, \mu + 0.1 \, \mu_{\text{batch}} .$$
#
# So the "frozen" network drifts. `training.frozen` holds these, too, whatever `train()` says. Let us watch: how like are
# the test photographs' embeddings to what they were?


# %%
def unit(network):
    embeddings = training.embed(network, test)
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def train_only_a_head(network, epochs=4):
    head, start, likeness = (
        losses.Softmax(DIM, learn.n_classes, seed=0),
        unit(network),
        [1.0],
    )
    optimizer = torch.optim.SGD(
        head.parameters(), lr=0.1
    )  # it holds nothing of the network
    watch = lambda now: likeness.append((start * unit(now)).sum(1).mean()) or {}  # noqa: E731
    training.fit(
        network,
        head,
        learn,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=BATCH,
        evaluate=watch,
    )
    return likeness


half_frozen, held = (copy.deepcopy(pretrained) for _ in range(2))
drift = {
    "requires_grad_(False) alone": train_only_a_head(half_frozen.requires_grad_(False))
}
with training.frozen(held):
    drift["training.frozen"] = train_only_a_head(held)
labels = {
    "xlabel": "epochs of training a head",
    "ylabel": "mean cosine with the embeddings before",
}
figure = viz.lines(
    drift,
    range(5),
    title="A network whose weights alone are frozen becomes another one",
    **labels,
)
viz.show(
    figure,
    alt="Two curves over epochs: one stays at one, the other falls at once and stays low.",
)
assert all(map(torch.equal, half_frozen.parameters(), pretrained.parameters()))
assert (
    np.allclose(drift["training.frozen"], 1)
    and drift["requires_grad_(False) alone"][-1] < 0.9
)

# %% [markdown]
# ## ImageNet, and what came before deep learning
#
# A frozen network is a table of features, so its rivals are all other tables. **Eigenfaces** (Turk and Pentland 1991) are
# the directions in which the pixels of the training faces vary most. **HOG** (Dalal and Triggs 2005) counts directions
# of edges. Kumar et al. promise support vector machines and logistic regression, and print no result. Here is one.

# %%
lite, _ = imagenet("efficientnet_lite0", input_size=SIZE)
tables = {
    "pixels": classical.pixels,
    "eigenfaces": classical.eigenfaces(learn),
    "HOG": classical.hog,
    "MobiFace, random weights": partial(training.embed, new_network()),
    "MobiFace, from the source": partial(training.embed, pretrained),
    "EfficientNet-Lite0, from ImageNet": lambda faces: training.embed(
        lite, faces.images.expand(-1, 3, -1, -1)
    ),
}
worth = {name: best_head(feature) for name, feature in tables.items()}
panel = {"test photographs named rightly by logistic regression, %": worth}
figure = viz.bars(
    panel, title="Six tables under the same head: the pixels are hard to beat"
)
viz.show(
    figure,
    alt="Six bars: pixels, eigenfaces, HOG and ImageNet near the top, the two MobiFaces clearly lower.",
)
print(
    "ImageNet's features are ahead of the source's by 10 points:",
    worth["EfficientNet-Lite0, from ImageNet"] > 10 + probe,
)
print(
    "the source's are not 10 points ahead of random ones:",
    probe < worth["MobiFace, random weights"] + 10,
)
assert (
    worth["EfficientNet-Lite0, from ImageNet"] > 10 + probe and worth["pixels"] > probe
) or FULL
spread = [np.ptp(tables[name](learn), axis=0).mean() for name in list(tables)[3:]]
print(
    "spread of the features: random < source / 1000, source < ImageNet:",
    spread == sorted(spread),
)
assert (spread[0] < spread[1] / 1000 and spread[1] < spread[2]) or FULL

# %% [markdown]
# The source taught nothing that shows: under the same head, random weights make features as good. And look at the first
# bar: **no network at all**. The ten photographs of a person in ORL show the head in the same spot,
# mostly in the same light. A test can be so easy that it hides what you want to measure. Whenever you read "100 %", ask
# what the pixels score.
#
# ## The record: what is a source worth?
#
# One run is an anecdote. In the recorded runs MobiFace starts from nothing, from digits, from CIFAR-10 and from drawn
# faces, and EfficientNet-Lite0 from nothing and from ImageNet. A seed fixes people, photographs, first weights and order,
# so we compare **within** seeds. Two rates: the full one, or a tenth of it for the backbone ("gently").

# %%
record = json.loads(Path("../benchmarks/records/transfer_orl.json").read_text())
figures, seeds, runs = (
    record["figures"],
    record["seed"],
    pd.DataFrame(record["figures"]["runs"]),
)
print(record["command"], "| recorded on", record["date"], "|", len(seeds), "seeds")
print(
    "sources:",
    ", ".join(figures["sources"]),
    "| missing:",
    ", ".join(figures["missing_sources"]) or "none",
)
LITE = {"network": "efficientnet_lite0"}
USUAL = {
    "network": "mobiface_one_each",
    "source": "nothing",
    "freeze": "none",
    "recipe": "one cycle",
    "people": 30,
}
USUAL |= {"photographs": 5, "copies": 0, "longer": 1}
START = {
    name: {"source": name} | (LITE if name == "ImageNet" else {})
    for name in figures["sources"]
}


# %%
def points(figure="classifier", **setup):
    """A figure of the runs of one setup in per cent, one row a seed."""
    wanted = {**USUAL, **setup}
    chosen = runs[(runs[list(wanted)] == pd.Series(wanted)).all(axis=1)].sort_values(
        "seed"
    )
    assert len(chosen) == len(seeds), wanted
    return 100 * np.array(chosen[figure].tolist())


# %%
pairs = {
    name + words: (
        points(**start, recipe=rate),
        points(**{**start, "source": "nothing"}),
    )
    for name, start in START.items()
    for rate, words in (("one cycle", ""), ("gently", ", gently"))
}
better = [
    name for name, (a, b) in pairs.items() if evaluation.paired_difference(a, b).low > 0
]
title = f"{len(better)} of {len(pairs)} starts are clearly better than from nothing"
figure = viz.paired_differences(
    pairs, title=title, xlabel="points more than the same network from nothing"
)
viz.show(
    figure,
    alt="For each source and rate a dot a seed, and the interval of the mean difference to from nothing.",
)
print("clearly better than from nothing:", ", ".join(better))
assert "ImageNet, gently" in better
held = [
    evaluation.paired_difference(
        points(**START[name], recipe="gently"), points(**START[name])
    )
    for name in START
]
assert {name for name, cost in zip(START, held, strict=True) if cost.high < 0} == {
    "digits",
    "CIFAR-10",
}

# %%
by_epoch = {
    "MobiFace, from nothing": points("by_epoch"),
    "EfficientNet-Lite0, from nothing": points("by_epoch", **LITE),
}
by_epoch["MobiFace, from CIFAR-10"] = points("by_epoch", **START["CIFAR-10"])
by_epoch["EfficientNet-Lite0, from ImageNet, gently"] = points(
    "by_epoch", **START["ImageNet"], recipe="gently"
)
epochs = range(1, figures["settings"]["epochs"] + 1)
figure = viz.mean_curves(
    by_epoch,
    epochs,
    title="What was learned before is a head start",
    xlabel="epoch",
    ylabel=SHARE,
)
viz.show(
    figure,
    alt="Four curves with bands over epochs; both pretrained networks run ahead of the same network from nothing.",
)
lead = by_epoch["MobiFace, from CIFAR-10"] - by_epoch["MobiFace, from nothing"]
assert lead[:, : len(epochs) // 2].mean() > 0
print(
    f"MobiFace from nothing, but for {3 * len(epochs)} epochs: {points(longer=3).mean():.0f} %"
)

# %% [markdown]
# Read two things off the first figure. **What** was learned before: ImageNet is worth most, to a network that a hundred
# and fifty photographs alone do not train in this time. And **how fast** it is changed: what digits and objects have
# taught is worth little here, and holding on to it costs much. The second figure says what kind of help it is: a head
# start. Basch et al. saw that too, ImageNet near 100 % after a few epochs and nothing much later. Given three times the
# epochs, MobiFace from nothing catches up, on this easy set.
#
# ## Frozen or not?
#
# Basch et al. froze, and suspected that it would have been better not to. For each source: frozen to the end, and frozen
# for the first half of the epochs (`unfreeze_at`), against all trained, all of them gently.

# %%
pairs = {
    f"{name}, {words}": (
        points(**start, recipe="gently", freeze=freeze),
        points(**start, recipe="gently"),
    )
    for name, start in START.items()
    for freeze, words in (("all", "frozen"), ("half", "frozen, then freed"))
}
worse = [
    name
    for name, (a, b) in pairs.items()
    if evaluation.paired_difference(a, b).high < 0
]
title = f"Frozen, at first or throughout: clearly worse in {len(worse)} of {len(pairs)} cases"
figure = viz.paired_differences(
    pairs, title=title, xlabel="points more than all trained, gently"
)
viz.show(
    figure,
    alt="For each source, frozen and frozen then freed: dots and the interval, nearly all below zero.",
)
print(f"clearly worse than all trained: {len(worse)} of {len(pairs)}")
assert len(worse) >= len(pairs) / 2

# %%
setups = {name: {**start, "recipe": "gently"} for name, start in START.items()} | {
    "random weights": {}
}
heads = {"head by SGD, %": "classifier", "head trained to the end, %": "probe"}
rows = {
    name: [points(figure, **setup, freeze="all").mean() for figure in heads.values()]
    for name, setup in setups.items()
}
table = pd.DataFrame(rows, index=list(heads)).T.round(0).astype(int)
print(table.to_string())
assert (table.iloc[:, 1] > table.iloc[:, 0] + 10)[["digits", "random weights"]].all()

# %% [markdown]
# Freeing half-way is no remedy for ImageNet here. When the stages thaw, batch norm goes from ImageNet's mean and variance
# to those of a batch of faces, and few epochs are left to recover: that is what we think, not what we measured.
#
# The table takes "frozen" apart as above: the same frozen features under a head after a few epochs of SGD, and under one
# trained to the end. A step of SGD on the head is proportional to the features, and those of ImageNet are spread widely,
# those of random weights hardly at all (we measured it above). The last row learned nothing before. Compare it with the
# first.
#
# ## A row for every person, or an embedding
#
# A classifier has a row of weights for each person. Basch et al. flattened MobiFace's last map, of a 224x224 image, into
# 14x14x512 numbers before it: 0.77M parameters without the classifier, 738M with it (their Table 1). PyTorch can
# count such a layer without making it, on the `meta` device.
#
# The saving will be in the **pooling**, not in the word "embedding": a classifier on pooled features is as small, and a
# template for each person is as long as the classifier's row. What an embedding saves is **training**. A new person needs
# a photograph. `enrol` moves no weight. A classifier cannot name whom it was not trained on, and must say so.

# %%
FLAT, POOLED, CROWD = 14 * 14 * 512, 512, [10, 100, 1000, 7300, 100_000]


def head_of(features, n_people):
    with torch.device("meta"):
        return sum(p.numel() for p in nn.Linear(features, n_people).parameters())


def heads_figure(flat):
    series = {
        f"classifier on {n:,} features": [head_of(n, people) for people in CROWD]
        for n in (flat, POOLED)
    }
    title = f"Pooling to {POOLED} numbers makes the classifier {flat / POOLED:.0f} times smaller"
    return viz.lines(
        series,
        CROWD,
        title=title,
        xlabel="people",
        ylabel="parameters",
        log_x=True,
        log_y=True,
    )


viz.show(
    heads_figure(FLAT),
    alt="Two parallel rising lines on log axes: parameters of a classifier over the number of people.",
)
print(
    f"7,300 people: {head_of(FLAT, 7300):,} parameters on {FLAT:,} features, {head_of(POOLED, 7300):,} on {POOLED}"
)
body = sum(p.numel() for p in backbones.create("mobiface_one_each").parameters())
print(
    f"MobiFace of one block a row: {body:,}; with a classifier of 7,346 people: {body + head_of(FLAT, 7346):,}"
)
assert (
    f"{body / 1e6:.2f}" == "0.77"
    and f"{(body + head_of(FLAT, 7346)) / 1e6:.0f}" == "738"
)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    heads_figure,
    [side * side * 512 for side in (2, 3, 4, 7, 14)],
    label="features of the last map",
    start=FLAT,
)

# %%
gallery, probes = data.split_by_image(strangers, 0.5, seed=0)
enrolled = results["from the source, all trained"].enrol(gallery)
print(
    "most photographs of ten new people are named rightly:",
    enrolled.accuracy(probes) > 0.6,
)
assert enrolled.accuracy(probes) > 0.6 or FULL
try:
    results["from the source, all trained"].accuracy(probes)
except ValueError as error:
    print("the classifier:", error)

# %%
GROWTH = sorted(set(runs["people"]))
names = (
    "classifier, trained on all",
    "cosine, trained on all",
    f"cosine, trained on {GROWTH[0]}, others enrolled",
)
grown = [
    np.stack([points(figure, people=n) for n in GROWTH], axis=1)
    for figure in ("classifier", "embedding")
]
series = dict(zip(names, [*grown, points("enrolled", people=GROWTH[0])], strict=True))
title = "What it costs not to train again as people are added"
figure = viz.mean_curves(series, GROWTH, title=title, xlabel="people", ylabel=SHARE)
viz.show(
    figure,
    alt="Three curves over people: both that are trained on all stay high, the one trained on five falls.",
)
assert series[names[2]][:, -1].mean() + 5 < series[names[1]][:, -1].mean()

# %%
wild = pd.DataFrame(
    json.loads(Path("../benchmarks/records/transfer_faces.json").read_text())[
        "figures"
    ]["runs"]
)
usual = wild[wild["network"] == USUAL["network"]].query(
    "source == 'nothing' & recipe == 'gently' & photographs == 15"
)
asked = {
    "those it learned, named": "classifier",
    "strangers, named": "strangers",
    "their pairs": "verification",
}
by_people = {
    words: 100 * usual.pivot(index="seed", columns="people", values=of)
    for words, of in asked.items()
}
title, learned = (
    "The more people it learns, the better it knows strangers",
    sorted(set(usual["people"])),
)
figure = viz.mean_curves(
    by_people,
    learned,
    title=title,
    xlabel="people learned",
    ylabel="right, %",
    log_x=True,
)
viz.show(
    figure,
    alt="Three curves over people learned: naming them falls; strangers named and their pairs rise.",
)
assert all(
    (np.diff(by_people[words].mean(axis=0)) > 0).all() for words in list(asked)[1:]
)

# %% [markdown]
# An embedding that has seen **five** people names thirty, most of them rightly, but not as well as one that was trained on
# all. On the same weights, cosine and classifier are close here; Basch et al. found embeddings far worse, and could not
# say why.
#
# The second figure is from photographs as they are found on the web, parts of CelebA and VGGFace2
# (`COURSE_FACES=FOLDER python -m benchmarks transfer_faces`, a few seeds). Naming more people is harder, so the classifier
# falls. But a hundred **strangers** are known better and better. That is why face networks are trained on as many people
# as can be had: not to name them, but for the sake of those who come later.
#
# ## Few photographs of each
#
# CelebA gave Basch et al. two or three photographs of a person.

# %%
contestants = {
    "MobiFace, from nothing": {},
    "MobiFace, from CIFAR-10": {"source": "CIFAR-10"},
    "EfficientNet-Lite0, from ImageNet, gently": {
        **START["ImageNet"],
        "recipe": "gently",
    },
    "HOG, linear SVM": {"network": "HOG", "recipe": "linear SVM"},
    (PIXELS := "pixels, logistic regression"): {
        "network": "pixels",
        "recipe": "logistic regression",
    },
}
few = {
    name: np.stack([points(**setup, photographs=k) for k in (1, 2, 5)], axis=1)
    for name, setup in contestants.items()
}
title = "With one or two photographs of each person, nothing comes near 100 %"
figure = viz.mean_curves(
    few, ["1", "2", "5"], title=title, xlabel="photographs of each person", ylabel=SHARE
)
viz.show(
    figure,
    alt="Five rising curves over one, two and five photographs of a person; at one and two all are well below 100 %.",
)
assert max(values[:, 1].mean() for values in few.values()) < 95
assert (
    np.argmax([values.mean(axis=0) for values in few.values()], axis=0)
    == list(few).index(PIXELS)
).all()
print("ahead in the mean, with one, two and five photographs:", PIXELS)
two = (
    wild.query("photographs == 2")
    .groupby(["network", "source", "freeze", "recipe"])["classifier"]
    .mean()
)
print(
    f"two photographs from the web of each of 100 people: the best of {len(two)} ways names {two.max():.0%}"
)
assert two.max() < 0.25

# %% [markdown]
# ## "100 % test accuracy"
#
# Basch et al. report 100 % on the test, with two or three photographs of each of seven thousand people. The figure makes that
# hard to believe. One thing that could explain it is a **leak**: near copies of one photograph on both sides of the
# split, such as two frames of a film, or versions that were made **before** splitting.
#
# We make such a split: two photographs of each person, four near copies of each (a pixel aside, a little lighter or
# darker), all in one heap, a quarter of it put aside as the test.

# %%
two = learn.subset(
    [
        i
        for person in range(30)
        for i in (learn.labels == person).nonzero().flatten()[:2].tolist()
    ]
)
heap = training.views(
    two, data.Compose((data.RandomShift(1), data.RandomLight(0.1, 0.1))), copies=4
)
heap = data.ImageSet(heap.images, two.labels.repeat(5), two.names, two.source)
leaky_train, leaky_test = data.split_by_image(heap, 0.25, seed=0)
distances = torch.cdist(
    *(part.images.flatten(1).double() for part in (leaky_test, leaky_train)), p=1
) / np.prod(SIZE)
twin = distances.argmin(1)
some = distances.min(1).values.argsort()[:6]
rows = torch.cat([leaky_test.images[some], leaky_train.images[twin[some]]])
viz.show(
    viz.image_grid(
        rows,
        title="Above: the test. Below: what was learned",
        columns=6,
        credit=people.source,
    ),
    alt="Two rows of six faces; each in the upper row has almost the same picture below it.",
)
print(
    "the test's nearest twins show the same person:",
    bool((leaky_test.labels == leaky_train.labels[twin]).all()),
)
assert (leaky_test.labels == leaky_train.labels[twin]).float().mean() > 0.95

# %%
who = {
    "MobiFace": {"longer": 3},
    "the nearest photograph, by its pixels": {
        "network": "pixels",
        "recipe": "nearest photograph",
    },
}
tests = {
    "on the test that leaks, %": "leak",
    "on other photographs of the same people, %": "classifier",
}
panels = {
    words: {
        name: points(figure, **setup, photographs=2, copies=4).mean()
        for name, setup in who.items()
    }
    for words, figure in tests.items()
}
viz.show(
    viz.bars(panels, title="One training, two tests: a leak makes it look solved"),
    alt="Two panels of two bars: on the test that leaks both are near 100 %, on other photographs both are clearly lower.",
)
gained = [
    panels["on the test that leaks, %"][name] - honest
    for name, honest in list(panels.values())[1].items()
]
assert min(gained) > 5

# %% [markdown]
# The **same weights** have both scores. A leak does not make a network better, it makes a test worthless. The pixels give
# it away: where the nearest photograph does as well as a network, look at the split before you look at the network.
#
# We cannot know what happened in the paper; a test on the training photographs would look the same. What we can say is
# that the claim calls for a check, and that the check is a few lines (exercise 2).
#
# ## The rate of 0.3, and the DeepFace that would not learn
#
# Basch et al. take 0.3, "as high as we can go", throughout, and suspect for their DeepFace, which never learned, that a
# plateau schedule would have helped.

# %%
RATES = ("0.3 throughout", "0.3, plateau", "0.01, plateau", "one cycle")
series = {rate: points("by_epoch", recipe=rate, longer=3) for rate in RATES}
title, longer = (
    "One network from nothing, by four rates: 0.3 needs its plateau",
    range(1, 3 * len(epochs) + 1),
)
figure = viz.mean_curves(series, longer, title=title, xlabel="epoch", ylabel=SHARE)
viz.show(
    figure,
    alt="Four curves with bands over epochs: 0.3 throughout jumps and ends lowest, the others higher.",
)
last = {rate: values[:, -1].mean() for rate, values in series.items()}
print(
    "0.3 throughout ends lowest, by more than 5 points:",
    last["0.3 throughout"] + 5 < sorted(last.values())[1],
)
assert last["0.3 throughout"] + 5 < sorted(last.values())[1]

# %%
theirs, papers = (
    {"network": network, "longer": 3} for network in ("deepface_lrn", "deepface")
)
setups = [
    (theirs, "0.3 throughout"),
    (theirs, "one cycle to 0.03"),
    (papers, "one cycle to 0.03"),
]
rows = [
    [points(of, **net, recipe=rate).mean() for of in ("training", "classifier")]
    for net, rate in setups
]
index = [
    "theirs, 0.3 throughout",
    "theirs, one cycle to 0.03",
    "the paper's, one cycle to 0.03",
]
table = (
    pd.DataFrame(rows, index, ["training named rightly, %", "test named rightly, %"])
    .round(0)
    .astype(int)
)
print(table.to_string())
assert table.iloc[0].max() < 20 < table.iloc[1].min()

# %% [markdown]
# Where a row is near three per cent, the network guesses among thirty people. At 0.3 theirs does, at a tenth of it, it
# learns: **the rate alone** is enough to explain what they saw, before any question of data or alignment. The paper's
# own DeepFace learns too, slowly; notebook 04d looks at its layers.
#
# ## Exercises
#
# Solutions: [solutions/09_transfer_learning.py](solutions/09_transfer_learning.py).
#
# ### Exercise 1: how far a "frozen" batch norm drifts
#
# A batch norm has the running mean `start` (C,) and sees batches with the means `batch_means` (B, C), in this order. Each
# moves it to (1 - momentum) times the old plus momentum times the batch's. Return the running mean (C,) at the end.


# %% tags=["exercise"]
def running_mean(start, batch_means, momentum): ...


# %% tags=["check"]
def by_pytorch(start, batch_means, momentum):
    norm = torch.nn.BatchNorm1d(len(start), momentum=momentum).double()
    norm.running_mean.copy_(torch.as_tensor(start))
    for mean in torch.as_tensor(batch_means):
        norm(torch.stack([mean - 1, mean + 1]))
    return norm.running_mean.numpy()


cases = [
    (np.array([1.0, 0.0]), np.array([[2.0, 4.0], [6.0, -1.0], [3.0, 3.0]])[:n], 0.1)
    for n in (1, 3)
]
exercises.check(
    running_mean,
    by_pytorch,
    cases,
    hint="One step a batch, in order: later batches weigh more.",
)

# %% [markdown]
# ### Exercise 2: find the leak
#
# `test` (N, P) and `train` (M, P) hold pictures of P pixels. Return booleans (N,): whether some picture of `train` differs
# from the test's by **at most** `tolerance` grey values, on average over the pixels (the mean of absolute differences).


# %% tags=["exercise"]
def leaks(test, train, tolerance): ...


# %% tags=["check"]
def one_by_one(test, train, tolerance):
    return np.array(
        [min(np.mean(np.abs(a - b)) for b in train) <= tolerance for a in test]
    )


train_case = np.random.default_rng(1).uniform(0, 255, (5, 12))
test_case = np.vstack(
    [
        train_case[2] + 2,
        train_case[0] + np.tile([4.0, -4.0], 6),
        train_case[1] + 48 * np.eye(12)[0],
    ]
)
cases = [(test_case, train_case, tolerance) for tolerance in (1.0, 2.5, 5.0)]
exercises.check(
    leaks,
    one_by_one,
    cases,
    hint="All pairs at once: np.abs(test[:, None] - train). Mean, then the smallest.",
)

# %% [markdown]
# ## Summary
#
# - A frozen network is a table of features. A bad result of it may be the features' fault or the head's: train the head to
#   the end before you judge.
# - Freezing takes more than `requires_grad_(False)`: batch norm's statistics move without any gradient.
# - A source is a head start. The more it has taught, the more gently it can be changed.
# - A classifier must be trained again for every new person; an embedding needs only a photograph. How good it is depends
#   on how many people it was trained on.
# - Ask what the pixels score, and where the near copies are, before you believe a perfect test.
#
# ## What the papers report
#
# - Basch et al. ("Face Recognition in Deep Learning with Minimal Resources"; it bears no year): 20,000 photographs of
#   CelebA, about 7,000 people, 15,000 photographs to train and 5,000 to test; SGD at 0.3, momentum 0.9, batches of 128.
#   Inception from ImageNet near 100 % on the test in 7 epochs, from nothing 100 % by epoch 90, from CIFAR-10 with frozen
#   features lower; MobiFace, frozen, about 20 %; embeddings 15 %; DeepFace did not learn. One run each, no interval.
#   Table 1: MobiFace 0.77M parameters without its classifier, 738M with it; 100,352 features times about 7,300 people.
# - Kumar et al. ("Memory Optimized Deep Learning based Face Recognition"; it bears no year) announce SVM and logistic
#   regression beside their network, and print no result of either.
# - Turk and Pentland (1991, Journal of Cognitive Neuroscience): eigenfaces name 96 % of faces rightly as the light changes,
#   85 % as the head turns, 64 % as the size changes. We quote this from memory.
