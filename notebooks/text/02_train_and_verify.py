# %% [markdown]
# # Train and verify
#
# In notebook 00 a library function trained a small network on thirty people, and another one judged it. Here you write
# both yourself: the loop that trains, and the test that says what the result is worth. Every later chapter calls these
# two, so it pays to know what is inside. The chapter is long enough for two sittings: first train, then verify.
#
# One question runs through the chapter. Two photographs can be compared pixel by pixel, without any network. **Does a
# network that learned from thirty people tell ten strangers apart better than plain pixels do, and how sure can we be?**
#
# **What you will learn**
# - to write a training loop: batch, loss, gradient, step, epoch;
# - to verify people the network has never seen: ROC, EER, TAR at FAR, ten folds;
# - to say how sure a number is: Wilson interval, bootstrap over people, paired runs;
# - to say beforehand how many runs a claim needs.
#
# **What you need before**: [notebook 00](00_start_here.ipynb), and what a derivative is.
#
# **Time and place**: 1 minute to run, 140 minutes to read and do, 45 more for the open task. No GPU, no network, 1.2 GB of memory.

# %% tags=["imports"]
import numpy as np
import pandas as pd
import torch
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from course_lib import (
    backbones,
    data,
    evaluation,
    exercises,
    guard,
    losses,
    training,
    viz,
)
from course_lib.exercises.references import sgd_losses

# %%
SIZE, SEED = (56, 46), 4
people = data.orl_faces().resized(*SIZE)
train, test = data.split_by_identity(people, n_test=10, seed=SEED)
pairs = data.verification_pairs(test.labels, 900, seed=SEED)
n_genuine, n_impostor = int(pairs.same.sum()), int((~pairs.same).sum())
print(f"to learn from: {len(train)} photographs of {train.n_classes} people")
print(f"to test on: {n_genuine} genuine and {n_impostor} impostor pairs of others")

pixels = data.normalise(test.images).flatten(1).numpy()
pixel_scores = evaluation.cosine_scores(pixels, pairs.left, pairs.right)
genuine_mean = pixel_scores[pairs.same].mean()
impostor_mean = pixel_scores[~pairs.same].mean()
print(f"mean score: genuine {genuine_mean:.2f}, impostor {impostor_mean:.2f}")
title = "Without any network: pixels alone know something"
viz.show(
    viz.score_histogram(pixel_scores, pairs.same, title=title),
    alt="Two histograms of cosine scores of pixels that overlap widely.",
)

# %% tags=["guard"]
guard(
    "by their pixels, genuine pairs score higher on average",
    genuine_mean > impostor_mean + 0.05,
    genuine_mean=genuine_mean,
    impostor_mean=impostor_mean,
)

# %% [markdown]
# ## What a network has to beat
#
# The task is **verification**: given a pair of photographs, say whether both show the same person. Ten people were put
# aside for it. Ten photographs of a person make 45 genuine pairs, so the list holds all 450 genuine pairs that exist, and
# as many impostor pairs, drawn at random.
#
# The scores above are cosines of plain pixels. They are our **baseline**, the simple method that a better one must beat.
# It does quite well, since all these photographs were taken from the front, in one room. What a network scores means
# little until you know what is possible without one.
#
# Who is put aside depends on the seed. Here it is 4. At the end we compare five splits, and this one is among them as
# "run 5": a single split can flatter either side.
#
# ## A batch
#
# Training shows the network a few photographs at a time: a **batch**. One pass over all photographs, batch after batch,
# is an **epoch**. Every epoch shuffles them anew, so that a batch is a new mixture each time.
#
# `training.Batches` does the shuffling. It also mirrors and moves the photographs at random (the **augmentation** of
# notebook 00), and turns bytes into numbers between -1 and 1.

# %% tags=["illustration"]
augment = data.Compose((data.RandomFlip(), data.RandomShift(3)))
source = training.Batches(train, batch_size=50, augment=augment, seed=SEED)
_, images, labels = next(source.epoch(0))
plain = next(training.Batches(train, batch_size=50, seed=SEED).epoch(0))[1]
print(f"{len(source)} batches per epoch, each of shape {tuple(images.shape)}")
print(f"pixels from {images.min():.1f} to {images.max():.1f}")

two_rows = torch.cat([plain[:8], images[:8]])
captions = ["as taken"] * 8 + [f"label {label}" for label in labels[:8]]
title = "Above as taken, below as the network gets them: mirrored, moved, or both"
figure = viz.image_grid(
    (two_rows * 128 + 127.5).to(torch.uint8),
    captions,
    title=title,
    columns=8,
    credit=train.source,
)
viz.show(figure, alt="Two rows of eight faces; the second row shows them changed.")

# %% [markdown]
# ## From embeddings to a loss
#
# The backbone turns each photograph into an embedding $x$ of 64 numbers. To train it, we ask for something that can be
# scored: who of the thirty is this? A **classifier** sits on top, a table $W$ with one row for each person, and gives
# person $j$ the **logit** $z_j = w_j \cdot x + b_j$: the higher, the more it believes in $j$. **Softmax** turns the thirty
# logits into probabilities, and the **cross-entropy** loss is minus the logarithm of the right person's:
#
# $$p_j = \frac{e^{z_j}}{\sum_k e^{z_k}}, \qquad L = -\frac{1}{N} \sum_i \log p_{y_i} .$$
#
# Here $y_i$ is the right person of photograph $i$, and $N$ is the number of photographs in the batch. The loss is 0 when
# the right person always gets probability 1, and it grows without limit when the network is sure of the wrong one.


# %%
def my_softmax_loss(embeddings, labels, weight, bias):
    logits = embeddings @ weight.T + bias  # (photographs, people)
    probabilities = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    of_the_right_one = probabilities[torch.arange(len(labels)), labels]
    return -of_the_right_one.log().mean()


def new_network(seed):
    """An untrained backbone, and a criterion that holds the classifier's W and b."""
    options = {"width": 0.25, "embedding_dim": 64, "input_size": SIZE, "in_channels": 1}
    backbone = backbones.create("mobilefacenet", **options, seed=seed)
    # How weights lie in memory decides in which order sums are added up; see below.
    backbone.to(memory_format=torch.channels_last)
    return backbone, losses.Softmax(64, train.n_classes, seed=seed)


# %% [markdown]
# ### Predict: the first loss
#
# Before training, the network has no idea who is who, and gives each of the thirty people about the same probability.
# What is the loss then? Put a number in place of the three dots, before you run the cell after it.

# %% tags=["predict"]
guess = exercises.predict(
    ..., question="The loss of an untrained network on thirty people?"
)

# %% tolerance="0.01"
backbone, criterion = new_network(SEED)
untrained = backbone(images).detach()
by_hand = my_softmax_loss(untrained, labels, criterion.weight, criterion.bias).item()
by_criterion = criterion(untrained, labels).total.item()
guess.reveal(by_hand, ".2f")
print(f"by hand {by_hand:.2f}, by losses.Softmax {by_criterion:.2f}")
chance = np.log(train.n_classes)
print(f"minus the logarithm of 1/{train.n_classes}: {chance:.2f}")

# %% tags=["guard"]
guard(
    "the loss by hand is the library's, and lies near the logarithm of 30",
    abs(by_hand - by_criterion) < 0.1 and abs(by_hand - chance) < 0.3,
    by_hand=by_hand,
    by_criterion=by_criterion,
    chance=chance,
)

# %% [markdown]
# Measured and expected loss agree: $-\log \frac{1}{30} = \log 30 = 3.40$. Make this check a habit. A first loss far from the
# logarithm of the number of classes points to a mistake, and you see it within a second.
#
# ## Which way is down?
#
# The loss depends on every weight $w$ of backbone and classifier. Its **gradient** holds, for each weight, how much the
# loss changes when that weight grows a little. `loss.backward()` computes it for all of them at once, going backwards from
# the loss through the network, and leaves it in `weight.grad`.
#
# A **step** then moves every weight a little against its gradient. How far, the **learning rate** $\eta$ says:
#
# $$w \leftarrow w - \eta \, \frac{\partial L}{\partial w} .$$
#
# Done on one random batch after the other, this is **stochastic gradient descent (SGD)**. Here is a single step, with
# learning rates from tiny to far too large. The loss before it was about 3.4. What do you expect of the loss of the very
# batch that the step was made for, with the longest step?

# %% tags=["predict"]
step_guess = exercises.predict(
    ...,
    question="After the longest step, is the loss lower?",
    choices=("lower", "higher"),
)

# %% [markdown]
# Each learning rate takes its step from the same untrained network.


# %%
def loss_after_a_step(learning_rate):
    backbone, criterion = new_network(SEED)
    criterion(backbone(images), labels).total.backward()
    with torch.no_grad():
        for weight in [*backbone.parameters(), *criterion.parameters()]:
            weight -= learning_rate * weight.grad
        return criterion(backbone(images), labels).total.item()


rates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 10]
after = [loss_after_a_step(rate) for rate in rates]
step_guess.reveal("lower" if after[-1] < by_hand else "higher")
print("learning rate", *(f"{rate:6g}" for rate in rates))
print("loss after   ", *(f"{loss:6.2f}" for loss in after))

# %%
viz.show(
    viz.lines(
        {"after one step": after},
        rates,
        title="A step lowers the loss of its batch, unless it is too long",
        xlabel="learning rate",
        ylabel="loss of the batch",
        references={"before the step": by_hand},
        log_x=True,
    ),
    alt="Loss over learning rate: it falls to a minimum at a medium rate, then rises.",
)

# %% tags=["guard"]
guard(
    "a medium step lowers the loss of its batch, the longest raises it",
    min(after) < by_hand < after[-1],
    after=after,
    by_hand=by_hand,
)

# %% [markdown]
# The shortest steps change little, the right length brings the loss down, and the longest step overshoots: the gradient
# is true only near the point where it was taken. The right length is found by trying, for every network anew.
#
# ## The loop, written by you
#
# A training loop repeats such steps. PyTorch's optimizer does the subtraction, with two additions that nearly everyone
# uses. **Momentum**: the step follows a sum $v$ of the gradients so far, in which older ones count less and less. What
# they agree on adds up, to as much as ten times one gradient; their noise cancels. **Weight decay**: each weight is also
# pulled towards zero a little.
#
# $$v \leftarrow 0.9\, v + \frac{\partial L}{\partial w} + 0.0005\, w, \qquad w \leftarrow w - \eta\, v .$$
#
# What you need to know of PyTorch:
# - `torch.optim.SGD(weights, lr=…, momentum=…, weight_decay=…)` makes the optimizer of a list of weights;
# - `loss.backward()` **adds** to the gradients that are already there, and `optimizer.zero_grad()` clears them;
# - `optimizer.step()` does one step with whatever the gradients are at that moment;
# - `loss.item()` is the loss as a plain number.
#
# The next cell makes a training problem small enough to try your code on: a network from four numbers to three, a
# criterion for five classes, four batches, and a learning rate.


# %% tags=["imports"]
def tiny_problem(rng):
    net = torch.nn.Linear(4, 3)
    weights = torch.from_numpy(rng.normal(size=15))
    torch.nn.utils.vector_to_parameters(weights, net.double().parameters())
    inputs = torch.from_numpy(rng.normal(size=(4, 6, 4)))
    labels = torch.from_numpy(rng.integers(5, size=(4, 6)))
    criterion = losses.Softmax(3, 5, seed=0).double()
    return net, criterion, list(zip(inputs, labels, strict=True)), rng.uniform(0.1, 1)


small = tiny_problem(np.random.default_rng(0))
print(small[0], small[1], sep="\n")
print(f"{len(small[2])} batches, learning rate {small[3]:.2f}")

# %% [markdown]
# ### Exercise 1: the training loop
#
# Complete `train_on`. `batches` is a list of `(images, labels)`, and `criterion(net(images), labels).total` is the loss of
# one of them.
# - Make an SGD optimizer over the weights of `net` **and** of `criterion`, with the given learning rate, a momentum of 0.9
#   and a weight decay of 0.0005.
# - Take one step for each batch, in their order, with the gradient of that batch **alone**.
# - Return the list of losses as plain numbers, each measured **before** its step.
#
# Solutions to this and the other exercises: [solutions/02_train_and_verify.py](solutions/02_train_and_verify.py).


# %% tags=["exercise"]
def train_on(net, criterion, batches, learning_rate): ...


# %% tags=["check"]
hints = (
    "Make the optimizer once, before the loop. For each batch: loss, gradients, step.",
    "What did the last batch leave behind in the gradients? `backward` adds to it.",
    "Whose weights does the optimizer get? Is the loss noted before or after the step?",
)
exercises.check(train_on, sgd_losses, [], draw=tiny_problem, hints=hints)

# %% [markdown]
# ## Twelve epochs
#
# Now the real network: twelve epochs of six batches. It is trained by **your** loop, as soon as there is one. Until then
# the cell falls back on `sgd_losses`, the loop that yours is checked with: it takes the gradients by themselves, and does
# what the two formulas above say.

# %% tolerance="0.2"
EPOCHS = 12
batches = []
for epoch in range(EPOCHS):
    for _, its_images, its_labels in source.epoch(epoch):
        batches.append((its_images, its_labels))

net, criterion = new_network(SEED)
step_losses = train_on(net, criterion, batches, 0.1)
if step_losses is None:  # not written yet
    step_losses = sgd_losses(net, criterion, batches, 0.1)
epoch_losses = np.reshape(step_losses, (EPOCHS, -1)).mean(axis=1)
first, last = epoch_losses[0], epoch_losses[-1]
print(
    f"{len(batches)} steps; mean loss of the first epoch {first:.2f}, last {last:.2f}"
)

# %%
viz.show(
    viz.lines(
        {"training loss": epoch_losses},
        range(1, EPOCHS + 1),
        title="In twelve epochs the loss of the training batches falls close to zero",
        xlabel="epoch",
        ylabel="mean loss of the epoch",
        references={"a network that knows nothing": chance},
        limits=(0, 4),
    ),
    alt="The training loss starts near the dashed line of chance and falls to zero.",
)

# %% tags=["guard"]
guard(
    "twelve epochs bring the training loss from near chance to below a third of it",
    abs(first - chance) < 0.6 and last < chance / 3,
    first=first,
    last=last,
    chance=chance,
)

# %% [markdown]
# Why a learning rate of 0.1? In the figure of the single step it was not the best one, and momentum makes the steps longer
# still. What counts is the loss after many steps. We try it on two epochs, with three rates.

# %% tolerance="0.6"
for rate in (0.01, 0.1, 1):
    tried = sgd_losses(*new_network(SEED), batches[:12], rate)
    print(f"learning rate {rate}: loss in the second epoch {np.mean(tried[6:]):.2f}")

# %% [markdown]
# The rate that wins a single step need not win the run. For every network it is found by trying.
#
# ## The same from the library
#
# `training.fit` is this loop, with what a long run needs besides: other devices, other number formats, checkpoints, and a
# clear message when a loss is no longer a number. With the same optimizer and the same seed it must give the same losses.
# We compare two epochs. Then we train a twin: the same loop, batches and first weights, but the weights lie differently in
# memory. The arithmetic is the same, only sums are added up in another order.

# %% tolerance="0.4"
fitted, its_criterion = new_network(SEED)
weights = [*fitted.parameters(), *its_criterion.parameters()]
optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9, weight_decay=5e-4)
history = training.fit(
    fitted, its_criterion, train, optimizer=optimizer, epochs=2, batch_size=50,
    augment=augment, seed=SEED, precision="32-true",
)  # fmt: skip
twin, its_criterion = new_network(SEED)
twin.to(memory_format=torch.contiguous_format)
twin_losses = np.reshape(sgd_losses(twin, its_criterion, batches, 0.1), (EPOCHS, -1))
columns = {
    "your loop": epoch_losses[:2],
    "training.fit": np.array(history["loss"]),
    "twin": twin_losses.mean(axis=1)[:2],
}
unequal = int(np.sum(np.abs(columns["your loop"] - columns["training.fit"]) > 1e-5))
print(pd.DataFrame(columns, index=["epoch 1", "epoch 2"]).round(2))

# %% tags=["guard"]
guard(
    "the loop by hand and training.fit give the same losses",
    unequal == 0,
    unequal=unequal,
)

# %% [markdown]
# Your loop and `fit` agree. The twin drifts away: a rounding error in the seventh digit grows from step to step. Nothing is
# wrong with it. Another processor rounds differently too, so the numbers that you get from here on will differ a little
# from those stored in this notebook. How much may such a drift change a result? We keep the twin, to see.
#
# ## Embeddings of people it has never seen
#
# What does the network make of the ten people put aside? We embed their photographs. Two details matter.
#
# - The network holds layers of **batch norm** (notebook 03), which in training subtract the mean of the batch. A person's
#   embedding must not depend on who else is in the batch, so `net.eval()` makes them use averages that were kept during
#   training.
# - A face and its mirror image are the same face. We embed both and add the two embeddings, which costs a second pass and
#   takes out some noise.


# %%
def my_embeddings(net, photographs):
    net.eval()
    with torch.no_grad():
        x = data.normalise(photographs)
        return (net(x) + net(x.flip(-1))).numpy()


def my_scores(embeddings, pairs):
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return (unit[pairs.left] * unit[pairs.right]).sum(axis=1)


# %%
embeddings = my_embeddings(net, test.images)
scores = my_scores(embeddings, pairs)
of_the_library = evaluation.cosine_scores(
    training.embed(net, test, flip=True), pairs.left, pairs.right
)
gap = np.abs(scores - of_the_library).max()
print("largest difference to the scores of the library:", f"{gap:.4f}")
systems = {"pixels": pixel_scores, "network": scores}
title = "Pixels and network score in different ranges; in both some pairs overlap"
panels = {name: (found, pairs.same) for name, found in systems.items()}
viz.show(
    viz.score_histograms(panels, title=title),
    alt="Histograms of genuine and impostor scores: of pixels, and of the network.",
)

# %% tags=["guard"]
guard("scores by hand are the library's", gap < 1e-4, gap=gap)

# %% [markdown]
# Every hand-written piece of this notebook is compared with the library's in the same way. From here on, that comparison
# stands in the folded cells below the results.
#
# Pixels hardly ever score below zero, the network often does. So no single threshold is fair to both, and we need measures
# that do not depend on one.
#
# ## ROC: every threshold at once
#
# A pair is accepted when its score is at least the threshold. Lower the threshold from the highest score to the lowest,
# and the pairs are accepted one by one, in the order of their scores. After each, count: TAR is the share of genuine pairs
# accepted so far, FAR the share of impostor pairs. The curve of TAR over FAR is the **ROC** (receiver operating
# characteristic). Sorting is all it takes.


# %%
def my_roc(scores, same):
    """FAR and TAR after each pair, in falling order of the scores (all different)."""
    falling = np.argsort(-scores)
    accepted = same[falling]
    return np.cumsum(~accepted) / np.sum(~same), np.cumsum(accepted) / np.sum(same)


far, tar = my_roc(scores, pairs.same)
roc = evaluation.roc(scores, pairs.same)  # it begins one point earlier: nobody accepted
unequal = int(np.sum(np.abs(far - roc.far[1:]) + np.abs(tar - roc.tar[1:]) > 1e-9))
print(f"the curve has {len(far)} points, one for each pair")
print(f"one impostor pair is {1 / n_impostor:.2%} of the impostor pairs")
curves = {"pixels": evaluation.roc(pixel_scores, pairs.same), "network": roc}
title = "At equal FAR, the network accepts more of the genuine pairs"
viz.show(
    viz.roc_curves(curves, title=title, n_impostor=n_impostor),
    alt="Two rising curves of TAR over a logarithmic FAR; the network's lies above.",
)

# %% tags=["guard"]
guard("the ROC by sorting is the library's", unequal == 0, unequal=unequal)

# %% [markdown]
# The horizontal axis is logarithmic, since at a door only small FARs are of interest. It ends on the left at one impostor
# pair of 450.
#
# Each threshold is one point of the curve, from "accept everybody" to "accept nobody". Move it, and watch both rates:
# they rise and fall together, so that whatever improves one of them never improves the other.


# %%
def roc_at(threshold):
    accepted = scores >= threshold
    far_here, tar_here = accepted[~pairs.same].mean(), accepted[pairs.same].mean()
    place = max(far_here, 1 / n_impostor), tar_here  # the axis has no zero
    return viz.roc_curves(
        {"network": roc},
        title=f"Threshold {threshold:.2f}: TAR {tar_here:.0%} at FAR {far_here:.0%}",
        n_impostor=n_impostor,
        named={f"threshold {threshold:.2f}": place},
    )


for threshold in (-1, 1):
    print(roc_at(threshold).get_suptitle())

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    roc_at,
    np.linspace(0, 0.95, 20).round(2).tolist(),
    label="threshold",
    start=0.5,
    alt="The ROC of the network with a ring around the point of the threshold.",
)

# %% [markdown]
# ## EER: one number for the whole curve
#
# Along the curve FAR rises from 0 to 1, and FRR = 1 - TAR falls from 1 to 0. In between they are equal once: that common
# value is the **equal error rate (EER)**. The pairs are finite, so FAR jumps past FRR between two points of the curve, and
# we take the straight line between them. Before you run the cell: what is your guess for the network?

# %% tags=["predict"]
eer_guess = exercises.predict(..., question="The network's EER on strangers?", unit="%")


# %% tolerance="4 points"
def my_eer(far, tar):
    far, frr = np.append(0, far), np.append(1, 1 - tar)  # first: nobody is accepted
    return np.interp(0, far - frr, far)  # FAR where FAR - FRR passes zero


eers = {}
for name, found in systems.items():
    eers[name] = my_eer(*my_roc(found, pairs.same))
    by_library = evaluation.eer(found, pairs.same).rate
    print(f"EER of the {name}: {eers[name]:.1%} by hand, {by_library:.1%} by library")
eer_guess.reveal(100 * eers["network"], ".1f")

# %% tags=["guard"]
guard(
    "the network's EER is lower than that of the pixels",
    eers["network"] < eers["pixels"],
    eers=eers,
)

# %% [markdown]
# ## TAR at FAR, and what a list of pairs can resolve
#
# The EER weighs both errors alike. Whoever guards a door does not: the FAR is given, say one in a hundred, and the
# question is how many genuine people then pass. **TAR at FAR** is the highest TAR of all thresholds whose FAR is at most
# the target.
#
# FAR is a count divided by a count. With 450 impostor pairs it moves in steps of one pair, 0.22 %. That step is the
# **resolution** of the list. A target below it can only be met by letting in no impostor of the list at all, and that
# does not show that the target is met among impostors who are not on the list.
#
# ### Exercise 2: TAR at FAR, with ties
#
# Complete `tar_at`. `scores` are numbers, `same` says which pairs are genuine, and `far` is above 0 and at most 1.
# - A pair is accepted when its score is **at least** the threshold, so pairs with **equal scores** are accepted together.
#   (Networks in 8 bits and rounded files give many equal scores.)
# - Any number can be the threshold, if its FAR is **at most** `far`. Compare shares, not counts: on a computer
#   `0.29 * 100` comes out a little too small.
# - Return the highest TAR among them. Where no impostor may pass, that is the TAR of a threshold above all of them; where
#   all may pass, it is 1.


# %% tags=["exercise"]
def tar_at(scores, same, far): ...


# %% tags=["check"]
def by_the_library(scores, same, far):
    return evaluation.tar_at_far(scores, same, far).tar


def draw(rng):
    scores = rng.normal(size=200).round(rng.integers(1, 3))  # many are equal
    far = rng.choice([0.29, 0.58, rng.integers(1, 101) / 100])
    return scores, rng.permutation(200) < rng.choice([100, 190]), far


tied = np.array([0.9, 0.7, 0.65, 0.5, 0.3, 0.7, 0.7, 0.6, 0.5, 0.1])
cases = [(tied, np.arange(10) < 5, far) for far in (0.1, 0.2, 0.4, 0.6)]
hints = (
    "Sort the impostor scores, highest first. How many of them may pass?",
    "Who is the first impostor that must not pass? What about scores that equal it?",
    "A genuine pair passes above the first refused impostor. And if none is refused?",
)
exercises.check(tar_at, by_the_library, cases, draw=draw, hints=hints)

# %% [markdown]
# Now both systems, at a FAR of 10 %, of 1 %, and of 0.1 %, which this list does not resolve.


# %% tolerance="6 points"
def print_tars(target):
    allowed = sum(k / n_impostor <= target for k in range(1, n_impostor + 1))
    print(f"FAR at most {100 * target:g} %: {allowed} impostor pairs may pass")
    for name, found in systems.items():
        point = evaluation.tar_at_far(found, pairs.same, target)
        shown = f"{point.tar:.0%}" if point.resolved else "not resolved"
        print(f"    TAR of the {name}: {shown}")


print_tars(0.1)

# %% tolerance="20 points"
print_tars(0.01)
print_tars(0.001)

# %% [markdown]
# At a FAR of 1 %, four impostor pairs decide where the threshold lies, and a target below the resolution gets no number at
# all. How firm are the others? The twin was trained by the same loop on the same photographs, and differs from the network
# by rounding alone.

# %% tolerance="50 points"
twin_scores = my_scores(my_embeddings(twin, test.images), pairs)
moved = {}
for target in (0.1, 0.01):
    tars = [
        100 * evaluation.tar_at_far(found, pairs.same, target).tar
        for found in (scores, twin_scores)
    ]
    moved[target] = abs(tars[0] - tars[1])
    print(f"TAR at a FAR of {target:.0%}: {tars[0]:.0f} %, of the twin {tars[1]:.0f} %")
eer_of_twin = evaluation.eer(twin_scores, pairs.same).rate
print(f"EER: {eers['network']:.1%}, of the twin {eer_of_twin:.1%}")

# %% [markdown]
# Whatever lies between these two columns is luck. In the stored run, rounding alone moved the EER by several points, about
# as far as the network was ahead of the pixels. Keep that in mind when you read a table of single results.
#
# ## Ten folds: a threshold that has not seen its pairs
#
# The **accuracy** is the share of pairs that are decided correctly. It needs a threshold, and it would be easy to take the
# one that is best on these very pairs. That flatters: the threshold has been fitted to their random quirks.
#
# The protocol of LFW, the best-known list of pairs, avoids it. The pairs are cut into **ten folds**. For each fold the
# threshold is the one that is best on the **other nine**, and only then the pairs of the fold are decided. So every pair
# is decided once, by a threshold that has not seen it.
#
# ### Exercise 3: the best threshold of the others
#
# Complete `best_threshold` for the pairs of the other folds.
# - Candidates are the midpoints between neighbouring **different** scores; the lowest score, which accepts every pair; and
#   `np.inf`, which rejects every pair.
# - A decision is right if a genuine pair is accepted (its score is at least the threshold) **or** an impostor pair is
#   rejected. Return the candidate with the most right decisions.
# - If several are equally good, return the **highest** of them: when accuracy cannot tell, a false accept is the worse
#   error.


# %% tags=["exercise"]
def best_threshold(scores, same): ...


# %% tags=["check"]
def draw(rng):
    n_genuine = rng.choice([1, 6, 11])
    return rng.integers(0, 15, size=12) / 10, rng.permutation(12) < n_genuine


clear = np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.4, 0.3, 0.1])  # four genuine come first
tied = np.array([0.9, 0.7, 0.7, 0.4, 0.6, 0.3, 0.3, 0.1])
cases = [(clear, np.arange(8) < 4), (tied, np.arange(8) < 4)]
hints = (
    "Try every candidate, and count right decisions of both kinds.",
    "np.unique sorts and drops repeated scores. Mind equally good candidates.",
    "In which order must the candidates stand, so that the first best is the highest?",
)
exercises.check(
    best_threshold, evaluation.best_threshold, cases, draw=draw, hints=hints
)

# %% [markdown]
# The folds themselves: genuine and impostor pairs are each cut into ten equal blocks. Until `best_threshold` is written,
# the cell falls back on the library's.


# %% tolerance="4 points"
def my_ten_folds(scores, same):
    """Which pairs (P,) are decided correctly by the threshold of the other folds."""
    fold, right = np.empty(len(same), dtype=int), np.empty(len(same), dtype=bool)
    for kind in (same, ~same):
        fold[kind] = np.arange(kind.sum()) * 10 // kind.sum()
    for k in range(10):
        others = fold != k
        threshold = best_threshold(scores[others], same[others])
        if threshold is None:  # not written yet
            threshold = evaluation.best_threshold(scores[others], same[others])
        right[~others] = (scores[~others] >= threshold) == same[~others]
    return right


right = {name: my_ten_folds(found, pairs.same) for name, found in systems.items()}
for name, decisions in right.items():
    print(f"ten folds, {name}: right in {decisions.mean():.1%} of the pairs")

# %% tolerance="4 points"
unequal = 0
for name, found in systems.items():
    by_library = evaluation.kfold_accuracy(found, pairs.same)
    unequal += abs(by_library.mean - right[name].mean()) > 1e-9
    best_here = evaluation.best_threshold(found, pairs.same)
    flattering = np.mean((found >= best_here) == pairs.same)
    print(f"threshold fitted to the pairs themselves, {name}: {flattering:.1%}")

gains = []
for part in np.array_split(np.arange(len(pairs)), 10):  # ten short lists
    few, kind = pixel_scores[part], pairs.same[part]
    fitted_here = np.mean((few >= evaluation.best_threshold(few, kind)) == kind)
    gains.append(100 * (fitted_here - evaluation.kfold_accuracy(few, kind).mean))
print(f"ten lists of {len(part)} pairs: it flatters by {np.mean(gains):.1f} points")

# %% tags=["guard"]
guard("ten folds by hand are the library's", unequal == 0, unequal=int(unequal))

# %% [markdown]
# The fitted threshold flatters a little on 900 pairs, and by several points on short lists. One caveat: the folds of LFW
# share no people. Ours do, since ten people are too few to be cut into ten groups and our list is in random order. So our
# threshold has seen the people, though not the pairs.
#
# ## Wilson: how far a share can be trusted
#
# The network was right in a certain share $p$ of $n = 900$ pairs. Another 900 pairs would give another share. How far off
# may this one be? If pairs were independent, like throws of a coin, the **Wilson interval** holds the true share in 95 %
# of all cases ($z = 1.96$):
#
# $$\frac{p + \frac{z^2}{2n} \pm z \sqrt{\frac{p (1 - p)}{n} + \frac{z^2}{4 n^2}}}{1 + \frac{z^2}{n}} .$$
#
# For large $n$ that is about $p \pm 2 \sqrt{p(1-p)/n}$. Unlike this shorter formula it never leaves the range from 0 to 1,
# and it is honest when no error at all was seen.


# %% tolerance="4 points"
def my_wilson(successes, n):
    z, p = stats.norm.ppf(0.975), successes / n
    middle = p + z**2 / (2 * n)
    reach = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (middle - reach) / (1 + z**2 / n), (middle + reach) / (1 + z**2 / n)


accuracies, unequal = {}, 0
for name, decisions in right.items():
    low, high = my_wilson(decisions.sum(), len(decisions))
    by_library = evaluation.wilson(int(decisions.sum()), len(decisions))
    unequal += abs(by_library.low - low) + abs(by_library.high - high) > 1e-9
    accuracies[name] = 100 * low, 100 * decisions.mean(), 100 * high
    share = decisions.mean()
    print(f"{name}: right in {share:.1%} of the pairs ({low:.1%} to {high:.1%})")

# %%
viz.show(
    viz.estimates(
        accuracies,
        title="One run: the network is ahead of the pixels",
        xlabel="accuracy by ten folds, % of the pairs, with Wilson intervals",
    ),
    alt="Two dots with intervals: the network to the right of the pixels.",
)

# %% tags=["guard"]
guard(
    "Wilson intervals by hand are the library's, and the network is ahead",
    unequal == 0 and accuracies["network"][1] > accuracies["pixels"][1],
    unequal=int(unequal),
    accuracies=accuracies,
)

# %% [markdown]
# ## Pairs are not people
#
# The coin of the formula is thrown 900 times independently. Our pairs are not like that. A person is in 45 genuine pairs,
# made of the same ten photographs, and whoever is hard to recognise is hard 45 times. We look at each of the ten people
# alone, at the threshold of the EER.

# %% tolerance="30 points"
threshold = evaluation.eer(scores, pairs.same).threshold
person = test.labels[pairs.left].numpy()
tar_of = np.empty(10)
for who in range(10):
    tar_of[who] = np.mean(scores[pairs.same & (person == who)] >= threshold)
errors = np.sort(1 - tar_of)
share = errors[-3:].sum() / errors.sum()
hardest = int(tar_of.argmin())
print(f"TAR of all genuine pairs {tar_of.mean():.0%}, the lowest {tar_of.min():.0%}")
print(f"three of the ten people have {share:.0%} of all false rejects")

# %%
viz.show(
    viz.dots(
        {"one person": (100 * tar_of).tolist()},
        [f"person {who + 1}" for who in range(10)],
        title="Most of the false rejects belong to a few people",
        xlabel="TAR at the threshold of the EER, %",
        references={"all people": 100 * tar_of.mean()},
    ),
    alt="Ten dots: most near 100 %, a few far to the left of the line of the mean.",
)

# %% tags=["guard"]
guard("three people have most of the false rejects", share > 0.5, share=share)

# %% [markdown]
# A few people are rejected again and again, others hardly ever. Here is the one who is rejected most often:

# %% tags=["illustration"]
of_hardest = test.labels == hardest
figure = viz.image_grid(
    test.images[of_hardest],
    title=f"Person {hardest + 1}, rejected most often",
    columns=10,
    credit=test.source,
)
viz.show(figure, alt="The ten photographs of the person who is rejected most often.")

# %% [markdown]
# Look for what changes from photograph to photograph: the turn of the head, the expression, glasses. What the thirty people
# of the training did not teach the network to look past counts against a stranger 45 times.
#
# What would ten other people have given? We cannot know,
# but we can draw **people** instead of pairs. The **bootstrap** makes new lists of ten people out of our ten, at random, so
# that some come twice and others not at all, and computes the TAR of each list. The middle 95 % of these TARs are the
# interval.


# %% tolerance="12 points"
def my_bootstrap(values, n_resamples=1000):
    rng = np.random.default_rng(0)
    found = []
    for _ in range(n_resamples):
        drawn = rng.integers(len(values), size=len(values))
        found.append(values[drawn].mean())
    return np.quantile(found, [0.025, 0.975])


by_people = my_bootstrap(tar_of)
by_pairs = my_wilson(round(tar_of.mean() * n_genuine), n_genuine)
by_library = evaluation.bootstrap(np.mean, tar_of)
gaps = np.abs(by_people - [by_library.low, by_library.high])
unequal = int(np.sum(gaps > 1e-9))
print(f"TAR {tar_of.mean():.0%}")
print(f"interval by pairs (Wilson): {by_pairs[0]:.0%} to {by_pairs[1]:.0%}")
print(f"interval by people (bootstrap): {by_people[0]:.0%} to {by_people[1]:.0%}")

# %% tags=["guard"]
guard(
    "the interval by people is half as wide again as that by pairs, and the library's",
    by_people[1] - by_people[0] > 1.5 * (by_pairs[1] - by_pairs[0]) and unequal == 0,
    by_people=by_people,
    by_pairs=by_pairs,
    unequal=unequal,
)

# %% [markdown]
# The interval by people is the better answer: the network will be used on other **people**, not on other pairs of these
# ten. It is wide, and with so few people to draw from, even the bootstrap comes out somewhat too narrow.
#
# ### Explain: a hundred photographs of each
#
# Suppose we had a hundred photographs of each of the ten people in place of ten. That makes more than a hundred times as
# many genuine pairs. What happens to the Wilson interval, what to the bootstrap over people, and which of the two tells
# you how the network will do at the door of your own house? Write down two or three sentences before you unfold the answer.
#
# <details><summary>Model answer</summary>
#
# Wilson's interval shrinks about tenfold, since it takes all those pairs for independent throws. The bootstrap hardly
# changes: the TAR of each person is known more exactly, but there are still ten people, and most of the uncertainty is
# which people one happens to have. Other people will stand at the door, so the bootstrap over people tells you more. To
# narrow it you need more people, not more photographs.
#
# </details>

# %% [markdown]
# ## Several runs, and a rival
#
# With **these** ten people put aside, and **this** order of photographs, the network was ahead. Would it be ahead with ten
# others? We repeat the experiment with five seeds. Each seed puts other people aside, draws other pairs, begins with other
# weights, and compares both systems on the same pairs. These are **paired runs**: an easy split is easy for both systems,
# and what it does to both drops out of the **paired difference**.
#
# Two more systems take part, to be fair. The network adds the embedding of the mirrored photograph; **pixels** can do that
# as well. And pixels have learned nothing from the thirty people, while a classical method can: **linear discriminant
# analysis (LDA)** looks for the weighted sums of pixels in which people differ most, compared with how much the
# photographs of one person differ (Belhumeur et al., 1997, called them Fisherfaces). First the pixels are reduced to the
# 80 sums that vary most (PCA), since LDA needs far fewer numbers than photographs.
#
# From here on the library does the work. The recipe is that of notebook 00: the learning rate rises at first, then falls
# to nearly zero (a **schedule**), so that the last steps are small.


# %%
def trained_network(seed, learn):
    net, criterion = new_network(seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=72)
    options = {"epochs": 12, "batch_size": 50, "augment": augment, "seed": seed}
    options |= {"optimizer": optimizer, "schedule": schedule, "precision": "32-true"}
    training.fit(net, criterion, learn, **options)
    return net


def flat(images):
    return data.normalise(images).flatten(1).numpy()


def lda(learn):
    """Maps pixels (N, H*W) to the sums (N, 29) in which people differ most."""
    steps = make_pipeline(PCA(80, random_state=0), LinearDiscriminantAnalysis())
    return steps.fit(flat(learn.images), learn.labels.numpy()).transform


# %%
def one_run(seed):
    """Accuracy by ten folds, in %, of every system on unseen people."""
    learn, judge = data.split_by_identity(people, n_test=10, seed=seed)
    listed = data.verification_pairs(judge.labels, 900, seed=seed)
    one, other = flat(judge.images), flat(judge.images.flip(-1))  # and its mirror image
    linear = lda(learn)
    embedded = {
        "pixels": one,
        "pixels, mirrored too": one + other,
        "LDA, mirrored too": linear(one) + linear(other),
        "network": training.embed(trained_network(seed, learn), judge, flip=True),
    }
    found = {}
    for name, embeddings in embedded.items():
        scores = evaluation.cosine_scores(embeddings, listed.left, listed.right)
        found[name] = 100 * evaluation.kfold_accuracy(scores, listed.same).mean
    return found


# %% [markdown]
# Five seeds, and four systems on the same pairs:

# %% tolerance="9"
RUNS = 5
table = pd.DataFrame([one_run(seed) for seed in range(RUNS)])
table.index = [f"run {seed + 1}" for seed in range(RUNS)]
table.round(1)

# %% [markdown]
# The mean of a few differences is uncertain as well. Its interval comes from their spread: with the standard deviation $s$
# of $n$ differences, the mean is known up to $t \, s / \sqrt{n}$. The factor $t$ is **Student's t**: about 2 for many runs,
# larger for few, because then $s$ itself is hardly known.


# %% tolerance="4 points"
def my_interval(differences):
    n, spread = len(differences), differences.std(ddof=1)
    reach = stats.t.ppf(0.975, n - 1) * spread / np.sqrt(n)
    return differences.mean() - reach, differences.mean() + reach


ahead, reaches, unequal = {}, {}, 0
for rival in ("pixels", "pixels, mirrored too", "LDA, mirrored too"):
    name = f"network minus {rival}"
    differences = (table["network"] - table[rival]).to_numpy()
    ahead[name], reaches[name] = differences.tolist(), my_interval(differences)
    by_library = evaluation.paired_difference(table["network"], table[rival])
    unequal += abs(reaches[name][0] - by_library.low) > 1e-9
    print(f"{name}: {reaches[name][0]:+.1f} to {reaches[name][1]:+.1f} points")

# %% tolerance="2 points"
leads = {name: np.mean(differences) for name, differences in ahead.items()}
for name, lead in leads.items():
    print(f"{name}: {lead:+.1f} points on average")
spread = np.std(ahead["network minus pixels"], ddof=1)
print(f"spread of the differences to pixels: {spread:.1f} points")

# %% [markdown]
# The runs one by one, and the intervals:

# %%
viz.show(
    viz.seeds_and_means(
        ahead,
        reaches,
        title="Far ahead of plain pixels, but hardly ahead of a linear rival",
        xlabel="difference in accuracy, points",
        references={"no difference": 0},
    ),
    alt="Three rows of five dots with intervals: against pixels right of zero, against "
    "LDA on both sides of it.",
)

# %% tags=["guard"]
guard(
    "on average the network is ahead of pixels, and by less of LDA",
    leads["network minus pixels"] > 0
    and leads["network minus LDA, mirrored too"] < leads["network minus pixels"]
    and unequal == 0,
    leads=leads,
    unequal=int(unequal),
)

# %% [markdown]
# So the answer to the question of this chapter is yes: thirty people and some seconds of training put the network ahead
# of plain pixels, by several points. But part of that lead is the mirror image. And of LDA, which learned from the same
# thirty people within a second, the network is not clearly ahead. Thirty people are too few for a network to show what it
# can do. A baseline that has learned nothing is an easy one: choose the strongest rival that you can think of.
#
# One caveat. The runs share people, in training and in testing: there are only forty. The differences are therefore not
# quite independent, and the intervals are too narrow. By how much, five runs cannot tell.

# %%
splits = [data.split_by_identity(people, n_test=10, seed=seed) for seed in range(RUNS)]
for part, which in enumerate(("training", "test")):
    shared = []
    for first in range(RUNS):
        for second in range(first):
            both = set(splits[first][part].names) & set(splits[second][part].names)
            shared.append(len(both))
    n_people = splits[0][part].n_classes
    print(f"two runs share {np.mean(shared):.1f} of their {n_people} {which} people")

# %% [markdown]
# ## How many runs does a claim need?
#
# Before an experiment one should know whether it can find what one looks for. Suppose the true difference is $d$, and
# single runs scatter around it with the spread $s$. We do $n$ paired runs and claim a difference if the interval lies above
# zero. How often do we find it? That share is the **power** of the experiment. By custom one asks for 80 %.
#
# It is tempting to ask for an interval that reaches just as far as the difference is large: $1.96 \, s / \sqrt{n} = d$.
# But then the interval touches zero on average, and half of the time the difference is missed. The mean of the runs needs
# room to fall below $d$ by chance, and still be clear of zero:
#
# $$n \ge \left( \frac{(t_{0.975} + t_{0.8}) \, s}{d} \right)^2 .$$
#
# The first $t$ keeps the interval clear of zero, the second leaves the room that 80 % of all experiments need. Both depend
# on $n$, so we try $n = 2, 3, 4, \dots$ until it is enough. Then we check the formula, by 5,000 simulated experiments each.
#
# Before you run them: how many paired runs does it take to find a difference of a single point, if single differences
# scatter by two?

# %% tags=["predict"]
runs_guess = exercises.predict(..., question="Runs to find one point?", unit="runs")


# %%
def runs_needed(spread, size):
    """The fewest paired runs that find a difference of this size with power 80 %."""
    for n in range(2, 1000):
        t = stats.t.ppf(0.975, n - 1) + stats.t.ppf(0.8, n - 1)
        if n >= (t * spread / size) ** 2:
            return n


def share_found(n, spread, size, experiments=5000):
    """The share of simulated experiments of n runs whose interval lies above zero."""
    draws = np.random.default_rng(0).normal(size, spread, (experiments, n))
    reach = stats.t.ppf(0.975, n - 1) * draws.std(axis=1, ddof=1) / np.sqrt(n)
    return np.mean(draws.mean(axis=1) > reach)


# %% [markdown]
# Which spread do we plan with? We have measured one, but five runs know it badly: the interval of a standard deviation
# from five runs is wide.

# %% tolerance="5 points, 2"
low_spread = spread * np.sqrt((RUNS - 1) / stats.chi2.ppf(0.975, RUNS - 1))
high_spread = spread * np.sqrt((RUNS - 1) / stats.chi2.ppf(0.025, RUNS - 1))
print(f"spread {spread:.1f}, interval {low_spread:.1f} to {high_spread:.1f} points")

# %%
PLANNED = 2  # points: the spread of the differences that we plan with
needed, power, tempting, its_power = {}, {}, {}, {}
for size in (4, 2, 1, 0.5):
    needed[size] = runs_needed(PLANNED, size)
    power[size] = round(100 * share_found(needed[size], PLANNED, size))
    tempting[size] = max(2, int(np.ceil((1.96 * PLANNED / size) ** 2)))
    its_power[size] = round(100 * share_found(tempting[size], PLANNED, size))
runs_guess.reveal(needed[1], ".0f")
plan = pd.DataFrame({"runs needed": needed, "tempting": tempting})
plan["power, %"] = pd.Series(power)
plan["power of the tempting, %"] = pd.Series(its_power)
print(plan.rename_axis("difference, points"))

# %% [markdown]
# The formula keeps its promise. The tempting number of runs finds the difference about every second time, and where that
# number is small, even less often. A curve for each difference shows what a budget of runs can find.

# %%
budgets = [2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 40, 60]
found = {}
for size in (4, 2, 1):
    shares = [100 * share_found(n, PLANNED, size) for n in budgets]
    found[f"true difference {size} points"] = shares
figure = viz.lines(
    found,
    budgets,
    title="The smaller the difference, the more runs it takes to find it",
    xlabel="paired runs",
    ylabel="experiments that find it, %",
    references={"80 %": 80},
    limits=(0, 103),
    log_x=True,
)
figure.axes[0].set_xticks([2, 5, 10, 20, 34, 60], ["2", "5", "10", "20", "34", "60"])
figure.axes[0].minorticks_off()
viz.show(figure, alt="Three rising curves of power, the largest difference first.")

# %% tags=["guard"]
guard(
    "the formula gives 80 % power; half the difference needs over three times the runs",
    all(75 < power[size] < 95 for size in power) and needed[1] > 3 * needed[2],
    power=power,
    needed=needed,
)

# %% [markdown]
# With a planned spread of two points, five runs find a difference of four, such as the one between network and pixels. They
# miss a single point most of the time: that takes 34 runs. Against LDA our five runs have therefore not decided anything.
# When you read that one loss beats another by half a point in a single run, think of the last line of the table. And if
# your own runs show no clear difference, say how large a difference they would have found.
#
# ### Open task: does moving the photographs help? (45 minutes)
#
# Our training photographs were mirrored and moved at random. Is that worth it, for strangers? Plan and run the experiment,
# and write a paragraph that somebody else can trust. Start from `one_run`: give it the augmentation as an argument, and
# let it return the accuracy with and without on the same split, with the same seed. A run takes some ten seconds.
#
# | What counts | Points |
# |---|---|
# | before the first run you wrote down the smallest difference that matters to you, a planned spread, and the runs that follow | 2 |
# | the two networks of a run differ in the augmentation alone: same split, seed, epochs and pairs | 2 |
# | the result is a paired difference with its interval; the single runs are shown | 2 |
# | the paragraph says what the runs could not have found, and that they share people | 2 |
# | somebody else can repeat it from what you wrote | 1 |

# %% [markdown]
# ## Summary
#
# - A training loop is five lines: batch, loss, gradient, step, and again. The first loss of a classifier among $C$ people
#   is about $\log C$.
# - Verification is sorting and counting. ROC shows every threshold, and EER and TAR at FAR are points of it; the accuracy
#   by ten folds uses a threshold for each fold. A list of $N$ impostor pairs resolves no FAR below $1/N$.
# - Over five splits, the network that saw thirty people was clearly ahead of plain pixels. It was not clearly ahead of LDA,
#   a linear method that saw the same people.
# - A share needs an interval, and people count, not pairs. A difference needs paired runs, and their number is planned:
#   80 % power.
#
# **What you can do with it**: `training.fit(net, criterion, faces, optimizer=…, epochs=…)` trains your own network.
# `evaluation.verification(scores, same)` judges any list of scores, whoever made them, and
# `evaluation.paired_difference(a, b)` says whether two systems differ over several runs.
#
# **Next**: [notebook 03](03_convolution_costs.ipynb) asks what such a network costs in arithmetic, in bytes and in memory.
# If you came for an afternoon, go on with [notebook 05](05_center_loss_digits.ipynb).
#
# ## What the papers report
#
# - The protocol of LFW (Huang et al., 2007, technical report 07-49): 6,000 pairs in ten folds of 300 genuine and 300
#   impostor pairs, each decided by the threshold of the nine others. One error is 0.017 points. At an accuracy of 99.5 %
#   the 95 % interval reaches about 0.18 points to either side, if pairs were independent.
# - MobileFaceNet (Chen et al., 2018, arXiv:1804.07573) is trained by the same kind of loop: SGD, a momentum of 0.9, a
#   learning rate that starts at 0.1, batches of 512 photographs, with another loss (ArcFace, notebook 07). It reaches
#   99.28 % on LFW when trained on CASIA-WebFace, and 99.55 % when trained on the larger MS-Celeb-1M.
# - Lee et al. ("Research on a Lightweight Deep Learning Model Suitable for Face Recognition for Mobile Devices") report
#   99.683 % for MobileFaceNet and 99.850 % for a ResNet of a hundred layers. Their test set is not named; on 6,000 pairs
#   that would be 19 errors against 9, too few to be sure (notebook 14).
# - Kumar et al. ("Memory Optimized Deep Learning based Face Recognition", Table 1) report 86.32 % with softmax and 88.10 %
#   with center loss, on a list that they call LFW-11500: one run each, no interval.
