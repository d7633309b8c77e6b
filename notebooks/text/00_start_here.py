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
# **Time and place**: 1 minute to run, 20 minutes to read and do. No GPU, no network, about 1 GB of memory.

# %% [markdown]
# ## Is everything installed?
#
# In a terminal, `python -m course_lib.check` lists every package with `[OK]` or with the command that mends it. The
# next cell asks the same question.

# %% tags=["imports"]
import matplotlib
import numpy as np
import torch

from course_lib import alignment, backbones, check, data, evaluation, exercises, losses, training, viz, weights

# %%
results = check.check_requirements(check.requirements())
for result in results:
    if not result.ok:
        print(result)
assert all(result.ok for result in results), "mend the packages listed above, then restart the kernel"
print("everything is installed")

# %% [markdown]
# ## Forty people
#
# Our faces come from the ORL database: photographs of volunteers at a laboratory in Cambridge, taken between 1992 and
# 1994, ten of each person. It is small and old, but the people agreed to be photographed, and it fits into an
# ordinary Python package. Thank you to AT&T Laboratories Cambridge.

# %%
faces = data.orl_faces()
print(faces)

# %% [markdown]
# The rule of this course: **the people we test on are never seen in training.** We put ten people aside now, before
# anything is trained.

# %%
train, test = data.split_by_identity(faces, n_test=10, seed=0)
assert not set(train.names) & set(test.names)
print(f"{train.n_classes} people to learn from, {test.n_classes} people to test on, none in both")

# %% [markdown]
# Here are three photographs of the people put aside. The first two show one person, the third another one. You see
# that at a glance. How would a program?

# %% tags=["illustration"]
first, second = (test.labels == 0).nonzero().flatten()[[0, 5]].tolist()
third = int((test.labels == 3).nonzero()[0])
trio = test.images[[first, second, third]]
viz.show(
    viz.image_grid(trio, ["A", "B", "C"], title="Who is who?", columns=3, credit=faces.source),
    alt="Three grey photographs: A and B show the same man, C shows somebody else.",
)

# %% [markdown]
# ## A photograph is a table of numbers
#
# Each pixel is a brightness, from black to white in 256 steps (one byte). So a photograph is one long list of numbers, a *vector*, and two vectors
# can be compared. The usual way is the **cosine** of the angle between them:
#
# $$\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert \, \lVert b \rVert}$$
#
# It is 1 when both point the same way, whatever their lengths, and 0 when they have nothing in common.


# %%
def cosine(a, b):
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


pixels = data.normalise(trio).flatten(1).numpy()
print("numbers in a photograph:", pixels.shape[1], "each one of", 2**8, "values")
assert np.isclose(cosine(pixels[0], pixels[1]), evaluation.cosine_scores(pixels, [0], [1])[0])

# %% [markdown]
# Comparing pixels is a beginning, and a poor one. A head that turns a little moves every pixel, and nothing in the
# pixels says that noses matter and the wall behind does not.
#
# ## A network makes a better list of numbers
#
# A **backbone** is a network that turns a photograph into a short vector, the **embedding**. It is trained so that
# embeddings of one person lie close together. Ours is MobileFaceNet, in a narrow version so that it trains in seconds.
# We shrink the photographs to half their size for the same reason.

# %%
SIZE = (56, 46)
test_as_taken = test
train, test = train.resized(*SIZE), test.resized(*SIZE)
backbone = backbones.create("mobilefacenet", width=0.25, embedding_dim=64, input_size=SIZE, in_channels=1, seed=0)
print(f"{sum(p.numel() for p in backbone.parameters()):,} parameters, 64 numbers per face")

# %% [markdown]
# Training needs three more things. A **criterion** says how wrong the network is: here it must tell the thirty people
# apart. An **optimizer** changes the weights to make that smaller. **Augmentation** mirrors and moves the photographs,
# so that the network does not learn them by heart.

# %%
criterion = losses.Softmax(64, train.n_classes, seed=0)
parameters = [*backbone.parameters(), *criterion.parameters()]
optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=5e-4)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=12 * 6)
augment = data.Compose((data.RandomFlip(), data.RandomShift(3)))

# %%
recipe = {"optimizer": optimizer, "schedule": schedule, "epochs": 12, "batch_size": 50, "augment": augment}
history = training.fit(backbone, criterion, train, **recipe, precision="32-true")
assert history["accuracy"][-1] > 0.9 > 0.3 > history["accuracy"][0]
print("the network names its thirty people in more than 90 % of their photographs")

# %% [markdown]
# That was training on one's own laptop. Now the question that matters: what does it make of people it has **never
# seen**?

# %%
embeddings = training.embed(backbone, test, flip=True)
print("embeddings:", embeddings.shape)
same_person = evaluation.cosine_scores(embeddings, [first], [second])[0]
different_people = evaluation.cosine_scores(embeddings, [first], [third])[0]
assert same_person > different_people + 0.1
print("A and B are more alike than A and C")

# %% [markdown]
# ## From a score to a decision
#
# One pair proves little. So we draw 800 pairs of the people put aside: half show one person twice (**genuine**), half
# show two people (**impostor**). A good model gives genuine pairs high scores and impostor pairs low ones.

# %%
pairs = data.verification_pairs(test.labels, 800, seed=0)
scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
result = evaluation.verification(scores, pairs.same, fars=(0.1, 0.01))
threshold = result.eer.threshold
print(result.n_genuine, "genuine and", result.n_impostor, "impostor pairs")

# %%
viz.show(
    viz.score_histogram(
        scores,
        pairs.same,
        title="Genuine pairs score higher, but the two overlap",
        threshold=threshold,
        marked={"A and B": same_person, "A and C": different_people},
    ),
    alt="Two overlapping histograms of cosine scores: impostor pairs low, genuine pairs high, a threshold between them.",
)
assert scores[pairs.same].mean() > scores[~pairs.same].mean() + 0.2

# %% [markdown]
# The two heaps overlap: no threshold separates them. Whoever sets one chooses between two errors.
#
# - **FAR**, the false accept rate: impostors who are let in.
# - **FRR**, the false reject rate: genuine people who are turned away. One minus FRR is **TAR**, the true accept rate.
#
# The next function measures both. The slider below calls it.


# %%
def rates(threshold):
    """FAR and TAR when pairs with a score of at least the threshold are accepted."""
    accepted = scores >= threshold
    return accepted[~pairs.same].mean(), accepted[pairs.same].mean()


strict, lenient = rates(0.9), rates(-0.2)
assert strict[0] < lenient[0] and strict[1] < lenient[1]
print("a stricter threshold lowers both FAR and TAR")


# %%
def histogram_at(threshold):
    far, tar = rates(threshold)
    title = f"threshold {threshold:.2f}: TAR {tar:.0%}, FAR {far:.1%}"
    return viz.score_histogram(scores, pairs.same, title=title, threshold=threshold)


assert isinstance(histogram_at(0.5), matplotlib.figure.Figure)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(histogram_at, np.linspace(-0.2, 0.95, 24).round(2).tolist(), label="threshold", start=0.5)

# %% [markdown]
# ## How good is it, honestly?
#
# The threshold must not be chosen on the pairs it is judged by. So the pairs are cut into ten folds: the threshold for
# each fold comes from the other nine. And a rate measured on a few hundred pairs is uncertain, so every number gets an
# interval.

# %%
pixel_scores = evaluation.cosine_scores(data.normalise(test.images).flatten(1).numpy(), pairs.left, pairs.right)
by_pixels = evaluation.kfold_accuracy(pixel_scores, pairs.same)
by_network = result.accuracy
for name, accuracy in (("pixels", by_pixels), ("network", by_network)):
    print(
        f"{name:8} right in {accuracy.mean:.0%} of the pairs, give or take {accuracy.interval.high - accuracy.mean:.0%}"
    )

# %%
assert by_network.mean > 0.8 and by_pixels.mean > 0.75
print("the network is ahead by less than 15 points:", by_network.mean - by_pixels.mean < 0.15)

# %% [markdown]
# Surprised that plain pixels do so well? ORL faces were all taken from the front, in one room, against a dark wall.
# That is an easy test, and thirty people are very few to learn from. A fair comparison needs several runs with
# different people put aside: notebook 06 does that. Being clear about such things is half of this subject.

# %% [markdown]
# ## Where we are going
#
# At the end of the course stands a model that fits into a megabyte. A large network taught it; notebook 11 tells how.
# It comes with the course, so you can meet it now. It never saw these people either. But it wants faces **aligned**:
# found in the photograph, turned and scaled until eyes, nose and mouth stand where they always stand. Notebook 01
# takes that apart; here it is one call.

# %%
photographs = [np.pad(image[0].numpy(), 20, mode="edge").repeat(2, 0).repeat(2, 1) for image in test_as_taken.images]
crops = alignment.align_many(photographs, alignment.MTCNN(min_face=60))
aligned = torch.stack([torch.from_numpy(crop.image).permute(2, 0, 1) for crop in crops])
shipped = weights.load("mobilefacenet_075_relu")
shipped_scores = evaluation.cosine_scores(training.embed(shipped, aligned, flip=True), pairs.left, pairs.right)
print(f"{sum(p.numel() for p in shipped.parameters()):,} parameters; a face was found in all {len(crops)} photographs")

# %%
viz.show(
    viz.score_histogram(shipped_scores, pairs.same, title="The shipped model on the same pairs: hardly any overlap"),
    alt="Two histograms of cosine scores that hardly touch: impostor pairs low, genuine pairs high.",
)
by_shipped = evaluation.kfold_accuracy(shipped_scores, pairs.same)
assert by_shipped.mean > by_network.mean + 0.05
print("right in more than 98 % of the pairs:", by_shipped.mean > 0.98)

# %% [markdown]
# Its card says what it was trained on, what it may be used for, and where it fails. Read it before you use any model:
# `print(weights.card("mobilefacenet_075_relu"))`.
#
# ## How exercises work
#
# Replace the three dots, run the cell, run the check below it. The check says *not done yet*, *correct*, or what is
# wrong and where to look. You cannot break anything. Solutions: [solutions/00_start_here.py](solutions/00_start_here.py).
#
# ### Exercise 1: the score
#
# Given embeddings and two lists of indices, return the cosine score of each pair.


# %% tags=["exercise"]
def pair_scores(embeddings, left, right): ...


# %% tags=["check"]
table = np.random.default_rng(0).normal(size=(6, 4))
exercises.check(
    pair_scores,
    evaluation.cosine_scores,
    [(table, np.array([0, 1, 5]), np.array([1, 2, 5])), (3 * table, np.array([4]), np.array([0]))],
    hint="Divide each dot product by both lengths. A vector with itself scores 1.",
)

# %% [markdown]
# ### Exercise 2: the two errors
#
# Given scores, the truth and a threshold, return `(far, frr)`: the share of impostor pairs that is accepted and the
# share of genuine pairs that is rejected. A pair is accepted when its score is **at least** the threshold.


# %% tags=["exercise"]
def far_and_frr(scores, same, threshold): ...


# %% tags=["check"]
def reference(scores, same, threshold):
    return np.mean(scores[~same] >= threshold), np.mean(scores[same] < threshold)


some = np.array([0.9, 0.7, 0.4, 0.6, 0.1])
truth = np.array([True, True, True, False, False])
exercises.check(
    far_and_frr,
    reference,
    [(some, truth, 0.5), (some, truth, 0.7), (some, truth, 2.0)],
    hint="FAR counts only impostor pairs, FRR only genuine ones. Equal to the threshold means accepted.",
)

# %% [markdown]
# ## Summary
#
# - A backbone turns a photograph into an embedding; two embeddings make a cosine score; a threshold makes a decision.
# - Every threshold trades impostors let in (FAR) against people turned away (FRR).
# - People in the test are never people in training. Numbers come with an interval.
#
# Next: notebook 05 looks inside the criterion, on digits, where embeddings can be drawn as they are. Notebook 06 takes
# what it finds back to faces.
#
# ## What the papers report
#
# MobileFaceNet at full width, trained on 3.8 million photographs of 85,000 people, is right in 99.55 % of the 6,000
# pairs of LFW (Chen et al., 2018, arXiv:1804.07573, Table 2). Ours saw 300 photographs of thirty people. The distance
# between the two is what the rest of the course is about.
