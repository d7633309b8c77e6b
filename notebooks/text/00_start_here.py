# %% [markdown]
# # Start here: two photographs, one score
#
# This course takes you from a photograph to a face recognition model smaller than one megabyte. You build and measure
# every step yourself. This first notebook shows where we are going: a network looks at two photographs and answers
# with one number, how alike the two faces are.
#
# **What you will learn**
# - what a face recognition model does: photograph in, embedding out, two embeddings make one score;
# - why a score needs a threshold, and what a threshold costs;
# - how the exercises of this course work.
#
# **What you need before**: some Python. PyTorch helps, but this notebook explains what it uses.
#
# **Time and place**: 1 minute to run, 60 minutes to read and do, 30 more for the open task. No GPU, no network, 1.0 GB of memory.

# %% [markdown]
# ## Is everything installed?
#
# In a terminal, `python -m course_lib.check` lists every package with `[OK]` or with the command that installs it. The
# cell after the imports asks the same question.

# %% tags=["imports"]
import numpy as np
import torch

from course_lib import (
    alignment,
    backbones,
    check,
    data,
    evaluation,
    exercises,
    guard,
    losses,
    training,
    viz,
    weights,
)

# %%
results = check.check_requirements(check.requirements())
missing = [result for result in results if not result.ok]
for result in missing:
    print(result)
print(f"{len(missing)} requirements are missing")

# %% [markdown]
# ## The whole way in one picture
#
# Two photographs take the same way, step by step, until they meet. The sizes in the picture are read off the model that
# stands at the end of this course. Follow one row from left to right: at every step a large thing becomes a smaller
# one, until a single number is left to decide on. Most of these boxes are the subject of this notebook; how a face is
# found and cut out is that of notebook 01.

# %% tags=["illustration"]
goal = weights.load("mobilefacenet_075_relu")
height, width = goal.input_size
alone = {
    "find the face": f"{len(alignment.LANDMARKS)} points on it",
    "cut it out": f"upright, {height}×{width} pixels",
    "network": f"{goal.embedding_dim} numbers",
}
together = {"compare": "one score", "threshold": "is the score high enough?"}
way = viz.pipeline_diagram(
    ["photograph A", "photograph B"],
    alone,
    together,
    decision="one person, or two",
    title="From two photographs to a decision",
)
viz.show(*way)

# %% [markdown]
# ## Forty people
#
# Our faces come from **ORL**, the Olivetti Research Laboratory's database: photographs of volunteers in Cambridge, taken
# between 1992 and 1994, ten of each person. It is small and old, but the people agreed to be photographed, and it fits
# into an ordinary Python package. Thank you to AT&T Laboratories Cambridge.

# %%
faces = data.orl_faces()
print(faces)

# %% [markdown]
# The rule of this course: **the people we test on are never seen in training.** In the language of the field, a person
# is an **identity**. We put ten identities aside now, before anything is trained.

# %%
learned, unseen = data.split_by_identity(faces, n_test=10, seed=0)
shared = set(learned.names) & set(unseen.names)
print(f"{len(learned)} photographs of {learned.n_classes} people to learn from")
print(f"{len(unseen)} photographs of {unseen.n_classes} people to test on")
print(f"{len(shared)} people in both")

# %% [markdown]
# Here are three photographs of the people put aside. The first two show one person, the third another one. You see
# that at a glance. How would a program?

# %% tags=["illustration"]
first, second = (unseen.labels == 0).nonzero().flatten()[[0, 5]].tolist()
third = int((unseen.labels == 3).nonzero()[0])
trio = unseen.images[[first, second, third]]
who = viz.image_grid(
    trio, ["A", "B", "C"], title="Who is who?", columns=3, credit=faces.source
)
viz.show(who, alt="Three grey photographs: A and B show one man, C shows another.")

# %% [markdown]
# ## A photograph is a table of numbers
#
# Each pixel is a brightness, from black to white in 256 steps (one byte). So a photograph is one long list of numbers,
# a *vector*, and two vectors can be compared. The usual way is the **cosine** of the angle between them:
#
# $$\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert \, \lVert b \rVert}$$
#
# It is 1 when both point the same way, whatever their lengths, 0 when they stand at right angles and have nothing in
# common, and -1 when they point in opposite directions. The cosine of two faces is their **score**.


# %%
def cosine(a, b):
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


pixels = data.normalise(trio).flatten(1).numpy()
print(f"{pixels.shape[1]:,} numbers in a photograph, each one of {2**8} values")
same_pixels, other_pixels = cosine(pixels[0], pixels[1]), cosine(pixels[0], pixels[2])
print(f"score of A and B by their pixels: {same_pixels:.2f}")
print(f"score of A and C by their pixels: {other_pixels:.2f}")

# %% tags=["guard"]
guard(
    "by their pixels A and B are more alike than A and C",
    same_pixels > other_pixels,
    same_pixels=same_pixels,
    other_pixels=other_pixels,
)

# %% [markdown]
# Comparing pixels is a start, and a weak one. A head that turns a little moves every pixel, and nothing in the pixels
# says that noses matter and the wall behind does not.
#
# ## A network makes a better list of numbers
#
# A **backbone** is a network that turns a photograph into a short vector, the **embedding**. It is trained so that
# embeddings of one person lie close together. Ours is MobileFaceNet, in a narrow version so that it trains in seconds.
# We shrink the photographs to half their size for the same reason.

# %%
SIZE, DIM = (56, 46), 64
train, test = learned.resized(*SIZE), unseen.resized(*SIZE)


def new_backbone():
    options = {"width": 0.25, "embedding_dim": DIM, "in_channels": 1, "seed": 0}
    return backbones.create("mobilefacenet", input_size=SIZE, **options)


n_parameters = sum(p.numel() for p in new_backbone().parameters())
print(f"{n_parameters:,} parameters, {DIM} numbers per face")

# %% [markdown]
# Training needs three more things. A **criterion** says how wrong the network is: here it must tell the thirty people
# apart. An **optimizer** changes the weights to make that smaller. **Augmentation** mirrors and moves the photographs
# at random, so that the network does not learn them by heart.
#
# The network looks at all 300 photographs twelve times. Before you run the cell: how many of them will it name
# correctly at the end, in per cent? A guess costs nothing. Put it in place of the three dots.

# %% tags=["predict"]
named_guess = exercises.predict(
    ...,
    question="Of its training photographs, how many does the network name correctly?",
    unit="%",
)

# %%
EPOCHS, BATCH = 12, 50
backbone = new_backbone()
criterion = losses.Softmax(DIM, train.n_classes, seed=0)
parameters = [*backbone.parameters(), *criterion.parameters()]
optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=5e-4)
steps = EPOCHS * len(train) // BATCH
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps)
recipe = {"schedule": schedule, "epochs": EPOCHS, "batch_size": BATCH}
recipe["augment"] = data.Compose((data.RandomFlip(), data.RandomShift(3)))
history = training.fit(
    backbone, criterion, train, optimizer=optimizer, **recipe, precision="32-true"
)

# %% [markdown]
# An **epoch** is one pass over all photographs; the history holds a value for each.

# %% tolerance="12 points"
accuracy = [100 * share for share in history["accuracy"]]
for epoch in (1, 4, 8, 12):
    print(f"epoch {epoch:2}: {accuracy[epoch - 1]:.0f} % of the photographs are named")
named_guess.reveal(accuracy[-1], ".0f")

# %% tags=["guard"]
guard(
    "the network learns to name its thirty people",
    accuracy[-1] > 80 and accuracy[0] < 30,
    accuracy=accuracy,
)

# %% [markdown]
# That was training on your own laptop. Now the question that matters: what does the network make of people it has
# **never seen**?

# %% tolerance="0.3"
embeddings = training.embed(backbone, test, flip=True)
same_person = evaluation.cosine_scores(embeddings, [first], [second])[0]
different_people = evaluation.cosine_scores(embeddings, [first], [third])[0]
print(
    f"embeddings: {embeddings.shape[0]} photographs, {embeddings.shape[1]} numbers each"
)
print(f"score of A and B: {same_person:.2f}")
print(f"score of A and C: {different_people:.2f}")

# %% tags=["guard"]
guard(
    "A and B are more alike than A and C",
    same_person > different_people + 0.2,
    same_person=same_person,
    different_people=different_people,
)

# %% [markdown]
# There they are, the two scores that this notebook is about: A and B score high, A and C low. The network has never
# seen either person.
#
# ## From a score to a decision
#
# One pair proves little. So we draw 800 pairs of the people put aside: half show one person twice (**genuine**), half
# show two people (**impostor**). A good model gives genuine pairs high scores and impostor pairs low ones. Where to
# draw the line between them is a choice, the **threshold**: a pair that scores at least that much is accepted as one
# person.

# %%
pairs = data.verification_pairs(test.labels, 800, seed=0)
scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
result = evaluation.verification(scores, pairs.same, fars=(0.1, 0.01))
threshold = result.eer.threshold
print(f"{result.n_genuine} genuine and {result.n_impostor} impostor pairs")

# %% tolerance="0.1"
genuine, impostor = scores[pairs.same], scores[~pairs.same]
print(f"mean score of genuine pairs: {genuine.mean():.2f}")
print(f"mean score of impostor pairs: {impostor.mean():.2f}")
figure = viz.score_histogram(
    scores,
    pairs.same,
    title="Genuine pairs score higher, but the two overlap",
    threshold=threshold,
    marked={"A and B": same_person, "A and C": different_people},
)
viz.show(
    figure,
    alt="Two overlapping histograms of scores: impostor pairs low, genuine pairs high.",
)

# %% tags=["guard"]
guard(
    "genuine pairs score higher, and the two overlap",
    np.mean(genuine) > np.mean(impostor) + 0.3 and min(genuine) < max(impostor),
    genuine=genuine,
    impostor=impostor,
)

# %% [markdown]
# The two heaps overlap: no threshold separates them. Whoever sets one chooses between two errors.
#
# - **FAR**, the false accept rate: the share of impostor pairs that are accepted.
# - **FRR**, the false reject rate: the share of genuine pairs that are rejected. One minus FRR is **TAR**, the true
#   accept rate.
#
# The next function measures both. The slider below calls it.


# %% tolerance="10 points"
def rates(threshold):
    """FAR and TAR when pairs with a score of at least the threshold are accepted."""
    accepted = scores >= threshold
    return accepted[~pairs.same].mean(), accepted[pairs.same].mean()


for strictness in (0.2, 0.5, 0.8):
    far, tar = rates(strictness)
    print(f"threshold {strictness}: FAR {100 * far:.1f} %, TAR {100 * tar:.1f} %")


# %%
def histogram_at(threshold):
    far, tar = rates(threshold)
    title = f"threshold {threshold:.2f}: TAR {tar:.0%}, FAR {far:.1%}"
    return viz.score_histogram(scores, pairs.same, title=title, threshold=threshold)


positions = np.linspace(-0.2, 0.95, 24).round(2).tolist()
print(f"{len(positions)} positions, from {positions[0]} to {positions[-1]}")

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    histogram_at,
    positions,
    label="threshold",
    start=0.5,
    alt="Two overlapping histograms of scores with the threshold at one half.",
)

# %% [markdown]
# A stricter threshold lets in fewer impostors and turns away more genuine pairs: FAR and TAR fall together.
#
# ### Explain: the phone and the search
#
# A phone is unlocked by its owner's face. A photo app looks for pictures of your aunt. Which of the two wants the
# higher threshold, and why? Say it in two sentences before you open the answer.
#
# <details><summary>Model answer</summary>
#
# The phone. A stranger who is let in costs more than an owner who has to try again, so it accepts a low TAR for a very
# low FAR. The app can show a wrong picture at little cost, but a missed one is lost, so it prefers a lower threshold.
#
# </details>

# %% [markdown]
# ## How good is it, honestly?
#
# The threshold must not be chosen on the pairs it is judged by. So the pairs are cut into ten parts of equal size,
# called **folds**: the threshold for each comes from the other nine. And a rate measured on a few hundred pairs is
# uncertain, so every number gets a **confidence interval**: a range made so that it holds the true rate in nineteen
# of twenty such experiments. Notebook 02 computes both by hand.

# %% tolerance="3 points"
test_pixels = data.normalise(test.images).flatten(1).numpy()
pixel_scores = evaluation.cosine_scores(test_pixels, pairs.left, pairs.right)
by_pixels = evaluation.kfold_accuracy(pixel_scores, pairs.same)
by_network = result.accuracy
right = {"pixels": 100 * by_pixels.mean, "network": 100 * by_network.mean}
for name, found in (("pixels", by_pixels), ("network", by_network)):
    low, high = 100 * found.interval.low, 100 * found.interval.high
    interval = f"{low:.0f} to {high:.0f} %"
    print(f"{name}: {100 * found.mean:.0f} % of the pairs right ({interval})")

# %% tags=["guard"]
guard(
    "the network is ahead of the pixels, and not by far",
    right["pixels"] + 1 < right["network"] < right["pixels"] + 15,
    right=right,
)

# %% [markdown]
# Surprised that plain pixels do so well? ORL faces were all taken from the front, in one room, against a dark wall.
# That is an easy test, and thirty people are very few to learn from. A fair comparison needs several runs with
# different people put aside: notebook 02 does that. Being clear about such things is half of this subject.

# %% [markdown]
# ## Where we are going
#
# At the end of the course stands a model that fits into a megabyte. A large network taught it; notebook 11 tells how.
# It comes with the course, so you can meet it now. It never saw these people either. But it wants faces **aligned**:
# found in the photograph, turned and scaled until eyes, nose and mouth stand where they always stand. Notebook 01
# takes that apart; here it is one call.

# %%
photographs = []
for image in unseen.images:
    wider = np.pad(image[0].numpy(), 20, mode="edge")
    photographs.append(wider.repeat(2, 0).repeat(2, 1))
crops = alignment.align_many(photographs, alignment.MTCNN(min_face=60))
aligned = torch.stack([torch.from_numpy(crop.image).permute(2, 0, 1) for crop in crops])
print(f"a face was found in {len(crops)} of {len(photographs)} photographs")

# %% tolerance="0.01, 0.1 points"
shipped = weights.load("mobilefacenet_075_relu")
shipped_embeddings = training.embed(shipped, aligned, flip=True)
shipped_scores = evaluation.cosine_scores(shipped_embeddings, pairs.left, pairs.right)
by_shipped = evaluation.kfold_accuracy(shipped_scores, pairs.same)
right_shipped = 100 * by_shipped.mean
low, high = 100 * by_shipped.interval.low, 100 * by_shipped.interval.high
print(f"{sum(p.numel() for p in shipped.parameters()):,} parameters")
for name, other in (("B", second), ("C", third)):
    score = evaluation.cosine_scores(shipped_embeddings, [first], [other])[0]
    print(f"score of A and {name}: {score:.2f}")
print(f"{right_shipped:.1f} % of the pairs right ({low:.1f} to {high:.1f} %)")

# %% [markdown]
# Drawn as before, its scores form two heaps that hardly touch.

# %%
title = "The shipped model on the same pairs: hardly any overlap"
viz.show(
    viz.score_histogram(shipped_scores, pairs.same, title=title),
    alt="Two histograms of scores that hardly touch: impostor pairs low, genuine high.",
)

# %% tags=["guard"]
guard(
    "the shipped model is right in more than 98 % of the pairs, well ahead of ours",
    right_shipped > 98 and right_shipped > right["network"] + 5,
    right_shipped=right_shipped,
    right=right,
)

# %% [markdown]
# A model's card says what it was trained on, what it may be used for, and where it fails. Read it before you use any
# model: `print(weights.card("mobilefacenet_075_relu"))`.
#
# ## How exercises work
#
# Replace the three dots, run the cell, run the check below it. The check says *not done yet*, *correct*, or what is
# wrong and where to look; each time it helps a little more. You cannot break anything. The solutions, with reasons, are
# in [solutions/00_start_here.py](solutions/00_start_here.py).
#
# ### Exercise 1: the score
#
# Given embeddings (N, D) and two arrays of row numbers, return the cosine of each pair: an array with one score a pair.


# %% tags=["exercise"]
def pair_scores(embeddings, left, right): ...


# %% tags=["check"]
def draw_pairs(rng):
    table = rng.normal(size=(rng.integers(2, 9), rng.integers(1, 6)))
    table *= rng.uniform(0.1, 10, size=(len(table), 1))
    return table, rng.integers(len(table), size=5), rng.integers(len(table), size=5)


table = np.array([[3.0, 4.0], [4.0, 3.0], [-3.0, -4.0], [0.0, 2.0]])
exercises.check(
    pair_scores,
    evaluation.cosine_scores,
    [(table, np.array([0, 0, 3]), np.array([1, 2, 3]))],
    draw=draw_pairs,
    hints=(
        "A vector with itself scores 1, however long it is.",
        "Take the rows of both sides, multiply them number by number, sum each row.",
        "Divide each dot product by both lengths: np.linalg.norm(rows, axis=1).",
    ),
)

# %% [markdown]
# ### Exercise 2: the two errors
#
# Given scores, the truth (`True` for one person) and a threshold, return `(far, frr)`: the share of impostor pairs that
# is accepted and the share of genuine pairs that is rejected. A pair is accepted when its score is **at least** the
# threshold.


# %% tags=["exercise"]
def far_and_frr(scores, same, threshold): ...


# %% tags=["check"]
def by_confusion(scores, same, threshold):
    counts = evaluation.confusion(scores, same, threshold)
    return 1 - counts.specificity, 1 - counts.recall


def draw_scores(rng):
    same = np.array([True, False, *(rng.random(rng.integers(1, 12)) < 0.4)])
    return rng.integers(0, 6, size=len(same)) / 5, same, rng.integers(0, 6) / 5


some = np.array([0.9, 0.7, 0.4, 0.6, 0.1])
truth = np.array([True, True, True, False, False])
cases = [(some, truth, 0.5), (some, truth, 0.7), (some, truth, 2.0)]
hints = (
    "FAR looks at impostor pairs alone, FRR at genuine pairs alone.",
    "Equal to the threshold means accepted. `~same` picks the impostor pairs.",
    "The mean of a boolean array is a share: (scores[~same] >= threshold).mean().",
)
exercises.check(far_and_frr, by_confusion, cases, draw=draw_scores, hints=hints)

# %% [markdown]
# ### Open task: two photographs of your own (30 minutes)
#
# Take two photographs of yourself and one of a friend who agrees, or leave your face out of it and use three drawn
# faces: `data.SyntheticFaces` makes them. Align them as above, embed them with the shipped model, and compare the three
# scores with the histogram. Then change one thing, such as the light, glasses, or the distance, and say what it did to
# the score.
#
# | points | for |
# |---|---|
# | 2 | three photographs, aligned; the crops are shown and were looked at |
# | 2 | the three scores, set beside the histogram of ORL pairs |
# | 3 | one change, its effect in numbers, from more than one photograph |
# | 3 | one sentence on what the result does not show |

# %% [markdown]
# ## Summary
#
# - A backbone turns a photograph into an embedding; two embeddings make a score, their cosine; a threshold makes a
#   decision.
# - Every threshold trades impostors let in (FAR) against people turned away (FRR).
# - People in the test are never people in training. Numbers come with an interval.
#
# **Next**: [notebook 01](01_alignment.ipynb) finds the face in a photograph and brings it into place, so that a network
# always sees it alike.
#
# ## What the papers report
#
# MobileFaceNet at full width, trained on 3.8 million photographs of 85,000 people, is right in 99.55 % of the 6,000
# pairs of LFW (Chen et al., 2018, arXiv:1804.07573, abstract). Ours saw 300 photographs of thirty people. The distance
# between the two is what the rest of the course is about.
