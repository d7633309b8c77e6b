# %% [markdown]
# # Inception: several kernels side by side
#
# How large should a kernel be? The Inception networks (Szegedy et al. 2016, 2017) answer: take several, side by side,
# and let training decide. To afford that they split large kernels into small and one-sided ones. Later they also got
# shortcuts (Inception-ResNet). We build the block, find out what the shortcut is worth, and
# check a table in which a network appears that does not exist.
#
# **What you will learn**
# - to write a block with branches as a table;
# - why a 7x7 kernel can become a 1x7 and a 7x1, and what that saves;
# - what the shortcut does for training, and what its scale does;
# - to find out, from a number of parameters alone, what somebody has counted.
#
# **What you need before**: notebook 03 (what a convolution costs) and notebook 06 (how a face network is tested).
#
# **Time and place**: 1 minute to run, 30 minutes to read and do. No GPU, no network, about 1 GB of memory.

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
    losses,
    training,
    viz,
)

# %% [markdown]
# ## The table
#
# **Inception-ResNet-v1** (Szegedy et al. 2017). A block is a tuple of branches, a branch a tuple of convolutions, each
# given by its channels and its kernel. The names 35, 17 and 8 are the sides of the maps for the paper's image size.
# Between the stages stand *reductions*, whose last convolutions have stride 2; there, max pooling is one branch more.

# %%
BLOCK_35 = (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (32, 3), (32, 3)))
BLOCK_17 = (((128, 1),), ((128, 1), (128, (1, 7)), (128, (7, 1))))
BLOCK_8 = (((192, 1),), ((192, 1), (192, (1, 3)), (192, (3, 1))))
REDUCTION_17 = (((384, 3),), ((192, 1), (192, 3), (256, 3)))
REDUCTION_8 = (
    ((256, 1), (384, 3)),
    ((256, 1), (256, 3)),
    ((256, 1), (256, 3), (256, 3)),
)
# channels, kernel, stride, padding
STEM = (
    (32, 3, 2, 0),
    (32, 3, 1, 0),
    (64, 3, 1, 1),
    "pool",
    (80, 1, 1, 0),
    (192, 3, 1, 0),
    (256, 3, 2, 0),
)
REPEATS, SCALES = (5, 10, 5), (0.17, 0.10, 0.20)

# %% [markdown]
# ## One unit, one branch
#
# Every convolution has no bias and is followed by batch norm and ReLU. Notice how the blocks' branches
# with a large kernel begin: with a 1x1 that **narrows** first, so that the large kernel costs less.


# %%
def unit(c_in, c_out, kernel, stride=1, padding="same"):
    convolution = nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(c_out, eps=1e-3), nn.ReLU())


# %%
def branch(c_in, rows, last_stride=1):
    widths = [c_in, *(c for c, _ in rows)]
    strides = [1] * (len(rows) - 1) + [last_stride]
    return nn.Sequential(
        *(
            unit(before, c, kernel, stride, "same" if stride == 1 else 0)
            for before, (c, kernel), stride in zip(widths, rows, strides, strict=False)
        )
    )


# %% [markdown]
# ## The block
#
# The branches see the same input. Their outputs are stacked, a 1x1 convolution **joins** them, and the result is scaled
# and added to the input:
#
# $$y = \mathrm{ReLU}\big(x + s \cdot \mathrm{join}(b_1(x), b_2(x), \dots)\big).$$
#
# An Inception block without a shortcut is the same with the $x$ left out.


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


# %%
def same(mine, theirs, *shape):
    """Give `mine` the weights of `theirs`, and compare what they make of random images of that shape."""
    pairs = zip(mine.state_dict().values(), theirs.state_dict().values(), strict=True)
    for my_tensor, their_tensor in pairs:
        my_tensor.copy_(their_tensor)
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    return torch.allclose(mine.eval()(x), theirs.eval()(x), atol=1e-4)


# %%
library = backbones.create(
    "inception_resnet_v1", input_size=75, repeats=(1, 1, 1), seed=0
)
assert same(Block(256, BLOCK_35, 0.17), library.blocks_35[0], 256, 9, 9)
assert same(Block(896, BLOCK_17, 0.10), library.blocks_17[0], 896, 5, 5)
assert same(Block(1792, BLOCK_8, 1.0, activation=False), library.last_block, 1792, 3, 3)
print("three kinds of block: same weights, same output as the library's")

# %% [markdown]
# ## A large kernel in two strokes
#
# Block 17 has a 1x7 and then a 7x1. Together they see a 7x7 window. If a 7x7 kernel is a column times a row, the two
# compute **exactly** the same:
#
# $$K = c\,r^\top \quad\Rightarrow\quad K * x = c * (r * x).$$
#
# Blurs, edges and bars are of this kind. Most kernels are not, but nobody knows which ones a network needs.

# %%
column, row = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
x = torch.randn(1, 1, 20, 20, generator=torch.Generator().manual_seed(1))
in_one = nn.functional.conv2d(x, torch.outer(column, row)[None, None])
in_two = nn.functional.conv2d(
    nn.functional.conv2d(x, row[None, None, None]), column[None, None, :, None]
)
assert torch.allclose(in_one, in_two, atol=1e-4)
print(f"one 7x7 kernel: {7 * 7} weights; 1x7 and 7x1: {7 + 7}")


# %%
def weights_figure(channels):
    """Weights of a window of side 3 to 11, in one stroke, as a stack of 3x3, and as two one-sided kernels."""
    sides = [3, 5, 7, 9, 11]
    series = {
        "one square kernel": [channels**2 * side**2 for side in sides],
        "a stack of 3x3": [channels**2 * 9 * (side - 1) // 2 for side in sides],
        "one row, then one column": [channels**2 * 2 * side for side in sides],
    }
    title = f"Weights that see a window, {channels} channels in and out"
    return viz.lines(
        series, sides, title=title, xlabel="side of the window", ylabel="weights"
    )


viz.show(
    weights_figure(128),
    alt="Three curves over the side of the window: one square kernel grows with the square, the two others along lines.",
)
built = [
    branch(128, rows)
    for rows in (((128, 7),), ((128, 3),) * 3, ((128, (1, 7)), (128, (7, 1))))
]
convolutions = [
    sum(m.weight.numel() for m in net.modules() if isinstance(m, nn.Conv2d))
    for net in built
]
assert convolutions == [128**2 * 49, 128**2 * 27, 128**2 * 14]

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(weights_figure, [16, 32, 64, 128, 192], label="channels", start=128)

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
        self.branches = nn.ModuleList(
            branch(channels, rows) for rows in BLOCK_A.values()
        )
        self.pool = nn.AvgPool2d(3, stride=1, padding=1)

    def forward(self, x):
        *others, last = self.branches
        return torch.cat([*(b(x) for b in others), last(self.pool(x))], 1)


v3 = backbones.create("inception_v3", input_size=75, embedding_dim=8, seed=0)
assert same(BlockA(192), v3.inception.Mixed_5b, 192, 9, 9)
print("Inception v3's first block: same weights, same output as torchvision's")

# %% [markdown]
# ## The whole Inception-ResNet-v1


# %%
def stem(c_in):
    layers = []
    for row in STEM:
        layers.append(nn.MaxPool2d(3, 2) if row == "pool" else unit(c_in, *row))
        c_in = c_in if row == "pool" else row[0]
    return nn.Sequential(*layers)


# %%
class Reduction(nn.Module):
    def __init__(self, channels, rows):
        super().__init__()
        self.branches = nn.ModuleList(
            [
                *(branch(channels, row, last_stride=2) for row in rows),
                nn.MaxPool2d(3, 2),
            ]
        )

    def forward(self, x):
        return torch.cat([b(x) for b in self.branches], 1)


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


assert same(inception_resnet_v1(repeats=(1, 1, 1)), library, 3, 75, 75)
print("the network from the table: same weights, same output as the library's")

# %% [markdown]
# ## The network that does not exist
#
# Basch et al. compare three networks. One is called "Inception ResNet v3", with 27M parameters "without" and
# 40.1M "with the classification layer". There is an Inception v3. There is an Inception-ResNet v1 and a v2. There is no
# Inception-ResNet v3. What did they count? We take what it could be and look at the numbers. The `meta` device gives us
# shapes without memory.


# %%
def counted(name, side, **options):
    with torch.device("meta"):
        return cost.count(
            backbones.create(name, input_size=side, **options), (side, side)
        )


counts = {
    "Inception v3, as published": counted(
        "inception_v3", 299, embedding_dim=1000, auxiliary_head=True
    ),
    "Inception v3, 512-d": counted("inception_v3", 299),
    "Inception-ResNet-v1, 512-d": counted("inception_resnet_v1", 160),
}

# %%
for name, c in counts.items():
    print(
        f"{name:27} {c.parameters:11,} parameters, {c.macs.conv_linear / 1e9:.2f} billion multiply-adds"
    )
with torch.device("meta"):
    ours = inception_resnet_v1()
assert (
    sum(p.numel() for p in ours.parameters())
    == counts["Inception-ResNet-v1, 512-d"].parameters
    == 23_482_624
)

# %%
published = counts["Inception v3, as published"]
classifier, auxiliary = 2048 * 1000 + 1000, published.unused_parameters
body = published.parameters - classifier - auxiliary
print(
    f"Inception v3: {body:,} body + {auxiliary:,} auxiliary head + {classifier:,} ImageNet classifier"
)
print(
    f"            = {published.parameters:,}, which rounds to {round(published.parameters / 1e6)}M"
)
assert published.parameters == 27_161_264

# %% [markdown]
# **27M** fits Inception v3 as it is published, with ImageNet's classifier **and** the auxiliary head: a second
# classifier, partway up, used in training only. Then the number "without the classification layer" contains two.
#
# Does the other number fit? If the last layer is replaced by one of $N$ people and all else stays, the network has
# $27.161\text{M} - 2.049\text{M} + 2049 N$ parameters. Which $N$ give what rounds to 40.1M?

# %%
low, high = (
    (printed - (published.parameters - classifier)) / 2049
    for printed in (40.05e6, 40.15e6)
)
people = range(math.ceil(low), math.floor(high) + 1)
print(f"40.1M means between {people[0]:,} and {people[-1]:,} people")
assert 7_000 < people[0] < people[-1] < 7_500

# %% [markdown]
# "About 7,000" people is what their text says. So both numbers agree with **one** reading: Inception v3, auxiliary head
# included. That is a reading, not a proof: we counted three networks.
#
# And the cost? Mind the sizes: we counted Inception v3 at 299x299 pixels and Inception-ResNet-v1 at 160x160. So the
# first factor below does not say which is the better bargain: the second one explains a good part of it.

# %%
ratio = (
    counts["Inception v3, 512-d"].macs.conv_linear
    / counts["Inception-ResNet-v1, 512-d"].macs.conv_linear
)
small = cost.count(backbones.create("mobilefacenet"), (112, 112))
print(f"Inception v3 / Inception-ResNet-v1: {ratio:.1f} times the multiply-adds")
print(f"and {(299 / 160) ** 2:.1f} times the pixels")
times = counts["Inception-ResNet-v1, 512-d"].parameters / small.parameters
print(f"Inception-ResNet-v1 / MobileFaceNet: {times:.0f} times the parameters")

# %% [markdown]
# ## What the shortcut is worth
#
# Szegedy et al. (2017) claim that shortcuts accelerate the training of Inception networks. They also scale what a block
# adds, so that many blocks do not make it grow without bound. Both claims can be tried: a reduced network from the same
# blocks, with shortcuts and the paper's scale, with shortcuts and scale 1, and without shortcuts.

# %%
SIZE, DIM, WIDTH, DEPTH, RUNS, EPOCHS, BATCH, RATE = (56, 46), 64, 32, 5, 3, 10, 50, 0.1
faces = data.orl_faces().resized(*SIZE)


def narrowed(rows, factor):
    return tuple(
        tuple((max(1, int(c * factor)), kernel) for c, kernel in row) for row in rows
    )


def reduced(shortcut, scale):
    """Blocks 35 and 17 at a small width: 12x10 positions, then 5x4."""
    small, large = narrowed(BLOCK_35, WIDTH / 256), narrowed(BLOCK_17, WIDTH / 512)
    return nn.Sequential(
        unit(1, WIDTH // 2, 3, 2, 0),
        unit(WIDTH // 2, WIDTH, 3, 2, 0),
        *(Block(WIDTH, small, scale, shortcut) for _ in range(DEPTH)),
        unit(WIDTH, 2 * WIDTH, 3, 2, 0),
        *(Block(2 * WIDTH, large, scale, shortcut) for _ in range(DEPTH)),
        nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(2 * WIDTH, DIM),
            nn.BatchNorm1d(DIM, eps=1e-3),
        ),
    )


# %%
KINDS = {
    "shortcut, scale 0.17": (True, 0.17),
    "shortcut, scale 1": (True, 1.0),
    "no shortcut": (False, 1.0),
}


def new_network(kind, run):
    if kind == "MobileFaceNet":
        return backbones.create(
            "mobilefacenet",
            width=0.2,
            embedding_dim=DIM,
            input_size=SIZE,
            in_channels=1,
            seed=run,
        )
    torch.manual_seed(run)
    return reduced(*KINDS[kind])


for kind in (*KINDS, "MobileFaceNet"):
    c = cost.count(new_network(kind, 0), SIZE, in_channels=1)
    print(
        f"{kind:20} {c.parameters:7,} parameters, {c.macs.conv_linear / 1e6:.1f} million multiply-adds"
    )


# %%
def train_faces(kind, run):
    people, _ = data.split_by_identity(faces, n_test=10, seed=run)
    net, criterion = (
        new_network(kind, run),
        losses.Softmax(DIM, people.n_classes, seed=run),
    )
    optimizer = torch.optim.SGD(
        [*net.parameters(), *criterion.parameters()],
        lr=RATE,
        momentum=0.9,
        weight_decay=5e-4,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=EPOCHS * -(-len(people) // BATCH)
    )
    augment = data.Compose((data.RandomFlip(), data.RandomShift(3)))
    recipe = {
        "schedule": schedule,
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "augment": augment,
        "seed": run,
    }
    history = training.fit(
        net, criterion, people, optimizer=optimizer, **recipe, precision="32-true"
    )
    return net, np.array(history["accuracy"])


def unseen(net, run):
    """Verification accuracy on people that were put aside, with the threshold of the other folds."""
    _, test = data.split_by_identity(faces, n_test=10, seed=run)
    pairs = data.verification_pairs(test.labels, 800, seed=run)
    scores = evaluation.cosine_scores(
        training.embed(net, test, flip=True), pairs.left, pairs.right
    )
    return evaluation.kfold_accuracy(scores, pairs.same).mean


networks = {
    kind: [train_faces(kind, run) for run in range(RUNS)]
    for kind in (*KINDS, "MobileFaceNet")
}
print({kind: len(runs) for kind, runs in networks.items()})

# %%
curves = {kind: np.stack([curve for _, curve in networks[kind]]) for kind in KINDS}
viz.show(
    viz.lines(
        {kind: values.mean(axis=0) for kind, values in curves.items()},
        list(range(1, EPOCHS + 1)),
        title="Without its shortcut, the same network learns far slower (mean and range)",
        xlabel="epoch",
        ylabel="training photographs named rightly",
        bands={
            kind: (values.min(axis=0), values.max(axis=0))
            for kind, values in curves.items()
        },
    ),
    alt="Training accuracy over epochs: both curves with shortcuts rise to nearly one, the one without stays far below.",
)
final = {kind: values[:, -1] for kind, values in curves.items()}
assert (
    final["no shortcut"].max()
    < 0.5
    < 0.75
    < min(final["shortcut, scale 0.17"].min(), final["shortcut, scale 1"].min())
)

# %%
strangers = {
    kind: [unseen(net, run) for run, (net, _) in enumerate(runs)]
    for kind, runs in networks.items()
}
intervals = {
    kind: evaluation.mean_interval(values) for kind, values in strangers.items()
}
viz.show(
    viz.seeds_and_means(
        strangers,
        {kind: (interval.low, interval.high) for kind, interval in intervals.items()},
        title="Unseen people: better with a shortcut on average; no difference seen by its scale",
        xlabel="verification accuracy on people put aside",
    ),
    alt="Dots of three runs for four networks. Both with shortcuts and MobileFaceNet are close; without shortcut is lower.",
)
lead = np.subtract(strangers["shortcut, scale 0.17"], strangers["no shortcut"])
assert (
    lead.mean() > 0.02
    and abs(np.subtract(*(strangers[kind] for kind in list(KINDS)[:2])).mean()) < 0.06
)
print("better than without shortcut, on average:", bool(lead.mean() > 0))

# %% [markdown]
# **The shortcut**: right, in every run here. The three networks have the same weights to learn and the same cost. A
# likely reason: without the shortcut every block must first learn to pass on what it was given.
#
# **The scale**: we see no difference. That is no refutation. The authors needed it where a layer has more than a
# thousand filters (Szegedy et al. 2017); ours is narrow, and batch norm stands in every branch. What the scale does
# at the **start** can be seen without training: how large do the numbers become, block after block?


# %%
@torch.no_grad()
def growth(scale, channels=256, blocks=20):
    """The standard deviation of what comes out of each of many untrained blocks, divided by that of what went in."""
    torch.manual_seed(0)
    x = torch.randn(8, channels, 6, 6).relu()
    start, sizes = x.std(), []
    for _ in range(blocks):
        x = Block(channels, BLOCK_35, scale)(x)
        sizes.append((x.std() / start).item())
    return sizes


grown = {f"scale {scale}": growth(scale) for scale in (0.1, 0.17, 0.5, 1.0)}
viz.show(
    viz.lines(
        grown,
        list(range(1, 21)),
        title="At the paper's scales untrained blocks keep the size of numbers",
        xlabel="block",
        ylabel="standard deviation, relative to the input",
    ),
    alt="Four curves over twenty blocks: scales 0.1 and 0.17 stay at one, 0.5 rises a little, 1.0 rises to about two.",
)
ends = [sizes[-1] for sizes in grown.values()]
assert max(ends[:2]) < 1.1 < ends[2] < ends[3] and ends[3] > 1.5

# %% [markdown]
# ## Exercises
#
# Solutions: [solutions/04e_inception.py](solutions/04e_inception.py).
#
# ### Exercise 1: what does a branch see?
#
# Given the kernels of a branch as a list of `(height, width)`, all with stride 1, return `(height, width, weights)`: the
# window of the image that one output sees, and the weights of all kernels together for one channel in and out.


# %% tags=["exercise"]
def window_and_weights(kernels): ...


# %% tags=["check"]
def by_gradient(kernels):
    x = torch.ones(1, 1, 25, 25, requires_grad=True)
    out, weights = x, 0
    for kernel in kernels:
        filters = torch.ones(1, 1, *(int(side) for side in kernel))
        out, weights = nn.functional.conv2d(out, filters), weights + filters.numel()
    out[0, 0, 0, 0].backward()
    seen = (x.grad[0, 0] != 0).nonzero().max(dim=0).values + 1
    return float(seen[0]), float(seen[1]), float(weights)


exercises.check(
    window_and_weights,
    by_gradient,
    [([(3, 3), (3, 3)],), ([(1, 7), (7, 1)],), ([(1, 1), (5, 5)],)],
    hint="Each kernel adds its side less one to the window, which begins as a single pixel. Weights add up.",
)

# %% [markdown]
# ### Exercise 2: how many people?
#
# A table prints the parameters of a network with and without its classifier: a fully connected layer, with biases, from
# `features` numbers to the people. How many people (a number, not rounded)?


# %% tags=["exercise"]
def people_behind(parameters_with, parameters_without, features): ...


# %% tags=["check"]
def by_division(parameters_with, parameters_without, features):
    return (parameters_with - parameters_without) / (features + 1)


exercises.check(
    people_behind,
    by_division,
    [
        (1_123_000.0, 100_000.0, 512),
        (27_161_264.0, 25_112_264.0, 2048),
        (157e6, 127e6, 4096),
    ],
    hint="Each person has one weight for each feature, and one bias.",
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
# ## What the papers report
#
# - Szegedy et al. (2016, CVPR) report 21.2 % top-1 error on ImageNet with Inception v3; Szegedy et al. (2017, AAAI) report
#   21.3 % with Inception-ResNet-v1, faster training with shortcuts, and instability without scaling above a
#   thousand filters.
# - Basch et al. ("Face Recognition in Deep Learning with Minimal Resources", Table 1) print 27M parameters without and
#   40.1M with the classification layer for "Inception ResNet v3".
