# %% [markdown]
# # MobiFace: what a head can weigh, and what it buys
#
# A face network ends in a map: 512 channels at 7x7 places, say. A **head** turns that map into one embedding, and there are
# three ways to do it. One of them takes the mean of each channel, and has no weights at all. Another connects everything
# with everything, and then weighs more than five times as much as the rest of the network. **What do all those weights
# buy?**
#
# MobiFace (Duong et al. 2019) is the network to ask. Its table ends in the heavy head, and its printed size of 9.3 MB
# leaves no room for it. We build it, find out which head was counted, and then compare the three heads on people whom they
# have never seen, on photographs as they are and on photographs that were moved.
#
# **What you will learn**
# - three heads as one formula, written by you, and what each weighs;
# - how flattening makes a layer grow with the picture;
# - what a head learns about places, measured with twenty seeds, and what that costs when a face is moved;
# - whether averaging a face with its mirror image helps.
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (training, pairs of unseen people, paired runs) and
# [notebook 03](03_convolution_costs.ipynb) (inverted residuals, global depthwise convolution).
#
# **Time and place**: 1 minute to run, 70 minutes to read and do. No GPU, no network, 1.1 GB of memory.

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
    data,
    evaluation,
    exercises,
    guard,
    losses,
    training,
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


def share_that_differs(mine, library):
    """The largest difference of the embeddings, in % of their largest number."""
    weights = library.state_dict().values()
    mine.load_state_dict(dict(zip(mine.state_dict(), weights, strict=True)))
    images = torch.randn(2, 3, *library.input_size, generator=generator)
    with torch.no_grad():
        ours, theirs = mine.eval()(images), library.eval()(images)
    return 100 * float((ours - theirs).abs().max() / theirs.abs().max())


# %% [markdown]
# Are these the networks of the library? We give ours the library's weights, in order, and let both embed the same random
# images.

# %%
differs = {}
for head, layers in MY_HEADS.items():
    ours = nn.Sequential(my_body(), *layers(), nn.Flatten())
    theirs = backbones.create("mobiface", head=head, seed=0)
    differs[head] = share_that_differs(ours, theirs)
ours = nn.Sequential(my_body(one_of_each=True), *MY_HEADS["gap"](), nn.Flatten())
theirs = backbones.create("mobiface_one_each", seed=0)
differs["one of each, gap"] = share_that_differs(ours, theirs)
for name, percent in differs.items():
    print(f"{name}: the two embeddings differ by {percent:.2f} %")

# %% tags=["guard"]
guard(
    "three heads and the reduced network, each equal to the library's",
    max(differs.values()) < 0.02,
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
# Duong et al. (2019) print 2.3M parameters and 9.3 MB, four bytes a number. Their table ends in "512-d FC". How much does
# the network of the table take, the one with the fully connected layer? Write down your guess before you run the next cell.

# %% tags=["predict"]
size_guess = exercises.predict(
    ...,
    question="How large is the file of MobiFace with the fully connected layer?",
    unit="MB",
)

# %% [markdown]
# The bytes are those of a file of weights in 32 bits: batch norm's running statistics are in it. "Peak" is the memory of
# the activations at the worst moment (notebook 03).

# %%
PRINTED_M, PRINTED_MB = 2.3, 9.3
rows = []
for head in MY_HEADS:
    total = cost.count(backbones.create("mobiface", head=head), (112, 112))
    macs, peak = total.macs.conv_linear / 1e6, total.peak_fp32_bytes / 1e6
    rows.append((head, total.parameters, total.fp32_bytes / 1e6, macs, peak))
columns = ["head", "parameters", "file, MB", "multiply-adds, M", "peak, MB"]
weighed = pd.DataFrame(rows, columns=columns).set_index("head").round(2)
print(weighed.to_string())
millions = (weighed["parameters"] / 1e6).to_dict()
megabytes = weighed["file, MB"].to_dict()
size_guess.reveal(megabytes["fc"], ".1f")
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
# With the fully connected layer of the table the network has **15.1M parameters and takes 60.6 MB**. The printed 2.3M
# and 9.3 MB leave that layer out, or belong to a head like gdconv, which fits both to the last digit. The multiply-adds
# hardly change: a fully connected layer uses each weight once, a convolution uses it at every place.
#
# ## Flattening grows with the picture
#
# Averaging costs nothing at any size, and gdconv one weight for each place of a channel. The fully connected layer costs
# one weight for each place **and each pair of channels**. So how does the size of the file change with the side of the
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
    return viz.lines(
        size_over_side(width),
        SIDES,
        title=f"Only the fully connected head grows with the picture (width {width})",
        xlabel="side of the picture, pixels",
        ylabel="weights in MB",
        references={"9.3 MB, as printed": PRINTED_MB},
        log_y=True,
    )


sizes = size_over_side(1.0)
print(pd.DataFrame(sizes, SIDES).loc[[64, 112, 224]].round(1).to_string())
alt = "Size over the side of the picture: gap and gdconv nearly flat at 9.3 MB, fc far "
alt += "above and rising."
viz.show(heads_figure(1.0), alt=alt)

# %% tags=["guard"]
guard(
    "twice the side is more than three times the MB with the fully connected head only",
    sizes["fc"][7] > 3 * sizes["fc"][3]
    and sizes["gap"][7] == sizes["gap"][0]
    and sizes["gdconv"][7] < 1.1 * sizes["gdconv"][0],
    sizes=sizes,
)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    heads_figure,
    [0.25, 0.5, 0.75, 1.0, 1.5],
    label="width",
    start=0.5,
    alt="The same three curves for a network of half the width, all lower.",
)
# %% [markdown]
# ## What the weights buy
#
# gap cannot tell a nose from an ear by its place: it averages over all of them. The other two can learn that a channel
# counts at one place and not at another. Such knowledge should help where faces are aligned, and hurt where they are
# not. So we train the three heads on the same body, at a quarter of MobiFace's width and with one block of each row, on
# thirty people of ORL. We test them on ten others: on their photographs as they are, and on photographs that were moved at
# random by up to 8 of their 64 rows and 52 columns. In training nothing is moved. All three heads put out 512 numbers from
# a map of 4x4 places.
#
# Which head do you expect to lose most when the faces are moved?

# %% tags=["predict"]
fragile_guess = exercises.predict(
    ...,
    question="Which head loses most accuracy when faces are moved by up to 8 pixels?",
    choices=("gap", "gdconv", "fc"),
)

# %% [markdown]
# The training is that of notebook 02, with a smaller learning rate: nothing normalises what fc puts out, so we take smaller
# steps for all three.

# %%
SIZE, EPOCHS, BATCH, RATE = (64, 52), 12, 50, 0.03
MOVES, SEEDS = (0, 2, 4, 6, 8), range(2)
orl = data.orl_faces().resized(*SIZE)


def train_faces(head, people, seed):
    """A network with this head, trained on photographs that are never moved."""
    options = {"width": 0.25, "embedding_dim": 512, "input_size": SIZE}
    options |= {"in_channels": 1, "head": head, "seed": seed}
    net = backbones.create("mobiface_one_each", **options)
    criterion = losses.Softmax(512, people.n_classes, seed=seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(weights, lr=RATE, momentum=0.9, weight_decay=5e-4)
    steps = EPOCHS * -(-len(people) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "augment": data.RandomFlip()}
    recipe |= {"schedule": schedule, "precision": "32-true", "seed": seed}
    training.fit(net, criterion, people, optimizer=optimizer, **recipe)
    return net


# %%
def accuracies(head, seed):
    """Accuracy in % on strangers, moved further and further, and with mirror images."""
    people, others = data.split_by_identity(orl, n_test=10, seed=seed)
    net = train_faces(head, people, seed)
    pairs = data.verification_pairs(others.labels, 900, seed=seed)
    found = []
    for pixels in (*MOVES, "mirrored"):
        shift = data.RandomShift(0 if pixels == "mirrored" else pixels)
        images = shift(others.images, torch.Generator().manual_seed(seed))
        embeddings = training.embed(net, images, flip=pixels == "mirrored")
        scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
        found.append(100 * evaluation.kfold_accuracy(scores, pairs.same).mean)
    return found


# %% [markdown]
# Two seeds of each head, live. A seed decides who the ten strangers are.

# %% tolerance="8 points"
live = {head: np.array([accuracies(head, seed) for seed in SEEDS]) for head in MY_HEADS}
for head, runs in live.items():
    means = ", ".join(f"{mean:.0f} %" for mean in runs.mean(axis=0)[:-1])
    print(f"{head}, moved by up to 0, 2, 4, 6, 8 pixels: {means}")
drop = {head: (runs[:, 0] - runs[:, 4]).mean() for head, runs in live.items()}
fragile_guess.reveal(max(drop, key=drop.get))

# %%
curves = {head: runs.mean(axis=0)[:-1] for head, runs in live.items()}
figure = viz.lines(
    curves,
    MOVES,
    title="Every head loses accuracy on strangers when their faces are moved",
    xlabel="faces moved by up to … pixels",
    ylabel="accuracy on pairs, %",
)
alt = "Accuracy over the move for three heads, the means of two seeds: all three fall."
viz.show(figure, alt=alt)
least = min(drop.values())

# %% tags=["guard"]
guard(
    "every head loses accuracy when faces are moved by up to eight pixels",
    least > 0,
    least=least,
    drop=drop,
)

# %% [markdown]
# How sure is the order of the heads? The differences to gap, seed by seed, as they are and moved by up to 8 pixels:

# %% tolerance="8 points"
for head in ("gdconv", "fc"):
    for place in (0, 4):
        ahead = live[head][:, place] - live["gap"][:, place]
        both = " and ".join(f"{points:+.1f}" for points in ahead)
        print(f"{head} minus gap, moved by up to {MOVES[place]}: {both} points")
# %% [markdown]
# ## One of each: a small network under a huge classifier
#
# A classifier is a fully connected layer as well, and a map that is flattened under it makes it grow in the same way. Basch
# et al. take one block from every row of MobiFace, without shortcuts, and print 0.77M parameters "without classification
# layer" and 738M with it. The first number is ours to both digits. How do 738M come about? The paper gives neither the
# size of its pictures nor the features under the classifier. What follows is our reconstruction: pictures of 224x224, the
# usual size of ImageNet, leave a map of 14x14, and flattened that makes 100,352 features. For how many people is the
# classifier then?
#
# ### Exercise 3: how many people stand behind a printed number
#
# A paper prints a total of so many million parameters, rounded to a whole million; exactly half a million is rounded up.
# The network has `body` parameters. The classifier on top takes `features` numbers, and has a weight for each and a
# bias, for every class. Return `(fewest, most)`: the smallest and the largest number of classes whose total rounds to
# what is printed. All numbers are whole.


# %% tags=["exercise"]
def classes_behind(millions, body, features): ...


# %% tags=["check"]
def by_searching(millions, body, features):
    totals = range(body, 2_000_000_000, features + 1)  # with 0, 1, 2, ... classes
    low = millions * 1_000_000 - 500_000
    return bisect_left(totals, low), bisect_left(totals, low + 1_000_000) - 1


def draw(rng):
    millions, hundreds = int(rng.integers(10, 1000)), int(rng.integers(1, 50))
    if rng.random() < 0.5:  # both ends may be met exactly
        return millions, 100_000 * hundreds, int(rng.choice([499, 999, 4_999]))
    return millions, int(rng.integers(1, 5_000_000)), int(rng.integers(500, 100_001))


hints = (
    "Between which two totals does a number lie that rounds to this?",
    "Take the body away, divide by features + 1, and round inwards at both ends.",
    "(total - body) / (features + 1): ceil of the low end, ceil of the high end - 1",
)
cases = [(738, 770_176, 100_352), (5, 770_176, 512), (40, 2_279_552, 25_088)]
exercises.check(classes_behind, by_searching, cases, draw=draw, hints=hints)

# %% [markdown]
# Here are some totals of their network on such a map.

# %%
reduced = sum(p.numel() for p in backbones.create("mobiface_one_each").parameters())
flattened = 512 * (224 // 16) ** 2
print(f"network {reduced:,} parameters, flattened map {flattened:,} numbers")
totals = {}
for people in (7_000, 7_341, 7_342, 7_351, 7_352):
    totals[people] = (reduced + people * (flattened + 1)) / 1e6
    print(f"with a classifier of {people:,} people: {totals[people]:.2f}M")
times = 738e6 / reduced
averaged = 7_342 * (512 + 1)
print(f"738M is {times:.0f} times the network")
print(f"a classifier of 7,342 people on an averaged map: {averaged:,}")

# %% tags=["guard"]
guard(
    "0.77M is the network, and 738M is that with a classifier of 7,342 to 7,351 people",
    round(reduced / 1e6, 2) == 0.77
    and totals[7_341] < 737.5 < totals[7_342] < totals[7_351] < 738.5 < totals[7_352],
    reduced=reduced,
    totals=totals,
)

# %% [markdown]
# They report about 7,000 people, and under our assumption 7,342 to 7,351 give the printed number. Nearly a thousand
# parameters of the classifier then stand over each one of the network, and all of them are thrown away when it has to
# recognise somebody new. Averaging the map first would have left 512 features and a classifier of 3.8M.
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
