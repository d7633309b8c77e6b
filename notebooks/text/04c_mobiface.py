# %% [markdown]
# # MobiFace: what a head can weigh
#
# A face network ends in a map: 512 channels at 7x7 places, say. A **head** turns that map into one embedding, and there are
# three ways to do it. One of them takes the mean of each channel, and has no weights at all. Another connects everything
# with everything, and then weighs more than five times as much as the rest of the network. **Which of them fits the
# numbers that a paper prints?**
#
# MobiFace (Duong et al. 2019) is a small network for recognising faces on mobile devices, built from MobileFaceNet's
# blocks. Its table ends in the heavy head, and its printed size of 9.3 MB leaves no room for it. We build it, write the
# three heads, and find out which one fits the printed size.
#
# **What you will learn**
# - three heads as one formula, written by you, and what each weighs;
# - how flattening makes a layer grow with the picture;
# - what each head can know about places, and what follows for faces that are not aligned;
# - to find a reading behind a printed number, and why a close fit does not prove it.
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (training, pairs of unseen people, paired runs) and
# [notebook 03](03_convolution_costs.ipynb) (inverted residuals, global depthwise convolution).
#
# **Time and place**: 1 minute to run, 75 minutes to read and do, 45 more for the open task. No GPU, no network, 1.1 GB of memory.

# %% tags=["imports"]
from bisect import bisect_left

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import (
    backbones,
    cost,
    exercises,
    guard,
    viz,
)

# %% tags=["illustration"]
title = "MobiFace, stage by stage, with the last layer that its table has"
viz.show(*viz.network_diagram("mobiface", title=title))

# %% [markdown]
# The diagram is drawn from the library's network. The t of an inverted residual is its expansion, and a pile stands for
# several equal blocks. Look at the last box and its bar: that is the head.
#
# ## The body
#
# Duong et al. (2019) print the widths themselves: how many channels inside a block, how many come out. "Block" halves the
# map, "RBlock" keeps it and adds its input. The expansion, inside over **input**, we compute.

# %%
TABLE = (
    # blocks, inside, out, stride
    (1, 128, 64, 2),
    (2, 128, 64, 1),
    (1, 256, 128, 2),
    (3, 256, 128, 1),
    (1, 512, 256, 2),
    (6, 512, 256, 1),
)
channels, expansions = 64, []
for blocks, inside, out, stride in TABLE:
    expansions.append(inside // channels)
    widths = f"{channels:3} -> {inside:3} -> {out:3} channels"
    print(f"{blocks} x stride {stride}: {widths}, expansion {expansions[-1]}")
    channels = out

# %% [markdown]
# The paper's text says "expansion 2". Counted as MobileNetV2 counts, two of the blocks that halve the map expand by 4: they
# go from 64 to 256 and from 128 to 512 inside. We build what the table says.
#
# A block is the inverted residual of MobileFaceNet: a 1x1 convolution, a depthwise 3x3, a linear 1x1. A batch norm follows
# every convolution, and a PReLU every one but the last of a block.


# %%
def conv(c_in, c_out, kernel, stride=1, groups=1, linear=False):
    sizes = {"stride": stride, "padding": kernel // 2, "groups": groups}
    convolution = nn.Conv2d(c_in, c_out, kernel, bias=False, **sizes)
    layers = [convolution, nn.BatchNorm2d(c_out)]
    return nn.Sequential(*layers, *([] if linear else [nn.PReLU(c_out)]))


class Block(nn.Module):
    def __init__(self, c_in, inside, out, stride, shortcut):
        super().__init__()
        widen = conv(c_in, inside, 1)
        depthwise = conv(inside, inside, 3, stride, groups=inside)
        self.path = nn.Sequential(widen, depthwise, conv(inside, out, 1, linear=True))
        self.shortcut = shortcut

    def forward(self, x):
        return x + self.path(x) if self.shortcut else self.path(x)


# %% [markdown]
# The rows of the table become blocks. `one_of_each` keeps the first block of every row, without shortcuts; we need that
# network further down.


# %%
def my_body(one_of_each=False):
    """(N, 3, 112, 112) -> (N, 512, 7, 7)."""
    layers, channels = [conv(3, 64, 3, stride=2), conv(64, 64, 3, groups=64)], 64
    for blocks, inside, out, stride in TABLE:
        for repeat in range(1 if one_of_each else blocks):
            step = stride if repeat == 0 else 1
            shortcut = stride == 1 and not one_of_each
            layers.append(Block(channels, inside, out, step, shortcut))
            channels = out
    return nn.Sequential(*layers, conv(channels, 512, 1))


# %% [markdown]
# ## Three heads, one formula
#
# The body leaves a map $x$ with the numbers $x_{c,i,j}$: channel $c$ at place $(i, j)$. Every head computes weighted sums
# of them,
#
# $$y_d = \sum_{c,i,j} W_{d,c,i,j}\; x_{c,i,j} ,$$
#
# and the heads differ in which weights they may choose:
# - **gap**, global average pooling, chooses none. $y_c$ is the mean of channel $c$: all its places weigh the same, and
#   the other channels nothing.
# - **gdconv**, the global depthwise convolution, chooses one weight $w_{c,i,j}$ for each place of each channel. $y_c$ still
#   reads channel $c$ only.
# - **fc**, the fully connected layer, chooses them all: every output reads every channel at every place.
#
# ### Exercise 1: the three heads
#
# Complete `three_heads` for a batch of maps, and return the three results `(gap, gdconv, fc)`. No bias, no batch norm. The
# solutions, with reasons, are in [solutions/04c_mobiface.py](solutions/04c_mobiface.py).


# %% tags=["exercise"]
def three_heads(maps, place_weights, dense_weights):
    """maps (N, C, H, W), place_weights (C, H, W), dense_weights (D, C * H * W)."""
    gap = maps.mean(dim=(2, 3))  # (N, C)
    gdconv = ...  # (N, C)
    fc = ...  # (N, D)
    return ...


# %% tags=["check"]
def by_layers(maps, place_weights, dense_weights):
    gap = F.adaptive_avg_pool2d(maps, 1).flatten(1)
    gdconv = F.conv2d(maps, place_weights[:, None], groups=len(place_weights))
    return gap, gdconv.flatten(1), F.linear(maps.flatten(1), dense_weights)


def draw_maps(rng):
    n, c, h, w, d = rng.integers(1, 5, size=5)
    shapes = (n, c, h, w), (c, h, w), (d, c * h * w)
    return tuple(torch.from_numpy(rng.normal(size=shape)) for shape in shapes)


hints = (
    "gdconv: multiply maps by place_weights. Over which axes do you add up?",
    "fc: what does maps.flatten(1) hold, and in which order?",
    "(maps * place_weights).sum(dim=(2, 3)), and maps.flatten(1) @ dense_weights.T",
)
exercises.check(three_heads, by_layers, [], draw=draw_maps, hints=hints)

# %% [markdown]
# Each head can do what the lighter one before it does. A fully connected layer with the right zeros **is** a gdconv, and
# a gdconv with equal weights is an average. So more weights never take anything away; the question is whether training
# finds something better to do with them.


# %%
def as_dense(place_weights):
    """The weights (C, C * H * W) with which fc gives what gdconv gives."""
    c, h, w = place_weights.shape
    dense = torch.zeros(c, c, h, w)
    dense[range(c), range(c)] = place_weights  # output c reads channel c only
    return dense.flatten(1)


generator = torch.Generator().manual_seed(0)
maps = torch.randn(2, 512, 7, 7, generator=generator)
place_weights = torch.randn(512, 7, 7, generator=generator)
dense = as_dense(place_weights)
_, light, heavy = by_layers(maps, place_weights, dense)
off_dense = 100 * float((light - heavy).abs().max() / light.abs().max())
print(f"gdconv {place_weights.numel():,} weights, fc {dense.numel():,} weights")
print(f"of those {dense.count_nonzero():,} are not zero")
print(f"the results differ by {off_dense:.2f} %")

# %% tags=["guard"]
guard("a fully connected layer can be a gdconv", off_dense < 0.02, off_dense=off_dense)

# %% [markdown]
# As layers, with what the library puts beside them: a batch norm behind gdconv, and a bias in fc.

# %%
MY_HEADS = {
    "gap": lambda: [nn.AdaptiveAvgPool2d(1)],
    "gdconv": lambda: [
        nn.Conv2d(512, 512, 7, groups=512, bias=False),
        nn.BatchNorm2d(512),
    ],
    "fc": lambda: [nn.Flatten(), nn.Linear(512 * 7 * 7, 512)],
}

# %% [markdown]
# Are these the networks of the library? `backbones.percent_apart` gives ours the library's weights, in order, lets both
# embed the same random images, and returns the largest difference, in per cent of the largest number.

# %%
differs = {}
for head, layers in MY_HEADS.items():
    ours = nn.Sequential(my_body(), *layers(), nn.Flatten())
    theirs = backbones.create("mobiface", head=head, seed=0)
    differs[head] = backbones.percent_apart(ours, theirs, 3, 112, 112)
ours = nn.Sequential(my_body(one_of_each=True), *MY_HEADS["gap"](), nn.Flatten())
theirs = backbones.create("mobiface_one_each", seed=0)
differs["one of each, gap"] = backbones.percent_apart(ours, theirs, 3, 112, 112)
for name, percent in differs.items():
    print(f"{name}: the two embeddings differ by {percent:.3f} %")

# %% tags=["guard"]
guard(
    "three heads and the reduced network, each equal to the library's",
    max(differs.values()) < 0.004,
    differs=differs,
)

# %% [markdown]
# ### Exercise 2: what each head weighs
#
# A map has `channels` channels and `side` x `side` places; the embedding of fc has `dim` numbers, that of the other two
# as many as there are channels. Return the parameters of `(gap, gdconv, fc)` as three whole numbers. A convolution has no
# bias here, but count gdconv's batch norm, a scale and a shift for every channel, and the bias of fc.


# %% tags=["exercise"]
def head_parameters(channels, side, dim): ...


# %% tags=["check"]
def by_building(channels, side, dim):
    gap = backbones.blocks.global_average_pool()
    gdconv = backbones.blocks.GlobalDepthwiseConv(channels, (side, side))
    fc = nn.Linear(channels * side * side, dim)
    return tuple(
        sum(p.numel() for p in head.parameters()) for head in (gap, gdconv, fc)
    )


def draw(rng):
    return tuple(int(number) for number in rng.integers(1, [20, 8, 20]))


hints = (
    "Which of the three learns nothing at all?",
    "gdconv has a weight for each place of each channel, and no pairs of channels.",
    "0, channels * side**2 + 2 * channels, and for fc (channels * side**2 + 1) * dim",
)
cases = [(512, 7, 512), (512, 7, 128), (64, 3, 32)]
exercises.check(head_parameters, by_building, cases, draw=draw, hints=hints)

# %% [markdown]
# ## 2.3M parameters: with which head?
#
# Duong et al. (2019) print 2.3M parameters and 9.3 MB, four bytes a number. Their table ends in "512-d FC". Which of the
# three heads fits both numbers? The size here is that of a file of 32-bit weights, batch norm's running statistics
# included.

# %%
PRINTED_M, PRINTED_MB = 2.3, 9.3
rows = []
for head in MY_HEADS:
    total = cost.count(backbones.create("mobiface", head=head), (112, 112))
    macs = total.macs.conv_linear / 1e6
    rows.append((head, total.parameters, total.fp32_bytes / 1e6, macs))
columns = ["head", "parameters", "file with statistics, MB", "multiply-adds, M"]
weighed = pd.DataFrame(rows, columns=columns).set_index("head").round(2)
print(weighed.to_string())
millions = (weighed["parameters"] / 1e6).to_dict()
megabytes = weighed["file with statistics, MB"].to_dict()
body = sum(p.numel() for p in my_body().parameters())
dense = sum(p.numel() for layer in MY_HEADS["fc"]() for p in layer.parameters())
print(f"the body alone {body:,} parameters, the fully connected layer {dense:,}:")
print(f"{dense / body:.1f} bodies")

# %% tags=["guard"]
guard(
    "gdconv fits both printed numbers, gap misses the size by a digit, fc both by far",
    round(millions["gdconv"], 1) == PRINTED_M
    and round(megabytes["gdconv"], 1) == PRINTED_MB
    and round(millions["gap"], 1) == PRINTED_M
    and round(megabytes["gap"], 1) == 9.2
    and millions["fc"] > 6 * PRINTED_M
    and megabytes["fc"] > 6 * PRINTED_MB,
    millions=millions,
    megabytes=megabytes,
    PRINTED_M=PRINTED_M,
    PRINTED_MB=PRINTED_MB,
)

# %% [markdown]
# With the fully connected layer of its table the network has **15.1M parameters and takes 60.6 MB**. The other two heads
# both round to 2.3M. The size tells them apart: gap gives 9.2 MB, gdconv 9.3. So **only gdconv fits both printed numbers**,
# and it is not in the paper's table. The multiply-adds hardly differ: a fully connected layer uses each weight once, a
# convolution uses it at every place.
#
# ## Flattening grows with the picture
#
# Averaging costs nothing at any size. gdconv costs one weight for each place of each channel. The fully connected layer
# costs one for each place **and each pair of channels**. So how does the size of the file change with the side of the
# picture?

# %%
SIDES = [64, 80, 96, 112, 128, 160, 192, 224]


def weights_mb(head, side, width):
    with torch.device("meta"):
        net = backbones.create("mobiface", head=head, input_size=side, width=width)
    numbers = sum(p.numel() for p in net.parameters())
    numbers += sum(b.numel() for b in net.buffers() if b.is_floating_point())
    return 4 * numbers / 1e6


def size_over_side(width):
    """The MB of a network of that width with each head, for each side."""
    table = {}
    for head in MY_HEADS:
        table[head] = [weights_mb(head, side, width) for side in SIDES]
    return table


# %%
def heads_figure(width):
    figure = viz.lines(
        size_over_side(width),
        SIDES,
        title=f"fc outgrows the network, gdconv hardly grows (width {width})",
        xlabel="side of the picture, pixels",
        ylabel="weights in MB",
        references={"9.3 MB, as printed": PRINTED_MB} if width == 1 else None,
        limits=(0.7, 300),
        log_y=True,
    )
    axis = figure.axes[0]
    axis.set_yticks([1, 3, 10, 30, 100, 200], ["1", "3", "10", "30", "100", "200"])
    axis.minorticks_off()
    return figure


# %% [markdown]
# At a side of 112 pixels the fully connected head alone takes 51.4 MB. Predict what it takes at twice the side. The next
# cell then shows the head in numbers, and the whole file in a figure.

# %% tags=["predict"]
head_guess = exercises.predict(
    ...,
    question="How large is the fully connected head for pictures of 224x224?",
    unit="MB",
)

# %%
sizes = size_over_side(1.0)
heads_mb = pd.DataFrame(sizes, SIDES).sub(sizes["gap"], axis=0)
print("the head alone, MB, by the side of the picture")
print(heads_mb.loc[[64, 112, 224]].round(1).to_string())
head_guess.reveal(heads_mb.loc[224, "fc"], ".1f")
alt = "Size over the side of the picture: gap and gdconv nearly flat at 9.3 MB, fc far "
alt += "above and rising."
viz.show(heads_figure(1.0), alt=alt)

# %% tags=["guard"]
guard(
    "twice the side is four times the head, of 51 MB for fc and of 0.1 MB for gdconv",
    np.allclose(np.array(heads_mb)[7], 4 * np.array(heads_mb)[3], rtol=0.07)
    and 50 < np.array(heads_mb)[3, 2] < 52
    and 0.1 < sizes["gdconv"][3] - sizes["gap"][3] < 0.15,
    heads_mb=heads_mb,
    sizes=sizes,
)

# %% [markdown]
# Twice the side is four times as many places, and four times the head: 51.4 MB become 205.5 with fc, 0.1 MB become 0.4 with
# gdconv. Now halve the width of the network, its channels. Why does the fully connected head hardly shrink?

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    heads_figure,
    [0.25, 0.5, 0.75, 1.0, 1.5],
    label="width",
    start=0.5,
    alt="At half the width gap and gdconv are far lower, fc is nearly where it was.",
)
# %% [markdown]
# The last convolution keeps its 512 channels at every width, and the head sees nothing else of the network.
#
# ## What the weights could buy
#
# gap cannot tell a nose from an ear by its place: it averages over all of them. The other two can learn that a channel
# counts at one place and not at another. Whether such knowledge helps is a question for an experiment, and this chapter
# does not answer it. `python -m benchmarks heads_orl` would: MobiFace with one block of each row, at a quarter of its width,
# trained under each head on thirty people of ORL and tested on pairs of ten others. Only the test photographs are moved,
# by up to 8 of their 64x52 pixels. [Notebook 04d](04d_deepface.ipynb) asks the same of kernels, one for every place.
#
# ### Explain: which head for which pictures?
#
# You have photographs from a camera at a door, cut to 112x112 pixels. Your detector finds faces, but its landmarks are off
# by a tenth of that width now and then. Which of the three heads do you choose, and what would make you change your mind?
# Write two or three sentences before you unfold the answer.
#
# <details><summary>Model answer</summary>
#
# A tenth of 112 pixels is 11, less than the 16 pixels of one place of the 7x7 map. So most of what was seen at one place is
# seen there still, and no head is thrown off at once. gap depends least on where something was found, and is the safe
# choice when errors get larger. fc pays for its freedom with most of the size of the network, which alone may rule it out.
# What would change my mind is a measurement: the heads trained and tested on faces that are moved as much as this detector
# errs.
#
# </details>

# %% [markdown]
# ## One of each: a small network under a huge classifier
#
# A classifier is a fully connected layer as well, and a map that is flattened under it makes it grow in the same way. Basch
# et al. take one block from every row of MobiFace, without shortcuts, and print 0.77 million parameters "without
# classification layer" and 738 million with it. Our count agrees with the first number in both digits. Where do 738M come
# from? The paper gives neither the size of its pictures nor the features under the classifier. What follows is our
# reconstruction: pictures of 224x224, the usual size of ImageNet, leave a map of 14x14, and flattened that makes 100,352
# features. For how many people is the classifier then?
#
# ### Exercise 3: how many people stand behind a printed number
#
# A paper prints a total of `printed` parameters, rounded to a multiple of `step`, such as a million; exactly half a step is
# rounded up. The network has `body` parameters. For every class the classifier has `features` weights, and one bias more
# if `bias` is true. Return `(fewest, most)`: the smallest and the largest number of classes whose total rounds to what is
# printed. All numbers are whole, and `step` is even.


# %% tags=["exercise"]
def classes_behind(printed, step, body, features, bias): ...


# %% tags=["check"]
def by_searching(printed, step, body, features, bias):
    totals = range(body, 2_000_000_000, features + bias)  # with 0, 1, 2, ... classes
    low = printed - step // 2
    return bisect_left(totals, low), bisect_left(totals, low + step) - 1


def draw(rng):
    step, bias = int(rng.choice([100_000, 1_000_000])), bool(rng.integers(2))
    body, features = rng.integers([1, 500], [5_000_000, 50_000]).tolist()
    if rng.random() < 0.5:  # both ends may be met exactly
        body, features = 50_000 * int(rng.integers(2, 100)), 1000 - bias
    return step * int(rng.integers(60, 1000)), step, body, features, bias


hints = (
    "Between which two totals does a number lie that rounds to this?",
    "Take the body away, divide by what a class costs, and round at both ends.",
    "(total - body) / (features + bias): ceil of the low end, ceil of the high end - 1",
)
exercises.check(classes_behind, by_searching, [], draw=draw, hints=hints)

# %% [markdown]
# Your function, on two rows of their table: MobiFace, and Inception v3 in the reading of [notebook 04e](04e_inception.ipynb).
# Until it is written, the reference of the check answers.

# %%
reduced = sum(p.numel() for p in backbones.create("mobiface_one_each").parameters())
flattened = 512 * (224 // 16) ** 2
print(f"network {reduced:,} parameters, flattened map {flattened:,} numbers")
TABLE_ROWS = {
    "MobiFace": (738_000_000, 1_000_000, reduced, flattened),
    "Inception v3": (40_100_000, 100_000, 25_112_264, 2_048),  # notebook 04e
}
people = {}
for name, row in TABLE_ROWS.items():
    for bias in (True, False):
        few, most = classes_behind(*row, bias) or by_searching(*row, bias)
        people[f"{name}, {'with' if bias else 'without'} biases"] = (few, most)
for reading, (few, most) in people.items():
    print(f"{reading}: {few:,} to {most:,} people")
print(f"738M is {738e6 / reduced:.0f} times the network")
print(f"a classifier of 7,342 people on an averaged map: {7_342 * (512 + 1):,}")

# %% tags=["guard"]
guard(
    "with biases no number fits both rows, without them 7,342 does",
    round(reduced / 1e6, 2) == 0.77
    and people["Inception v3, with biases"][1] < people["MobiFace, with biases"][0]
    and people["Inception v3, without biases"][1]
    == people["MobiFace, without biases"][0]
    == 7_342,
    reduced=reduced,
    people=people,
)

# %% [markdown]
# They report about seven thousand people, so 7,342 to 7,351 look like a find. But the same people stand behind the row of Inception
# v3, and read in the same way it gives 7,291 to 7,339: no number fits both. Leave out the biases, and they meet in exactly
# one, 7,342. That is no proof either, since we changed an assumption until it fitted. **A close fit shows that a reading
# is possible, not that it is true.**
#
# If it is true, the classifier has nearly a thousand parameters for each one of the network, and all of them are thrown
# away when it has to recognise somebody new. On an averaged map, 512 features, it would have had 3.8M.
#
# ### Open task: a head of your own (45 minutes)
#
# Between gdconv and fc there is much room. Invent a head that knows about places and weighs little, for example fc on an
# average over the four quarters of the map, or gdconv followed by a 1x1 convolution. Put it on MobiFace's body (`my_body`
# for the count; `backbones.create("mobiface", head="gap", …)` without its head for training), and compare it with gap.
#
# | points | for |
# |---|---|
# | 2 | the head as a module of its own, with its parameters as a formula and as a count that agree |
# | 2 | a prediction, before training: better or worse than gap as they are, better or worse when moved |
# | 3 | both trained with at least five seeds on the same splits; accuracy on pairs of strangers as they are and moved |
# | 2 | the paired differences with their intervals, and the smallest difference that your runs could have found |
# | 1 | one sentence on when you would use your head |

# %% [markdown]
# ## Summary
#
# - Three heads are one weighted sum with more and more freedom: gap none, gdconv a weight for each place of each channel,
#   fc one for everything.
# - With the fully connected layer of its table, MobiFace has 15.1M parameters. The printed 2.3M and 9.3 MB fit the
#   same body with a global depthwise convolution.
# - A fully connected layer on a flattened map grows with the picture. In our reconstruction of Basch et al. the classifier
#   outweighs the network about a thousand times.
#
# **Next**: [notebook 04d](04d_deepface.ipynb) is another network with heavy layers: DeepFace has a filter of its own at
# every place. The core of the course goes on with [notebook 05](05_center_loss_digits.ipynb), center loss.
#
# ## What the papers report
#
# - Duong et al. (2019, BTAS), *MobiFace*: 2.3M parameters, 9.3 MB; LFW 99.73 % (99.7 % in the first version of 2018),
#   MegaFace 91.3 %, trained on a refined MS-Celeb-1M of 3.8M photographs of 85,000 people, batches of 1024, 100,000
#   steps. Another paper, on SeesawFaceNets, quotes 2.4M and 462M operations for it: about twice our multiply-adds.
# - Basch et al., *Face Recognition in Deep Learning with Minimal Resources*, Table 1: "MobiFace without classification
#   layer" 0.77 million parameters, "with classification layer" 738 million; about 20 % accuracy on about 7,000 people of
#   CelebA. The size of the pictures and the number of features are not in the paper.
