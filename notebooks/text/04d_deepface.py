# %% [markdown]
# # DeepFace: a kernel of its own at every position
#
# A convolution looks for the same thing everywhere. In an aligned face that seems a waste: the eyes are always at the
# same place, and nobody has an eye on the chin. So DeepFace (Taigman et al. 2014) gives every position its **own**
# kernel. Its authors report that it comes near people at telling faces apart. It has more than a hundred million
# weights, and was trained on millions of photographs. We build it, count it, and see which layers a few hundred move.
#
# **What you will learn**
# - what a locally connected layer is, and what it costs: few multiply-adds, an enormous number of weights;
# - why local response normalisation, which is sometimes put in its place, is something else;
# - how many windows teach one weight, and what follows for small data sets.
#
# **What you need before**: notebook 03 (what a convolution costs) and notebook 06 (how a face network is tested).
#
# **Time and place**: 1 minute to run, 30 minutes to read and do. No GPU, no network, about 1 GB of memory.

# %% tags=["imports"]
import math

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
    losses,
    training,
    viz,
)
from course_lib.backbones import LocallyConnected2d

# %% [markdown]
# ## The table
#
# Eight layers: two convolutions with a pooling between them, three **locally connected** layers, two fully connected
# ones. The image has 152x152 pixels. Nothing is padded, ReLU follows everything but the pooling, and the last layer is
# the classifier, which we leave to the loss.

# %%
DEEPFACE = [
    # name, kind, kernel, channels, stride
    ("C1", "convolution", 11, 32, 1),
    ("M2", "max pooling", 3, 32, 2),
    ("C3", "convolution", 9, 16, 1),
    ("L4", "local", 9, 16, 1),
    ("L5", "local", 7, 16, 2),
    ("L6", "local", 5, 16, 1),
]
F7 = 4096

# %% [markdown]
# ## A locally connected layer
#
# A convolution computes, for the output $(i, j)$ and channel $o$,
#
# $$y_{o,i,j} = \sum_{c,u,v} w_{o,c,u,v}\; x_{c,\,is+u,\,js+v} + b_o .$$
#
# A locally connected layer has the same sum, with a kernel and a bias for **each** $(i, j)$: $w^{(i,j)}_{o,c,u,v}$.
# Nothing else changes. So a loop over the positions is the whole definition.


# %%
def locally_connected(x, weight, bias, kernel, stride):
    """x (N, C, H, W); weight (positions, kernel * kernel * C, C_out), positions row by row; bias (C_out, rows, columns)."""
    out = bias.expand(len(x), *bias.shape).clone()
    rows, columns = bias.shape[1:]
    for i, j in np.ndindex(rows, columns):
        window = x[
            :, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel
        ]
        out[:, :, i, j] += (
            window.permute(0, 2, 3, 1).flatten(1) @ weight[i * columns + j]
        )
    return out


# %%
layer = LocallyConnected2d(3, 4, kernel_size=5, input_size=(13, 11), stride=2)
x = torch.randn(2, 3, 13, 11, generator=torch.Generator().manual_seed(0))
ours = locally_connected(x, layer.weight, layer.bias, 5, 2)
assert torch.allclose(ours, layer(x), atol=1e-5)
print("the loop gives what the library gives:", tuple(ours.shape))

# %% [markdown]
# The library's layer does the same without the loop in Python, and without copying all windows at once.
#
# The work is that of a convolution: each output is one sum over one window. The **weights** are not. A convolution has
# one kernel; this layer has one for each position.

# %%
convolution = nn.Conv2d(3, 4, 5, 2)
counts = {
    name: cost.count(net, (13, 11))
    for name, net in (("shared", convolution), ("own", layer))
}
assert counts["own"].macs.conv_linear == counts["shared"].macs.conv_linear
assert counts["own"].parameters == counts["shared"].parameters * math.prod(
    layer.output_size
)
print("the same multiply-adds;", math.prod(layer.output_size), "times the parameters")

# %% [markdown]
# ## It is not local response normalisation
#
# Basch et al. rebuild DeepFace and put PyTorch's `LocalResponseNorm` where the locally connected layers belong. Both
# have "local" in their name. Local response normalisation (Krizhevsky et al. 2012) divides each number by a sum over
# the **neighbouring channels at the same position**:
#
# $$y_c = x_c \Big/ \Big(k + \frac{\alpha}{n} \sum_{c' \text{ near } c} x_{c'}^2\Big)^{\beta} .$$
#
# It has nothing to learn, and it looks at no other position. Two tests tell it apart. The first is to count weights. The
# second is to **move the image**. A layer that treats all positions alike gives the same output, moved. A layer with a
# kernel of its own at every position gives another output.

# %%
faces, moved = data.orl_faces().resized(56, 46), 3
face = data.normalise(faces.images[120:121]).expand(1, 5, -1, -1)
torch.manual_seed(0)
layers = {
    "convolution": nn.Conv2d(5, 5, 5, bias=False),
    "local response norm": nn.LocalResponseNorm(5, alpha=1.0),
    "locally connected": LocallyConnected2d(5, 5, 5, (56, 46), bias=False),
}


# %%
@torch.no_grad()
def before_and_after(layer, moved):
    """The output, and the output for the face moved down and right, moved back; 36x26 positions in the middle."""
    outputs = (
        layer(face),
        layer(face.roll((moved, moved), (2, 3))).roll((-moved, -moved), (2, 3)),
    )
    top, left = (outputs[0].shape[2] - 36) // 2, (outputs[0].shape[3] - 26) // 2
    return [out[:, :, top : top + 36, left : left + 26] for out in outputs]


for name, layer in layers.items():
    out, other = before_and_after(layer, moved)
    weights = sum(p.numel() for p in layer.parameters())
    print(
        f"{name:20} weights {weights:7,}   moves with the image: {torch.allclose(out, other, atol=1e-5)}"
    )

# %%
maps, captions = [], []
for name, layer in layers.items():
    pair = torch.stack(before_and_after(layer, moved))[:, 0, 2]
    low, high = pair[0].quantile(0.01), pair[0].quantile(0.99)
    maps += list(
        ((pair - low) / (high - low) * 255).clamp(0, 255).to(torch.uint8)[:, None]
    )
    captions += [name, "face moved, output moved back"]
viz.show(
    viz.image_grid(
        torch.stack(maps),
        captions,
        title="Only the locally connected layer treats a moved face as something else",
        columns=6,
        credit=faces.source,
    ),
    alt="Three pairs of maps of a face. The first two pairs are equal; the locally connected pair is two noisy, different maps.",
)
pairs_equal = [
    bool((a.int() - b.int()).abs().float().mean() < 2)
    for a, b in zip(maps[::2], maps[1::2], strict=True)
]
assert pairs_equal == [True, True, False]

# %% [markdown]
# At the start its kernels are random and all different: the map looks like noise. What it could become is a set of
# detectors, each for its own place. The normalisation can become nothing: a face goes in, a face comes out.
#
# The test also shows a price. A network with such layers **relies on alignment**. Taigman et al. turned every
# face to the front with a 3-D model first.
#
# ## The whole network
#
# The table, row by row. The switch `own` decides whether the local layers have kernels of their own or share one.


# %%
def deepface_body(rows, size, channels, own=True):
    """The layers between the image and F7, and the shape that they leave."""
    body = nn.Sequential()
    for _, kind, kernel, out, stride in rows:
        if kind == "max pooling":
            body.append(nn.MaxPool2d(kernel, stride, ceil_mode=True))
            size = [math.ceil((side - kernel) / stride) + 1 for side in size]
            continue
        local = kind == "local" and own
        body.append(
            LocallyConnected2d(channels, out, kernel, tuple(size), stride=stride)
            if local
            else nn.Conv2d(channels, out, kernel, stride)
        )
        body.append(nn.ReLU())
        channels, size = out, [(side - kernel) // stride + 1 for side in size]
    return body, (channels, *size)


# %%
def deepface(rows, size, f7, channels=3, own=True, dropout=0.5):
    body, shape = deepface_body(rows, size, channels, own)
    return nn.Sequential(
        body,
        nn.Flatten(),
        nn.Linear(math.prod(shape), f7),
        nn.ReLU(),
        nn.Dropout(dropout),
    )


ours, library = (
    deepface(DEEPFACE, (72, 72), 32),
    backbones.create("deepface", input_size=72, embedding_dim=32),
)
ours.load_state_dict(
    dict(zip(ours.state_dict(), library.state_dict().values(), strict=True))
)
x = torch.randn(2, 3, 72, 72)
assert torch.allclose(ours.eval()(x), library.eval()(x), atol=1e-5)
print("same parameters, same output as the library's, at 72x72 pixels")

# %% [markdown]
# ## What it costs
#
# The full network takes half a gigabyte. To count it we need none of that: on PyTorch's `meta` device a tensor has a
# shape and no numbers.


# %%
def counted(name, side=152, **options):
    with torch.device("meta"):
        return cost.count(
            backbones.create(name, input_size=side, **options), (side, side)
        )


full = counted("deepface")
rows = [row for row in full.by_module().table() if row["parameters"]]
table = pd.DataFrame(rows)[["name", "parameters", "conv_linear"]].rename(
    columns={"conv_linear": "multiply-adds"}
)
print(table.to_string(index=False))

# %%
CLASSES = 4030
classifier = F7 * CLASSES + CLASSES
total = full.parameters + classifier
unshared = (
    sum(row["parameters"] for row in rows if "body.C" not in row["name"]) + classifier
)
print(
    f"{full.parameters:,} parameters, {total:,} with the classifier of {CLASSES:,} people"
)
print(f"in locally and fully connected layers: {unshared / total:.2%}")
assert total == 118_923_774 and unshared / total > 0.95

# %% [markdown]
# "More than 120 million parameters", of which "more than 95 %" are in the local and the fully connected layers (Taigman
# et al. 2014): our count is a little below the first claim, and the second holds with room to spare.
#
# How does the number of weights grow with the image? And with which layer?


# %%
def weights_figure(side):
    """Parameters of each layer at that image size, with kernels of their own and with one kernel for all positions."""
    names = [name for name, kind, *_ in DEEPFACE if kind != "max pooling"] + ["F7"]
    series = {}
    for label, own in (
        ("own kernels (DeepFace)", True),
        ("one kernel for all positions", False),
    ):
        with torch.device("meta"):
            net = deepface(DEEPFACE, (side, side), F7, own=own)
        layers = [
            m
            for m in net.modules()
            if isinstance(m, (nn.Conv2d, nn.Linear, LocallyConnected2d))
        ]
        series[label] = [sum(p.numel() for p in m.parameters()) for m in layers]
    title = f"{side}x{side} pixels: {sum(series['own kernels (DeepFace)']) / 1e6:.1f} million parameters"
    return viz.dots(series, names, title=title, xlabel="parameters", log_x=True)


# %%
viz.show(
    weights_figure(152),
    alt="Parameters of six layers on a log scale. The local layers L4 to L6 have hundreds to thousands of times more than shared ones.",
)
own_l4 = next(row["parameters"] for row in rows if row["name"] == "body.L4")
shared_l4 = 9 * 9 * 16 * 16 + 16
assert own_l4 == shared_l4 * 55 * 55
print(f"L4: {own_l4:,} parameters; shared, it would have {shared_l4:,}")

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    weights_figure, list(range(80, 177, 8)), label="image side in pixels", start=152
)

# %% [markdown]
# Basch et al. print 127M parameters for DeepFace without its classifier. Which image size would give that? And what
# does the network have whose local layers are normalisations?

# %%
with torch.device("meta"):
    nets = {
        side: backbones.create("deepface", input_size=side)
        for side in (152, 160, 164, 168)
    }
    replaced = sum(p.numel() for p in backbones.create("deepface_lrn").parameters())
sizes = {side: sum(p.numel() for p in net.parameters()) for side, net in nets.items()}
print(
    {side: f"{parameters / 1e6:.1f}M" for side, parameters in sizes.items()},
    f"| normalised: {replaced / 1e6:.1f}M",
)
assert not any(
    abs(parameters - 127e6) < 1e6 for parameters in (*sizes.values(), replaced)
)

# %% [markdown]
# No size here gives it, and 152x152 is far from it. The normalisation does not shrink the map as the local layers do, so
# what follows, F7, becomes much larger: the replaced network has **more** parameters, nearly all in one fully connected
# layer. We cannot say what was measured.
#
# ## How many windows teach one weight?
#
# The gradient of a shared weight is a sum over **all positions of all photographs**. The gradient of a local weight is a
# sum over all photographs, at one position. Let us count, for 300 photographs and one epoch, in the reduced
# DeepFace that we shall train: small kernels, 12 channels, half-size ORL faces. And how many parameters must one
# photograph of the training set determine? The paper had 4.4 million photographs (Taigman et al. 2014).

# %%
SIZE, DIM, CHANNELS, RUNS, EPOCHS, BATCH, RATE = (56, 46), 64, 12, 3, 12, 50, 0.05
KERNELS = {"C1": 5, "M2": 3, "C3": 3, "L4": 3, "L5": 3, "L6": 3}
REDUCED = [
    (name, kind, KERNELS[name], CHANNELS, stride)
    for name, kind, _, _, stride in DEEPFACE
]
TRAIN = 300
body, shape = deepface_body(REDUCED, SIZE, 1)
for layer in (m for m in body if isinstance(m, LocallyConnected2d)):
    windows = math.prod(layer.output_size)
    print(
        f"a local weight sees {TRAIN} windows an epoch; shared, it would see {TRAIN * windows:,}"
    )
for name, n in (("its own", 4_400_000), ("our", TRAIN)):
    print(f"DeepFace on {name} data: {total / n:,.0f} parameters for each photograph")

# %% [markdown]
# ## Training it, beside its twin with shared weights
#
# Five networks, the same recipe, people put aside for the test as in notebook 06:
#
# - **own kernels**: the reduced DeepFace;
# - **own, frozen**: the same, but its local layers stay as they were drawn;
# - **one kernel**: the local layers replaced by convolutions. The same multiply-adds, to the last one;
# - **own + batch norm** and **one + batch norm**: both with the batch norm that DeepFace could not have, as it was
#   published a year before it, and without the ReLU at the very end.
#
# We draw the initial weights as He et al. (2015) do for networks with ReLU, and leave dropout out. What either does to
# the result we do not measure.

# %%
KINDS = (
    "own kernels",
    "own, frozen",
    "one kernel",
    "own + batch norm",
    "one + batch norm",
)


def draw_weights(net):
    """Normal, with the variance 2 / inputs of one output."""
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear, LocallyConnected2d)):
            inputs = (
                layer.weight.shape[-2]
                if isinstance(layer, LocallyConnected2d)
                else layer.weight[0].numel()
            )
            nn.init.normal_(layer.weight, std=math.sqrt(2 / inputs))
            nn.init.zeros_(layer.bias)


def with_batch_norm(net):
    body, flatten, f7, *_ = net
    normed = [
        [layer, nn.BatchNorm2d(CHANNELS)] if hasattr(layer, "weight") else [layer]
        for layer in body
    ]
    return nn.Sequential(
        *(layer for layers in normed for layer in layers),
        flatten,
        f7,
        nn.BatchNorm1d(DIM),
    )


# %%
def new_network(kind, run):
    torch.manual_seed(run)
    net = deepface(
        REDUCED, SIZE, DIM, channels=1, own=kind.startswith("own"), dropout=0.0
    )
    draw_weights(net)
    for layer in net.modules():
        if kind == "own, frozen" and isinstance(layer, LocallyConnected2d):
            layer.requires_grad_(False)
    return with_batch_norm(net) if "batch norm" in kind else net


for kind in KINDS:
    c = cost.count(new_network(kind, 0), SIZE, in_channels=1)
    print(
        f"{kind:16} {c.parameters:8,} parameters, {c.macs.conv_linear:,} multiply-adds"
    )


# %%
def train_faces(kind, run):
    people, _ = data.split_by_identity(faces, n_test=10, seed=run)
    assert len(people) == TRAIN
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
named = {
    kind: np.array([accuracy for _, accuracy in runs])
    for kind, runs in networks.items()
}
strangers = {
    kind: [unseen(net, run) for run, (net, _) in enumerate(runs)]
    for kind, runs in networks.items()
}
strangers["own, untrained"] = [
    unseen(new_network("own kernels", run), run) for run in range(RUNS)
]
assert named["own kernels"].min() > 0.5
print(
    "the network with kernels of its own names more than half of its training photographs: True"
)

# %% [markdown]
# So it does learn **something**. But which part of it? We measure how far each layer moved from where it was drawn: the
# size of the change, divided by the size of the weights.


# %%
def weights_of(net):
    return [
        m.weight.detach()
        for m in net.modules()
        if isinstance(m, (nn.Conv2d, nn.Linear, LocallyConnected2d))
    ]


def change(kind, run):
    pairs = zip(
        weights_of(new_network(kind, run)),
        weights_of(networks[kind][run][0]),
        strict=True,
    )
    return [((new - old).norm() / old.norm()).item() for old, new in pairs]


names = [name for name, kind, *_ in DEEPFACE if kind != "max pooling"] + ["F7"]
changes = {
    kind: np.array([change(kind, run) for run in range(RUNS)])
    for kind in KINDS
    if "frozen" not in kind
}

# %%
viz.show(
    viz.dots(
        {kind: values.mean(axis=0) for kind, values in changes.items()},
        names,
        title=f"Local layers stay almost where they were drawn (mean and range of {RUNS} runs)",
        xlabel="relative change of its weights in training",
        intervals={
            kind: (values.min(axis=0), values.max(axis=0))
            for kind, values in changes.items()
        },
    ),
    alt="Relative change of six layers. With own kernels L4 to L6 are lowest, near zero; with one kernel they change as much as the rest.",
)
local = slice(2, 5)
for suffix, own, one in (
    ("without", "own kernels", "one kernel"),
    ("with", "own + batch norm", "one + batch norm"),
):
    further = changes[one][:, local].mean() / changes[own][:, local].mean()
    print(
        f"{suffix:7} batch norm, shared layers move at least twice as far:",
        bool(further > 2),
    )
assert (
    changes["own kernels"][:, local].max() * 2 < changes["one kernel"][:, local].min()
)

# %% [markdown]
# With kernels of its own a local layer remains nearly the **random** layer it was, and the other layers learn around
# it. A likely reason is counted above: so few windows teach each weight. The optimizer may have a part in it: SGD's
# steps shrink with the gradient, Adam's hardly do, and it is one line to change. If training does so little to the
# local layers, freezing them should cost little on strangers.

# %%
intervals = {
    kind: evaluation.mean_interval(values) for kind, values in strangers.items()
}
viz.show(
    viz.seeds_and_means(
        strangers,
        {kind: (interval.low, interval.high) for kind, interval in intervals.items()},
        title="Unseen people: batch norm helps, training the local layers changes little",
        xlabel="verification accuracy on people put aside",
    ),
    alt="Dots of three runs for six networks. The two with batch norm lie to the right of the others.",
)
difference = np.subtract(strangers["own kernels"], strangers["own, frozen"])
assert abs(difference.mean()) < 0.05
for kind in ("own + batch norm", "one + batch norm"):
    gain = np.subtract(strangers[kind], strangers["own kernels"])
    assert gain.mean() > 0.01 and named[kind].min() > 0.85
    print(f"{kind} beats own kernels on average: {gain.mean() > 0}")

# %%
size = {
    kind: cost.count(new_network(kind, 0), SIZE, in_channels=1).parameters
    for kind in KINDS
}
times = size["own + batch norm"] / size["one + batch norm"]
assert (
    abs(
        np.subtract(strangers["own + batch norm"], strangers["one + batch norm"]).mean()
    )
    < 0.06
)
print(
    f"own kernels: {times:.0f} times the parameters; on strangers less than 6 points between the two: True"
)

# %% [markdown]
# Read it with care; these are three runs on a few hundred pairs.
#
# - **The local layers stay nearly random**, with batch norm too. Freezing them (tried without it) changes the mean on
#   strangers by less than 5 points. With batch norm, 16 times the parameters change it by less than 6.
# - **Sharing alone is no cure.** The plain twin does move its shared layers, and the figure shows no gain on strangers.
#   So local layers that stay random are not the whole answer.
# - **Batch norm**, with the last ReLU left out, beats the plain network with own kernels, shared or not. We did not try
#   the two changes one by one.
# - **Random features go a long way** on these photographs: see the untrained network in the last row of the figure.
#
# ## Exercises
#
# Solutions: [solutions/04d_deepface.py](solutions/04d_deepface.py).
#
# ### Exercise 1: count a locally connected layer
#
# How many parameters, with biases, has a locally connected layer on a square map of `side` x `side`, without padding?


# %% tags=["exercise"]
def local_parameters(in_channels, out_channels, kernel, side, stride): ...


# %% tags=["check"]
def by_building(in_channels, out_channels, kernel, side, stride):
    layer = LocallyConnected2d(in_channels, out_channels, kernel, side, stride=stride)
    return float(sum(p.numel() for p in layer.parameters()))


exercises.check(
    local_parameters,
    by_building,
    [(3, 4, 5, 13, 1), (2, 3, 3, 12, 2), (1, 1, 1, 4, 1)],
    hint="Positions: ((side - kernel) // stride + 1) squared. Each has its kernel and one bias for each output channel.",
)

# %% [markdown]
# ### Exercise 2: local response normalisation by hand
#
# Given `x` (N, C, H, W), return what `nn.LocalResponseNorm(n, alpha, beta, k)` gives: divide each value by the power
# `beta` of `k + alpha / n * s`, with `s` the sum of squares over the `n` channels around it (`n` is odd, and channels
# that do not exist count as zero). Notice while you write it that there is nothing to train.


# %% tags=["exercise"]
def response_norm(x, n, alpha, beta, k): ...


# %% tags=["check"]
def by_pytorch(x, n, alpha, beta, k):
    return nn.functional.local_response_norm(x, n, alpha, beta, k)


example = torch.randn(2, 7, 3, 3, generator=torch.Generator().manual_seed(0))
exercises.check(
    response_norm,
    by_pytorch,
    [(example, 5, 1.0, 0.75, 2.0), (example, 3, 0.5, 0.5, 1.0)],
    hint="For channel c sum the squares of channels c - n // 2 to c + n // 2, as far as they exist, and divide alpha by n.",
)

# %% [markdown]
# ## Summary
#
# - A locally connected layer is a convolution with a kernel of its own at every position: the same multiply-adds, as
#   many times the weights as there are positions.
# - Local response normalisation has no weights, looks at one position only, and moves with the image. It is no
#   replacement.
# - A local weight is taught by one window of each photograph. With a few hundred photographs the local layers stay
#   nearly random; what the network learns, it learns around them.
# - With batch norm, and without the last ReLU, it does better on strangers. A twin with shared kernels is then within 6
#   points of it, at the same cost and a sixteenth of the size.
#
# ## What the papers report
#
# - Taigman et al. (2014, CVPR) report 97.35 % on LFW with an ensemble, after training on 4.4 million photographs of
#   4,030 people, turned to the front in 3-D; more than 120 million parameters, over 95 % of them in local and
#   fully connected layers.
# - Krizhevsky et al. (2012, NeurIPS, section 3.3) introduced local response normalisation with $n = 5$.
# - Basch et al. ("Face Recognition in Deep Learning with Minimal Resources", Table 1) print 127M parameters without and
#   157M with the classifier. The network at 152x152 has 102.4M without it; at 164x164 it has 128.6M.
