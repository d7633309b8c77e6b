# %% [markdown]
# # What a convolution costs
#
# A network for a phone has to be small. But small in what? In arithmetic, which takes time and battery? In weights, which
# take space in the file? Or in the memory that it needs while it runs? A network that is cheap in one of the three can be
# expensive in another.
#
# In this notebook you learn to count all three, exactly, before anything is trained. Each time you first count by hand,
# then write the few lines that do it for any network.
#
# **What you will learn**
# - to count multiply-adds, parameters and activation memory of any convolution;
# - what depthwise-separable convolutions and inverted residuals save, and what they cost;
# - why papers print different "FLOPs" for the same network;
# - why batch norm is free once a network is put to use;
# - which tensors must be in memory at the same time, and which block decides.
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (the network that was trained there). You should know
# what a convolution computes.
#
# **Time and place**: 1 minute to run, 100 minutes to read and do, 45 more for the open task. No GPU, no network, 1.0 GB of memory.

# %% tags=["imports"]
import copy

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from course_lib import backbones, cost, exercises, guard, viz
from course_lib.backbones import blocks

# %% [markdown]
# ## Small in what?
#
# Here are four networks that turn a face into an embedding. The course builds all of them in later notebooks; today we
# only ask what they cost. Three measures stand side by side:
#
# - **multiply-adds** (MACs): one multiplication and the addition that follows it. They are the arithmetic;
# - **parameters**: numbers that training sets. They are the file, with four bytes each;
# - **peak activation memory**: what the layers put out are **activations**, and this is the most that must be held at one
#   moment while a face runs through.
#
# On the device **meta** a network has shapes but no memory for its weights, which is enough for counting.

# %%
NAMES = {
    "MobileFaceNet": "mobilefacenet",
    "MobileNetV2": "mobilenet_v2_face",
    "Inception-ResNet": "inception_resnet_v1",
    "DeepFace": "deepface_lrn",
}
counted_networks = {}
for title, name in NAMES.items():
    with torch.device("meta"):
        network = backbones.create(name)
    counted_networks[title] = cost.count(network, network.input_size)
network_macs, network_parameters, network_peaks = {}, {}, {}
for title, counted in counted_networks.items():
    network_macs[title] = counted.macs.conv_linear / 1e6
    network_parameters[title] = counted.parameters / 1e6
    network_peaks[title] = counted.peak_fp32_bytes / 1e6

# %%
panels = {
    "multiply-adds, millions": network_macs,
    "parameters, millions": network_parameters,
    "peak activations, MB": network_peaks,
}
print(pd.DataFrame(panels).round(1).to_string())
title = "MobileNetV2 computes and stores little, but needs most memory"
figure = viz.bars(panels, title=title)
alt = "Bars of four networks in three panels, each panel with another order."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "MobileNetV2 is second smallest in two measures and the largest in memory",
    sorted(network_macs, key=network_macs.get)[1] == "MobileNetV2"
    and sorted(network_parameters, key=network_parameters.get)[1] == "MobileNetV2"
    and max(network_peaks, key=network_peaks.get) == "MobileNetV2",
    network_macs=network_macs,
    network_parameters=network_parameters,
    network_peaks=network_peaks,
)

# %% [markdown]
# Each measure gives another order. Inception-ResNet computes nearly five times as much as MobileNetV2 and has ten times
# its parameters, and yet gets by with a third of its memory. At the end of the notebook you can say why.
#
# ## A convolution that counts itself
#
# A filter lies on a window of the image. Each of its weights is multiplied by the number below it, and the products are
# added up: one multiply-add a weight. Then the filter moves on by the **stride**: with a stride of 2 it skips every other
# place. The next cell does this in loops, with a counter.


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


# %% [markdown]
# ### Predict: count one by hand
#
# An image has 3 channels and 14x12 pixels. Eight filters of 3x3 go over it with a stride of 2 and a padding of 1. How many
# multiply-adds is that? Count the places of the output first, then the weights of one filter. Put your number in place of
# the three dots.

# %% tags=["predict"]
guess = exercises.predict(..., question="How many multiply-adds?")

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
guess.reveal(multiply_adds, ",.0f")
print("first row by our loops:", output[0, 0].numpy().round(3))
print("first row by PyTorch:  ", by_torch[0, 0].numpy().round(3))
print(f"output {tuple(output.shape)}, largest difference {worst:.3f}")
print(f"multiply-adds by the loops {multiply_adds:,}, by the library {library_macs:,}")
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
# The output has 7x6 places, and at each of them eight filters of $3 \cdot 3 \cdot 3$ weights do their work. In general a
# side of $n$ pixels becomes
#
# $$n' = \left\lfloor \frac{n + 2\,\text{padding} - k}{\text{stride}} \right\rfloor + 1$$
#
# places under filters of $k$ by $k$.
#
# ## Three blocks
#
# Networks differ in how they put convolutions together.
#
# - A **standard** convolution mixes space and channels at once: each filter sees all channels of the input.
# - In a **grouped convolution** the channels are split into groups, and a filter sees only those of its own group. With as
#   many groups as channels it is a **depthwise convolution**: each filter sees one channel.
# - A **depthwise-separable convolution** works in two steps: a depthwise convolution filters each channel by itself, then
#   a **pointwise convolution** (1x1) mixes the channels (Howard et al. 2017).
# - An **inverted residual** first widens the input from $c$ to $t \cdot c$ channels by a 1x1 convolution, filters them
#   depthwise, and narrows them to $c$ again. The factor $t$ is its **expansion**. Where the shapes allow, the block's
#   input is added to the result; this is a **shortcut** (Sandler et al. 2018).
#
# Below the blocks stand as data, one row for each convolution: channels in, channels out, kernel, groups, and the side of
# its square output.


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


# %% [markdown]
# How do we check a count of which we have no formula? Fill the image and the filters with ones. Then every multiply-add
# adds exactly one to the sum of the outputs.


# %% tags=["imports"]
def count_by_ones(rows):
    """Multiply-adds and weights, by running the convolutions on ones."""
    multiply_adds = weights = 0
    for c_in, c_out, kernel, groups, side in rows:
        seen = side + kernel - 1  # then the output has side x side places
        image = torch.ones(1, c_in, seen, seen, dtype=torch.float64)
        filters = torch.ones(c_out, c_in // groups, kernel, kernel, dtype=torch.float64)
        multiply_adds += int(F.conv2d(image, filters, groups=groups).sum())
        weights += filters.numel()
    return multiply_adds, weights


# %% [markdown]
# That is slow for large maps, so now do it without running anything.
#
# ### Exercise 1: count a block
#
# `rows` is a list of convolutions `(c_in, c_out, kernel, groups, side)`, as above. Return two whole numbers,
# `(multiply_adds, weights)`, for all of them together. No convolution has a bias. The solutions, with reasons, are in
# [solutions/03_convolution_costs.py](solutions/03_convolution_costs.py).


# %% tags=["exercise"]
def block_costs(rows): ...


# %% tags=["check"]
def draw(rng):
    rows = []
    for _ in range(rng.integers(1, 4)):
        groups, kernel = rng.integers(1, 4), 2 * rng.integers(3) + 1
        c_in, c_out = groups * rng.integers(1, 6, size=2)
        rows.append(tuple(map(int, (c_in, c_out, kernel, groups, rng.integers(1, 9)))))
    return (rows,)


hints = (
    "How many weights has one filter, and how many filters are there?",
    "A filter of a grouped convolution sees only the channels of its own group.",
    "Every weight is used once at each place of the output. How many places are there?",
)
cases = [([(3, 8, 3, 1, 7)],), ([(8, 8, 3, 8, 5), (8, 16, 1, 1, 5)],)]
exercises.check(block_costs, count_by_ones, cases, draw=draw, hints=hints)

# %% [markdown]
# In a formula, with $c$ channels in, $c'$ filters, $g$ groups and an output of $h'$ by $w'$ places:
#
# $$\text{weights} = c' \cdot \frac{c}{g} \cdot k^2, \qquad \text{multiply-adds} = h' w' \cdot \text{weights}.$$
#
# A weight costs once in the file, and in arithmetic once for every place of the output. The whole chapter rests on that
# sentence.
#
# ## What the three blocks cost
#
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
# Does your count agree with the library's? We count the convolutions of four settings in both ways. Until you have written
# `block_costs`, the ones do its work.

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
        mine = block_costs(rows[name]) or count_by_ones(rows[name])
        table.append((name, *setting, *mine, *by_library))
heading = "block, channels, kernel, stride, expansion, MACs, weights, MACs counted"
comparison = pd.DataFrame(table, columns=[*heading.split(", "), "weights counted"])
formula = comparison[["MACs", "weights"]].to_numpy()
by_counter = comparison[["MACs counted", "weights counted"]].to_numpy()
comparison.set_index("block").map("{:,}".format)

# %% tags=["guard"]
guard(
    "our count and the library's agree for every block",
    np.all(formula == by_counter),
    formula=formula,
    by_counter=by_counter,
)

# %% [markdown]
# The figure sets the blocks side by side. Its third panel shows the peak activation memory, in 32-bit floats; further below
# you count it yourself. The parameters in the figure include those of batch norm and PReLU.


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
# ## Three numbers for one network
#
# In its own paper MobileFaceNet has "221M" multiply-adds (Chen et al. 2018). Ask a few tools for its floating-point
# operations, or **FLOPs**, and you get other numbers. None of them is wrong. They follow different **rules**: is a
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
net = backbones.create("mobilefacenet", seed=0)
macs_only, norm, prelu = elements_and_macs(net, (112, 112))
rules = {
    "convolutions and linear layers": macs_only,
    "+ 4 a batch-norm element, 1 a PReLU one": macs_only + 4 * norm + prelu,
    "2 for each multiply-add": 2 * macs_only,
}
for rule, operations in rules.items():
    print(f"{rule:40} {operations / 1e6:.2f}M")
by_rule = cost.count(net, (112, 112)).macs
in_library = [by_rule.conv_linear, by_rule.thop, by_rule.twice]
print("by the library:", ", ".join(f"{count / 1e6:.2f}M" for count in in_library))

# %% tags=["guard"]
guard(
    "the library agrees by each of its three rules",
    in_library == [*rules.values()],
    in_library=in_library,
    rules=rules,
)

# %% [markdown]
# The first is that of the paper (Chen et al. 2018). The second is the rule of **thop**, a much used counter, which charges a batch norm with
# scale and shift 4 operations an element. The third doubles the first. So compare two counts only if the rule is the
# same. This course prints multiply-adds of convolutions and linear layers. Notebook 14 uses the rules the other way
# round, and finds out from a printed count which network was really measured.
#
# ## Why batch norm costs nothing in the end
#
# In training, batch norm takes mean and variance from the batch, and keeps averages of both, the **running statistics**.
# At evaluation it uses those. For each channel it then computes
#
# $$\gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
#
# with fixed numbers $\gamma$, $\beta$, $\mu$, $\sigma^2$ and $\varepsilon$. If $x$ comes from a convolution, both together
# are **one** convolution with a bias. Merging them is called **folding**.
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
    "There is one factor for each filter: its shape must multiply whole filters.",
    "Put x = 0 into the formula: what is left is the bias, with that factor in it.",
)
ones = torch.ones(2)
cases = [(torch.ones(2, 1, 1, 1), 2 * ones, ones, 3 * ones, 3 * ones, 1.0)]
exercises.check(folded, by_fusion, cases, draw=draw, hints=hints)

# %% [markdown]
# Now fold every batch norm of MobileFaceNet with your function (with PyTorch's own, until yours is written). The running
# statistics of a new network are all 0 and 1, which would be too easy, so we first give them other values.


# %%
def without_batch_norms(network):
    """A copy in which every convolution with its batch norm is one convolution."""
    network = copy.deepcopy(network)
    for unit in network.modules():
        if isinstance(unit, blocks.ConvUnit):
            conv, norm = unit[0], unit[1]
            numbers = (conv.weight, norm.weight, norm.bias)
            numbers += (norm.running_mean, norm.running_var, norm.eps)
            weight, bias = folded(*numbers) or by_fusion(*numbers)
            unit[0].weight, unit[0].bias = nn.Parameter(weight), nn.Parameter(bias)
            unit[1] = nn.Identity()
    return network


# %% tolerance="0.0001"
generator = torch.Generator().manual_seed(0)
for module in net.modules():
    if isinstance(module, nn.BatchNorm2d):
        module.running_mean.normal_(0, 0.1, generator=generator)
        module.running_var.uniform_(0.5, 2, generator=generator)
faces = torch.randn(2, 3, 112, 112, generator=generator)
merged = without_batch_norms(net)
with torch.no_grad():
    embedded, embedded_merged = net.eval()(faces), merged.eval()(faces)
apart = ((embedded - embedded_merged).abs().max() / embedded.abs().max()).item()
sizes = [sum(p.numel() for p in one.parameters()) for one in (net, merged)]
print(f"parameters with batch norms {sizes[0]:,}, folded {sizes[1]:,}")
print(f"largest difference of the embeddings, of their largest number: {apart:.4f}")

# %% tags=["guard"]
guard(
    "the folded network gives the same embeddings with fewer parameters",
    apart < 0.001 and sizes[1] < sizes[0],
    apart=apart,
    sizes=sizes,
)

# %% [markdown]
# The same embeddings, one operation less behind every convolution, and one number a channel in place of two. That is why
# the paper prints 0.99 million parameters for a network that has 1.00 million in training.
#
# ## Memory: what lives at the same time?
#
# Weights are in memory all the time. **Activations**, the numbers that the layers put out, come and go: a tensor is made by
# one operation, and may go after the last operation that reads it. The memory that a network needs is the largest sum of
# those that live **at the same time**. It is not the sum of all tensors, and not the largest tensor.
#
# Here is an inverted residual with $t = 2$ as data. Operation number $i$ makes tensor $i$. For each one we list what it
# reads and the size of what it makes, in units of the block's input, which is tensor 0. The last operation is the
# shortcut: it reads the input and what the projection has become.

# %% tags=["imports"]
OPERATIONS = "input expand norm prelu depthwise norm prelu project norm add".split()
READS = [[], [0], [1], [2], [3], [4], [5], [6], [7], [0, 8]]
SIZES = [1, 2, 2, 2, 2, 2, 2, 1, 1, 1]

# %% [markdown]
# ### Predict: the peak of the block
#
# The largest tensor has two units. How many units must be in memory at the worst moment? Go through the operations with
# your finger, and mind what is still waiting to be read.

# %% tags=["predict"]
peak_guess = exercises.predict(..., question="The peak of the block?", unit="units")

# %% [markdown]
# ### Exercise 3: what lives when?
#
# Return a list with one whole number for each operation: how much is in memory while it runs.
#
# - `reads[i]` are the numbers of the tensors that operation `i` reads, all of them below `i`; `sizes[i]` is the size of
#   the one that it makes.
# - What an operation makes is in memory while it runs.
# - An earlier tensor is in memory as long as this operation **or a later one** reads it, once even if an operation reads
#   it twice.
# - A tensor that nobody reads goes as soon as it has been made.


# %% tags=["exercise"]
def live(reads, sizes): ...


# %% tags=["check"]
def by_lifetimes(reads, sizes):
    n = len(sizes)
    is_read = np.array([np.isin(np.arange(n), tensors) for tensors in reads])
    wanted = np.logical_or.accumulate(is_read[::-1])[::-1] & np.tri(n, dtype=bool)
    return ((wanted | np.eye(n, dtype=bool)) @ np.array(sizes)).tolist()


def draw(rng):
    n = rng.integers(2, 9)
    later = (rng.integers(i, size=rng.integers(4)).tolist() for i in range(1, n))
    return [[], *later], rng.integers(1, 50, size=n).tolist()


hints = (
    "For each tensor, which operation is the last that reads it?",
    "Which tensors are made by now, and have their last reader now or later?",
    "A tensor without a reader counts in the operation that makes it, and only there.",
)
cases = [([[], [0], [1], [0, 2]], [4, 8, 8, 4]), ([[], [0], [0], [1, 1]], [3, 5, 7, 2])]
exercises.check(live, by_lifetimes, cases, draw=draw, hints=hints)

# %% [markdown]
# ## One block, operation by operation
#
# Your function, or `by_lifetimes` until it is written, goes through the block; beside it stands what the library counts
# for the real one.

# %%
block = blocks.InvertedBottleneck(64, 64, expansion=2, stride=1)
layers = cost.count(block, (28, 28), in_channels=64).layers
unit = layers[0].activation_elements  # of the block's input
units = live(READS, SIZES) or by_lifetimes(READS, SIZES)
units_counted = [layer.live_elements / unit for layer in layers]
for row in zip(OPERATIONS, units, units_counted, strict=True):
    operation, ours, in_library = row
    print(f"{operation:10} {'#' * ours:5} {ours}, by the library {in_library:.0f}")
fused = by_lifetimes([[], [0], [1], [2], [0, 3]], [1, 2, 2, 1, 1])
print("input, expand, depthwise, project, add, fused:", fused)
peak_guess.reveal(max(units), ".0f")

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
# ## A whole network: who holds the parameters, who does the work
#
# Blocks like this one make up most of MobileFaceNet. In the diagram t is the expansion, and a pile stands for several
# equal blocks. Read off the shapes beside the arrows, and compare the two columns of bars.

# %% tags=["illustration"]
title = "MobileFaceNet: early stages do the work, late stages hold the parameters"
viz.show(*viz.network_diagram("mobilefacenet", title=title))

# %%
mobilefacenet = counted_networks["MobileFaceNet"]
early_macs = early_parameters = 0
for layer in mobilefacenet.layers:
    if layer.output_shape[-1] >= 28:  # maps of 28x28 places or more
        early_macs += layer.macs.conv_linear
        early_parameters += layer.parameters
early_work = 100 * early_macs / mobilefacenet.macs.conv_linear
early_weights = 100 * early_parameters / mobilefacenet.parameters
print(f"maps of 28x28 or more: {early_work:.0f} % of the multiply-adds,")
print(f"    with {early_weights:.0f} % of the parameters")

# %% tags=["guard"]
guard(
    "the early stages do more than 40 % of the work with few parameters",
    early_work > 40 and early_weights < 15,
    early_work=early_work,
    early_weights=early_weights,
)

# %% [markdown]
# On a large map every weight works thousands of times, on a small one forty-nine times. So "make it smaller" and "make it
# faster" are two different wishes, and you would cut at different places for them.
#
# ## The peak of a whole network
#
# The memory is counted along the whole network as in the block: with the expansions of its table, with half of them
# and with twice.

# %%
expansions = {"half": 0.5, "as in the paper": 1.0, "twice": 2.0}
live_mb, peak, place, where, first_block = {}, {}, {}, {}, {}
for name, factor in expansions.items():
    with torch.device("meta"):
        network = backbones.create("mobilefacenet", expansion=factor)
    counted = cost.count(network, (112, 112))
    live_mb[name] = [layer.live_bytes / 1e6 for layer in counted.layers]
    peak[name] = counted.peak_fp32_bytes / 1e6
    place[name] = 1 + live_mb[name].index(max(live_mb[name]))
    where[name] = counted.peak_layer.name
    of_block = [part.live_bytes for part in counted.layers if "body.0" in part.name]
    first_block[name] = max(of_block) / 1e6
    print(f"{name:16} {peak[name]:.2f} MB, first at {place[name]}: {where[name]}")
    print(f"{'':16} {first_block[name]:.2f} MB in the first inverted residual")

# %%
figure = viz.lines(
    {f"expansion {name}": values for name, values in live_mb.items()},
    range(1, 1 + len(live_mb["half"])),
    title="The first inverted residual makes the peak; "
    "halved, it is level with the stem",
    xlabel="operation, from the image to the embedding",
    ylabel="live activations, MB",
    named={f"{peak[name]:.1f} MB": (place[name], peak[name]) for name in peak},
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
# And the four networks of the beginning? Here is the operation at which each of them reaches its peak.

# %%
peak_maps = {}
for title, counted in counted_networks.items():
    worst_layer = counted.peak_layer
    shape_there = worst_layer.output_shape[-3:]
    peak_maps[title] = int(np.prod(shape_there))
    size = "x".join(map(str, shape_there))
    print(f"{title:17} {network_peaks[title]:5.2f} MB at {worst_layer.name}, {size}")

# %% tags=["guard"]
guard(
    "MobileNetV2 has the largest map at its peak",
    max(peak_maps, key=peak_maps.get) == "MobileNetV2",
    peak_maps=peak_maps,
)

# %% [markdown]
# MobileNetV2 widens its channels sixfold in a block that still works on a large map. Inception-ResNet shrinks its maps
# in its first layers and is wide only afterwards: much arithmetic and many weights, little memory. DeepFace's weights sit
# in layers that share nothing between places, which is expensive in the file alone (notebook 04d).
#
# ### Explain: which changes lower the peak?
#
# MobileFaceNet does not fit into the memory that a device has for activations. Somebody proposes four changes: (a) halve
# the channels of the last stage, (b) leave out one block of each stage that is not its first, (c) take images of
# 96x96, (d) fold the batch norms and compute them together with their convolutions. Which of them lower the peak, and
# what do the others lower?
#
# <details><summary>Model answer</summary>
#
# (c) and (d). The peak lies in the first inverted residual. With 96x96 pixels its maps have $(96/112)^2$, about
# three quarters, of their places. With (d) the wide map is no longer held twice. (a) takes weights away, and most of
# the weights are in late stages; (b) takes weights and arithmetic away. Neither touches the one block that decides, so
# the peak stays where it was.
#
# </details>
#
# ## The last step: an average, or weights
#
# At the end of MobileFaceNet a face is a map of 7x7 places with 512 channels each. **Global average pooling** (GAP) would
# take the mean over the places. MobileFaceNet has a **global depthwise convolution** (GDConv) there: one learned weight
# for each place of each channel. With all weights equal to 1/49 it is the average again. A third way is a fully connected
# layer from all numbers of the map. What does each cost?

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
pooling_parameters = {}
for name, step in pooling.items():
    counted = cost.count(step, (7, 7), in_channels=512)
    pooling_parameters[name] = counted.parameters
    numbers = f"{counted.parameters:10,} parameters"
    print(f"{name:28} {numbers}, {counted.macs.conv_linear:10,} multiply-adds")

# %% tags=["guard"]
guard(
    "GDConv has 51 numbers a channel; the fully connected step is the largest by far",
    pooling_parameters["GDConv, with its batch norm"] == 512 * (7 * 7 + 2)
    and pooling_parameters["fully connected"] > 12 * sizes[0],
    pooling_parameters=pooling_parameters,
    sizes=sizes,
)

# %% [markdown]
# GDConv costs next to nothing, where the fully connected layer would hold more than twelve times the weights of the whole
# network. Whether it is **better** than an average is another question, and counting cannot answer it: notebook 04b trains
# both.
#
# ### Open task: a network for a doorbell (45 minutes)
#
# A doorbell has room for a file of 3 MB (in 32-bit floats), 2 MB of memory for activations, and time for a hundred
# million multiply-adds a face. Find a MobileFaceNet that fits: `backbones.create("mobilefacenet", width=…, expansion=…,
# input_size=…)` and `cost.count` are all you need. Among those that fit, which would you take, and which of the three
# limits is hard?
#
# | What counts | Points |
# |---|---|
# | a table of at least six settings with all three measures, and the rule of counting is named | 2 |
# | at least one change is made for each limit, and you say which change moves which measure | 2 |
# | the setting that you choose fits all three limits, and uses one of them to more than four fifths | 2 |
# | you say which limit decides, and what you would ask the makers of the doorbell to change | 1 |
# | you say what the table does not tell: it has no accuracy | 1 |

# %% [markdown]
# ## Summary
#
# - A weight costs once in the file, and in arithmetic once for every place of the output. Memory is what lives at the same
#   time.
# - Depthwise-separable convolutions save a factor of $1 / (1/c' + 1/k^2)$ in arithmetic and weights, nearly $k^2$ if
#   there are many more channels than that, and here nothing in memory. An inverted residual holds its wide middle
#   twice, and where it has a shortcut, its input besides.
# - "FLOPs" mean nothing without their rule: the same network has twice as many by one rule as by another.
# - A batch norm behind a convolution can be folded into it. The network then gives the same embeddings with fewer
#   parameters.
# - The peak of memory is where the map is large and the block is wide: one early block decides.
#
# **What you can do with it**: `cost.count(net, (height, width))` counts any network of your own, by layer and in all.
#
# **Next**: [notebook 04b](04b_mobilefacenet.ipynb) builds the network of this course from these blocks. [Notebook
# 04a](04a_mobilenets.ipynb), which is optional, shows where the blocks come from.
#
# ## What the papers report
#
# - Chen et al. (2018, arXiv:1804.07573): MobileFaceNet has 0.99M parameters (with its batch norms folded; 1.00M
#   without) and 221M multiply-adds, which is the first rule with a 128-d embedding.
# - Howard et al. (2017, arXiv:1704.04861) introduce the depthwise-separable network, Sandler et al. (2018,
#   arXiv:1801.04381) the inverted residual.
