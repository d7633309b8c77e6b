# %% [markdown]
# # DeepFace: a kernel of its own at every position
#
# A convolution looks for the same thing everywhere. In an aligned face that seems a waste: the eyes are always at the
# same place, and nobody has an eye on the chin. So DeepFace (Taigman et al. 2014) gives every position its **own**
# kernel. Its authors report that it tells faces apart nearly as well as people do. It has more than a hundred million
# weights, and was trained on millions of photographs. We build it, count it, and see which layers a few hundred move.
#
# **What you will learn**
# - what a locally connected layer is, and what it costs: few multiply-adds, an enormous number of weights;
# - why local response normalisation, which is sometimes put in its place, is something else;
# - how many windows teach one weight, and what follows for small data sets.
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (how a face network is tested) and [notebook
# 03](03_convolution_costs.ipynb) (what a convolution costs).
#
# **Time and place**: 1 minute to run, 90 minutes to read and do. No GPU, no network, 1.1 GB of memory.

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
    guard,
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
WEIGHTED = [name for name, kind, *_ in DEEPFACE if kind != "max pooling"] + ["F7"]
print("layers with weights:", ", ".join(WEIGHTED))

# %% [markdown]
# The same as a picture, drawn from the library's network. Compare the two columns of bars: which layers do the work,
# and which hold the parameters?

# %% tags=["illustration"]
title = "DeepFace, from the image to the output of F7"
viz.show(*viz.network_diagram("deepface", title=title))

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
    """Images (N, C, H, W); weight (positions, kernel**2 * C, out); bias (out, h, w)."""
    out = bias.expand(len(x), *bias.shape).clone()
    rows, columns = bias.shape[1:]
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride, j * stride
        window = x[:, :, top : top + kernel, left : left + kernel]
        kernels = weight[i * columns + j]  # positions are numbered row by row
        out[:, :, i, j] += window.permute(0, 2, 3, 1).flatten(1) @ kernels
    return out


# %%
torch.manual_seed(0)
layer = LocallyConnected2d(3, 4, kernel_size=5, input_size=(13, 11), stride=2)
layer, x = layer.double(), torch.randn(2, 3, 13, 11).double()
by_loop = locally_connected(x, layer.weight, layer.bias, 5, 2).detach()
by_library = layer(x).detach()
print(f"shape {tuple(by_loop.shape)}; four numbers of the first image")
print("by the loop:   ", by_loop[0, 0, 0].numpy().round(3))
print("by the library:", by_library[0, 0, 0].numpy().round(3))
off_loop = (by_loop - by_library).abs().max().item()

# %% tags=["guard"]
guard("the loop gives what the library gives", off_loop < 1e-6, off_loop=off_loop)

# %% [markdown]
# The library's layer does the same without the loop in Python, and without copying all windows at once.
#
# The work is that of a convolution: each output is one sum over one window. The **weights** are not. A convolution has
# one kernel; this layer has one for each position.

# %%
one_kernel = cost.count(nn.Conv2d(3, 4, 5, 2), (13, 11))
own_kernels = cost.count(layer.float(), (13, 11))
positions = math.prod(layer.output_size)
for name, counted in (("one kernel", one_kernel), ("own kernels", own_kernels)):
    macs = counted.macs.conv_linear
    print(f"{name}: {macs:,} multiply-adds, {counted.parameters:,} parameters")
same_work = [one_kernel.macs.conv_linear, own_kernels.macs.conv_linear]
parameters = [one_kernel.parameters, own_kernels.parameters]
print(f"{positions} positions, {parameters[1] / parameters[0]:g} times the parameters")

# %% tags=["guard"]
guard(
    "the same multiply-adds, and as many times the parameters as positions",
    same_work[0] == same_work[1] and parameters[1] == positions * parameters[0],
    same_work=same_work,
    parameters=parameters,
    positions=positions,
)

# %% [markdown]
# The figure shows the output maps of both layers. Positions of one colour and one number share a kernel: on the left all
# of them do, on the right no two.

# %% tags=["illustration"]
both = {"one kernel": nn.Conv2d(3, 4, 5, 2), "own kernels": layer}
title = "Which kernel computes which position of the output"
viz.show(*viz.sharing_diagram(both, (3, 13, 11), title=title))

# %% [markdown]
# ### Exercise 1: count a locally connected layer
#
# How many parameters, with biases, has a locally connected layer on a square map of `side` x `side`, without padding?
# Return a whole number. Solutions to both exercises, with reasons: [solutions/04d_deepface.py](solutions/04d_deepface.py).


# %% tags=["exercise"]
def local_parameters(in_channels, out_channels, kernel, side, stride): ...


# %% tags=["check"]
def by_building(in_channels, out_channels, kernel, side, stride):
    local = LocallyConnected2d(in_channels, out_channels, kernel, side, stride=stride)
    return sum(parameter.numel() for parameter in local.parameters())


def draw(rng):
    in_channels, out_channels, kernel, stride = rng.integers(1, [5, 5, 5, 4])
    side = rng.integers(kernel, 13)
    return tuple(map(int, (in_channels, out_channels, kernel, side, stride)))


hints = (
    "At how many places can the kernel lie, in each direction?",
    "((side - kernel) // stride + 1) ** 2 positions, each with kernels and biases.",
    "positions * out_channels * (kernel**2 * in_channels + 1)",
)
cases = [(3, 4, 5, 13, 1), (2, 3, 3, 12, 2), (1, 1, 1, 4, 1)]
exercises.check(local_parameters, by_building, cases, draw=draw, hints=hints)

# %% [markdown]
# ## It is not local response normalisation
#
# Basch et al. rebuild DeepFace and put PyTorch's `LocalResponseNorm` where the locally connected layers belong. Both
# have "local" in their name. **Local response normalisation** (Krizhevsky et al. 2012) divides each number by a sum over
# the **neighbouring channels at the same position**:
#
# $$y_c = x_c \Big/ \Big(k + \frac{\alpha}{n} \sum_{c' \text{ near } c} x_{c'}^2\Big)^{\beta} .$$
#
# Here $x_c$ is the number of channel $c$ at some position, and $y_c$ what comes out; $n$, $k$, $\alpha$ and $\beta$ are
# chosen once for the layer. It has nothing to learn, and it looks at no other position.
#
# ### Exercise 2: local response normalisation by hand
#
# Given a tensor `x` (N, C, H, W), return what `nn.LocalResponseNorm(n, alpha, beta, k)` gives. "Near" are the `n` channels
# around $c$, itself in the middle; `n` is odd, and channels that do not exist count as zero. Notice while you write it
# that there is nothing to train.


# %% tags=["exercise"]
def response_norm(x, n, alpha, beta, k): ...


# %% tags=["check"]
def by_pytorch(x, n, alpha, beta, k):
    return nn.functional.local_response_norm(x, n, alpha, beta, k)


def draw(rng):
    shape = rng.integers([1, 1, 1, 1], [3, 8, 4, 4])
    x = torch.from_numpy(rng.normal(size=shape))
    n, alpha, beta, k = rng.choice([1, 3, 5]), *rng.uniform(0.2, 2, size=3)
    return x, int(n), alpha, beta, k


hints = (
    "For one channel c: which channels are near, and which of them exist?",
    "Sum the squares of channels max(0, c - n // 2) to c + n // 2, for each c.",
    "x / (k + alpha / n * torch.stack(sums, 1)) ** beta",
)
example = torch.arange(12.0).reshape(1, 6, 1, 2)
cases = [(example, 3, 1.0, 1.0, 1.0), (example, 5, 0.5, 0.5, 2.0)]
exercises.check(response_norm, by_pytorch, cases, draw=draw, hints=hints)

# %% [markdown]
# Two tests tell the two layers apart. The first is to count weights. The second is to **move the image**. A layer that
# treats all positions alike gives the same output, moved. A layer with a kernel of its own at every position gives
# another output.

# %%
faces, MOVED = data.orl_faces().resized(56, 46), 3
face = data.normalise(faces.images[120:121]).expand(1, 5, -1, -1)
torch.manual_seed(0)
layers = {
    "convolution": nn.Conv2d(5, 5, 5, bias=False),
    "local response norm": nn.LocalResponseNorm(5, alpha=1.0),
    "locally connected": LocallyConnected2d(5, 5, 5, (56, 46), bias=False),
}


@torch.no_grad()
def before_and_after(layer):
    """36x26 positions of the output; the same for a moved face, moved back."""
    moved = face.roll((MOVED, MOVED), (2, 3))
    found = []
    for out in (layer(face), layer(moved).roll((-MOVED, -MOVED), (2, 3))):
        top, left = (out.shape[2] - 36) // 2, (out.shape[3] - 26) // 2
        found.append(out[:, :, top : top + 36, left : left + 26])
    return found


# %%
n_weights, differs = {}, {}
for name, layer in layers.items():
    out, other = before_and_after(layer)
    n_weights[name] = sum(weight.numel() for weight in layer.parameters())
    differs[name] = 100 * ((out - other).norm() / out.norm()).item()
    print(f"{name}: {n_weights[name]:,} weights,", end=" ")
    print(f"a moved face changes the output by {differs[name]:.0f} %")

# %% [markdown]
# The same as pictures:

# %%
maps, captions = [], []
for name, layer in layers.items():
    pair = torch.stack(before_and_after(layer))[:, 0, 2]
    low, high = pair[0].quantile(0.01), pair[0].quantile(0.99)
    grey = ((pair - low) / (high - low) * 255).clamp(0, 255).to(torch.uint8)
    maps += list(grey[:, None])
    captions += [name, "face moved, output moved back"]
title = "Only the locally connected layer treats a moved face as something else"
options = {"columns": 6, "credit": faces.source}
figure = viz.image_grid(torch.stack(maps), captions, title=title, **options)
alt = "Three pairs of maps of a face: two equal pairs, and two different noisy maps."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "only the locally connected layer gives another output for a moved face",
    max(differs["convolution"], differs["local response norm"]) < 1
    and differs["locally connected"] > 50
    and n_weights["local response norm"] == 0,
    differs=differs,
    n_weights=n_weights,
)

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
        if kind == "local" and own:
            here = tuple(size)
            body.append(LocallyConnected2d(channels, out, kernel, here, stride=stride))
        else:
            body.append(nn.Conv2d(channels, out, kernel, stride))
        body.append(nn.ReLU())
        channels, size = out, [(side - kernel) // stride + 1 for side in size]
    return body, (channels, *size)


# %%
def deepface(rows, size, f7, channels=3, own=True):
    body, shape = deepface_body(rows, size, channels, own)
    f7_layer = nn.Linear(math.prod(shape), f7)
    return nn.Sequential(body, nn.Flatten(), f7_layer, nn.ReLU())


ours = deepface(DEEPFACE, (72, 72), 32)
library = backbones.create("deepface", input_size=72, embedding_dim=32, seed=0)
weights = library.state_dict().values()
ours.load_state_dict(dict(zip(ours.state_dict(), weights, strict=True)))
images = torch.randn(2, 3, 72, 72, generator=torch.Generator().manual_seed(0))
with torch.no_grad():
    mine, theirs = ours.eval()(images), library.eval()(images)
off_library = 100 * ((mine - theirs).abs().max() / theirs.abs().max()).item()
print(f"{sum(p.numel() for p in ours.parameters()):,} parameters at 72x72 pixels")
print(f"the outputs of ours and the library's differ by {off_library:.2f} %")

# %% tags=["guard"]
guard(
    "with the library's weights it is the library's network",
    off_library < 0.1,
    off_library=off_library,
)

# %% [markdown]
# The paper also has **dropout**: in each training step a random half of F7's activations is set to zero, so that the
# network cannot rely on any single one. It has no weights, and is switched off after training; we leave it out here.
#
# ## What it costs
#
# The full network takes half a gigabyte. To count it we need none of that: on PyTorch's `meta` device a tensor has a
# shape and no numbers.


# %%
def counted_without_memory(name, side=152):
    with torch.device("meta"):
        net = backbones.create(name, input_size=side)
        return cost.count(net, (side, side))


full = counted_without_memory("deepface")
rows = [row for row in full.by_module().table() if row["parameters"]]
table = pd.DataFrame(rows)[["name", "parameters", "conv_linear"]]
table = table.rename(columns={"conv_linear": "multiply-adds"}).set_index("name")
print(table.to_string())

# %%
CLASSES = 4030
classifier = F7 * CLASSES + CLASSES
total = full.parameters + classifier
convolutions = int(table.loc[["body.C1", "body.C3"], "parameters"].sum())
share = 100 * (total - convolutions) / total
print(f"{full.parameters:,} parameters")
print(f"{total:,} with the classifier of {CLASSES:,} people")
print(f"in locally and fully connected layers: {share:.2f} %")

# %% tags=["guard"]
guard(
    "nearly 119 million parameters, almost all in local and fully connected layers",
    118_500_000 < total < 119_000_000 and share > 99,
    total=total,
    share=share,
)

# %% [markdown]
# "More than 120 million parameters", of which "more than 95 %" are in the local and the fully connected layers (Taigman
# et al. 2014): our count is a little below the first claim, and the second holds with room to spare.
#
# How does the number of weights grow with the side of the image, and in which layer most? Move the slider below: it is
# L4.


# %%
def weights_of(net):
    kinds = (nn.Conv2d, nn.Linear, LocallyConnected2d)
    return [module for module in net.modules() if isinstance(module, kinds)]


def parameters_of_layers(side, own):
    with torch.device("meta"):
        net = deepface(DEEPFACE, (side, side), F7, own=own)
    return [sum(p.numel() for p in layer.parameters()) for layer in weights_of(net)]


def weights_figure(side):
    layers = parameters_of_layers(side, own=True)
    series = {"own kernels (DeepFace)": layers}
    series["one kernel for all positions"] = parameters_of_layers(side, own=False)
    title = f"{side}x{side} pixels: {sum(layers) / 1e6:.1f} million parameters"
    return viz.dots(series, WEIGHTED, title=title, xlabel="parameters", log_x=True)


# %%
own_l4 = parameters_of_layers(152, own=True)[2]
shared_l4 = parameters_of_layers(152, own=False)[2]
print(f"L4: {own_l4:,} parameters; shared, it would have {shared_l4:,}")
alt = "Parameters of six layers on a log scale: L4 to L6 far above their shared twins."
viz.show(weights_figure(152), alt=alt)

# %% tags=["guard"]
guard(
    "L4 has 55x55 times the parameters of a convolution",
    own_l4 == 55 * 55 * shared_l4,
    own_l4=own_l4,
    shared_l4=shared_l4,
)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(
    weights_figure,
    list(range(80, 177, 8)),
    label="image side in pixels",
    start=152,
    alt="Parameters of six layers on a log scale, for 152x152 pixels.",
)

# %% [markdown]
# Basch et al. print 127M parameters for DeepFace without its classifier. Which image size would give that? And what
# does the network have whose local layers are normalisations?

# %%
PRINTED, millions = 127_000_000, {}
for side in (152, 160, 164, 168):
    n_parameters = counted_without_memory("deepface", side).parameters
    millions[f"{side}x{side}"] = n_parameters / 1e6
replaced = counted_without_memory("deepface_lrn")
millions["152x152, normalised"] = replaced.parameters / 1e6
print(f"printed: {PRINTED / 1e6:.0f}M")
for name, counted in millions.items():
    print(f"{name}: {counted:.1f}M")
f7_share = 100 * max(row["parameters"] for row in replaced.by_module().table())
f7_share = f7_share / replaced.parameters
print(f"F7 holds {f7_share:.2f} % of the normalised network")
nearest = min(abs(counted - PRINTED / 1e6) for counted in millions.values())

# %% tags=["guard"]
guard(
    "none of them has 127M parameters, and F7 holds nearly all where it is normalised",
    nearest > 1 and f7_share > 95,
    nearest=nearest,
    f7_share=f7_share,
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
SIZE, DIM, CHANNELS, TRAIN = (56, 46), 64, 12, 300
KERNELS = {"C1": 5, "M2": 3, "C3": 3, "L4": 3, "L5": 3, "L6": 3}
REDUCED = []
for name, kind, _, _, stride in DEEPFACE:
    REDUCED.append((name, kind, KERNELS[name], CHANNELS, stride))
body, _ = deepface_body(REDUCED, SIZE, 1)
windows = {}
for name, layer in zip(WEIGHTED, weights_of(body), strict=False):
    if isinstance(layer, LocallyConnected2d):
        windows[name] = TRAIN * math.prod(layer.output_size)
        print(f"{name}: a weight sees {TRAIN} windows an epoch,", end=" ")
        print(f"shared it would see {windows[name]:,}")
for whose, n_photographs in (("its own", 4_400_000), ("our", TRAIN)):
    for_each = total / n_photographs
    print(f"DeepFace on {whose} data: {for_each:,.0f} parameters for each photograph")

# %% [markdown]
# ## Training it, beside its twin with shared weights
#
# Five networks, the same recipe, people put aside for the test as in notebook 02:
#
# - **own kernels**: the reduced DeepFace;
# - **own, frozen**: the same, but its local layers stay as they were drawn;
# - **one kernel**: the local layers replaced by convolutions. The same multiply-adds, to the last one;
# - **own + batch norm** and **one + batch norm**: both with the batch norm that DeepFace could not have, as it was
#   published a year before it, and without the ReLU at the very end.
#
# We draw the initial weights as He et al. (2015) do for networks with ReLU: normal, with a variance of 2 over the number
# of inputs of one output. What that, and leaving dropout out, do to the result we do not measure.


# %%
def draw_weights(net):
    for layer in weights_of(net):
        inputs = layer.weight[0].numel()
        if isinstance(layer, LocallyConnected2d):
            inputs = layer.weight.shape[-2]
        nn.init.normal_(layer.weight, std=math.sqrt(2 / inputs))
        nn.init.zeros_(layer.bias)


def with_batch_norm(net):
    body, flatten, f7_layer, _ = net
    normed = []
    for layer in body:
        normed.append(layer)
        if hasattr(layer, "weight"):
            normed.append(nn.BatchNorm2d(CHANNELS))
    return nn.Sequential(*normed, flatten, f7_layer, nn.BatchNorm1d(DIM))


# %%
KINDS = ["own kernels", "own, frozen", "one kernel"]
KINDS += ["own + batch norm", "one + batch norm"]


def new_network(kind, run):
    torch.manual_seed(run)
    net = deepface(REDUCED, SIZE, DIM, channels=1, own=kind.startswith("own"))
    draw_weights(net)
    if kind == "own, frozen":
        for layer in weights_of(net):
            layer.requires_grad_(not isinstance(layer, LocallyConnected2d))
    return with_batch_norm(net) if "batch norm" in kind else net


# %% [markdown]
# How many parameters do they have, and how much work do they do?

# %%
size_of, work_of = {}, {}
for kind in KINDS:
    counted = cost.count(new_network(kind, 0), SIZE, in_channels=1)
    size_of[kind], work_of[kind] = counted.parameters, counted.macs.conv_linear
    print(f"{kind}: {size_of[kind]:,} parameters, {work_of[kind]:,} multiply-adds")
times_larger = size_of["own kernels"] / size_of["one kernel"]
print(f"own kernels take {times_larger:.0f} times the parameters")

# %% [markdown]
# The recipe is that of notebook 02, with twelve epochs.

# %%
RUNS, EPOCHS, BATCH, RATE = 3, 12, 50, 0.05


def train_faces(kind, run):
    """The trained network, and the share of its photographs that it names, in %."""
    people, _ = data.split_by_identity(faces, n_test=10, seed=run)
    net = new_network(kind, run)
    criterion = losses.Softmax(DIM, people.n_classes, seed=run)
    learned = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(learned, lr=RATE, momentum=0.9, weight_decay=5e-4)
    steps = EPOCHS * -(-len(people) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    augment = data.Compose((data.RandomFlip(), data.RandomShift(3)))
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "augment": augment, "seed": run}
    recipe |= {"schedule": schedule, "precision": "32-true"}
    history = training.fit(net, criterion, people, optimizer=optimizer, **recipe)
    return net, 100 * history["accuracy"][-1]


# %% tolerance="8 points"
networks, named = {}, {}
for kind in KINDS:
    trained = [train_faces(kind, run) for run in range(RUNS)]
    networks[kind] = [net for net, _ in trained]
    named[kind] = [float(percent) for _, percent in trained]
print("training photographs named at the end of each run")
for kind in ("own kernels", "own, frozen", "own + batch norm", "one + batch norm"):
    print(f"{kind}:", ", ".join(f"{percent:.0f} %" for percent in named[kind]))

# %% tags=["guard"]
guard(
    "DeepFace learns to name most people, and with batch norm nearly all",
    min(named["own kernels"]) > 50
    and min(min(named["own + batch norm"]), min(named["one + batch norm"])) > 80,
    named=named,
)

# %% [markdown]
# So DeepFace does learn **something**. The plain twin with one kernel differs much from run to run, and even from one
# processor to another, where the last digits of a sum differ:

# %% tolerance="60 points"
print("one kernel:", ", ".join(f"{percent:.0f} %" for percent in named["one kernel"]))

# %% [markdown]
# Which part of DeepFace has learned? We measure how far each layer moved from where it was drawn: the size of the change,
# divided by the size of the weights. A weight that a gradient hardly reaches stays where it is.

# %% tags=["predict"]
moved_guess = exercises.predict(
    ..., question="By how much do the weights of L4 to L6 change?", unit="%"
)


# %% tolerance="12"
def change(kind, run):
    """How far each layer moved, in % of the size of its first weights."""
    found = []
    before = weights_of(new_network(kind, run))
    for old, new in zip(before, weights_of(networks[kind][run]), strict=True):
        step = (new.weight - old.weight).norm() / old.weight.norm()
        found.append(100 * step.item())
    return found


changes = {}
for kind in KINDS:
    if kind != "own, frozen":
        changes[kind] = np.array([change(kind, run) for run in range(RUNS)])
means = {kind: values.mean(axis=0) for kind, values in changes.items()}
moved = pd.DataFrame(means, index=WEIGHTED).T.round(0).astype(int)
print("change of the weights in %, mean of three runs")
print(moved.loc[["one kernel"]].to_string())

# %% [markdown]
# The twin moved its shared layers L4 to L6 about as far as C3 and F7, and twice as far as C1. And DeepFace?

# %% tolerance="1 points, 2"
local = {kind: float(mean[2:5].mean()) for kind, mean in means.items()}  # L4 to L6
moved_guess.reveal(local["own kernels"], ".0f")
print(moved.drop("one kernel").to_string())

# %% [markdown]
# As a figure, with the range of the three runs:

# %%
ranges = {}
for kind, values in changes.items():
    ranges[kind] = (values.min(axis=0), values.max(axis=0))
figure = viz.dots(
    means,
    WEIGHTED,
    title="Local layers stay almost where they were drawn",
    xlabel=f"change of its weights in training, % (mean and range of {RUNS} runs)",
    intervals=ranges,
)
alt = "With own kernels L4 to L6 change least; with one kernel as much as the others."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "local layers move less than half as far as shared ones, also with batch norm",
    2 * local["own kernels"] < local["one kernel"]
    and 2 * local["own + batch norm"] < local["one + batch norm"],
    local=local,
)

# %% [markdown]
# With kernels of its own a local layer remained nearly the **random** layer it was, and the other layers learned around
# it. A likely reason is counted above: so few windows teach each weight. The optimizer may have a part in it: SGD's
# steps shrink with the gradient; those of **Adam**, which divides each step by the recent size of the gradient, hardly
# do, and it is one line to change. If training does so little to the local layers, freezing them should cost little on
# strangers.


# %% tolerance="4 points"
def unseen(net, run):
    """Accuracy in % on pairs of people put aside, thresholds from the other folds."""
    _, test = data.split_by_identity(faces, n_test=10, seed=run)
    pairs = data.verification_pairs(test.labels, 800, seed=run)
    embeddings = training.embed(net, test, flip=True)
    scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
    return 100 * evaluation.kfold_accuracy(scores, pairs.same).mean


strangers = {}
for kind in KINDS:
    strangers[kind] = [unseen(net, run) for run, net in enumerate(networks[kind])]
untrained = [new_network("own kernels", run) for run in range(RUNS)]
strangers["own, untrained"] = [unseen(net, run) for run, net in enumerate(untrained)]
print("pairs of strangers decided rightly in each run")
for kind, runs in strangers.items():
    if kind != "one kernel":
        print(f"{kind}:", ", ".join(f"{percent:.0f} %" for percent in runs))

# %% [markdown]
# The twin with one kernel scatters again:

# %% tolerance="20 points"
one_kernel_runs = ", ".join(f"{percent:.0f} %" for percent in strangers["one kernel"])
print(f"one kernel: {one_kernel_runs}, mean {np.mean(strangers['one kernel']):.0f} %")

# %% [markdown]
# The mean of the three runs for the others, and the figure:

# %% tolerance="2 points"
on_average, bars = {}, {}
for kind, runs in strangers.items():
    on_average[kind] = float(np.mean(runs))
    interval = evaluation.mean_interval(runs)
    bars[kind] = (interval.low, interval.high)
    if kind != "one kernel":
        print(f"{kind}: {on_average[kind]:.1f} % on average")
lowest_normed = min(on_average["own + batch norm"], on_average["one + batch norm"])
figure = viz.seeds_and_means(
    strangers,
    bars,
    title="Unseen people: on average the two networks with batch norm lead",
    xlabel="verification accuracy on people put aside, % (bar: 95 % interval)",
)
alt = "Dots of three runs for six networks; the two with batch norm lie far right."
viz.show(figure, alt=alt)

# %% tags=["guard"]
guard(
    "on average both networks with batch norm are ahead of both without",
    lowest_normed > on_average["own kernels"]
    and lowest_normed > on_average["one kernel"],
    lowest_normed=lowest_normed,
    on_average=on_average,
)

# %% [markdown]
# The bars are wide: what makes a run hard is the same for all six. So we look at the differences within the runs.


# %% tolerance="3 points"
def difference(after, before):
    return np.subtract(strangers[after], strangers[before])


trained_or_not = float(difference("own kernels", "own, frozen").mean())
normed_or_not = float(difference("own + batch norm", "own kernels").mean())
shared_or_not = float(difference("one + batch norm", "own + batch norm").mean())
print(f"training the local layers: {trained_or_not:+.1f} points on average")
print(f"adding batch norm: {normed_or_not:+.1f} points on average")
print(f"with batch norm, sharing the kernels: {shared_or_not:+.1f} points on average")

# %% tags=["guard"]
guard(
    "training the local layers, or sharing them with batch norm, changes little",
    abs(trained_or_not) < 6 and abs(shared_or_not) < 6,
    trained_or_not=trained_or_not,
    shared_or_not=shared_or_not,
)

# %% [markdown]
# Their 95 % intervals, and the difference of the plain twins:


# %% tolerance="10 points"
def interval_of(after, before):
    interval = evaluation.mean_interval(difference(after, before))
    return f"{interval.low:+.0f} to {interval.high:+.0f} points"


print("training the local layers:", interval_of("own kernels", "own, frozen"))
print("adding batch norm:", interval_of("own + batch norm", "own kernels"))
print("sharing with it:", interval_of("one + batch norm", "own + batch norm"))

# %% tolerance="20 points"
plain_twins = difference("one kernel", "own kernels")
print(f"sharing without it: {plain_twins.mean():+.0f} points on average,", end=" ")
print(interval_of("one kernel", "own kernels"))

# %% [markdown]
# Read it with care; these are three runs on 800 pairs each, and most intervals are wide.
#
# - **The local layers stay nearly random**, with batch norm too: they moved by 2 to 5 % of their size, the same layers
#   with shared kernels by more than 20 %. Freezing them (tried without batch norm) cost about 2 points on strangers.
#   With batch norm, 16 times the parameters made no difference that we could see.
# - **Sharing alone is no cure.** The plain twin does move its shared layers, and was no better on strangers. So local
#   layers that stay random are not the whole answer.
# - **Batch norm**, with the last ReLU left out, was about 4 points ahead of the plain network with own kernels, shared or
#   not, on average of three runs; the interval is so wide that this is a hint and no proof. We did not try the two
#   changes one by one.
# - **Random features go a long way** on these photographs: the network that has learned nothing decided 78 % of the pairs
#   rightly.
#
# ### Explain: what would help the local layers?
#
# Suppose you may change one thing so that the local layers learn more: ten times as many photographs, ten times as many
# epochs, or photographs that are moved at random by up to ten pixels instead of three. What would each do to what a
# single local weight sees? Write two or three sentences before you unfold the answer.
#
# <details><summary>Model answer</summary>
#
# More photographs give each weight more different windows: ten times the data for the same question, which is what it
# lacks. More epochs show it the same windows again; the weights move further, and towards these few photographs. Moving
# the photographs brings more of each face past every position, so a weight sees more variety, but it also takes away what the
# layer is for: that the same part of a face is always at the same place.
#
# </details>
#
# ## Summary
#
# - A locally connected layer is a convolution with a kernel of its own at every position: the same multiply-adds, as
#   many times the weights as there are positions.
# - Local response normalisation has no weights, looks at one position only, and moves with the image. It is no
#   replacement.
# - A local weight is taught by one window of each photograph. With a few hundred photographs the local layers stay
#   nearly random; what the network learns, it learns around them.
# - With batch norm, and without the last ReLU, it did better on strangers on average. A twin with shared kernels did as
#   well, at the same cost and a sixteenth of the size.
#
# **Next**: [notebook 04e](04e_inception.ipynb) is another optional family, with blocks that branch. The core goes on with
# [notebook 05](05_center_loss_digits.ipynb), on the loss.
#
# ## What the papers report
#
# - Taigman et al. (2014, CVPR) report 97.35 % on LFW with an ensemble, after training on 4.4 million photographs of
#   4,030 people, turned to the front in 3-D; more than 120 million parameters, over 95 % of them in local and
#   fully connected layers.
# - Krizhevsky et al. (2012, NeurIPS, section 3.3) introduced local response normalisation with $n = 5$.
# - Basch et al. ("Face Recognition in Deep Learning with Minimal Resources", Table 1) print 127M parameters without and
#   157M with the classifier. The network at 152x152 has 102.4M without it; at 164x164 it has 128.6M.
