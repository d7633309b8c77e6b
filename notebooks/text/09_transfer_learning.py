# %% [markdown]
# # Transfer learning: what one task leaves for the next
#
# You have a hundred photographs of faces, and a network wants millions. So people start from a network that has learned
# **something else**: digits, objects, ImageNet. That is **transfer learning**, and the first part of it, the learning of
# something else, is **pretraining**. Basch et al. ("Face Recognition in Deep Learning with Minimal Resources") did it,
# and left questions open. Does the source have to do with faces? Should the network stay as it is, or be trained further?
# Should it name people by a classifier, or compare embeddings? We take the questions up, and ask the old methods that
# every network should beat.
#
# **What you will learn**
# - what it takes to *freeze* a network, and the trap that batch norm sets;
# - why a frozen network is a table of features, and how to tell bad features from a badly trained head;
# - what an unrelated source is worth on faces, at which learning rate, with intervals over seeds;
# - what a classifier costs as people are added, and why an embedding needs no new weights for them;
# - how a perfect test score can come from a **leak**, and how to find it.
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (the training loop, paired runs and their intervals).
#
# **Time and place**: 1 minute to run, 125 minutes to read and do, 45 more for the open task. No GPU, no network, 1.1 GB of memory.

# %% tags=["imports"]
import copy
import os
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

# %% tags=["imports"]
from course_lib import (
    backbones,
    data,
    evaluation,
    exercises,
    guard,
    losses,
    record,
    training,
    viz,
)
from course_lib.training import classical
from course_lib.weights.imagenet import imagenet

# %% [markdown]
# ## The faces, and the source
#
# Thirty people of ORL: five photographs of each to learn from, five to test. Ten more people stay strangers. The source
# is as unrelated as it gets: handwritten digits. With `COURSE_FULL=1` it is CIFAR-10, photographs of ten kinds of things,
# which `python data_scripts/get_cifar10.py` fetches; the faces are larger then, and all runs are longer.

# %%
FULL = os.environ.get("COURSE_FULL") == "1"
SIZE, EPOCHS = ((96, 80), 30) if FULL else ((48, 40), 12)
BATCH, DIM = 25, 128
orl = data.orl_faces().resized(*SIZE)
people, strangers = data.split_by_identity(orl, 10, seed=0)
learn, test = data.split_by_image(people, 0.5, seed=0)
digits = data.objects()[0] if FULL else data.digits()[0].subset(range(0, 4000, 4))
grey = digits.images.float().mean(1, keepdim=True).round().to(torch.uint8)
source = data.ImageSet(grey, digits.labels, digits.names, digits.source).resized(*SIZE)
print(f"{len(learn)} photographs of {people.n_classes} people to learn from")
print(f"{len(test)} others of them to test, {len(strangers)} of strangers")
print(f"{len(source):,} images of {source.n_classes} classes as the source")

# %% tags=["illustration"]
rows = torch.cat([source.images[::100][:8], learn.images[::5][:8]])
viz.show(
    viz.image_grid(
        rows,
        title="Above: what was learned before. Below: what is to be learned",
        columns=8,
        credit=people.source,
    ),
    alt="Two rows of eight pictures: handwritten digits above, faces below.",
)

# %% [markdown]
# ## Pretraining
#
# Nothing new happens here: a backbone learns the classes of the source through a classifier, and the classifier is
# **thrown away**. `training.pretrain` makes the classifier, trains as in notebook 02, and drops it. The network is a small
# one of depthwise-separable convolutions (notebook 03): the MobiFace of Basch et al., who kept one block of each kind, at
# half its width. Nothing below depends on its details.
#
# Criterion, optimizer and schedule are given as *how to make them*, because their sizes depend on the data.


# %%
def new_network(seed=0):
    options = {"width": 0.5, "embedding_dim": DIM, "input_size": SIZE, "in_channels": 1}
    return backbones.create("mobiface_one_each", **options, seed=seed)


def sgd(backbone, criterion):
    parameters = [*backbone.parameters(), *criterion.parameters()]
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def recipe(images, epochs):
    steps = epochs * len(training.Batches(images, BATCH))
    return {
        "criterion": partial(losses.Softmax, seed=0),
        "optimizer": sgd,
        "schedule": partial(OneCycleLR, max_lr=0.1, total_steps=steps),
        "epochs": epochs,
        "batch_size": BATCH,
        "precision": "32-true",
    }


# %% tolerance="2 points"
pretrained = new_network()
history = training.pretrain(pretrained, source, **recipe(source, 4))
of_source = 100 * history["accuracy"][-1]
print(f"at the end of its training it names {of_source:.0f} % of the source's images")

# %% tags=["guard"]
guard("it has learned most of the source", of_source > 85, of_source=of_source)

# %% [markdown]
# ## Four ways to go on
#
# `training.transfer` puts a new classifier, the **head**, on the backbone and trains on faces. **Freezing** a part of a
# network means to keep it as it is while the rest is trained. To train a pretrained network further, all of it or its last
# stages, is **fine-tuning** it. The argument `freeze` says what stays as it is: `"none"`, `"all"` of the backbone, or
# stages by name.
#
# With all of the backbone frozen only the head learns: a row of weights for each of the thirty people. Commit yourself
# before you run on. Whoever guesses at random names one photograph in thirty.

# %% tags=["predict"]
guess = exercises.predict(
    ...,
    question="All of the backbone frozen: how many test photographs are named rightly?",
    unit="%",
)

# %%
ways = {
    "from nothing": (new_network(), "none"),
    "from the source, all trained": (copy.deepcopy(pretrained), "none"),
    "from the source, first stage frozen": (copy.deepcopy(pretrained), ["stem"]),
    "from the source, all frozen": (copy.deepcopy(pretrained), "all"),
}
results = {}
for way, (network, freeze) in ways.items():
    network = copy.deepcopy(network)
    faces_recipe = recipe(learn, EPOCHS)
    results[way] = training.transfer(
        network, learn, freeze=freeze, test=test, **faces_recipe
    )

# %% [markdown]
# The share of the test photographs that each names rightly, after every epoch:

# %% tolerance="25 points"
SHARE = "named rightly, %"
curves = {}
for way, result in results.items():
    curves[way] = [100 * share for share in result.history["test_accuracy"]]
    print(f"{way}: {curves[way][-1]:.0f} %")
figure = viz.lines(
    curves,
    range(1, EPOCHS + 1),
    title="All frozen, it learns to name few faces (one run)",
    xlabel="epoch",
    ylabel=SHARE,
)
alt = "Four curves over epochs: three rise high, the frozen network stays low."
viz.show(figure, alt=alt)
nothing = curves["from nothing"][-1]
trained = curves["from the source, all trained"][-1]
frozen = curves["from the source, all frozen"][-1]
guess.reveal(frozen, ".0f")

# %% tags=["guard"]
guard(
    "all frozen names far fewer than all trained does",
    frozen + 30 < trained and nothing > 50,
    frozen=frozen,
    trained=trained,
    nothing=nothing,
)

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
# `freeze="all"`.


# %%
def train_head(network, images, epochs):
    features = torch.from_numpy(training.embed(network, images))
    head = losses.Softmax(DIM, images.n_classes, seed=0)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(epochs):
        for chosen in training.Batches(images, BATCH).indices(epoch):
            optimizer.zero_grad()
            head(features[chosen], images.labels[chosen]).total.backward()
            optimizer.step()
    return head


def largest_change(before, after):
    """The largest difference of two lists of tensors, number by number."""
    changes = []
    for a, b in zip(before, after, strict=True):
        changes.append((a.double() - b.double()).abs().max().item())
    return max(changes)


# %%
by_hand = train_head(pretrained, learn, epochs=3)
constant_rate = {**recipe(learn, 3), "schedule": None}
library = training.transfer(
    copy.deepcopy(pretrained), learn, freeze="all", **constant_rate
)
apart = largest_change([by_hand.weight], [library.classifier.weight])
before, after = pretrained.state_dict(), library.backbone.state_dict()
backbone_moved = largest_change(before.values(), after.values())
print(f"largest difference of the two heads: {apart:.3f}")
print(f"largest change of the backbone, {len(before)} tensors: {backbone_moved:.3f}")

# %% tags=["guard"]
guard(
    "the same head, and nothing in the backbone has moved",
    apart < 0.0004 and backbone_moved == 0,
    apart=apart,
    backbone_moved=backbone_moved,
)

# %% [markdown]
# ## The best head there is
#
# Now the question gets a clean form. The best linear head on a table is **logistic regression**: the formula above plus
# a small penalty on long weights, on numbers brought to the same spread. That is a convex problem, which scikit-learn
# solves to the end. A linear classifier on the embeddings of a frozen network is called a **linear probe**. If *that*
# names the faces, the features were good, and our head was badly trained.


# %%
def best_head(feature):
    """The share in % that logistic regression on this feature names rightly."""
    classifier = classical.train_classifier("logistic regression", feature, learn)
    return 100 * np.mean(classifier.predict(feature(test)) == test.labels.numpy())


# %% tolerance="15 points"
to_the_end = best_head(partial(training.embed, pretrained))
print(f"all frozen, the head trained to the end: {to_the_end:.0f} %")

# %% tags=["guard"]
guard(
    "trained to the end the head names far more, but fewer than all trained",
    frozen + 20 < to_the_end and to_the_end < trained,
    frozen=frozen,
    to_the_end=to_the_end,
    trained=trained,
)

# %% [markdown]
# Trained to the end, a head on the same frozen features named far more photographs, and still fewer than the
# network that was trained as a whole. Both are to blame: much of what looked like bad features was a head that had not
# converged, and some of it was bad features.
# Basch et al. report that their frozen MobiFace stayed at about a fifth of the test, and suspect the size of the
# classifier and the frozen layers. With no head trained to the end, one cannot tell.
#
# ## The trap: freezing weights does not freeze the network
#
# The usual recipe is `requires_grad_(False)`. But batch norm keeps two numbers a channel that are no weights, its running
# statistics: mean and variance of what it has seen. In training mode every batch moves them, with no gradient and no
# optimizer. With a momentum $m$, in PyTorch 0.1,
#
# $$\mu \leftarrow (1 - m) \, \mu + m \, \mu_{\text{batch}} .$$
#
# So the "frozen" network drifts. How fast?
#
# ### Exercise 1: what a running mean remembers
#
# A running mean has some value at the start and then sees the means of `n_batches` batches. Its value at the end is a
# mixture of all of them. Return the shares of the mixture as an array `(n_batches + 1,)`: first that of the start, then
# those of the batches in their order. Solutions: [solutions/09_transfer_learning.py](solutions/09_transfer_learning.py).


# %% tags=["exercise"]
def shares(momentum, n_batches): ...


# %% tags=["check"]
def by_pytorch(momentum, n_batches):
    norm = nn.BatchNorm1d(n_batches + 1, momentum=momentum).double()
    sources = torch.eye(n_batches + 1).double()  # a channel for each of them
    norm.running_mean.copy_(sources[0])
    for mean in sources[1:]:
        norm(torch.stack([mean - 1, mean + 1]))
    return norm.running_mean.numpy()


def draw_momentum(rng):
    return rng.uniform(0.05, 0.95), int(rng.integers(0, 8))


cases = [(0.1, 0), (0.1, 1), (0.5, 2), (0.25, 3)]
hints = (
    "After one batch: 1 - momentum of the start, momentum of the batch. Go on to two.",
    "Each batch takes (1 - momentum) times of all shares so far, and adds its own.",
    "start (1 - m)**n, batch k of n: m * (1 - m)**(n - k)",
)
exercises.check(shares, by_pytorch, cases, draw=draw_momentum, hints=hints)

# %% [markdown]
# ## Watch it drift
#
# `training.frozen` holds the running statistics, too, whatever `train()` says. We train a head on top of two copies of the
# pretrained network: one whose weights alone are frozen, and one within `training.frozen`. The optimizer is given the
# head's weights only. How like are the test photographs' embeddings to what they were?


# %%
def unit_embeddings(network):
    embeddings = training.embed(network, test)
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def train_only_a_head(network, epochs=4):
    """The mean cosine with the embeddings before, after each epoch."""
    head = losses.Softmax(DIM, learn.n_classes, seed=0)
    start, likeness = unit_embeddings(network), [1.0]

    def watch(now):
        likeness.append(float((start * unit_embeddings(now)).sum(1).mean()))
        return {}

    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    options = {"epochs": epochs, "batch_size": BATCH, "evaluate": watch}
    training.fit(network, head, learn, optimizer=optimizer, **options)
    return likeness


# %% tolerance="0.2"
half_frozen, held = copy.deepcopy(pretrained), copy.deepcopy(pretrained)
drift = {}
half_frozen.requires_grad_(False)
drift["requires_grad_(False) alone"] = train_only_a_head(half_frozen)
with training.frozen(held):
    drift["training.frozen"] = train_only_a_head(held)
for name, likeness in drift.items():
    print(name, "after each epoch:", *[f"{cosine:.2f}" for cosine in likeness])

# %% [markdown]
# Did the weights move after all?

# %%
weights_moved = largest_change(half_frozen.parameters(), pretrained.parameters())
alone, fully = list(drift.values())
print(f"largest change of a weight: {weights_moved:.1f}")
print(f"lowest cosine within training.frozen: {min(fully):.4f}")
figure = viz.lines(
    drift,
    range(5),
    title="A network whose weights alone are frozen becomes another one",
    xlabel="epochs of training a head",
    ylabel="mean cosine with the embeddings before",
)
alt = "Two curves over epochs: one stays at one, the other falls at once and stays low."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "frozen weights alone let the network drift, training.frozen holds it",
    weights_moved == 0 and alone[-1] < 0.85 and min(fully) > 0.99,
    weights_moved=weights_moved,
    alone=alone,
    fully=fully,
)

# %% [markdown]
# Not one weight had moved, and still the embeddings drifted away, epoch by epoch. A head that is trained on them learns
# features that are gone a moment later.
#
# ## ImageNet, and what came before deep learning
#
# A frozen network is a table of features, so its rivals are all other tables. **Eigenfaces** (Turk and Pentland 1991) are
# the directions in which the pixels of the training faces vary most. **HOG** (Dalal and Triggs 2005), the histogram of
# oriented gradients, counts directions of edges. Kumar et al. promise **support vector machines**, linear classifiers
# that put the border where the gap between two classes is widest, and logistic regression, and print no result. Here is
# one: six tables under the same head. ImageNet's comes from EfficientNet-Lite0, a small network that was trained on it.
# The course does not carry its weights, 19 MB. So its row is read from a record, of these photographs and this split.

# %%
tables = {
    "pixels": classical.pixels,
    "eigenfaces": classical.eigenfaces(learn),
    "HOG": classical.hog,
    "MobiFace, random weights": partial(training.embed, new_network()),
    "MobiFace, from the source": partial(training.embed, pretrained),
}
IMAGENET = "EfficientNet-Lite0, from ImageNet"
recorded = record("imagenet_features")
for run in recorded["figures"]["runs"]:
    if run["size"] == list(SIZE) and run["seed"] == 0:
        by_imagenet, imagenet_spread = run["named"], run["spread"]
print("ImageNet:", recorded["command"], "| recorded on", recorded["date"])

# %% tolerance="15 points"
worth = {}
for name, feature in tables.items():
    worth[name] = best_head(feature)
    print(f"{name}: {worth[name]:.0f} %")
worth[IMAGENET] = by_imagenet
print(f"{IMAGENET}: {by_imagenet:.0f} %")
figure = viz.bars(
    {"test photographs named rightly by logistic regression, %": worth},
    title="Six tables under the same head: the pixels are hard to beat",
)
alt = "Six bars: pixels, eigenfaces, HOG and ImageNet are long, both MobiFaces shorter."
viz.show(figure, alt=alt)
by_pixels, by_source = worth["pixels"], worth["MobiFace, from the source"]
by_random = worth["MobiFace, random weights"]

# %% tags=["guard"]
guard(
    "ImageNet and pixels lead the source, which is about level with random weights",
    min(by_imagenet, by_pixels) > by_source and by_source < by_random + 20,
    by_pixels=by_pixels,
    by_imagenet=by_imagenet,
    by_source=by_source,
    by_random=by_random,
)

# %% [markdown]
# The source taught nothing that shows: under the same head, random weights made features about as good. ImageNet's were far
# better. And look at the first bar: **no network at all**. The ten photographs of a person in ORL show the head
# in the same spot, mostly in the same light. A test can be so easy that it hides what you want to measure. Whenever you
# read "100 %", ask what the pixels score.
#
# The head was trained to the end here, and each number of a table was first brought to the same spread. A few epochs of
# SGD have no such help. How far do the features of the three networks spread by themselves? For each number of an
# embedding we take the largest minus the smallest over the photographs, and average.

# %% tolerance="60 %"
spreads = []
for name in list(tables)[3:]:
    spreads.append(float(np.ptp(tables[name](learn), axis=0).mean()))
    print(f"{name}: {spreads[-1]:.1e}")
spreads.append(imagenet_spread)
print(f"{IMAGENET}: {imagenet_spread:.1e}")

# %% tags=["guard"]
guard(
    "random weights spread hardly at all, ImageNet's widely",
    1000 * spreads[0] < spreads[1] and 1e6 * spreads[0] < spreads[2],
    spreads=spreads,
)

# %% [markdown]
# Keep these three numbers in mind. They come back below.
#
# To measure ImageNet's two numbers yourself, fetch the weights: `python data_scripts/get_efficientnet_lite0.py`.


# %% tags=["nbval-skip"] skip_reason="the weights of EfficientNet-Lite0 are fetched apart and may be missing"
def of_imagenet(faces):
    lite, _ = imagenet("efficientnet_lite0", input_size=SIZE)
    return training.embed(lite, faces.images.expand(-1, 3, -1, -1))


try:
    spread = np.ptp(of_imagenet(learn), axis=0).mean()
    print(f"{IMAGENET}, measured: {best_head(of_imagenet):.0f} %, {spread:.1e}")
except FileNotFoundError:
    print("the weights are not on this machine, so the record stands alone")

# %% [markdown]
# ## The record: what is a source worth?
#
# One run is an anecdote. In the recorded runs MobiFace starts from nothing, from digits, from CIFAR-10 and from drawn
# faces, and EfficientNet-Lite0 from nothing and from ImageNet. A seed fixes people, photographs, first weights and order,
# so we compare **within** seeds. There are two rates: the full one, and "gently", a tenth of it for the backbone.

# %%
found = record("transfer_orl")
figures = found["figures"]
runs = pd.DataFrame(figures["runs"])
n_seeds = runs["seed"].nunique()
epochs = range(1, figures["settings"]["epochs"] + 1)
print(found["command"], "| recorded on", found["date"])
print(f"{len(runs)} runs, {n_seeds} seeds of each setting, {epochs[-1]} epochs")
print("sources:", ", ".join(figures["sources"]))

# %%
LITE = {"network": "efficientnet_lite0"}
USUAL = {"network": "mobiface_one_each", "source": "nothing", "freeze": "none"}
USUAL |= {"recipe": "one cycle", "people": 30, "photographs": 5}
USUAL |= {"copies": 0, "longer": 1}
START = {}
for name in figures["sources"]:
    START[name] = {"source": name} | (LITE if name == "ImageNet" else {})


def points(figure="classifier", **setup):
    """A figure of the runs of one setup in per cent, one row a seed."""
    wanted = {**USUAL, **setup}
    fits = (runs[list(wanted)] == pd.Series(wanted)).all(axis=1)
    chosen = runs[fits].sort_values("seed")
    if len(chosen) != n_seeds:
        raise ValueError(f"{len(chosen)} runs were recorded of {wanted}")
    return 100 * np.array(chosen[figure].tolist())


# %% [markdown]
# We compare pairs, seed by seed. A difference counts as clear when the 95 % interval of its mean leaves out zero.


# %%
def summary(pairs):
    """A row for each pair (a, b): the mean of a - b, and its 95 % interval."""
    rows = {}
    for name, (a, b) in pairs.items():
        interval = evaluation.paired_difference(a, b)
        rows[name] = [np.mean(a - b), interval.low, interval.high]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "low", "high"])


def differences_figure(pairs, title, xlabel):
    dots, intervals = {}, {}
    for name, row in summary(pairs).iterrows():
        a, b = pairs[name]
        dots[name], intervals[name] = (a - b).tolist(), (row["low"], row["high"])
    return viz.seeds_and_means(dots, intervals, title=title, xlabel=xlabel)


# %%
starts = {}
for name, start in START.items():
    from_nothing = points(**{**start, "source": "nothing"})
    starts[name] = (points(**start), from_nothing)
    starts[f"{name}, gently"] = (points(**start, recipe="gently"), from_nothing)
starts_table = summary(starts)
print("points more than the same network from nothing")
print(starts_table.round(1).to_string())

# %% [markdown]
# The same, with a dot for each seed:

# %%
figure = differences_figure(
    starts,
    "ImageNet helps most, drawn faces a little, digits and objects not",
    "points more than the same network from nothing",
)
alt = "Eight rows of five dots with intervals; both of ImageNet lie far right of zero."
viz.show(figure, alt=alt)
start_lows = starts_table["low"].to_dict()
start_highs = starts_table["high"].to_dict()

# %% tags=["guard"]
guard(
    "clearly better: drawn faces at full rate, ImageNet at both; worse: two, gently",
    min(start_lows["ImageNet"], start_lows["ImageNet, gently"]) > 20
    and start_lows["drawn faces"] > 0
    and start_lows["drawn faces, gently"] < 0
    and max(start_lows["digits"], start_lows["CIFAR-10"]) < 0
    and max(start_highs["digits, gently"], start_highs["CIFAR-10, gently"]) < 0,
    start_lows=start_lows,
    start_highs=start_highs,
)

# %% [markdown]
# Read two things off the figure. **What** was learned before: three starts of eight were clearly better than none, both
# of ImageNet, by about 50 points, and drawn faces at the full rate, by 4. ImageNet was worth so much to a network that
# a hundred and fifty photographs alone do not train in this time. And **how fast** it was changed: what digits and
# objects had taught was worth little, and holding on to it cost 9.1 and 15.5 points.
#
# ## A head start
#
# What kind of help is it? Follow the epochs.

# %%
by_epoch = {
    "MobiFace, from nothing": points("by_epoch"),
    "MobiFace, from CIFAR-10": points("by_epoch", **START["CIFAR-10"]),
    "EfficientNet-Lite0, from nothing": points("by_epoch", **LITE),
    "EfficientNet-Lite0, from ImageNet, gently": points(
        "by_epoch", **START["ImageNet"], recipe="gently"
    ),
}
half_way, at_end = {}, {}
for name, values in by_epoch.items():
    of_epoch = values.mean(axis=0)
    half_way[name], at_end[name] = of_epoch[5], of_epoch[-1]
    print(f"{name}: {half_way[name]:.1f} % half-way, {at_end[name]:.1f} % at the end")
three_times = points(longer=3).mean()
print(f"MobiFace, from nothing, three times the epochs: {three_times:.1f} %")

# %%
figure = viz.mean_curves(
    by_epoch,
    epochs,
    title="What was learned before is a head start",
    xlabel="epoch",
    ylabel=SHARE,
)
alt = "Four curves with bands; both pretrained networks run ahead of the same ones new."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "pretrained networks lead half-way; MobiFace from nothing catches up",
    half_way["MobiFace, from CIFAR-10"] > half_way["MobiFace, from nothing"] + 10
    and at_end["MobiFace, from CIFAR-10"] < at_end["MobiFace, from nothing"] + 5
    and three_times > max(at_end.values()),
    half_way=half_way,
    at_end=at_end,
    three_times=three_times,
)

# %% [markdown]
# After half the epochs the start from CIFAR-10 was far ahead; at the end it was ahead by little. Basch et al. saw that
# too, ImageNet near 100 % after a few epochs and nothing much later. Given three times the epochs, MobiFace from nothing
# named 95.7 % and passed all four, on this easy set. So compare sources at a stated length of training: a head start is
# what you buy when photographs or time are short.
#
# ## Frozen or not?
#
# Basch et al. froze, and suspected that it would have been better not to. For each source: frozen to the end, and frozen
# for the first half of the epochs (`unfreeze_at`), against all trained, all of them gently.

# %%
freezing = {}
for name, start in START.items():
    all_trained = points(**start, recipe="gently")
    for freeze, words in (("all", "frozen"), ("half", "frozen, then freed")):
        one = points(**start, recipe="gently", freeze=freeze)
        freezing[f"{name}, {words}"] = (one, all_trained)
freezing_table = summary(freezing)
print("points more than all trained, gently")
print(freezing_table.round(1).to_string())

# %%
figure = differences_figure(
    freezing,
    "Only ImageNet's features can stay frozen; all the others lose",
    "points more than all trained, gently",
)
alt = "Eight rows of dots with intervals; seven lie left of zero, one lies on it."
viz.show(figure, alt=alt)
freezing_highs = freezing_table["high"].to_list()
imagenet_span = freezing_table.loc["ImageNet, frozen", ["low", "high"]].to_list()

# %% tags=["guard"]
guard(
    "freezing is clearly worse in seven cases of eight; ImageNet frozen is level",
    np.sum(np.array(freezing_highs) < 0) == 7
    and imagenet_span[0] < 0 < imagenet_span[1],
    freezing_highs=freezing_highs,
    imagenet_span=imagenet_span,
)

# %% [markdown]
# Freezing was clearly worse in seven cases of eight. The exception was ImageNet, frozen throughout, which was level to
# within three points. Freeing it half-way was no remedy: that cost 32 points. When the stages thaw, batch norm goes from
# ImageNet's mean and variance to those of a batch of faces, and few epochs are left to recover. That is what we think, not
# what we measured.
#
# Now take "frozen" apart as above, over all seeds: the same features under a head after a few epochs of SGD, and under a
# linear probe, which is trained to the end.

# %%
setups = {name: {**start, "recipe": "gently"} for name, start in START.items()}
setups["random weights"] = {}
rows = {}
for name, setup in setups.items():
    by_sgd = points("classifier", **setup, freeze="all").mean()
    by_probe = points("probe", **setup, freeze="all").mean()
    rows[name] = [by_sgd, by_probe]
heads = pd.DataFrame(rows, ["by SGD", "to the end"]).T
heads["gained"] = heads["to the end"] - heads["by SGD"]
gains = heads["gained"].to_dict()
print("the head trained ...: test photographs named rightly, %")
print(heads.round(1).to_string())

# %% tags=["guard"]
guard(
    "the head was most of it for digits and random weights, hardly for ImageNet",
    min(gains["digits"], gains["random weights"]) > 50 and gains["ImageNet"] < 10,
    gains=gains,
)

# %% [markdown]
# The last row learned nothing before. Compare it with the first: the digits' 76 % were hardly more than the 73 % of random
# weights.
#
# ### Explain: the same features, 3 % and 73 %
#
# After twelve epochs of SGD the head on random weights named no more than guessing would, and ImageNet's named 87 %. Under
# a head trained to the end, random weights came to 73 %. Which of the numbers that we measured above explains it, and how?
#
# <details><summary>Model answer</summary>
#
# The spread. The gradient of the head's weights is the error times the features, so a step of SGD is proportional to
# the features. ImageNet's are spread widely, and few steps move the logits of different people far apart. Those of
# random weights are spread more than a hundred million times less: in the same number of steps at the same rate nothing
# happens. Logistic regression first brings each number to the same spread, and then goes on until it is done. A larger
# learning rate, or a batch norm in front of the head, would have helped SGD as well.
#
# </details>
#
# ## A row for every person, or an embedding
#
# A classifier has a row of weights for each person. Basch et al. flattened MobiFace's last map, of a 224x224 image,
# into 14x14x512 numbers before it, and had about seven thousand people. (7,346 is the number that gives the 738 million
# parameters which they print.) PyTorch can count such a layer without making it, on the `meta` device.

# %%
FLAT, POOLED = 14 * 14 * 512, 512
CROWD = [10, 100, 1000, 7300, 100_000]


def head_of(features, n_people):
    with torch.device("meta"):
        return sum(p.numel() for p in nn.Linear(features, n_people).parameters())


body = sum(p.numel() for p in backbones.create("mobiface_one_each").parameters())
with_classifier = body + head_of(FLAT, 7346)
print(f"7,300 people, {FLAT:,} features: {head_of(FLAT, 7300):,} parameters")
print(f"7,300 people, {POOLED} features: {head_of(POOLED, 7300):,}")
print(f"MobiFace: {body:,}; with a classifier of 7,346 people: {with_classifier:,}")


# %%
def heads_figure(flat):
    series = {}
    for n in (flat, POOLED):
        series[f"classifier on {n:,} features"] = [head_of(n, many) for many in CROWD]
    return viz.lines(
        series,
        CROWD,
        title=f"Pooled to {POOLED} numbers: {flat / POOLED:.0f} times fewer parameters",
        xlabel="people",
        ylabel="parameters",
        log_x=True,
        log_y=True,
    )


alt = "Two parallel rising lines on log axes: parameters of a classifier over people."
viz.show(heads_figure(FLAT), alt=alt)

# %% tags=["guard"]
guard(
    "the counts fit the paper's 0.77M without and 738M with the classifier",
    round(body / 1e6, 2) == 0.77 and round(with_classifier / 1e6) == 738,
    body=body,
    with_classifier=with_classifier,
)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    heads_figure,
    [side * side * 512 for side in (2, 3, 4, 7, 14)],
    label="features of the last map",
    start=7 * 7 * 512,
    alt="Two parallel rising lines of parameters over people, for a last map of 7x7.",
)

# %% [markdown]
# These are their Table 1: 0.77M parameters without the classifier, 738M with it. The saving is in the **pooling**, not in
# the word "embedding": a classifier on pooled features is as small, and one stored embedding a person is as long as the
# classifier's row. What an embedding saves is **training**. A new person needs a photograph; `enrol` moves no weight. A
# classifier cannot name whom it was not trained on, and must say so.

# %% tolerance="10 points"
gallery, probes = data.split_by_image(strangers, 0.5, seed=0)
fine_tuned = results["from the source, all trained"]
enrolled = fine_tuned.enrol(gallery)
new_named = 100 * enrolled.accuracy(probes)
print(f"ten new people, {len(probes)} photographs: {new_named:.0f} % named rightly")
try:
    fine_tuned.accuracy(probes)
except ValueError as error:
    print("the classifier:", error)

# %% tags=["guard"]
guard("most of the new people are known", new_named > 65, new_named=new_named)

# %% [markdown]
# ## What it costs not to train again
#
# In the record the network was also trained on fewer people, and the others were enrolled. The classifier and both
# embeddings name the same people.

# %%
GROWTH = sorted(set(runs["people"]))
by_classifier, by_cosine = [], []
for n in GROWTH:
    by_classifier.append(points("classifier", people=n))
    by_cosine.append(points("embedding", people=n))
grown = {
    "classifier, trained on all": np.stack(by_classifier, axis=1),
    "cosine, trained on all": np.stack(by_cosine, axis=1),
    "cosine, trained on 5, others enrolled": points("enrolled", people=GROWTH[0]),
}
grown_means = {}
for name, values in grown.items():
    grown_means[name] = values.mean(axis=0).round(1).tolist()
print("photographs named rightly, %, over the number of people")
print(pd.DataFrame(grown_means, GROWTH).T.to_string())

# %%
figure = viz.mean_curves(
    grown,
    GROWTH,
    title="Trained on five people it names thirty, but far from as well",
    xlabel="people",
    ylabel=SHARE,
)
alt = "Three curves over people: two stay high, the one trained on five falls."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "enrolling costs much, cosine on the same weights nothing",
    grown_means["cosine, trained on 5, others enrolled"][-1] + 20
    < grown_means["cosine, trained on all"][-1]
    and grown_means["classifier, trained on all"][-1]
    < grown_means["cosine, trained on all"][-1],
    grown_means=grown_means,
)

# %% [markdown]
# An embedding that had seen **five** people named thirty, 60.7 % of the photographs rightly; one that was trained on all
# named 93.2 %. On the same weights cosine was never behind the classifier. Basch et al. found embeddings far worse, and
# could not say why.
#
# ## Why one trains on many people
#
# The next record is from photographs as they are found on the web, parts of CelebA and VGGFace2
# (`COURSE_FACES=FOLDER python -m benchmarks transfer_faces`, a few seeds). Those may not be handed on; the repository
# holds the numbers. MobiFace learns more and more people, fifteen photographs of each, and is then asked for a hundred
# **strangers**.

# %%
web = record("transfer_faces")
wild = pd.DataFrame(web["figures"]["runs"])
print(web["command"], "| recorded on", web["date"])
usual = wild.query("source == 'nothing' & recipe == 'gently' & photographs == 15")
usual = usual[usual["network"] == USUAL["network"]]
print(f"{usual['seed'].nunique()} seeds, {web['figures']['settings']['pairs']:,} pairs")
asked = {
    "those it learned, named": "classifier",
    "strangers, named": "strangers",
    "pairs of strangers, told apart": "verification",
}
by_people, web_means = {}, {}
for words, of in asked.items():
    by_people[words] = 100 * usual.pivot(index="seed", columns="people", values=of)
    web_means[words] = by_people[words].mean(axis=0).round(1).tolist()
learned = sorted(set(usual["people"]))

# %%
print("right, %, over the number of people learned")
print(pd.DataFrame(web_means, learned).T.to_string())
figure = viz.mean_curves(
    by_people,
    learned,
    title="The more people it learns, the better it knows strangers",
    xlabel="people learned",
    ylabel="right, %",
    log_x=True,
)
alt = "Three curves over people learned: one falls, those of strangers and pairs rise."
viz.show(figure, alt=alt)
of_strangers = web_means["strangers, named"]
of_pairs = web_means["pairs of strangers, told apart"]

# %% tags=["guard"]
guard(
    "strangers and their pairs are known better with every step",
    np.all(np.diff(of_strangers) > 0) and np.all(np.diff(of_pairs) > 0),
    of_strangers=of_strangers,
    of_pairs=of_pairs,
)

# %% [markdown]
# To name more people is harder, so the classifier fell. But strangers were known better and better. That is why face
# networks are trained on as many people as can be had: not to name them, but for the sake of those who come later.
#
# ## Few photographs of each
#
# CelebA gave Basch et al. two or three photographs of a person.

# %%
gently = {**START["ImageNet"], "recipe": "gently"}
contestants = {
    "MobiFace, from nothing": {},
    "MobiFace, from CIFAR-10": {"source": "CIFAR-10"},
    "EfficientNet-Lite0, from ImageNet, gently": gently,
    "HOG, linear SVM": {"network": "HOG", "recipe": "linear SVM"},
    "pixels, logistic regression": {
        "network": "pixels",
        "recipe": "logistic regression",
    },
}
few, few_means, how_many = {}, {}, [1, 2, 5]
for name, setup in contestants.items():
    columns = [points(**setup, photographs=n) for n in how_many]
    few[name] = np.stack(columns, axis=1)
    few_means[name] = few[name].mean(axis=0).round(1).tolist()

# %%
print("test photographs named rightly, %, over photographs of each to learn from")
print(pd.DataFrame(few_means, how_many).T.to_string())
figure = viz.mean_curves(
    few,
    ["1", "2", "5"],
    title="With one or two photographs of each person, nothing comes near 100 %",
    xlabel="photographs of each person",
    ylabel=SHARE,
)
alt = "Five rising curves over photographs; at one and two all are well below 100 %."
viz.show(figure, alt=alt)
*networks_and_hog, pixels_means = few_means.values()

# %% tags=["guard"]
guard(
    "with two photographs all stay below 90 %, and the pixels lead",
    pixels_means[1] < 90
    and max(means[1] for means in networks_and_hog) < pixels_means[1],
    pixels_means=pixels_means,
    networks_and_hog=networks_and_hog,
)

# %% [markdown]
# With one photograph of each person the best named 73.2 %, with two 82.5 %, and the best was the head on **pixels** each
# time. That says how easy ORL is. And on photographs from the web?

# %%
setting = ["network", "source", "freeze", "recipe"]
of_two = wild.query("photographs == 2").groupby(setting)["classifier"].mean()
best_of_two = 100 * of_two.max()
print(f"two photographs from the web of each of 100 people, {len(of_two)} ways")
print(f"the best is {', '.join(of_two.idxmax())}: {best_of_two:.1f} %")

# %% tags=["guard"]
guard("no way gets far with two photographs", best_of_two < 25, best_of_two=best_of_two)

# %% [markdown]
# With two photographs of each of a hundred people to learn from, one test photograph in six was named rightly, at best.
#
# ## "100 % test accuracy"
#
# Basch et al. report 100 % on the test, with two or three photographs of each of seven thousand people. The figure makes
# that hard to believe. One thing that could explain it is a **leak**: something of the test was seen in training. Near
# copies of one photograph may lie on both sides of the split, such as two frames of a film, or versions that were made
# **before** splitting.
#
# ### Exercise 2: find the leak
#
# `test` (N, P) and `train` (M, P) hold pictures of P pixels, as floats: differences of uint8 wrap around. Return
# booleans (N,): whether some picture of `train` differs from the test's by **at most** `tolerance` grey values, on
# average over the pixels (the mean of absolute differences).


# %% tags=["exercise"]
def leaks(test, train, tolerance): ...


# %% tags=["check"]
def one_by_one(test, train, tolerance):
    total = [[abs(a - b).sum() for b in train] for a in test]
    return np.array([min(row) <= tolerance * test.shape[1] for row in total])


def draw_pictures(rng):
    train = rng.integers(0, 256, size=(rng.integers(1, 5), 8)).astype(float)
    chosen = rng.integers(len(train), size=rng.integers(1, 5))
    change = rng.integers(-9, 10, size=(len(chosen), 8)) * rng.integers(0, 2, 8)
    return train[chosen] + change, train, rng.choice([abs(change[0]).mean(), 2.5])


near = np.array([[2.0, 2.0, 2.0, 2.0], [0.0, 8.0, 0.0, 0.0], [9.0, 9.0, 9.0, 9.0]])
cases = [(near, np.zeros((1, 4)), tolerance) for tolerance in (2.0, 1.5, 9.0)]
hints = (
    "Every picture of the test against every one of train: N x M distances.",
    "test[:, None] - train has the shape (N, M, P). Size without sign, then the mean.",
    "np.abs(test[:, None] - train).mean(axis=2), its min over axis 1, <= tolerance",
)
exercises.check(leaks, one_by_one, cases, draw=draw_pictures, hints=hints)

# %% [markdown]
# ## A test that leaks
#
# We make such a split: two photographs of each person, four near copies of each (a pixel aside, a little lighter or
# darker), all in one heap, a fifth of it put aside as the test.

# %%
chosen = []
for person in range(people.n_classes):
    chosen += (learn.labels == person).nonzero().flatten()[:2].tolist()
two = learn.subset(chosen)
nearly = data.Compose((data.RandomShift(1), data.RandomLight(0.1, 0.1)))
copies = training.views(two, nearly, copies=4)
heap = data.ImageSet(copies.images, two.labels.repeat(5), two.names, two.source)
leaky_train, leaky_test = data.split_by_image(heap, 0.2, seed=0)


def nearest(pictures, others):
    """For each picture the mean difference to the nearest other, and which it is."""
    flat = pictures.images.flatten(1).double()
    distances = torch.cdist(flat, others.images.flatten(1).double(), p=1)
    return (distances / flat.shape[1]).min(dim=1)


# %%
away, twin = nearest(leaky_test, leaky_train)
honest_away, _ = nearest(test, leaky_train)
n_same = int((leaky_test.labels == leaky_train.labels[twin]).sum())
leaky_median, honest_median = float(away.median()), float(honest_away.median())
print(f"{n_same} of {len(leaky_test)} have the same person as their nearest picture")
print(f"half of them lie within {leaky_median:.1f} grey values of it")
print(f"half of the honest test lie within {honest_median:.1f} of their nearest")
some = away.argsort()[:6]
rows = torch.cat([leaky_test.images[some], leaky_train.images[twin[some]]])
title = "Above: the test. Below: what was learned"
figure = viz.image_grid(rows, title=title, columns=6, credit=people.source)
alt = "Two rows of six faces; each above has almost the same picture below it."
viz.show(figure, alt=alt)
share_same = n_same / len(leaky_test)

# %% tags=["guard"]
guard(
    "nearly every test picture has a near copy of the same person in training",
    share_same > 0.9 and 1.5 * leaky_median < honest_median,
    share_same=share_same,
    leaky_median=leaky_median,
    honest_median=honest_median,
)

# %% [markdown]
# The record has the same **weights** under both tests: the one that leaks, and other photographs of the same people.

# %%
who = {
    "MobiFace": {"longer": 3},
    "the nearest photograph, by its pixels": {
        "network": "pixels",
        "recipe": "nearest photograph",
    },
}
pairs = {}
for name, setup in who.items():
    setup = {**setup, "photographs": 2, "copies": 4}
    pairs[name] = (points("leak", **setup), points("classifier", **setup))
leak_table = summary(pairs)
leak_table.insert(0, "leaks", [a.mean() for a, _ in pairs.values()])
leak_table.insert(1, "others", [b.mean() for _, b in pairs.values()])
print(leak_table.round(1).to_string())

# %%
of_leak = leak_table["leaks"].to_dict()
of_others = leak_table["others"].to_dict()
panels = {
    "on the test that leaks, %": of_leak,
    "on other photographs of the same people, %": of_others,
}
figure = viz.bars(panels, title="One training, two tests: a leak makes it look solved")
alt = "Two panels of two bars: at 100 % on the test that leaks, lower on the other."
viz.show(figure, alt=alt)
leak_lows = leak_table["low"].to_list()

# %% tags=["guard"]
guard(
    "all right on the test that leaks, and clearly fewer on other photographs",
    min(of_leak.values()) == 100
    and max(of_others.values()) < 90
    and min(leak_lows) > 5,
    of_leak=of_leak,
    of_others=of_others,
    leak_lows=leak_lows,
)

# %% [markdown]
# The same weights had both scores, 100 % and 85.2 %. A leak does not make a network better, it makes a test worthless. The
# pixels gave it away: where the nearest photograph does as well as a network, look at the split before you look at the
# network.
#
# We cannot know what happened in the paper; a test on the training photographs would look the same. What we can say is
# that the claim calls for a check, and that the check is a few lines.
#
# ### Open task: how near is too near? (45 minutes)
#
# Your function from exercise 2 needs a tolerance. Choose one for ORL, and defend it: a leak must be found, and two honest
# photographs of one person must not be called copies. Then make a harder leak (a copy that is mirrored, shifted by four
# pixels, or half in the dark) and say what your check misses.
#
# | what | points |
# | --- | --- |
# | the distances of copies and of honest pairs, in one figure on one axis | 3 |
# | a tolerance with both its error rates and their intervals, from data that did not choose it | 3 |
# | a harder leak that the check misses, shown in a picture | 2 |
# | a better distance, or a reason why pixels cannot do it | 2 |
#
# ## The rate of 0.3, and the DeepFace that would not learn
#
# Basch et al. take a learning rate of 0.3, "as high as we can go", throughout. They suspect that a plateau schedule
# would have helped their DeepFace, which never learned. A **plateau schedule** divides the rate by ten when the
# training loss has not fallen for some epochs. First MobiFace, from nothing:

# %%
RATES = ("0.3 throughout", "0.3, plateau", "0.01, plateau", "one cycle")
by_rate, last, worst = {}, {}, {}
for rate in RATES:
    by_rate[rate] = points("by_epoch", recipe=rate, longer=3)
    last[rate], worst[rate] = by_rate[rate][:, -1].mean(), by_rate[rate][:, -1].min()
    print(f"{rate}: ends at {last[rate]:.1f} %, its worst seed at {worst[rate]:.1f} %")

# %%
figure = viz.mean_curves(
    by_rate,
    range(1, 3 * len(epochs) + 1),
    title="One network from nothing, by four rates: 0.3 needs its plateau",
    xlabel="epoch",
    ylabel=SHARE,
)
alt = "Four curves with bands: 0.3 throughout jumps and ends lowest, the others higher."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "0.3 throughout ends far below the three others",
    last["0.3 throughout"] + 15
    < min(last["0.3, plateau"], last["0.01, plateau"], last["one cycle"]),
    last=last,
)

# %% [markdown]
# Then DeepFace, once as they describe theirs and once as its paper has it.

# %%
theirs = {"network": "deepface_lrn", "longer": 3}
papers = {"network": "deepface", "longer": 3}
SETUPS = {
    "theirs, 0.3 throughout": {**theirs, "recipe": "0.3 throughout"},
    "theirs, one cycle to 0.03": {**theirs, "recipe": "one cycle to 0.03"},
    "the paper's, one cycle to 0.03": {**papers, "recipe": "one cycle to 0.03"},
}
rows = {}
for name, setup in SETUPS.items():
    rows[name] = [points(of, **setup).mean() for of in ("training", "classifier")]
deepface = pd.DataFrame(rows, ["training", "test"]).T.round(1)
print("photographs named rightly, %")
print(deepface.to_string())
at_high_rate = deepface.loc["theirs, 0.3 throughout"].to_list()
at_low_rate = deepface.loc["theirs, one cycle to 0.03"].to_list()

# %% tags=["guard"]
guard(
    "at 0.3 it guesses, at a tenth of it it learns",
    max(at_high_rate) < 10 and min(at_low_rate) > 60,
    at_high_rate=at_high_rate,
    at_low_rate=at_low_rate,
)

# %% [markdown]
# Where a row is near three per cent, the network guesses among thirty people. At 0.3 theirs did; at a tenth of it, and
# with a schedule, it learned. **The rate and its schedule** are enough to explain what they saw, before any question of
# data or alignment. The paper's own DeepFace learned too, slowly; the optional notebook 04d looks at its layers.
#
# ## Summary
#
# - A frozen network is a table of features. A bad result of it may be the features' fault or the head's: train the head to
#   the end before you judge.
# - Freezing takes more than `requires_grad_(False)`: batch norm's statistics move without any gradient.
# - A source is a head start. ImageNet was worth 50 points to a network that ORL alone did not train in time, and could stay
#   frozen; digits and objects were worth little to a small one.
# - A classifier must be trained again for every new person; an embedding needs only a photograph. How good it is depends
#   on how many people it was trained on.
# - Ask what the pixels score, and where the near copies are, before you believe a perfect test.
#
# **Next**: [notebook 10](10_evaluation.ipynb) is about the test itself: protocols, thresholds, and what one may claim.
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
