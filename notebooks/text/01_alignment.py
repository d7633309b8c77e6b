# %% [markdown]
# # Alignment
#
# A recognition network sees one small square, and it was trained on squares in which the eyes are always at the same
# place. A photograph is not like that. So before anything is recognised, a face is found, five points are found in it,
# and the photograph is turned, scaled and shifted until those points lie where the network expects them.
#
# It is the least glamorous step of all, and skipping it costs accuracy. We measure how much.
#
# **What you will learn**
# - how a cascade of three small networks finds faces of any size;
# - why five points determine a rotation, a scale and a shift, in six lines of code;
# - why that transform, and not an affine one;
# - what misalignment costs, pixel by pixel, and what happens when training and testing are cut differently.
#
# **What you need before**: notebook 00. A little complex arithmetic helps.
#
# **Time and place**: 1 minute to run, 40 minutes to read and do. No GPU, no network, about 1 GB of memory.

# %% tags=["imports"]
import json
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from course_lib import (
    alignment,
    backbones,
    data,
    evaluation,
    exercises,
    losses,
    training,
    viz,
    weights,
)

# %% [markdown]
# ## A photograph with several people
#
# To have faces of many sizes and tilts in one picture, we put a few photographs of the ORL set on one sheet. If you have
# a photograph of your own at hand, try it afterwards: `detect` also takes a path.

# %%
orl = data.orl_faces()
PLACES = {
    4: (12, 40, 1.6, 0),
    12: (190, 80, 1.2, 15),
    26: (330, 110, 0.9, -10),
    29: (420, 150, 0.6, 0),
    6: (480, 60, 1.3, -20),
}


def put(person, x, y, scale, tilt):
    """One photograph of a person on a black sheet: moved to (x, y), scaled, turned by degrees."""
    a = scale * np.exp(1j * np.deg2rad(tilt))  # you will see soon why a complex number
    return alignment.warp(
        orl.images[10 * person, 0].numpy(),
        np.array([[a.real, -a.imag, x], [a.imag, a.real, y]]),
        (240, 640),
    )


sheet = np.max([put(person, *place) for person, place in PLACES.items()], axis=0)
print("the sheet has height and width", sheet.shape, "and", len(PLACES), "people")

# %% [markdown]
# ## Finding faces: a pyramid and three networks
#
# **MTCNN** (Zhang et al. 2016) is old and small. Its first network looks at windows of 12x12 pixels.
# That is tiny: a face there is a few dark spots. To find larger faces it does not take a larger window, it looks at
# **smaller pictures**: the same sheet again and again, each level scaled by 0.709, which halves the area.
#
# The largest level is already smaller than the sheet: there a face of `min_face` pixels fills one window. Smaller faces
# are not looked for, which is why a larger `min_face` is so much quicker.
#
# What the first network takes for a face goes to the second, in 24x24 pixels, and what is left to the third, in 48x48.
# Each network is larger than the one before, and each has far less to do.

# %%
detector = alignment.MTCNN(min_face=20)
seen = detector.stages(sheet)
assert np.allclose(
    np.array(seen.scales[1:]) / seen.scales[:-1], detector.factor, atol=0.05
)
viz.show(
    viz.pyramid(
        seen.pyramid,
        title="One window size, many picture sizes: the image pyramid",
        credit=orl.source,
    ),
    alt="The sheet with five faces, repeated in eight sizes from large to tiny, all standing on one line.",
)

# %%
networks = {"first": detector.pnet, "second": detector.rnet, "third": detector.onet}
print(
    "parameters:",
    {
        name: sum(p.numel() for p in network.parameters())
        for name, network in networks.items()
    },
)
windows = sum(
    ((level.shape[0] - 12) // 2 + 1) * ((level.shape[1] - 12) // 2 + 1)
    for level in seen.pyramid
)
boxes, landmarks = (
    np.stack([getattr(face, name) for face in seen.faces])
    for name in ("box", "landmarks")
)
panels = {
    f"after the first network: {len(seen.proposals)} of {windows:,} windows": viz.Annotated(
        sheet, seen.proposals.boxes
    ),
    f"after the second: {len(seen.refined)}": viz.Annotated(sheet, seen.refined.boxes),
    f"after the third: {len(boxes)} faces, five points each": viz.Annotated(
        sheet, boxes, {"landmarks": landmarks}
    ),
}
viz.show(
    viz.annotated(
        panels,
        title="Ever fewer boxes, ever better ones",
        columns=1,
        cell=3.6,
        credit=orl.source,
    ),
    alt="The sheet three times: with some dozens of boxes, with fewer, and with one box and five points on each face.",
)
assert windows > 10_000 and windows / 50 > len(seen.proposals) > len(
    seen.refined
) > len(seen.faces) == len(PLACES)

# %% [markdown]
# Two things happen between the stages. Each network **corrects** the boxes it keeps. And where boxes overlap, only the
# surest survives: **non-maximum suppression**. You will write its measure of overlap in an exercise.
#
# The points are the two eyes, the nose and the corners of the mouth. "Left eye" means left **in the image**, which
# is the person's right.
#
# ## The template
#
# Where should the five points go? For a square crop of 112 pixels this course uses the places published with
# InsightFace. They are a convention, no law of nature. What matters is that **everyone agrees**: whoever
# trains, tests, and enrols.

# %%
template = alignment.template(112)
for name, (x, y) in zip(alignment.LANDMARKS, template, strict=True):
    print(f"{name:20} x {x:5.1f}   y {y:5.1f}")

# %% [markdown]
# ## Five points, one transform
#
# We may turn, scale and shift the photograph. We may not stretch it: a stretched face is another face. That leaves four
# numbers to choose: an angle, a scale, and a shift in x and y. Five points give ten equations, so in general no choice
# fits exactly, and we take the best in least squares. This is **Umeyama's** problem (1991).
#
# In the plane it has a beautiful solution. Write each point as a **complex number** $x + iy$. Multiplying by a complex
# number $a$ turns and scales, and adding $b$ shifts:
#
# $$w \approx a z + b, \qquad a = \frac{\sum_k z_k^* w_k}{\sum_k |z_k|^2}, \qquad b = m_w - a\, m_z.$$
#
# Here $m_z$ and $m_w$ are the means, the $z_k$ and $w_k$ in the formula for $a$ are counted from them, and the star is the
# complex conjugate. It is the slope and the intercept of a regression line, in complex numbers.


# %%
def my_similarity(source, target):
    """The 2x3 matrix that brings the points closest to their targets by rotation, scale and shift."""
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    z, w = ((points - points.mean(axis=0)) @ [1, 1j] for points in (source, target))
    a = (z.conj() * w).sum() / (abs(z) ** 2).sum()
    turn_and_scale = np.array([[a.real, -a.imag], [a.imag, a.real]])
    shift = target_mean - turn_and_scale @ source_mean
    return np.column_stack([turn_and_scale, shift])


matrices = alignment.similarity(
    landmarks, template
)  # the library does all faces at once
assert all(
    np.allclose(my_similarity(points, template), m)
    for points, m in zip(landmarks, matrices, strict=True)
)
print("our six lines and the library agree on", len(matrices), "faces")

# %% [markdown]
# ## Warping: every pixel asks where it comes from
#
# Now move the pixels. Not forwards: that would leave holes. Each pixel of the **crop** asks, through the inverse of the
# matrix, where in the photograph it comes from, and takes the value there. Here is the crudest version, which takes
# the nearest pixel. The library mixes the four around: bilinear.


# %%
def my_warp(image, matrix, size):
    """The nearest pixel for each place of the crop; black outside the image."""
    places = np.stack(
        np.meshgrid(np.arange(size), np.arange(size)), axis=-1
    )  # (row, column) -> (x, y)
    x, y = (
        np.rint((places - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)
        .astype(int)
        .transpose(2, 0, 1)
    )
    inside = (x >= 0) & (x < image.shape[1]) & (y >= 0) & (y < image.shape[0])
    return np.where(
        inside, image[y.clip(0, image.shape[0] - 1), x.clip(0, image.shape[1] - 1)], 0
    )


crops = [alignment.warp(sheet, matrix, 112) for matrix in matrices]
assert np.abs(my_warp(sheet, matrices[0], 112) - crops[0].astype(float)).mean() < 6

# %%
moved = [
    points @ m[:, :2].T + m[:, 2] for points, m in zip(landmarks, matrices, strict=True)
]
pairs_of_points = [{"landmarks": points, "template": template} for points in moved]
panels = {
    f"face {k + 1}": viz.Annotated(crops[k], points=pairs_of_points[k])
    for k in range(len(crops))
}
viz.show(
    viz.annotated(
        panels,
        title="All sizes and tilts, brought to one place",
        columns=5,
        cell=1.25,
        credit=orl.source,
    ),
    alt="Five upright faces of one size with their eyes at the same height; the landmarks lie close to the template.",
)
assert max(np.linalg.norm(points - template, axis=1).max() for points in moved) < 12

# %% [markdown]
# The points come close to the template and not onto it: faces differ, and that difference is what we want to keep.
# `alignment.align(photograph, detector)` does all of this in one call.
#
# ## How good are the points?
#
# Nobody knows where exactly the "corner of the mouth" of a photographed person is; two people who mark it will not quite
# agree. Drawn faces are different: whoever drew them knows. So we draw people, turn their heads, and compare. The unit is the distance between the eyes.

# %%
drawn = data.synthetic_faces(24, 4, seed=0)
points = np.stack(
    [alignment.align(image, detector).face.landmarks for image in drawn.images.images]
)
between_eyes = np.linalg.norm(drawn.landmarks[:, 1] - drawn.landmarks[:, 0], axis=1)
error = np.linalg.norm(points - drawn.landmarks, axis=2).mean(axis=1) / between_eyes
assert error.mean() < 0.1
print(
    "a face in all",
    len(drawn),
    "drawings; the points are off by less than a tenth:",
    bool(error.mean() < 0.1),
)

# %%
pictures = drawn.images.images.permute(0, 2, 3, 1).numpy()
both = [{"found": points[k], "drawn": drawn.landmarks[k]} for k in range(len(drawn))]
panels = {
    f"person {k // 4 + 1}: error {error[k]:.2f}": viz.Annotated(
        pictures[k], points=both[k]
    )
    for k in range(0, 24, 6)
}
viz.show(
    viz.annotated(
        panels,
        title="Drawn faces: where the points are, and where they were found",
        cell=1.6,
    ),
    alt="Four drawn faces with two kinds of markers, mostly on top of each other at the eyes, nose and mouth corners.",
)
assert np.linalg.norm(points - drawn.landmarks, axis=2)[:24].max() < 25

# %% [markdown]
# ## Why not an affine transform?
#
# An affine transform can be fitted to **three** points, as OpenCV can do. Three points give six equations, and an
# affine map has six unknowns, so it fits exactly. That sounds better, and is worse: whatever is wrong with one of the
# points goes into the face, which is **sheared** and stretched. A similarity has nothing to stretch with.
#
# We move each landmark by the same distance in a random direction, and measure how much longer one direction of the
# face becomes than the other.
#
# Then try it: turn a photograph, scale it, and disturb its landmarks. With no noise, nothing you do to rotation and
# scale changes the crop. With noise, watch the two transforms fail in different ways.

# %%
EYES_AND_NOSE, DISTANCES = [0, 1, 2], [0, 1, 2, 3, 4, 6, 8]


def stretch(matrix):
    """The median over all matrices of the largest magnification over the smallest."""
    largest, smallest = np.linalg.svd(matrix[..., :2], compute_uv=False).T
    return float(np.median(largest / smallest))


wrong = [
    alignment.perturb(np.stack([template] * 300), d, np.random.default_rng(d))
    for d in DISTANCES
]
five = [stretch(alignment.similarity(points, template)) for points in wrong]
three = [
    stretch(alignment.affine(points[:, EYES_AND_NOSE], template[EYES_AND_NOSE]))
    for points in wrong
]
title = "An error in the points stretches the face only if the transform can stretch"
names = {
    "xlabel": "pixels that each landmark is off",
    "ylabel": "stretch: longest over shortest",
}
viz.show(
    viz.lines(
        {"similarity, five points": five, "affine, three points": three},
        DISTANCES,
        title=title,
        **names,
    ),
    alt="Stretch over landmark error: exactly one for the similarity, rising steadily for the affine transform.",
)
assert np.allclose(five, 1) and np.all(np.diff(three) > 0) and three[-1] > 1.3

# %%
portrait = np.pad(orl.images[40, 0].numpy(), 50, mode="edge")
portrait_points = alignment.align(portrait, alignment.MTCNN(min_face=60)).face.landmarks


def disturbed(rotation, scale, noise):
    """The portrait turned and scaled about its centre, and its landmarks, turned and scaled with it and then moved."""
    a, centre = (
        scale * np.exp(1j * np.deg2rad(rotation)),
        np.array(portrait.shape[::-1]) / 2,
    )
    turn = np.array([[a.real, -a.imag], [a.imag, a.real]])
    view = np.column_stack([turn, centre - turn @ centre])
    points = alignment.perturb(
        portrait_points @ turn.T + view[:, 2], noise, np.random.default_rng(7)
    )
    return alignment.warp(portrait, view, portrait.shape), points


def disturbed_figure(rotation, scale, noise):
    photograph, points = disturbed(rotation, scale, noise)
    three = alignment.affine(points[EYES_AND_NOSE], template[EYES_AND_NOSE])
    crops = [
        alignment.warp(photograph, m, 112)
        for m in (alignment.similarity(points, template), three)
    ]
    on_crop = [viz.Annotated(crop, points={"template": template}) for crop in crops]
    on_photograph = viz.Annotated(photograph, points={"landmarks": points})
    panels = {
        "photograph": on_photograph,
        "similarity, five points": on_crop[0],
        "affine, three points": on_crop[1],
    }
    return viz.annotated(
        panels,
        title=f"{rotation} degrees, scale {scale}, {noise} pixels of noise",
        cell=2,
        credit=orl.source,
    )


# %%
viz.show(
    disturbed_figure(20, 0.8, 8),
    alt="A tilted photograph with misplaced landmarks, a roughly upright crop, and a visibly sheared one.",
)
views = [disturbed(rotation, 1.0, 0) for rotation in (0, 20)]
one, other = (
    alignment.warp(image, alignment.similarity(points, template), 112)
    for image, points in views
)
assert np.abs(one.astype(float) - other).mean() < 4

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the sliders"
viz.sliders(
    disturbed_figure,
    {
        "rotation": list(range(-40, 41, 10)),
        "scale": [0.6, 0.8, 1.0, 1.2],
        "noise": DISTANCES,
    },
    start={"rotation": 0, "scale": 1.0, "noise": 0},
)

# %% [markdown]
# ## What misalignment costs
#
# Now the question that matters. We train three small networks on the same 30 people. They differ in how their training
# photographs are cut:
#
# - **aligned**, by the five points;
# - **same square**, one fixed square for everybody, as if there were no detector;
# - **moved**, aligned by points that are each 4 pixels off.
#
# Then we test them on 10 **other** people, with landmarks that are more and more wrong. All distances are in pixels of a
# 112x112 crop. Beside them stands the **shipped model** of notebook 00. It learned from far more people, none of them in
# ORL, and saw each crop moved, turned and scaled anew every time.
#
# One run is an anecdote. So after them we load a record: the same experiment over several seeds, each with other people put
# aside and other noise, run once with `python -m benchmarks misalignment`. We draw its mean with a 95 % interval.

# %%
FULL = os.environ.get("COURSE_FULL") == "1"
SIDE, EPOCHS, BORDER = 56, 14, 20
enlarged = [
    np.pad(image[0].numpy(), BORDER, mode="edge").repeat(2, 0).repeat(2, 1)
    for image in orl.images
]
found = alignment.align_many(enlarged, alignment.MTCNN(min_face=60))
assert all(found)
orl_points = (
    np.stack([crop.face.landmarks for crop in found]) - 0.5
) / 2 - BORDER  # in the photographs' own pixels
print("a face was found in all", len(orl_points), "photographs of ORL")


def cropped(faces, points, side=SIDE):
    """All faces brought to the template, each by its own points (N, 5, 2), or all by the same (5, 2)."""
    matrix = alignment.similarity(points, alignment.template(side))
    return replace(faces, images=alignment.warp(faces.images, matrix, side))


# %%
noise = np.random.default_rng(1000)
cuts = {
    "aligned": orl_points,
    "same square": orl_points.mean(axis=0),
    "moved 4 pixels": alignment.perturb(orl_points, 4, noise),
}
cuts = {name: cropped(orl, points) for name, points in cuts.items()}

# %%
rows = {
    name: faces.images[[120, 121, 260, 261, 290, 291], 0].numpy()
    for name, faces in cuts.items()
}
examples = {
    name: viz.Annotated(np.vstack([np.hstack(images[:3]), np.hstack(images[3:])]))
    for name, images in rows.items()
}
viz.show(
    viz.annotated(
        examples,
        title="The same photographs, cut in three ways",
        columns=3,
        cell=2.1,
        credit=orl.source,
    ),
    alt="Six faces in each of three panels: eyes at one height, at slightly different heights, and tilted at random.",
)
sharpness = {
    name: faces.images.float().mean(dim=0).var().item() for name, faces in cuts.items()
}
assert sharpness["aligned"] > sharpness["moved 4 pixels"], (
    "the mean of aligned faces is the sharpest"
)


# %%
def train_on(faces, seed=0):
    """A small MobileFaceNet with softmax, on the photographs of 30 people."""
    people, _ = data.split_by_identity(faces, n_test=10, seed=seed)
    options = {
        "width": 0.25,
        "embedding_dim": 64,
        "input_size": (SIDE, SIDE),
        "in_channels": 1,
    }
    net = backbones.create("mobilefacenet", **options, seed=seed)
    criterion = losses.Softmax(64, people.n_classes, seed=seed)
    optimizer = torch.optim.SGD(
        [*net.parameters(), *criterion.parameters()],
        lr=0.1,
        momentum=0.9,
        weight_decay=5e-4,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.1, total_steps=EPOCHS * -(-len(people) // 50)
    )
    recipe = {
        "schedule": schedule,
        "epochs": EPOCHS,
        "batch_size": 50,
        "augment": data.RandomFlip(),
        "seed": seed,
    }
    training.fit(
        net, criterion, people, optimizer=optimizer, **recipe, precision="32-true"
    )
    return net


def accuracy(net, faces, seed=0):
    """On pairs of the people put aside, with the threshold of the other folds."""
    _, unseen = data.split_by_identity(faces, n_test=10, seed=seed)
    pairs = data.verification_pairs(unseen.labels, 800, seed=seed)
    scores = evaluation.cosine_scores(
        training.embed(net, unseen, flip=True), pairs.left, pairs.right
    )
    return evaluation.kfold_accuracy(scores, pairs.same).mean


# %%
nets = {name: train_on(faces) for name, faces in cuts.items()}
tests = [
    cropped(orl, alignment.perturb(orl_points, distance, noise))
    for distance in DISTANCES
]
live = [accuracy(nets["aligned"], faces) for faces in tests]
assert live[0] - live[-1] > 0.08
print(
    len(nets),
    "networks trained; 8 pixels cost the first of them more than 8 points:",
    live[0] - live[-1] > 0.08,
)

# %%
model, colour = (
    weights.load("mobilefacenet_075_relu"),
    replace(orl, images=orl.images.expand(-1, 3, -1, -1)),
)
large = [
    cropped(colour, alignment.perturb(orl_points, d, noise), 112) for d in DISTANCES
]
shipped = [accuracy(model, faces) for faces in large]
curves = {"trained here on 30 people": live, "the shipped model": shipped}
labels = {
    "xlabel": "pixels that each landmark of a test face is off",
    "ylabel": "verification accuracy",
}
figure = viz.lines(
    curves,
    DISTANCES,
    title="Ten people whom neither has seen: what moved landmarks cost",
    **labels,
)
viz.show(
    figure,
    alt="Two curves over landmark error: the network trained here falls at once, the other stays high.",
)
assert shipped[4] > shipped[0] - 0.03 and shipped[-1] > live[0]

# %%
with open("../benchmarks/records/misalignment.json") as file:
    record = json.load(file)
runs = record["figures"]["runs"]
print(record["command"], "|", record["date"], "|", len(runs), "seeds")


def over_seeds(trained_on, tested_on):
    return np.array([np.mean(run["accuracy"][trained_on][tested_on]) for run in runs])


curves = {
    f"trained on: {name}": [over_seeds(name, str(d)) for d in DISTANCES]
    for name in cuts
}
bands = {
    name: [evaluation.mean_interval(values) for values in curve]
    for name, curve in curves.items()
}
bands = {
    name: ([i.low for i in band], [i.high for i in band])
    for name, band in bands.items()
}
means = {name: [values.mean() for values in curve] for name, curve in curves.items()}
title = f"Accuracy on unseen people falls with every pixel ({len(runs)} seeds, 95 % intervals)"
names = {
    "xlabel": "pixels that each landmark of a test face is off",
    "ylabel": "verification accuracy",
}
viz.show(
    viz.lines(means, DISTANCES, title=title, **names, bands=bands),
    alt="Three falling curves with bands. Trained on aligned faces starts high and falls; trained on moved ones falls less.",
)
lost, won = (
    over_seeds("aligned", "0") - over_seeds("aligned", "8"),
    over_seeds("moved 4 pixels", "4") - over_seeds("aligned", "4"),
)
assert (
    evaluation.mean_interval(lost).low > 0.08 and evaluation.mean_interval(won).low > 0
)

# %% [markdown]
# Read the figure with three questions.
#
# **Does a pixel matter?** The first one costs least. From then on the curve bends down, and within the figure it does
# not stop.
#
# **Can the network learn to bear it?** In part: the one trained on moved faces loses less, and is clearly better where
# the test faces are 4 pixels off. Each of its photographs was moved once, and stayed so in every epoch.
#
# **Is it enough that everyone is cut alike?** Look at the table: each network on faces cut like those it was trained
# on, and on faces cut differently.

# %%
kinds = {"aligned": "0", "same square": "same square"}
table = pd.DataFrame(
    {
        f"tested on {tested}": {
            f"trained on {trained}": 100 * over_seeds(trained, key).mean()
            for trained in kinds
        }
        for tested, key in kinds.items()
    }
).round(1)
assert table.iloc[0, 0] > table.iloc[0, 1] and table.iloc[1, 1] > table.iloc[1, 0]
print(table.to_string())


def verdict(a, b):
    interval = evaluation.paired_difference(a, b)
    return (
        "no clear difference"
        if interval.low <= 0 <= interval.high
        else "a clear difference"
    )


alike = verdict(over_seeds("aligned", "0"), over_seeds("same square", "same square"))
spoiled = verdict(over_seeds("aligned", "0"), over_seeds("aligned", "same square"))
reverse = verdict(
    over_seeds("same square", "same square"), over_seeds("same square", "0")
)
print("aligned, or the same square, each trained and tested alike:", alike)
print("trained on aligned faces, tested on them or on the same square:", spoiled)
print("trained on the same square, tested on it or on aligned faces:", reverse)
assert spoiled == "a clear difference" and alike == reverse == "no clear difference"

# %% [markdown]
# Read the three verdicts with care.
#
# - Between one square for all and five points, each trained and tested alike, these seeds show no clear difference.
#   That does not say that there is none, and ORL's heads are nearly in one place. Elsewhere it need not hold.
# - A network trained on aligned faces loses clearly when it is tested on faces cut differently. Nothing
#   warns of it: the program runs, the scores are just worse.
# - The reverse is not clear here: the aligned crops were worse in the mean, and better in two of the eight runs.
#
# So this course has one function, `alignment.align`, for training, testing and enrolment.
#
# ## The same on photographs from the press
#
# LFW's photographs come from the press. The record below puts them, cut in different ways, through one strong network
# that was trained elsewhere; its package does not say on which photographs. The threshold is chosen on one list of
# pairs, the accuracy is taken on another (LFW's View 1, for development). EER: the error where FAR equals FRR.

# %%
with open("../benchmarks/records/alignment_accuracy.json") as file:
    record = json.load(file)
print(
    record["command"],
    "|",
    record["date"],
    "|",
    record["figures"]["settings"]["photographs"],
    "photographs",
)
ways = {run["cut"]: run for run in record["figures"]["runs"]}
columns = {
    "accuracy": "accuracy",
    "interval": "95 % interval",
    "eer": "EER",
    "threshold": "threshold",
}
shown = {
    name: {new: run[old] for old, new in columns.items()}
    for name, run in ways.items()
    if "draw" not in name
}
print(pd.DataFrame(shown).T.to_string())

# %%
best, none = ways["MTCNN, five points"], ways["no alignment: the same square"]
draws = [
    [run["accuracy"] for name, run in ways.items() if f"moved {d} " in name]
    or [best["accuracy"]]
    for d in DISTANCES
]
means = [np.mean(accuracies) for accuracies in draws]
bounds = [evaluation.wilson(round(1000 * mean), 1000) for mean in means]
series = {
    "MTCNN's points, moved": means,
    "no alignment": [none["accuracy"]] * len(DISTANCES),
}
bands = {"MTCNN's points, moved": ([b.low for b in bounds], [b.high for b in bounds])}
bands["no alignment"] = tuple([edge] * len(DISTANCES) for edge in none["interval"])
title = "LFW View 1: a strong network bears small errors, and pays for large ones"
names = {
    "xlabel": "pixels that each landmark is off",
    "ylabel": "accuracy on 1,000 pairs",
}
viz.show(
    viz.lines(series, DISTANCES, title=title, **names, bands=bands),
    alt="A curve that is level for small errors and then falls, beside a horizontal band: the same square for everyone.",
)
assert (
    means[0] - means[-1] > 0.01
    and bounds[-1].high < means[0]
    and best["interval"][0] > none["accuracy"]
)
assert (
    ways["MTCNN's box, no landmarks"]["accuracy"]
    < ways["MTCNN, affine by three points"]["accuracy"]
    < none["accuracy"]
)

# %% [markdown]
# This network bears a few pixels without a loss that these pairs could show. Which **threshold** suits it depends on
# the cut: look at that column. And four lines of the table deserve a second look.
#
# - LFW's photographs were already **roughly aligned** by their publishers ("deep-funneled"), so "no alignment" is
#   flattered here. Of photographs that nobody has aligned before, this line says nothing.
# - The **box alone** knows where the face is, and not how it is turned or how far the eyes are apart.
# - The **affine transform by three points** came out below no alignment at all, though their intervals overlap. It puts
#   the eyes and the nose exactly where they belong, and lets the rest of the face stretch.
# - **The 96-wide template in 112 columns** is an easy slip: there are two published templates, which differ by
#   a shift of 8 pixels to the side. Every crop looks perfectly aligned. It is, to the wrong place.
#
# With `COURSE_FULL=1`, and LFW in the data folder, the next cell puts the shipped model through the same test.


# %%
def on_view1(net):
    """The accuracy on View 1's test pairs, at each distance; where no face is found, the mean place of all others."""
    photographs = data.lfw(crop=None, size=(250, 250))
    faces = [
        alignment.choose_face(f, "central", (250, 250)) if f else None
        for f in detector.detect_many(photographs.images)
    ]
    mean = np.mean([face.landmarks for face in faces if face], axis=0)
    points = np.stack([face.landmarks if face else mean for face in faces])
    pairs = data.lfw_pairs(view="dev_test")
    for distance in DISTANCES:
        embeddings = training.embed(
            net,
            cropped(photographs, alignment.perturb(points, distance, noise), 112),
            flip=True,
        )
        scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
        print(
            distance,
            "pixels:",
            evaluation.kfold_accuracy(scores, pairs.same).mean,
            "| no face in",
            faces.count(None),
        )


if FULL:
    on_view1(model)

# %% tags=["nbval-skip"] skip_reason="the weights of RetinaFace are fetched apart and may be missing"
try:
    retina = alignment.RetinaFace().detect(sheet)
    print(
        "RetinaFace finds",
        len(retina),
        "faces on our sheet, and MTCNN",
        len(seen.faces),
    )
except FileNotFoundError as missing:
    print(missing)

# %% [markdown]
# ## Exercises
#
# Solutions: [solutions/01_alignment.py](solutions/01_alignment.py).
#
# ### Exercise 1: intersection over union
#
# How much do two boxes overlap? Divide the area that they share by the area that they cover together. A box is an array
# `left, top, right, bottom`. Boxes that do not touch share nothing: 0.


# %% tags=["exercise"]
def overlap(box, other): ...


# %% tags=["check"]
def by_counting(box, other):
    x, y = np.meshgrid(np.arange(0.5, 60), np.arange(0.5, 60))
    inside = [(x > b[0]) & (x < b[2]) & (y > b[1]) & (y < b[3]) for b in (box, other)]
    return (inside[0] & inside[1]).sum() / (inside[0] | inside[1]).sum()


cases = [
    (0, 0, 10, 10, 5, 5, 15, 15),
    (0, 0, 40, 20, 10, 5, 20, 15),
    (0, 0, 9, 9, 20, 3, 29, 9),
    (3, 3, 9, 9, 20, 20, 30, 40),
]
exercises.check(
    overlap,
    by_counting,
    [(np.array(case[:4], float), np.array(case[4:], float)) for case in cases],
    hint="The shared box begins at the larger left and ends at the smaller right. If it ends before it begins, it is empty.",
)

# %% [markdown]
# ### Exercise 2: the mirrored face
#
# Training mirrors photographs at random. Where are the five points of the mirrored image? `points` is (5, 2), and
# `width` is the image's width in pixels; the first column is 0 and the last is `width - 1`. Return them in the usual
# order: the **left** eye is always the one on the left of the image.


# %% tags=["exercise"]
def mirrored(points, width): ...


# %% tags=["check"]
exercises.check(
    mirrored,
    alignment.mirror,
    [(alignment.template(112), 112), (alignment.template((112, 96)) + 3, 100)],
    hint="Column x goes to width - 1 - x. And what was the left eye is now on the right: two pairs of rows change places.",
)

# %% [markdown]
# ## Summary
#
# - A detector finds boxes and five points; a cascade does it cheaply, by looking closely only where it is worth it.
# - Rotation, scale and shift are fitted to the five points in closed form. An affine transform would stretch the face.
# - Misalignment costs accuracy, more with every pixel, and training on disturbed faces wins back a part.
# - Cut training, test and enrolment photographs **alike**: a network that knows only aligned faces does worse on others.
#
# ## What the papers report
#
# - Zhang et al. (2016, IEEE Signal Processing Letters) describe MTCNN. Deng et al. (2020, CVPR) describe RetinaFace, whose
#   small version is the second detector here.
# - Kumar et al. ("Memory Optimized Deep Learning based Face Recognition") crop MTCNN's box with a margin of 26 and no
#   landmarks. They do not say whether the margin counts in pixels of the photograph or of the crop:
#   `alignment.crop_with_margin` does both.
# - A similarity is an affine transform too. So where a paper says "affine", look in its code which one is meant.
