# %% [markdown]
# # What a convolution costs
#
# A network for a phone has to be small. But small in what? Arithmetic takes time and battery. Weights take space in the
# file. And while the network runs, it needs memory for the numbers that its layers hand on. These are three currencies,
# and a layer that is cheap in one of them can be expensive in another.
#
# Here are three blocks that do the same job. **What does each of them cost, and how can you tell before you have
# built it?** That is the first of two sittings, in which you write a counter for each currency. The second sitting asks
# what a face network gets for its money: **how much of a face does one number of its last map see, and which part of
# that map knows whose face it is?**
#
# **What you will learn**
# - to count the multiply-adds, the parameters and the activation memory of any convolution;
# - what depthwise-separable convolutions and inverted residuals save, and in which currency they are paid for;
# - why one network has several "FLOPs", and why batch norm is free in the end;
# - how far a unit can see, how far it does see, and why the middle of an aligned face may deserve weights of its own.
#
# **What you need before**: [notebook 01](01_alignment.ipynb) (alignment) and [notebook 02](02_train_and_verify.ipynb)
# (verification, intervals). You should know what a convolution computes.
#
# **Time and place**: 1 minute to run, 140 minutes to read and do, 45 more for the open task. No GPU, no network, 1.1 GB of memory.

# %% tags=["imports"]
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from course_lib import (
    alignment,
    backbones,
    cost,
    data,
    evaluation,
    exercises,
    guard,
    viz,
    weights,
)
from course_lib.backbones import blocks


# %%
def three_blocks(channels, kernel, stride, expansion):
    """Three ways from so many channels to as many, as modules of the library."""
    c, unit = channels, blocks.ConvUnit
    filters = {"kernel": kernel, "stride": stride}
    separable = nn.Sequential(unit(c, c, groups=c, **filters), unit(c, c, 1))
    inverted = blocks.InvertedBottleneck(c, c, expansion=expansion, **filters)
    return {
        "standard": unit(c, c, **filters),
        "depthwise-separable": separable,
        "inverted residual": inverted,
    }


# %% [markdown]
# Each of the three takes a map of 64 channels with 28x28 places, and puts out another one. For now, the library counts.


# %%
def costs_of(channels, kernel, stride, expansion):
    """What each block costs on a map of 28x28, as {currency: {block: number}}."""
    macs, parameters, memory = {}, {}, {}
    for name, block in three_blocks(channels, kernel, stride, expansion).items():
        counted = cost.count(block, (28, 28), in_channels=channels)
        macs[name] = counted.macs.conv_linear / 1e6
        parameters[name] = counted.parameters / 1e3
        memory[name] = counted.peak_fp32_bytes / 1e3
    return {
        "multiply-adds, millions": macs,
        "parameters, thousands": parameters,
        "memory at the peak, kB": memory,
    }


panels = costs_of(64, 3, 1, 2)
title = "The standard block takes most work, the inverted residual most memory"
alt = "Bars: the standard block is longest twice, the inverted residual in memory."
viz.show(viz.bars(panels, title=title), alt=alt)
macs, parameters, memory = (list(panel.values()) for panel in panels.values())

# %% tags=["guard"]
guard(
    "the separable block is cheapest, and the inverted residual needs most memory",
    macs[1] < macs[2] < macs[0]
    and parameters[1] < parameters[2] < parameters[0]
    and memory[2] == 2.5 * memory[1] == 2.5 * memory[0],
    macs=macs,
    parameters=parameters,
    memory=memory,
)

# %% [markdown]
# In arithmetic and weights the standard block is by far the most expensive, and the other two look like bargains. But
# the third one needs two and a half times the memory of the others. By the end of this sitting you will have counted
# every one of these bars yourself.
#
# ## Sitting 1: count (about an hour and a half)
#
# ## Three blocks for one job
#
# - A **standard** convolution mixes space and channels at once.
# - A **depthwise-separable convolution** does it in two steps. A **depthwise convolution** filters each channel by
#   itself, then a **pointwise convolution** (1x1) mixes the channels (Howard et al. 2017).
# - An **inverted residual** first widens its input to t times as many channels by a 1x1 convolution, filters these
#   depthwise, and narrows them again by another 1x1. The factor t is its **expansion**. Where the shapes allow, the
#   block's input is added to the result; this is a **shortcut** (Sandler et al. 2018).
#
# In the library each convolution is followed by **batch norm**, which subtracts each channel's mean, divides by its
# standard deviation, and then scales and shifts by two learned numbers. In most places a nonlinearity follows: **ReLU**
# turns negative numbers into zero, **PReLU** multiplies them by a learned slope. The diagram is drawn from the modules
# of the first figure. Follow the number of channels down each column: only the third block changes it on the way.

# %% tags=["illustration"]
shape = (64, 28, 28)
three = {name: (module, shape) for name, module in three_blocks(64, 3, 1, 2).items()}
title = "Three blocks for one job, with 64 channels and an expansion of 2"
viz.show(*viz.block_diagram(three, title=title))

# %% [markdown]
# ## A filter at work
#
# A filter lies on a window of the image. Each of its weights is multiplied by the number below it, and the products are
# added up. One multiplication with its addition is a **multiply-add** (MAC). Then the filter moves on by the
# **stride**: with a stride of 2 it skips every other place. This filter looks for places that are dark on the left and
# bright on the right.

# %% tags=["illustration"]
picture = torch.zeros(1, 1, 7, 7)
picture[..., 3:] = 5
picture[..., 4:, :] = 1
edge = torch.tensor([[-1.0, 0, 1]] * 3).reshape(1, 1, 3, 3)
answer = F.conv2d(picture, edge, stride=2)
shown = {"image, 7x7": picture, "filter, 3x3": edge, "output, stride 2": answer}
maps = {name: values[0, 0].numpy() for name, values in shown.items()}
viz.show(
    viz.heatmaps(maps, title="A filter answers where it finds its edge", cell="{:.0f}"),
    alt="An image with a bright corner, a filter of nine weights, and its output of "
    "3x3, which is large only where the edge is.",
)
print(
    f"{answer.numel()} places, {edge.numel()} weights: {answer.numel() * edge.numel()}"
)

# %% [markdown]
# The filter fits into nine places, and takes nine multiply-adds in each: 81 in all. Check one number of the output by
# hand.
#
# Real layers differ in three ways. The image has many channels, and a filter has a window of weights for **each** of
# them; all its products go into one sum. There are many filters, and each puts out a channel. And the image is mostly
# surrounded by zeros first, the **padding**, so that the filter can be centred on its edge, too; a multiplication by
# such a zero counts like any other.
#
# In a **grouped convolution** the input channels are split into equal groups, and so are the filters. A filter then
# sees only the channels of its own group. With as many groups as channels, it is depthwise.
#
# ### Exercise 1: what a convolution costs
#
# Complete `convolution_costs`. There are `c_out` filters of `kernel` x `kernel` weights a channel, in `groups` groups,
# on a map of `c_in` channels with `height` x `width` places, with `padding` rows or columns of zeros on **every** side.
# A place where the filter would stick out beyond the padding is left out. Return four whole numbers: the multiply-adds,
# the **parameters** (the numbers that training sets: here the weights, as there is no bias), and the height and the
# width of the output.
#
# Solutions to this and the other exercises: [solutions/03_convolution_costs.py](solutions/03_convolution_costs.py).


# %% tags=["exercise"]
def convolution_costs(c_in, c_out, kernel, groups, stride, padding, height, width):
    high = ...  # how many places the filter finds from top to bottom
    wide = ...  # and from left to right
    parameters = ...
    return ...


# %% tags=["check"]
def by_ones(c_in, c_out, kernel, groups, stride, padding, height, width):
    """On ones, each multiply-add adds one to the sum of the outputs."""
    image = torch.ones(1, c_in, height + 2 * padding, width + 2 * padding)
    filters = torch.ones(c_out, c_in // groups, kernel, kernel)
    output = F.conv2d(image, filters, stride=stride, groups=groups)
    return int(output.sum()), filters.numel(), *output.shape[2:]


def draw(rng):
    g, c, n, k, s, p = map(int, rng.integers([1] * 5 + [0], [4, 4, 4, 6, 4, 3]))
    return g * c, g * n, k, g, s, p, *map(int, rng.integers(5, 15, size=2))


hints = (
    "How many weights has one filter, and how many filters are there?",
    "A row of n pixels with padding holds (n + 2 * padding - kernel) // stride + 1.",
    "parameters = c_out * (c_in // groups) * kernel**2, each used high * wide times.",
)
cases = [(1, 1, 3, 1, 2, 0, 7, 7), (3, 8, 3, 1, 2, 1, 14, 12), (6, 6, 3, 6, 1, 1, 5, 4)]
exercises.check(convolution_costs, by_ones, cases, draw=draw, hints=hints)

# %% [markdown]
# As formulas: with filters of $k$ by $k$ weights, padding $p$ and stride $s$, a side of $n$ pixels becomes
# $n' = \lfloor (n + 2p - k) / s \rfloor + 1$ places, and with $c$ channels in, $c'$ channels out and $g$ groups
#
# $$\text{parameters} = c' \cdot \frac{c}{g} \cdot k^2, \qquad \text{multiply-adds} = h' w' \cdot \text{parameters}.$$
#
# So a weight costs once in the file, and in arithmetic once for every place of the output.
#
# ## The bars, counted by you
#
# Here are the blocks as data, one row for each convolution, in the order of the arguments of `convolution_costs`.
# (Where it is not written yet, the function that checks it counts.)


# %%
def convolutions(channels, kernel, stride, expansion, side=28):
    """The convolutions of the three blocks on a map of side x side."""
    c, wide, small = channels, expansion * channels, -(-side // stride)
    grid, half, pad = (side, side), (small, small), kernel // 2
    return {
        "standard": [(c, c, kernel, 1, stride, pad, *grid)],
        "depthwise-separable": [
            (c, c, kernel, c, stride, pad, *grid),
            (c, c, 1, 1, 1, 0, *half),
        ],
        "inverted residual": [
            (c, wide, 1, 1, 1, 0, *grid),
            (wide, wide, kernel, wide, stride, pad, *grid),
            (wide, c, 1, 1, 1, 0, *half),
        ],
    }


# %%
def my_costs(row):
    mine = convolution_costs(*row)
    return by_ones(*row) if mine is ... else mine


rows, different = [], 0
for setting in [(64, 3, 1, 2), (32, 5, 2, 6)]:
    modules = three_blocks(*setting)
    for name, of_block in convolutions(*setting).items():
        counts = np.array([my_costs(row)[:2] for row in of_block])
        ours = counts.sum(axis=0).tolist()
        layers = cost.count(modules[name], (28, 28), in_channels=setting[0]).layers
        found = [layer for layer in layers if layer.kind == "conv2d"]
        macs = sum(layer.macs.conv_linear for layer in found)
        theirs = [macs, sum(layer.parameters for layer in found)]
        different += ours != theirs
        rows.append((name, *setting, *ours, *theirs))
names = "block, c, k, s, t, MACs, weights, MACs counted, weights counted".split(", ")
pd.DataFrame(rows, columns=names).set_index("block").map("{:,}".format)

# %% tags=["guard"]
guard(
    "your formulas and the library agree for every block",
    different == 0,
    different=different,
)

# %% [markdown]
# Here c stands for the channels, k for the kernel, s for the stride; the last two columns are the library's. (The bars
# of the first figure are a little longer: its parameters include those of batch norm and PReLU.)
#
# In letters, for equal numbers of channels and a stride of 1, each **place** of the map takes
#
# $$\underbrace{k^2 c^2}_{\text{standard}}, \qquad \underbrace{k^2 c + c^2}_{\text{separable}}, \qquad
# \underbrace{t \, c^2 + k^2 \, t \, c + t \, c^2}_{\text{inverted residual}}$$
#
# multiply-adds. The separable block saves a factor of $1 / (1/c + 1/k^2)$, nearly $k^2$ where there are many channels.
# That is the idea of the MobileNets.
#
# ### Predict: how far can you expand?
#
# The inverted residual of the first figure, with an expansion of 2, takes about half the multiply-adds of the standard
# block. At which expansion does it take just as many? The channels stay at 64, the kernel at 3x3, the stride at 1.
# Guess from the figure, or compute it from the formula.

# %% tags=["predict"]
expansion_guess = exercises.predict(
    ..., question="At which expansion do both take as many multiply-adds?"
)


# %%
def millions(name, expansion):
    rows = convolutions(64, 3, 1, expansion)[name]
    return sum(my_costs(row)[0] for row in rows) / 1e6


EXPANSIONS = range(1, 9)
widened = [millions("inverted residual", t) for t in EXPANSIONS]
standard, separable = millions("standard", 1), millions("depthwise-separable", 1)
saved, even = standard / separable, standard / widened[0]  # widened is t * widened[0]
print(f"the separable block takes {saved:.1f} times fewer than the standard one")
expansion_guess.reveal(even, ".1f")

# %% [markdown]
# The same as a picture, over the expansions from 1 to 8:

# %%
viz.show(
    viz.lines(
        {"inverted residual": widened},
        EXPANSIONS,
        title="Beyond an expansion of four the bargain is gone",
        xlabel="expansion t",
        ylabel="multiply-adds, millions",
        references={"standard": standard, "depthwise-separable": separable},
        named={f"{even:.1f}": (even, standard)},
    ),
    alt="A straight rising line that starts above the separable block and crosses the "
    "standard one between expansions of four and five.",
)

# %% tags=["guard"]
guard(
    "the inverted residual overtakes the standard block between 4 and 5",
    widened[3] < standard < widened[4] and abs(widened[7] - 8 * widened[0]) < 1e-9,
    widened=widened,
    standard=standard,
)

# %% [markdown]
# With many channels the crossing lies at $k^2 / 2$, here a little below, because the depthwise convolution costs
# something, too. But note what the comparison holds fixed: the channels at the **ends**. An inverted residual is meant
# to have few channels there (notebook 04a).
#
# Move the sliders to see all three currencies of the first figure. What does a larger kernel cost a depthwise-separable
# block? In which block does a stride of 2 save least?

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the sliders"
viz.sliders(
    lambda channels, kernel, stride, expansion: viz.bars(
        costs_of(channels, kernel, stride, expansion),
        title=f"{channels} channels, {kernel}x{kernel}, stride {stride}, t {expansion}",
    ),
    {
        "channels": [16, 32, 64, 128, 256],
        "kernel": [3, 5, 7],
        "stride": [1, 2],
        "expansion": [1, 2, 4, 6],
    },
    start={"channels": 64, "kernel": 3, "stride": 1, "expansion": 6},
    alt="Three panels of bars: with an expansion of 6 the inverted residual takes "
    "more multiply-adds than the standard convolution, and most memory.",
)

# %% [markdown]
# <details><summary>Answers</summary>
#
# A depthwise filter grows from 9 to 49 weights between 3x3 and 7x7, more than fivefold. The separable block around it
# grows by about half with 64 channels, because most of its arithmetic is in the 1x1 convolution. A stride of 2 divides
# the arithmetic of the other two blocks by about four, but helps the inverted residual least: its first 1x1 convolution
# still works on the large map.
#
# </details>
#
# ## One network, several "FLOPs"
#
# Chen et al. (2018) give their MobileFaceNet 221 million multiply-adds. Other tables print other numbers under the name
# of floating-point operations, or **FLOPs**, for the same network. They follow different **rules**. Is a multiply-add
# one operation or two? Do only convolutions and **fully connected layers** count (those with a weight from every input
# to every output; PyTorch says linear)? Or also what batch norms and PReLUs do to each **element**, each single number
# of a map?

# %%
counted = cost.count(backbones.create("mobilefacenet"), (112, 112))
elements = {"batch_norm": 0, "prelu": 0}
for layer in counted.layers:
    if layer.kind in elements:
        elements[layer.kind] += layer.activation_elements
only, norm, prelu = counted.macs.conv_linear, *elements.values()
rules = {
    "convolutions and linear layers": only,
    "+ 2 a batch-norm element": only + 2 * norm,
    "+ 2 a batch-norm element, 1 a PReLU one": only + 2 * norm + prelu,
    "+ 4 a batch-norm element, 1 a PReLU one": only + 4 * norm + prelu,
    "2 for each multiply-add": 2 * only,
}
for rule, operations in rules.items():
    print(f"{rule:40} {operations / 1e6:.1f} million")
by_thop, twice = counted.macs.thop, counted.macs.twice

# %% tags=["guard"]
guard(
    "the library's other two rules come out the same",
    [by_thop, twice] == [only + 4 * norm + prelu, 2 * only],
    by_thop=by_thop,
    twice=twice,
    only=only,
    norm=norm,
    prelu=prelu,
)

# %% [markdown]
# Five numbers, one network. The rule with 4 is that of **thop**, a much used counter; it charges 4 operations for each
# element of a batch norm that scales and shifts. So compare two counts only where the rule is the same. This course
# prints multiply-adds of convolutions and linear layers. Read the other way round, a printed count can tell **which**
# network was measured, and by which rule: notebook 14 puts the published ones to that test.
#
# ## Why batch norm is free in the end
#
# In training, batch norm takes mean and variance from the batch, and keeps averages of both, the **running
# statistics**. At evaluation it uses those. For each channel it then computes
#
# $$\gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
#
# with fixed numbers $\gamma$, $\beta$, $\mu$, $\sigma^2$ and $\varepsilon$. If $x$ comes from a convolution, both
# together are **one** convolution with a bias. Merging them is called **folding**.
#
# ### Exercise 2: fold the batch norm
#
# Return the weight and the bias, `(weight, bias)`, of the one convolution that does what the convolution and the batch
# norm do. `weight` is (out, in, k, k), and the convolution has no bias of its own; `gamma`, `beta`, `mean` and
# `variance` are (out,), `epsilon` is a number.


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
# Now fold a whole network: the small trained model that this course ships, a narrower MobileFaceNet with ReLU. Each of
# its convolutions and the batch norm behind it become one convolution, by your function once it is written.


# %%
@torch.no_grad()
def fold_all(net):
    for unit in net.modules():
        if isinstance(unit, blocks.ConvUnit):
            conv, norm = unit[0], unit[1]
            statistics = norm.running_mean, norm.running_var, norm.eps
            merged = folded(conv.weight, norm.weight, norm.bias, *statistics)
            if merged is None or merged is ...:  # not written yet
                merged = by_fusion(conv.weight, norm.weight, norm.bias, *statistics)
            conv.weight, conv.bias = map(nn.Parameter, merged)
            unit[1] = nn.Identity()
    return net


# %%
noise = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))
versions = {"as trained": weights.load("mobilefacenet_075_relu")}
versions["folded"] = fold_all(weights.load("mobilefacenet_075_relu"))
outputs, by_rule = {}, {}
for name, net in versions.items():
    outputs[name] = net(noise).detach()
    counted = cost.count(net, (112, 112))
    by_rule[name] = counted.macs.conv_linear / 1e6, counted.macs.thop / 1e6
    print(
        f"{name:10} {counted.parameters:,} parameters, {len(counted.layers)} operations"
    )
    print(f"{'':10} {by_rule[name][0]:.1f} million multiply-adds, ", end="")
    print(f"{by_rule[name][1]:.1f} million by thop's rule")
gap = (outputs["as trained"] - outputs["folded"]).abs().max() / outputs["folded"].std()
gap = gap.item()
print(f"the embeddings differ by at most {gap:.3f} of their spread")

# %% tags=["guard"]
guard(
    "folding leaves the embeddings as they are, and thop's extra operations go",
    gap < 0.001
    and by_rule["folded"][0] == by_rule["folded"][1] == by_rule["as trained"][0],
    gap=gap,
    by_rule=by_rule,
)

# %% [markdown]
# The same embeddings with a third fewer operations to run, and nothing left to charge for batch norm. That is why this
# course does not count it.
#
# ## Memory: what lives at the same time?
#
# Weights are in memory all the time. **Activations**, the numbers that the layers put out, come and go: a map is made
# by one operation, and may go after the last operation that reads it. The memory that a network needs is the largest
# sum of those that live **at the same time**, its **peak activation memory**. It is not the sum of all maps, and not
# the largest one.
#
# Take an inverted residual with an expansion of 2, in units of its input, and without batch norm. A column is an
# operation; a number says what a map takes while it lives.
#
# | | input | expand | filter | project | add |
# |---|---|---|---|---|---|
# | block's input | 1 | 1 | 1 | 1 | 1 |
# | expanded | | 2 | 2 | | |
# | filtered | | | 2 | 2 | |
# | projected | | | | 1 | 1 |
# | sum | | | | | 1 |
# | **alive** | **1** | **3** | **5** | **4** | **3** |
#
# The input waits for the addition at the end. The peak is 5, while the filter reads one wide map and makes another.
#
# With $s_i$ for the size of what operation $i$ makes, and $\ell_i$ for the last operation that reads it, what lives
# during operation $t$ takes
#
# $$M_t = \sum_{i \,\le\, t \,\le\, \ell_i} s_i \, .$$
#
# ### Exercise 3: what is alive
#
# Complete `live_memory` for any network. Operation `i` makes map `i` of `sizes[i]` numbers, and reads the maps whose
# numbers are in the list `reads[i]`, all of them made before. During an operation, what it reads and what it makes are
# both alive. A map that no operation reads is an output of the network, and stays to the end. Return the list of the
# $M_t$. For the table, `reads` is `[[], [0], [1], [2], [0, 3]]` and `sizes` is `[1, 2, 2, 1, 1]`.


# %% tags=["exercise"]
def live_memory(reads, sizes):
    last = ...  # for each map, the last operation that needs it in memory
    alive = ...  # for each operation, the sum over the maps that live then
    return alive


# %% tags=["check"]
def by_lifetimes(reads, sizes):
    """A table of operations and maps: which is made by then, and still to be read?"""
    read = np.array([[i in s for i in range(len(sizes))] for s in reads])
    to_come = np.cumsum(read[::-1], axis=0)[::-1] > 0
    return (np.tril(to_come | ~read.any(axis=0)) @ sizes).tolist()


def draw(rng):
    n = int(rng.integers(3, 8))
    reads = [rng.permutation(k)[: rng.integers(1, 3)].tolist() for k in range(n)]
    return reads, rng.integers(1, 20, size=n).tolist()


hints = (
    "First find, for each map, the last operation that reads it. And if none does?",
    "Going through the operations in order, a later reader overwrites an earlier one.",
    "alive[t] adds sizes[i] for all i <= t with last[i] >= t.",
)
cases = [([[], [0], [1], [2], [0, 3]], [1, 2, 2, 1, 1]), ([[], [0]], [3, 4])]
exercises.check(live_memory, by_lifetimes, cases, draw=draw, hints=hints)

# %% [markdown]
# In the library's block a batch norm and usually a PReLU follow each convolution, as operations of their own. Does that
# change the picture? Your function and the library count the same block.

# %%
OPERATIONS = "input expand norm prelu depthwise norm prelu project norm add".split()
READS = [[], [0], [1], [2], [3], [4], [5], [6], [7], [0, 8]]
SIZES = [1, 2, 2, 2, 2, 2, 2, 1, 1, 1]


def my_live(reads, sizes):
    mine = live_memory(reads, sizes)
    return by_lifetimes(reads, sizes) if mine is ... else list(mine)


block = three_blocks(64, 3, 1, 2)["inverted residual"]
layers = cost.count(block, (28, 28), in_channels=64).layers
unit = layers[0].activation_elements  # of the block's input
units = my_live(READS, SIZES)
units_counted = [layer.live_elements / unit for layer in layers]
for operation, ours, library in zip(OPERATIONS, units, units_counted, strict=True):
    print(f"{operation:10} {'#' * ours:5} {ours}, by the library {library:.0f}")
without_shortcut = my_live([*READS[:9], [8]], SIZES)
print(f"peak {max(units)}; if nothing waits for the addition {max(without_shortcut)}")

# %% tags=["guard"]
guard(
    "the library counts the same, and without the shortcut the peak is one lower",
    units == units_counted and max(units) == 5 and max(without_shortcut) == 4,
    units=units,
    units_counted=units_counted,
    without_shortcut=without_shortcut,
)

# %% [markdown]
# The peak is 5 again, but it lasts longer: wherever an operation reads something wide and makes something wide, the
# wide map is in memory **twice**, and the block's input waits beside it. The other two blocks never hold more than
# their input and their output, which is 2. That is the factor of two and a half in the first figure.
#
# A batch norm that has been folded, and a PReLU that is computed in one go with its convolution, take no memory of
# their own. What is left is the table above, and its peak is the same. Since a depthwise convolution treats each
# channel by itself, one can lower it by running the block a few channels at a time (Sandler et al. 2018, section 5.1).
#
# ## The peak of a whole network
#
# Blocks like this one make up most of MobileFaceNet. In the diagram t is the expansion, and a pile stands for several
# equal blocks. Beside the arrows stand the shapes of the maps. Where would you look for the peak?

# %% tags=["illustration"]
title = "MobileFaceNet, from an aligned face to its embedding"
viz.show(*viz.network_diagram("mobilefacenet", title=title))

# %% [markdown]
# The count along the whole network, with the expansions of its table, with half of them and with twice:

# %%
expansions = {"half": 0.5, "as in the paper": 1.0, "twice": 2.0}
live, peak, place, where, first_block = {}, {}, {}, {}, {}
for name, factor in expansions.items():
    with torch.device("meta"):  # shapes without memory, which is enough for counting
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
    named={name: (place[name], peak[name]) for name in ("twice", "as in the paper")},
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
# Its input has 56x56 places; later each stride of 2 leaves a quarter of them. To lower the peak, change
# that block. That helps until another part is as large: with half the expansion the block is level with **the stem**,
# the two convolutions before it.
#
# This block has a stride of 2, so it has no shortcut, and nothing waits. Its 3.21 MB are the wide map twice, before and
# after a batch norm. With batch norm folded and PReLU computed in one go, three quarters of that are left: the block's
# input and the wide map.
#
# ### Explain: the wrong currency
#
# On a colleague's small device MobileFaceNet runs out of memory: there is room for its file, but not for its
# activations. The colleague removes half of the filters from the blocks at 7x7, which hold many of the parameters. Why
# does the network still stop, and what would you change? Answer in two or three sentences, with the diagram and the
# last figure, before you unfold.
#
# <details><summary>Model answer</summary>
#
# Those layers are expensive in weights only: their maps are so small that they come nowhere near the peak, so the file
# shrinks and the peak stays. It is set by the first inverted residual, where a wide map with 56x56 places is read and
# made. I would lower that block's expansion, fold its batch norms and compute its PReLUs in one go, run it a few
# channels at a time, or store activations in one byte instead of four. None of this touches the layers that were
# pruned.
#
# </details>
#
# ## Sitting 2: what a unit sees (a good hour)
#
# It needs only the first cell, with the imports.
#
# ## The last step: an average, or weights?
#
# At the end of MobileFaceNet a face is a map of 7x7 places with 512 channels each. How do they become one embedding?
# **Global average pooling** (GAP) takes the mean over the places. MobileFaceNet has a **global depthwise convolution**
# (GDConv) there: one learned weight for each place of each channel. With all weights equal to 1/49 it is the average
# again. Or one could connect everything with everything.

# %%
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
# GDConv costs next to nothing, where a fully connected layer would hold more weights than the whole network. But why
# should it be **better** than an average? Chen et al. (2018) give a reason: in an aligned face the centre of the map
# tells more than its corners, and an average treats them alike. That can be measured. First, what can a place of the
# map see at all?
#
# ## How far can a unit see?
#
# A unit is one place of a map with its channels. Its **receptive field** is the window of pixels on which it can
# depend. In one dimension, with two layers of kernel 3 and padding 1, the first with stride 2:
#
# ```
# pixel       -3  -2  -1   0   1   2   3   4   5
# layer 1         -1       0       1       2          unit 0 sees the pixels -1 to 1, unit 1 sees 1 to 3
# layer 2                  0       1       2          unit 0 sees the units -1 to 1: the pixels -3 to 3
# ```
#
# Pixels below 0 are padding, and so is unit -1. A unit of layer 2 sees 7 pixels; the windows of neighbours begin 2
# pixels apart; and that of unit 0 begins at pixel -3.
#
# ### Exercise 4: the window of a unit
#
# Complete `window` for a list of layers, from the first to the last, each `(kernel, stride, padding)`. Return three
# whole numbers for the units of the last one: how many pixels a window reaches from its first to its last, how many
# pixels apart the windows of neighbours begin, and the pixel where that of unit 0 begins. Count padding as if it were
# pixels.


# %% tags=["exercise"]
def window(layers):
    size, step, begin = 1, 1, 0  # of the pixels themselves
    for kernel, stride, padding in layers:
        ...
    return ...


# %% tags=["check"]
def by_gradient(layers):
    x = pixels = torch.ones(1, 1, 3000, requires_grad=True)  # a long line
    for kernel, stride, padding in layers:
        x = F.conv1d(x, torch.ones(1, 1, kernel), stride=stride, padding=padding)
    n, grad = x.shape[-1] // 2, torch.autograd.grad
    slopes = [grad(u, pixels, retain_graph=True)[0] for u in x[0, 0, n : n + 2]]
    one, two = (slope.nonzero()[:, 2].tolist() for slope in slopes)
    return one[-1] - one[0] + 1, two[0] - one[0], one[0] - n * (two[0] - one[0])


def draw(rng):
    return (rng.integers([1, 1, 0], [6, 4, 3], (rng.integers(1, 5), 3)).tolist(),)


hints = (
    "A kernel reaches over kernel - 1 steps of the layer before. How long is a step?",
    "The padding moves the first window back by so many steps of the layer before.",
    "size += (kernel - 1) * step, begin -= padding * step; only then step *= stride",
)
exercises.check(window, by_gradient, [], draw=draw, hints=hints)

# %% [markdown]
# ### Predict: the window of the last map
#
# MobileFaceNet reads 112x112 pixels. How wide is the window of one unit of its last map, the 7x7? Commit to a number.

# %% tags=["predict"]
window_guess = exercises.predict(
    ..., question="How wide is the window of a unit of the last map?", unit="pixels"
)


# %%
def my_window(layers):
    mine = window(layers)
    return by_gradient(layers) if mine is ... else mine


net = weights.load("mobilefacenet_075_relu")  # trained, used to the end of the chapter
layers = []
for module in [*net.stem.modules(), *net.body.modules()]:
    if isinstance(module, nn.Conv2d):
        layers.append((module.kernel_size[0], module.stride[0], module.padding[0]))
size, step, begin = my_window(layers)
print(f"{len(layers)} convolutions before the last map, all as in MobileFaceNet")
print(f"each unit has a window of {size} pixels, {step} pixels from its neighbours'")
for unit in (0, 3, 6):
    first, last = begin + unit * step, begin + unit * step + size - 1
    print(
        f"unit {unit} sees pixels {first} to {last}, centred on {(first + last) // 2}"
    )
window_guess.reveal(size, ".0f")

# %% tags=["guard"]
guard(
    "every unit's window holds the whole image",
    begin + 6 * step <= 0 and begin + size - 1 >= 111,
    begin=begin,
    step=step,
    size=size,
)

# %% [markdown]
# The window is twice as wide as the image. Even the units in the corners could depend on **every** pixel of the face.
# So by the layers alone, the only difference between the centre and the corners is that more of a corner's window is
# padding. (The grid is not centred, either: each stride of 2 keeps the first pixel and not the last, so that unit $i$
# sits on pixel $16 i$, and the last one on 96 of 111.)
#
# ## How far does it see?
#
# A unit depends strongly on some pixels and hardly on others. The **gradient** says how strongly: change a pixel a
# little, and see how much the unit changes. The pixels on which it depends strongly are its **effective receptive
# field** (Luo et al. 2016). For unit $u$, the sum of its channels, we take the mean size of the gradient at each pixel
# $p$ over photographs,
#
# $$f_u(p) = \frac{1}{N} \sum_n \left| \frac{\partial u(x_n)}{\partial x_n(p)} \right| ,$$
#
# and as its area the smallest share of the image that holds 90 % of it.


# %%
def last_map(net, images):
    """Grey faces (N, 1, 112, 112) -> (N, 512, 7, 7): what the last step gets to see."""
    return net.head[0](net.body(net.stem(images.expand(-1, 3, -1, -1))))


def effective_field(net, images, row, column):
    """How much a unit depends on each pixel, (H, W), as shares of the whole."""
    images = images.clone().requires_grad_()
    unit = last_map(net, images)[:, :, row, column]
    (gradient,) = torch.autograd.grad(unit.sum(), images)
    field = gradient.abs().sum(dim=(0, 1))
    return field / field.sum()


def area(field):
    """The smallest share of the image that holds 90 % of the field, in %."""
    sizes = field.flatten().sort(descending=True).values
    return 100 * (sizes.cumsum(dim=0) < 0.9).float().mean().item()


# %% [markdown]
# The faces are those of ORL again: ten photographs each of 20 people, aligned as in notebook 01. The shipped model has
# not been trained on any of them.

# %%
BORDER = 20  # pixels around each photograph, so that the detector finds all faces
orl = data.orl_faces()
orl = orl.subset(range(200))  # twenty people
finder, points = alignment.MTCNN(min_face=60), []
for photograph in orl.images:
    wider = np.pad(photograph[0].numpy(), BORDER, mode="edge")
    found = finder.detect(wider.repeat(2, 0).repeat(2, 1))
    largest = max(found, key=lambda face: face.area)
    points.append((largest.landmarks - 0.5) / 2 - BORDER)  # in the photograph's pixels
del finder  # it is not needed any more
matrices = alignment.similarity(np.stack(points), alignment.template(112))
faces = alignment.warp(orl.images, matrices, 112)
print(f"{len(faces)} faces of {orl.labels.max() + 1} people, {tuple(faces.shape[2:])}")

# %% [markdown]
# Five units, in the trained network and in three untrained ones of the same build:

# %%
UNITS = {"centre": (3, 3), "top left": (0, 0), "top right": (0, 6)}
UNITS |= {"bottom left": (6, 0), "bottom right": (6, 6)}
sample = data.normalise(faces[::40])  # five people, one photograph each
options = {"width": 0.75, "embedding_dim": 192}
nets = [backbones.create("mobilefacenet_relu", **options, seed=s) for s in range(3)]
fields, areas = {}, {}
for name, at in UNITS.items():
    before = [effective_field(other.eval(), sample, *at) for other in nets]
    fields["untrained", name] = before[0]
    fields["trained", name] = effective_field(net, sample, *at)
    areas[name] = np.mean([area(field) for field in before])
    areas[name] = areas[name], area(fields["trained", name])
del nets
columns = ["untrained (mean of 3), %", "trained, %"]
print(pd.DataFrame(areas, columns).T.round(0).astype(int).to_string())
others = np.array([areas[name] for name in UNITS if name != "centre"])


# %%
def spotlight(face, field):
    """The face (1, H, W) lit where the field is strong."""
    smooth = F.avg_pool2d(field[None], 9, stride=1, padding=4)
    return (face * (smooth / smooth.max()) ** 0.5).to(torch.uint8)


lit = {}
for when in ("untrained", "trained"):
    for name in UNITS:
        field = fields[when, name]
        lit[f"{when}: {name} ({area(field):.0f}%)"] = spotlight(faces[10], field)
figure = viz.image_grid(
    torch.stack(list(lit.values())),
    list(lit),
    title="Training widens what a unit sees (in brackets: its area)",
    columns=5,
    credit=orl.source,
)
alt = "A face lit in ten ways: centre units show its middle, corner units a corner."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "training widens what each unit sees, and the centre unit sees most",
    all(after > 2 * before for before, after in areas.values())
    and areas["centre"][0] > 1.3 * max(others[:, 0])
    and areas["centre"][1] > 1.3 * max(others[:, 1]),
    areas=areas,
    others=others,
)

# %% [markdown]
# All windows hold the whole image, but an untrained unit sees a small square of it, and in the trained network the
# centre unit sees more than a third, a corner about half as much. So a corner does see less of the face: the border of
# the picture cuts off a part of its field. Why so small? In an untrained network the middle of a window is reached by
# very many paths through the layers, its rim by few. Training can make the long paths count, and did: Luo et al. (2016)
# found the same on other networks.
#
# ## Does the middle know more?
#
# To see more is not yet to know more. So we ask each of the 49 places by itself: we take its 512 channels as the
# embedding, and verify the twenty people. To say how sure the result is, we do so in four separate groups of five
# people (notebook 02).


# %%
def maps_of(images):
    """The last maps of all photographs, a few photographs at a time."""
    with torch.no_grad():
        parts = [last_map(net, data.normalise(few)) for few in images.split(5)]
    return torch.cat(parts)


def accuracy_alone(maps):
    """(4, 7, 7): the accuracy of each place by itself in each group of people, in %."""
    alone = np.empty((4, 7, 7))
    for group in range(4):
        chosen = orl.labels // 5 == group
        pairs = data.verification_pairs(orl.labels[chosen], 450, seed=group)
        for row, column in np.ndindex(7, 7):
            place = maps[chosen, :, row, column]
            scores = evaluation.cosine_scores(place, pairs.left, pairs.right)
            alone[group, row, column] = evaluation.kfold_accuracy(
                scores, pairs.same
            ).mean
    return 100 * alone


# %% tolerance="1 points"
maps = maps_of(faces)
alone = accuracy_alone(maps)
middle = alone[:, 2:5, 2:5].mean(axis=(1, 2))
corners = alone[:, [0, 0, 6, 6], [0, 6, 0, 6]].mean(axis=1)
span = evaluation.mean_interval(middle - corners)
for group in range(4):
    inside, outside = middle[group], corners[group]
    print(f"group {group + 1}: middle 3x3 {inside:.0f} %, corners {outside:.0f} %")
print(f"difference {(middle - corners).mean():.0f} points, ", end="")
print(f"interval {span.low:.0f} to {span.high:.0f}")
lowest = span.low

# %% tags=["guard"]
guard(
    "in each group the middle verifies better than the corners, on average clearly",
    min(middle - corners) > 5 and lowest > 5,
    middle=middle,
    corners=corners,
    lowest=lowest,
)

# %% [markdown]
# A single place of the middle, one of 49, decides nine pairs in ten correctly, and a corner clearly fewer. But is it
# the **face** that makes the middle better, or the **map**? A corner is at a disadvantage with any picture, because
# most of its window is padding.
#
# ### Predict: move the faces
#
# We can tell the two apart. A step of the map is 16 pixels. Move all faces by 32 pixels to the left, and by as much to
# the right (what is left free repeats the edge of the picture). The network stays as it is. Does the best column of the
# map move along by two places, or does it stay in the middle?

# %% tags=["predict"]
move_guess = exercises.predict(
    ...,
    question="When the faces move, what do the most accurate places do?",
    choices=("they stay", "they move along"),
)


# %%
def moved(images, pixels):
    """The images moved right, or by less than 0 left; their edge is repeated."""
    columns = (torch.arange(112) - pixels).clamp(0, 111)
    return images[..., columns]


by_move = {"32 pixels to the left": -32, "as aligned": 0, "32 pixels to the right": 32}
found = {"as aligned": maps}
for name, pixels in by_move.items():
    if pixels:
        found[name] = maps_of(moved(faces, pixels))
means = {name: accuracy_alone(found[name]).mean(axis=0) for name in by_move}

# %% [markdown]
# Three maps, of the same faces and pairs. We compare each of the moved ones with the aligned one twice: place by place,
# and moved along by two columns.

# %% tolerance="1 points"
left, still, right = means.values()
staying = np.abs(np.stack([left - still, right - still])).mean()
along = np.abs(
    np.stack([left[:, :5] - still[:, 2:], right[:, 2:] - still[:, :5]])
).mean()
move_guess.reveal("they stay" if staying < along else "they move along")
print(f"from the aligned map, place by place: {staying:.0f} points away on average")
print(f"compared with the place two columns further: {along:.0f} points")
figure = viz.heatmaps(
    means,
    title="The places that know most move along with the face",
    cell="{:.0f}",
    unit="accuracy alone, %",
)
alt = "Three maps of 7x7: the bright columns lie left, in the middle, and right."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "the moved maps resemble the aligned one moved along, not the aligned one in place",
    along < 0.5 * staying,
    along=along,
    staying=staying,
)

# %% [markdown]
# The map moves along. Moved by two columns, the accuracies inside it are those of the aligned faces within a point or
# two. At the edge some four points are lost, to the padding or to the part of the face that has left the picture: this
# test cannot say to which. (The aligned map itself is lopsided because of the grid: its first column sits on
# pixel 0, at the rim of the picture, and its last on 96.) So a place knows about as much as the part of the face in
# front of it tells. In **aligned** faces that part is always the same, and a weight for each
# place can make use of it.
#
# ## What the last step has learned
#
# Does the trained GDConv? Weights alone do not say: a large weight on a channel that is always zero adds nothing. What
# place $(i, j)$ adds to channel $c$ is $w_{c,i,j}\, x_{c,i,j}$, and what counts is how much that varies from photograph
# to photograph. For each channel we take the variances of the 49 products as shares of their sum, and average the
# shares over the channels. If all places counted the same, each would have $1/49$, about 2 %.

# %% tolerance="1 points"
gdconv = net.head[1][0].weight.detach()[:, 0]  # (512, 7, 7)
varies = (gdconv * maps).var(dim=0)
active = varies.sum(dim=(1, 2)) > 1e-6
of_channel = varies[active] / varies[active].sum(dim=(1, 2), keepdim=True)
shares = 100 * of_channel.mean(dim=0).numpy()
middle_share, corner_share = shares[2:5, 2:5].sum(), shares[::6, ::6].sum()
print(f"{active.sum()} of {len(active)} channels are active")
print(
    f"the middle 3x3 adds {middle_share:.0f} %, the four corners {corner_share:.0f} %"
)
figure = viz.heatmaps(
    {"accuracy alone, %": still, "share of what varies, %": shares},
    title="The last step draws on the middle, where places know most",
    cell="{:.0f}",
)
alt = (
    "Two maps of 7x7, both bright in the middle and dark at the rim, most on the left."
)
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "the middle adds far more than nine even shares, the corners far less than four",
    middle_share > 1.5 * 9 / 49 * 100 and corner_share < 0.5 * 4 / 49 * 100,
    middle_share=middle_share,
    corner_share=corner_share,
)

# %% [markdown]
# What varies in the sums comes mostly from the middle of the map, as Chen et al. describe. The agreement is not
# perfect: the shares are highest from nose to mouth, though the rows of eyes and forehead tell as much. And a product
# has two factors: if what **arrives** in the middle varies more, an average draws on the middle as well. Notebook 04b
# looks at the weights by themselves.
#
# And the price: learned places hold for aligned faces only. What becomes of the whole embedding when the faces move?

# %% tolerance="0.9 points"
pairs = data.verification_pairs(orl.labels, 1800, seed=0)
whole = {}
for name in by_move:
    with torch.no_grad():
        embeddings = net.head[1:](found[name])
    scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
    right = int(round(evaluation.kfold_accuracy(scores, pairs.same).mean * len(pairs)))
    span = evaluation.wilson(right, len(pairs))
    whole[name] = 100 * right / len(pairs)
    print(
        f"{name}: {whole[name]:.1f} % ({100 * span.low:.1f} to {100 * span.high:.1f})"
    )
lost = [whole["as aligned"] - whole[name] for name in by_move if by_move[name]]

# %% tags=["guard"]
guard(
    "moved faces cost the whole embedding more than two points",
    min(lost) > 2,
    lost=lost,
)

# %% [markdown]
# Moved by two places, the embedding errs more than three times as often. Most places know about as much as before, but
# the last step weighs them as if nothing had moved. That is one reason to align faces, as in notebook 01; a part of
# this loss is the face that has left the picture.
#
# All of this is one network, trained once. Whether GDConv makes a network **better** than the average takes many
# trainings of both; notebook 04b has them.
#
# ### Open task: cover the face (45 minutes)
#
# The gradient says to what a unit would react, not what the network uses. Measure that by covering: put a grey square
# of 28 pixels over the same place of **every** face, embed, and verify. Slide the square over the face, seven by seven
# positions, and draw the loss of accuracy as a map beside the two maps above. Which part of the face is needed most?
# Before you run it, write down which part you expect. (Embedding all faces takes about ten seconds a position: try it
# on five people first.)
#
# | points | for |
# |---|---|
# | 1 | a prediction, written down first, with a reason from this chapter |
# | 3 | the map of losses, for all twenty people and the same pairs each time, with the accuracy of the uncovered faces beside it |
# | 2 | the same in the four groups of people, and an interval for the difference between the two positions that matter most to you |
# | 2 | a control: a second filling of the square (black, noise or the mean face), and whether the map stays |
# | 2 | two sentences: where map and shares agree, and one reason why covering and gradient may disagree |

# %% [markdown]
# ## Summary
#
# - A weight costs once in the file, and in arithmetic once for every place of the output. Memory is what lives at the
#   same time.
# - Depthwise-separable convolutions save nearly a factor of $k^2$ in arithmetic and weights where there are many
#   channels, and here nothing in memory. An inverted residual holds its wide middle twice, and where it has a shortcut,
#   its input besides.
# - "FLOPs" mean nothing without their rule. Batch norm folds into the convolution before it and is free in use.
# - The peak of memory is where the map is large and the block is wide: one early block decides. Fewer weights at the
#   end do not lower it.
# - Judging by the layers alone, every unit of the last map could see the whole face; it does see a part. Places in the middle knew
#   more about who it is than the corners, and that went with the face, not with the map. A global depthwise convolution
#   can use that, for next to nothing; an average cannot.
#
# **What you can do with it**: `cost.count(net, (112, 112))` prints the three currencies of any network, and its
# `table()` layer by layer. Count before you train, and name your rule.
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
# - Howard et al. (2017, arXiv:1704.04861) introduce the depthwise-separable network, Sandler et al. (2018,
#   arXiv:1801.04381) the inverted residual.
# - Luo et al. (2016, arXiv:1701.04128) show that effective receptive fields are much smaller than theoretical ones, and
#   grow with training.
