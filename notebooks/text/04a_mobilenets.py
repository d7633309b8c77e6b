# %% [markdown]
# # MobileNets: one convolution taken apart, three ways
#
# An ordinary 3x3 convolution that reads 256 channels and puts out 256 has more than half a million weights. Networks
# for phones put a block in its place that has less than an eighth of them. **What do they leave out, and what must they
# not leave out?** Three networks give three answers: MobileNetV1 splits the convolution in two, ShuffleNet cuts the
# larger half into groups, and MobileNetV2 turns the block inside out and drops a nonlinearity. All three were made to
# tell a thousand kinds of objects apart; the small face networks of this course are built from their parts.
#
# **What you will learn**
# - to read a layer table and turn it into a network, line by line;
# - to write the shuffle of ShuffleNet and the inverted residual of MobileNetV2;
# - why the narrow end of that block has no ReLU: first with a spiral, then in training;
# - what "below 1 MB" can mean, and what it cannot.
#
# **What you need before**: [notebook 02](02_train_and_verify.ipynb) (how a network is trained, and how many runs a claim
# needs) and [notebook 03](03_convolution_costs.ipynb) (what a convolution costs).
#
# **Time and place**: 1 minute to run, 125 minutes to read and do, 45 more for the open task. No GPU, no network, 1.1 GB of memory.

# %% tags=["imports"]
from math import comb

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

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

# %%
names = ("mobilenet_v1", "shufflenet", "mobilenet_v2")
v1, shufflenet, v2 = (backbones.create(name, seed=0) for name in names)
at_28 = {
    "3x3, 256 to 256": (nn.Conv2d(256, 256, 3, padding=1, bias=False), (256, 28, 28)),
    "3x3, 32 to 32": (nn.Conv2d(32, 32, 3, padding=1, bias=False), (32, 28, 28)),
    "block of MobileNetV1": (v1.body[4], (256, 28, 28)),
    "unit of ShuffleNet": (shufflenet.body[1], (240, 28, 28)),
    "block of MobileNetV2": (v2.body[4], (32, 28, 28)),
}
weights, work = {}, {}
for name, (block, shape) in at_28.items():
    counted = cost.count(block, shape[1:], in_channels=shape[0])
    weights[name] = counted.parameters / 1e3
    work[name] = counted.macs.conv_linear / 1e6
    print(f"{name}: {weights[name]:.0f} thousand parameters, {work[name]:.0f}M")

# %% [markdown]
# As bars, each panel in its own unit:

# %%
panels = {"parameters, thousands": weights, "multiply-adds, millions": work}
title = "At 28x28 each block costs a fraction of a 256-channel convolution"
alt = (
    "Two panels of five bars: the convolution of 256 channels is more than eight times "
)
alt += (
    "as long as any of the three blocks, that of 32 channels shorter than all of them."
)
viz.show(viz.bars(panels, title=title), alt=alt)
ordinary = [costs["3x3, 256 to 256"] for costs in (weights, work)]
costliest = [max(list(costs.values())[2:]) for costs in (weights, work)]

# %% tags=["guard"]
guard(
    "each block takes less than an eighth of the convolution of 256 channels",
    8 * costliest[0] < ordinary[0] and 8 * costliest[1] < ordinary[1],
    costliest=costliest,
    ordinary=ordinary,
)

# %% [markdown]
# The blocks are taken from the place where each network's map is 28x28. ShuffleNet's carries 240 channels,
# MobileNetV2's only 32. An ordinary 3x3 convolution from 32 to 32, the second bar, has $32 \cdot 32 \cdot 9 = 9216$
# weights, fewer than that block: MobileNetV2 saves between its blocks, not inside them.
#
# ## MobileNetV1: filter each channel, then mix
#
# An ordinary 3x3 convolution does two jobs at once: it looks around in space, and it mixes channels. MobileNetV1
# (Howard et al. 2017) gives each job to a convolution of its own: a **depthwise** 3x3, one filter for each channel, and
# a **pointwise** 1x1, which mixes. No convolution has a bias, and each is followed by batch norm and a ReLU.


# %%
def normed(c_in, c_out, kernel, stride=1, groups=1):
    """A convolution and its batch norm, without an activation."""
    options = {"padding": kernel // 2, "groups": groups, "bias": False}
    convolution = nn.Conv2d(c_in, c_out, kernel, stride, **options)
    return nn.Sequential(convolution, nn.BatchNorm2d(c_out))


def separable(c_in, c_out, stride):
    depthwise = normed(c_in, c_in, 3, stride, groups=c_in)
    return nn.Sequential(depthwise, nn.ReLU(), normed(c_in, c_out, 1), nn.ReLU())


# %% [markdown]
# The paper's table is then two columns: channels and stride. We change one number. ImageNet's pictures have 224x224
# pixels, aligned faces 112x112. The first convolution has stride 2 in the paper; for faces it gets stride 1, so that the
# last map is 7x7 in both cases. Chen et al. (2018) report "very poor accuracy" without that.

# %%
V1_TABLE = [
    # channels, stride
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
]


def my_mobilenet_v1():
    layers, channels = [normed(3, 32, 3), nn.ReLU()], 32
    for c, s in V1_TABLE:
        layers.append(separable(channels, c, s))
        channels = c
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


# %% [markdown]
# Drawn from the library's network, the table looks like this. A pile stands for several blocks of one kind; the first
# halves the map and doubles the channels. Compare the two columns of bars: which stages hold the parameters, and which do
# the work?

# %% tags=["illustration"]
title = "MobileNetV1 for faces, from the image to the embedding"
viz.show(*viz.network_diagram("mobilenet_v1", title=title))

# %% [markdown]
# The last two piles hold 96 % of the parameters; the first of them, at 14x14, does half of the work. But is our table
# that network? A strict test: give it the library's weights, in order, and compare the embeddings of the same images.
# A wrong shape shows at once, since the weights do not fit, and most wrong operations show in the embeddings. It is no
# proof: a ReLU6 in place of the very first ReLU passes unnoticed, since nothing reaches 6 there on these images.


# %%
def share_that_differs(mine, library):
    """The largest difference of the embeddings, in % of their largest number."""
    values = library.state_dict().values()
    mine.load_state_dict(dict(zip(mine.state_dict(), values, strict=True)))
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, *library.input_size, generator=generator)
    with torch.no_grad():  # batch norm of new weights keeps the signal only in training
        ours, theirs = mine.train()(images), library.train()(images)
    library.eval()
    return 100 * float((ours - theirs).abs().max() / theirs.abs().max())


v1_differs = share_that_differs(my_mobilenet_v1(), v1)
print(f"embeddings of {v1.embedding_dim} numbers; they differ by {v1_differs:.2f} %")

# %% tags=["guard"]
guard("our MobileNetV1 is the library's", v1_differs < 0.02, v1_differs=v1_differs)

# %% [markdown]
# ## Where the cost is
#
# Which layers make the network large, and which do most of the arithmetic? (Time is another matter.) We count the one
# that Howard et al. built for ImageNet: 224x224 pixels, and a fully connected layer to 1000 classes. What do you
# expect?

# %% tags=["predict"]
pointwise_guess = exercises.predict(
    ...,
    question="What share of the multiply-adds is in the 1x1 convolutions?",
    unit="%",
)


# %%
def kind(layer, network):
    if layer.kind == "linear":
        return "fully connected"
    module = network.get_submodule(layer.name)
    if module.kernel_size == (1, 1):
        return "1x1"
    return "3x3 depthwise" if module.groups > 1 else "3x3 of the image"


for_imagenet = {"input_size": 224, "stem_stride": 2, "embedding_dim": 1000}
original = backbones.create("mobilenet_v1", **for_imagenet)
counted = cost.count(original, (224, 224))
millions = counted.parameters / 1e6, counted.macs.conv_linear / 1e6
print(f"{millions[0]:.1f}M parameters, {millions[1]:.0f}M multiply-adds")

# %% [markdown]
# We add up by kind of layer, in per cent. (Batch norm is left out: it can be folded away.)

# %%
rows = []
for layer in counted.layers:
    if layer.kind in ("conv2d", "linear"):
        macs = layer.macs.conv_linear
        rows.append((kind(layer, original), layer.parameters, macs))
columns = ["kind", "parameters", "multiply-adds"]
by_kind = pd.DataFrame(rows, columns=columns).groupby("kind", sort=False).sum()
shares = 100 * by_kind / by_kind.sum()
print(shares.round(2).to_string())
pointwise = shares.loc["1x1"].to_dict()
pointwise_guess.reveal(pointwise["multiply-adds"], ".0f")

# %% tags=["guard"]
guard(
    "the paper's shares of the 1x1 convolutions are those that we count",
    abs(pointwise["multiply-adds"] - 95) < 0.5
    and abs(pointwise["parameters"] - 75) < 0.5,
    pointwise=pointwise,
)

# %% [markdown]
# Howard et al. (2017, Table 2) print 94.86 % of the multiply-adds and 74.59 % of the parameters; our count agrees to the
# nearest per cent. For the first convolution they print 1.19 % of the multiply-adds where we count 1.91 %: with ours the
# four shares add up to 100 %, with theirs they fall short of it. Filtering in space costs almost nothing. Nearly all of
# the work is in the 1x1 convolutions, which mix channels. To get cheaper still, a network must change those; the other
# two do.
#
# ## ShuffleNet: mix in groups, then deal the channels out
#
# A 1x1 convolution in three groups costs a third, since each output channel reads only a third of the inputs. But after
# two such convolutions a group still has not seen what the others saw. So between them ShuffleNet (Zhang et al. 2018)
# deals the channels out like cards: the first channel of each group, then the second of each group, and so on. That is
# a **channel shuffle**. Twelve channels in three groups, 0 to 3, 4 to 7 and 8 to 11, come out as 0, 4, 8, 1, 5, 9, 2, 6,
# 10, 3, 7, 11: any four neighbours now come from all three groups.
#
# ### Exercise 1: the shuffle
#
# Complete `shuffle` for maps of any number of images, and any number of groups that divides the channels. No loop is
# needed: with its channels in two axes, `x` has the shape (images, groups, channels of a group, height, width), and the
# rest happens to those axes. Return a tensor of the shape that came in. The solutions, with reasons, are in
# [solutions/04a_mobilenets.py](solutions/04a_mobilenets.py).


# %% tags=["exercise"]
def shuffle(x, groups):
    """Deal the channels of x (N, C, H, W) out; C is a multiple of groups."""
    ...


# %% tags=["check"]
def by_counting(x, groups):
    each = x.shape[1] // groups
    order = [group * each + place for place in range(each) for group in range(groups)]
    return x[:, order]


def draw_maps(rng):
    groups, of_each, n, h, w = rng.integers(1, [5, 5, 3, 4, 4])
    return torch.from_numpy(rng.normal(size=(n, groups * of_each, h, w))), int(groups)


cases = [(torch.arange(12.0).reshape(1, 12, 1, 1), 3)]
hints = (
    "The groups are the rows of a table. How is it read, if they are to be dealt out?",
    "`reshape` gives the channels two axes. Which two axes then change places?",
    "The last of the axes varies fastest: among the channels that must be the groups.",
)
exercises.check(shuffle, by_counting, cases, draw=draw_maps, hints=hints)

# %% [markdown]
# A unit of ShuffleNet: a grouped 1x1 convolution to a quarter of the channels, ReLU, the shuffle, a depthwise 3x3
# without ReLU, a grouped 1x1 back. Its input is added. Where the stride is 2, the input is averaged and put **beside**
# the result, so that only the missing channels have to be computed. The unit shuffles with your function, as soon as it
# is written.


# %%
def my_shuffle(x, groups):
    mine = shuffle(x, groups)
    return mine if torch.is_tensor(mine) else by_counting(x, groups)


# %%
class Unit(nn.Module):
    def __init__(self, c_in, c_out, stride, first_groups):
        super().__init__()
        hidden, computed = c_out // 4, c_out - c_in if stride == 2 else c_out
        self.squeeze = normed(c_in, hidden, 1, groups=first_groups)
        self.filter = normed(hidden, hidden, 3, stride, groups=hidden)
        self.expand = normed(hidden, computed, 1, groups=3)
        self.stride = stride

    def forward(self, x):
        out = my_shuffle(torch.relu(self.squeeze(x)), 3)
        out = self.expand(self.filter(out))
        if self.stride == 1:
            return torch.relu(x + out)
        averaged = F.avg_pool2d(x, 3, 2, padding=1)
        return torch.relu(torch.cat((averaged, out), 1))


# %% [markdown]
# Its table has channels and repeats; only the first unit of a row has stride 2. The very first unit reads just 24
# channels, and does not group its first convolution. For faces the stem gets stride 1, as in V1.

# %%
SHUFFLENET_TABLE = [(240, 4), (480, 8), (960, 4)]  # channels, repeats; for 3 groups


def my_shufflenet():
    layers, channels = [normed(3, 24, 3), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)], 24
    for c, n in SHUFFLENET_TABLE:
        for repeat in range(n):
            stride = 2 if repeat == 0 else 1
            layers.append(Unit(channels, c, stride, 1 if channels == 24 else 3))
            channels = c
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


shufflenet_differs = share_that_differs(my_shufflenet(), shufflenet)
print(f"embeddings of {shufflenet.embedding_dim} numbers", end="; ")
print(f"they differ by {shufflenet_differs:.2f} %")

# %% tags=["guard"]
guard(
    "our ShuffleNet is the library's",
    shufflenet_differs < 0.02,
    shufflenet_differs=shufflenet_differs,
)

# %% [markdown]
# ## MobileNetV2: wide inside, narrow outside
#
# The third answer is to send fewer channels from block to block. A residual block of ResNet is wide at its ends and narrow
# in the middle. Sandler et al. (2018) invert it, and call the result an **inverted residual**: few channels travel between
# the blocks; each block **expands** them t times by a 1x1 convolution, **filters** the many by a depthwise 3x3, and
# **projects** them back to few by another 1x1. The activation after expanding and after filtering is ReLU6, a ReLU cut off
# at 6, which was chosen for arithmetic in few bits. After the projection there is none: the narrow end of the block is
# linear, a **linear bottleneck**. Why, the next section shows. Where the shape is kept, the block adds its input.
#
# The next cell draws small convolutions with random weights, so that you can try your block before there is a network.


# %% tags=["imports"]
def drawn(rng, *sizes, **options):
    convolution = nn.Conv2d(*sizes, **options)
    for weight in convolution.parameters():
        weight.data = torch.from_numpy(rng.normal(scale=2, size=tuple(weight.shape)))
    return convolution


def draw_block(rng):
    """An input, and the three convolutions of a block."""
    c_in, t, stride = (int(number) for number in rng.integers(1, 4, size=3))
    c_out, hidden = int(rng.choice([c_in, c_in + 1])), t * c_in
    expand = drawn(rng, c_in, hidden, 1) if t > 1 else None
    depthwise = drawn(rng, hidden, hidden, 3, stride, 1, groups=hidden)
    x = torch.from_numpy(rng.normal(scale=2, size=(2, c_in, 4, 4)))
    return x, expand, depthwise, drawn(rng, hidden, c_out, 1)


# %% [markdown]
# ### Exercise 2: the block
#
# Complete `inverted_residual`. It gets three convolutions, each with its batch norm and **without** an activation. `expand`
# is None in a block that expands by 1. Return what the block puts out.


# %% tags=["exercise"]
def inverted_residual(x, expand, depthwise, project):
    """Run one block on x (N, C, H, W)."""
    ...


# %% tags=["check"]
def by_steps(x, expand, depthwise, project):
    steps = [expand, nn.ReLU6()] if expand is not None else []
    out = nn.Sequential(*steps, depthwise, nn.ReLU6(), project)(x)
    return torch.add(out, x) if out.shape == x.shape else out


hints = (
    "Which of the three convolutions is followed by `F.relu6`, and which is not?",
    "What is there to expand where `expand` is None? Filter x as it came.",
    "Which two shapes must agree before x can be added to the result?",
)
exercises.check(inverted_residual, by_steps, [], draw=draw_block, hints=hints)

# %% [markdown]
# The class makes the three convolutions, and runs them by your function.


# %%
class InvertedResidual(nn.Module):
    def __init__(self, c_in, c_out, t, stride):
        super().__init__()
        hidden = t * c_in
        self.expand = normed(c_in, hidden, 1) if t > 1 else None
        self.depthwise = normed(hidden, hidden, 3, stride, groups=hidden)
        self.project = normed(hidden, c_out, 1)

    def forward(self, x):
        parts = self.expand, self.depthwise, self.project
        mine = inverted_residual(x, *parts)
        return mine if torch.is_tensor(mine) else by_steps(x, *parts)


# %% [markdown]
# The table has four columns: expansion t, channels c, repeats n, and the stride s of the first repeat. Kumar et al. put
# an embedding of 128 numbers on top. We build this one for 224x224 with the paper's stride 2; `mobilenet_v2_face` below
# is Chen et al.'s, for 112x112: stride 1, and the 1280 averages are the embedding.

# %%
V2_TABLE = [
    # t, c, n, s
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


# %%
def my_mobilenet_v2(table=V2_TABLE, stem=32, last=1280):
    layers, channels = [normed(3, stem, 3, stride=2), nn.ReLU6()], stem
    for t, c, n, s in table:
        for repeat in range(n):
            layers.append(InvertedResidual(channels, c, t, s if repeat == 0 else 1))
            channels = c
    layers += [normed(channels, last, 1), nn.ReLU6()]
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, 128)
    return nn.Sequential(*layers, *head)


v2_differs = share_that_differs(my_mobilenet_v2(), v2)
print(f"embeddings of {v2.embedding_dim} numbers; they differ by {v2_differs:.2f} %")

# %% tags=["guard"]
guard("our MobileNetV2 is the library's", v2_differs < 0.02, v2_differs=v2_differs)

# %% [markdown]
# The three blocks of the first figure, drawn. Follow the number of channels down each column: V1's block is equally wide
# all the way, ShuffleNet's is narrow inside, and V2's is wide inside and narrow at its ends.

# %% tags=["illustration"]
blocks = {name: at_28[name] for name in list(at_28)[2:]}
viz.show(*viz.block_diagram(blocks, title="One block of each network, at 28x28"))

# %% [markdown]
# ## What a ReLU does to few channels
#
# Why is the narrow end linear? Sandler et al. (2018, Figure 1) show it with a spiral. Its points have two numbers each. A
# random matrix $T$ turns the two into $n$ channels, a ReLU sets what is below zero to zero, and the inverse of $T$ (for
# $n > 2$ its pseudo-inverse) brings the channels back to the plane:
#
# $$\hat x = \max(x\,T,\ 0)\; T^{-1} .$$


# %%
angle = np.linspace(0.5, 5 * np.pi, 600)
spiral = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) / angle[-1]
third = np.repeat([0, 1, 2], 200)  # the inner, the middle and the outer third


def there_and_back(points, matrix):
    channels = np.maximum(points @ matrix, 0)
    return channels @ np.linalg.pinv(matrix)


panels = {"the spiral": (spiral, third)}
for n in (2, 3, 5, 15, 30):
    matrix = np.random.default_rng(1).normal(size=(2, n))
    panels[f"through a ReLU on {n} channels"] = there_and_back(spiral, matrix), third

# %%
title = "On few channels a ReLU crushes parts of the spiral onto lines; "
title += "on thirty it survives"
figure = viz.feature_plane(
    panels,
    ["inner third", "middle third", "outer third"],
    title=title,
    axis_label="coordinate",
    share=True,
)
alt = "Six panels: a spiral; what two and three channels leave of it, with large parts "
alt += "crushed onto lines; and the spiral again, smaller and bent, from 15 and 30."
viz.show(figure, alt=alt)
outside = 100 * (there_and_back(spiral, np.eye(2)) == 0).all(axis=1).mean()
print(f"through the plane's own two axes {outside:.0f} % of the points end at 0, 0")

# %% tags=["guard"]
guard(
    "through two channels a good part of the spiral ends in one point",
    outside > 15,
    outside=outside,
)

# %% [markdown]
# With two channels whole arcs fall onto a line or a point. With thirty the spiral is smaller and a little bent, but
# every point is still somewhere else than every other.
#
# The picture can be put in numbers. A channel that is above zero after the ReLU gives one linear equation for the
# point. A point of the plane has two unknowns, so **two channels above zero are enough to find it**, and with fewer it is
# **lost**: other points give the same channels.
#
# ### Exercise 3: the share that is lost
#
# Complete `share_lost` for points with any number of coordinates: a point is lost when fewer of its channels are above
# zero than it has coordinates. Return the share of lost points, between 0 and 1. The channels are `points @ matrix`, before
# the ReLU.


# %% tags=["exercise"]
def share_lost(points, matrix):
    """points (N, D), matrix (D, n) -> a number."""
    ...


# %% tags=["check"]
def one_by_one(points, matrix):
    alive = [sum(float(np.dot(point, c)) > 0 for c in matrix.T) for point in points]
    return sum(count < points.shape[1] for count in alive) / len(points)


def draw_points(rng):
    n, dim, channels = rng.integers(1, [12, 4, 8])
    sizes = (n, dim), (dim, channels)
    return tuple(rng.integers(-2, 3, size=size).astype(float) for size in sizes)


cases = [(np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]]), np.eye(2))]
hints = (
    "Count, for each point, the channels above zero. Along which axis is that?",
    "With what is this count compared? Points need not have two coordinates.",
    "The mean over all points of a yes or no is a share.",
)
exercises.check(share_lost, one_by_one, cases, draw=draw_points, hints=hints)

# %% [markdown]
# Before you look: with three channels, which share of the spiral is lost, on average over many random matrices?

# %% tags=["predict"]
lost_guess = exercises.predict(
    ..., question="Points of the spiral lost on three channels?", unit="%"
)


# %% tolerance="0.1 points, 0.01"
def my_share_lost(points, matrix):
    mine = share_lost(points, matrix)
    return one_by_one(points, matrix) if mine is None else mine


rng, few = np.random.default_rng(0), spiral[::10]
lost, error = {}, {}
for n in (2, 3, 5, 15, 30):
    matrices = [rng.normal(size=(2, n)) for _ in range(300)]
    lost[n] = 100 * np.mean([my_share_lost(few, matrix) for matrix in matrices])
    off = [np.linalg.norm(there_and_back(few, m) - few) for m in matrices]
    error[n] = float(np.median(off) / np.linalg.norm(few))
expected = {n: 100 * (1 + n) / 2**n for n in lost}
table = pd.DataFrame({"lost, %": lost, "expected, %": expected, "error": error})
print(table.rename_axis("channels").round(2).to_string())
lost_guess.reveal(lost[3], ".0f")

# %% tags=["guard"]
guard(
    "half is lost on three channels, next to nothing on fifteen, as coin throws say",
    abs(lost[3] - 50) < 5
    and lost[15] < 0.5
    and max(abs(lost[n] - expected[n]) for n in lost) < 5,
    lost=lost,
    expected=expected,
)

# %% [markdown]
# A random channel is above zero for a point as often as a coin shows heads. So the expected share is the chance that
# $n$ coins show heads fewer than twice, $(1 + n) / 2^n$, and the measured shares agree. The last column is the distance
# of $\hat x$ from $x$, as a share of the spiral's size. It does not fall to zero, because $T^{-1}$ undoes a matrix and
# no ReLU. As $\max(z, 0) = (z + |z|)/2$, what comes back is half of each point, and a bending that nearly cancels over
# many channels: on 30 the points are mostly halved, and none is lost. (All this concerns the cut at zero. ReLU6 has a second
# one, at 6, which can only lose more.)
#
# The same coins say what happens inside the block and at its narrow end. Suppose that 16 channels travel between the
# blocks and all 16 numbers matter. Expanded sixfold, a point has 96 channels, of which 16 must be above zero. At the
# narrow end there are 16, of which 16 must be.


# %%
def chance_lost(coins, needed):
    """The chance that fewer coins than needed show heads."""
    return sum(comb(coins, heads) for heads in range(needed)) / 2**coins


inside_lost = 100 * chance_lost(6 * 16, 16)
outside_lost = 100 * chance_lost(16, 16)
print(f"a ReLU on the {6 * 16} channels inside loses {inside_lost:.4f} % of all points")
print(f"a ReLU on the 16 channels between blocks loses {outside_lost:.3f} %")

# %% tags=["guard"]
guard(
    "inside nothing is lost, at the narrow end nearly everything loses something",
    inside_lost < 1e-4 and outside_lost > 99.9,
    inside_lost=inside_lost,
    outside_lost=outside_lost,
)

# %% [markdown]
# Inside the block there are six times as many channels as numbers to carry, and a ReLU loses next to nothing. At the
# narrow end there are just as many channels as numbers, and nearly every point loses something.
#
# Why, then, does MobileNetV1 get by with a ReLU after every 1x1 convolution? What counts is how many numbers must be
# carried, not how many channels there are. Its 256 channels need not hold 256 independent numbers, while a bottleneck of 16
# has been squeezed until there is less to spare. That all 16 of them matter is our assumption.
#
# That is an argument about random matrices. A trained network may arrange its channels so that little is lost: it could
# even push all of them above zero. So the argument has to be tested in training.
#
# ## In training: linear or ReLU6 at the narrow end
#
# The test is small, so that it can be repeated often. Networks of five of these blocks learn to name MNIST digits,
# shrunk to 14x14; named means classified correctly. They differ in one thing: after each projection stands nothing, or
# a ReLU6, which has no weights. Both start from the same weights and see the same batches.

# %%
digits, test_digits = (part.resized(14, 14) for part in data.digits())
digits = digits.subset(range(0, 4000, 2))
BATCH, EPOCHS, RATE = 50, 3, 0.05


def narrow_network(end, channels, seed):
    """Five of your blocks with so many channels between them; `end` follows a block."""
    torch.manual_seed(seed)
    layers = [normed(1, 6 * channels, 3, stride=2), nn.ReLU6()]
    layers += [normed(6 * channels, channels, 1), end()]
    for stride in (1, 1, 2, 1, 1):
        block = InvertedResidual(channels, channels, 6, stride)
        block.project.append(end())
        layers.append(block)
    layers += [normed(channels, 64, 1), nn.ReLU6()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


# %%
def digits_named(end, channels, seed):
    """Train a network, and return the share of test digits that it names, in %."""
    net = narrow_network(end, channels, seed)
    criterion = losses.Softmax(64, digits.n_classes, seed=seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(weights, lr=RATE, momentum=0.9, weight_decay=5e-4)
    steps = EPOCHS * len(digits) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "seed": seed}
    recipe |= {"schedule": schedule, "precision": "32-true"}
    training.fit(net, criterion, digits, optimizer=optimizer, **recipe)
    with torch.no_grad():
        embeddings = net.eval()(data.normalise(test_digits.images))
        logits = criterion(embeddings, test_digits.labels).logits
    return 100 * (logits.argmax(1) == test_digits.labels).float().mean().item()


# %% [markdown]
# One pair, live, with 16 channels between the blocks:

# %% tolerance="3 points"
for name, end in (("linear", nn.Identity), ("ReLU6", nn.ReLU6)):
    print(f"{name}: {digits_named(end, 16, seed=0):.0f} % of the test digits named")

# %% [markdown]
# One run of each is an example and no result: another seed, or a processor that rounds differently, moves either number
# by a point or two, and the difference is only a few. So the comparison was run with twelve seeds and recorded, for 4
# and for 16 channels. In half of the networks the benchmark drops the `x +` of the block, which could carry past the
# ReLU6 what it loses.

# %% tolerance="0.1"
found = record("linear_bottleneck")
print(found["command"], "| recorded on", found["date"])
runs = pd.DataFrame(found["figures"]["runs"])
runs["named"] = 100 * runs["test"]
of_setting = runs.groupby(["channels", "shortcut", "end"])["named"]
print(of_setting.agg(["mean", "std", "count"]).round(1).to_string())

# %% [markdown]
# Seed by seed, linear minus ReLU6, with Student's interval (notebook 02):

# %%
by_seed = runs.pivot(index="seed", columns=["channels", "shortcut", "end"])["named"]
gain, reach, low = {}, {}, {}
for channels, shortcut in ((4, False), (4, True), (16, False), (16, True)):
    name = f"{channels} channels, {'with' if shortcut else 'without'} shortcuts"
    pairs = by_seed[channels, shortcut]
    gain[name] = (pairs["linear"] - pairs["relu6"]).to_numpy()
    span = evaluation.mean_interval(gain[name])
    reach[name], low[name] = (span.low, span.high), span.low
    mean, ahead = gain[name].mean(), int((gain[name] > 0).sum())
    print(f"{name}: linear {mean:+.1f} points ({span.low:+.1f} to {span.high:+.1f}),")
    print(f"    and ahead in {ahead} of {len(pairs)} pairs")

# %%
figure = viz.seeds_and_means(
    gain,
    reach,
    title="In points, a ReLU6 at the narrow end costs most where channels are few",
    xlabel="digits named, linear minus ReLU6, points (bar: 95 % interval)",
)
alt = "Four rows of twelve dots. The four intervals lie right of zero: furthest with 4 "
alt += "channels and no shortcuts, nearest with 16 channels and shortcuts."
viz.show(figure, alt=alt)
means = {name: float(points.mean()) for name, points in gain.items()}

# %% tags=["guard"]
guard(
    "linear leads in all settings, by more with 4 channels and without shortcuts",
    min(low.values()) > 1
    and means["4 channels, without shortcuts"] > means["4 channels, with shortcuts"]
    and means["16 channels, without shortcuts"] > means["16 channels, with shortcuts"]
    and means["4 channels, with shortcuts"] > means["16 channels, with shortcuts"],
    low=low,
    means=means,
)

# %% [markdown]
# Two more differences, again seed by seed and in points: what do the shortcuts save, and what do more channels save?

# %%
WORDS, saved = ("without", "with"), {}
for n in (4, 16):
    bare, bridged = (gain[f"{n} channels, {word} shortcuts"] for word in WORDS)
    saved[f"shortcuts, {n} channels"] = bare - bridged
for word in WORDS:
    few, many = (gain[f"{n} channels, {word} shortcuts"] for n in (4, 16))
    saved[f"16 channels instead of 4, {word} shortcuts"] = few - many
saved_low = {}
for name, points in saved.items():
    span = evaluation.mean_interval(points)
    saved_low[name] = span.low
    print(f"{name}: {points.mean():.1f} points ({span.low:.1f} to {span.high:.1f})")

# %% tags=["guard"]
guard(
    "shortcuts and channels both save, and every interval excludes zero",
    min(saved_low.values()) > 0,
    saved_low=saved_low,
)

# %% [markdown]
# In points, a ReLU6 costs more with four channels. But with four channels the networks make more errors anyway. So we
# measure its cost as a factor, too: by how much does it multiply the errors? We take the mean of the factor's logarithm over
# the seeds, and turn that back into a factor.


# %%
def as_factor(logarithms):
    span = evaluation.mean_interval(logarithms)
    return np.exp([logarithms.mean(), span.low, span.high])


logs, factors = {}, {}
for n in (4, 16):
    for shortcut, word in enumerate(WORDS):
        errors = 100 - by_seed[n, bool(shortcut)]
        logs[n, word] = np.log(errors["relu6"] / errors["linear"]).to_numpy()
        factors[f"errors, {n} channels, {word} shortcuts"] = as_factor(logs[n, word])
    relief = logs[n, "without"] - logs[n, "with"]
    factors[f"saved by shortcuts, {n} channels"] = as_factor(relief)
fewer = logs[4, "without"] - logs[16, "without"]
factors["4 channels instead of 16, without shortcuts"] = as_factor(fewer)
for name, (factor, low_end, high_end) in factors.items():
    print(f"{name}: times {factor:.1f} ({low_end:.1f} to {high_end:.1f})")

# %% tags=["guard"]
guard(
    "a ReLU6 multiplies the errors in all settings",
    min(low_end for name, (_, low_end, _) in factors.items() if "errors" in name) > 1.1,
    factors=factors,
)

# %% [markdown]
# A ReLU6 at the narrow end cost digits in every setting, and in all pairs but one: in points between 22, with four
# channels and no shortcuts, and 3, with sixteen and shortcuts. As a factor, it multiplies the errors by 1.8 with four
# channels and by 1.9 with sixteen, both without shortcuts, and by 1.5 and 1.4 with them. So with four channels it costs
# more digits, but twelve seeds do not show that it multiplies the errors by more. Shortcuts help on both scales with
# sixteen channels; with four, the interval of the factor still holds 1. There is a reason why they should help: the
# block adds its input behind the ReLU6, so part of what is cut off travels on beside it. Sandler et al. (2018, section
# 3.2) note it themselves: with shortcuts "the information loss is actually less strong".
#
# One caveat: all these networks were trained for three epochs, and such short runs do not separate lost information from
# slower learning, since a ReLU6 also blocks gradients where it cuts off. It can learn to stay between zero and six, where
# it does nothing, and longer training may give it time.
#
# ### Explain: the same number of channels
#
# The first convolution of MobileNetV1 puts out 32 channels, followed by a ReLU; nobody worries about that. Why is a ReLU
# on 32 channels harmless there, and harmful at the end of a block that puts out 32 channels? Write two sentences before
# you unfold the answer.
#
# <details><summary>Model answer</summary>
#
# What counts is not the number of channels, but how many there are for each number that has to be carried. At stride 1
# each place brings 3 new numbers and receives 32 channels; the rest of its window repeats what its neighbours have. Few
# numbers are spread over many channels, and enough of those are above zero. A projection squeezes the many channels
# inside the block into 32 that are all needed, so whatever a ReLU cuts off is gone.
#
# </details>
# %% [markdown]
# ## Beside the published numbers
#
# Chen et al. (2018, Table 2) trained all three on faces, as baselines for MobileFaceNet. They print the parameters; we add
# the other costs of notebook 03. "Folded" is what is left when every batch norm has become a bias of the convolution
# before it. Numbers and multiply-adds are in millions.

# %%
PRINTED = {
    "mobilenet_v1": 3.2,
    "shufflenet": 0.83,
    "mobilenet_v2_face": 2.1,
    "mobilenet_v2_face_gdconv": 2.1,
}
rows = []
for name, printed in PRINTED.items():
    total = cost.count(backbones.create(name), (112, 112))
    numbers = total.parameters, total.folded_parameters, total.macs.conv_linear
    sizes = total.fp32_bytes, total.peak_fp32_bytes
    rows.append((name, printed, *(number / 1e6 for number in (*numbers, *sizes))))
columns = ["network", "printed", "counted", "folded", "MACs", "file MB", "peak MB"]
cards = pd.DataFrame(rows, columns=columns).set_index("network")
over = (100 * (cards["folded"] / cards["printed"] - 1)).tolist()
print(cards.round(2).to_string())
for name, percent in zip(PRINTED, over, strict=True):
    print(f"{name}: folded {percent:+.1f} % against the printed number")

# %% tags=["guard"]
guard(
    "V1 agrees, and the other three have up to a tenth more than printed",
    abs(over[0]) < 1 and min(over[1:]) > 4 and max(over[1:]) < 10,
    over=over,
)

# %% [markdown]
# V1 agrees. The other three do not: built to the tables of Zhang et al. and Sandler et al. they have more parameters
# than Chen et al. print, by either count. We do not know what was left out. The gap is below a tenth, and the order by
# size stays. Still, **count before you quote**.
#
# "Peak" is the memory of the activations at the worst moment. MobileNetV2 has the fewest channels between its blocks, and
# still the highest peak: its first blocks expand while the map is large.
#
# The last row replaces the average of the 7x7 map by one learned weight for each place of each channel, a **global
# depthwise convolution** (notebook 03). It costs almost nothing here and is the idea of the next notebook.
#
# ## Below one megabyte
#
# Kumar et al. put 128 numbers on top of MobileNetV2 and report a "model size less than 1MB". They do not say how. There
# are three knobs to turn: the **width** (a factor for all channels), the channels of the **last** convolution, which
# MobileNetV2 keeps at 1280 however narrow it gets, and the **bytes** of a number: four as trained, in float32, and one
# when it is rounded to an **int8**, a whole number in 8 bits (notebook 12 does that).
#
# ### Exercise 4: multiples of eight
#
# A width times a number of channels is seldom whole, so the channel counts of a narrower network are rounded; and processors
# like channels in multiples of eight. MobileNetV2 rounds `width * channels` to the **nearest** multiple of 8, half up, and
# takes at least 8. If that lost more than a tenth of the channels, it takes the next multiple. Write it for one positive
# number, and return a whole number. Your network will be narrowed by it below.


# %% tags=["exercise"]
def in_eights(channels): ...


# %% tags=["check"]
def by_search(channels):
    multiples = range(8, int(channels) + 17, 8)
    nearest = min(multiples, key=lambda m: (abs(m - channels), -m))
    return min(m for m in multiples if m >= max(nearest, 0.9 * channels))


def draw_channels(rng):
    is_half = rng.random() < 0.5
    return (float(4 * rng.integers(1, 60)) if is_half else rng.uniform(0.5, 60),)


cases = [(16.0,), (11.0,), (44.0,), (52.0,), (1.6,), (33.6,), (19.0,)]
hints = (
    "Three rules, in this order: the nearest multiple, at least 8, the tenth.",
    "The nearest multiple, half up: add 4, and round down to a multiple of 8.",
    "Ask only the multiple that you would take whether it is below 0.9 * channels.",
)
exercises.check(in_eights, by_search, cases, draw=draw_channels, hints=hints)

# %% [markdown]
# Now your MobileNetV2 gets narrower: its table and its stem pass through your function, as soon as it is written. A file of
# weights also holds the running statistics of batch norm; the column `fp32` below includes them. Four widths with 1280 last
# channels, and one with fewer:


# %%
def eights(channels):
    mine = in_eights(channels)
    return by_search(channels) if mine is None else mine


def megabytes(width, last_channels):
    """Parameters, and the size in MB with four bytes and with one byte per number."""
    table = [(t, eights(width * c), n, s) for t, c, n, s in V2_TABLE]
    with torch.device("meta"):  # shapes without memory: nothing else matters here
        net = my_mobilenet_v2(table, eights(width * 32), last_channels)
    parameters = sum(p.numel() for p in net.parameters())
    buffers = sum(b.numel() for b in net.buffers() if b.is_floating_point())
    return parameters, 4 * (parameters + buffers) / 1e6, parameters / 1e6


# %%
SETTINGS = [(1.0, 1280), (0.5, 1280), (0.25, 1280), (0.1, 1280), (0.25, 320)]
sizes = pd.DataFrame(SETTINGS, columns=["width", "last channels"])
sizes["parameters"], sizes["fp32 MB"], sizes["int8 MB"] = zip(
    *(megabytes(*setting) for setting in SETTINGS), strict=True
)
print(sizes.round(2).to_string(index=False))
fp32, int8 = sizes["fp32 MB"].tolist(), sizes["int8 MB"].tolist()
off = []
for (width, last), parameters in zip(SETTINGS, sizes["parameters"], strict=True):
    with torch.device("meta"):
        other = backbones.create("mobilenet_v2", width=width, last_channels=last)
    off.append(abs(sum(p.numel() for p in other.parameters()) - parameters))
print("parameters more or fewer than the library's networks:", max(off))

# %% tags=["guard"]
guard(
    "int8 fits up to half the width, float32 only with fewer last channels",
    int8[0] > 1 > int8[1] and min(fp32[:4]) > 1 > fp32[4] and max(off) == 0,
    fp32=fp32,
    int8=int8,
    off=off,
)

# %% [markdown]
# The full network takes nearly ten megabytes. "Below 1 MB" cannot mean that one, even in int8. It can mean **int8 and
# less than a million parameters**, or **float32 with less than 250k**. A tenth of the width misses that by forty-eight
# parameters, and with its statistics by 3 %; it fits if a megabyte has $2^{20}$ bytes. Most of what is left there are
# the 1280 last channels and their embedding layer. With two bytes per number the limit is half a million, which a quarter
# of the width meets.
#
# Where exactly do the curves cross 1 MB?

# %%
WIDTHS = [0.1, 0.15, 0.25, 0.35, 0.5, 0.75, 1.0]
curves = {
    "float32, 1280 last channels": [megabytes(width, 1280)[1] for width in WIDTHS],
    "float32, 320 last channels": [megabytes(width, 320)[1] for width in WIDTHS],
    "int8, 1280 last channels": [megabytes(width, 1280)[2] for width in WIDTHS],
}
figure = viz.lines(
    curves,
    WIDTHS,
    title="float32 gets below 1 MB only with fewer last channels",
    xlabel="width of MobileNetV2 with 128 numbers",
    ylabel="weights in MB",
    references={"1 MB": 1.0},
    log_y=True,
)
alt = "Three curves; float32 gets below 1 MB only on the one with 320 last channels."
viz.show(figure, alt=alt)
wide, narrow = (list(curves.values())[n][0] for n in (0, 1))

# %% tags=["guard"]
guard(
    "float32 stays above 1 MB with 1280 last channels, and falls below with 320",
    wide > 1 > narrow,
    wide=wide,
    narrow=narrow,
)

# %% [markdown]
# ### Open task: a network for your budget (45 minutes)
#
# Build a face network from these parts for a budget that you set yourself, say three hundred thousand parameters and
# twenty million multiply-adds at 112x112. Write a `(t, c, n, s)` table of your own, with the stem, the last channels
# and the size of the embedding, build it with `InvertedResidual`, and count it with
# `cost.count(net, (112, 112), in_channels=1)`: ORL's photographs are grey. (A stem of 32 channels at stride 1 takes nearly
# four million multiply-adds, and every block works on the large map until one has stride 2.) Then make a second table of
# the same budget that spends it otherwise (more channels and fewer blocks, or a smaller t), and say what you expect of each
# before you train both. A run takes about a minute, here for an embedding of 128 numbers:
#
# ```python
# faces = data.orl_faces().resized(112, 112)
# learn, judge = data.split_by_identity(faces, n_test=10, seed=seed)
# criterion = losses.Softmax(128, learn.n_classes, seed=seed)
# weights = [*net.parameters(), *criterion.parameters()]
# optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9, weight_decay=5e-4)
# schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=72)
# recipe = {"optimizer": optimizer, "schedule": schedule, "epochs": 12, "seed": seed}
# training.fit(net, criterion, learn, batch_size=50, **recipe)
# pairs = data.verification_pairs(judge.labels, 900, seed=seed)
# embeddings = training.embed(net, judge)
# scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
# print(evaluation.kfold_accuracy(scores, pairs.same).mean)
# ```
#
# | points | for |
# |---|---|
# | 2 | a budget written down first, and a table that meets it: parameters, multiply-adds and peak memory |
# | 2 | a second table of the same budget, and a sentence on where it spends the budget otherwise |
# | 2 | a prediction before training, with a reason from this notebook |
# | 3 | both trained on the same splits with at least three seeds; the paired difference with its interval |
# | 1 | one sentence on how large a difference your runs could have found |

# %% [markdown]
# ## Summary
#
# - A layer table is a program. Ours gives the library's embeddings with the library's weights, for three networks.
# - In MobileNetV1 nearly all of the work is in the 1x1 convolutions. ShuffleNet leaves out mixing across groups, and
#   must make up for it by the shuffle; MobileNetV2 leaves out channels between blocks, and must keep that narrow end
#   linear.
# - A ReLU keeps what it is given when there are many more channels than numbers to carry. On as many channels as
#   numbers it loses something of nearly every point, which is why the narrow end of the block has none. In short
#   training, a ReLU6 there cost between 3 and 22 points and multiplied the errors by 1.4 to 1.9: as a factor, about as much
#   with 16 channels as with 4.
# - Three of Chen et al.'s four parameter counts are lower than the networks' tables give. To stay below a million bytes
#   a narrower network also needs fewer bytes per number, or a smaller last convolution.
#
# **Next**: [notebook 04b](04b_mobilefacenet.ipynb) builds the network of this course from the same parts.
#
# ## What the papers report
#
# - Howard et al. (2017), *MobileNets*, Table 2: 94.86 % of the multiply-adds and 74.59 % of the parameters in 1x1
#   convolutions. Their Table 1 prints stride 2 for the last depthwise convolution, though its map stays 7x7; we build
#   stride 1, which keeps it so.
# - Sandler et al. (2018), *MobileNetV2*: section 3.2 says that nonlinear layers in bottlenecks hurt the performance "by
#   several percent", and a footnote there that shortcuts make the loss less strong; Figure 6a compares the two on ImageNet,
#   as curves without a table, and section 6.4 notes that the linear network is the less powerful one, since a ReLU6 can
#   learn to stay in its linear range.
# - Chen et al. (2018), *MobileFaceNets*, Table 2, trained on CASIA-WebFace with ArcFace; LFW and AgeDB-30 in per cent:
#   MobileNetV1 98.63 and 88.95, ShuffleNet 98.70 and 89.27, MobileNetV2 98.58 and 88.81, the same with a global
#   depthwise convolution 98.88 and 90.67. ShuffleNet's 0.83M is 1.1M in another version of the paper.
# - Kumar et al., *Memory Optimized Deep Learning based Face Recognition*, Table 1: 1 MB, 128 numbers, LFW 86.32 % with
#   softmax and 88.10 % with center loss, trained on VGGFace2.
