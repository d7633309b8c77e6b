# %% [markdown]
# # Center loss, seen on digits
#
# A face model must do more than name the people it was trained on: embeddings of one person should lie close together,
# and far from everybody else's. Softmax alone does not ask for that. Center loss does. On digits we can see both,
# because we let the network end in just **two** numbers and draw them.
#
# **What you will learn**
# - what softmax does to features, and what it leaves undone;
# - center loss: its formula, its gradient, and how its centers move;
# - why two update rules that look alike behave differently, and one of them can explode;
# - how to choose its weight, and what happens when it is too large.
#
# **What you need before**: notebook 00, and what a derivative is.
#
# **Time and place**: 1 minute to run, 40 minutes to read and do. No GPU, no network, about 1 GB of memory.

# %% tags=["imports"]
import json
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import torch

from course_lib import backbones, data, evaluation, exercises, losses, training, viz

# %% [markdown]
# ## The data: 5,000 handwritten digits
#
# They are real MNIST digits, 500 of each, split once and for all: the same images are for training on every machine.

# %%
train, test = data.digits()
of_each = train.labels.bincount() + test.labels.bincount()
assert of_each.unique().numel() == 1
print(f"{len(train):,} to train and {len(test):,} to test, {of_each.sum():,} in all, {of_each[0]} of each digit")

# %% tags=["illustration"]
some = torch.cat([(test.labels == digit).nonzero().flatten()[:2] for digit in range(10)])
viz.show(
    viz.image_grid(test.images[some], title="Two of each digit", columns=10, credit="MNIST, LeCun, Cortes and Burges"),
    alt="Two rows of ten handwritten digits each, from zero to nine.",
)

# %% [markdown]
# ## A network whose features can be drawn
#
# LeNet++ is the network of the center loss paper: six convolutions, then a layer with **two** outputs. Those two are
# the *features*. A linear classifier on top of them names the digit. We take a quarter of the paper's channels and
# add batch norm, so that it trains in seconds.

# %%
net = backbones.create("lenet_plus_plus", feature_dim=2, width=0.25, batch_norm=True, seed=0)
features = net(data.normalise(test.images[:5]))
print("images", tuple(test.images[:5].shape), "-> features", tuple(features.shape))

# %% [markdown]
# ## Softmax, from scratch
#
# The classifier gives each digit $j$ a logit $z_j = w_j \cdot x + b_j$. Softmax turns logits into probabilities, and
# the loss is minus the logarithm of the right one's:
#
# $$L_S = -\frac{1}{N}\sum_i \log \frac{e^{z_{y_i}}}{\sum_j e^{z_j}}$$


# %%
def softmax_loss(features, labels, weight, bias):
    logits = features @ weight.T + bias
    of_the_right_class = logits[torch.arange(len(labels)), labels]
    return (logits.logsumexp(dim=1) - of_the_right_class).mean()


criterion = losses.Softmax(2, 10, seed=0)
ours = softmax_loss(features, test.labels[:5], criterion.weight, criterion.bias)
assert torch.allclose(ours, criterion(features, test.labels[:5]).total)

# %% [markdown]
# The loss cares about which logit is **largest**. It does not care how far from the border between two digits a
# feature lies, nor how wide its class spreads. Let us see what that does.
#
# ## Training
#
# One function for all runs: only the criterion changes. After each epoch it keeps the features of the test digits, so
# that we can watch them move.

# %%
EPOCHS = 10


def train_digits(criterion, epochs=EPOCHS, seed=0):
    net = backbones.create("lenet_plus_plus", width=0.25, batch_norm=True, seed=seed)
    optimizer = torch.optim.AdamW([*net.parameters(), *criterion.parameters()], lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=epochs * 40)
    keep = lambda net: {"features": torch.from_numpy(training.embed(net, test))}  # noqa: E731
    options = {"optimizer": optimizer, "schedule": schedule, "epochs": epochs, "batch_size": 100, "seed": seed}
    return net, training.fit(net, criterion, train, evaluate=keep, **options)


# %%
softmax = losses.Softmax(2, 10, seed=0)
softmax_net, softmax_history = train_digits(softmax)
assert softmax_history["accuracy"][-1] > 0.95

# %%
softmax_features = training.embed(softmax_net, train)
viz.show(
    viz.feature_plane(
        {"softmax, training digits": (softmax_features, train.labels.numpy())},
        train.names,
        title="Softmax separates the digits, and lets each spread",
    ),
    alt="Ten coloured wedges of points that start near the origin and spread outwards like the petals of a flower.",
)

# %% [markdown]
# Each digit is a ray from the middle outwards. Two features at the two ends of one ray are further apart than two
# features of neighbouring rays near the middle! For naming digits this is fine. For comparing two faces by their
# distance it is not.
#
# How wide is a class, compared with the distance between classes? We measure **intra**, the mean distance of a feature
# to the mean of its class, and **inter**, the mean distance between two class means.

# %%
space = evaluation.embedding_space(softmax_features, train.labels.numpy())
by_hand = np.mean(
    [np.linalg.norm(softmax_features[train.labels == d] - space.centers[d], axis=1).mean() for d in range(10)]
)
assert np.isclose(space.intra, by_hand) and np.isclose(space.ratio, space.intra / space.inter)
assert 0.1 < space.ratio < 0.25
print("intra is between a tenth and a quarter of inter")

# %% [markdown]
# ## Center loss, from scratch
#
# Give each class a center $c_j$, a point in feature space, and pull every feature towards the center of its class:
#
# $$L_C = \frac{1}{2N}\sum_i \lVert x_i - c_{y_i} \rVert^2, \qquad L = L_S + \lambda L_C$$
#
# The pull on a feature is the gradient, $(x_i - c_{y_i}) / N$: the further out, the stronger. Softmax keeps the classes
# apart meanwhile. (The paper sums over the batch. We take the mean, so that $\lambda$ means the same for every batch
# size.)


# %%
def center_loss(features, labels, centers):
    residuals = features - centers[labels]  # (N, 2): from the center to the feature
    return 0.5 * residuals.square().sum(dim=1).mean()


labels = test.labels[:5]
criterion = losses.CenterLoss(2, 10, weight=0.3, seed=0)
loss = criterion.eval()(features, labels)
assert torch.allclose(loss.parts["center"], center_loss(features, labels, criterion.centers))
assert torch.allclose(loss.total, loss.parts["softmax"] + 0.3 * loss.parts["center"])

# %% [markdown]
# ## How the centers move
#
# Centers are not trained by the optimizer. After each batch, every center takes a step towards the features of its
# class that were in the batch:
#
# $$c_j \leftarrow c_j + \alpha \, \frac{\sum_{i: y_i = j} (x_i - c_j)}{1 + n_j}$$
#
# where $n_j$ says how many there were. The one in the denominator makes a class that appears once take half a step,
# and one that does not appear take none. With many features the step tends to $\alpha$ times their mean residual, and
# **never exceeds it**.


# %%
def wen_step(centers, features, labels, alpha=0.5):
    centers = centers.clone()
    for j in labels.unique():
        residuals = features[labels == j] - centers[j]
        centers[j] += alpha * residuals.sum(dim=0) / (1 + len(residuals))
    return centers


expected = wen_step(criterion.centers, features, labels)
criterion.train()(features, labels)
assert torch.allclose(criterion.centers, expected, atol=1e-6)

# %% [markdown]
# ## Softmax plus center loss
#
# The same network, the same first weights, the same order of the images. Only the criterion is new.

# %%
center = losses.CenterLoss(2, 10, weight=0.3, rule="wen", seed=0)
center_net, center_history = train_digits(center)
center_features = training.embed(center_net, train)
viz.show(
    viz.feature_plane(
        {
            "softmax": (softmax_features, train.labels.numpy()),
            "softmax + center loss": (center_features, train.labels.numpy()),
        },
        train.names,
        centers={"softmax + center loss": center.centers.numpy()},
        title="Center loss turns rays into dots",
    ),
    alt="Left, rays of points under softmax. Right, ten tight round clusters under center loss, each on its center.",
)
ratio = {
    name: evaluation.embedding_space(features, train.labels.numpy()).ratio
    for name, features in (("softmax", softmax_features), ("center", center_features))
}
assert ratio["softmax"] > 2.5 * ratio["center"]

# %% [markdown]
# ## Watch it happen
#
# The features of the **test** digits after each epoch, in both runs. First the function, then the slider.


# %%
def after_epoch(epoch):
    panels = {
        name: (history["features"][epoch - 1].numpy(), test.labels.numpy())
        for name, history in (("softmax", softmax_history), ("softmax + center loss", center_history))
    }
    return viz.feature_plane(panels, test.names, title=f"Test digits after epoch {epoch}")


assert isinstance(after_epoch(EPOCHS), matplotlib.figure.Figure)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(after_epoch, list(range(1, EPOCHS + 1)), label="epoch", start=EPOCHS)

# %% [markdown]
# ## The digits it has not seen
#
# On test digits the ratio falls too, but less. One reason is easy to check: a misread digit lies in the cluster of another
# class, a whole inter-class distance from its own mean. So we measure twice, with and without the misread ones.


# %%
def test_ratios(net, criterion):
    """Intra/inter ratio of the test features: of all, and of those whose digit is read correctly."""
    features, labels = training.embed(net, test), test.labels.numpy()
    with torch.inference_mode():
        right = criterion.eval()(torch.from_numpy(features), test.labels).logits.argmax(1).numpy() == labels
    ratios = [evaluation.embedding_space(f, y).ratio for f, y in ((features, labels), (features[right], labels[right]))]
    return right.mean(), *ratios


_, all_softmax, right_softmax = test_ratios(softmax_net, softmax)
_, all_center, right_center = test_ratios(center_net, center)
print("all test digits: the ratio falls at least 1.4 times:", all_softmax > 1.4 * all_center)
print("those read correctly: at least 1.5 times:", right_softmax > 1.5 * right_center)
assert all_softmax > 1.4 * all_center and right_softmax > 1.5 * right_center
assert right_softmax / right_center < ratio["softmax"] / ratio["center"]

# %% [markdown]
# Misread digits are part of the answer, not all of it: without them the fall is still smaller than on training digits.
# The network has learned exactly where to put the digits it trained on. New ones land near, not on, the center. Keep
# this in mind: **what a loss does to the training features is not what it does for strangers.**

# %% [markdown]
# ## One run is an anecdote
#
# So the comparison was run with three seeds, and with weights from 0 (softmax alone) to far too large. Training all of
# them takes some minutes; the results were recorded with the command that repeats them.

# %%
record = json.loads(Path("../benchmarks/records/digits_center_loss.json").read_text())
print(record["command"], "| recorded on", record["date"])
flat = [
    pd.json_normalize(run, sep=" ").drop(columns="shown_features", errors="ignore") for run in record["figures"]["runs"]
]
runs = pd.concat(flat)
wen = runs[runs["rule"] == "wen"]
wen.groupby("weight")[["train accuracy", "test accuracy", "train ratio", "test ratio"]].mean().round(2)

# %%
paired = wen.pivot(index="seed", columns="weight", values=["train ratio", "test accuracy"])
fall = paired["train ratio"][0.0] / paired["train ratio"][0.3]
lost = paired["test accuracy"][0.0] - paired["test accuracy"][0.3]
assert len(fall) == 3 and (fall > 3).all() and (lost < 0.01).all()
print("in each of", len(fall), "runs the ratio falls more than threefold, and accuracy by less than one point")

# %% [markdown]
# The table says more. A tiny weight already helps. Then comes a long plateau, where the weight hardly matters. At the
# end, when the pull is too strong, the clusters are pulled together before the network has learned to tell them apart.

# %%
means = wen.groupby("weight")[["test accuracy", "test ratio"]].mean()
alone, joined = means.loc[0], means.loc[means.index > 0]
series = {"accuracy": joined["test accuracy"].tolist(), "intra/inter ratio": joined["test ratio"].tolist()}
series |= {"accuracy, softmax alone": [alone["test accuracy"]] * len(joined)}
series |= {"ratio, softmax alone": [alone["test ratio"]] * len(joined)}
viz.show(
    viz.lines(
        series,
        joined.index.tolist(),
        title="A wide range of weights works; a far too large one does not",
        xlabel="weight of the center loss",
        ylabel="test digits, mean of three runs",
        log_x=True,
    ),
    alt="Accuracy stays level and the ratio stays below softmax's as the weight grows, until at the largest weight accuracy drops.",
)
assert means["test accuracy"].iloc[-1] < means["test accuracy"].max() - 0.05


# %%
def at_weight(weight):
    run = next(r for r in record["figures"]["runs"] if (r["weight"], r["seed"], r["rule"]) == (weight, 0, "wen"))
    features, labels = np.array(run["shown_features"]), np.array(record["figures"]["shown_labels"])
    heading = f"accuracy {run['test']['accuracy']:.0%}, intra/inter {run['test']['ratio']:.2f}"
    return viz.feature_plane({heading: (features, labels)}, test.names, title=f"Test digits, weight {weight:g}")


assert isinstance(at_weight(0.3), matplotlib.figure.Figure)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(at_weight, sorted(wen["weight"].unique().tolist()), label="weight", start=0.3)

# %% [markdown]
# ## The other rule, and how it explodes
#
# Much code, and one of our papers (Kumar et al., at the end), moves the centers by a *moving average* instead:
# for each feature, $c_j \leftarrow \alpha c_j + (1 - \alpha) x_i$. Mind that $\alpha$ now means the opposite: how much
# **stays**. Mind also how it is implemented: all steps of a batch are computed from the same old center, and added up.
# With $n$ features of one class the center moves by $n (1 - \alpha)$ times their mean residual. Above one it overshoots. Above two it
# lands further away than it was, on the other side, and every batch makes it worse.


# %%
def distance_after_batches(n, alpha, batches=12):
    """How far a center is from its class after each batch, when n features of the class lie at the origin."""
    criterion = losses.CenterLoss(1, 1, rule="moving_average", alpha=alpha)
    criterion.centers.fill_(1.0)
    path = [1.0]
    for _ in range(batches):
        criterion(torch.zeros(n, 1), torch.zeros(n, dtype=torch.int64))
        path.append(abs(criterion.centers.item()))
    return path


paths = {f"{n} of a class in the batch": distance_after_batches(n, alpha=0.9) for n in (3, 12, 25)}
assert paths["3 of a class in the batch"][-1] < 0.05 and paths["25 of a class in the batch"][-1] > 100
viz.show(
    viz.lines(
        paths,
        range(13),
        title="The naive moving average explodes when a class fills the batch",
        xlabel="batches",
        ylabel="distance of the center from its class",
        log_y=True,
    ),
    alt="Three curves on a logarithmic axis: with 3 and with 12 the distance shrinks, with 25 it grows more than a hundredfold.",
)
multiples = [abs(1 - n * 0.1) for n in (3, 12, 25)]
assert np.allclose(multiples, [paths[name][1] for name in paths]) and multiples[2] > 1

# %% [markdown]
# In training, our batches hold about ten of each digit. With $\alpha$ at 0.95 that is a step of a half: fine. With
# 0.5 it is a step of five. Here is what `fit` says to that, before it wastes your evening.

# %%
try:
    train_digits(losses.CenterLoss(2, 10, weight=0.3, rule="moving_average", alpha=0.5, seed=0), epochs=2)
    stopped = ""
except training.NonFiniteError as error:
    stopped = str(error)
assert "is not finite at step" in stopped and "first non-finite tensor" in stopped
averages = runs[runs["rule"] == "moving_average"].groupby("alpha")["diverged"]
assert averages.count()[0.5] == 3 and averages.count()[0.95] == 0
print("stopped, with the step, the batch and the first non-finite tensor named; so did all three recorded runs")

# %% [markdown]
# ## Exercises
#
# Solutions: [solutions/05_center_loss_digits.py](solutions/05_center_loss_digits.py).
#
# ### Exercise 1: the gradient
#
# Return the gradient of the center loss $L_C$ (the mean form above) with respect to the features: an array of the
# shape of `features`, (N, D).


# %% tags=["exercise"]
def center_gradient(features, labels, centers): ...


# %% tags=["check"]
def by_autograd(features, labels, centers):
    x = torch.from_numpy(features).requires_grad_()
    (0.5 * (x - torch.from_numpy(centers)[labels]).square().sum(1).mean()).backward()
    return x.grad.numpy()


rng = np.random.default_rng(0)
exercises.check(
    center_gradient,
    by_autograd,
    [(rng.normal(size=(6, 2)), np.array([0, 2, 2, 1, 0, 2]), rng.normal(size=(3, 2)))],
    hint="Each row is the residual from its own center. The loss is a mean over N rows.",
)

# %% [markdown]
# ### Exercise 2: one step of a center
#
# `features` (n, D) are the features of **one** class in a batch, `center` (D,) its center. Return the center after
# Wen's step. What must happen when n is zero?


# %% tags=["exercise"]
def move_center(center, features, alpha): ...


# %% tags=["check"]
def wens_rule(center, features, alpha):
    criterion = losses.CenterLoss(len(center), 2, rule="wen", alpha=alpha).double()
    criterion.centers[0] = torch.from_numpy(center)
    batch = np.vstack([features, center])  # and one feature of another class: a batch is never empty
    criterion(torch.from_numpy(batch), torch.tensor([0] * len(features) + [1]))
    return criterion.centers[0].numpy()


of_class = np.array([[4.0, 0.0], [2.0, 2.0], [6.0, 1.0]])
exercises.check(
    move_center,
    wens_rule,
    [(np.array([1.0, 1.0]), of_class, 0.5), (np.zeros(2), of_class[:1], 1.0), (np.ones(2), of_class[:0], 0.5)],
    hint="Sum the residuals, divide by one more than their number, go alpha of the way. A sum of nothing is zero.",
)

# %% [markdown]
# ## Summary
#
# - Softmax separates classes and lets each spread along a ray; center loss pulls it to a point.
# - On the training digits the intra/inter ratio fell more than threefold in each of three runs, and the accuracy on test
#   digits did not suffer. On test digits the ratio falls less.
# - Centers move by a rule of their own. Wen's step is bounded; the naive moving average explodes when a batch holds
#   too many of one class.
#
# ## What the papers report
#
# - Wen et al. (2016, ECCV, "A Discriminative Feature Learning Approach for Deep Face Recognition") draw this picture on
#   all 60,000 digits, with weights from 0.001 to 1. Their faces use a weight of 0.003 and $\alpha = 0.5$. They sum the
#   loss over the batch in the formula, so compare weights with care.
# - Kumar et al. ("Memory Optimized Deep Learning based Face Recognition") write the moving average with the index of
#   the image where that of the class belongs, and do not state $\alpha$.
