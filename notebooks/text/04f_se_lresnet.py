# %% [markdown]
# # SE-LResNet100E-IR: the large network behind the small ones
#
# Small face networks are often measured against a large one: the residual network of Deng et al. (2019), here with
# **squeeze and excitation**, a small network in every block that says how much each channel counts. Lee et al. put it
# beside MobileFaceNet and find it "more suitable" for mobile devices, because its accuracy is higher by a fraction of a
# point. They say themselves that they have not compared what the two cost. We decode the name, build the network, and put
# beside that fraction what it costs.
#
# **What you will learn**
# - to read a name such as SE-LResNet100E-IR: every letter is a design decision;
# - the improved residual unit, and squeeze and excitation in five lines;
# - what a hundred layers cost in parameters, multiply-adds and memory, beside MobileFaceNet;
# - why a comparison by accuracy alone cannot say "suitable for mobile".
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (the recipe, paired runs, Wilson's interval) and
# [notebook 03](03_convolution_costs.ipynb) (what a convolution costs, batch norm, PReLU).
#
# **Time and place**: 1 minute to run, 80 minutes to read and do, 60 more for the open task. No GPU, no network, 1.0 GB of memory.

# %% tags=["imports"]
import numpy as np
import pandas as pd
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
# ## The name
#
# - **L**: the first convolution is 3x3 with stride 1. Other residual networks begin with a 7x7 of stride 2 and a pooling,
#   and throw away three quarters of a small face, twice.
# - **IR**: the *improved residual* unit, below.
# - **100**: the 3x3 convolutions and the last fully connected layer; shortcuts, SE, batch norm and PReLU are not
#   counted.
# - **E**: the fifth of five endings, four layers in a row: batch norm, dropout (which sets random activations to zero
#   in training), fully connected layer, batch norm. It keeps the position of what was seen, which average pooling
#   forgets.
# - **SE**: squeeze and excitation (Hu et al. 2018) in every unit.
#
# As data it is two lines: how many units in each stage, and their channels. Every stage halves the map. A unit has two
# convolutions; the first convolution of the network and its last layer make two more.

# %%
UNITS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}
WIDTHS = (64, 128, 256, 512)
for depth, units in UNITS.items():
    print(f"named {depth}: {sum(units)} units, {2 * sum(units) + 2} layers")

# %% [markdown]
# The library's network, drawn. A pile stands for the units of one stage, and the first unit of each halves the map. See
# how many units stand at which size of the map.

# %% tags=["illustration"]
title = "SE-LResNet100E-IR, stage by stage"
viz.show(*viz.network_diagram("se_lresnet100e_ir", title=title, costs=False))

# %% [markdown]
# ## Squeeze and excitation
#
# A convolution sees a window. Whether a channel matters may depend on the **whole** face. So: average every channel over
# all positions (squeeze), let two small layers make a number between 0 and 1 for each channel out of that (excitation),
# and multiply the channel by it:
#
# $$y_c = x_c \cdot \sigma\big(W_2\, f(W_1\, \bar x)\big)_c .$$
#
# Here $\bar x$ are the averages of all channels, $\sigma(z) = 1 / (1 + e^{-z})$ is the **sigmoid**, and $f$ is the
# nonlinearity between the layers.
#
# ### Exercise 1: squeeze and excitation
#
# Given `x` (N, C, H, W) and the two matrices `down` (hidden, C) and `up` (C, hidden), return the excited `x`, of the same
# shape. Every image is excited by itself. Use ReLU between the layers, as Hu et al. (2018) did. The solutions, with
# reasons, are in [solutions/04f_se_lresnet.py](solutions/04f_se_lresnet.py).


# %% tags=["exercise"]
def excited(x, down, up): ...


# %% tags=["check"]
def by_convolutions(x, down, up):
    squeezed = nn.functional.adaptive_avg_pool2d(x, 1)
    hidden = nn.functional.conv2d(squeezed, down[:, :, None, None]).relu()
    return x * nn.functional.conv2d(hidden, up[:, :, None, None]).sigmoid()


def draw(rng):
    n, c, hidden, height, width = rng.integers(1, [4, 6, 4, 4, 5])
    shapes = ((n, c, height, width), (hidden, c), (c, hidden))
    return tuple(torch.from_numpy(rng.normal(size=shape)) for shape in shapes)


hints = (
    "x.mean(dim=(2, 3)) has one number for each image and channel: (N, C).",
    "A matrix (hidden, C) is applied to rows of C numbers by @ down.T.",
    "x * torch.sigmoid(torch.relu(means @ down.T) @ up.T)[:, :, None, None]",
)
image = torch.tensor([[[[1.0, 3.0]], [[2.0, -2.0]]]])
cases = [(image, torch.tensor([[1.0, 5.0]]), torch.tensor([[0.0], [1.0]]))]
exercises.check(excited, by_convolutions, cases, draw=draw, hints=hints)

# %% [markdown]
# In the network of this notebook it is a module, with a PReLU in the middle and layers without bias.


# %%
class SqueezeExcitation(nn.Module):
    def __init__(self, channels, reduction):
        super().__init__()
        hidden = channels // reduction
        self.down = nn.Linear(channels, hidden, bias=False)
        self.up = nn.Linear(hidden, channels, bias=False)
        self.prelu = nn.PReLU(hidden)

    def forward(self, x):
        squeezed = x.mean(dim=(2, 3))
        factors = torch.sigmoid(self.up(self.prelu(self.down(squeezed))))
        return x * factors[:, :, None, None]


# %% [markdown]
# ### Exercise 2: what squeeze and excitation costs
#
# How many parameters does this module add to a network with `units` units of `channels` channels each? Two layers without
# biases, down to `channels // reduction` and back, and a PReLU with one slope for each channel between them. Return a
# whole number.


# %% tags=["exercise"]
def squeeze_parameters(channels, reduction, units): ...


# %% tags=["check"]
def by_building(channels, reduction, units):
    total = 0
    for _ in range(units):
        module = backbones.iresnet.SqueezeExcitation(channels, reduction)
        total += sum(p.numel() for p in module.parameters())
    return total


def draw(rng):
    channels, reduction, units = (int(n) for n in rng.integers([8, 1, 1], [65, 9, 6]))
    return channels, reduction, units


hints = (
    "How many channels are there between the two layers?",
    "Each of the two layers has channels times hidden weights.",
    "units * (2 * channels * hidden + hidden), with hidden = channels // reduction",
)
cases = [(32, 4, 1), (48, 16, 3), (16, 1, 2)]
exercises.check(squeeze_parameters, by_building, cases, draw=draw, hints=hints)

# %% [markdown]
# ## The improved residual unit
#
# In the **improved residual unit** batch norm comes **first**, there is one PReLU in the middle and none at the end, and
# the stride is in the second convolution. What is added to the input has passed batch norm (and then SE, if any).


# %%
def unit(c_in, c_out, stride, reduction=None):
    """The residual branch; with a reduction, squeeze and excitation at its end."""
    layers = [
        nn.BatchNorm2d(c_in),
        nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.PReLU(c_out),
        nn.Conv2d(c_out, c_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
    ]
    if reduction:
        layers.append(SqueezeExcitation(c_out, reduction))
    return nn.Sequential(*layers)


# %%
class ImprovedResidual(nn.Module):
    def __init__(self, c_in, c_out, stride, reduction=None):
        super().__init__()
        self.residual = unit(c_in, c_out, stride, reduction)
        self.shortcut = nn.Sequential()  # the input as it is
        if stride != 1 or c_in != c_out:
            projection = nn.Conv2d(c_in, c_out, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(c_out))

    def forward(self, x):
        return self.residual(x) + self.shortcut(x)


# %% [markdown]
# This is what a unit runs that opens a stage, and beside it the inside of its squeeze and excitation. Look at the two ways
# around: in the unit the right column is **added**, in squeeze and excitation the input is **multiplied**.

# %% tags=["illustration"]
opening = {
    "improved residual unit": (ImprovedResidual(64, 128, 2, 16), (64, 56, 56)),
    "squeeze and excitation": (SqueezeExcitation(128, 16), (128, 28, 28)),
}
title = "The unit that opens the second stage, and what is new in it"
viz.show(*viz.block_diagram(opening, title=title))

# %% [markdown]
# ## The whole network


# %%
def lresnet(units, widths, reduction, size=(112, 112), embedding_dim=512):
    channels = widths[0]
    layers = [nn.Conv2d(3, channels, 3, padding=1, bias=False)]
    layers += [nn.BatchNorm2d(channels), nn.PReLU(channels)]
    for repeats, width in zip(units, widths, strict=True):
        for repeat in range(repeats):
            stride = 1 if repeat else 2
            layers.append(ImprovedResidual(channels, width, stride, reduction))
            channels = width
        size = [-(-side // 2) for side in size]
    layers += [nn.BatchNorm2d(channels), nn.Dropout(0.4), nn.Flatten()]  # option E
    layers.append(nn.Linear(channels * size[0] * size[1], embedding_dim))
    return nn.Sequential(*layers, nn.BatchNorm1d(embedding_dim))


# %% [markdown]
# Are they the library's? We put its weights into ours and let both compute the same. PyTorch lists the parameters of a
# module in the order in which its parts were made, and we made the SE's PReLU last. So every weight goes to the next one
# of its shape.


# %%
def share_that_differs(mine, theirs, *shape):
    """The largest difference of the outputs, in % of their largest number."""
    rest = list(theirs.state_dict().values())
    for tensor in mine.state_dict().values():
        same_shape = [i for i, other in enumerate(rest) if other.shape == tensor.shape]
        tensor.copy_(rest.pop(same_shape[0]))
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        here, there = mine.eval()(x), theirs.eval()(x)
    return 100 * float((here - there).abs().max() / there.abs().max())


def little(name, **options):
    sizes = {"blocks": (1, 2, 1, 1), "widths": (16, 16, 32, 48), "input_size": 32}
    return backbones.create(name, **sizes, embedding_dim=24, **options, seed=0)


# %%
plain, squeezed = little("iresnet100"), little("se_lresnet100e_ir", squeeze=4)
network = lresnet((1, 2, 1, 1), (16, 16, 32, 48), 4, (32, 32), 24)
parts = {
    "a unit": (ImprovedResidual(16, 16, 2), plain.stages[0][0], (16, 9, 9)),
    "with SE": (ImprovedResidual(16, 32, 2, 4), squeezed.stages[2][0], (16, 8, 8)),
    "at stride 1": (ImprovedResidual(16, 16, 1, 4), squeezed.stages[1][1], (16, 8, 8)),
    "the network": (network, squeezed, (3, 32, 32)),
}
differs = {}
for name, (ours, theirs, shape) in parts.items():
    differs[name] = share_that_differs(ours, theirs, *shape)
    print(f"{name}: the two outputs differ by {differs[name]:.2f} %")
with torch.device("meta"):
    full = lresnet(UNITS[100], WIDTHS, reduction=16)
parameters = sum(p.numel() for p in full.parameters())
by_library = backbones.describe("se_lresnet100e_ir").parameters
print(f"SE-LResNet100E-IR: {parameters:,} parameters, the library's {by_library:,}")

# %% tags=["guard"]
guard(
    "units and network are the library's, and so is the count",
    max(differs.values()) < 0.02 and parameters == by_library,
    differs=differs,
    parameters=parameters,
    by_library=by_library,
)

# %% [markdown]
# ## What it costs, beside MobileFaceNet
#
# Lee et al. compare the two by accuracy. Their table has no parameters, no operations, no memory, and they write that there
# is "no data that directly compares the hardware usage environment, such as computational resources and memory usage,
# between the two models", and that this "requires additional research". Here is what can be counted, for the same 112x112 image. We count on the `meta` device, which needs no memory for the weights.

# %%
NAMES = ("mobilefacenet", "iresnet18", "iresnet50", "iresnet100", "se_lresnet100e_ir")
costs, rows = {}, []
for name in NAMES:
    with torch.device("meta"):
        counted = cost.count(backbones.create(name), (112, 112))
    costs[name] = counted
    megabytes = counted.folded_fp32_bytes / 1e6, counted.peak_fp32_bytes / 1e6
    macs = counted.macs.conv_linear / 1e6
    rows.append((name, counted.parameters, macs, *megabytes))
columns = ["network", "parameters", "multiply-adds, M", "file, MB", "peak, MB"]
print(pd.DataFrame(rows, columns=columns).set_index("network").round(1).to_string())

# %% [markdown]
# "File" is a file of the weights with batch norm folded into the convolutions, "peak" the peak activation memory. How many
# times MobileFaceNet is that?

# %%
mobile, large = costs["mobilefacenet"], costs["se_lresnet100e_ir"]
times = {"parameters": [], "multiply-adds": [], "peak activations": []}
for counted in costs.values():
    times["parameters"].append(counted.parameters / mobile.parameters)
    work = counted.macs.conv_linear / mobile.macs.conv_linear
    times["multiply-adds"].append(work)
    times["peak activations"].append(counted.peak_fp32_bytes / mobile.peak_fp32_bytes)
for what, ratios in times.items():
    print(
        f"{what}: SE-LResNet100E-IR has {ratios[-1]:.0f} times those of MobileFaceNet"
    )
added = large.parameters - costs["iresnet100"].parameters
share_of_se = 100 * added / large.parameters
print(f"squeeze and excitation is {share_of_se:.1f} % of its parameters")

# %%
figure = viz.dots(
    times,
    ["MobileFaceNet", "IR-18", "IR-50", "IR-100", "SE-IR-100"],
    title="Beside MobileFaceNet: dozens of times the weights and the work",
    xlabel="times MobileFaceNet's",
    log_x=True,
)
alt = (
    "Three kinds of dots on a log scale, a row a network; parameters and multiply-adds "
)
viz.show(figure, alt=alt + "of IR-100 end above fifty.")

# %% tags=["guard"]
guard(
    "65 times the parameters and 55 times the work, of which SE is next to nothing",
    round(times["parameters"][-1]) == 65
    and round(times["multiply-adds"][-1]) == 55
    and share_of_se < 1,
    times=times,
    share_of_se=share_of_se,
)

# %% [markdown]
# **Accuracy alone cannot say "more suitable for mobile".** There a network must also fit, be quick and spare the
# battery. We have counted here, not timed: 65 times the parameters, 55 times the multiply-adds, for a fraction of a
# point. That may be right on a server; for a telephone, accuracy alone does not support it.
#
# And the fraction itself? Lee et al. (2024) print 99.68 % and 99.85 %. If their test was LFW with its usual 6,000 pairs,
# how many pairs lie between the two?

# %% tags=["predict"]
pairs_guess = exercises.predict(
    ...,
    question="Of 6,000 pairs, how many more does the large network decide rightly?",
    unit="pairs",
)

# %%
PAIRS = 6000
n_right, low, high = {}, {}, {}
for name, accuracy in (("MobileFaceNet", 0.9968), ("SE-LResNet100E-IR", 0.9985)):
    n_right[name] = round(accuracy * PAIRS)
    interval = evaluation.wilson(n_right[name], PAIRS)
    low[name], high[name] = 100 * interval.low, 100 * interval.high
    n_wrong = PAIRS - n_right[name]
    print(f"{name}: {n_wrong} pairs wrong, {low[name]:.2f} to {high[name]:.2f} %")
pairs_guess.reveal(n_right["SE-LResNet100E-IR"] - n_right["MobileFaceNet"])

# %% tags=["guard"]
guard(
    "the two intervals overlap",
    high["MobileFaceNet"] > low["SE-LResNet100E-IR"],
    high=high,
    low=low,
)

# %% [markdown]
# About ten pairs, and the two intervals overlap. That does not prove that the two are equal. Whether they differ could
# be tested with the answers pair by pair, which are not given. But there is **little** between the two, and much
# between their costs.
#
# ## Where are the weights?
#
# Option E reads 7x7x512 numbers, whatever the depth. How much of each network is that?

# %%
PARTS = ["stem", "stage 1", "stage 2", "stage 3", "stage 4", "option E"]


def where(depth):
    """Millions of parameters in each part of LResNet-IR with that many layers."""
    with torch.device("meta"):
        net = backbones.create(f"iresnet{depth}")
    parts = [net.stem, *net.stages, net.head]
    return [sum(p.numel() for p in part.parameters()) / 1e6 for part in parts]


table = pd.DataFrame({f"{depth} layers": where(depth) for depth in UNITS}, PARTS)
print(table.round(2).to_string())
head_share = (100 * table.loc["option E"] / table.sum()).to_dict()
for name, percent in head_share.items():
    print(f"{name}: option E has {percent:.0f} % of the parameters")


# %%
def where_figure(depth):
    millions = where(depth)
    return viz.bars(
        {"parameters": dict(zip(PARTS, millions, strict=True))},
        title=f"{depth} layers: option E takes {millions[-1]:.1f} million, as always",
        unit="million",
        limits={"million": (0, 50)},
    )


alt = (
    "Parameters of stem, four stages and option E of the shallowest network: option E "
)
viz.show(where_figure(18), alt=alt + "has more than all stages together.")

# %% tags=["guard"]
guard(
    "option E is over half of the shallowest network, under a quarter of the deepest",
    head_share["18 layers"] > 50 and head_share["100 layers"] < 25,
    head_share=head_share,
)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    where_figure,
    list(UNITS),
    label="layers",
    start=100,
    alt="The same bars for a hundred layers: the third stage has by far the most.",
)

# %% [markdown]
# ## Does squeeze and excitation help?
#
# We do not train the full network here, but one reduced to one unit in each stage and a few channels. We train it with
# and without SE, by the recipe of notebook 02 with fewer epochs, beside a MobileFaceNet.

# %%
SIZE, DIM, RUNS, EPOCHS, BATCH, RATE = (40, 32), 64, 3, 8, 50, 0.1
faces = data.orl_faces().resized(*SIZE)
REDUCED = {"blocks": (1, 1, 1, 1), "widths": (8, 16, 32, 64)}
KINDS = {
    "IR": ("iresnet18", REDUCED),
    "SE-IR": ("se_lresnet100e_ir", REDUCED | {"squeeze": 4}),
    "MobileFaceNet": ("mobilefacenet", {"width": 0.25}),
}


def new_network(kind, run):
    name, options = KINDS[kind]
    shapes = {"embedding_dim": DIM, "input_size": SIZE, "in_channels": 1}
    return backbones.create(name, **options, **shapes, seed=run)


for kind in KINDS:
    counted = cost.count(new_network(kind, 0), SIZE, in_channels=1)
    macs = counted.macs.conv_linear / 1e6
    print(f"{kind}: {counted.parameters:,} parameters, {macs:.1f}M multiply-adds")


# %%
def train_faces(kind, run):
    """A trained network, and the share of its training photographs named rightly."""
    people, _ = data.split_by_identity(faces, n_test=10, seed=run)
    net = new_network(kind, run)
    criterion = losses.Softmax(DIM, people.n_classes, seed=run)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(weights, lr=RATE, momentum=0.9, weight_decay=5e-4)
    steps = EPOCHS * -(-len(people) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    augment = data.Compose((data.RandomFlip(), data.RandomShift(3)))
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "augment": augment, "seed": run}
    recipe |= {"schedule": schedule, "precision": "32-true"}
    history = training.fit(net, criterion, people, optimizer=optimizer, **recipe)
    return net, history["accuracy"][-1]


# %% [markdown]
# First, whether they learned what they were shown.

# %% tolerance="8 points"
networks, named = {}, {}
for kind in KINDS:
    trained = [train_faces(kind, run) for run in range(RUNS)]
    networks[kind] = [net for net, _ in trained]
    named[kind] = [100 * share for _, share in trained]
    each = ", ".join(f"{percent:.0f} %" for percent in named[kind])
    print(f"{kind}: training photographs named rightly, in three runs: {each}")

# %% tags=["guard"]
guard(
    "all networks name most of their training photographs rightly",
    all(min(named[kind]) > 50 for kind in named),
    named=named,
)

# %% [markdown]
# Then, what they make of people whom they have never seen: 800 pairs of ten people put aside, the threshold of each fold
# from the others.


# %%
def unseen(net, run):
    """Ten-fold accuracy in % on pairs of the people put aside."""
    _, test = data.split_by_identity(faces, n_test=10, seed=run)
    pairs = data.verification_pairs(test.labels, 800, seed=run)
    embeddings = training.embed(net, test, flip=True)
    scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
    return 100 * evaluation.kfold_accuracy(scores, pairs.same).mean


# %% tolerance="10 points"
strangers = {}
for kind, nets in networks.items():
    strangers[kind] = [unseen(net, run) for run, net in enumerate(nets)]
untrained = [new_network("IR", run) for run in range(RUNS)]
strangers["IR, untrained"] = [unseen(net, run) for run, net in enumerate(untrained)]
for kind, values in strangers.items():
    each = ", ".join(f"{value:.1f} %" for value in values)
    print(f"{kind}: {each}, mean {np.mean(values):.1f} %")

# %% [markdown]
# Run by run all networks saw the same people. So we look at the differences: first the intervals of their means, then the
# means.

# %% tolerance="12 points"
COMPARED = (("SE-IR", "IR"), ("MobileFaceNet", "IR"), ("IR", "IR, untrained"))
differences, spans = {}, {}
for kind, other in COMPARED:
    name = f"{kind} minus {other}"
    differences[name] = np.subtract(strangers[kind], strangers[other])
    interval = evaluation.mean_interval(differences[name])
    spans[name] = (interval.low, interval.high)
    print(f"{name}: 95 % interval {interval.low:.1f} to {interval.high:.1f} points")

# %% tolerance="3 points"
means = {name: points.mean() for name, points in differences.items()}
for name, mean in means.items():
    print(f"{name}: on average {mean:.1f} points")

# %% [markdown]
# With a dot for every run:

# %%
figure = viz.seeds_and_means(
    {name: points.tolist() for name, points in differences.items()},
    spans,
    title="Unseen people: three runs show no difference that SE makes",
    xlabel="verification accuracy, difference in percentage points",
    references={"no difference": 0.0},
)
alt = (
    "Three rows of three dots and their intervals, those of SE-IR minus IR around zero."
)
viz.show(figure, alt=alt)
of_se, of_training = means["SE-IR minus IR"], means["IR minus IR, untrained"]

# %% tags=["guard"]
guard(
    "SE changes the accuracy on strangers by a few points at most, training adds more",
    abs(of_se) < 10 and of_training > 0,
    of_se=of_se,
    of_training=of_training,
)

# %% [markdown]
# On strangers, paired within each run, SE made no difference that three runs can show. On its own photographs SE-IR was
# behind in every run here: it learned more slowly. What training itself added, several points, they did show; so a
# difference of that size would not have been missed. SE costs next to nothing, so that is no argument against it
# either: channels that depend on the whole face may need more than a few hundred photographs.
#
# What does SE do, then? We look at the numbers it multiplies the 32 channels by, in the third stage of the first network,
# for photographs of two people.


# %%
@torch.no_grad()
def channel_factors(net, stage, images):
    """The factors (N, C) of the last SE of a stage."""
    found = []
    module = net.stages[stage][-1].residual[-1].weights
    handle = module.register_forward_hook(lambda _, __, out: found.append(out))
    net.eval()(data.normalise(images))
    handle.remove()
    return found[0].numpy()


# %% tolerance="0.03"
photographs = ["person 1, first", "person 1, second", "person 2, first"]
photographs.append("person 2, second")
net = networks["SE-IR"][0]
factors = channel_factors(net, 2, faces.images[[120, 121, 270, 271]])
of_photograph = {
    "the smallest factor": factors.min(axis=1),
    "the mean": factors.mean(axis=1),
    "the largest factor": factors.max(axis=1),
}
for name, values in of_photograph.items():
    print(f"{name}, by photograph:", *(f"{value:.2f}" for value in values))
from_half = float(abs(factors - 0.5).max())
print(f"furthest from one half: {from_half:.2f}")

# %% [markdown]
# How much does the factor of one channel change from photograph to photograph?

# %% tolerance="40 %"
varies = float(np.ptp(factors, axis=0).max())
print(f"one channel, from photograph to photograph: up to {varies:.3f}")

# %% [markdown]
# The axis of the figure goes from 0 to 1, all that a factor can be.

# %%
figure = viz.dots(
    {name: values.tolist() for name, values in of_photograph.items()},
    photographs,
    title="After our training SE still multiplies every channel by about one half",
    xlabel="factor, over the 32 channels",
    references={"one half, the sigmoid of zero": 0.5},
    limits=(0, 1),
)
alt = "Three dots for each of four photographs, all within hundredths of one half."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "all factors lie near one half, and yet depend on the photograph",
    from_half < 0.15 and varies > 0.002,
    from_half=from_half,
    varies=varies,
)

# %% [markdown]
# Before training the layers put out numbers near zero, and the sigmoid of zero is one half. There the factors still
# were, up to a few hundredths. They do depend on the photograph. But in this stage of this run SE said little yet. A
# longer training might change that, and so might more photographs; these runs cannot tell whether SE helps.
#
# ### Explain: what can squeeze and excitation do that a convolution cannot?
#
# Suppose that two digits lie on top of each other in a picture, a red and a green one, and that a small lamp far beside them
# says which one is meant. A shallow network reads both digits, place by place, and adds up over all places at the end. Why
# can it not name the right one, however long it is trained? What does squeeze and excitation add? And why would it not be
# needed if the lamp lit the whole picture?
#
# <details><summary>Model answer</summary>
#
# No window that sees a stroke sees the lamp, so every place reports both digits. The sum over all places adds the report
# "lamp on" to them, and a sum cannot switch anything off. Squeeze and excitation multiplies: the averages of all channels,
# with the lamp among them, decide how much the red and the green channels count, at every place. If the lamp lit the whole
# picture, each window would see it. Its light would raise or lower the sums of the convolution, and the nonlinearity behind
# them would keep some channels and silence others, place by place: a choice without factors. In a deep network the last
# units see the whole picture anyway, which leaves less for squeeze and excitation to add.
#
# </details>
#
# ### Open task: the lamp (60 minutes)
#
# Build that task from `data.digits()`, as colour pictures of two digits with an empty strip beside them, and try the argument.
# Two units of `ImprovedResidual` and an average over all places make the network, with SE and without; `training.fit` and
# `losses.Softmax` train it. Be patient with SE: its factors begin at one half, and in some runs they take many
# epochs to leave it.
#
# | What counts | Points |
# |---|---|
# | before the first run you worked out what share a network names that reads both digits and cannot choose | 2 |
# | you checked how many pixels a place of the last map sees, and that none sees a digit and the lamp | 2 |
# | with and without SE: same pictures, seeds and epochs, at least five seeds, every run shown | 2 |
# | a second task in which the lamp lights the whole picture, with the same two networks | 2 |
# | the factors of the last unit, with the lamp on and off, and a sentence on what they do | 1 |

# %% [markdown]
# ## Summary
#
# - The name is a specification: L keeps the resolution, IR is the unit, E the ending, SE a factor for every channel.
# - SE lets the whole face decide how much a channel counts, and adds little to the parameters. On strangers it made no
#   difference that we could show.
# - Beside MobileFaceNet the network has 65 times the parameters and 55 times the multiply-adds. A table that
#   compares accuracy alone, as its authors say, leaves open which is more suitable for mobile devices.
#
# **Next**: [notebook 04g](04g_vit.ipynb) leaves convolutions behind, and sets all families beside each other. The core of
# the course goes on with [notebook 05](05_center_loss_digits.ipynb).
#
# ## What the papers report
#
# - Deng et al. (2019, CVPR) report 99.83 % on LFW with LResNet100E-IR and ArcFace.
# - Lee et al. (2024, "Research on a Lightweight Deep Learning Model Suitable for Face Recognition for Mobile Devices",
#   Table 1) report 99.85 % for SE-LResNet100E-IR and 99.68 % for MobileFaceNet, without parameters, operations or
#   memory, and expect the former "to be more meaningful in limited embedded environments". They name the comparison of
#   computational resources and memory as work still to be done.
# - Hu et al. (2018, CVPR) introduced squeeze and excitation.
