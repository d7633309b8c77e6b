# %% [markdown]
# # Inception: several kernels side by side
#
# How large should a kernel be? The Inception networks (Szegedy et al. 2016, 2017) answer: take several, side by side,
# and let training decide. To afford that they split large kernels into small and one-sided ones. Later they also got
# shortcuts (Inception-ResNet). We build the block, find out what the shortcut is worth, and check a table in which a
# network appears that does not exist.
#
# **What you will learn**
# - to write a block with branches as a table;
# - why a 7x7 kernel can become a 1x7 and a 7x1, and what that saves;
# - what the shortcut does for training, and what its scale does;
# - to find out, from a number of parameters alone, what somebody has counted.
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (how a face network is tested) and [notebook
# 03](03_convolution_costs.ipynb) (what a convolution costs, and what a shortcut is).
#
# **Time and place**: 1 minute to run, 85 minutes to read and do. No GPU, no network, 1.3 GB of memory.

# %% tags=["imports"]
import math

import numpy as np
import torch
from torch import nn

from course_lib import (
    backbones,
    cost,
    data,
    evaluation,
    exercises,
    guard,
    losses,
    training,
    viz,
)

# %% [markdown]
# ## The table
#
# **Inception-ResNet-v1** (Szegedy et al. 2017). A block is a tuple of branches, a branch a tuple of convolutions, each
# given by its channels and its kernel. The names 35, 17 and 8 are the sides of the maps for the paper's image size.

# %%
BLOCK_35 = (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (32, 3), (32, 3)))
BLOCK_17 = (((128, 1),), ((128, 1), (128, (1, 7)), (128, (7, 1))))
BLOCK_8 = (((192, 1),), ((192, 1), (192, (1, 3)), (192, (3, 1))))
REPEATS, SCALES = (5, 10, 5), (0.17, 0.10, 0.20)
for name, block in (("35", BLOCK_35), ("17", BLOCK_17), ("8", BLOCK_8)):
    stacked = sum(rows[-1][0] for rows in block)
    print(f"block {name}: {len(block)} branches, {stacked} channels side by side")

# %% [markdown]
# Before the blocks stands a stem, and between the stages stand *reductions*, whose last convolutions have stride 2; there,
# max pooling is one branch more.

# %%
REDUCTION_17 = (((384, 3),), ((192, 1), (192, 3), (256, 3)))
REDUCTION_8 = (
    ((256, 1), (384, 3)),
    ((256, 1), (256, 3)),
    ((256, 1), (256, 3), (256, 3)),
)
STEM = (
    # channels, kernel, stride, padding
    (32, 3, 2, 0),
    (32, 3, 1, 0),
    (64, 3, 1, 1),
    "pool",
    (80, 1, 1, 0),
    (192, 3, 1, 0),
    (256, 3, 2, 0),
)

# %% [markdown]
# Drawn from the library's network, from top to bottom: the stem, and then three piles of blocks, with a reduction before
# the second and the third. The scale is a factor that we come to below. Compare how the sides of the map and the
# channels change at a reduction, and that neither changes within a pile.

# %% tags=["illustration"]
title = "Inception-ResNet-v1, from the image to the embedding"
viz.show(*viz.network_diagram("inception_resnet_v1", title=title))

# %% [markdown]
# ## One unit, one branch
#
# Every convolution of stem, branches and reductions has no bias and is followed by batch norm and ReLU. (The join,
# below, has a bias and neither.) Notice how the blocks' branches with a large kernel begin: with a 1x1 that **narrows**
# first, so that the large kernel costs less.


# %%
def unit(c_in, c_out, kernel, stride=1, padding="same"):
    convolution = nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(c_out, eps=1e-3), nn.ReLU())


def branch(c_in, rows, last_stride=1):
    """The units of a branch in a row; a last one with a stride has no padding."""
    units = []
    for place, (c_out, kernel) in enumerate(rows, 1):
        stride = last_stride if place == len(rows) else 1
        padding = "same" if stride == 1 else 0
        units.append(unit(c_in, c_out, kernel, stride, padding))
        c_in = c_out
    return nn.Sequential(*units)


# %% [markdown]
# ## The block
#
# The branches see the same input. Their outputs are stacked, a 1x1 convolution **joins** them, and the result is scaled
# and added to the input:
#
# $$y = \mathrm{ReLU}\big(x + s \cdot \mathrm{join}(b_1(x), b_2(x), \dots)\big).$$
#
# To see what the shortcut does we shall later leave the $x$ out. (An Inception block proper has no join either.)


# %%
class Block(nn.Module):
    def __init__(self, channels, rows, scale, shortcut=True, activation=True):
        super().__init__()
        self.branches = nn.ModuleList(branch(channels, row) for row in rows)
        self.join = nn.Conv2d(sum(row[-1][0] for row in rows), channels, 1)
        self.scale, self.shortcut, self.activation = scale, shortcut, activation

    def forward(self, x):
        out = self.scale * self.join(torch.cat([b(x) for b in self.branches], 1))
        out = x + out if self.shortcut else out
        return torch.relu(out) if self.activation else out


# %% [markdown]
# Is it the block of the library? We put the library's weights into ours, in order, and let both compute the same.


# %%
def share_that_differs(mine, theirs, *shape):
    """The largest difference on random input, in % of the largest number."""
    weights = theirs.state_dict().values()
    mine.load_state_dict(dict(zip(mine.state_dict(), weights, strict=True)))
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours, others = mine.eval()(x), theirs.eval()(x)
    return 100 * float((ours - others).abs().max() / others.abs().max())


# %%
small_size = {"input_size": 75, "repeats": (1, 1, 1), "seed": 0}
library = backbones.create("inception_resnet_v1", **small_size)
last = Block(1792, BLOCK_8, 1.0, activation=False)
differs = {
    "35": share_that_differs(
        Block(256, BLOCK_35, 0.17), library.blocks_35[0], 256, 9, 9
    ),
    "17": share_that_differs(
        Block(896, BLOCK_17, 0.10), library.blocks_17[0], 896, 5, 5
    ),
    "8, the last": share_that_differs(last, library.last_block, 1792, 3, 3),
}
for name, percent in differs.items():
    print(f"block {name}: differs from the library's by {percent:.2f} %")

# %% tags=["guard"]
guard(
    "three kinds of block, each equal to the library's",
    max(differs.values()) < 0.004,
    differs=differs,
)

# %% [markdown]
# Here is what our block 35 runs. Start at the input, which goes four ways: through three branches, and past all of them
# to the sum.

# %% tags=["illustration"]
block_35 = {"block 35": (Block(256, BLOCK_35, 0.17), (256, 17, 17))}
title = "A block: three branches, a join, a scale, a shortcut"
viz.show(*viz.block_diagram(block_35, title=title))

# %% [markdown]
# ## A large kernel in two strokes
#
# Block 17 has a 1x7 and then a 7x1. Together they see a 7x7 window. With nothing between them, and if a 7x7 kernel is a
# column times a row, they compute **exactly** the same:
#
# $$K = c\,r^\top \quad\Rightarrow\quad K * x = c * (r * x).$$
#
# Many blurs, and upright or level edges and bars, are of this kind. Most kernels are not, but nobody knows which ones a
# network needs.

# %%
column, row = torch.randn(2, 7, generator=torch.Generator().manual_seed(0)).double()
x = torch.randn(1, 1, 20, 20, generator=torch.Generator().manual_seed(1)).double()
in_one = nn.functional.conv2d(x, torch.outer(column, row)[None, None])
by_row = nn.functional.conv2d(x, row[None, None, None])
in_two = nn.functional.conv2d(by_row, column[None, None, :, None])
print("in one stroke: ", in_one[0, 0, 0, :5].numpy().round(3))
print("in two strokes:", in_two[0, 0, 0, :5].numpy().round(3))
print(f"one 7x7 kernel has {7 * 7} weights; a 1x7 and a 7x1 have {7 + 7}")
strokes_apart = float((in_one - in_two).abs().max())

# %% tags=["guard"]
guard(
    "a column times a row, in one stroke or two",
    strokes_apart < 1e-9,
    strokes_apart=strokes_apart,
)

# %% [markdown]
# ### Exercise 1: what does a branch see?
#
# Given the kernels of a branch as a list of `(height, width)`, all with stride 1, return `(height, width, weights)`: the
# window of the image that one output sees, and the weights of all kernels together for one channel in and out. Solutions:
# [solutions/04e_inception.py](solutions/04e_inception.py).


# %% tags=["exercise"]
def window_and_weights(kernels): ...


# %% tags=["check"]
def by_gradient(kernels):
    x = out = torch.ones(1, 1, 30, 30, requires_grad=True)
    for kernel in kernels:
        out = nn.functional.conv2d(out, torch.ones(1, 1, *kernel))
    out[0, 0, 0, 0].backward()
    last = (x.grad[0, 0] != 0).nonzero().max(dim=0).values
    return (*(last + 1).tolist(), int(np.prod(kernels, axis=1).sum()))


def draw(rng):
    return (rng.integers(1, 8, size=(rng.integers(1, 5), 2)).tolist(),)


cases = [([(3, 3), (3, 3)],), ([(1, 7), (7, 1)],), ([(1, 1), (5, 5)],)]
hints = (
    "Draw the pixels that two 3x3 kernels see, one behind the other: how many rows?",
    "The window begins as one pixel. Each kernel adds its side less one.",
    "1 + sum(h - 1 for h, w in kernels), width alike, sum(h * w for h, w in kernels)",
)
exercises.check(window_and_weights, by_gradient, cases, draw=draw, hints=hints)

# %% [markdown]
# ## What splitting saves
#
# Three ways to see a window with C channels in and out: one square kernel, a stack of 3x3, and a row followed by a column.
# How do their weights grow with the side of the window? The slider changes the channels.


# %%
SIDES = [3, 5, 7, 9, 11]


def weights_of(channels):
    """Weights of a window of each side, in three ways."""
    return {
        "one square kernel": [channels**2 * side**2 for side in SIDES],
        "a stack of 3x3": [channels**2 * 9 * (side - 1) // 2 for side in SIDES],
        "one row, then one column": [channels**2 * 2 * side for side in SIDES],
    }


# %%
def weights_figure(channels):
    millions = {}
    for name, weights in weights_of(channels).items():
        millions[name] = [n / 1e6 for n in weights]
    title = (
        f"Split kernels see the same window with fewer weights ({channels} channels)"
    )
    labels = {"xlabel": "side of the window", "ylabel": "weights, million"}
    return viz.lines(millions, SIDES, title=title, **labels)


# %% [markdown]
# With 128 channels and a 7x7 window, by the formulas and in branches that we build:

# %%
of_side_7 = {}
for name, counts in weights_of(128).items():
    of_side_7[name] = counts[2]
    print(f"{name}, 7x7 and 128 channels: {counts[2]:,} weights")
ways = (((128, 7),), ((128, 3),) * 3, ((128, (1, 7)), (128, (7, 1))))
built = []
for rows in ways:
    weights = [p.numel() for p in branch(128, rows).parameters() if p.ndim == 4]
    built.append(sum(weights))
print("built as branches:", *[f"{count:,}" for count in built])
alt = (
    "Three curves over the side of the window: one square kernel grows steepest by far."
)
viz.show(weights_figure(128), alt=alt)
by_formula = list(of_side_7.values())

# %% tags=["guard"]
guard(
    "the branches have as many weights as the formulas say, one square kernel most",
    built == by_formula and built[0] > 1.5 * built[1] > 2 * built[2],
    built=built,
    by_formula=by_formula,
)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    weights_figure,
    [16, 32, 64, 128, 192],
    label="channels",
    start=64,
    alt="Three curves of weights over the side of the window, for 64 channels.",
)

# %% [markdown]
# ## Inception v3
#
# The older network (Szegedy et al. 2016) has no shortcut and no join: the branches are simply stacked, and average
# pooling with a 1x1 after it is one of them. Its first block, as torchvision has it:

# %%
BLOCK_A = {
    "1x1": ((64, 1),),
    "5x5": ((48, 1), (64, 5)),
    "double 3x3": ((64, 1), (96, 3), (96, 3)),
    "pool": ((32, 1),),
}


class BlockA(nn.Module):
    def __init__(self, channels):
        super().__init__()
        rows = BLOCK_A.values()
        self.branches = nn.ModuleList(branch(channels, row) for row in rows)
        self.pool = nn.AvgPool2d(3, stride=1, padding=1)

    def forward(self, x):
        *others, last = self.branches
        return torch.cat([*(b(x) for b in others), last(self.pool(x))], 1)


# %%
v3 = backbones.create("inception_v3", input_size=75, embedding_dim=8, seed=0)
v3_differs = share_that_differs(BlockA(192), v3.inception.Mixed_5b, 192, 9, 9)
print(f"Inception v3's first block: differs from torchvision's by {v3_differs:.2f} %")

# %% tags=["guard"]
guard("the block is torchvision's", v3_differs < 0.004, v3_differs=v3_differs)

# %% [markdown]
# ## The whole Inception-ResNet-v1
#
# Two parts are missing, the stem and the reduction.


# %%
def stem(c_in):
    layers = []
    for row in STEM:
        layers.append(nn.MaxPool2d(3, 2) if row == "pool" else unit(c_in, *row))
        c_in = c_in if row == "pool" else row[0]
    return nn.Sequential(*layers)


class Reduction(nn.Module):
    def __init__(self, channels, rows):
        super().__init__()
        branches = [branch(channels, row, last_stride=2) for row in rows]
        self.branches = nn.ModuleList([*branches, nn.MaxPool2d(3, 2)])

    def forward(self, x):
        return torch.cat([b(x) for b in self.branches], 1)


# %% [markdown]
# Then the network is a list:


# %%
def inception_resnet_v1(embedding_dim=512, repeats=REPEATS):
    (n_35, n_17, n_8), (s_35, s_17, s_8) = repeats, SCALES
    return nn.Sequential(
        stem(3),
        *(Block(256, BLOCK_35, s_35) for _ in range(n_35)),
        Reduction(256, REDUCTION_17),
        *(Block(896, BLOCK_17, s_17) for _ in range(n_17)),
        Reduction(896, REDUCTION_8),
        *(Block(1792, BLOCK_8, s_8) for _ in range(n_8)),
        Block(1792, BLOCK_8, 1.0, activation=False),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.6)),
        nn.Linear(1792, embedding_dim, bias=False),
        nn.BatchNorm1d(embedding_dim, eps=1e-3),
    )


# %%
whole = inception_resnet_v1(repeats=(1, 1, 1))
whole_differs = share_that_differs(whole, library, 3, 75, 75)
print(
    f"the network from the table: differs from the library's by {whole_differs:.2f} %"
)

# %% tags=["guard"]
guard(
    "the network from the table is the library's",
    whole_differs < 0.004,
    whole_differs=whole_differs,
)

# %% [markdown]
# ## The network that does not exist
#
# Basch et al. compare three networks. One is called "Inception ResNet v3", with 27M parameters "without" and 40.1M "with
# the classification layer". There is an Inception v3. There is an Inception-ResNet v1 and a v2. There is no
# Inception-ResNet v3. What did they count? We take what it could be and look at the numbers. The `meta` device gives us
# shapes without memory.


# %%
def counted(name, side, **options):
    with torch.device("meta"):
        net = backbones.create(name, input_size=side, **options)
        return cost.count(net, (side, side))


as_published = {"embedding_dim": 1000, "auxiliary_head": True}
counts = {
    "Inception v3, as published": counted("inception_v3", 299, **as_published),
    "Inception v3, 512-d": counted("inception_v3", 299),
    "Inception-ResNet-v1, 512-d": counted("inception_resnet_v1", 160),
}
for name, c in counts.items():
    billions = c.macs.conv_linear / 1e9
    print(f"{name:27} {c.parameters:11,} parameters", end=", ")
    print(f"{billions:.2f} billion multiply-adds")
with torch.device("meta"):
    ours = sum(p.numel() for p in inception_resnet_v1().parameters())
print(f"our own Inception-ResNet-v1: {ours:,} parameters")

# %% [markdown]
# The first is the network as it is published, and has three parts.

# %%
published = counts["Inception v3, as published"]
classifier, auxiliary = 2048 * 1000 + 1000, published.unused_parameters
body = published.parameters - classifier - auxiliary
total = published.parameters
resnet_v1 = counts["Inception-ResNet-v1, 512-d"].parameters
print(f"Inception v3: {body:,} body")
print(f"  + {auxiliary:,} auxiliary head + {classifier:,} ImageNet classifier")
print(f"  = {total:,}, rounded {total / 1e6:.0f}M")

# %% tags=["guard"]
guard(
    "Inception v3 as published rounds to 27M, and none of the others does",
    round(total / 1e6) == 27
    and round(resnet_v1 / 1e6) != 27
    and round(body / 1e6) != 27
    and ours == resnet_v1,
    total=total,
    resnet_v1=resnet_v1,
    body=body,
    ours=ours,
)

# %% [markdown]
# **27M** fits Inception v3 as it is published, with ImageNet's classifier **and** the **auxiliary head**: a second
# classifier, partway up, used in training only. Then the number "without the classification layer" contains two.
#
# Does the other number fit? Suppose that the last layer was replaced by one of as many people as they had, and all else
# stayed. How many people can that have been?
#
# ### Exercise 2: how many people?
#
# A network has `rest` parameters and on top of them a classifier: a fully connected layer, with biases, from `features`
# numbers to the people. A table prints the sum as `printed` million, rounded to one decimal: 40.1 means at least 40.05
# million and less than 40.15 million. Return `(fewest, most)`, the smallest and the largest number of people that fit.


# %% tags=["exercise"]
def people_behind(printed, rest, features): ...


# %% tags=["check"]
def by_trying(printed, rest, features):
    crowds = np.arange(40_000)
    sizes = rest + crowds * features + crowds
    fitting = crowds[(sizes + 50_000) // 100_000 == round(10 * printed)]
    return int(fitting[0]), int(fitting[-1])


def draw_table(rng):
    least, end = [100_000, 3000, 64], [30_000_000, 30_000, 2049]
    rest, n, features = rng.integers(least, end).tolist()
    return round((rest + n * (features + 1)) / 1e6, 1), rest, features


cases = [(1.0, 900_000, 999), (2.5, 400_000, 511)]
hints = (
    "How many parameters does one more person cost? A row of weights, and a bias.",
    "The classifier has at least (printed - 0.05) million - rest, and less than ...?",
    "Divide by features + 1. Round the fewest up; for the most, stay below the end.",
)
exercises.check(people_behind, by_trying, cases, draw=draw_table, hints=hints)

# %% [markdown]
# For their number, with the 2048 features of Inception v3:

# %%
rest = total - classifier
fewest = math.ceil((40.05e6 - rest) / 2049)
most = math.ceil((40.15e6 - rest) / 2049) - 1
print(f"40.1M means between {fewest:,} and {most:,} people")

# %% tags=["guard"]
guard(
    "both ends are about seven thousand people",
    7_000 < fewest < most < 7_500,
    fewest=fewest,
    most=most,
)

# %% [markdown]
# "About 7,000" people is what their text says. So both numbers agree with **one** reading: Inception v3, auxiliary head
# included. That is a reading, not a proof: we counted three networks.
#
# And the cost? Mind the sizes: we counted Inception v3 at 299x299 pixels and Inception-ResNet-v1 at 160x160. So the
# first factor below does not say which is the better bargain: the second one explains a good part of it.

# %%
v3_macs = counts["Inception v3, 512-d"].macs.conv_linear
resnet_macs = counts["Inception-ResNet-v1, 512-d"].macs.conv_linear
small = cost.count(backbones.create("mobilefacenet"), (112, 112))
print(f"Inception v3 / Inception-ResNet-v1: {v3_macs / resnet_macs:.1f} times the MACs")
print(f"and {(299 / 160) ** 2:.1f} times the pixels")
times = resnet_v1 / small.parameters
print(f"Inception-ResNet-v1 / MobileFaceNet: {times:.0f} times the parameters")

# %% [markdown]
# ## What the shortcut is worth
#
# Szegedy et al. (2017) claim that shortcuts accelerate the training of Inception networks. They also scale what a block
# adds, so that the activations do not grow without bound from block to block. Both claims can be tried: a reduced
# network from the same blocks, with shortcuts and the paper's scale for block 35 (0.17) in all blocks, with shortcuts
# and scale 1, and without shortcuts.

# %%
SIZE, DIM, WIDTH, DEPTH, RUNS = (56, 46), 64, 32, 5, 3
EPOCHS, BATCH, RATE = 10, 50, 0.1
faces = data.orl_faces().resized(*SIZE)


def narrowed(rows, factor):
    """The same branches with fewer channels."""
    branches = []
    for row in rows:
        branches.append(tuple((int(c * factor), kernel) for c, kernel in row))
    return tuple(branches)


# %%
def reduced(shortcut, scale):
    """Blocks 35 and 17 at a small width: 12x10 positions, then 5x4."""
    first, second = narrowed(BLOCK_35, WIDTH / 256), narrowed(BLOCK_17, WIDTH / 512)
    return nn.Sequential(
        unit(1, WIDTH // 2, 3, 2, 0),
        unit(WIDTH // 2, WIDTH, 3, 2, 0),
        *(Block(WIDTH, first, scale, shortcut) for _ in range(DEPTH)),
        unit(WIDTH, 2 * WIDTH, 3, 2, 0),
        *(Block(2 * WIDTH, second, scale, shortcut) for _ in range(DEPTH)),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(2 * WIDTH, DIM),
        nn.BatchNorm1d(DIM, eps=1e-3),
    )


# %% [markdown]
# A small MobileFaceNet runs beside them, for comparison.

# %%
KINDS = {
    "shortcut, scale 0.17": (True, 0.17),
    "shortcut, scale 1": (True, 1.0),
    "no shortcut": (False, 1.0),
}
ALL = (*KINDS, "MobileFaceNet")


def new_network(kind, run):
    if kind == "MobileFaceNet":
        options = {"width": 0.2, "embedding_dim": DIM, "in_channels": 1, "seed": run}
        return backbones.create("mobilefacenet", input_size=SIZE, **options)
    torch.manual_seed(run)
    return reduced(*KINDS[kind])


for kind in ALL:
    c = cost.count(new_network(kind, 0), SIZE, in_channels=1)
    print(f"{kind:20} {c.parameters:7,} parameters", end=", ")
    print(f"{c.macs.conv_linear / 1e6:.1f} million multiply-adds")


# %%
def train_faces(kind, run):
    """A trained network, and the share in % named rightly after each epoch."""
    train, _ = data.split_by_identity(faces, n_test=10, seed=run)
    net, criterion = (
        new_network(kind, run),
        losses.Softmax(DIM, train.n_classes, seed=run),
    )
    parameters = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=RATE, momentum=0.9, weight_decay=5e-4)
    steps = EPOCHS * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    augment = data.Compose((data.RandomFlip(), data.RandomShift(3)))
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "augment": augment, "seed": run}
    recipe |= {"schedule": schedule, "precision": "32-true"}
    history = training.fit(net, criterion, train, optimizer=optimizer, **recipe)
    return net, 100 * np.array(history["accuracy"])


# %% [markdown]
# The three reduced networks have the same weights to learn and the same cost. The first two differ in the scale alone,
# the last two in the $x +$ alone. What will that do? Commit yourself before you run on.

# %% tags=["predict"]
guess = exercises.predict(
    ...,
    question="Training photographs named rightly after ten epochs without shortcuts?",
    unit="%",
)

# %% [markdown]
# Now train: three runs of each.

# %%
networks, curves = {}, {}
for kind in ALL:
    found = [train_faces(kind, run) for run in range(RUNS)]
    networks[kind] = [net for net, _ in found]
    curves[kind] = np.stack([curve for _, curve in found])

# %% tolerance="20 points"
final = {}
for kind in KINDS:
    final[kind] = curves[kind][:, -1]
    in_words = ", ".join(f"{share:.0f} %" for share in final[kind])
    print(f"{kind}: at the end {in_words} of the training photographs named rightly")
guess.reveal(final["no shortcut"].mean(), ".0f")
best_without = final["no shortcut"].max()
worst_with = min(final["shortcut, scale 0.17"].min(), final["shortcut, scale 1"].min())

# %% [markdown]
# Epoch by epoch, the mean of three runs in the band from the lowest to the highest:

# %%
means, bands = {}, {}
for kind in KINDS:
    means[kind] = curves[kind].mean(axis=0)
    bands[kind] = (curves[kind].min(axis=0), curves[kind].max(axis=0))
figure = viz.lines(
    means,
    range(1, EPOCHS + 1),
    title="Without its shortcut, the same network learns far slower",
    xlabel="epoch",
    ylabel="named rightly, %",
    bands=bands,
)
alt = "Training accuracy over epochs: two curves rise high, the one without stays low."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "in every run far fewer are named without the shortcut",
    best_without + 20 < worst_with,
    best_without=best_without,
    worst_with=worst_with,
)

# %% [markdown]
# And people whom the network has never seen? Each run verifies 800 pairs of the ten people put aside.


# %%
def unseen(net, run):
    """Verification accuracy in %, with the threshold of the other folds."""
    _, test = data.split_by_identity(faces, n_test=10, seed=run)
    pairs = data.verification_pairs(test.labels, 800, seed=run)
    embeddings = training.embed(net, test, flip=True)
    scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
    return 100 * evaluation.kfold_accuracy(scores, pairs.same).mean


# %% tolerance="20 points"
strangers = {}
for kind in ALL:
    strangers[kind] = [unseen(networks[kind][run], run) for run in range(RUNS)]
    in_words = ", ".join(f"{accuracy:.0f} %" for accuracy in strangers[kind])
    print(f"{kind}: {in_words} of the pairs right")
with_scale = np.array(strangers["shortcut, scale 0.17"])
scale_1 = np.array(strangers["shortcut, scale 1"])
without = np.array(strangers["no shortcut"])

# %% [markdown]
# Run by run they saw the same people. So look at the differences.

# %% tolerance="6 points"
differences = {
    "shortcut (scale 1) - no shortcut": scale_1 - without,
    "scale 0.17 - scale 1": with_scale - scale_1,
}
of_mean, intervals = {}, {}
for name, difference in differences.items():
    interval = evaluation.mean_interval(difference)
    of_mean[name], intervals[name] = difference.mean(), (interval.low, interval.high)
    print(f"{name}: {of_mean[name]:.0f} points in the mean")
figure = viz.seeds_and_means(
    {name: difference.tolist() for name, difference in differences.items()},
    intervals,
    title="Unseen people: the shortcut helps, its scale makes no visible difference",
    xlabel="points of verification accuracy",
)
alt = "Two rows of three dots with intervals: the upper right of zero, the lower on it."
viz.show(figure, alt=alt)
lead, of_scale = list(of_mean.values())

# %% tags=["guard"]
guard(
    "strangers: far better with the shortcut in the mean, little difference by scale",
    lead > 6 and abs(of_scale) < 9,
    lead=lead,
    of_scale=of_scale,
)

# %% [markdown]
# The bars are the intervals of the means. From three runs they are wide:

# %% tolerance="20 points"
for name, (low, high) in intervals.items():
    print(f"{name}: {low:.0f} to {high:.0f} points")

# %% [markdown]
# **The shortcut**: Szegedy et al. were right, in every run here. Without it the same network named about a quarter of its
# training photographs, with it nine in ten, and strangers were told apart much better, too. A likely reason: without the
# shortcut every block must first learn to pass on what it was given.
#
# **The scale**: we saw no difference. That is no refutation: three runs could only have shown one of several points.
# And the authors needed it where a layer has more than a thousand filters (Szegedy et al. 2017); ours has at most 64.
#
# ## What the scale does at the start
#
# What the scale does at the **start** can be seen without training: how large do the numbers become, block after block?


# %%
@torch.no_grad()
def growth(scale, channels=256, blocks=20):
    """Standard deviation after each untrained block, relative to the input's."""
    torch.manual_seed(0)
    x = torch.randn(8, channels, 6, 6).relu()
    start, sizes = x.std(), []
    for _ in range(blocks):
        x = Block(channels, BLOCK_35, scale)(x)
        sizes.append((x.std() / start).item())
    return sizes


# %% tolerance="0.01"
grown = {}
for scale in (0.1, 0.17, 0.5, 1.0):
    grown[f"scale {scale}"] = growth(scale)
    print(f"scale {scale}: {grown[f'scale {scale}'][-1]:.2f} after twenty blocks")
figure = viz.lines(
    grown,
    range(1, 21),
    title="At the paper's scales untrained blocks keep the size of numbers",
    xlabel="block",
    ylabel="standard deviation, relative to the input",
)
alt = (
    "Four curves over twenty blocks: scales 0.1 and 0.17 stay at one, 1.0 rises to two."
)
viz.show(figure, alt=alt)
ends = [sizes[-1] for sizes in grown.values()]

# %% tags=["guard"]
guard(
    "small scales keep the size, scale 1 lets it grow",
    max(ends[0], ends[1]) < 1.1 and ends[1] < ends[2] < ends[3] and ends[3] > 1.5,
    ends=ends,
)

# %% [markdown]
# ## Summary
#
# - An Inception block is several branches side by side; a 1x1 in front makes each affordable.
# - Large kernels are split: a stack of 3x3, or a row and a column, sees the same window with fewer weights.
# - With the shortcut our networks named most of their photographs within a few epochs, without it far fewer. The scale
#   made no difference that our small runs could show.
# - The numbers of "Inception ResNet v3" fit Inception v3 with ImageNet's classifier and its auxiliary head still in it.
#   A number of parameters is a fingerprint: it can hint at what was counted.
#
# **Next**: [notebook 04f](04f_se_lresnet.ipynb), also optional, weighs the channels of a residual network. The core of the
# course goes on with [notebook 05](05_center_loss_digits.ipynb).
#
# ## What the papers report
#
# - Szegedy et al. (2016, CVPR) report 21.2 % top-1 error on ImageNet with Inception v3; Szegedy et al. (2017, AAAI) report
#   21.3 % with Inception-ResNet-v1, faster training with shortcuts, and instability without scaling above a
#   thousand filters.
# - Basch et al. ("Face Recognition in Deep Learning with Minimal Resources", Table 1) print 27M parameters without and
#   40.1M with the classification layer for "Inception ResNet v3".
