# %% [markdown]
# # SE-LResNet100E-IR: the large network behind the small ones
#
# Small face networks are often measured against a large one: the residual network of ArcFace (Deng et al. 2019),
# here with squeeze and excitation. Lee et al. put it beside MobileFaceNet and find it "more suitable" for mobile
# devices, because its accuracy is higher by a fraction of a point. We decode its name, build it, and put beside that
# fraction what it costs.
#
# **What you will learn**
# - to read a name such as SE-LResNet100E-IR: every letter is a design decision;
# - the improved residual unit, and squeeze and excitation in five lines;
# - what a hundred layers cost in parameters, multiply-adds and memory, beside MobileFaceNet;
# - why a comparison by accuracy alone cannot say "suitable for mobile".
#
# **What you need before**: notebook 03 (what a convolution costs) and notebook 06 (how a face network is tested).
#
# **Time and place**: 1 minute to run, 30 minutes to read and do. No GPU, no network, about 1 GB of memory.

# %% tags=["imports"]
import numpy as np
import torch
from torch import nn

from course_lib import (
    backbones,
    cost,
    data,
    evaluation,
    exercises,
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
# - **100**: layers with weights on the longest path, not counting shortcuts.
# - **E**: the fifth of five ways to end: batch norm, dropout, fully connected layer, batch norm. It keeps the position
#   of what was seen, which average pooling forgets.
# - **SE**: squeeze and excitation (Hu et al. 2018) in every unit.
#
# As data it is two lines: how many units in each stage, and their channels. Every stage halves the map.

# %%
UNITS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}
WIDTHS = (64, 128, 256, 512)
for depth, units in UNITS.items():
    layers = 2 * sum(units) + 2
    assert layers == depth
    print(
        f"{depth}: two convolutions in each of {sum(units)} units, the first convolution, the last layer: {layers}"
    )

# %% [markdown]
# ## Squeeze and excitation
#
# A convolution sees a window. Whether a channel matters may depend on the **whole** face. So: average every channel over
# all positions (squeeze), let two small layers make a number between 0 and 1 for each channel out of that (excitation),
# and multiply the channel by it:
#
# $$y_c = x_c \cdot \sigma\big(W_2\, \mathrm{PReLU}(W_1\, \bar x)\big)_c .$$


# %%
class SqueezeExcitation(nn.Module):
    def __init__(self, channels, reduction):
        super().__init__()
        hidden = channels // reduction
        self.down, self.up = (
            nn.Linear(channels, hidden, bias=False),
            nn.Linear(hidden, channels, bias=False),
        )
        self.prelu = nn.PReLU(hidden)

    def forward(self, x):
        squeezed = x.mean(dim=(2, 3))
        return (
            x
            * torch.sigmoid(self.up(self.prelu(self.down(squeezed))))[:, :, None, None]
        )


# %% [markdown]
# ## The improved residual unit
#
# Batch norm comes **first**, there is one PReLU in the middle and none at the end, and the stride is in the second
# convolution. What is added to the input has passed batch norm (and then SE, if any).


# %%
def unit(c_in, c_out, stride, reduction=None):
    """The residual branch: BN, 3x3, BN, PReLU, 3x3, BN, and squeeze and excitation where it is asked for."""
    return nn.Sequential(
        nn.BatchNorm2d(c_in),
        nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.PReLU(c_out),
        nn.Conv2d(c_out, c_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        *([SqueezeExcitation(c_out, reduction)] if reduction else []),
    )


class ImprovedResidual(nn.Module):
    def __init__(self, c_in, c_out, stride, reduction=None):
        super().__init__()
        self.residual, same_shape = (
            unit(c_in, c_out, stride, reduction),
            stride == 1 and c_in == c_out,
        )
        projection = [
            nn.Conv2d(c_in, c_out, 1, stride, bias=False),
            nn.BatchNorm2d(c_out),
        ]
        self.shortcut = nn.Sequential(*([] if same_shape else projection))

    def forward(self, x):
        return self.residual(x) + self.shortcut(x)


# %% [markdown]
# To compare with the library, we copy its weights by their shapes: PyTorch lists the parameters of a module in the
# order in which its parts were made, and we made the SE's PReLU last.


# %%
def same(mine, theirs, *shape):
    """Give `mine` the weights of `theirs`, each to the next of its shape, and compare outputs on random images."""
    rest = list(theirs.state_dict().values())
    for tensor in mine.state_dict().values():
        position = next(
            i for i, other in enumerate(rest) if other.shape == tensor.shape
        )
        tensor.copy_(rest.pop(position))
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    return not rest and torch.allclose(mine.eval()(x), theirs.eval()(x), atol=1e-4)


# %%
small = {
    "blocks": (1, 2, 1, 1),
    "widths": (16, 16, 32, 48),
    "input_size": 32,
    "embedding_dim": 24,
}
plain = backbones.create("iresnet100", **small, seed=0)
squeezed = backbones.create("se_lresnet100e_ir", **small | {"squeeze": 4}, seed=0)
assert same(ImprovedResidual(16, 16, 2), plain.stages[0][0], 16, 9, 9)
assert same(ImprovedResidual(16, 32, 2, 4), squeezed.stages[2][0], 16, 8, 8)
assert same(ImprovedResidual(16, 16, 1, 4), squeezed.stages[1][1], 16, 8, 8)
print("three units: same weights, same output as the library's")

# %% [markdown]
# ## The whole network


# %%
def lresnet(
    units, widths=WIDTHS, reduction=None, size=(112, 112), embedding_dim=512, c_in=3
):
    layers, channels = [nn.Conv2d(c_in, widths[0], 3, padding=1, bias=False)], widths[0]
    layers += [nn.BatchNorm2d(channels), nn.PReLU(channels)]
    for repeats, width in zip(units, widths, strict=True):
        for repeat in range(repeats):
            layers.append(
                ImprovedResidual(channels, width, 1 if repeat else 2, reduction)
            )
            channels = width
        size = [-(-side // 2) for side in size]
    option_e = [nn.BatchNorm2d(channels), nn.Dropout(0.4), nn.Flatten()]
    option_e += [
        nn.Linear(channels * size[0] * size[1], embedding_dim),
        nn.BatchNorm1d(embedding_dim),
    ]
    return nn.Sequential(*layers, *option_e)


ours = lresnet(small["blocks"], small["widths"], 4, (32, 32), 24)
assert same(ours, squeezed, 3, 32, 32)
with torch.device("meta"):
    full = lresnet(UNITS[100], reduction=16)
parameters = sum(p.numel() for p in full.parameters())
assert parameters == backbones.describe("se_lresnet100e_ir").parameters == 65_529_076
print(f"SE-LResNet100E-IR has {parameters:,} parameters, ours and the library's")

# %% [markdown]
# ## What it costs, beside MobileFaceNet
#
# Lee et al. compare the two by accuracy. Their table has no parameters, no operations, no memory. Here they are, for the
# same 112x112 image. We count on the `meta` device, which needs no memory for the weights.


# %%
def counted(name):
    with torch.device("meta"):
        return cost.count(backbones.create(name), (112, 112))


# %%
NAMES = ("mobilefacenet", "iresnet18", "iresnet50", "iresnet100", "se_lresnet100e_ir")
costs = {name: counted(name) for name in NAMES}
for name, c in costs.items():
    print(
        f"{name:18} {c.parameters / 1e6:5.1f}M parameters  {c.macs.conv_linear / 1e9:5.2f} billion multiply-adds"
        f"  {c.folded_fp32_bytes / 1e6:5.0f} MB fp32  peak activations {c.peak_fp32_bytes / 1e6:.1f} MB"
    )

# %%
large, mobile = costs["se_lresnet100e_ir"], costs["mobilefacenet"]
ratios = {
    "parameters": large.parameters / mobile.parameters,
    "multiply-adds": large.macs.conv_linear / mobile.macs.conv_linear,
    "file": large.folded_fp32_bytes / mobile.folded_fp32_bytes,
    "peak activations": large.peak_fp32_bytes / mobile.peak_fp32_bytes,
}

# %%
for what, ratio in ratios.items():
    print(f"{what:17} {ratio:.0f} times those of MobileFaceNet")
assert round(ratios["parameters"]) == 65 and round(ratios["multiply-adds"]) == 55

# %%
viz.show(
    viz.dots(
        {
            "parameters": [c.parameters / mobile.parameters for c in costs.values()],
            "multiply-adds": [
                c.macs.conv_linear / mobile.macs.conv_linear for c in costs.values()
            ],
            "peak activations": [
                c.peak_fp32_bytes / mobile.peak_fp32_bytes for c in costs.values()
            ],
        },
        ["MobileFaceNet", "IR-18", "IR-50", "IR-100", "SE-IR-100"],
        title="Beside MobileFaceNet: dozens of times the weights and the work",
        xlabel="times MobileFaceNet's",
        log_x=True,
    ),
    alt="Three kinds of dots on a log scale, a row a network; parameters and multiply-adds of IR-100 end above fifty.",
)
added = large.parameters - costs["iresnet100"].parameters
assert 0.003 < added / large.parameters < 0.01
print(
    f"squeeze and excitation itself adds {added / large.parameters:.1%} of the parameters"
)

# %% [markdown]
# **Accuracy alone cannot say "more suitable for mobile".** There a network must also fit, be quick and spare the
# battery. We have counted here, not timed: 65 times the parameters, 55 times the multiply-adds, for a fraction of a
# point. That may be right on a server; for a telephone, accuracy alone does not support it.
#
# And the fraction itself? On LFW's 6,000 pairs, 99.68 % and 99.85 % (Lee et al. 2024) are a difference of about ten
# pairs.

# %%
PAIRS = 6000
wrong = {
    name: round((1 - accuracy) * PAIRS)
    for name, accuracy in (("MobileFaceNet", 0.9968), ("SE-IR-100", 0.9985))
}
intervals = {name: evaluation.wilson(PAIRS - n, PAIRS) for name, n in wrong.items()}
print(
    {
        name: f"{n} pairs wrong, {100 * i.low:.2f} to {100 * i.high:.2f} %"
        for (name, n), i in zip(wrong.items(), intervals.values(), strict=True)
    }
)
print(
    "the intervals overlap:",
    intervals["MobileFaceNet"].overlaps(intervals["SE-IR-100"]),
)

# %% [markdown]
# If their test was LFW with its usual pairs, that is. Overlap is no proof that the two are equal: that would need the
# answers pair by pair, which are not given. But there is **little** between the two, and much between their costs.
#
# ## Where are the weights?
#
# A slider over the depth. One point stays the same, whatever the depth: option E reads 7x7x512 numbers.


# %%
def where_figure(depth):
    """Parameters of each stage and of the head of LResNet-IR with that many layers."""
    with torch.device("meta"):
        net = backbones.create(f"iresnet{depth}")
    parts = {
        "stem": net.stem,
        **{f"stage {i}": stage for i, stage in enumerate(net.stages, 1)},
        "option E": net.head,
    }
    counts = [sum(p.numel() for p in part.parameters()) for part in parts.values()]
    title = f"LResNet{depth}E-IR: {sum(counts) / 1e6:.1f} million parameters, {counts[-1] / sum(counts):.0%} in the head"
    series = {f"LResNet{depth}E-IR": [count / 1e6 for count in counts]}
    return viz.dots(series, list(parts), title=title, xlabel="million parameters")


viz.show(
    where_figure(18),
    alt="Parameters of stem, four stages and option E of the shallowest network: the head has more than all stages together.",
)
head = 512 * 7 * 7 * 512
assert (
    head > costs["iresnet18"].parameters / 2
    and head < costs["iresnet100"].parameters / 4
)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(where_figure, list(UNITS), label="layers")

# %% [markdown]
# ## Does squeeze and excitation help?
#
# We do not train the full network here, but one reduced to one unit in each stage and a few channels. We train it with
# and without SE, by the recipe of notebook 06 with softmax alone and fewer epochs and runs, beside a MobileFaceNet.

# %%
SIZE, DIM, RUNS, EPOCHS, BATCH, RATE = (56, 46), 64, 3, 8, 50, 0.1
faces = data.orl_faces().resized(*SIZE)
REDUCED = {
    "blocks": (1, 1, 1, 1),
    "widths": (8, 16, 32, 64),
    "embedding_dim": DIM,
    "input_size": SIZE,
    "in_channels": 1,
}
KINDS = {
    "IR": ("iresnet18", REDUCED),
    "SE-IR": ("se_lresnet100e_ir", REDUCED | {"squeeze": 4}),
    "MobileFaceNet": (
        "mobilefacenet",
        {"width": 0.25, "embedding_dim": DIM, "input_size": SIZE, "in_channels": 1},
    ),
}


# %%
def new_network(kind, run):
    name, options = KINDS[kind]
    return backbones.create(name, **options, seed=run)


reduced_costs = {
    kind: cost.count(new_network(kind, 0), SIZE, in_channels=1) for kind in KINDS
}
for kind, c in reduced_costs.items():
    print(
        f"{kind:14} {c.parameters:7,} parameters, {c.macs.conv_linear / 1e6:.1f} million multiply-adds"
    )


# %%
def train_faces(kind, run):
    people, _ = data.split_by_identity(faces, n_test=10, seed=run)
    net, criterion = (
        new_network(kind, run),
        losses.Softmax(DIM, people.n_classes, seed=run),
    )
    optimizer = torch.optim.SGD(
        [*net.parameters(), *criterion.parameters()],
        lr=RATE,
        momentum=0.9,
        weight_decay=5e-4,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=EPOCHS * -(-len(people) // BATCH)
    )
    augment = data.Compose((data.RandomFlip(), data.RandomShift(3)))
    recipe = {
        "schedule": schedule,
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "augment": augment,
        "seed": run,
    }
    history = training.fit(
        net, criterion, people, optimizer=optimizer, **recipe, precision="32-true"
    )
    return net, history["accuracy"][-1]


# %%
def unseen(net, run):
    """Verification accuracy on people that were put aside, with the threshold of the other folds."""
    _, test = data.split_by_identity(faces, n_test=10, seed=run)
    pairs = data.verification_pairs(test.labels, 800, seed=run)
    scores = evaluation.cosine_scores(
        training.embed(net, test, flip=True), pairs.left, pairs.right
    )
    return evaluation.kfold_accuracy(scores, pairs.same).mean


# %%
networks = {kind: [train_faces(kind, run) for run in range(RUNS)] for kind in KINDS}
assert min(accuracy for runs in networks.values() for _, accuracy in runs) > 0.7
print("all networks name most of their training photographs rightly: True")

# %%
strangers = {
    kind: [unseen(net, run) for run, (net, _) in enumerate(runs)]
    for kind, runs in networks.items()
}
strangers["IR, untrained"] = [
    unseen(new_network("IR", run), run) for run in range(RUNS)
]
intervals = {
    kind: evaluation.mean_interval(values) for kind, values in strangers.items()
}
viz.show(
    viz.seeds_and_means(
        strangers,
        {kind: (interval.low, interval.high) for kind, interval in intervals.items()},
        title="Unseen people: at this size, no winner",
        xlabel="verification accuracy on people put aside",
    ),
    alt="Dots of three runs for four networks. IR, SE-IR and MobileFaceNet overlap; the untrained IR is lower or equal.",
)
assert all(
    np.mean(values) > 0.75
    for kind, values in strangers.items()
    if "untrained" not in kind
)
assert abs(np.mean(strangers["SE-IR"]) - np.mean(strangers["IR"])) < 0.06

# %%
difference = evaluation.paired_difference(strangers["SE-IR"], strangers["IR"])
assert difference.high > -0.05 and difference.low < 0.05
print(
    "the interval of the paired difference contains zero:",
    difference.low <= 0 <= difference.high,
)

# %% [markdown]
# Paired within each run, SE makes no difference that three runs can show. It costs next to nothing, so that is no
# argument against it either: channels that depend on the whole face may need more than a few hundred photographs.
#
# What does SE do, then? We look at the numbers it multiplies the channels by, for photographs of two people.


# %%
@torch.no_grad()
def channel_weights(net, stage, images):
    """The factors (N, C) of the last SE of a stage."""
    found, module = [], net.stages[stage][-1].residual[-1].weights
    handle = module.register_forward_hook(lambda _, __, out: found.append(out))
    net.eval()(data.normalise(images))
    handle.remove()
    return found[0]


net, _ = networks["SE-IR"][0]
factors = channel_weights(net, 2, faces.images[[120, 121, 270, 271]]).numpy()
viz.show(
    viz.lines(
        {
            f"person {p}, photograph {n}": factor
            for (p, n), factor in zip(
                ((1, 1), (1, 2), (2, 1), (2, 2)), factors, strict=True
            )
        },
        list(range(1, factors.shape[1] + 1)),
        title="After our training SE still multiplies every channel by about one half",
        xlabel="channel",
        ylabel="factor",
    ),
    alt="Four jagged curves over 32 channels, one a photograph, all within a few hundredths of one half.",
)
assert np.abs(factors - 0.5).max() < 0.15 and np.ptp(factors, axis=0).max() > 0.003

# %% [markdown]
# Mind the axis: it is stretched. A sigmoid starts at one half, and there the factors still are, up to a few hundredths.
# They do depend on the photograph. But in this stage of this run SE says little yet. A longer training might change that,
# and so might more photographs; these runs cannot tell whether SE helps.
#
# ## Exercises
#
# Solutions: [solutions/04f_se_lresnet.py](solutions/04f_se_lresnet.py).
#
# ### Exercise 1: what squeeze and excitation costs
#
# How many parameters does SE add to a network with `units` units of `channels` channels each? Two layers without biases,
# down to `channels // reduction` and back, and a PReLU with one slope for each channel between them.


# %% tags=["exercise"]
def squeeze_parameters(channels, reduction, units): ...


# %% tags=["check"]
def by_counting(channels, reduction, units):
    options = {
        "blocks": (units,),
        "widths": (channels,),
        "input_size": 8,
        "embedding_dim": 4,
    }
    nets = [
        backbones.create("iresnet18", **options, squeeze=squeeze)
        for squeeze in (reduction, None)
    ]
    with_it, without = (sum(p.numel() for p in net.parameters()) for net in nets)
    return float(with_it - without)


exercises.check(
    squeeze_parameters,
    by_counting,
    [(32, 4, 1), (48, 16, 3), (16, 1, 2)],
    hint="Each of the two layers has channels times hidden weights; the PReLU has one slope for each hidden channel.",
)

# %% [markdown]
# ### Exercise 2: squeeze and excitation
#
# Given `x` (N, C, H, W) and the two matrices `down` (hidden, C) and `up` (C, hidden), return the excited `x`. Use ReLU
# between the layers, as Hu et al. did.


# %% tags=["exercise"]
def excited(x, down, up): ...


# %% tags=["check"]
def by_modules(x, down, up):
    hidden = nn.functional.relu(
        nn.functional.conv2d(
            nn.functional.adaptive_avg_pool2d(x, 1), down[:, :, None, None]
        )
    )
    return x * nn.functional.conv2d(hidden, up[:, :, None, None]).sigmoid()


generator = torch.Generator().manual_seed(0)
example = [
    torch.randn(shape, generator=generator) for shape in ((2, 6, 3, 4), (2, 6), (6, 2))
]
exercises.check(
    excited,
    by_modules,
    [tuple(example), (example[0].abs(), example[1], example[2])],
    hint="Average over positions, down, ReLU, up, sigmoid; then multiply every position of a channel by its number.",
)

# %% [markdown]
# ## Summary
#
# - The name is a specification: L keeps the resolution, IR is the unit, E the ending, SE a factor for every channel.
# - SE lets the whole face decide how much a channel counts, and adds little to the parameters. On our few
#   photographs it made no difference that we could show.
# - Beside MobileFaceNet the network has 65 times the parameters and 55 times the multiply-adds. A table that
#   compares accuracy alone cannot call it more suitable for mobile devices.
#
# ## What the papers report
#
# - Deng et al. (2019, CVPR) report 99.83 % on LFW with LResNet100E-IR and ArcFace.
# - Lee et al. (2024, "Research on a Lightweight Deep Learning Model Suitable for Face Recognition for Mobile Devices",
#   Table 1) report 99.85 % for SE-LResNet100E-IR and 99.68 % for MobileFaceNet, without parameters, operations or
#   memory, and call the former more suitable for mobile devices.
# - Hu et al. (2018, CVPR) introduced squeeze and excitation.
