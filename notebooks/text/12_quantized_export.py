# %% [markdown]
# # Quantised export: a file under one megabyte
#
# A trained network is a long list of numbers, each in 32 bits. A phone or a browser wants it small and quick.
# **Quantisation** writes the numbers in 8 bits: a quarter of the bytes, and arithmetic on integers. It takes a few
# lines and a minute. It also takes choices, and one of them makes this course's model say that all people are the
# same.
#
# **What you will learn**
# - what 8 bits hold, in a few lines of your own, and to find those very numbers in the file that the course ships;
# - why each channel of a weight has its own scale, and how one channel that does nothing can ruin all others;
# - how the ranges of activations are measured: on which images, how many, and what to clip;
# - why ReLU costs nothing in 8 bits and PReLU so much;
# - what 8 bits do to genuine and impostor scores, and to the threshold;
# - when it pays to train in 8 bits, and whether to save on bits or on width;
# - to export a network, to quantise it, and to hold the file against a budget.
#
# **What you need before**: notebooks 03, 04b and 10.
#
# **Time and place**: 1 minute to run, 45 minutes to read and do. No GPU, no network, about 2 GB of memory.

# %% tags=["imports"]
import json
import tempfile
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import torch
from onnxruntime.quantization.quant_utils import compute_scale_zp
from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from course_lib import (
    alignment,
    backbones,
    cost,
    data,
    evaluation,
    exercises,
    export,
    losses,
    training,
    viz,
    weights,
)
from course_lib.backbones.blocks import ConvUnit, InvertedBottleneck

# %% [markdown]
# ## A number in 8 bits
#
# Eight bits tell 256 values apart. We space them evenly. Two numbers say where they lie: the **scale** $s$ is the step
# from one to the next, and the **zero point** $z$ is the integer that stands for 0. To write a number down, count its
# steps from 0, round, and clip what is out of range:
#
# $$q = \mathrm{clip}\left(\mathrm{round}(x / s) + z\right), \qquad \hat{x} = s \, (q - z).$$
#
# Within the range the error is half a step at most. Beyond it, the error is whatever was clipped. So $s$ is a
# bargain: a large one rounds coarsely, a small one clips much. Weights lie on both sides of 0; they get $z = 0$ and
# **signed** integers, from $-127$ to $127$, and their largest takes the largest integer. Activations get **unsigned**
# ones, from 0 to 255, and a zero point.
#
# The figure has real weights, one filter of the model that this course ships, in order of size. Batch norm is folded
# into the convolutions (notebook 03, exercise 2), for that is what runs.
#
# And does the course ship what these lines make? Its model in 8 bits is an ONNX file, which holds the integers, and
# beside them scales and zero points. We compare all convolutions.


# %%
def quantise(x, scale, zero=0, bits=8, signed=True):
    lowest, highest = (
        (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    )
    return np.clip(np.round(x / scale) + zero, lowest, highest)


def dequantise(q, scale, zero=0):
    return scale * (q - zero)


def scales(weight, bits=8, per_channel=True):
    largest = np.abs(weight).max(axis=(1, 2, 3) if per_channel else None, keepdims=True)
    return np.where(largest > 0, largest / (2 ** (bits - 1) - 1), 1).astype(np.float32)


# %%
MODEL = "mobilefacenet_075_relu"
network = weights.load(MODEL)
folded = export.folded(network)
weight_of = {
    name: m.weight.detach().numpy()
    for name, m in folded.named_modules()
    if isinstance(m, nn.Conv2d)
}


def staircase(bits):
    exact = np.sort(weight_of["body.3.expand.0"][5].ravel())
    scale = scales(exact.reshape(1, -1, 1, 1), bits).item()
    rounded = dequantise(quantise(exact, scale, bits=bits), scale)
    assert np.abs(rounded - exact).max() <= scale / 2 * 1.001
    title = (
        f"{bits} bits tell {2**bits - 1} values apart: no error above {scale / 2:.2g}"
    )
    curves, axes = (
        {"32 bits": exact.tolist()},
        {"xlabel": "weight, in order", "ylabel": "value"},
    )
    return viz.lines(
        curves | {f"{bits} bits": rounded.tolist()},
        range(len(exact)),
        title=title,
        **axes,
    )


viz.show(
    staircase(4),
    alt="A rising curve of 48 weights, and a staircase of at most fifteen levels along it.",
)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(staircase, range(2, 9), label="bits", start=4)

# %%
held, differ = onnx.load(weights.int8_file(MODEL)).graph.initializer, 0
stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in held}
for name, weight in weight_of.items():
    scale, theirs = scales(weight), stored[f"{name}.weight_quantized"]
    assert np.allclose(stored[f"{name}.weight_scale"], scale.ravel(), rtol=1e-5)
    differ += np.sum(
        quantise(weight, scale) != theirs
    )  # 0, unless this processor folds otherwise in the last digit
    assert differ <= 6 and np.all(
        np.abs(dequantise(theirs, scale) - weight) <= 0.501 * scale
    )  # half a step
print(f"in all {len(weight_of)} convolutions the scales and the integers are ours")

# %% [markdown]
# Why do integers help, beyond the space? A convolution, too, can be computed in them, since the scales come out of
# the sum:
#
# $$y = \sum_i x_i w_i \approx s_x s_w \sum_i (q_{x,i} - z) \, q_{w,i}.$$
#
# Inside is a sum of products of bytes, and a processor does many of those at once. Mind where $s_w$ stands. It may
# differ from one **output** channel to the next, since each has a sum of its own. It may not differ within a sum.
#
# ## One scale for each channel, or one for all
#
# One scale for a whole weight would be simpler: *per tensor* in place of *per channel*. But it must reach to the
# largest weight of all channels. A channel whose weights are all below half of that step becomes zeros. Here is a
# depthwise layer, where each channel has nine weights of its own. (In a 1x1 convolution each output is mixed from all
# channels, and the ranges stay alike.)
#
# There are weights above a thousand. We look at what such a channel is given, and for that we need faces. As in
# notebook 10, the photographs of ORL are doubled in size and aligned. Twenty people are for measuring, the other
# twenty for testing.

# %%
LAYER = "body.7.depthwise.0"
largest = {
    name: np.abs(weight).max(axis=(1, 2, 3)) for name, weight in weight_of.items()
}
lost = {
    name: np.mean(channels < channels.max() / 254) for name, channels in largest.items()
}
falling = np.sort(largest[LAYER])[::-1].tolist()
curves = {
    "largest weight of the channel": falling,
    "half a step, one scale for all": [falling[0] / 254] * 192,
}
axes = {"xlabel": "channel, in order", "ylabel": "absolute weight", "log_y": True}
title = f"One scale for all rounds {lost[LAYER]:.0%} of these channels to nothing"
alt = "Two channels have weights above a thousand, all others lie around one, far below the line of half a step."
viz.show(viz.lines(curves, range(1, 193), title=title, **axes), alt=alt)
bad = [name for name in weight_of if lost[name] > 0.5]
print("layers that lose more than half of their channels:", ", ".join(bad))
assert lost[LAYER] > 0.95 and all(weight_of[name].shape[1] == 1 for name in bad)

# %%
orl = data.orl_faces()
photographs = [
    np.pad(image[0].numpy(), 20, mode="edge").repeat(2, 0).repeat(2, 1)
    for image in orl.images
]
crops = alignment.align_many(photographs, alignment.MTCNN(min_face=60))
aligned = replace(
    orl,
    images=torch.stack(
        [torch.from_numpy(crop.image).permute(2, 0, 1) for crop in crops]
    ),
)
others, test = data.split_by_identity(aligned, n_test=20, seed=0)


def inputs_of(layers, faces, look):
    """What ``look`` says of the inputs (N, C, H, W) of these layers."""

    def note(seen, _, given):
        seen.append(look(given[0]))

    found = {name: [] for name in layers}
    places = {name: folded.get_submodule(name) for name in layers}
    handles = [
        places[name].register_forward_pre_hook(partial(note, seen))
        for name, seen in found.items()
    ]
    training.embed(folded, faces, batch_size=50)
    for handle in handles:
        handle.remove()
    return {name: torch.cat(seen).numpy() for name, seen in found.items()}


depthwise = [name for name, weight in weight_of.items() if weight.shape[1] == 1]
seen = inputs_of(depthwise, others, lambda x: x.abs().amax((2, 3)))
loudest = {
    name: values.max(axis=0) for name, values in seen.items()
}  # the largest input of each channel
for name in bad:
    times, given = (
        largest[name].max() / np.median(largest[name]),
        loudest[name][largest[name].argmax()],
    )
    print(
        f"{name:18} largest weight over 300 times the median: {times > 300}; its input on all faces: {given:g}"
    )
    assert times > 300 and given == 0

# %% [markdown]
# They are given **nothing**. The unit before such a channel never fires: after its ReLU it is 0 on every face. Batch
# norm, in training, saw no variance there and divides by $\sqrt{\varepsilon}$, which makes the folded weights
# hundreds of times larger. In 32 bits nobody notices: they multiply zeros. With one scale for all, a channel that
# does nothing sets the step for those that work. (Sheng et al. 2018 found the same in MobileNetV1.)
#
# How many bits do weights need, then? We round the weights alone: per channel, per tensor, and per tensor after the
# silent channels were emptied. The **equal error rate** (notebook 10) says how well strangers are told apart.


# %%
def in_bits(bits, per_channel=True, emptied=False):
    """The folded network with rounded weights, and activations in 32 bits."""
    rounded = deepcopy(folded)
    for name, weight in weight_of.items():
        if emptied and name in loudest:
            weight = np.where(loudest[name][:, None, None, None] == 0, 0, weight)
        scale = scales(weight, bits, per_channel)
        weight = dequantise(quantise(weight, scale, bits=bits), scale)
        rounded.get_submodule(name).weight.data = torch.from_numpy(weight)
    return rounded


def alike(some, others):
    """The cosine of each embedding (N, D) to that of the same face."""
    rows = np.arange(len(some))
    return evaluation.cosine_scores(
        np.concatenate([some, others]), rows, len(rows) + rows
    )


half = test.subset(list(range(0, len(test), 2)))
left, right = np.triu_indices(len(half), k=1)
exact, same = (
    training.embed(folded, half),
    (half.labels[left] == half.labels[right]).numpy(),
)
BITS, ways = (4, 5, 6, 8), {"per channel": {}, "per tensor": {"per_channel": False}}
ways["per tensor, silent channels emptied"] = {"per_channel": False, "emptied": True}
found = {
    name: [training.embed(in_bits(bits, **way), half) for bits in BITS]
    for name, way in ways.items()
}


# %%
def error_rate(embeddings):
    return (
        100
        * evaluation.eer(evaluation.cosine_scores(embeddings, left, right), same).rate
    )


curves = {
    name: [error_rate(embeddings) for embeddings in by_bits]
    for name, by_bits in found.items()
}
axes = {"xlabel": "bits of a weight", "ylabel": "equal error rate, %"}
title = "Per channel, weights do with 5 bits; per tensor, not with 8"
alt = "Per channel falls to near zero at 5 bits, per tensor stays near 50 per cent, with silence emptied it falls at 8."
viz.show(
    viz.lines(
        curves | {"32 bits": [error_rate(exact)] * 4},
        list(map(str, BITS)),
        title=title,
        **axes,
    ),
    alt=alt,
)
channel, tensor, emptied = curves.values()
assert (
    channel[0] > 10
    and max(channel[1:]) < 2
    and min(tensor) > 40
    and emptied[-1] < 5 < min(emptied[:-1])
)
close = {
    bits: bool(alike(one, exact).mean() > 0.9)
    for bits, one in zip(BITS, found["per channel"], strict=True)
}
print("per channel, mean cosine to the embeddings in 32 bits above 0.9:", close)
assert close == {4: False, 5: False, 6: True, 8: True}

# %% [markdown]
# So silence is most of the trouble, and unequal channels are the rest. One scale for each channel costs a few bytes and
# cures both. Mind the last line: with 5 bits the network still tells people apart, but its embeddings point elsewhere.
# Whoever enrolled people in 32 bits would have to enrol them again.
#
# ## Activations: ranges are measured
#
# A weight is known when the file is written. An activation depends on the face. So one runs some faces, notes the
# range of each activation, and fixes scale and zero point by it: **calibration**. Which range? *MinMax* takes the
# smallest and the largest value seen. A *percentile* clips what lies beyond, so that a bright spot on one face does
# not make the step coarser for all. We watch both at one layer, while the faces become more.
#
# Then we write files. `export.to_onnx` folds batch norm and writes the network in 32 bits; `export.quantize` runs the
# faces and writes it in 8. Once with 16 faces and the percentile, and once, to see what faces are worth, with
# **noise**.

# %%
LAYER, COUNTS = "body.4.project.0", (1, 2, 5, 10, 20, 50, 100)
shuffled = others.images[
    torch.randperm(len(others), generator=torch.Generator().manual_seed(0))
]
values = inputs_of([LAYER], shuffled[: COUNTS[-1]], lambda x: x.flatten(1))[LAYER]
most, percentile = (
    [float(end(values[:n])) for n in COUNTS]
    for end in (np.max, partial(np.quantile, q=0.9999))
)
axes = {"xlabel": "faces", "ylabel": "end of the range"}
title = "One odd face moves the largest value; the percentile stays"
alt = "The largest value rises in steps from 34 to 54; the percentile stays near 23 for one face and for a hundred."
curves = {"largest value": most, "99.99th percentile": percentile}
viz.show(viz.lines(curves, list(map(str, COUNTS)), title=title, **axes), alt=alt)
assert most[-1] > 1.4 * most[0] and max(percentile) < 1.2 * min(percentile)

workspace = tempfile.TemporaryDirectory(
    ignore_cleanup_errors=True
)  # it goes when the notebook ends
folder = Path(workspace.name)
fp32 = export.to_onnx(network, folder / "fp32.onnx")
by_faces = export.quantize(
    fp32, data.normalise(shuffled[:16]).numpy(), folder / "int8.onnx"
)
noise = np.random.default_rng(0).uniform(-1, 1, (16, 3, 112, 112)).astype(np.float32)
by_noise = export.quantize(
    fp32, noise, folder / "noise.onnx", scheme=export.Scheme(percentile=None)
)
files = {
    "32 bits": fp32,
    "8 bits, as shipped": weights.int8_file(MODEL),
    "8 bits, our faces": by_faces,
}
files["8 bits, noise"] = by_noise
embeddings = {
    name: export.Runtime(file, threads=1).embed(test) for name, file in files.items()
}
close = [
    name
    for name, found in embeddings.items()
    if alike(found, embeddings["32 bits"]).mean() > 0.96
]
print("mean cosine to 32 bits above 0.96:", "; ".join(close))
assert close == list(files)[:3]

# %% [markdown]
# The shipped file was calibrated on 256 of the photographs that the model had been trained on, in colour and of
# hundreds of people. Sixteen grey ones of twenty people do nearly as well. Noise does not.
#
# ## The same on LFW
#
# The next record has the shipped model by many ways to quantise, each with three draws of the images that the ranges
# are measured on. First the scale: per channel or per tensor, and again with silent channels emptied. Then, per
# channel, three ways to clip, 16 to 256 faces, and four kinds of images.


# %%
def recorded(name):
    record = json.loads(Path(f"../benchmarks/records/{name}.json").read_text())
    print(record["command"], "| recorded on", record["date"])
    return record["figures"]


def wrong(run):
    """Wrong decisions in 100 of a run, with their interval; None if there is no run."""
    return run and tuple(
        100 - 100 * share
        for share in (run["interval"][1], run["accuracy"], run["interval"][0])
    )


choices = recorded("int8_choices")
runs, in_32_bits = (
    pd.DataFrame(choices["runs"]).fillna({"percentile": 100}),
    choices["fp32"],
)
low, high = in_32_bits["interval"]
right = f"{in_32_bits['accuracy']:.1%} of 1,000 pairs right, 95 % interval {low:.1%} to {high:.1%}"
print(f"32 bits: {in_32_bits['bytes']:,} bytes, {right}")
for (per_channel, silenced), some in runs.groupby(["per_channel", "silenced"]):
    name = f"per {'channel' if per_channel else 'tensor'}{', silent emptied' if silenced else ''}"
    shares = f"{some['accuracy'].min():.1%} to {some['accuracy'].max():.1%} right"
    print(
        f"{name:27} {len(some):2} files, at most {some['bytes'].max():,} bytes: {shares}"
    )
tensor = runs.query("not per_channel and not silenced")
assert tensor["accuracy"].max() < 0.52 and tensor["impostor_moved"].min() > 0.9
assert runs.query("per_channel")["accuracy"].between(low, high).all()

# %%
CLIPS = {100.0: "MinMax", 99.9: "99.9th percentile", 99.99: "99.99th percentile"}


def by_calibration(some, column, values, title, xlabel, alt):
    """Show the mean cosine for each value of a column, in the band of the three draws; return the means."""
    table = some.query("per_channel and not silenced").groupby([column, "percentile"])[
        "cosine"
    ]
    means, low, high = (
        found.unstack().loc[values]
        for found in (table.mean(), table.min(), table.max())
    )
    bands = {
        name: (low[clip].tolist(), high[clip].tolist()) for clip, name in CLIPS.items()
    }
    curves, axes = (
        {name: means[clip].tolist() for clip, name in CLIPS.items()},
        {"xlabel": xlabel, "bands": bands},
    )
    ylabel = "mean cosine to 32 bits, LFW"
    viz.show(
        viz.lines(curves, list(map(str, values)), title=title, ylabel=ylabel, **axes),
        alt=alt,
    )
    return means


title, xlabel = (
    "How one clips matters more than how many faces one has",
    "faces to calibrate on",
)
alt = "Three curves, the 99.99th percentile on top: two hardly change from 16 to 256 faces, MinMax falls a little."
counts = by_calibration(
    runs.query("images == 'faces'"), "count", [16, 64, 256], title, xlabel, alt
)
title, xlabel = (
    "Faces, even drawn ones, show the ranges; noise does not",
    "64 images of this kind to calibrate on",
)
alt = "Three curves: photographs, drawn faces and grey photographs of ORL lie close together, noise far below."
sources = ["faces", "drawn faces", "ORL", "noise"]
kinds = by_calibration(runs.query("count == 64"), "images", sources, title, xlabel, alt)
best, between = counts[99.99], (counts.max() - counts.min()).max()
assert (
    (best > counts[100.0]).all()
    and (counts[100.0] > counts[99.9]).all()
    and counts[100.0].is_monotonic_decreasing
)
assert (
    between < 0.5 * (best - counts[99.9]).min()
    and kinds[:3].min().min() > kinds.loc["noise"].max() + 0.04
)

# %% [markdown]
# Per tensor, this model is worthless by whatever images: each decision is a coin's. The scores of impostors have
# moved up by nearly 1, so everybody has the same embedding. Emptied silence gives most of it back, and a scale for
# each channel all.
#
# More faces do not help: 16 are enough, and MinMax, whose range only grows, gets **worse** with them. Clip one value
# in ten thousand, not one in a thousand. The images must be faces, but need not be photographs: drawn ones do, so
# nobody has to be asked for consent. And what is all that worth? Per channel, the accuracies of all files lie in the
# interval of 32 bits, those of noise included. The cosine is the finer instrument: it sees a change before a thousand
# pairs do.
#
# ## Activation by activation
#
# Behind a convolution usually stands a nonlinearity. What becomes of it in 8 bits? Take ReLU. Its range begins at 0,
# so the zero point is 0. But then clipping at 0 **is** the ReLU: a convolution that writes unsigned bytes has done
# it. ReLU6 clips at the other end as well.
#
# PReLU multiplies negative numbers by a slope, one for each channel. That is no clipping. Somebody must write a
# kernel for it in 8 bits; or else the numbers go back to 32, through PReLU, and to 8 again. What does ONNX Runtime
# do? Before it runs a network it rewrites the graph for the processor, and can save what it made. We ask it, for
# three inverted bottlenecks with each nonlinearity. Operations in 8 bits end in an 8.

# %%
x = np.random.default_rng(0).normal(size=1000)
assert np.array_equal(
    quantise(x, 0.02, signed=False), quantise(np.maximum(x, 0), 0.02, signed=False)
)
NONLINEAR = {
    "ReLU": lambda c: nn.ReLU(),
    "ReLU6": lambda c: nn.ReLU6(),
    "leaky ReLU": lambda c: nn.LeakyReLU(0.25),
}
NONLINEAR |= {
    "PReLU": nn.PReLU,
    "swish": lambda c: nn.SiLU(),
    "h-swish": lambda c: nn.Hardswish(),
}


class Bottlenecks(nn.Sequential):
    in_channels, input_size = 3, (28, 28)

    def __init__(self, nonlinearity):
        torch.manual_seed(0)
        blocks = [InvertedBottleneck(64, 64, expansion=2, stride=1) for _ in range(3)]
        super().__init__(
            ConvUnit(3, 64, 1, activation="linear"),
            *blocks,
            nn.AvgPool2d(28),
            nn.Flatten(),
        )
        for unit in self.modules():
            if isinstance(unit, ConvUnit) and isinstance(unit[2], nn.PReLU):
                unit[2] = nonlinearity(unit[0].out_channels)


def as_run(file):
    """The operations of the graph that ONNX Runtime makes of a file."""
    options, place = onnxruntime.SessionOptions(), folder / "as_run.onnx"
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    )
    options.optimized_model_filepath, options.log_severity_level = str(place), 3
    onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    short = {"QuantizeLinear": "[to 8]", "DequantizeLinear": "[to 32]"}
    names = [node.op_type for node in onnx.load(place).graph.node]
    return [
        short.get(name, name[7:] + "8" if name.startswith("QLinear") else name)
        for name in names
    ]


def call(file):
    return partial(export.Runtime(file, threads=1).forward, images[:1])


images = torch.rand(16, 3, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1

# %%
calls, chains = {}, {}
for name, nonlinearity in NONLINEAR.items():
    wide = export.to_onnx(Bottlenecks(nonlinearity).eval(), folder / "wide.onnx")
    narrow = export.quantize(
        wide,
        images.numpy(),
        folder / "narrow.onnx",
        scheme=export.Scheme(percentile=None),
    )
    chains[name] = as_run(narrow)
    calls |= {(name, 32): call(wide), (name, 8): call(narrow)}
    print(
        f"{name:10}", *chains[name][2 : chains[name].index("Add8") + 1]
    )  # the first bottleneck
assert chains["ReLU"] == chains["ReLU6"] and [
    chains[n].count("[to 32]") for n in ("ReLU", "PReLU")
] == [1, 7]

# %%
times = {name: found.minimum for name, found in cost.latency(calls, rounds=50).items()}
panels = {
    f"milliseconds in {bits} bits": {name: times[name, bits] for name in NONLINEAR}
    for bits in (32, 8)
}
slower = {bits: times["PReLU", bits] / times["ReLU", bits] for bits in (32, 8)}
title = (
    f"Three bottlenecks: in 8 bits PReLU takes {slower[8]:.1f} times as long as ReLU"
)
alt = "Two panels of bars for six nonlinearities. PReLU is by far the slowest in both; ReLU is quickest in 8 bits."
viz.show(viz.bars(panels, title=title), alt=alt)
print(
    "PReLU takes over twice as long as ReLU in 32 bits, and over three times in 8:",
    slower[32] > 2 and slower[8] > 3,
)
assert slower[32] > 2 and slower[8] > 3

# %% [markdown]
# Expand, filter, project, add. With ReLU that is all, in 8 bits. With PReLU, each nonlinearity makes **three** more
# operations, and its numbers are rounded twice. Leaky ReLU, one slope for all channels, has a kernel in 8 bits: a
# table says what each of 256 bytes becomes. A slope for each channel would take a table for each. The swishes take a
# sigmoid and a product, and the sigmoid of h-swish is not there in 8 bits.
#
# Read the times in two directions. From 32 to 8 bits the convolutions become quicker, so whatever does not weighs
# more: with a swish the gain is eaten up. And from ReLU to PReLU: it is slow **already in 32 bits**. It multiplies
# once for each number, as leaky ReLU does, which is quick. So it is not the arithmetic but this runtime's kernel, for
# slopes that differ by channel. Another runtime may have a better one: measure on the one that you ship. This course
# ships ReLU.
#
# ## Genuine and impostor scores
#
# What counts in the end is the score of a pair, and the threshold. First LFW, from the record: 32 bits, 8 bits, and 8
# bits with ranges from noise. Then ORL. There we take the threshold that lets in one impostor pair in a hundred by
# the scores in 32 bits, and for 8 bits either keep it or choose it again.

# %%
default = {"per_channel": True, "percentile": 99.99, "silenced": False, "draw": 0}
lfw = {"32 bits": in_32_bits}
for name, kind, count in (("8 bits", "faces", 256), ("8 bits, noise", "noise", 64)):
    choice = default | {"images": kind, "count": count}
    (lfw[name],) = (run for run in choices["runs"] if choice.items() <= run.items())
middles = choices["settings"]["edges"][1::2]  # two bins are taken together
curves = {
    f"{kind}, {name}": (
        100 * np.array(run[kind]).reshape(-1, 2).sum(axis=1) / sum(run[kind])
    ).tolist()
    for name, run in lfw.items()
    for kind in ("genuine", "impostor")
}
axes = {"xlabel": "score", "ylabel": "share of the pairs of a kind, %"}
title = "8 bits leave the heaps in place; bad ranges bring them closer"
alt = "Two heaps, impostors around 0 and genuine pairs around 0.7; 8 bits follow 32, and noise brings the heaps closer."
viz.show(viz.lines(curves, middles, title=title, **axes), alt=alt)
for name in list(lfw)[1:]:
    moved = lfw[name]["genuine_moved"], lfw[name]["impostor_moved"]
    print(
        f"{name:14} mean score of genuine pairs {moved[0]:+.3f}, of impostor pairs {moved[1]:+.3f}"
    )
    assert moved[0] < 0 < moved[1]

# %%
left, right = np.triu_indices(len(test), k=1)
same = (test.labels[left] == test.labels[right]).numpy()
scores = {
    name: evaluation.cosine_scores(found, left, right)
    for name, found in embeddings.items()
}
chosen = {
    name: evaluation.threshold_at(0.01, found, same).threshold
    for name, found in scores.items()
}
rates = {}
for name, found in scores.items():
    for which, threshold in (
        ("kept", chosen["32 bits"]),
        ("chosen again", chosen[name]),
    ):
        far, tar = (100 * np.mean(found[kind] >= threshold) for kind in (~same, same))
        rates[name, which] = {"FAR": far, "TAR": tar}
rates = pd.DataFrame(rates).T
lower = rates.TAR["32 bits", "kept"] - rates.TAR > 1
assert rates.FAR["8 bits, noise", "kept"] < 0.5 and lower.tolist() == [False] * 6 + [
    True,
    False,
]
pd.DataFrame(
    {
        "FAR below 1 %": rates.FAR < 1,
        "FAR below 0.5 %": rates.FAR < 0.5,
        "TAR over a point lower": lower,
    }
)

# %% [markdown]
# Rounding adds a little noise to each embedding: two photographs of one person become a little less alike, two
# strangers a little more. With good ranges that hardly matters. With bad ones the kept threshold is too strict: fewer
# strangers get in than asked for, and people are turned away. Most of that is no loss of the model, and comes back
# with a threshold of its own. So choose it again, on the file that you ship; you cannot know beforehand whether you
# had to.
#
# ## PTQ against QAT
#
# So far we did **post-training quantisation**, PTQ: train, then round. The weights never knew. In
# **quantisation-aware training**, QAT, the network computes with rounded numbers while it learns, and can adapt. One
# thing is in the way: rounding is a staircase, and its slope is 0 nearly everywhere. So one rounds on the way forth,
# and on the way back pretends that one has not. That is the **straight-through estimator**, $w + (\hat w - w)$, where
# no gradient flows through the bracket.
#
# To see a difference we go down to **two bits**: each weight of a channel is minus one, zero or plus one step. A
# small network for digits is trained in 32 bits, and its weights are rounded (PTQ). Or it trains on for an epoch with
# `Rounded` weights (QAT). For a fair comparison it also trains that epoch in 32 bits, and is rounded then.
#
# `training.fit(..., quantize=True)` does this for all weights and activations, in 8 bits and by the rules of
# `export.quantize`. It runs here on the digits. In the record the shipped model was tuned for some more steps towards
# its teacher, in 32 bits and in 8, and tested on LFW.


# %%
class Rounded(nn.Module):
    """A weight (out, ...), rounded per channel to so many bits; its gradient passes as if it were not."""

    def __init__(self, bits):
        super().__init__()
        self.bits = bits

    def forward(self, weight):
        exact = weight.detach().reshape(len(weight), -1, 1, 1).numpy()
        scale = scales(exact, self.bits)
        rounded = torch.from_numpy(
            dequantise(quantise(exact, scale, bits=self.bits), scale)
        )
        return weight + (rounded.reshape(weight.shape) - weight).detach()


w = torch.randn(5, 30, generator=torch.Generator().manual_seed(0)).requires_grad_()
(3 * Rounded(2)(w)).sum().backward()
assert len(Rounded(2)(w)[0].unique()) == 3 and w.grad.unique().tolist() == [3]
digits, unseen = data.digits()
lenet = backbones.create(
    "lenet_plus_plus", feature_dim=32, width=0.25, batch_norm=True, seed=0
)


def trained(net, criterion, epochs=1, rate=0.002, **more):
    optimizer = torch.optim.AdamW([*net.parameters(), *criterion.parameters()], lr=rate)
    steps = epochs * len(training.Batches(digits, 100))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    options = {
        "optimizer": optimizer,
        "schedule": schedule,
        "epochs": epochs,
        "batch_size": 100,
    }
    training.fit(net, criterion, digits, precision="32-true", **options, **more)
    return net, criterion


def rounded_to(bits, net, criterion):
    net, criterion = deepcopy((net, criterion))
    for layer in [
        layer for layer in net.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))
    ]:
        register_parametrization(layer, "weight", Rounded(bits))
    return net, criterion


def share_right(net, criterion):
    with torch.inference_mode():
        logits = criterion(
            torch.from_numpy(training.embed(net, unseen)), unseen.labels
        ).logits
    return (logits.argmax(1) == unseen.labels).float().mean().item()


# %%
start = trained(lenet, losses.Softmax(32, 10, seed=0), epochs=2, rate=0.01)
ways = {
    "32 bits": start,
    "PTQ, 2 bits": rounded_to(2, *start),
    "PTQ, 8 bits": rounded_to(8, *start),
}
ways["an epoch more, then PTQ, 2 bits"] = rounded_to(2, *trained(*deepcopy(start)))
ways["an epoch of QAT, 2 bits"] = trained(*rounded_to(2, *start))
ways["an epoch of QAT by fit, 8 bits"] = rounded_to(
    8, *trained(*deepcopy(start), quantize=True)
)
read = {name: share_right(*way) for name, way in ways.items()}
print(
    *(
        f"{name:32} more than 93 % right: {share > 0.93}"
        for name, share in read.items()
    ),
    sep="\n",
)
assert (
    read["PTQ, 8 bits"] > read["32 bits"] - 0.01
    and read["an epoch of QAT, 2 bits"] > read["PTQ, 2 bits"] + 0.05
)

# %%
table = pd.DataFrame(recorded("ptq_qat")["runs"]).eval("accuracy = 100 * accuracy")
in_8, in_32 = (
    table.query(f"way == 'tuned in {bits}' and bits == '8, per channel'")
    for bits in ("8 bits", "float")
)
gain = evaluation.paired_difference(in_8["accuracy"], in_32["accuracy"])
print(
    f"tuned in 8 bits minus tuned in 32, run in 8: {gain.low:+.1f} to {gain.high:+.1f} points (95 % interval)"
)
assert (
    gain.low < 0 < gain.high
    and table.query("bits == '8, per tensor'")["accuracy"].max() < 52
)
table.groupby(["way", "bits"])["accuracy"].agg(
    lambda each: f"{each.min():.1f} to {each.max():.1f}"
).unstack()

# %% [markdown]
# In 8 bits there is nothing to mend, for digits or for faces: what QAT gains cannot be told from zero. In two bits
# there is, and it mends it. Nor does it help per tensor, since it was rounded per channel while it learned, and the
# silent channels are still there.
#
# ## Width against bits
#
# Bytes can be saved in two ways: fewer bits for each weight, or fewer weights. In the last record all students
# learned from the same teacher, on the same photographs, in the same number of steps. Two of them take equal bytes: a
# wide one in 8 bits, and a narrow one in 32. These were trained with three seeds, the others with one.

# %%
networks = recorded("width_bits")["runs"]
spans, gains = {}, {"ReLU 0.75, 8 bits": [], "ReLU 0.27, 32 bits": []}
for run in networks:
    kind = "PReLU" if run["network"] == "mobilefacenet" else "ReLU"
    for bits, words in (("fp32", "32 bits"), ("int8", "8 bits")):
        name, found = f"{kind} {run['width']:g}, {words}", run[bits]
        gains.setdefault(name, []).append(100 * found["accuracy"])
        span = (
            100 * share
            for share in (found["interval"][0], found["accuracy"], found["interval"][1])
        )
        spans.setdefault(
            f"{found['bytes'] / 1e6:.2f} MB: {name}", tuple(span)
        )  # the first seed
gain = evaluation.paired_difference(*list(gains.values())[:2])
title = f"At equal bytes, wide and 8 bits is worth {gain.low:.0f} to {gain.high:.0f} points more"
xlabel = "LFW View 1, accuracy in % (bar: 95 % interval, one seed)"
alt = "Eight networks by size, width 0.27 to 0.75; at about 0.85 MB the wide one in 8 bits is far ahead."
viz.show(
    viz.estimates(dict(sorted(spans.items())), title=title, xlabel=xlabel), alt=alt
)
print(
    f"wide and 8 bits minus narrow and 32, three seeds: {gain.low:.1f} to {gain.high:.1f} points (95 % interval)"
)
first = {
    run["network"]: run["int8"]
    for run in networks
    if run["width"] == 0.75 and run["seed"] == 0
}
turned = {name: np.degrees(np.arccos(found["cosine"])) for name, found in first.items()}
print(
    "8 bits turn an embedding by",
    *(f"{angle:.0f} degrees ({name})" for name, angle in turned.items()),
)
assert gain.low > 5 and turned["mobilefacenet"] > 1.8 * turned["mobilefacenet_relu"]

# %% [markdown]
# No doubt here: take the wide network, and 8 bits. Rounding costs little, if anything; narrowing costs much. And
# PReLU? In 32 bits it is level with ReLU. In 8 its embeddings turn twice as far away; what that costs in accuracy,
# one seed cannot say.
#
# ## The file, and a budget
#
# Now you have all it takes: ReLU, batch norm folded, a scale for each channel, ranges from faces. `export.report`
# sets files side by side: bytes on disk, memory for activations, time, and errors on pairs of ORL's twenty people
# that nothing was measured on. The first file is what the others are compared with: the last column has the accuracy
# with **its** thresholds. (Folds of such pairs share people, which is good enough to compare files, and for nothing
# else: notebook 10.)
#
# Does a file fit? That depends on what the megabytes are for. On a microcontroller weights stay in flash memory, and
# only activations take RAM. On a computer both do. `fits` wants to be told.
#
# Last, the big comparison, from a record: the shipped file against its own 32 bits in two runtimes, against its
# teacher, and against a network that many would take, Inception-ResNet-v1 (notebook 04e), for time and size only. One
# thread, photographs of LFW, all in turns.

# %%
tried = data.PairedFaces(test, data.verification_pairs(test.labels, 1600, seed=0), ())
report = export.report(
    {name: files[name] for name in list(files)[:3]}, tried, rounds=30
)
title = "A third of the bytes, a quarter of the memory, about as many errors"
alt = "Four panels of three bars: 8 bits take a third of the bytes, a quarter of the activations, similar errors."
viz.show(viz.bars(report.panels(), title=title), alt=alt)
wide, *narrow = report.values()
assert all(
    file.bytes < 1_000_000
    and 4 * file.peak_activation_bytes == wide.peak_activation_bytes
    for file in narrow
)
assert all(file.accuracy.interval.overlaps(wide.accuracy.interval) for file in narrow)

# %% tags=["nbval-ignore-output"] skip_reason="milliseconds differ from run to run"
print(report, "\n")
for budget in ("1MB", "2MB"):
    for including in (False, True):
        verdict = report["8 bits, our faces"].fits(budget, including_weights=including)
        print(f"fits {budget} {'with' if including else 'without'} weights: {verdict}")
assert verdict and not report["8 bits, our faces"].fits("1MB", including_weights=True)
assert not wide.fits("2MB", including_weights=True)

# %%
exported = recorded("exported")
size, spent, tested = exported["bytes"], exported["milliseconds"], exported["view1"]
panels = {
    "megabytes of weights": {name: n_bytes / 1e6 for name, n_bytes in size.items()}
}
panels["milliseconds a face"] = {name: spent[name]["median"] for name in size}
panels["wrong decisions in 100 pairs, LFW View 1"] = {
    name: wrong(tested.get(name)) for name in size
}
alt = "Bars for five ways to embed a face: ours in 8 bits is smallest and quickest, its teacher has the fewest errors."
viz.show(
    viz.bars(
        panels,
        title="The shipped file is smallest and quickest; its teacher errs least",
    ),
    alt=alt,
)
assert (
    list(size)[0]
    == min(size, key=size.get)
    == min(spent, key=lambda name: spent[name]["median"])
)

# %% [markdown]
# The shipped file is in front by far in bytes and time, and two wrong pairs in a thousand behind its own 32 bits,
# which the intervals cannot tell apart. Its teacher is better, and larger and slower: it looks twice, at the face and
# at its mirror image. (Inception-ResNet-v1 has random weights here, so it has no errors to show.)
#
# ONNX Runtime is not the only way. With the extras `[executorch]` and `[litert-export]`, `export.to_executorch` and
# `export.to_litert` write files for phones, and `export.Runtime` runs them all the same. And in the browser: `make web`
# opens a page that compares two photographs with this very file, on your device, and uploads nothing.
#
# ## Exercises
#
# Solutions: [solutions/12_quantized_export.py](solutions/12_quantized_export.py).
#
# ### Exercise 1: scale and zero point
#
# Activations from `low` to `high` become unsigned bytes. Return the scale, and the zero point as an integer. The
# range must hold 0, since padding is 0 and has to stay so exactly: if it does not, widen it.


# %% tags=["exercise"]
def scale_and_zero(low, high): ...


# %% tags=["check"]
def by_onnx_runtime(low, high):
    zero, scale = compute_scale_zp(
        np.array(low), np.array(high), np.array(0, np.uint8), np.array(255, np.uint8)
    )
    return float(scale), int(zero)


hint = "Widen the range first, if 0 is outside. From 0 to 255 there are 255 steps. The integer 0 is to stand for low."
exercises.check(
    scale_and_zero,
    by_onnx_runtime,
    [(-1.0, 3.0), (0.5, 6.0), (-3.0, -1.0), (-2.0, 2.5)],
    hint=hint,
)

# %% [markdown]
# ### Exercise 2: what a convolution takes in the file
#
# A square convolution with bias, per channel. Each weight takes one byte. Each output channel takes a scale (4 bytes)
# and a zero point (1) for its weights; and for its bias an integer (4), a scale (4) and a zero point (4). How many
# bytes is that?


# %% tags=["exercise"]
def stored_bytes(in_channels, out_channels, kernel, groups): ...


# %% tags=["check"]
def by_looking(in_channels, out_channels, kernel, groups):
    held = onnx.load(weights.int8_file("mobilefacenet_075_relu")).graph.initializer
    shape = [out_channels, in_channels // groups, kernel, kernel]
    layer = next(
        tensor.name for tensor in held if list(tensor.dims) == shape
    ).removesuffix("weight_quantized")
    return sum(
        onnx.numpy_helper.to_array(tensor).nbytes
        for tensor in held
        if tensor.name.startswith(layer)
    )


hint = "A filter sees in_channels / groups channels. To each output channel belong 4 + 1 + 4 + 4 + 4 bytes."
exercises.check(
    stored_bytes,
    by_looking,
    [(3, 48, 3, 1), (192, 192, 3, 192), (512, 192, 1, 1)],
    hint=hint,
)

# %% [markdown]
# ### Exercise 3: the threshold, chosen again
#
# `before` and `after` are the scores (P,) of the same pairs by 32 and by 8 bits, `same` (P,) says which are genuine.
# A threshold was chosen on `before`, for a FAR of at most `far`. Return three numbers: the FAR and the TAR of `after`
# with that threshold, and the TAR of `after` with a threshold that was chosen on `after`.
# `evaluation.threshold_at(far, scores, same).threshold` chooses one; a pair is accepted when its score is at least
# the threshold.


# %% tags=["exercise"]
def kept_and_chosen_again(before, after, same, far): ...


# %% tags=["check"]
def by_confusion(before, after, same, far):
    kept = evaluation.confusion(
        after, same, evaluation.threshold_at(far, before, same).threshold
    )
    return (
        1 - kept.specificity,
        kept.recall,
        evaluation.tar_at_far(after, same, far).tar,
    )


rng, truth = np.random.default_rng(0), np.arange(400) < 200
found, moved = (
    np.where(truth, 0.6, 0.1) + 0.2 * rng.normal(size=400),
    0.03 * rng.normal(size=400),
)
cases = [
    (found, 0.8 * found + moved, truth, 0.01),
    (found, 1.1 * found + moved, truth, 0.05),
]
hint = "One threshold from before, one from after, and both are for after. FAR is a share of the impostor pairs, ~same."
exercises.check(kept_and_chosen_again, by_confusion, cases, hint=hint)

# %% [markdown]
# ## Summary
#
# - A number in 8 bits is an integer with a scale and a zero point. Within the range the error is half a step.
# - Weights need a scale for each channel. A channel that does nothing can have the largest weights of all, by batch
#   norm.
# - The ranges of activations are measured on faces. A few are enough, drawn ones do, and clipping one in ten thousand
#   values is better than clipping none.
# - ReLU is nothing but the clipping. PReLU sends the numbers to 32 bits and back in ONNX Runtime, and is slow there
#   in any case.
# - 8 bits bring genuine and impostor scores a little closer. Choose the threshold on the file that you ship.
# - QAT mends what PTQ breaks. With 8 bits per channel there is nothing to mend, with two much.
# - At equal bytes, a wide network in 8 bits is far better than a narrow one in 32.
# - A budget means nothing until it says whether the weights belong to it.
#
# ## What the papers report
#
# - Jacob et al. (2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
#   Inference", CVPR, arXiv:1712.05877) introduce the scheme of this notebook, sums in 32 bits and all, and training
#   with rounded numbers.
# - Krishnamoorthi (2018, arXiv:1806.08342) finds 8 bits per channel, after training, within 2 % of 32 bits for
#   classifiers.
# - Sheng et al. (2018, "A Quantization-Friendly Separable Convolution for MobileNets", arXiv:1803.08607, Table 1):
#   MobileNetV1 falls from 70.50 % to 1.80 % on ImageNet in 8 bits, Inception v3 only from 78.00 % to 76.92 %. They
#   trace it to batch norm after depthwise convolutions whose channels are silent.
# - Nagel et al. (2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV,
#   arXiv:1906.04721) bring MobileNetV2 per tensor from chance back to nearly its 32 bits, by making the channels'
#   ranges equal.
# - Boutros, Damer and Kuijper (2022, "QuantFace", ICPR, arXiv:2206.10526) quantise face networks with synthetic faces
#   in place of photographs, and make them up to 5 times smaller with most of their accuracy.
