# %% [markdown]
# # What a convolution costs
#
# A network for a phone has to be small. But small in what? In arithmetic, which takes time? In weights, which take space
# in the file? Or in the memory that it needs while it runs? A layer that is cheap in one of the three can be expensive in
# another.
#
# In this notebook we count all three, exactly, before anything is trained. Then we look at the last step of a face
# network, where MobileFaceNet replaces a plain average by one small layer, and ask why.
#
# **What you will learn**
# - to count multiply-adds, parameters and activation memory of any convolution by hand;
# - what depthwise-separable convolutions and inverted residuals save, and what they cost;
# - why papers print different "FLOPs" for the same network, and how to find out which rule they used;
# - which tensors must be in memory at the same time;
# - why the centre of an aligned face counts more than its corners, and what a network can do about it.
#
# **What you need before**: [notebook 01](01_alignment.ipynb) (alignment) and [notebook 02](02_train_and_verify.ipynb)
# (training and verification). You should know what a convolution computes.
#
# **Time and place**: 1 minute to run, 110 minutes to read and do. No GPU, no network, 1.4 GB of memory.

# %% tags=["imports"]
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

# %% tags=["imports"]
from course_lib import (
    alignment,
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
from course_lib.backbones import blocks

# %% [markdown]
# ## A convolution that counts itself
#
# A filter lies on a window of the image. Each of its weights is multiplied by the number below it, and the products are
# added up. One multiplication with its addition is a **multiply-add** (MAC). Then the filter moves on by the **stride**:
# with a stride of 2 it skips every other place. The next cell does this in loops, with a counter. The cell after it runs
# the loops on a small image and compares them with PyTorch's own layer.


# %%
def counting_convolution(image, filters, stride, padding):
    """Filters (out, in, k, k) on an image (in, H, W), and the multiply-adds it took."""
    image, kernel = F.pad(image, [padding] * 4), filters.shape[-1]
    height, width = [(side - kernel) // stride + 1 for side in image.shape[1:]]
    output = torch.zeros(len(filters), height, width)
    multiply_adds = 0
    for channel, weights in enumerate(filters):
        for row, column in np.ndindex(height, width):
            top, left = row * stride, column * stride
            window = image[:, top : top + kernel, left : left + kernel]
            output[channel, row, column] = (window * weights).sum()
            multiply_adds += weights.numel()
    return output, multiply_adds


# %% tolerance="0.001"
torch.manual_seed(0)
image = torch.randn(3, 14, 12)
layer = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
filters = layer.weight.detach()
output, multiply_adds = counting_convolution(image, filters, stride=2, padding=1)
by_torch = layer(image).detach()
worst = (output - by_torch).abs().max().item()
library = cost.count(layer, (14, 12))
library_macs = library.macs.conv_linear
print("first row by our loops:", output[0, 0].numpy().round(3))
print("first row by PyTorch:  ", by_torch[0, 0].numpy().round(3))
print(f"output {tuple(output.shape)}, largest difference {worst:.3f}")
print(f"multiply-adds by our loops {multiply_adds:,}, by the library {library_macs:,}")
print(f"weights {filters.numel()}")

# %% tags=["guard"]
guard(
    "the loops compute and count as PyTorch and the library do",
    worst < 0.01 and multiply_adds == library_macs,
    worst=worst,
    multiply_adds=multiply_adds,
    library_macs=library_macs,
)

# %% [markdown]
# ## The same by formula
#
# We need no loops to know that. With filters of $k$ by $k$ a side of $n$ pixels becomes
#
# $$n' = \left\lfloor \frac{n + 2\,\text{padding} - k}{\text{stride}} \right\rfloor + 1,$$
#
# places. Let the input have $c$ channels and the output $c'$, one for each filter, on $h'$ by $w'$ places. Each of the
# $c' h' w'$ outputs takes as many multiply-adds as a filter has weights. In a **grouped convolution** the channels of
# the input are split into $g$ groups, and a filter sees only the $c / g$ channels of its own group; otherwise $g = 1$.
# A **parameter** is a number that training sets; in a convolution without bias these are the weights:
#
# $$\text{parameters} = c' \cdot \frac{c}{g} \cdot k^2, \qquad \text{multiply-adds} = h' w' \cdot \text{parameters}.$$
#
# So a weight costs once in the file, and in arithmetic once for every place of the output.
#
# ## Three blocks
#
# - A **standard** convolution mixes space and channels at once.
# - A **depthwise-separable convolution** does it in two steps: a **depthwise convolution** ($g = c$) filters each channel
#   by itself, then a **pointwise convolution** (1x1) mixes the channels (Howard et al. 2017).
# - An **inverted residual** first widens to $t \cdot c$ channels by a 1x1 convolution, filters them depthwise, and narrows
#   them to $c$ again. The factor $t$ is its **expansion**. Where the shapes allow, the block's input is added to the
#   result; this is a **shortcut** (Sandler et al. 2018).
#
# ### Exercise 1: the price of a separable convolution
#
# How many multiply-adds does a depthwise-separable convolution take: a depthwise `kernel` x `kernel` convolution of the
# `in_channels`, then a 1x1 convolution to `out_channels`? The stride is 1 and the padding keeps the size: both outputs
# have `height` x `width` places. Return a whole number. The solutions, with reasons, are in
# [solutions/03_convolution_costs.py](solutions/03_convolution_costs.py).


# %% tags=["exercise"]
def separable_macs(in_channels, out_channels, kernel, height, width): ...


# %% tags=["check"]
def by_ones(c_in, c_out, kernel, height, width):
    """Ones everywhere: each multiply-add then adds one to the sum of the outputs."""
    image = torch.ones(1, c_in, height + kernel - 1, width + kernel - 1)
    depth = F.conv2d(image, torch.ones(c_in, 1, kernel, kernel), groups=c_in)
    point = F.conv2d(torch.ones_like(depth), torch.ones(c_out, c_in, 1, 1))
    return int(depth.sum() + point.sum())


def draw(rng):
    channels, sides = rng.integers(1, 33, size=2), rng.integers(1, 20, size=2)
    return tuple(map(int, (*channels, 2 * rng.integers(4) + 1, *sides)))


hints = (
    "How many weights has one filter of each convolution, and how often is it used?",
    "A depthwise filter has kernel * kernel weights, a 1x1 filter has in_channels.",
    "height * width * (in_channels * kernel**2 + in_channels * out_channels)",
)
cases = [(64, 128, 3, 28, 28), (16, 16, 5, 14, 12), (1, 2, 3, 4, 5)]
exercises.check(separable_macs, by_ones, cases, draw=draw, hints=hints)

# %% [markdown]
# ## What the three blocks cost
#
# Below the blocks stand as data, one row for each convolution: channels in, channels out, kernel, groups, and the side of
# the output. The second function applies our two formulas to such rows.


# %%
def convolutions(channels, kernel, stride, expansion, side):
    """The convolutions of the three blocks on a map of side x side."""
    c, wide, small = channels, expansion * channels, -(-side // stride)
    return {
        "standard": [(c, c, kernel, 1, small)],
        "depthwise-separable": [(c, c, kernel, c, small), (c, c, 1, 1, small)],
        "inverted residual": [
            (c, wide, 1, 1, side),
            (wide, wide, kernel, wide, small),
            (wide, c, 1, 1, small),
        ],
    }


# %%
def my_costs(rows):
    """Multiply-adds and weights of the convolutions together."""
    multiply_adds = weights = 0
    for c_in, c_out, kernel, groups, side in rows:
        of_this_one = c_out * (c_in // groups) * kernel**2
        weights += of_this_one
        multiply_adds += of_this_one * side**2
    return multiply_adds, weights


# %% [markdown]
# Here are the same blocks from the library. There each convolution is followed by **batch norm**, which subtracts each
# channel's mean, divides by its standard deviation, and then scales and shifts by two learned numbers. Behind it mostly
# comes a nonlinearity: **ReLU** turns negative numbers into zero, **PReLU** multiplies them by a learned slope.


# %%
def built(channels, kernel, stride, expansion):
    """The three blocks as modules."""
    unit, c, wide = blocks.ConvUnit, channels, expansion * channels
    filters = {"kernel": kernel, "stride": stride}
    inverted = blocks.InvertedBottleneck(c, c, expansion=expansion, stride=stride)
    inverted.depthwise = unit(wide, wide, groups=wide, **filters)
    separable = nn.Sequential(unit(c, c, groups=c, **filters), unit(c, c, 1))
    return {
        "standard": unit(c, c, **filters),
        "depthwise-separable": separable,
        "inverted residual": inverted,
    }


def costs_of(channels, *setting):
    """The library's count of each block on a map of 28x28."""
    modules = built(channels, *setting).items()
    return {n: cost.count(m, (28, 28), in_channels=channels) for n, m in modules}


# %% [markdown]
# Here is what these modules run, drawn from the modules themselves. Follow the number of channels down each column: only
# the third block changes it on the way. Its shortcut is the arrow that runs past all three convolutions.

# %% tags=["illustration"]
shape = (64, 28, 28)
three = {name: (module, shape) for name, module in built(64, 3, 1, 2).items()}
title = "Three blocks for one job, with 64 channels and an expansion of 2"
viz.show(*viz.block_diagram(three, title=title))

# %% [markdown]
# Do our formulas agree with the library? We count the convolutions of four settings in both ways.

# %%
settings = [(16, 3, 1, 2), (64, 3, 2, 4), (32, 5, 2, 6), (64, 7, 1, 1)]
table = []
for setting in settings:
    rows = convolutions(*setting, side=28)
    for name, counted in costs_of(*setting).items():
        weights = 0
        for part in counted.layers:
            weights += part.parameters if part.kind == "conv2d" else 0
        by_library = (counted.macs.conv_linear, weights)
        table.append((name, *setting, *my_costs(rows[name]), *by_library))
heading = "block, channels, kernel, stride, expansion, MACs, weights, MACs counted"
comparison = pd.DataFrame(table, columns=[*heading.split(", "), "weights counted"])
formula = comparison[["MACs", "weights"]].to_numpy()
by_counter = comparison[["MACs counted", "weights counted"]].to_numpy()
comparison.set_index("block").map("{:,}".format)

# %% tags=["guard"]
guard(
    "our formulas and the library agree for every block",
    np.all(formula == by_counter),
    formula=formula,
    by_counter=by_counter,
)

# %% [markdown]
# The figure sets the blocks side by side. Its third panel shows the **peak activation memory**: the most that must be
# held at one moment while the block runs, in 32-bit floats. Further below we count it ourselves. The parameters in the
# figure include those of batch norm and PReLU.


# %%
def costs_figure(channels, kernel, stride, expansion):
    macs, parameters, memory = {}, {}, {}
    for name, counted in costs_of(channels, kernel, stride, expansion).items():
        macs[name] = counted.macs.conv_linear / 1e6
        parameters[name] = counted.parameters / 1e3
        memory[name] = counted.peak_fp32_bytes / 1e3
    size = f"{channels} channels, {kernel}x{kernel}, stride {stride}"
    panels = {
        "multiply-adds, millions": macs,
        "parameters, thousands": parameters,
        "peak activations, kB": memory,
    }
    title = f"What three blocks cost: {size}, expansion {expansion}"
    return viz.bars(panels, title=title)


# %%
alt = "Three panels of bars: the standard convolution leads in multiply-adds and "
alt += "parameters, the inverted residual in memory."
viz.show(costs_figure(64, 3, 1, 2), alt=alt)
counts = costs_of(64, 3, 1, 2).values()
macs = [counted.macs.conv_linear for counted in counts]
parameters = [counted.parameters for counted in counts]
peaks = [counted.peak_elements for counted in counts]
print(f"standard over separable: {macs[0] / macs[1]:.1f} times the multiply-adds")
print(f"standard over inverted: {macs[0] / macs[2]:.1f} times the multiply-adds")
print(f"inverted over separable: {peaks[2] / peaks[1]:.1f} times the memory")
print(f"inverted over standard: {peaks[2] / peaks[0]:.1f} times the memory")

# %% tags=["guard"]
guard(
    "the separable block is cheapest, and the inverted residual needs most memory",
    macs[1] < macs[2] < macs[0]
    and parameters[1] < parameters[2] < parameters[0]
    and peaks[2] == 2.5 * peaks[1] == 2.5 * peaks[0],
    macs=macs,
    parameters=parameters,
    peaks=peaks,
)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the sliders"
viz.sliders(
    costs_figure,
    {
        "channels": [16, 32, 64, 128, 256],
        "kernel": [3, 5, 7],
        "stride": [1, 2],
        "expansion": [1, 2, 4, 6],
    },
    start={"channels": 64, "expansion": 6},
    alt="Three panels of bars: with an expansion of 6 the inverted residual takes "
    "more multiply-adds than the standard convolution, and most memory.",
)

# %% [markdown]
# The standard convolution takes 7.9 times the multiply-adds of the separable one. In general the ratio is
# $1 / (1/c' + 1/k^2)$: with many channels nearly $k^2$, which is nine for 3x3. That is the idea of the MobileNets. The
# inverted residual takes more than the separable block, because it works in a wider space, and it holds 2.5 times the
# memory.
#
# Move the sliders, and look for answers. At which expansion does the inverted residual take as much arithmetic as the
# standard convolution? What does a larger kernel cost a depthwise convolution? What does the stride save, and in which
# block least?
#
# <details><summary>Answers</summary>
#
# With 64 channels, 3x3 and a stride of 1 the inverted residual overtakes between the expansions of 4 and 6. A depthwise
# convolution grows with $k^2$, from 9 weights a channel to 49 for 7x7. The block around it grows much less, because
# most of its arithmetic is in the 1x1 convolutions: the separable one with 64 channels by about half. A stride of 2
# divides the arithmetic of the other two blocks by four, but helps the inverted residual least: its first 1x1
# convolution still works on the large map.
#
# </details>
#
# ## Five numbers for one network
#
# In its own paper MobileFaceNet has "221M" multiply-adds (Chen et al. 2018), in another paper's table "236.75" million
# floating-point operations, or **FLOPs** (Hassanpour and Kowsari 2023). Both are right. The second network puts out 512
# numbers in place of 128, which is worth only 0.2 million. For the rest, they follow different **rules**: is a
# multiply-add one operation or two? Do only convolutions and **fully connected layers** count (a weight from every
# input to every output; PyTorch says linear layer)? Or batch norm and PReLU as well?
#
# A counter takes a few lines. It also counts the **elements**, the single numbers, that batch norms and PReLUs put out.
# A **hook** is a function that PyTorch calls whenever a layer has run.


# %%
def elements_and_macs(model, input_size):
    """Multiply-adds, elements of batch norms, and elements of PReLUs for one image."""
    totals = {"macs": 0, "batch norm": 0, "prelu": 0}

    def after(layer, inputs, output):
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            totals["macs"] += output.numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.BatchNorm2d):
            totals["batch norm"] += output.numel()
        elif isinstance(layer, nn.PReLU):
            totals["prelu"] += output.numel()

    handles = [module.register_forward_hook(after) for module in model.modules()]
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, *input_size))
    for handle in handles:
        handle.remove()
    return totals["macs"], totals["batch norm"], totals["prelu"]


# %%
net = backbones.create("mobilefacenet", embedding_dim=512)
macs_only, norm, prelu = elements_and_macs(net, (112, 112))
rules = {
    "convolutions and linear layers": macs_only,
    "+ 2 a batch-norm element": macs_only + 2 * norm,
    "+ 2 a batch-norm element, 1 a PReLU one": macs_only + 2 * norm + prelu,
    "+ 4 a batch-norm element, 1 a PReLU one": macs_only + 4 * norm + prelu,
    "2 for each multiply-add": 2 * macs_only,
}
for rule, operations in rules.items():
    print(f"{rule:40} {operations / 1e6:.2f}M")
theirs = cost.count(net, (112, 112)).macs
in_library = [theirs.conv_linear, theirs.thop, theirs.twice]
print("by the library:", ", ".join(f"{count / 1e6:.2f}M" for count in in_library))

# %% tags=["guard"]
guard(
    "the library agrees by each of its three rules",
    in_library == [macs_only, macs_only + 4 * norm + prelu, 2 * macs_only],
    in_library=in_library,
    macs_only=macs_only,
    norm=norm,
    prelu=prelu,
)

# %% [markdown]
# The rule with 4 is that of **thop**, a much used counter. It charges a batch norm with scale and shift 4 operations an
# element.
#
# ## Why batch norm costs nothing in the end
#
# In training, batch norm takes mean and variance from the batch, and keeps averages of both, the **running statistics**.
# At evaluation it uses those. For each channel it then computes
#
# $$\gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
#
# with fixed numbers $\gamma$, $\beta$, $\mu$, $\sigma^2$ and $\varepsilon$. If $x$ comes from a convolution, both together
# are **one** convolution with a bias. Merging them is called **folding**. A network that is put to use has its batch norms
# folded, and pays nothing for them.
#
# ### Exercise 2: fold the batch norm
#
# Return the weight and the bias, `(weight, bias)`, of the one convolution that does what the convolution and the batch
# norm do. `weight` is (out, in, k, k), and the convolution has no bias of its own; `gamma`, `beta`, `mean` and `variance`
# are (out,), `epsilon` is a number.


# %% tags=["exercise"]
def folded(weight, gamma, beta, mean, variance, epsilon): ...


# %% tags=["check"]
def by_fusion(weight, gamma, beta, mean, variance, epsilon):
    """PyTorch's own folding."""
    statistics = mean, variance, epsilon
    return nn.utils.fusion.fuse_conv_bn_weights(weight, None, *statistics, gamma, beta)


def draw(rng):
    n, c, k = rng.integers(1, 5, size=3)
    numbers = rng.normal(size=(n, c, k, k)), *rng.normal(size=(3, n)), rng.random(n)
    return *map(torch.from_numpy, numbers), float(rng.choice([0.001, 0.1]))


hints = (
    "Which factor multiplies x, and what comes out for x = 0?",
    "One factor a filter, gamma / sqrt(variance + epsilon): shape it (out, 1, 1, 1).",
    "factor.reshape(-1, 1, 1, 1) * weight, and beta - mean * factor.",
)
ones = torch.ones(2)
cases = [(torch.ones(2, 1, 1, 1), 2 * ones, ones, 3 * ones, 3 * ones, 1.0)]
exercises.check(folded, by_fusion, cases, draw=draw, hints=hints)

# %% [markdown]
# ## Which network was measured?
#
# A count of operations is a fingerprint. Hassanpour and Kowsari (2023) print 236.75 for MobileFaceNet and 456.89 for
# their "MMobileFaceNet". Their drawing of it doubles every channel number, takes images of 112x96 and gives 128
# numbers. Were those the networks that they measured? We build what is drawn (its last row), and what else it could be.
# On the device **meta** a network has shapes but no memory for its weights, which is enough for counting.

# %%
as_drawn = {"width": 2.0, "input_size": (112, 96), "embedding_dim": 128}
candidates = {
    "MobileFaceNet, 128-d": ("mobilefacenet", {}),
    "the same, 112x96": ("mobilefacenet", {"input_size": (112, 96)}),
    "MobileFaceNet, 512-d": ("mobilefacenet", {"embedding_dim": 512}),
    "doubled between blocks": ("mmobilefacenet_published", {}),
    "all doubled, 512-d": ("mmobilefacenet_as_written", {}),
    "all doubled, as drawn": ("mobilefacenet", as_drawn),
}
thop = {}
for name, (network_name, options) in candidates.items():
    with torch.device("meta"):
        network = backbones.create(network_name, **options)
    counted = cost.count(network, network.input_size)
    thop[name] = round(counted.macs.thop / 1e6, 2)
    macs_in_millions = counted.macs.conv_linear / 1e6
    print(
        f"{name:22} {counted.parameters:9,} parameters, "
        f"{macs_in_millions:.2f}M multiply-adds, {thop[name]:.2f}M by thop's rule"
    )

# %% tags=["guard"]
guard(
    "both published figures are those of other networks than the ones drawn",
    thop["MobileFaceNet, 512-d"] == 236.75
    and thop["doubled between blocks"] == 456.89
    and thop["all doubled, 512-d"] > 1.8 * thop["doubled between blocks"]
    and thop["all doubled, as drawn"] not in (236.75, 456.89),
    thop=thop,
)

# %% [markdown]
# Both published figures come out to the last digit. But 456.89 belongs neither to the network that is drawn nor to any
# with all channels doubled. The networks that were measured take 112x112 images and give 512 numbers. And only the
# channels **between** the blocks were doubled: inside, where the depthwise convolutions work, nothing grew. A real
# doubling costs nearly twice as much. Notebook 04b takes that network apart.
#
# Compare two counts only if the rule is the same. This course prints multiply-adds of convolutions and linear layers.
#
# ## Memory: what lives at the same time?
#
# Weights are in memory all the time. **Activations**, the numbers that the layers put out, come and go: a tensor is made by
# one operation, and may go after the last operation that reads it. The memory that a network needs is the largest sum of
# those that live **at the same time**. It is not the sum of all tensors, and not the largest tensor.
#
# ### Exercise 3: the peak of a block with a shortcut
#
# A block is a chain of operations: `sizes[0]` numbers become `sizes[1]`, those become `sizes[2]`, and so on, at least one
# operation. At the end the block's input is added to the last tensor, so the last size equals the first. Return the peak,
# a whole number, by these rules:
#
# - during an operation, what it reads and what it makes are in memory;
# - the block's input stays there until it has been added;
# - the addition reads two tensors and makes a third;
# - any other tensor goes after the operation that reads it.


# %% tags=["exercise"]
def peak_with_shortcut(sizes): ...


# %% tags=["check"]
def by_lifetimes(sizes):
    """A tensor lives from the operation that makes it to the last that reads it."""
    n = len(sizes)
    last_read, now = [n, *range(2, n + 1), n], np.arange(n + 1)[:, None]
    lives = (now.T <= now) & (now <= last_read)  # (operations, tensors)
    return int((lives @ np.array([*sizes, sizes[-1]])).max())


def draw(rng):
    return ([20, *rng.integers(1, 50, size=rng.integers(5)).tolist(), 20],)


hints = (
    "For each operation, list what it reads, what it makes, and what is waiting.",
    "The input waits in every operation but the first, which reads it. Mind the sum.",
    "The largest of sizes[0] + sizes[1], then sizes[0] + before + after for each "
    "operation from the second on, and 3 * sizes[0].",
)
cases = [([64, 128, 128, 64],), ([64, 16, 16, 64],), ([40, 50, 1, 40],), ([8, 8],)]
exercises.check(peak_with_shortcut, by_lifetimes, cases, draw=draw, hints=hints)

# %% [markdown]
# ## One block, operation by operation
#
# Any network can be counted in this way. Here is an inverted residual with $t = 2$, as data: each operation, what it reads,
# and the size of what it makes, in units of the block's input. The last one is the shortcut, which reads the input and the
# projection.

# %%
OPERATIONS = "input expand norm prelu depthwise norm prelu project norm add".split()
READS = [[], [0], [1], [2], [3], [4], [5], [6], [7], [0, 8]]
SIZES = [1, 2, 2, 2, 2, 2, 2, 1, 1, 1]


def my_live(reads, sizes):
    """How much is in memory during each operation."""
    last_read = {}
    for now, sources in enumerate(reads):
        for source in sources:
            last_read[source] = now
    live = []
    for now in range(len(sizes)):
        total = 0
        for made in range(now + 1):
            total += sizes[made] if last_read.get(made, now) >= now else 0
        live.append(total)
    return live


# %%
block = blocks.InvertedBottleneck(64, 64, expansion=2, stride=1)
layers = cost.count(block, (28, 28), in_channels=64).layers
unit = layers[0].activation_elements  # of the block's input
units = my_live(READS, SIZES)
units_counted = [layer.live_elements / unit for layer in layers]
for row in zip(OPERATIONS, units, units_counted, strict=True):
    operation, ours, in_library = row
    print(f"{operation:10} {'#' * ours:5} {ours}, by the library {in_library:.0f}")
fused = my_live([[], [0], [1], [2], [0, 3]], [1, 2, 2, 1, 1])
print("input, expand, depthwise, project, add, fused:", fused)

# %% tags=["guard"]
guard(
    "the library counts the same, and fusing leaves the peak at five units",
    units == units_counted and max(units) == max(fused) == 5,
    units=units,
    units_counted=units_counted,
    fused=fused,
)

# %% [markdown]
# The peak lies in the middle. There the wide tensor is in memory **twice**, as what an operation reads and as what it
# makes, and the input is kept for the shortcut all the while. That makes five units for a block whose input and output are
# one.
#
# The last line computes batch norm and PReLU in one go with the convolution, as networks in use do. In this block the
# peak stays: the depthwise convolution still reads something wide and makes something wide. Since it filters each
# channel by itself, one can run the block a few channels at a time and hold less (Sandler et al. 2018, section 5.1).
#
# ## The peak of a whole network
#
# Blocks like this one make up most of MobileFaceNet. In the diagram t is the expansion, and a pile stands for several
# equal blocks. Read off the shapes beside the arrows where the map is still large. (The last layers are the subject of
# the next section.)

# %% tags=["illustration"]
title = "MobileFaceNet, from an aligned face to its embedding"
viz.show(*viz.network_diagram("mobilefacenet", title=title))

# %% [markdown]
# Now the same count along the whole network, with the expansions of its table, with half of them and with twice:

# %%
expansions = {"half": 0.5, "as in the paper": 1.0, "twice": 2.0}
live, peak, place, where, first_block = {}, {}, {}, {}, {}
for name, factor in expansions.items():
    with torch.device("meta"):
        network = backbones.create("mobilefacenet", expansion=factor)
    counted = cost.count(network, (112, 112))
    live[name] = [layer.live_bytes / 1e6 for layer in counted.layers]
    peak[name] = counted.peak_fp32_bytes / 1e6
    place[name] = 1 + live[name].index(max(live[name]))
    where[name] = counted.peak_layer.name
    of_block = [part.live_bytes for part in counted.layers if "body.0" in part.name]
    first_block[name] = max(of_block) / 1e6
    print(f"{name:16} {peak[name]:.2f} MB, first at {place[name]}: {where[name]}")
    print(f"{'':16} {first_block[name]:.2f} MB in the first inverted residual")

# %%
figure = viz.lines(
    {f"expansion {name}": values for name, values in live.items()},
    range(1, 1 + len(live["half"])),
    title="The first inverted residual sets the peak, unless it is halved",
    xlabel="operation, from the image to the embedding",
    ylabel="live activations, MB",
    named={
        "twice": (place["twice"], peak["twice"]),
        "as in the paper": (place["as in the paper"], peak["as in the paper"]),
        "half": (place["half"], peak["half"]),
    },
)
alt = (
    "Three curves with a tall peak near the start, which then step down at each stride."
)
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "the first inverted residual sets the peak; halved, it is level with the stem",
    "body.0" in where["as in the paper"]
    and "body.0" in where["twice"]
    and "stem" in where["half"]
    and first_block["half"] == peak["half"]
    and peak["twice"] == 2 * peak["as in the paper"],
    where=where,
    peak=peak,
    first_block=first_block,
)

# %% [markdown]
# One block of fifteen decides: the first inverted residual, which in this network is also called a **bottleneck**.
# There the map still has 56x56 places; later each stride of 2 makes it four times smaller. To lower the peak, change
# that block. That helps until another part is as large: with half the expansion the block is level with **the stem**,
# the two convolutions before it.
#
# This block has a stride of 2, so it has no shortcut, and nothing waits. Its 3.21 MB are the wide map twice, before and
# after a batch norm that is counted as an operation of its own. Folded and fused, three quarters of that are left: the
# block's input and the wide map.
#
# ## The last step: an average, or weights
#
# At the end a face is a map of 7x7 places with 512 channels each. **Global average pooling** (GAP) takes the mean over
# the places. MobileFaceNet has a **global depthwise convolution** (GDConv) there: one learned weight for each place of
# each channel. With all weights equal to 1/49 it is the average again. What does each cost?

# %%
maps = torch.randn(1, 512, 7, 7, generator=torch.Generator().manual_seed(0))
equal = torch.full((512, 1, 7, 7), 1 / 49)
pooled = F.conv2d(maps, equal, groups=512)[0, :4, 0, 0]
averaged = maps.mean(dim=(2, 3))[0, :4]
print("four channels, all weights 1/49:", pooled.numpy().round(2))
print("four channels, averages:        ", averaged.numpy().round(2))
pooling = {
    "GAP": blocks.global_average_pool(),
    "GDConv, with its batch norm": blocks.GlobalDepthwiseConv(512, (7, 7)),
    "fully connected": nn.Sequential(
        nn.Flatten(), nn.Linear(512 * 49, 512, bias=False, device="meta")
    ),
}
for name, step in pooling.items():
    counted = cost.count(step, (7, 7), in_channels=512)
    numbers = f"{counted.parameters:10,} parameters"
    print(f"{name:28} {numbers}, {counted.macs.conv_linear:10,} multiply-adds")

# %% [markdown]
# Chen et al. (2018) also tried the step in MobileNetV2, whose last map has 1,280 channels. There it adds:

# %%
with torch.device("meta"):
    plain = backbones.create("mobilenet_v2_face")
    with_weights = backbones.create("mobilenet_v2_face_gdconv")
average, weighted = [cost.count(net, (112, 112)) for net in (plain, with_weights)]
more = weighted.parameters - average.parameters
more_macs = weighted.macs.conv_linear - average.macs.conv_linear
share, share_macs = more / average.parameters, more_macs / average.macs.conv_linear
channels, places, numbers_of_a_norm = 1280, 7 * 7, 2
print(f"{more:,} parameters, {share:.1%} of the network")
print(f"{more_macs:,} multiply-adds, {share_macs:.2%}")

# %% tags=["guard"]
guard(
    "the step adds a weight for each place and channel, and its batch norm",
    more == channels * (places + numbers_of_a_norm) and more_macs == channels * places,
    more=more,
    more_macs=more_macs,
    channels=channels,
    places=places,
    numbers_of_a_norm=numbers_of_a_norm,
)

# %% [markdown]
# So GDConv costs next to nothing, where a fully connected layer would hold more weights than the whole network. But why
# should it be **better** than an average? Its authors say: because in an aligned face the centre tells more than the
# corners, and an average treats them alike (Chen et al. 2018). Let us look.
#
# ## What does a unit see?
#
# A unit is one place of the 7x7 map with its channels. By its layers alone it could depend on nearly the whole face;
# that part of the image is its **receptive field**. In truth it depends strongly on some pixels and hardly on others.
# The **gradient** says how strongly: change a pixel a little, and see how much the unit changes. The pixels on which it
# depends strongly are its **effective receptive field** (Luo et al. 2016). As the unit's value we take the sum of its
# channels.
#
# We align the ORL faces as in notebook 01, and train a MobileFaceNet of a quarter of the width for a few seconds. We do
# this three times, and each time put 10 other people of the 40 aside.

# %%
FULL = os.environ.get("COURSE_FULL") == "1"
WIDTH, EPOCHS, RUNS = (0.5, 14, 5) if FULL else (0.25, 4, 3)
BATCH = 25
BORDER = 20  # pixels around each photograph, so that the detector finds all faces
orl = data.orl_faces()
enlarged = []
for photograph in orl.images:
    wider = np.pad(photograph[0].numpy(), BORDER, mode="edge")
    enlarged.append(wider.repeat(2, 0).repeat(2, 1))
points = []
for found in alignment.MTCNN(min_face=60).detect_many(enlarged):
    largest = max(found, key=lambda face: face.area)
    points.append((largest.landmarks - 0.5) / 2 - BORDER)  # in the photograph's pixels
del enlarged  # it is not needed any more, and large
matrices = alignment.similarity(np.stack(points), alignment.template(112))
faces = replace(orl, images=alignment.warp(orl.images, matrices, 112))
shape = "x".join(map(str, faces.images.shape[2:]))
print(f"{len(faces)} photographs of {faces.n_classes} people, each {shape}")


# %%
def fresh(seed):
    options = {"width": WIDTH, "embedding_dim": 64, "in_channels": 1}
    return backbones.create("mobilefacenet", **options, seed=seed).eval()


def train(seed):
    """A trained network, and the photographs of the people put aside."""
    people, unseen = data.split_by_identity(faces, n_test=10, seed=seed)
    net, criterion = fresh(seed), losses.Softmax(64, people.n_classes, seed=seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9, weight_decay=5e-4)
    steps = EPOCHS * -(-len(people) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps)
    recipe = {"schedule": schedule, "epochs": EPOCHS, "batch_size": BATCH, "seed": seed}
    recipe |= {"augment": data.RandomFlip(), "precision": "32-true"}
    training.fit(net, criterion, people, optimizer=optimizer, **recipe)
    return net.eval(), unseen


# %% [markdown]
# The field of a unit is the mean size of its gradient at each pixel, over the photographs. As its area we take the
# smallest share of the image that holds 90 % of the field.


# %%
def last_map(net, images):
    """(N, 512, 7, 7): what the pooling gets to see."""
    return net.head[0](net.body(net.stem(images)))


def receptive_field(net, images, row, column):
    """How much a unit depends on each pixel, (H, W), as shares of the whole."""
    field = torch.zeros(images.shape[2:])
    for few in images.split(10):
        few = few.clone().requires_grad_()
        unit = last_map(net, few)[:, :, row, column]
        (gradient,) = torch.autograd.grad(unit.sum(), few)
        field += gradient.abs().sum(dim=(0, 1))
    return field / field.sum()


def area(field):
    """The smallest share of the image that holds 90 % of the field, in %."""
    sizes = field.flatten().sort(descending=True).values
    return 100 * (sizes.cumsum(dim=0) < 0.9).float().mean().item()


# %%
UNITS = {"centre": (3, 3), "top left": (0, 0), "top right": (0, 6)}
UNITS |= {"bottom left": (6, 0), "bottom right": (6, 6)}


def fields_of(net, unseen):
    sample = data.normalise(unseen.images[::4])
    return {name: receptive_field(net, sample, *at) for name, at in UNITS.items()}


def mean_areas(runs):
    areas = {name: [area(fields[name]) for fields in runs] for name in UNITS}
    return {name: np.mean(of_runs) for name, of_runs in areas.items()}


# %% [markdown]
# Before training:

# %% tolerance="0.1 points, 0.1"
strangers = [data.split_by_identity(faces, 10, seed=seed)[1] for seed in range(RUNS)]
untrained = [fields_of(fresh(seed), strangers[seed]) for seed in range(RUNS)]
area_before = mean_areas(untrained)
rows = untrained[0]["centre"].sum(dim=1)
middle_row = (rows * torch.arange(112)).sum().item()
for name, percent in area_before.items():
    print(f"untrained, {name:12}: {percent:.1f} % of the image")
print(f"the centre unit looks at row {middle_row:.1f} on average")

# %% tags=["guard"]
guard(
    "the untrained centre unit sees more than the corners, and looks at pixel 48",
    area_before["centre"]
    > 1.3 * max(area_before[name] for name in area_before if name != "centre")
    and abs(middle_row - 48) < 2,
    area_before=area_before,
    middle_row=middle_row,
)

# %% [markdown]
# Now the three trainings. The areas, above and below, are means over three networks.

# %% tolerance="6 points"
runs = [train(seed) for seed in range(RUNS)]
trained = [fields_of(net, unseen) for net, unseen in runs]
area_after = mean_areas(trained)
print(f"trained, centre: {area_after['centre']:.0f} % of the image")

# %% tags=["guard"]
guard(
    "training widens what the centre unit sees",
    area_after["centre"] > 2 * area_before["centre"],
    area_before=area_before,
    area_after=area_after,
)

# %% [markdown]
# And the corners:

# %% tolerance="2 points"
for name in list(UNITS)[1:]:
    print(f"trained, {name:12}: {area_after[name]:.0f} % of the image")


# %%
def spotlight(face, field):
    """The face (1, H, W) lit where the field is strong."""
    smooth = F.avg_pool2d(field[None], 9, stride=1, padding=4)
    return (face * (smooth / smooth.max()) ** 0.5).to(torch.uint8)


lit = {}
for when, fields in {"untrained": untrained[0], "trained": trained[0]}.items():
    for name, field in fields.items():
        label = f"{when}: {name} ({area(field):.0f}%)"
        lit[label] = spotlight(strangers[0].images[10], field)
figure = viz.image_grid(
    torch.stack(list(lit.values())),
    list(lit),
    title="Training widens what a unit sees (first run; in brackets: its area)",
    columns=5,
    credit=orl.source,
)
alt = "A face lit in ten ways: centre units show its middle, corner units a corner."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "training widens what each unit sees, and the centre unit sees most",
    all(area_after[name] > area_before[name] for name in area_before)
    and area_after["centre"]
    > 1.2 * max(area_after[name] for name in area_after if name != "centre")
    and area_after["top left"] < area_after["bottom right"],
    area_before=area_before,
    area_after=area_after,
)

# %% [markdown]
# Three things to see.
#
# A corner unit looks **past the image**: much of its window is padding. It sees less of the face than the centre unit, and
# before training little but hair, background, or the black border that the alignment left.
#
# **Training widens** what every unit sees. The untrained network looks at small squares, although its layers are the same.
#
# And the grid **is not centred**. Unit 3 is in the middle of the map, but looks at pixel 48, and the middle of the image is
# at $(112 - 1) / 2$. Each stride of 2 keeps the first pixel and not the last, so unit $i$ sits on pixel $16 i$: from 0 to 96.
# That is why the bottom right unit stands further inside the face than the top left one, and sees more of it.
#
# ## Does the centre know more?
#
# To see more is not yet to know more. So we ask each of the 49 places by itself: we take its 512 channels as the
# **embedding**, and verify the people who were put aside.


# %%
@torch.no_grad()
def accuracy_alone(seed):
    """(7, 7): the accuracy with which each place verifies by itself, in %."""
    net, unseen = runs[seed]
    pairs = data.verification_pairs(unseen.labels, 800, seed=seed)
    maps = last_map(net, data.normalise(unseen.images))
    alone = np.empty((7, 7))
    for row, column in np.ndindex(7, 7):
        place = maps[:, :, row, column]
        scores = evaluation.cosine_scores(place, pairs.left, pairs.right)
        alone[row, column] = evaluation.kfold_accuracy(scores, pairs.same).mean
    return 100 * alone


def middle_and_corners(values):
    """Means of the middle 3x3 and of the four corners of maps (runs, 7, 7)."""
    middle = values[:, 2:5, 2:5].mean(axis=(1, 2))
    return middle, values[:, [0, 0, 6, 6], [0, 6, 0, 6]].mean(axis=1)


# %% tolerance="5 points"
alone = np.stack([accuracy_alone(seed) for seed in range(RUNS)])
in_middle, in_corners = middle_and_corners(alone)
gaps = in_middle - in_corners
for run in range(RUNS):
    inside, outside = in_middle[run], in_corners[run]
    print(f"run {run + 1}: middle {inside:.0f} %, corners {outside:.0f} %")
print(f"mean: middle {in_middle.mean():.0f} %, corners {in_corners.mean():.0f} %")

# %% [markdown]
# The gain is steadier than the numbers themselves:

# %% tolerance="3 points"
print(f"the middle gains {gaps.mean():.0f} points")

# %% tags=["guard"]
guard(
    "in each run the middle verifies better than the corners",
    min(gaps) > 0,
    gaps=gaps,
)

# %% [markdown]
# Beside the accuracy we look at the weights of the GDConv in two ways: their mean size after training, and how far training
# has moved them from where they were drawn.


# %%
@torch.no_grad()
def head_weights(seed):
    """Mean |weight| of the GDConv and how far training moved it, two (7, 7) maps."""
    after, before = [
        net.head[1][0].weight[:, 0] for net in (runs[seed][0], fresh(seed))
    ]
    size, moved = after.abs().mean(dim=0), (after - before).abs().mean(dim=0)
    return 1000 * size.numpy(), 1000 * moved.numpy()


# %% tolerance="0.03"
of_runs = [head_weights(seed) for seed in range(RUNS)]
size, moved = (np.stack(maps) for maps in zip(*of_runs, strict=True))
size_ratio = np.divide(*middle_and_corners(size))
print("size in the middle over size in the corners, run by run:")
print(np.round(size_ratio, 2))

# %% tags=["guard"]
guard("sizes are even over the map", np.all(size_ratio < 1.1), size_ratio=size_ratio)

# %% [markdown]
# By their size one would not tell a middle from a corner. Where did training move them?

# %% tolerance="0.4"
moved_ratio = np.divide(*middle_and_corners(moved))
print("moved in the middle over moved in the corners, run by run:")
print(np.round(moved_ratio, 1))
maps_of = {"accuracy alone, %": alone.mean(axis=0)}
maps_of["mean |weight|, thousandths"] = size.mean(axis=0)
maps_of["moved by training, thousandths"] = moved.mean(axis=0)
thousandths = dict.fromkeys(list(maps_of)[1:], "thousandths")
title = "The middle verifies better, and training moved its weights further"
figure = viz.heatmaps(maps_of, title=title, cell="{:.0f}", unit=thousandths)
alt = "Three maps of 7x7: accuracy is high in the middle, weights are even, and what "
alt += "training moved is little everywhere, least in the corners."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "training moved the middle further than the corners",
    np.all(moved_ratio > 1.3),
    moved_ratio=moved_ratio,
)

# %% [markdown]
# What we found:
#
# - **Places in the middle verified better** than the corners, in each of the runs: on average about 77 % against 68 %
#   of the pairs were right. An average gives all of them the same say. In the figure the best lie in the upper middle,
#   in rows that sit on pixels 16 and 32, a little above the eyes.
# - The **weights** are as even after this training as they were drawn. Whoever hopes for the picture of a face in them
#   sees noise: a few epochs on a few photographs do not outweigh the start.
# - What training **did** to them is uneven: it moved those of the middle nearly twice as far as those of the corners.
#   But it moved all of them little: both maps of weights have one scale of colours, and the right one is dark. Perhaps
#   a place that sees little gets small gradients; we have not measured them.
#
# This agrees with the reason that the authors give, but does not single it out: a corner unit also sees less of the
# face, since half of its window is padding. And it does not show that GDConv recognises better than GAP: for that both
# must be trained, many times over, on far more data.
#
# ## Summary
#
# - A weight costs once in the file, and in arithmetic once for every place of the output. Memory is what lives at the same
#   time.
# - Depthwise-separable convolutions save a factor of $1 / (1/c' + 1/k^2)$ in arithmetic and weights, nearly $k^2$ if
#   there are many more channels than that, and here nothing in memory. An inverted residual holds its wide middle
#   twice, and where it has a shortcut, its input besides.
# - "FLOPs" mean nothing without their rule. Given the rule, they tell which network was measured.
# - The peak of memory is where the map is large and the block is wide: one early block decides.
# - The middle of the last map sees more of an aligned face than the corners, and knows more about who it is. A global
#   depthwise convolution may learn to use that, for next to nothing; an average cannot.
#
# **Next**: [notebook 04b](04b_mobilefacenet.ipynb) builds the network of this course from these blocks. [Notebook
# 04a](04a_mobilenets.ipynb), which is optional, shows where the blocks come from.
#
# ## What the papers report
#
# - Chen et al. (2018, arXiv:1804.07573): MobileFaceNet has 0.99M parameters (with its batch norms folded; 1.00M
#   without) and 221M multiply-adds, which is the first rule with a 128-d embedding. MobileNetV2 with GDConv in place of
#   GAP gains 0.30 points on LFW (98.58 % to 98.88 %) and 1.86 on AgeDB-30 (88.81 % to 90.67 %), trained on
#   CASIA-WebFace.
# - Hassanpour and Kowsari (2023, "Lightweight Face Recognition: An Improved MobileFaceNet Model"): 236.75 and 456.89
#   million, thop's rule.
# - Howard et al. (2017, arXiv:1704.04861) introduce the depthwise-separable network, Sandler et al. (2018,
#   arXiv:1801.04381) the inverted residual.
# - Luo et al. (2016, arXiv:1701.04128) show that effective receptive fields are much smaller than theoretical ones, and
#   grow with training.
