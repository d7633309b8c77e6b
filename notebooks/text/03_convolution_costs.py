# %% [markdown]
# # What a convolution costs
#
# A network for a phone has to be small. But small in what? In arithmetic, which takes time. In weights, which take space
# in the file. Or in the memory that it needs while it runs. These are three different currencies, and a block that is
# cheap in one can be dear in another.
#
# We count all three, exactly, before anything is trained. Then we look at the last step of a face network, where one
# small and cheap layer replaces an average, and ask why.
#
# **What you will learn**
# - to count multiply-adds, parameters and activation memory of any convolution by hand;
# - what depthwise-separable convolutions and inverted residuals save, and what they cost;
# - why papers print different "FLOPs" for the same network, and how to find out which rule they used;
# - which tensors must be in memory at the same time;
# - why the centre of an aligned face counts more than its corners, and what a network can do about it.
#
# **What you need before**: notebooks 00 and 01. You should know what a convolution computes.
#
# **Time and place**: 1 minute to run, 40 minutes to read and do. No GPU, no network, about 1 GB of memory.

# %% tags=["imports"]
import os
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from course_lib import alignment, backbones, cost, data, evaluation, exercises, losses, training, viz
from course_lib.backbones import blocks

# %% [markdown]
# ## A convolution that counts itself
#
# A filter lies on a window of the image. Each of its weights is multiplied by the number below it, and all is added up.
# One multiplication with its addition is a **multiply-add** (MAC). Then the filter moves on by the stride. Here is
# that in loops, with a counter.


# %%
def counting_convolution(image, filters, stride, padding):
    """The output (out, H', W') of filters (out, in, k, k) on an image (in, H, W), and the multiply-adds it took."""
    image, kernel = F.pad(image, [padding] * 4), filters.shape[-1]
    height, width = ((side - kernel) // stride + 1 for side in image.shape[1:])
    output, multiply_adds = torch.zeros(len(filters), height, width), 0
    for channel, weights in enumerate(filters):
        for row, column in np.ndindex(height, width):
            top, left = row * stride, column * stride
            window = image[:, top : top + kernel, left : left + kernel]
            output[channel, row, column] = (window * weights).sum()
            multiply_adds += weights.numel()
    return output, multiply_adds


# %%
torch.manual_seed(0)
image, layer = torch.randn(3, 14, 12), nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
output, multiply_adds = counting_convolution(image, layer.weight.detach(), stride=2, padding=1)
assert torch.allclose(output, layer(image), atol=1e-5)
counted = cost.count(layer, (14, 12))
assert multiply_adds == counted.macs.conv_linear and layer.weight.numel() == counted.parameters
print("output", tuple(output.shape), "| multiply-adds", multiply_adds, "| parameters", counted.parameters)

# %% [markdown]
# We need no loops to know that. A side of $n$ pixels becomes
#
# $$n' = \left\lfloor \frac{n + 2\,\text{padding} - k}{\text{stride}} \right\rfloor + 1,$$
#
# and each of the $c' \cdot n'^2$ outputs takes as many multiply-adds as a filter has weights. With $g$ **groups** a
# filter sees only $c / g$ of the channels:
#
# $$\text{parameters} = c' \cdot \frac{c}{g} \cdot k^2, \qquad \text{multiply-adds} = n'^2 \cdot \text{parameters}.$$
#
# So a weight is paid for once in the file, and once for every place of the output in arithmetic.
#
# ## Three blocks
#
# - A **standard** convolution mixes space and channels at once.
# - A **depthwise-separable** convolution does it in two steps: a depthwise one ($g = c$) filters each channel by itself,
#   then a 1x1 convolution mixes the channels (Howard et al. 2017).
# - An **inverted residual** first widens to $t \cdot c$ channels by a 1x1 convolution, filters depthwise, goes back to
#   $c$ channels, and adds its input where the shape allows (Sandler et al. 2018).
#
# Below they stand as data, one row for each convolution: channels in, channels out, kernel, groups, side of the output.
# Then the same blocks from the library, with **batch norm** (scales and shifts each channel) and **PReLU** (multiplies
# negative numbers by a learned slope), and both counts compared.
#
# The figure sets them side by side in three currencies. The third is the **peak activation memory**: the most that must
# be held at one moment while the block runs, in 32-bit floats. We count it ourselves further below.


# %%
def convolutions(channels, kernel, stride, expansion, side):
    """The convolutions of the three blocks on a map of side x side."""
    c, wide, small = channels, expansion * channels, -(-side // stride)
    return {
        "standard": [(c, c, kernel, 1, small)],
        "depthwise-separable": [(c, c, kernel, c, small), (c, c, 1, 1, small)],
        "inverted residual": [(c, wide, 1, 1, side), (wide, wide, kernel, wide, small), (wide, c, 1, 1, small)],
    }


def my_costs(rows):
    """Multiply-adds and weights of convolutions."""
    weights = [c_out * (c_in // groups) * kernel**2 for c_in, c_out, kernel, groups, _ in rows]
    return sum(w * row[-1] ** 2 for w, row in zip(weights, rows, strict=True)), sum(weights)


# %%
def built(channels, kernel, stride, expansion):
    """The three blocks as modules."""
    unit, wide = partial(blocks.ConvUnit, kernel=kernel, stride=stride), expansion * channels
    separable = nn.Sequential(unit(channels, channels, groups=channels), blocks.ConvUnit(channels, channels, 1))
    inverted = blocks.InvertedBottleneck(channels, channels, expansion=expansion, stride=stride)
    inverted.depthwise = unit(wide, wide, groups=wide)  # the library's is always 3x3
    return {"standard": unit(channels, channels), "depthwise-separable": separable, "inverted residual": inverted}


def counted(channels, *setting):
    """The cost of each block on a map of 28x28."""
    modules = built(channels, *setting)
    return {name: cost.count(module, (28, 28), in_channels=channels) for name, module in modules.items()}


# %%
settings = [(16, 3, 1, 2), (64, 3, 2, 4), (32, 5, 2, 6), (64, 7, 1, 1)]
for setting in settings:
    rows = convolutions(*setting, side=28)
    for name, c in counted(*setting).items():
        weights = sum(layer.parameters for layer in c.layers if layer.kind == "conv2d")
        assert my_costs(rows[name]) == (c.macs.conv_linear, weights), name
print("our formulas and cost.count agree on", 3 * len(settings), "blocks")


# %%
def currencies_figure(channels, kernel, stride, expansion):
    names, counts = zip(*counted(channels, kernel, stride, expansion).items(), strict=True)
    words = f"{channels} channels, {kernel}x{kernel}, stride {stride}, expansion {expansion}"
    ratio = counts[2].peak_elements / counts[0].peak_elements
    macs, parameters = [c.macs.conv_linear / 1e6 for c in counts], [c.parameters / 1e3 for c in counts]
    panels = {"multiply-adds, millions": macs, "parameters, thousands": parameters}
    panels |= {"peak activations, kB": [c.peak_fp32_bytes / 1e3 for c in counts]}
    title = f"The inverted residual holds {ratio:.1f} times the memory of a standard convolution ({words})"
    return viz.bars({unit: dict(zip(names, v, strict=True)) for unit, v in panels.items()}, title=title)


# %%
bars = "Three panels of bars: the standard convolution leads in multiply-adds and parameters, the inverted residual in "
viz.show(currencies_figure(64, 3, 1, 2), alt=bars + "memory.")
standard, separable, inverted = counted(64, 3, 1, 2).values()
assert separable.macs.conv_linear < inverted.macs.conv_linear < standard.macs.conv_linear
assert separable.parameters < inverted.parameters < standard.parameters
assert inverted.peak_elements == 2.5 * separable.peak_elements == 2.5 * standard.peak_elements
print("standard over separable:", round(standard.macs.conv_linear / separable.macs.conv_linear, 1), "in multiply-adds")

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the sliders"
viz.sliders(
    currencies_figure,
    {"channels": [16, 32, 64, 128, 256], "kernel": [3, 5, 7], "stride": [1, 2], "expansion": [1, 2, 4, 6]},
    start={"channels": 64, "expansion": 2},
)

# %% [markdown]
# The ratio of the first two is $1 / (1/c' + 1/k^2)$: with many channels nearly $k^2$, nine for 3x3. That is the whole
# trick of the MobileNets. The inverted residual takes more than the separable block, because it works in a wider space,
# and holds 2.5 times the memory.
#
# Slide, and look for answers. At which expansion does the inverted residual cost as much arithmetic as the standard
# convolution? What does a larger kernel cost a depthwise filter? What does the stride save, and in which block least?
#
# ## Five numbers for one network
#
# MobileFaceNet has "221M" multiply-adds in its own paper (Chen et al. 2018) and "236.75" in another's table
# (Hassanpour and Kowsari 2023). Elsewhere one finds "0.44 GFLOPs". All are right. They follow different **rules**: is a
# multiply-add one operation or two? Does batch norm count? The activation?
#
# A counter takes a few lines. A **hook** is a function that PyTorch calls whenever a layer has run.


# %%
def elements_and_macs(model, input_size):
    """Multiply-adds of convolutions and linear layers, elements of batch norms, elements of PReLUs; for one image."""
    totals = dict.fromkeys((nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.PReLU), 0)

    def after(layer, inputs, output):
        kind = next(kind for kind in totals if isinstance(layer, kind))
        has_filters = kind in (nn.Conv2d, nn.Linear)  # an output takes as many MACs as one filter has weights
        totals[kind] += output.numel() * (layer.weight[0].numel() if has_filters else 1)

    handles = [m.register_forward_hook(after) for m in model.modules() if isinstance(m, tuple(totals))]
    model.eval()(torch.zeros(1, 3, *input_size))
    for handle in handles:
        handle.remove()
    return totals[nn.Conv2d] + totals[nn.Linear], totals[nn.BatchNorm2d], totals[nn.PReLU]


# %%
net = backbones.create("mobilefacenet", embedding_dim=512)
macs, norm, prelu = elements_and_macs(net, (112, 112))
rules = {"convolutions and linear layers": macs, "+ 2 for each element of a batch norm": macs + 2 * norm}
rules |= {"+ 2 for each, 1 for each of a PReLU": macs + 2 * norm + prelu, "2 for each multiply-add": 2 * macs}
rules |= {"+ 4 for each, 1 for each of a PReLU": macs + 4 * norm + prelu}
theirs = cost.count(net, (112, 112)).macs
assert (theirs.conv_linear, theirs.thop, theirs.twice) == (macs, macs + 4 * norm + prelu, 2 * macs)
print(pd.Series(rules).sort_values().div(1e6).map("{:.2f}M".format).to_string())

# %% [markdown]
# The rule with 4 is that of **thop**, a much used counter. It charges a batch norm with scale and shift 4 operations an
# element. When a network is deployed those cost nothing at all: they are folded into the convolution (exercise 2).
#
# Such a number is a fingerprint. Hassanpour and Kowsari (2023) print 236.75 for MobileFaceNet and 456.89 for their
# "MMobileFaceNet". Their drawing of it doubles every channel number, takes images of 112x96 and gives 128 numbers. Which
# networks were measured? We build what is drawn, and what else it could be.

# %%
candidates = {
    "MobileFaceNet, 128-d": backbones.create("mobilefacenet"),
    "MobileFaceNet, 128-d, 112x96": backbones.create("mobilefacenet", input_size=(112, 96)),
    "MobileFaceNet, 512-d": backbones.create("mobilefacenet", embedding_dim=512),
    "all doubled, 512-d": backbones.create("mmobilefacenet_as_written"),
    "doubled between blocks, 512-d": backbones.create("mmobilefacenet_published"),
}
counts = {name: cost.count(network, network.input_size) for name, network in candidates.items()}
columns = {"parameters": [c.parameters for c in counts.values()], "MACs": [c.macs.conv_linear for c in counts.values()]}
print(pd.DataFrame(columns | {"thop": [c.macs.thop for c in counts.values()]}, counts).map("{:,}".format).to_string())
assert [round(c.macs.thop / 1e6, 2) for c in counts.values()][2::2] == [236.75, 456.89]

# %% [markdown]
# Both published figures come out to the last digit, and neither belongs to the network that is drawn. What was measured
# takes 112x112 images and gives 512 numbers. And only the channels **between** the blocks were doubled: inside, where
# the depthwise filters work, nothing grew. A real doubling costs nearly twice as much. Notebook 04b takes that network
# apart.
#
# Compare numbers only if the rule is the same. This course prints multiply-adds of convolutions and linear layers.
#
# ## Memory: who lives at the same time?
#
# Weights are there all the time. Activations come and go: a tensor is born when an operation makes it, and may go after
# the last operation that reads it. The memory that a network needs is the largest sum of those that **live at the same
# time**. Not the sum of all, and not the largest one.
#
# An inverted residual with $t = 2$, as data: each operation, what it reads, and the size of what it makes, in units of the
# block's input. The last one is the shortcut: it reads the input and the projection.

# %%
OPERATIONS = "input expand norm prelu depthwise norm prelu project norm add".split()
READS = [[], [0], [1], [2], [3], [4], [5], [6], [7], [0, 8]]
SIZES = [1, 2, 2, 2, 2, 2, 2, 1, 1, 1]


def my_live(reads, sizes):
    """How much is in memory during each operation."""
    last_read = {source: now for now, sources in enumerate(reads) for source in sources}
    return [sum(sizes[made] for made in range(now + 1) if last_read.get(made, now) >= now) for now in range(len(sizes))]


# %%
layers = cost.count(blocks.InvertedBottleneck(64, 64, expansion=2, stride=1), (28, 28), in_channels=64).layers
live = my_live(READS, SIZES)
assert live == [layer.live_elements / layers[0].activation_elements for layer in layers]
for operation, units in zip(OPERATIONS, live, strict=True):
    print(f"{operation:10} {'#' * units} {units}")
fused = my_live([[], [0], [1], [2], [0, 3]], [1, 2, 2, 1, 1])  # input, expand, depthwise, project, add
print("with batch norm and PReLU inside the convolutions:", fused, "| same peak:", max(fused) == max(live))
assert max(fused) == max(live)

# %% [markdown]
# The middle is where it hurts. There the wide tensor lives **twice**, as what an operation reads and as what it makes,
# and the input is kept for the shortcut all the while. Five units for a block whose input and output are one.
#
# The last line computes batch norm and PReLU in the same go as the convolution, as deployed networks do. The peak stays:
# the depthwise convolution still reads something wide and makes something wide. Since it filters each channel by itself,
# one can run the block a few channels at a time and hold less (Sandler et al. 2018, section 5.1).
#
# Along the whole of MobileFaceNet, with the expansions of its table, with half and with twice of them:

# %%
expansions = {"half": 0.5, "as in the paper": 1.0, "twice": 2.0}
counts = {
    name: cost.count(backbones.create("mobilefacenet", expansion=t), (112, 112)) for name, t in expansions.items()
}
live = {f"expansion {name}": [layer.live_bytes / 1e6 for layer in c.layers] for name, c in counts.items()}
for name, c in counts.items():
    print(f"{name:16} peak {c.peak_fp32_bytes / 1e6:.2f} MB at {c.peak_layer.name}, {c.peak_layer.kind}")

# %%
title = "The first inverted residual sets the peak, unless its expansion is halved"
xlabel, ylabel = "operation, from the image to the embedding", "live activations, MB"
figure = viz.lines(live, range(1, 1 + len(c.layers)), title=title, xlabel=xlabel, ylabel=ylabel)
viz.show(
    figure, alt="Three curves with a tall peak near the start and steps down at each stride; expansions set heights."
)
assert counts["twice"].peak_fp32_bytes == 2 * counts["as in the paper"].peak_fp32_bytes
assert "body.0" in counts["as in the paper"].peak_layer.name and "stem" in counts["half"].peak_layer.name

# %% [markdown]
# One block of fifteen decides, an inverted residual, also called a **bottleneck**. There the map is still 56x56; later
# each stride makes it four times smaller. To lower the peak, change that block, until the stem before it decides.
#
# ## The last step: an average, or weights
#
# At the end a face is a map of 7x7 places with 512 channels each. **Global average pooling** (GAP) takes the mean over
# the places. MobileFaceNet puts a **global depthwise convolution** (GDConv) there: one learned weight for each place
# of each channel. With all weights equal to 1/49 it is the average again.

# %%
maps = torch.randn(2, 512, 7, 7)
gdconv, gap = blocks.GlobalDepthwiseConv(512, (7, 7)), blocks.global_average_pool()
weight = gdconv[0].weight[:, 0]  # (512, 7, 7)
assert torch.allclose(gdconv[0](maps).flatten(1), (maps * weight).sum(dim=(2, 3)), atol=1e-5)
assert torch.allclose(gap(maps), (maps * torch.full((512, 7, 7), 1 / 49)).sum(dim=(2, 3)), atol=1e-5)
dense = nn.Sequential(nn.Flatten(), nn.Linear(512 * 49, 512, bias=False))
for name, head in {"GAP": gap, "GDConv, with its batch norm": gdconv, "fully connected": dense}.items():
    c = cost.count(head, (7, 7), in_channels=512)
    print(f"{name:28} {c.parameters:10,} parameters {c.macs.conv_linear:10,} multiply-adds")

names = ("mobilenet_v2_face", "mobilenet_v2_face_gdconv")
gap, gdconv = (cost.count(backbones.create(name), (112, 112)) for name in names)
parameters, macs = gdconv.parameters - gap.parameters, gdconv.macs.conv_linear - gap.macs.conv_linear
assert parameters == 1280 * (49 + 2) and macs == 1280 * 49  # its batch norm has two numbers a channel
print(f"in MobileNetV2 GDConv adds {parameters:,} parameters, {parameters / gap.parameters:.1%},")
print(f"and {macs:,} multiply-adds, {macs / gap.macs.conv_linear:.2%}")

# %% [markdown]
# So it costs next to nothing, where a fully connected layer would hold more weights than the whole network. But why
# should it be **better** than an average? Its authors say: because in an aligned face the centre tells more than the
# corners, and an average treats them alike (Chen et al. 2018). Let us look.
#
# ## What does a unit see?
#
# By its layers alone, each unit of the 7x7 map could depend on nearly the whole face. In truth it depends strongly on
# some pixels and hardly on others. How strongly, the **gradient** tells: change a pixel a little, and see how much the
# unit changes. What it depends on is its **effective receptive field** (Luo et al. 2016).
#
# We align the ORL faces as in notebook 01, and train a MobileFaceNet of a quarter of the width for a few seconds. Three
# times, each time with 10 other people of the 40 put aside.

# %%
FULL = os.environ.get("COURSE_FULL") == "1"
WIDTH, EPOCHS, RUNS, BORDER = (0.5, 14, 5, 20) if FULL else (0.25, 4, 3, 20)
orl = data.orl_faces()
enlarged = [np.pad(i[0].numpy(), BORDER, mode="edge").repeat(2, 0).repeat(2, 1) for i in orl.images]
found = alignment.MTCNN(min_face=60).detect_many(enlarged)
points = np.stack([max(f, key=lambda face: face.area).landmarks for f in found])
matrix = alignment.similarity((points - 0.5) / 2 - BORDER, alignment.template(112))  # in the photographs' own pixels
faces = replace(orl, images=alignment.warp(orl.images, matrix, 112))
print(len(faces), "photographs of", faces.n_classes, "people, each", tuple(faces.images.shape[1:]))


# %%
def fresh(seed):
    options = {"width": WIDTH, "embedding_dim": 64, "in_channels": 1}
    return backbones.create("mobilefacenet", **options, seed=seed).eval()


def train(seed):
    people, unseen = data.split_by_identity(faces, n_test=10, seed=seed)
    net, criterion = fresh(seed), losses.Softmax(64, people.n_classes, seed=seed)
    optimizer = torch.optim.SGD([*net.parameters(), *criterion.parameters()], lr=0.1, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=EPOCHS * -(-len(people) // 50))
    recipe = {"schedule": schedule, "epochs": EPOCHS, "batch_size": 50, "augment": data.RandomFlip(), "seed": seed}
    training.fit(net, criterion, people, optimizer=optimizer, **recipe, precision="32-true")
    return net.eval(), unseen


runs = [train(seed) for seed in range(RUNS)]
print(len(runs), "networks trained, each to be tested on", len(runs[0][1]), "photographs of other people")


# %%
def last_map(net, images):
    """(N, 512, 7, 7): what the pooling gets to see."""
    return net.head[0](net.body(net.stem(images)))


def receptive_field(net, images, row, column):
    """How much a unit of the last map depends on each pixel, (H, W), as shares of the whole."""
    images = images.clone().requires_grad_()
    unit = last_map(net, images)[:, :, row, column]
    (gradient,) = torch.autograd.grad(unit.sum(), images)
    field = gradient.abs().mean(dim=(0, 1))
    return field / field.sum()


def area(field):
    """The smallest share of the image that holds 90 % of the field."""
    return (field.flatten().sort(descending=True).values.cumsum(dim=0) < 0.9).float().mean().item()


# %%
UNITS = {"centre": (3, 3), "top left": (0, 0), "top right": (0, 6), "bottom left": (6, 0), "bottom right": (6, 6)}
(net, unseen), some = runs[0], data.normalise(runs[0][1].images[::2])
untrained = {name: receptive_field(fresh(0), some, *unit) for name, unit in UNITS.items()}
trained = {name: receptive_field(net, some, *unit) for name, unit in UNITS.items()}
for when, seen in {"untrained": untrained, "trained": trained}.items():
    largest_corner = max(area(field) for name, field in seen.items() if name != "centre")
    print(f"{when}: the centre sees 1.3 times the area of any corner: {area(seen['centre']) > 1.3 * largest_corner}")
    assert area(seen["centre"]) > 1.3 * largest_corner


# %%
def spotlight(face, field):
    """The face (1, H, W) lit where the field is strong."""
    smooth = F.avg_pool2d(field[None], 9, stride=1, padding=4)
    return (face * (smooth / smooth.max()) ** 0.5).to(torch.uint8)


lit = {f"untrained: {n} ({area(field):.0%})": spotlight(unseen.images[10], field) for n, field in untrained.items()}
lit |= {f"trained: {n} ({area(field):.0%})": spotlight(unseen.images[10], field) for n, field in trained.items()}
title = "What a unit sees of a face (in brackets: the area that holds 90 %)"
figure = viz.image_grid(torch.stack(list(lit.values())), list(lit), title=title, columns=5, credit=orl.source)
viz.show(figure, alt="A face lit in ten ways. Centre units show a square or most of it; corner units only a corner.")
assert all(area(trained[name]) > area(untrained[name]) for name in UNITS)
row = (untrained["centre"].sum(dim=1) * torch.arange(112)).sum().item()
print("the centre unit looks at row 48, to within 2:", abs(row - 48) < 2)
assert abs(row - 48) < 2 and area(trained["top left"]) < area(trained["bottom right"])

# %% [markdown]
# Three things to see.
#
# A corner unit looks **past the image**: much of its window is padding. In the network of the figure it sees less of
# the face than the centre unit, before training little but hair, background, or the black that the alignment left.
#
# **Training widens** what every unit sees. The untrained network looks at small squares, although its layers are the
# same.
#
# And the grid **is not centred**. Unit 3 is in the middle of the map, but looks at pixel 48, and the middle of the
# image is at $(112 - 1) / 2$. Each stride of 2 keeps the first pixel and not the last, so unit $i$ sits on pixel
# $16 i$: 0 to 96. The lower right corner stands further inside the face than the upper left.
#
# ## Does the centre know more?
#
# To see more is not yet to know more. So we ask each of the 49 places by itself: take its 512 channels as the
# **embedding**, and verify the people who were not trained on. Beside it, two views of the weights of the GDConv: their
# mean size after training, and how far training has moved them.


# %%
@torch.no_grad()
def places(seed):
    """For each place of the map: accuracy by itself, mean |weight| of the GDConv, and how far training moved it."""
    net, unseen = runs[seed]
    pairs, maps = data.verification_pairs(unseen.labels, 800, seed=seed), last_map(net, data.normalise(unseen.images))
    alone = np.empty((7, 7))
    for row, column in np.ndindex(7, 7):
        scores = evaluation.cosine_scores(maps[:, :, row, column], pairs.left, pairs.right)
        alone[row, column] = evaluation.kfold_accuracy(scores, pairs.same).mean
    after, before = (network.head[1][0].weight[:, 0] for network in (net, fresh(seed)))
    return alone, after.abs().mean(dim=0).numpy(), (after - before).abs().mean(dim=0).numpy()


def middle_and_corners(values):
    """Means of the middle 3x3 and of the four corners of maps (runs, 7, 7)."""
    return values[:, 2:5, 2:5].mean(axis=(1, 2)), values[:, [0, 0, 6, 6], [0, 6, 0, 6]].mean(axis=1)


# %%
found = [np.stack(values) for values in zip(*map(places, range(RUNS)), strict=True)]
headings = ("accuracy alone, %", "mean |weight|, thousandths", "moved by training, thousandths")
scaled = {h: f.mean(axis=0) * scale for h, f, scale in zip(headings, found, (100, 1000, 1000), strict=True)}
gain = evaluation.mean_interval(100 * np.subtract(*middle_and_corners(found[0])))
title = f"The middle verifies {gain.low:.0f} to {gain.high:.0f} points better than the corners (95 %, {RUNS} runs)"
alt = "Three maps of 7x7: accuracy and movement are low in the corners and high in the middle, mean weights are even."
viz.show(viz.heatmaps(scaled, title=title, cell="{:.0f}"), alt=alt)

# %%
assert gain.low > 0
for name, values in zip(("accuracy", "size", "movement"), found, strict=True):
    middle, corners = middle_and_corners(values)
    print(f"{name:9} in every run at least 5 % higher in the middle: {bool((middle > 1.05 * corners).all())}")
    assert (middle < 1.05 * corners).all() if name == "size" else (middle > 1.05 * corners).all()

# %% [markdown]
# State it as found.
#
# - **Places in the middle do verify better** than the corners, in each of the runs. An average gives all of them the same
#   say. In the figure the best lie in the middle and somewhat above it, about where the eyes are.
# - The **weights** are as even after this training as they were drawn. Whoever hopes for the picture of a face in them
#   sees noise: a few epochs on a few photographs do not outweigh the start.
# - What training **did** to them is uneven: it moved those of the middle most. Perhaps a place that sees little gets
#   small gradients; we have not measured them.
#
# This supports the reason that the authors give. It does not show that GDConv recognises better than GAP: for that both
# must be trained, many times over, on far more data.
#
# ## Exercises
#
# Solutions: [solutions/03_convolution_costs.py](solutions/03_convolution_costs.py).
#
# ### Exercise 1: the price of a separable convolution
#
# How many multiply-adds does a depthwise-separable convolution take: a depthwise `kernel` x `kernel` convolution, then a
# 1x1 convolution? The stride is 1 and the padding keeps the size: both outputs have `height` x `width` places.


# %% tags=["exercise"]
def separable_macs(in_channels, out_channels, kernel, height, width): ...


# %% tags=["check"]
def by_counting(in_channels, out_channels, kernel, height, width):
    depthwise = nn.Conv2d(in_channels, in_channels, kernel, padding=kernel // 2, groups=in_channels)
    block = nn.Sequential(depthwise, nn.Conv2d(in_channels, out_channels, 1))
    return cost.count(block, (height, width), in_channels=in_channels).macs.conv_linear


cases = [(64, 128, 3, 28, 28), (16, 16, 5, 14, 12)]
hint = "A depthwise filter sees one channel: kernel * kernel weights. A 1x1 filter has in_channels. All work at every place."
exercises.check(separable_macs, by_counting, cases, hint=hint)

# %% [markdown]
# ### Exercise 2: fold the batch norm
#
# At evaluation a batch norm computes, for each channel, $\gamma (x - \mu) / \sqrt{\sigma^2 + \varepsilon} + \beta$ with
# fixed numbers. If $x$ comes from a convolution, both together are **one** convolution with a bias. Return its weight
# and its bias. `weight` is (out, in, k, k); `gamma`, `beta`, `mean` and `variance` are (out,).


# %% tags=["exercise"]
def folded(weight, gamma, beta, mean, variance, epsilon): ...


# %% tags=["check"]
def by_measuring(weight, gamma, beta, mean, variance, epsilon):
    """The network on nothing gives the bias, and on a single 1 at each place of the window a weight."""
    size = weight.shape[1:]
    probes = torch.cat([torch.zeros(1, *size), torch.eye(size.numel()).reshape(-1, *size)]).to(weight)
    out = F.batch_norm(F.conv2d(probes, weight), mean, variance, gamma, beta, eps=epsilon)[:, :, 0, 0]
    return (out[1:] - out[0]).T.reshape(weight.shape), out[0]


torch.manual_seed(0)
statistics = [torch.rand(4) + 0.5, torch.randn(4), torch.randn(4), torch.rand(4) + 0.1]
exercises.check(
    folded,
    by_measuring,
    [(torch.randn(4, 3, 3, 3), *statistics, 1e-5), (torch.randn(4, 1, 1, 1), *statistics, 1e-3)],
    hint="The scale gamma / sqrt(variance + epsilon) multiplies a whole filter, so it needs the shape (out, 1, 1, 1). The "
    "bias is what comes out for x = 0.",
    tolerance=1e-8,
)

# %% [markdown]
# ### Exercise 3: the peak of a block with a shortcut
#
# A block is a chain of operations: `sizes[0]` elements become `sizes[1]`, those become `sizes[2]`, and so on. At the end
# the block's input is added to the last tensor, and the sum is a new tensor. How many elements live at the peak?


# %% tags=["exercise"]
def peak_with_shortcut(sizes): ...


# %% tags=["check"]
class Chain(nn.Module):
    """1x1 convolutions on a single pixel: as many elements as channels."""

    def __init__(self, sizes):
        super().__init__()
        self.steps = nn.Sequential(*[nn.Conv2d(a, b, 1) for a, b in pairwise(sizes)])

    def forward(self, x):
        return x + self.steps(x)


def by_liveness(sizes):
    return cost.count(Chain(sizes), (1, 1), in_channels=sizes[0]).peak_elements


exercises.check(
    peak_with_shortcut,
    by_liveness,
    [([64, 128, 128, 64],), ([64, 16, 16, 64],), ([8, 48, 32, 8],)],
    hint="While an operation runs, what it reads and what it makes are there, and the block's input, which waits for the "
    "addition. Count the addition too: it reads two tensors and makes a third.",
)

# %% [markdown]
# ## Summary
#
# - A weight costs once in the file, and once for every place of the output in arithmetic. Memory is what lives at the
#   same time.
# - Depthwise-separable convolutions save nearly $k^2$ in arithmetic and weights, and nothing in memory. An inverted
#   residual holds its wide middle twice, and its input besides.
# - "FLOPs" mean nothing without their rule. Given the rule, they tell which network was measured.
# - The peak of memory is where the map is large and the block is wide: one early block decides.
# - The middle of the last map sees more of an aligned face, and knows more about who it is, than the corners. A global
#   depthwise convolution may learn to use that, for next to nothing; an average cannot.
#
# ## What the papers report
#
# - Chen et al. (2018, arXiv:1804.07573): MobileFaceNet has 0.99M parameters and 221M multiply-adds, which is the first
#   rule with a 128-d embedding. MobileNetV2 with GDConv in place of GAP gains 0.30 points on LFW (98.58 % to 98.88 %) and
#   1.86 on AgeDB-30 (88.81 % to 90.67 %), trained on CASIA-WebFace.
# - Hassanpour and Kowsari (2023, "Lightweight Face Recognition: An Improved MobileFaceNet Model"): 236.75 and 456.89
#   million, thop's rule.
# - Howard et al. (2017, arXiv:1704.04861) introduce the depthwise-separable network, Sandler et al. (2018,
#   arXiv:1801.04381) the inverted residual.
# - Luo et al. (2016, arXiv:1701.04128) show that effective receptive fields are much smaller than theoretical ones, and grow
#   with training.
