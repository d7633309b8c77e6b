# %% [markdown]
# # Inception: several kernels side by side
#
# How large should a kernel be? The Inception networks (Szegedy et al. 2016, 2017) do not choose: a block takes several
# sizes side by side, and training decides which to use. Inception-ResNet adds one thing more, the shortcut of notebook 03:
# what came in is added to what comes out. This sum has no weights and costs next to nothing. **What is it worth?** You
# will write the block, train it with and without its shortcut, see when it matters, and look for the reason.
#
# **What you will learn**
# - to write a block with branches, a join and a shortcut;
# - why a 7x7 kernel can become a 1x7 and a 7x1, and what that saves;
# - what the shortcut does for training, and how to look for the reason in signals and gradients;
# - to guess, from a number of parameters alone, what somebody has counted, and to test the guess.
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (how a face network is tested) and [notebook
# 03](03_convolution_costs.ipynb) (what a convolution costs, and what a shortcut is).
#
# **Time and place**: 1 minute to run, 110 minutes to read and do, 45 more for the open task. No GPU, no network, 1.3 GB of memory.

# %% tags=["imports"]
import numpy as np
import pandas as pd
import torch
from torch import nn

from course_lib import (
    backbones,
    cost,
    data,
    exercises,
    guard,
    losses,
    training,
    viz,
)

# %% [markdown]
# ## The block in one picture
#
# Here is a block of **Inception-ResNet-v1** (Szegedy et al. 2017), drawn from the library's network. Start at the input,
# which goes four ways: through three branches, and past all of them to the sum. That last way is the shortcut. The longest
# branch is drawn on the left; the tables below begin with the shortest.

# %% tags=["illustration"]
small_size = {"input_size": 75, "repeats": (1, 1, 1), "seed": 0}
library = backbones.create("inception_resnet_v1", **small_size)
block_35 = {"block 35": (library.blocks_35[0], (256, 17, 17))}
title = "A block: three branches, a join, a scale, a shortcut"
viz.show(*viz.block_diagram(block_35, title=title, roles={"join": "the join"}))

# %% [markdown]
# ## A branch
#
# The network has three kinds of block, named after the sides of their maps at the paper's image size: 35, 17 and 8. For
# faces of 160x160 pixels the sides are 17, 8 and 3. A block is a tuple of branches, and a branch a tuple of convolutions,
# each given by its channels and its kernel.

# %%
BLOCK_35 = (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (32, 3), (32, 3)))
BLOCK_17 = (((128, 1),), ((128, 1), (128, (1, 7)), (128, (7, 1))))
BLOCK_8 = (((192, 1),), ((192, 1), (192, (1, 3)), (192, (3, 1))))
for name, block in (("35", BLOCK_35), ("17", BLOCK_17), ("8", BLOCK_8)):
    stacked = sum(rows[-1][0] for rows in block)
    print(f"block {name}: {len(block)} branches, {stacked} channels side by side")

# %% [markdown]
# Every convolution of a branch has no bias, and batch norm and ReLU follow it. Notice how the branches with a large kernel
# begin: with a 1x1 that **narrows** first, so that the large kernel costs less. For block 35 we count what that saves.


# %%
def unit(c_in, c_out, kernel, stride=1, padding="same"):
    convolution = nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(c_out, eps=1e-3), nn.ReLU())


# %%
def branch(c_in, rows, last_stride=1):
    """The units of a branch in a row; a last one with a stride has no padding."""
    units = []
    for place, (c_out, kernel) in enumerate(rows, 1):
        stride = last_stride if place == len(rows) else 1
        padding = "same" if stride == 1 else 0
        units.append(unit(c_in, c_out, kernel, stride, padding))
        c_in = c_out
    return nn.Sequential(*units)


def kernel_weights(c_in, rows):
    """The weights of a branch's convolutions, without batch norm."""
    weights = [p.numel() for p in branch(c_in, rows).parameters() if p.ndim == 4]
    return sum(weights)


print(f"a 3x3 on all 256 channels: {kernel_weights(256, ((32, 3),)):,} weights")
print(f"narrowed to 32 first: {kernel_weights(256, BLOCK_35[1]):,} weights")

# %% [markdown]
# ## The block
#
# All branches see the same input $x$. What they give is stacked, channel upon channel. A 1x1 convolution with a bias, the
# **join**, brings it back to as many channels as $x$ has. The result is multiplied by a small number $s$, the scale, and
# added to $x$; a ReLU ends the block:
#
# $$y = \mathrm{ReLU}\big(x + s \cdot \mathrm{join}(b_1(x), b_2(x), \dots)\big).$$
#
# The next cell makes blocks small enough to try your code on: an input, some branches, their join, a scale, and whether
# there is a shortcut.


# %% tags=["imports"]
def tiny_block(rng):
    channels, *widths = rng.integers(1, 5, size=rng.integers(2, 5)).tolist()
    layers = [nn.Conv2d(channels, c, 1 + 2 * (c % 2), padding=c % 2) for c in widths]
    layers.append(nn.Conv2d(sum(widths), channels, 1))
    for weight in nn.ModuleList(layers).requires_grad_(False).parameters():
        weight.copy_(torch.from_numpy(rng.normal(size=weight.shape)))
    x = torch.from_numpy(rng.normal(size=(2, channels, 3, 4)))
    return x, layers[:-1], layers[-1], rng.uniform(0.1, 0.9), bool(rng.integers(2))


x, branches, join, scale, shortcut = tiny_block(np.random.default_rng(0))
print(f"x {tuple(x.shape)}, scale {scale:.2f}, shortcut: {'yes' if shortcut else 'no'}")
print(*branches, join, sep="\n")

# %% [markdown]
# ### Exercise 1: the block, before its ReLU
#
# Complete `block_sum`. It is what every block of this notebook will run, also in training.
# - `x` has the shape (N, C, H, W). `branches` are modules, one or more; each takes `x` itself.
# - Stack their outputs in the order of the branches, as `join`, a 1x1 convolution, expects them.
# - Multiply by `scale` what the join gives.
# - With `shortcut=True` add `x` itself; with `shortcut=False` return only what was scaled. No ReLU here.
#
# Solutions to this and the other exercises: [solutions/04e_inception.py](solutions/04e_inception.py).


# %% tags=["exercise"]
def block_sum(x, branches, join, scale, shortcut): ...


# %% tags=["check"]
def by_slices(x, branches, join, scale, shortcut):
    total, start = join.bias[:, None, None], 0
    for each in branches:
        seen = each(x)
        part = join.weight[:, start : start + seen.shape[1], 0, 0]
        total = total + torch.einsum("oc,nchw->nohw", part, seen)
        start += seen.shape[1]
    return x.mul(1 if shortcut else 0).add(total, alpha=scale)


hints = (
    "Call every branch with x. Along which axis do the channels of (N, C, H, W) lie?",
    "torch.cat([...], dim=1) stacks channels. The join comes next, then the scale.",
    "out = scale * join(torch.cat([b(x) for b in branches], 1)), and x + out, or out",
)
exercises.check(block_sum, by_slices, [], draw=tiny_block, hints=hints)

# %% [markdown]
# The block of this notebook runs your sum, as soon as there is one. Until then it falls back on `by_slices`, which the check
# above compares yours with. To see what the shortcut does we shall later leave it out.


# %%
class Block(nn.Module):
    def __init__(self, channels, rows, scale, shortcut=True, activation=True):
        super().__init__()
        self.branches = nn.ModuleList(branch(channels, row) for row in rows)
        self.join = nn.Conv2d(sum(row[-1][0] for row in rows), channels, 1)
        self.scale, self.shortcut, self.activation = scale, shortcut, activation

    def forward(self, x):
        inputs = x, self.branches, self.join, self.scale, self.shortcut
        out = block_sum(*inputs)
        if out is None:  # not written yet
            out = by_slices(*inputs)
        return torch.relu(out) if self.activation else out


# %% [markdown]
# Is it the block of the library? `backbones.percent_apart` puts the library's weights into ours, in order, gives both the
# same random input, and returns the largest difference of the outputs, in per cent of their largest number.

# %%
percent_apart = backbones.percent_apart
last = Block(1792, BLOCK_8, 1.0, activation=False)
blocks = {"35": Block(256, BLOCK_35, 0.17), "17": Block(896, BLOCK_17, 0.10)}
differs = {
    "35": percent_apart(blocks["35"], library.blocks_35[0], 256, 9, 9),
    "17": percent_apart(blocks["17"], library.blocks_17[0], 896, 5, 5),
    "8, the last": percent_apart(last, library.last_block, 1792, 3, 3),
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
# ## A large kernel in two strokes
#
# Block 17 has a 1x7 and then a 7x1. Together they see a 7x7 window. With nothing between them, and if a 7x7 kernel is a
# column times a row, they would compute **exactly** the same:
#
# $$K = c\,r^\top \quad\Rightarrow\quad K * x = c * (r * x).$$
#
# Many blurs, and vertical or horizontal edges and bars, are of this kind; most kernels are not. And in block 17 batch norm
# and ReLU stand between the two. So it has no 7x7 in disguise, but two layers that see as much as one, with far fewer
# weights.

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
# ### Exercise 2: what does a branch see?
#
# Given the kernels of a branch as a list of `(height, width)`, all with stride 1, return `(height, width, weights)`: the
# window of the image that one output sees, and the weights of all kernels together for one channel in and out.


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
# Three ways to see a window with 128 channels in and out: one square kernel, a stack of 3x3, and a row followed by a
# column. How do their weights grow with the side of the window?

# %%
SIDES, CHANNELS = [3, 5, 7, 9, 11], 128
by_side = {
    "one square kernel": [CHANNELS**2 * side**2 for side in SIDES],
    "a stack of 3x3": [CHANNELS**2 * 9 * (side - 1) // 2 for side in SIDES],
    "one row, then one column": [CHANNELS**2 * 2 * side for side in SIDES],
}
figure = viz.lines(
    {name: [n / 1e6 for n in weights] for name, weights in by_side.items()},
    SIDES,
    title="From a window of 5 on, both ways of splitting need fewer weights",
    xlabel="side of the window",
    ylabel="weights, million",
)
alt = "Three curves over the side: one square kernel grows steepest by far."
viz.show(figure, alt=alt)

# %% [markdown]
# For a 7x7 window, by the formulas and in branches that we build:

# %%
by_formula = [weights[2] for weights in by_side.values()]
for name, count in zip(by_side, by_formula, strict=True):
    print(f"{name}, 7x7: {count:,} weights")
ways = (((128, 7),), ((128, 3),) * 3, ((128, (1, 7)), (128, (7, 1))))
built = [kernel_weights(128, rows) for rows in ways]
print("built as branches:", *[f"{count:,}" for count in built])

# %% tags=["guard"]
guard(
    "the branches have as many weights as the formulas say, one square kernel most",
    built == by_formula and built[0] > 1.5 * built[1] > 2 * built[2],
    built=built,
    by_formula=by_formula,
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
v3_differs = percent_apart(BlockA(192), v3.inception.Mixed_5b, 192, 9, 9)
print(f"Inception v3's first block: differs from torchvision's by {v3_differs:.2f} %")

# %% tags=["guard"]
guard("the block is torchvision's", v3_differs < 0.004, v3_differs=v3_differs)

# %% [markdown]
# ## The whole Inception-ResNet-v1
#
# Two parts are missing. Before the blocks stands a **stem**, a row of plain convolutions. Between the piles of blocks stand
# *reductions*: branches whose last convolution has stride 2, with max pooling as one more branch.

# %%
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
REDUCTION_17 = (((384, 3),), ((192, 1), (192, 3), (256, 3)))
REDUCTION_8 = (
    ((256, 1), (384, 3)),
    ((256, 1), (256, 3)),
    ((256, 1), (256, 3), (256, 3)),
)

# %% [markdown]
# Drawn from the library's network, from top to bottom. Compare how the sides of the map and the channels change at a
# reduction, and that neither changes within a pile.

# %% tags=["illustration"]
title = "Inception-ResNet-v1, from the image to the embedding"
viz.show(*viz.network_diagram("inception_resnet_v1", title=title))

# %% [markdown]
# Both parts from their tables:


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
# Then the network is a list. Near its end stands **dropout**: in training it sets a random part of the numbers to zero, here
# six in ten, so that the last layer cannot rely on any single one. In evaluation it does nothing.


# %%
def inception_resnet_v1(embedding_dim=512, repeats=(5, 10, 5)):
    (n_35, n_17, n_8), (s_35, s_17, s_8) = repeats, (0.17, 0.10, 0.20)
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
whole_differs = percent_apart(whole, library, 3, 75, 75)
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
# What does it cost, beside Inception v3 and MobileFaceNet, each at the size that it was made for? A folded file holds the
# weights with batch norm folded in; "peak" is the most memory that activations take at once. The `meta` device gives us
# shapes without memory.


# %%
def counted(name, side, **options):
    with torch.device("meta"):
        net = backbones.create(name, input_size=side, **options)
        return cost.count(net, (side, side))


# %%
costs, rows = {}, []
for name, side in (
    ("inception_v3", 299),
    ("inception_resnet_v1", 160),
    ("mobilefacenet", 112),
):
    found = costs[name] = counted(name, side)
    megabytes = found.folded_fp32_bytes / 1e6, found.peak_fp32_bytes / 1e6
    macs = found.macs.conv_linear / 1e6
    rows.append((name, side, found.parameters / 1e6, macs, *megabytes))
columns = [
    "network",
    "pixels",
    "parameters, M",
    "multiply-adds, M",
    "folded file, MB",
    "peak, MB",
]
print(pd.DataFrame(rows, columns=columns).set_index("network").round(1).to_string())

# %% [markdown]
# And ours, counted as well:

# %%
with torch.device("meta"):
    ours = sum(p.numel() for p in inception_resnet_v1().parameters())
v3_macs = costs["inception_v3"].macs.conv_linear
resnet_macs = costs["inception_resnet_v1"].macs.conv_linear
print(f"our own Inception-ResNet-v1: {ours:,} parameters")
print(f"Inception v3 / Inception-ResNet-v1: {v3_macs / resnet_macs:.1f} times the MACs")
print(f"and {(299 / 160) ** 2:.1f} times the pixels")
times = ours / costs["mobilefacenet"].parameters
print(f"Inception-ResNet-v1 / MobileFaceNet: {times:.0f} times the parameters")

# %% [markdown]
# So the fourfold work of Inception v3 is mostly a matter of its larger image. And a network of this kind is no network for
# a small device.
#
# ## The network that does not exist
#
# Basch et al. compare three networks. In their text one is called "Inception ResNet v3". Their Table 1 has no such row: it
# prints "Inception v3 without classification layer", 27 million, and "with classification layer", 40.1 million. There is an
# Inception v3. There is an Inception-ResNet v1 and a v2. There is no Inception-ResNet v3. What did they count? We look at
# the numbers of two networks that it could be. The library has no Inception-ResNet-v2, so that one we do not count.

# %%
as_published = {"embedding_dim": 1000, "auxiliary_head": True}
counts = {
    "Inception v3, as published": counted("inception_v3", 299, **as_published),
    "Inception v3, 512-d": costs["inception_v3"],
    "Inception-ResNet-v1, 512-d": costs["inception_resnet_v1"],
}
for name, c in counts.items():
    print(f"{name:27} {c.parameters:11,} parameters")

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
# classifier, partway up, used in training only. Then the number "without classification layer" contains two of them.
#
# Does the other number fit? Suppose they took ImageNet's classifier off and put one for their own people in its place, and
# left all else as it was, auxiliary head included. Then the number of people decides how large the network is. And it
# must be the same number in the other rows of the table. The next cell makes such rows to try your code on.


# %% tags=["imports"]
def draw_table(rng):
    bias, people, rows = bool(rng.integers(2)), int(rng.integers(2000, 8000)), []
    for _ in range(int(rng.integers(1, 4))):
        step, features = int(rng.choice([100_000, 1_000_000])), 1000 - bias
        rest = 50_000 * int(rng.integers(2, 500))
        if rng.random() < 0.7:  # otherwise both ends may be met exactly
            rest, features = rng.integers([100_000, 600], [30_000_000, 9000]).tolist()
        total = rest + (people + int(rng.integers(-99, 100))) * (features + bias)
        rows.append(((total + step // 2) // step * step, step, rest, features))
    return rows, bias


print("rows of (printed, step, rest, features), and whether there is a bias:")
print(draw_table(np.random.default_rng(0)))

# %% [markdown]
# ### Exercise 3: how many people fit every row?
#
# `rows` are rows of a table, all for the same people, each `(printed, step, rest, features)`. The total `printed` is rounded
# to a multiple of `step`, and exactly half a step is rounded up. Without its classifier the network has `rest` parameters.
# The classifier is a fully connected layer from `features` numbers to the people, with a bias for each if `bias` is true.
# Return `(fewest, most)`, the smallest and the largest number of people that fit **every** row, or `()` if none does. All
# numbers are whole, and steps are even.


# %% tags=["exercise"]
def people_behind(rows, bias): ...


# %% tags=["check"]
def by_trying(rows, bias):
    crowds = np.arange(20_000)
    for printed, step, rest, features in rows:
        totals = rest + crowds * features + crowds * bias
        crowds = crowds[(totals + step // 2) // step * step == printed]
    return (int(crowds[0]), int(crowds[-1])) if len(crowds) else ()


first, second = (1_000_000, 100_000, 900_000, 999), (2_000_000, 1_000_000, 900_000, 999)
cases = [([first], True), ([first, second], True)]
hints = (
    "How many parameters does one more person cost? First do it for a single row.",
    "Round its fewest up; for its most, stay below the end. What do all rows allow?",
    "The largest of the fewest, the smallest of the most; () if they have crossed.",
)
exercises.check(people_behind, by_trying, cases, draw=draw_table, hints=hints)

# %% [markdown]
# For two rows of their table, each alone and together. MobiFace's parameters, and the 100,352 features under its classifier,
# are those of [notebook 04c](04c_mobiface.ipynb), a reconstruction as well.

# %%
INCEPTION = (40_100_000, 100_000, total - classifier, 2048)
MOBIFACE = (738_000_000, 1_000_000, 770_176, 100_352)
TABLES = {"Inception v3": [INCEPTION], "MobiFace": [MOBIFACE]}
TABLES["both"] = [INCEPTION, MOBIFACE]
people = {}
for bias in (True, False):
    for name, rows in TABLES.items():
        fitting = people_behind(rows, bias)
        if fitting is None:  # not written yet
            fitting = by_trying(rows, bias)
        people[name, bias] = fitting
        shown = f"{fitting[0]:,} to {fitting[1]:,} people" if fitting else "nobody"
        print(f"{name}, {'with' if bias else 'without'} biases: {shown}")

# %% tags=["guard"]
guard(
    "with biases no number fits both rows, without them 7,342 does",
    people["Inception v3", True][-1] == 7_339 < people["MobiFace", True][0] == 7_342
    and not people["both", True]
    and people["both", False][0] == people["both", False][-1] == 7_342,
    people=people,
)

# %% [markdown]
# About seven thousand people is what their text says, so our reading of Inception v3 fits its two numbers and their text.
# It does not fit the row of MobiFace: 7,291 to 7,339 people here, 7,342 to 7,351 there. Without biases the two meet, in
# exactly one number. So some assumption is wrong, and dropping the biases is one way to mend it, among others that we did
# not try. **A close fit shows that a reading is possible, not that it is true.**
#
# ## What the shortcut is worth
#
# Back to the question of the beginning. Szegedy et al. (2017) write that shortcuts accelerate the training of Inception
# networks. We isolate the shortcut: a small network of the same blocks, for grey photographs of 56x46 pixels, with as many
# blocks of kind 35 as of kind 17, and nothing changed but the $x +$. It has the same weights to learn either way. We count
# training photographs, since the question is how fast a network learns, not yet how well it does on strangers.

# %%
SIZE, DIM, WIDTH = (56, 46), 64, 32
faces = data.orl_faces().resized(*SIZE)


def narrowed(rows, factor):
    """The same branches with fewer channels."""
    branches = []
    for row in rows:
        branches.append(tuple((int(c * factor), kernel) for c, kernel in row))
    return tuple(branches)


# %%
def reduced(depth, shortcut, seed=0):
    """So many blocks 35 at 12x10 positions, and as many blocks 17 at 5x4."""
    torch.manual_seed(seed)
    first, second = narrowed(BLOCK_35, WIDTH / 256), narrowed(BLOCK_17, WIDTH / 512)
    return nn.Sequential(
        unit(1, WIDTH // 2, 3, 2, 0),
        unit(WIDTH // 2, WIDTH, 3, 2, 0),
        *(Block(WIDTH, first, 1.0, shortcut) for _ in range(depth)),
        unit(WIDTH, 2 * WIDTH, 3, 2, 0),
        *(Block(2 * WIDTH, second, 1.0, shortcut) for _ in range(depth)),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(2 * WIDTH, DIM),
        nn.BatchNorm1d(DIM, eps=1e-3),
    )


# %% [markdown]
# The recipe is that of notebook 02, ten epochs long; `training.fit` is the loop that you wrote there. The function returns
# the share of photographs named correctly in each epoch.


# %%
EPOCHS, BATCH, RATE = 10, 50, 0.1


def named_by_epoch(net, seed):
    """Train on thirty people of ORL; the share of photographs named correctly, in %."""
    train, _ = data.split_by_identity(faces, n_test=10, seed=seed)
    criterion = losses.Softmax(DIM, train.n_classes, seed=seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(weights, lr=RATE, momentum=0.9, weight_decay=5e-4)
    steps = EPOCHS * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    augment = data.Compose((data.RandomFlip(), data.RandomShift(3)))
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "augment": augment, "seed": seed}
    recipe |= {"schedule": schedule, "precision": "32-true"}
    history = training.fit(net, criterion, train, optimizer=optimizer, **recipe)
    return 100 * np.array(history["accuracy"])


# %% [markdown]
# First with five blocks of each kind, ten in all: two runs, each with its own people, first weights and order of the
# photographs.

# %% tolerance="20 points"
RUNS, KINDS = 2, {"shortcut": True, "no shortcut": False}
deep = {}
for name, shortcut in KINDS.items():
    curves = [named_by_epoch(reduced(5, shortcut, run), run) for run in range(RUNS)]
    deep[name] = np.stack(curves)
    each = ", ".join(f"{curve[-1]:.0f} %" for curve in curves)
    print(f"ten blocks, {name}: {each} named in the last epoch")

# %%
figure = viz.lines(
    {name: curves.mean(axis=0) for name, curves in deep.items()},
    range(1, EPOCHS + 1),
    title="Without its shortcut, the same network learns far slower",
    xlabel="epoch",
    ylabel="training photographs named, %",
    bands={name: (c.min(axis=0), c.max(axis=0)) for name, c in deep.items()},
    limits=(0, 100),
)
alt = "Training accuracy over epochs: with the shortcut it rises high, without it stays"
viz.show(figure, alt=f"{alt} low.")
worst_with = deep["shortcut"][:, -1].min()
best_without = deep["no shortcut"][:, -1].max()

# %% tags=["guard"]
guard(
    "with ten blocks far fewer are named without the shortcut, in either run",
    best_without + 20 < worst_with,
    best_without=best_without,
    worst_with=worst_with,
)

# %% [markdown]
# The lines are the means of both runs, the bands reach from one to the other. The worse run with the shortcut named far more
# than the better one without.
#
# Now take **one** block of each kind, two in all. How many points will leaving out the shortcut cost here? Write down a
# number first.

# %% tags=["predict"]
guess = exercises.predict(
    ...,
    question="Two blocks: how many points does leaving out x + cost in the last epoch?",
    unit="points",
)

# %% tolerance="20 points"
shallow = {}
for name, shortcut in KINDS.items():
    curves = [named_by_epoch(reduced(1, shortcut, run), run) for run in range(RUNS)]
    shallow[name] = np.stack(curves)[:, -1]
    each = ", ".join(f"{share:.0f} %" for share in shallow[name])
    print(f"two blocks, {name}: {each} named in the last epoch")
lost_of_two = shallow["shortcut"].mean() - shallow["no shortcut"].mean()
lost_of_ten = deep["shortcut"][:, -1].mean() - deep["no shortcut"][:, -1].mean()
guess.reveal(lost_of_two, ".0f")

# %% tags=["guard"]
guard(
    "leaving out the shortcut costs far more with ten blocks than with two",
    lost_of_ten > lost_of_two + 20,
    lost_of_ten=lost_of_ten,
    lost_of_two=lost_of_two,
)

# %% [markdown]
# With two blocks leaving out the shortcut cost a few points, with ten it cost most of what was learned. So blocks with a
# shortcut are hardly better blocks. The shortcut lets **many** of them be trained one behind the other, at this learning
# rate. One caveat: two runs show a difference as large as that of ten blocks; the small one of two blocks needs more runs
# to be sure of.
#
# ## Why? Look at signals and gradients
#
# The learning rate is the same for all weights. So it fits them all only if their gradients are of a similar size, measured
# by the weights that they are to change. We take the untrained networks and one batch, and look at three things in each
# block: the length of the join's gradient over that of its weights; the spread of its input, a standard deviation; and by
# what factor the gradient gets longer on its way back through the branches. `register_forward_hook` has PyTorch call
# `keep` with what a block took and gave.


# %%
def look_inside(shortcut):
    """Three numbers for each of ten untrained blocks: (3, 10)."""
    net, seen, found = reduced(5, shortcut), [], []

    def keep(block, inputs, out):
        inputs[0].retain_grad()
        out.retain_grad()
        seen.append((block.join.weight, inputs[0], out))

    for block in filter(lambda layer: isinstance(layer, Block), net):
        block.register_forward_hook(keep)
    images, labels = data.normalise(faces.images[::4]), faces.labels[::4]
    criterion = losses.Softmax(DIM, faces.n_classes, seed=0)
    criterion(net(images), labels).total.backward()
    for weight, x, out in seen:
        past = out.grad * (out > 0)  # the gradient behind the sum, before the ReLU
        branches = (x.grad - past if shortcut else x.grad).norm() / past.norm()
        relative = weight.grad.norm() / weight.detach().norm()
        found.append([relative, x.detach().std(), branches])
    return torch.tensor(found).numpy().T


# %% tolerance="0.01"
gradients, uneven, typical = {}, {}, {}
for name, shortcut in KINDS.items():
    gradients[name], *others = look_inside(shortcut)
    first, last = gradients[name][[0, -1]]
    uneven[name], typical[name] = first / last, np.median(others, axis=1)
    print(f"{name}: gradient / weights {first:.2f} in the first block,", end=" ")
    print(f"{last:.2f} in the last, {uneven[name]:.0f} times as much")
    spread, branches = typical[name]
    print(f"  median of the blocks: spread of the input {spread:.2f},", end=" ")
    print(f"gradient times {branches:.1f} by the branches")
title = "Without shortcuts, early blocks get far larger gradients"
labels = {"xlabel": "block", "ylabel": "gradient / weights"}
figure = viz.lines(gradients, range(1, 11), title=title, **labels, log_y=True)
ticks = [0.03, 0.1, 0.3, 1, 3, 10]
figure.axes[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
alt = "Two falling curves over ten blocks on a logarithmic axis; the one without the"
viz.show(figure, alt=f"{alt} shortcut falls far more steeply.")

# %% tags=["guard"]
guard(
    "without the shortcut gradients are uneven, inputs small, and branches amplify",
    uneven["no shortcut"] > 10 * uneven["shortcut"]
    and typical["no shortcut"][0] < 0.5 * typical["shortcut"][0]
    and typical["no shortcut"][1] > 2 > 1 > typical["shortcut"][1] > 0.7,
    uneven=uneven,
    typical=typical,
)

# %% [markdown]
# On its way back from the loss, the gradient passes one block after the other, and the factors multiply. Without the
# shortcut the join of the first block gets, for its weights, 69 times the gradient of the last; with the shortcut 4 times.
# A step that is right for the last block is then far too long for the first.
#
# Where does the difference come from? Without the shortcut a block's input is no more than what the last join gave, and
# small: a spread of 0.27 against 0.65. In each branch the first batch norm divides by the spread of what it gets, so on
# the way back it **multiplies** the gradient. In a typical block the branches make it 2.3 times as long. With the shortcut
# the input stays large, and the branches multiply by 0.8. So it is not that most of the gradient goes past the blocks: the
# part that comes through them is nearly as long. But the shortcut keeps the signal at a size at which they do not amplify.
#
# ### Explain: why does the sum help the gradient?
#
# Let a block compute $y = x + f(x)$. What is the derivative of $y$ with respect to $x$, and what is it without the $x +$?
# With the shortcut the branches alone multiply the gradient by about 0.8. Why is the sum then not $1 + 0.8$ times as long?
# And why did leaving out the shortcut cost so little with two blocks?
#
# <details><summary>Model answer</summary>
#
# With the shortcut the derivative is $1 + f'$, without it $f'$. So two gradients come back and are added: one past the
# branches, of length 1, and one through them, of length 0.8. They point in directions that have little to do with each
# other, so their lengths add like the sides of a right triangle: $\sqrt{1 + 0.8^2} \approx 1.3$. Without the $x +$ there are
# only the branches, with 2.3 in a typical block. (In both networks the ReLU behind the sum lets only a part pass.) Such
# factors multiply. Two of them cannot go far wrong, ten can: that is why depth decides what a shortcut is worth.
#
# </details>
#
# ## What the scale does
#
# Szegedy et al. (2017) scale what a block adds, by 0.1 to 0.3, because networks with more than a thousand filters in a layer
# became unstable. Our small network learned without it, at scale 1. What the scale does can be seen before any training:
# how large do the numbers become, block after block, in a block as wide as the paper's?


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
    ylabel="spread / spread of input",
)
figure.axes[0].set_xticks([1, 5, 10, 15, 20])
alt = "Four curves over twenty blocks: scales 0.1 and 0.17 stay at one, 1.0 rises to"
viz.show(figure, alt=f"{alt} two.")
ends = [sizes[-1] for sizes in grown.values()]

# %% tags=["guard"]
guard(
    "small scales keep the size, scale 1 lets it grow",
    max(ends[0], ends[1]) < 1.1 and ends[1] < ends[2] < ends[3] and ends[3] > 1.5,
    ends=ends,
)

# %% [markdown]
# At scale 1 the numbers double over twenty blocks, which does no harm; at the paper's scales they keep their size. For the
# gradient the derivative of a block becomes $1 + s f'$, so a small $s$ keeps every factor near 1. The instability of wide
# networks comes in training, and is not shown here.
#
# ### Open task: is it just the learning rate? (45 minutes)
#
# If gradients of unequal size are to blame, there are other cures: a smaller learning rate, or batch norm behind the join,
# which keeps the numbers in order. Try both with ten blocks and no shortcut. Does either come near the network with the
# shortcut, after as many epochs? Write a paragraph with a figure that somebody else can trust.
#
# | What counts | Points |
# |---|---|
# | you said beforehand what you expect and why, and drew the figure of the gradients for each cure, without training | 2 |
# | at least three learning rates, the network with the shortcut also tried at each of them | 2 |
# | same people, photographs and seeds in each pair of runs; every run is shown, at least three for each setting | 2 |
# | judged on strangers too, as in notebook 02, not only on the training photographs | 2 |
# | the paragraph says what your runs could not have found | 1 |

# %% [markdown]
# ## Summary
#
# - An Inception block is several branches side by side; a 1x1 in front makes each affordable.
# - Large kernels are split: a stack of 3x3, or a row and a column, sees the same window with fewer weights.
# - With ten blocks, at this learning rate, the network with shortcuts named most of its photographs within ten epochs,
#   without them far fewer. With two blocks the shortcut mattered little.
# - A likely reason can be seen before training: without shortcuts the signal gets small, batch norm makes up for it, and the
#   gradient grows from block to block on its way back.
# - The numbers of "Inception ResNet v3" fit Inception v3 with ImageNet's classifier and its auxiliary head still in it, but
#   not the same people as the next row of the table. A number of parameters can hint at what was counted, and no more.
#
# **What you can do with it**: when a deep network does not learn, compare gradients with weights, layer by layer, and try
# `x +` around any pile of layers that keeps the shape.
#
# **Next**: [notebook 04f](04f_se_lresnet.ipynb), also optional, weighs the channels of a residual network. The core of the
# course goes on with [notebook 05](05_center_loss_digits.ipynb).
#
# ## What the papers report
#
# - Szegedy et al. (2016, CVPR, abstract) report 21.2 % top-1 error on ImageNet with a network of "5 billion multiply-adds per
#   inference" and "less than 25 million parameters", Inception v3.
# - Szegedy et al. (2017, AAAI, abstract) report that "training with residual connections accelerates the training of
#   Inception networks significantly", and "some evidence" of a lower error "by a thin margin".
# - Basch et al. ("Face Recognition in Deep Learning with Minimal Resources", Table 1) print 27 million parameters for
#   "Inception v3 without classification layer" and 40.1 million for "Inception v3 with classification layer"; their text calls
#   the network "Inception ResNet v3", "which has around 25 million parameters".
