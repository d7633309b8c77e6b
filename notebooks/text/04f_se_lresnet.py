# %% [markdown]
# # SE-LResNet100E-IR: the large network behind the small ones
#
# Small face networks are often measured against a large one: the residual network of Deng et al. (2019), a hundred layers
# deep. Lee et al. (2024) take it with **squeeze and excitation**, a small network in every unit that says how much each
# channel counts, put it beside MobileFaceNet, and find it more suitable for mobile devices, because it is more accurate by
# a fraction of a point. Two questions run through this chapter. **What does that fraction cost? And what does squeeze and
# excitation do?**
#
# **What you will learn**
# - what a hundred layers cost in parameters, multiply-adds and memory, beside MobileFaceNet;
# - to read a name such as SE-LResNet100E-IR: every letter is a design decision;
# - to write squeeze and excitation, and to count what it adds;
# - a task that cannot be done without it, and one where it makes no difference.
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (training, paired runs, power, Wilson's interval) and
# [notebook 03](03_convolution_costs.ipynb) (what a convolution costs, batch norm, PReLU, shortcuts).
#
# **Time and place**: 1 minute to run, 80 minutes to read and do, 45 more for the open task. No GPU, no network, 1.0 GB of memory.

# %% tags=["imports"]
import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import nn

from course_lib import (
    backbones,
    cost,
    data,
    evaluation,
    exercises,
    guard,
    losses,
    record,
    training,
    viz,
)

# %% [markdown]
# ## What it costs
#
# Here are the costs of both, and of shallower networks of the same kind, for the same photograph of 112x112 pixels.
# "File" holds the weights with batch norm folded into the convolutions, "peak" is the most memory that activations take
# at once. We count on the `meta` device, which needs no memory for the weights.

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

# %%
mobile = costs["mobilefacenet"]
times = {"parameters": [], "multiply-adds": [], "peak activations": []}
for counted in costs.values():
    times["parameters"].append(counted.parameters / mobile.parameters)
    work = counted.macs.conv_linear / mobile.macs.conv_linear
    times["multiply-adds"].append(work)
    times["peak activations"].append(counted.peak_fp32_bytes / mobile.peak_fp32_bytes)
for what, ratios in times.items():
    print(f"{what}: SE-LResNet100E-IR has {ratios[-1]:.0f} times MobileFaceNet's")
figure = viz.dots(
    times,
    ["MobileFaceNet", "IR-18", "IR-50", "IR-100", "SE-IR-100"],
    title="Beside MobileFaceNet: dozens of times the weights and the work",
    xlabel="times MobileFaceNet's",
    log_x=True,
)
alt = "Three kinds of dots on a log scale, a row a network; parameters and multiply-adds"
viz.show(figure, alt=f"{alt} of IR-100 end above fifty.")

# %% tags=["guard"]
guard(
    "65 times the parameters and 55 times the work",
    round(times["parameters"][-1]) == 65 and round(times["multiply-adds"][-1]) == 55,
    times=times,
)

# %% [markdown]
# So 65 times the parameters and 55 times the multiply-adds. And what is bought with them? Lee et al. (2024, Table 1) print
# an accuracy of 99.6833 % for MobileFaceNet and of 99.8500 % for the large network. They also print the share of genuine
# pairs accepted (their "recall rate"), 99.4667 and 99.7000 %, and the share of impostor pairs refused (their
# "specificity"), 99.9000 and 100.0000 %. Their test set is not named. If it was LFW's usual one, 3,000 pairs of each
# kind, the table tells how many pairs went wrong:

# %%
PAIRS = 3000  # of each kind
printed = {
    "MobileFaceNet": (99.6833, 99.4667, 99.9000),
    "SE-LResNet100E-IR": (99.8500, 99.7000, 100.0000),
}
low, high, n_wrong = {}, {}, {}
for name, (accuracy, accepted, refused) in printed.items():
    missed = round((1 - accepted / 100) * PAIRS)
    let_in = round((1 - refused / 100) * PAIRS)
    n_wrong[name] = missed + let_in
    interval = evaluation.wilson(2 * PAIRS - n_wrong[name], 2 * PAIRS)
    low[name], high[name] = 100 * interval.low, 100 * interval.high
    print(f"{name}: {missed} missed, {let_in} let in, {n_wrong[name]} of 6,000 wrong")
    print(f"  that is {100 - n_wrong[name] / 60:.4f} %, printed {accuracy:.4f} %", end="; ")
    print(f"interval {low[name]:.2f} to {high[name]:.2f} %")

# %% tags=["guard"]
guard(
    "19 against 9 wrong, and the intervals overlap",
    n_wrong == {"MobileFaceNet": 19, "SE-LResNet100E-IR": 9}
    and high["MobileFaceNet"] > low["SE-LResNet100E-IR"],
    n_wrong=n_wrong,
    high=high,
    low=low,
)

# %% [markdown]
# All six printed numbers fit 6,000 pairs: 19 went wrong against 9. The two intervals overlap. That does not prove the
# networks equal; a test of the answers pair by pair could say more, but they are not given. So there is **little** between
# the two in accuracy, and much in cost.
#
# Lee et al. say themselves that they have "no data that directly compares the hardware usage environment, such as
# computational resources and memory usage, between the two models", and leave it for later. We have counted what they
# leave open; we have not timed it. For a server the trade may be right. For a telephone, where a network must also fit, be
# quick and spare the battery, accuracy alone does not decide.
#
# ## The name
#
# - **L**: the first convolution is 3x3 with stride 1. Other residual networks begin with a 7x7 of stride 2 and a pooling,
#   and throw away three quarters of a small face, twice.
# - **IR**: the *improved residual* unit, below.
# - **100**: the 3x3 convolutions and the last fully connected layer; shortcuts, SE, batch norm and PReLU are not
#   counted.
# - **E**: the fifth of five endings, four layers in a row: batch norm, **dropout** (which sets random activations to zero
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
# A convolution sees a window. Whether a channel matters may depend on the **whole** picture. So: average every channel over
# all places (squeeze), let two small layers make a number between 0 and 1 for each channel out of that (excitation), and
# multiply the channel by it:
#
# $$y_c = x_c \cdot \sigma\big(W_2\, f(W_1\, \bar x)\big)_c .$$
#
# Here $\bar x$ are the averages of all channels, $\sigma(z) = 1 / (1 + e^{-z})$ is the **sigmoid**, and $f$ is the
# nonlinearity between the layers: Hu et al. (2018) took ReLU, our network a PReLU. Follow the two ways in the picture: one
# goes through the layers, the other waits to be multiplied.

# %% tags=["illustration"]
squeezing = backbones.iresnet.SqueezeExcitation(128, 16)
title = "Squeeze and excitation: all places decide how much a channel counts"
picture = {"squeeze and excitation": (squeezing, (128, 28, 28))}
viz.show(*viz.block_diagram(picture, title=title, costs=False))

# %% [markdown]
# ### Exercise 1: squeeze and excitation
#
# Complete `excited`. Every network of this notebook will run it, also in training.
# - `x` has the shape (N, C, H, W), the matrices `down` (hidden, C) and `up` (C, hidden). Return the excited `x`, of the same
#   shape. No layer has a bias.
# - Every image is excited by its own averages.
# - Between the layers stands a PReLU: a negative number is multiplied by the slope of its hidden channel, `slopes`
#   (hidden,); others stay.
#
# The solutions, with reasons, are in [solutions/04f_se_lresnet.py](solutions/04f_se_lresnet.py).


# %% tags=["exercise"]
def excited(x, down, slopes, up): ...


# %% tags=["check"]
def by_convolutions(x, down, slopes, up):
    squeezed = nn.functional.adaptive_avg_pool2d(x, 1)
    hidden = nn.functional.conv2d(squeezed, down[:, :, None, None])
    hidden = nn.functional.prelu(hidden, slopes)
    return x * nn.functional.conv2d(hidden, up[:, :, None, None]).sigmoid()


def draw(rng):
    n, c, hidden, height, width = rng.integers(1, [4, 6, 4, 4, 5])
    shapes = ((n, c, height, width), (hidden, c), (hidden,), (c, hidden))
    return tuple(torch.from_numpy(rng.normal(size=shape)) for shape in shapes)


hints = (
    "x.mean(dim=(2, 3)) has one number for each image and channel: (N, C).",
    "A matrix (hidden, C) is applied to rows of C numbers by @ down.T.",
    "torch.where(hidden > 0, hidden, slopes * hidden); a factor is [:, :, None, None]",
)
image = torch.tensor([[[[1.0, 3.0]], [[2.0, -2.0]]]])
down, slope = torch.tensor([[1.0, 5.0]]), torch.tensor([0.5])
cases = [(image, down, slope, torch.tensor([[0.0], [1.0]]))]
exercises.check(excited, by_convolutions, cases, draw=draw, hints=hints)

# %% [markdown]
# The module runs your function, as soon as there is one. Until then it falls back on `by_convolutions`, which the check
# compares yours with.


# %%
class SqueezeExcitation(nn.Module):
    def __init__(self, channels, reduction):
        super().__init__()
        hidden = channels // reduction
        self.down = nn.Linear(channels, hidden, bias=False)
        self.prelu = nn.PReLU(hidden)
        self.up = nn.Linear(hidden, channels, bias=False)

    def forward(self, x):
        inputs = x, self.down.weight, self.prelu.weight, self.up.weight
        out = excited(*inputs)
        return by_convolutions(*inputs) if out is None else out


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
# This is what a unit runs that opens a stage. Look for the two ways around: the right column is **added**, and inside the
# squeeze and excitation at the end of the left one, the input is **multiplied**.

# %% tags=["illustration"]
opening = {"improved residual unit": (ImprovedResidual(64, 128, 2, 16), (64, 56, 56))}
title = "The unit that opens the second stage"
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
# Are they the library's? `backbones.percent_apart` puts its weights into ours, in order, gives both the same random input,
# and returns the largest difference of the outputs, in per cent of their largest number.


# %%
def little(name, **options):
    sizes = {"blocks": (1, 2, 1, 1), "widths": (16, 16, 32, 48), "input_size": 32}
    return backbones.create(name, **sizes, embedding_dim=24, **options, seed=0)


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
    differs[name] = backbones.percent_apart(ours, theirs, *shape)
    print(f"{name}: the two outputs differ by {differs[name]:.2f} %")

# %%
with torch.device("meta"):
    full = lresnet(UNITS[100], WIDTHS, reduction=16)
parameters = sum(p.numel() for p in full.parameters())
by_library = backbones.describe("se_lresnet100e_ir").parameters
added = costs["se_lresnet100e_ir"].parameters - costs["iresnet100"].parameters
share_of_se = 100 * added / parameters
print(f"SE-LResNet100E-IR: {parameters:,} parameters, the library's {by_library:,}")
print(f"squeeze and excitation adds {added:,} of them, {share_of_se:.1f} %")

# %% tags=["guard"]
guard(
    "units and network are the library's, and so is the count; SE is next to nothing",
    max(differs.values()) < 0.02 and parameters == by_library and share_of_se < 1,
    differs=differs,
    parameters=parameters,
    by_library=by_library,
    share_of_se=share_of_se,
)

# %% [markdown]
# Both exercises meet here: add up your `squeeze_parameters` over the four stages, with a reduction of 16, and you must find
# this number.
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
# ## A task for squeeze and excitation
#
# When does a convolution's window not suffice? We make such a task. In each picture lie two digits on top of each other, a
# red and a green one. Beside them is an empty strip, and in some pictures a small blue **lamp** shines there. If it does,
# the red digit is asked for; if not, the green one. So the channels that see red should count in one picture and not in
# the next, and only a distant place knows.


# %%
SIDE, STRIP = 14, 16  # pixels: of the digits, and of the strip to their right


def two_digits(digits, seed):
    """Pictures of two digits, labelled with the one asked for; and where the lamp is on."""
    rng, n = np.random.default_rng(seed), len(digits)
    other = torch.from_numpy(rng.permutation(n))
    on = torch.from_numpy(rng.random(n) < 0.5)
    pictures = torch.zeros(n, 3, SIDE, SIDE + STRIP, dtype=torch.uint8)
    pictures[:, 0, :, :SIDE] = digits.images[:, 0]  # red
    pictures[:, 1, :, :SIDE] = digits.images[other, 0]  # green
    rows, columns = rng.integers(0, SIDE - 2, n), 25 + rng.integers(0, 3, n)
    for i in torch.nonzero(on).flatten().tolist():
        pictures[i, 2, rows[i] : rows[i] + 3, columns[i] : columns[i] + 3] = 255
    labels = torch.where(on, digits.labels, digits.labels[other])
    return data.ImageSet(pictures, labels, digits.names, digits.source), on


# %%
train_digits, test_digits = (part.resized(SIDE, SIDE) for part in data.digits())
(learn, _), (judge, lamp_on) = two_digits(train_digits, 0), two_digits(test_digits, 1000)
print(f"{len(learn)} pictures to learn from, {len(judge)} of other digits to test on")
captions = []
for label, on in zip(judge.labels[:12], lamp_on[:12], strict=True):
    captions.append(f"{'lamp: red' if on else 'dark: green'} {label}")
figure = viz.image_grid(
    judge.images[:12],
    captions,
    title="Which digit is asked for depends on the lamp",
    columns=6,
    credit=judge.source,
)
alt = "Twelve pictures of a red digit on a green one; in some a blue square at the right."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "the lamp is on in about half of the pictures",
    0.4 < lamp_on.float().mean() < 0.6,
    lamp_on=lamp_on,
)

# %% [markdown]
# The network has two improved residual units and ends in the average over all places, from which a linear classifier
# reads. A place of its last map sees 15 columns of pixels. So hardly any place sees both a digit and the lamp, and the
# classifier can only add up what the places found. Suppose such a network reads both digits without a mistake, cannot tell
# which one is asked for, and always names one of the two. How many pictures does it name rightly? (The two digits are
# drawn independently, so now and then they are equal.)

# %% tags=["predict"]
guess = exercises.predict(
    ...,
    question="Named rightly by somebody who reads both digits but cannot see the lamp?",
    unit="%",
)


# %%
CHANNELS, EPOCHS, BATCH, RATE = 24, 12, 100, 0.01


def small_network(reduction=None, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, CHANNELS, 3, padding=1, bias=False),
        nn.BatchNorm2d(CHANNELS),
        nn.PReLU(CHANNELS),
        ImprovedResidual(CHANNELS, CHANNELS, 2, reduction),
        ImprovedResidual(CHANNELS, CHANNELS, 1, reduction),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def named_rightly(net, criterion, pictures):
    """In %."""
    features = torch.from_numpy(training.embed(net, pictures))
    chosen = criterion(features, pictures.labels).logits.argmax(dim=1)
    return 100 * (chosen == pictures.labels).float().mean().item()


# %% [markdown]
# Training is the loop of notebook 02, with another optimizer: **AdamW** divides the step of each weight by the recent size
# of its gradient.


# %%
def train_digits_on(net, pictures, seed=0):
    criterion = losses.Softmax(CHANNELS, 10, seed=seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.AdamW(weights, RATE, weight_decay=0.01)
    steps = EPOCHS * -(-len(pictures) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "seed": seed, "schedule": schedule}
    recipe |= {"optimizer": optimizer, "precision": "32-true"}
    training.fit(net, criterion, pictures, **recipe)
    return criterion


# %% tolerance="8 points"
networks, live = {}, {}
for name, reduction in (("without SE", None), ("with SE", 4)):
    networks[name] = small_network(reduction)
    criterion = train_digits_on(networks[name], learn)
    live[name] = named_rightly(networks[name], criterion, judge)
    n_parameters = sum(p.numel() for p in networks[name].parameters())
    print(f"{name}: {n_parameters:,} parameters, {live[name]:.0f} % named rightly")
guess.reveal(live["without SE"], ".0f")

# %% tags=["guard"]
guard(
    "one run: with SE most pictures are named rightly, without not many above half",
    live["with SE"] > live["without SE"] + 15,
    live=live,
)
