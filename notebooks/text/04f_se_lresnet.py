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
# - a task that a shallow network cannot do without it, and one that it can.
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (training, paired runs, power, Wilson's interval) and
# [notebook 03](03_convolution_costs.ipynb) (what a convolution costs, batch norm, PReLU, shortcuts).
#
# **Time and place**: 1 minute to run, 90 minutes to read and do, 45 more for the open task. No GPU, no network, 1.0 GB of memory.

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
NAMES = ("mobilefacenet", "iresnet18", "iresnet100", "se_lresnet100e_ir")
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
    ["MobileFaceNet", "IR-18", "IR-100", "SE-IR-100"],
    title="Beside MobileFaceNet: dozens of times the weights and the work",
    xlabel="times MobileFaceNet's",
    log_x=True,
)
alt = (
    "Three kinds of dots on a log scale, a row a network; parameters and multiply-adds"
)
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
    print(
        f"  that is {100 - n_wrong[name] / 60:.4f} %, printed {accuracy:.4f} %",
        end="; ",
    )
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
exercises.check(excited, by_convolutions, [], draw=draw, hints=hints)

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
    """Pictures labelled with the digit asked for, and where the lamp is on."""
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
learn, learn_on = two_digits(train_digits, 0)
judge, lamp_on = two_digits(test_digits, 1000)
print(f"{len(learn)} pictures to learn from, {len(judge)} of other digits to test on")
shown, captions = torch.arange(41, 1000, 83), []
for label, on in zip(judge.labels[shown], lamp_on[shown], strict=True):
    captions.append(f"{'lamp: red' if on else 'dark: green'} {label}")
figure = viz.image_grid(
    judge.images[shown],
    captions,
    title="Which digit is asked for depends on the lamp",
    columns=6,
    credit=judge.source,
)
alt = (
    "Twelve pictures of a red digit on a green one; in some a blue square at the right."
)
viz.show(figure, alt=alt)

lit_share = lamp_on.float().mean().item()

# %% tags=["guard"]
guard(
    "the lamp is on in about half of the pictures",
    0.4 < lit_share < 0.6,
    lit_share=lit_share,
)

# %% [markdown]
# The network has two improved residual units and ends in the average over all places, from which a linear classifier
# reads. A place of its last map sees fifteen columns of pixels. So hardly any place sees both a digit and the lamp, and the
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
CHANNELS, EPOCHS, BATCH, RATE = 16, 6, 50, 0.01


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


# %% [markdown]
# Training is the loop of notebook 02, with another optimizer: **AdamW** divides the step of each weight by the recent size
# of its gradient.


# %%
def named_after_training(net, pictures, others, seed=0):
    """Train on the pictures; the share of others named rightly, in %."""
    criterion = losses.Softmax(CHANNELS, 10, seed=seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.AdamW(weights, RATE, weight_decay=0.01)
    steps = EPOCHS * -(-len(pictures) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "seed": seed, "schedule": schedule}
    recipe |= {"optimizer": optimizer, "precision": "32-true"}
    training.fit(net, criterion, pictures, **recipe)
    features = torch.from_numpy(training.embed(net, others))
    chosen = criterion(features, others.labels).logits.argmax(dim=1)
    return 100 * (chosen == others.labels).float().mean().item()


# %% [markdown]
# Two networks learn the task, one with squeeze and excitation and one without.

# %% tolerance="8 points"
networks, far = {}, {}
for name, reduction in (("without SE", None), ("with SE", 4)):
    networks[name] = small_network(reduction)
    far[name] = named_after_training(networks[name], learn, judge)
    n_parameters = sum(p.numel() for p in networks[name].parameters())
    print(f"{name}: {n_parameters:,} parameters, {far[name]:.0f} % named rightly")
either = 100 * (1 / 2 + 1 / 2 * 1 / 10)
print(f"one of the two digits, whichever: {either:.0f} %")
guess.reveal(far["without SE"], ".0f")

# %% tags=["guard"]
guard(
    "with SE most pictures are named rightly, without hardly more than half",
    far["with SE"] > 75 and far["without SE"] < 65,
    far=far,
)

# %% [markdown]
# Whoever reads both digits and cannot choose names 55 % rightly: half of the pictures, and half of the tenth in which both
# digits are the same. The network without SE ended there. That is no matter of luck or of longer training: what it lacks is a
# way from one end of the picture to the other, **before** the sum over all places is taken. SE is such a way, and adds a few
# hundred parameters.
#
# What does it do there? Here are the factors of the last unit, for the channels whose factor depends most on the lamp.


# %%
@torch.no_grad()
def channel_factors(net, pictures):
    """The factors (N, C) of the last unit's squeeze and excitation."""
    x = data.normalise(pictures.images)
    *layers, squeeze = net.eval()[4].residual
    for layer in (*net[:4], *layers):
        x = layer(x)
    hidden = squeeze.prelu(squeeze.down(x.mean(dim=(2, 3))))
    return torch.sigmoid(squeeze.up(hidden)).numpy()


# %% tolerance="0.3"
factors, is_lit = channel_factors(networks["with SE"], judge), lamp_on.numpy()
lit, dark = factors[is_lit].mean(axis=0), factors[~is_lit].mean(axis=0)
order = np.argsort(-abs(lit - dark))[:8]
most = abs(lit - dark)[order]
print(f"the channel that changes most: by {most[0]:.2f} on average")
print(f"the eighth of {CHANNELS}: by {most[-1]:.2f}")
figure = viz.dots(
    {"lamp on": lit[order], "lamp off": dark[order]},
    [f"channel {number}" for number in range(1, 9)],
    title="The lamp switches channels on and off",
    xlabel="factor, mean over the pictures",
    references={"one half, where every factor begins": 0.5},
    limits=(0, 1),
)
alt = "Eight rows with two dots each, far apart: one for the lamp on, one for it off."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard("some factors depend strongly on the lamp", most[0] > 0.3, most=most)

# %% [markdown]
# Before training the layers put out numbers near zero, and the sigmoid of zero is one half. In training the factors have
# left it, in both directions: some channels count when the lamp is on, others when it is off. (The channels are numbered
# from the one that changes most.)
#
# ## Where it is not needed
#
# Now the lamp is **near**: its light fills the whole picture, so every window sees it. All else is equal. The network without
# SE learns once more.

# %% tolerance="8 points"
near = []
for pictures, on in ((learn, learn_on), (judge, lamp_on)):
    images = pictures.images.clone()
    images[:, 2] = torch.where(on, 255, 0).to(torch.uint8)[:, None, None]
    near.append(data.ImageSet(images, pictures.labels, pictures.names, pictures.source))
named_near = named_after_training(small_network(), *near)
print(f"near lamp, without SE: {named_near:.0f} % named rightly")
print(
    f"far lamp, without SE: {far['without SE']:.0f} %, with SE: {far['with SE']:.0f} %"
)

# %% tags=["guard"]
guard(
    "with the near lamp most pictures are named without SE",
    named_near > 75,
    named_near=named_near,
)

# %% [markdown]
# ### Explain: why is the near lamp no problem?
#
# With the near lamp the network without SE names most pictures rightly. It has no factors. How can it leave out the
# wrong digit all the same? What in its units does the choosing, and why can that not help with the far lamp?
#
# <details><summary>Model answer</summary>
#
# Every window sees the lamp's light. A convolution adds up what it sees, so the light can lower the sum of all channels that
# look for green strokes, and raise that of those that look for red ones. The nonlinearity behind it then keeps what is
# still positive and makes the rest small: it chooses, place by place. With the far lamp, no window that sees a stroke sees
# the light. The places report both digits, and the average over all places only adds the report "lamp on" to them. A sum
# cannot switch anything off; a product can, and SE is one.
#
# </details>
#
# ## And faces?
#
# In a deep face network the last units see the whole face, so there is less that only SE could tell them. Does it help? A
# recorded run has trained the full networks of a hundred layers with one recipe on thirty people of ORL, at half their size,
# with three seeds. We compare the pair that differs in SE alone, seed by seed.

# %%
recorded = record("backbone_accuracy")
print(recorded["command"], "| recorded on", recorded["date"])
named, strangers = {}, {}
for run in recorded["figures"]["runs"]:
    for name, words in (("iresnet100", "without SE"), ("se_lresnet100e_ir", "with SE")):
        if run["name"] == name:
            named.setdefault(words, []).append(100 * run["accuracy"]["training"])
            share = 100 * run["accuracy"]["verification"]
            strangers.setdefault(words, []).append(share)
for words in named:
    print(
        f"{words}: {np.mean(named[words]):.1f} % of its own photographs named", end=", "
    )
    print(f"{np.mean(strangers[words]):.1f} % of the pairs of strangers right")

# %%
difference = np.subtract(strangers["with SE"], strangers["without SE"])
on_faces = evaluation.mean_interval(difference)
n, spread = len(difference), difference.std(ddof=1)
t = stats.t.ppf(0.975, n - 1) + stats.t.ppf(0.8, n - 1)
findable = t * spread / np.sqrt(n)
print(f"with SE - without: {difference.mean():+.1f} points", end=", ")
print(f"interval {on_faces.low:+.1f} to {on_faces.high:+.1f}, {n} runs")
print(f"so few runs find a difference of {findable:.1f} points with a power of 80 %")
figure = viz.seeds_and_means(
    {"with SE minus without": difference.tolist()},
    {"with SE minus without": (on_faces.low, on_faces.high)},
    title="Unseen people: three runs leave open whether SE helps",
    xlabel="verification accuracy, difference in percentage points",
    references={"no difference": 0.0},
)
alt = "Three dots at zero and about one, with an interval that includes zero."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "the interval includes zero, and a difference of three points would not be missed",
    on_faces.low < 0 < on_faces.high and findable < 3,
    on_faces=(on_faces.low, on_faces.high),
    findable=findable,
)

# %% [markdown]
# Both had learned their photographs, so the comparison is fair. The mean lies slightly above zero, the interval includes it. A
# gain of two points or more would probably have shown; whether there is one of half a point these runs cannot tell. SE costs
# next to nothing, so that is no argument against it either.

# %% [markdown]
# ### Open task: deeper instead (45 minutes)
#
# The far lamp is far because the network is shallow: every unit more lets each place see further. How many units does a
# network **without** SE need to do what two units with SE do, and what do they cost? Put more `ImprovedResidual` units into
# `small_network`, train on the far lamp, and write a paragraph with a figure that somebody who has to choose can use.
#
# | What counts | Points |
# |---|---|
# | before the first run you worked out how many columns the last map sees with each number of units, and said what you expect | 2 |
# | networks differ in one thing at a time; parameters and multiply-adds (`cost.count`) stand beside the shares | 2 |
# | at least three seeds for each number of units, shown one by one, with the interval of the difference to SE | 2 |
# | the paragraph says from which depth on SE is not needed for this task, and what that depth costs | 2 |
# | it says what this does not tell about faces | 1 |

# %% [markdown]
# ## Summary
#
# - The name is a specification: L keeps the resolution, IR is the unit, E the ending, SE a factor for every channel.
# - Beside MobileFaceNet the network has 65 times the parameters and 55 times the multiply-adds. Lee et al. compare accuracy,
#   19 errors against 9 if their test had 6,000 pairs, and say that cost is still to be measured.
# - SE lets the whole picture decide how much a channel counts. Where the answer depended on a place far from the digits, it
#   made the difference between choosing and guessing; where every window saw the lamp, it made next to none.
#
# **What you can do with it**: `backbones.create("se_lresnet100e_ir", blocks=…, widths=…, squeeze=…)` builds networks of this
# kind at any size. Reach for SE where a channel's meaning depends on the whole picture and the network is shallow.
#
# **Next**: [notebook 04g](04g_vit.ipynb) leaves convolutions behind, and sets all families beside each other. The core of
# the course goes on with [notebook 05](05_center_loss_digits.ipynb).
#
# ## What the papers report
#
# - Deng et al. (2019, CVPR) report 99.83 % on LFW with LResNet100E-IR and ArcFace.
# - Lee et al. (2024, "Research on a Lightweight Deep Learning Model Suitable for Face Recognition for Mobile Devices",
#   Table 1) report 99.6833 % for MobileFaceNet and 99.8500 % for SE-LResNet100E-IR, and write that the latter "is expected to
#   be more meaningful in limited embedded environments". They name the missing comparison of computational resources and
#   memory as further work.
# - Hu et al. (2018, CVPR) introduced squeeze and excitation, and report "significant improvements in performance for existing
#   state-of-the-art CNNs at slight additional computational cost" (abstract).
