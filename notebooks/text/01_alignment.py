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
# - what misalignment costs, pixel by pixel, and what training on moved faces wins back.
#
# **What you need before**: [notebook 00](00_start_here.ipynb). A little complex arithmetic helps.
#
# **Time and place**: 1 minute to run, 95 minutes to read and do. No GPU, no network, 1.1 GB of memory.

# %% tags=["imports"]
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
    guard,
    losses,
    record,
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
PLACES = {  # person: x, y, scale, degrees
    4: (12, 40, 1.6, 0),
    12: (190, 80, 1.2, 15),
    26: (330, 110, 0.9, -10),
    29: (420, 150, 0.6, 0),
    6: (480, 60, 1.3, -20),
}


def put(person, x, y, scale, tilt):
    """One photograph of a person on a black sheet: moved, scaled, turned by degrees."""
    a = scale * np.exp(1j * np.deg2rad(tilt))  # soon: why a complex number
    matrix = np.array([[a.real, -a.imag, x], [a.imag, a.real, y]])
    return alignment.warp(orl.images[10 * person, 0].numpy(), matrix, (240, 640))


sheet = np.max([put(person, *place) for person, place in PLACES.items()], axis=0)
print(f"a sheet of {sheet.shape[0]} rows and {sheet.shape[1]} columns")

# %% [markdown]
# ## Finding faces: a pyramid of pictures
#
# A **detector** finds the faces in a photograph. **MTCNN** (Zhang et al. 2016) is an old and small one. It is a
# **cascade**: three networks, one behind the other, of which each sees only what the one before it let through.
#
# The first network looks at windows of 12x12 pixels. That is tiny: a face there is a few dark spots. To find larger
# faces it does not take a larger window, it looks at **smaller pictures**: the same sheet again and again, each level
# scaled by 0.709, which halves the area. This stack of pictures is the **image pyramid**.
#
# The largest level is already smaller than the sheet: there a face of `min_face` pixels fills one window. Smaller faces
# are not looked for, which is why a larger `min_face` is so much quicker.

# %%
detector = alignment.MTCNN(min_face=20)
seen = detector.stages(sheet)
scales = [float(scale) for scale in seen.scales]
for scale, level in zip(scales, seen.pyramid, strict=True):
    print(f"scale {scale:.3f}: {level.shape[0]:3} x {level.shape[1]:3} pixels")

# %%
viz.show(
    viz.pyramid(
        seen.pyramid,
        title="One window size, many picture sizes: the image pyramid",
        credit=orl.source,
    ),
    alt="The sheet with five faces, repeated in sizes from large to tiny on one line.",
)

# %% tags=["guard"]
guard(
    "each level is scaled by 0.709",
    np.all(abs(np.array(scales[1:]) / np.array(scales[:-1]) - 0.709) < 0.05),
    scales=scales,
)

# %% [markdown]
# ## Three networks, each with less to do
#
# What the first network takes for a face goes to the second, in 24x24 pixels, and what is left to the third, in 48x48.
# Each network is larger than the one before, and each has far less to look at.

# %%
networks = {"first": detector.pnet, "second": detector.rnet, "third": detector.onet}
for name, network in networks.items():
    print(
        f"{name} network: {sum(p.numel() for p in network.parameters()):,} parameters"
    )
windows = 0
for level in seen.pyramid:  # the first network moves its window by two pixels
    rows, columns = level.shape[:2]
    windows += ((rows - 12) // 2 + 1) * ((columns - 12) // 2 + 1)
n_boxes = [windows, len(seen.proposals), len(seen.refined), len(seen.faces)]
print(f"{windows:,} windows; left after each network: {n_boxes[1:]}")

# %%
boxes = np.stack([face.box for face in seen.faces])
landmarks = np.stack([face.landmarks for face in seen.faces])
after_first = viz.Annotated(sheet, seen.proposals.boxes)
after_second = viz.Annotated(sheet, seen.refined.boxes)
after_third = viz.Annotated(sheet, boxes, {"landmarks": landmarks})
panels = {
    f"after the first network: {n_boxes[1]} of {windows:,} windows": after_first,
    f"after the second: {n_boxes[2]} boxes": after_second,
    f"after the third: {n_boxes[3]} faces, five points each": after_third,
}
figure = viz.annotated(
    panels,
    title="Ever fewer boxes, ever better ones",
    columns=1,
    cell=3.6,
    credit=orl.source,
)
viz.show(figure, alt="The sheet with many boxes, with fewer, with one box a face.")

# %% tags=["guard"]
guard(
    "each network leaves less to the next, and every face is found",
    n_boxes[0] > 50 * n_boxes[1] and n_boxes[1] > n_boxes[2] > n_boxes[3] == 5,
    n_boxes=n_boxes,
)

# %% [markdown]
# Two things happen between the stages. Each network **corrects** the boxes it keeps. And where boxes overlap, only the
# one with the highest score survives: **non-maximum suppression** (NMS). How much two boxes overlap is measured by
# **intersection over union** (IoU): the area that they share, divided by the area that they cover together.
#
# ### Exercise 1: intersection over union
#
# Return the intersection over union of two boxes. A box is an array `left, top, right, bottom`. Boxes that do not touch
# share nothing: 0. The solutions are in [solutions/01_alignment.py](solutions/01_alignment.py).


# %% tags=["exercise"]
def overlap(box, other): ...


# %% tags=["check"]
def by_counting(box, other):
    x, y = np.meshgrid(np.arange(0.5, 60), np.arange(0.5, 60))
    inside = [(x > b[0]) & (x < b[2]) & (y > b[1]) & (y < b[3]) for b in (box, other)]
    return float(np.logical_and(*inside).sum() / np.logical_or(*inside).sum())


def draw_boxes(rng):
    corners, sizes = rng.integers(0, 30, size=(2, 2)), rng.integers(1, 30, size=(2, 2))
    return tuple(np.concatenate([corners, corners + sizes], axis=1).astype(float))


one, half, apart = [0.0, 0, 10, 10], [0.0, 5, 10, 15], [20.0, 30, 30, 40]
hints = (
    "Begin with the box that both share: where does it begin, where does it end?",
    "From the larger left to the smaller right. If it ends before it begins: 0.",
    "area of both = area(box) + area(other) - shared, since shared counts in both.",
)
cases = [(np.array(one), np.array(other)) for other in (half, one, apart)]
exercises.check(overlap, by_counting, cases, draw=draw_boxes, hints=hints)

# %% [markdown]
# ## Five points and the template
#
# The third network also finds five **landmarks**: the two eyes, the nose and the corners of the mouth. "Left eye" means
# left **in the image**, which is the person's right.
#
# Where should the five points go? A list of five places is a **template**. For a square crop of 112 pixels this course
# uses the one published with InsightFace. It is a convention, no law of nature. What matters is that **everyone agrees**:
# whoever trains, whoever tests, and whoever adds a person to the list of those who are to be recognised, which is called
# **enrolment**.

# %%
template = alignment.template(112)
for name, (x, y) in zip(alignment.LANDMARKS, template, strict=True):
    print(f"{name:20} x {x:5.1f}   y {y:5.1f}")

# %% [markdown]
# ## Five points, one transform
#
# We may turn, scale and shift the photograph: that is a **similarity transform**. We may not stretch it: a stretched
# face is another face. That leaves four numbers to choose: an angle, a scale, and a shift in x and y. Five points give
# ten equations, so in general no choice fits exactly, and we take the best in least squares. This is **Umeyama's**
# problem (1991).
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
    """The 2x3 matrix that brings the points closest to their targets."""
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    z = (source - source_mean) @ [1, 1j]
    w = (target - target_mean) @ [1, 1j]
    a = (z.conj() * w).sum() / (abs(z) ** 2).sum()
    turn_and_scale = np.array([[a.real, -a.imag], [a.imag, a.real]])
    shift = target_mean - turn_and_scale @ source_mean
    return np.column_stack([turn_and_scale, shift])


matrices = alignment.similarity(landmarks, template)  # the library: all faces at once
for points, matrix in zip(landmarks, matrices, strict=True):
    a = complex(matrix[0, 0], matrix[1, 0])
    difference = np.abs(my_similarity(points, template) - matrix).max()
    turned = np.rad2deg(np.angle(a))
    print(f"scale {abs(a):.2f}, turned by {turned:5.1f} degrees", end=", ")
    print(f"ours - theirs {difference:.3f}")

# %% tags=["guard"]
guard(
    "our six lines agree with the library on the last face",
    difference < 1e-6,
    difference=difference,
)

# %% [markdown]
# The scales and angles undo those of the sheet: the smallest face has to be enlarged 1.91 times, and two tilted ones are
# turned back by 17.6 and 21.3 degrees.
#
# ## Warping: every pixel asks where it comes from
#
# Now move the pixels: **warp** the photograph. Not forwards, which would leave holes. Each pixel of the **crop** asks,
# through the inverse of the matrix, where in the photograph it comes from, and takes the value there. Here is the
# crudest version, which takes the nearest pixel. The library mixes the four around: bilinear. Of a face that is more than
# twice as large as its crop that would miss most pixels, and their noise would stay: there it averages all of them.


# %%
def my_warp(image, matrix, size):
    """The nearest pixel for each place of the crop; black outside the image."""
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    places = np.stack([columns, rows], axis=-1)
    sources = (places - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    x, y = np.rint(sources).astype(int).transpose(2, 0, 1)
    height, width = image.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    nearest = image[y.clip(0, height - 1), x.clip(0, width - 1)]
    return np.where(inside, nearest, 0)


crops = [alignment.warp(sheet, matrix, 112) for matrix in matrices]
gap = np.abs(my_warp(sheet, matrices[0], 112) - crops[0].astype(float)).mean()
print(f"nearest and bilinear differ by {gap:.1f} of 255 in the mean")

# %%
moved, panels = [], {}
for k, (points, matrix) in enumerate(zip(landmarks, matrices, strict=True)):
    moved.append(points @ matrix[:, :2].T + matrix[:, 2])
    both = {"landmarks": moved[k], "template": template}
    panels[f"face {k + 1}"] = viz.Annotated(crops[k], points=both)
figure = viz.annotated(
    panels,
    title="All sizes and tilts, brought to one place",
    columns=5,
    cell=1.25,
    credit=orl.source,
)
viz.show(figure, alt="Five upright faces of one size; landmarks lie near the template.")
off_template = [np.linalg.norm(points - template, axis=1).max() for points in moved]
print(f"the farthest landmark is {max(off_template):.1f} pixels from its place")

# %% tags=["guard"]
guard(
    "the landmarks come close to the template",
    max(off_template) < 12,
    off_template=off_template,
)

# %% [markdown]
# The points come close to the template and not onto it: faces differ, and that difference is what we want to keep.
# `alignment.align(photograph, detector)` does all of this in one call.
#
# ### Exercise 2: the mirrored face
#
# Training mirrors photographs at random. Where are the five points of the mirrored image? `points` is (5, 2), and
# `width` is the image's width in pixels; the first column is 0 and the last is `width - 1`. Return them in the usual
# order: the **left** eye is always the one on the left of the image.


# %% tags=["exercise"]
def mirrored(points, width): ...


# %% tags=["check"]
def draw_face(rng):
    width = int(rng.integers(40, 200))
    return rng.uniform(0, width, size=(5, 2)), width


simple = np.array([[2.0, 1], [6, 1], [4, 3], [3, 5], [5, 5]])
hints = (
    "Where does the first column go, where the last one?",
    "Column x goes to width - 1 - x. And which eye is now on the left?",
    "Two pairs of rows change places: points[[1, 0, 2, 4, 3]].",
)
cases = [(simple, 10), (alignment.template(112), 112)]
exercises.check(mirrored, alignment.mirror, cases, draw=draw_face, hints=hints)

# %% [markdown]
# ## How good are the points?
#
# Nobody knows where exactly the "corner of the mouth" of a photographed person is; two people who mark it will not quite
# agree. Drawn faces are different: whoever drew them knows. So we draw people, turn their heads, and compare. The unit
# is the distance between the eyes.

# %% tolerance="0.001"
drawn = data.synthetic_faces(24, 4, seed=0)
aligned_drawings = [alignment.align(image, detector) for image in drawn.images.images]
points = np.stack([crop.face.landmarks for crop in aligned_drawings])
between_eyes = np.linalg.norm(drawn.landmarks[:, 1] - drawn.landmarks[:, 0], axis=1)
distance = np.linalg.norm(points - drawn.landmarks, axis=2)
error = distance.mean(axis=1) / between_eyes
print(f"{len(points)} drawings with a face of {len(drawn)}")
print(f"mean error {error.mean():.3f}, largest {error.max():.3f} of the eyes' distance")

# %%
pictures = drawn.images.images.permute(0, 2, 3, 1).numpy()
panels = {}
for k in range(0, 24, 6):
    both = {"found": points[k], "drawn": drawn.landmarks[k]}
    heading = f"person {k // 4 + 1}: error {error[k]:.2f}"
    panels[heading] = viz.Annotated(pictures[k], points=both)
title = "Drawn faces: where the points are, and where they were found"
viz.show(
    viz.annotated(panels, title=title, cell=1.6),
    alt="Four drawn faces; found and drawn points lie mostly on top of each other.",
)

# %% tags=["guard"]
guard(
    "the points are off by less than a tenth of the distance between the eyes",
    np.mean(error) < 0.1,
    error=error,
)

# %% [markdown]
# ## Why not an affine transform?
#
# An **affine transform** may also shear and stretch. It can be fitted to **three** points, as OpenCV can do: three
# points give six equations, and an affine map has six unknowns, so it fits exactly. That sounds better, and is worse:
# whatever is wrong with one of the points goes into the face. A similarity has nothing to stretch with.
#
# We move each landmark by the same distance in a random direction, and measure how much longer one direction of the
# face becomes than the other.

# %%
EYES_AND_NOSE, DISTANCES = [0, 1, 2], [0, 1, 2, 3, 4, 6, 8]


def stretch(matrix):
    """The median over all matrices of the largest magnification over the smallest."""
    largest, smallest = np.linalg.svd(matrix[..., :2], compute_uv=False).T
    return float(np.median(largest / smallest))


five, three = [], []
for pixels in DISTANCES:
    generator = np.random.default_rng(pixels)
    wrong = alignment.perturb(np.stack([template] * 300), pixels, generator)
    five.append(stretch(alignment.similarity(wrong, template)))
    exact = alignment.affine(wrong[:, EYES_AND_NOSE], template[EYES_AND_NOSE])
    three.append(stretch(exact))
    print(
        f"{pixels} pixels: stretch {five[-1]:.2f} with five, {three[-1]:.2f} with three"
    )

# %%
figure = viz.lines(
    {"similarity, five points": five, "affine, three points": three},
    DISTANCES,
    title="An error in the points stretches the face only if the transform can stretch",
    xlabel="pixels that each landmark is off",
    ylabel="stretch: longest over shortest",
)
viz.show(
    figure,
    alt="Stretch over landmark error: one for the similarity, rising for the affine.",
)

# %% tags=["guard"]
guard(
    "a similarity never stretches, an affine transform stretches ever more",
    np.allclose(five, 1) and np.all(np.diff(three) > 0) and three[-1] > 1.3,
    five=five,
    three=three,
)

# %% [markdown]
# Try it: turn a photograph, scale it, and disturb its landmarks. With no noise, nothing you do to rotation and scale
# changes the crop. With noise, watch the two transforms fail in different ways.

# %%
portrait = np.pad(orl.images[40, 0].numpy(), 50, mode="edge")
portrait_points = alignment.align(portrait, alignment.MTCNN(min_face=60)).face.landmarks


def disturbed(rotation, scale, noise):
    """The portrait turned and scaled about its centre, and its landmarks moved."""
    a = scale * np.exp(1j * np.deg2rad(rotation))
    centre = np.array(portrait.shape[::-1]) / 2
    turn = np.array([[a.real, -a.imag], [a.imag, a.real]])
    view = np.column_stack([turn, centre - turn @ centre])
    exact = portrait_points @ turn.T + view[:, 2]
    points = alignment.perturb(exact, noise, np.random.default_rng(7))
    return alignment.warp(portrait, view, portrait.shape), points


# %%
def disturbed_figure(rotation, scale, noise):
    photograph, points = disturbed(rotation, scale, noise)
    by_five = alignment.similarity(points, template)
    by_three = alignment.affine(points[EYES_AND_NOSE], template[EYES_AND_NOSE])
    panels = {"photograph": viz.Annotated(photograph, points={"landmarks": points})}
    for name, matrix in (("similarity", by_five), ("affine", by_three)):
        crop = alignment.warp(photograph, matrix, 112)
        panels[name] = viz.Annotated(crop, points={"template": template})
    title = f"{rotation} degrees, scale {scale}, {noise} pixels of noise"
    return viz.annotated(panels, title=title, cell=2, credit=orl.source)


upright, tilted = disturbed(0, 1.0, 0), disturbed(20, 1.0, 0)
views = []
for image, points in (upright, tilted):
    views.append(alignment.warp(image, alignment.similarity(points, template), 112))
between = np.abs(views[0].astype(float) - views[1]).mean()
print(f"crops of the upright and the tilted view differ by {between:.1f} of 255")

# %% tags=["guard"]
guard("without noise, turning keeps the crop", between < 4, between=between)

# %% tags=["nbval-skip"] skip_reason="needs a browser to move the sliders"
viz.sliders(
    disturbed_figure,
    {
        "rotation": list(range(-40, 41, 10)),
        "scale": [0.6, 0.8, 1.0, 1.2],
        "noise": DISTANCES,
    },
    start={"rotation": 20, "scale": 0.8, "noise": 8},
    alt="A tilted photograph with misplaced landmarks, an upright crop, a sheared one.",
)

# %% [markdown]
# ## What misalignment costs
#
# Now the question that matters. We train a small network on 30 people, from photographs **aligned** by the five points.
# Then we test it on 10 **other** people, with landmarks that are more and more wrong. All distances are in pixels of a
# 112x112 crop. Beside it stands the **shipped model** of notebook 00. It learned from far more people, none of them in
# ORL, and saw each crop moved, turned and scaled anew every time.

# %%
FULL = os.environ.get("COURSE_FULL") == "1"
SIDE, EPOCHS, BATCH, BORDER = 56, 14, 50, 20
enlarged = []
for image in orl.images:
    wider = np.pad(image[0].numpy(), BORDER, mode="edge")
    enlarged.append(wider.repeat(2, 0).repeat(2, 1))
found = alignment.align_many(enlarged, alignment.MTCNN(min_face=60))
in_enlarged = np.stack([crop.face.landmarks for crop in found])
orl_points = (in_enlarged - 0.5) / 2 - BORDER  # in the photographs' own pixels
print(f"a face was found in {len(orl_points)} of {len(orl)} photographs of ORL")


def cropped(faces, points, side=SIDE):
    """All faces brought to the template, by their own points or all by the same."""
    matrix = alignment.similarity(points, alignment.template(side))
    return replace(faces, images=alignment.warp(faces.images, matrix, side))


# %% [markdown]
# Three ways to cut the same photographs: aligned; **same square**, one fixed square for everybody, as if there were no
# detector; and **moved**, aligned by points that are each 4 pixels off.

# %%
generator = np.random.default_rng(1000)
cuts = {
    "aligned": cropped(orl, orl_points),
    "same square": cropped(orl, orl_points.mean(axis=0)),
    "moved 4 pixels": cropped(orl, alignment.perturb(orl_points, 4, generator)),
}
sharpness = {}
for name, faces in cuts.items():  # the mean of all faces: blurred where they disagree
    sharpness[name] = faces.images.float().mean(dim=0).var().item()
    print(f"{name:14} contrast of the mean face {sharpness[name]:.0f}")

# %%
panels = {}
for name, faces in cuts.items():
    six = faces.images[[120, 121, 260, 261, 290, 291], 0].numpy()
    sheet_of_six = np.vstack([np.hstack(six[:3]), np.hstack(six[3:])])
    panels[name] = viz.Annotated(sheet_of_six)
figure = viz.annotated(
    panels,
    title="The same photographs, cut in three ways",
    columns=3,
    cell=2.1,
    credit=orl.source,
)
viz.show(
    figure,
    alt="Six faces in three panels: eyes at one height, at different heights, tilted.",
)

# %% tags=["guard"]
guard(
    "the mean of aligned faces is sharper than that of moved ones",
    sharpness["aligned"] > sharpness["moved 4 pixels"],
    sharpness=sharpness,
)

# %% [markdown]
# The network and its training are those of notebook 00, on square crops. The accuracy is measured as there: on pairs of
# the people put aside, with the threshold of each part taken from the other nine.


# %%
def train_on(faces, seed=0):
    """A small MobileFaceNet with softmax, on the photographs of 30 people."""
    people, _ = data.split_by_identity(faces, n_test=10, seed=seed)
    options = {"width": 0.25, "embedding_dim": 64, "in_channels": 1, "seed": seed}
    net = backbones.create("mobilefacenet", input_size=(SIDE, SIDE), **options)
    criterion = losses.Softmax(64, people.n_classes, seed=seed)
    parameters = [*net.parameters(), *criterion.parameters()]
    sgd = {"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4}
    optimizer = torch.optim.SGD(parameters, **sgd)
    steps = EPOCHS * len(people) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps)
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "seed": seed}
    recipe |= {"schedule": schedule, "augment": data.RandomFlip()}
    recipe["precision"] = "32-true"
    training.fit(net, criterion, people, optimizer=optimizer, **recipe)
    return net


# %%
def accuracy(net, faces, seed=0):
    """On pairs of the people put aside, with the threshold of the other folds."""
    _, unseen = data.split_by_identity(faces, n_test=10, seed=seed)
    pairs = data.verification_pairs(unseen.labels, 800, seed=seed)
    embeddings = training.embed(net, unseen, flip=True)
    scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
    return evaluation.kfold_accuracy(scores, pairs.same).mean


net = train_on(cuts["aligned"])

# %% [markdown]
# Now move the landmarks of the test faces, by more and more.

# %% tolerance="9 points"
generator = np.random.default_rng(2000)
live, shipped = [], []
model = weights.load("mobilefacenet_075_relu")
colour = replace(orl, images=orl.images.expand(-1, 3, -1, -1))
for pixels in DISTANCES:
    wrong = alignment.perturb(orl_points, pixels, generator)
    live.append(accuracy(net, cropped(orl, wrong)))
    shipped.append(accuracy(model, cropped(colour, wrong, 112)))
    ours, theirs = 100 * live[-1], 100 * shipped[-1]
    print(f"{pixels} pixels off: trained here {ours:.0f} %, shipped {theirs:.0f} %")

# %%
figure = viz.lines(
    {"trained here on 30 people": live, "the shipped model": shipped},
    DISTANCES,
    title="Ten people whom neither has seen: what moved landmarks cost",
    xlabel="pixels that each landmark of a test face is off",
    ylabel="verification accuracy",
)
viz.show(
    figure,
    alt="Over landmark error the network trained here falls, the other stays high.",
)

# %% tags=["guard"]
guard(
    "eight pixels cost the network trained here at least eight points, the other less",
    live[0] - live[-1] > 0.08 and shipped[0] - shipped[-1] < live[0] - live[-1],
    live=live,
    shipped=shipped,
)

# %% [markdown]
# ## The same over several seeds
#
# One run is an anecdote. So we load a record: the same experiment over eight seeds, each with other people put aside and
# other noise, with networks trained on each of the three cuts. We print and draw its means with 95 % intervals.

# %%
misalignment = record("misalignment")
runs = misalignment["figures"]["runs"]
print(misalignment["command"], "|", misalignment["date"], "|", len(runs), "seeds")


def over_seeds(trained_on, tested_on):
    """The accuracy of each seed, in per cent."""
    found = [np.mean(run["accuracy"][trained_on][tested_on]) for run in runs]
    return 100 * np.array(found)


means = {}
for name in cuts:
    means[name] = [over_seeds(name, str(d)).mean() for d in DISTANCES]
table = pd.DataFrame(means, index=[f"{d} pixels off" for d in DISTANCES]).T
table.round(1)

# %%
bands = {}
for name in cuts:
    intervals = [evaluation.mean_interval(over_seeds(name, str(d))) for d in DISTANCES]
    bands[name] = ([i.low for i in intervals], [i.high for i in intervals])
figure = viz.lines(
    means,
    DISTANCES,
    title="Accuracy on unseen people falls with every pixel (8 seeds, 95 % intervals)",
    xlabel="pixels that each landmark of a test face is off",
    ylabel="verification accuracy, %",
    bands=bands,
)
viz.show(
    figure,
    alt="Three falling curves with bands, one a training cut; moved falls least.",
)

# %% tags=["guard"]
guard(
    "the network trained on moved faces is ahead at every distance",
    np.all(np.array(means["moved 4 pixels"]) > np.array(means["aligned"])),
    means=means,
)

# %% [markdown]
# Read the figure with two questions.
#
# **Does a pixel matter?** The first one costs least. From then on the curve bends down, and within the figure it does
# not stop.
#
# **Can the network learn to tolerate it?** In part. The network trained on moved faces loses less, and it is ahead even
# on perfectly aligned faces: 90.4 against 89.4 %. Moving the training photographs is a form of augmentation, and thirty
# people are few. Each photograph was moved once here, and stayed so through the whole training.
#
# ## Is it enough that everyone is cut alike?
#
# Look at the differences: each network on faces cut like those it was trained on, and on faces cut differently. They
# are taken within each seed, so that easy and difficult people cancel; the interval is of their mean.

# %%
square = over_seeds("same square", "same square")
leads = {
    "each on its own kind: aligned - same square": (over_seeds("aligned", "0"), square),
    "trained on aligned: on aligned - on the square": (
        over_seeds("aligned", "0"),
        over_seeds("aligned", "same square"),
    ),
    "trained on the square: on the square - on aligned": (
        square,
        over_seeds("same square", "0"),
    ),
}
lows = []
for name, (a, b) in leads.items():
    interval = evaluation.paired_difference(a, b)
    lows.append(interval.low)
    mean, low, high = (a - b).mean(), interval.low, interval.high
    print(f"{name}: {mean:+.1f} points ({low:+.1f} to {high:+.1f})")

# %% tags=["guard"]
guard(
    "only aligned training tested on the square is clearly worse",
    lows[1] > 0 and lows[0] < 0 and lows[2] < 0,
    lows=lows,
)

# %% [markdown]
# - Between one square for all and five points, each trained and tested alike, these seeds show no clear difference: the
#   interval holds 0. ORL's heads are nearly in one place, so elsewhere it need not hold.
# - A network trained on aligned faces lost about eight points when it was tested on faces cut differently. Nothing warns
#   of it: the program runs, the scores are just worse.
# - The reverse is not clear here: the interval holds 0.
#
# So this course has one function, `alignment.align`, for training, testing and enrolment.
#
# ## The same on photographs from the press
#
# **LFW**, Labeled Faces in the Wild, is a set of press photographs with lists of pairs. **View 1** is the list that may
# be looked at as often as one likes, for development. The record below puts its photographs, cut in different ways,
# through one strong network that was trained elsewhere; its package does not say on which photographs. The threshold is
# chosen on one list of pairs, the accuracy is taken on another. The **equal error rate** (EER) is the error at the
# threshold where FAR equals FRR.

# %%
press = record("alignment_accuracy")
n_photographs = press["figures"]["settings"]["photographs"]
print(press["command"], "|", press["date"], "|", n_photographs, "photographs")
ways = {run["cut"]: run for run in press["figures"]["runs"]}
rows = {}
for name, run in ways.items():
    if "draw" not in name:  # not one of the moved ones
        low, high = run["interval"]
        rows[name] = {
            "accuracy, %": f"{100 * run['accuracy']:.1f}",
            "95 % interval": f"{100 * low:.1f} to {100 * high:.1f}",
            "EER, %": f"{100 * run['eer']:.1f}",
            "threshold": f"{run['threshold']:.2f}",
        }
pd.DataFrame.from_dict(rows, orient="index")

# %%
best, none = ways["MTCNN, five points"], ways["no alignment: the same square"]
at_distance, low_ends, high_ends = [], [], []
for d in DISTANCES:
    draws = [run["accuracy"] for name, run in ways.items() if f"moved {d} " in name]
    at_distance.append(np.mean(draws or [best["accuracy"]]))
    interval = evaluation.wilson(round(1000 * at_distance[-1]), 1000)
    low_ends.append(interval.low)
    high_ends.append(interval.high)
figure = viz.lines(
    {"MTCNN's points, moved": at_distance},
    DISTANCES,
    title="LFW View 1: a strong network tolerates small errors, not large ones",
    xlabel="pixels that each landmark is off",
    ylabel="accuracy on 1,000 pairs",
    bands={"MTCNN's points, moved": (low_ends, high_ends)},
    references={
        "no alignment": (none["interval"][0], none["accuracy"], none["interval"][1])
    },
)
viz.show(figure, alt="A curve, level at first and then falling, beside a lower band.")

# %% tags=["guard"]
guard(
    "eight pixels cost more than a point, and five points beat no alignment",
    at_distance[0] - at_distance[-1] > 0.01 and best["interval"][0] > none["accuracy"],
    at_distance=at_distance,
    best=best,
    none=none,
)

# %% [markdown]
# This network tolerates a few pixels without a loss that these pairs could show. Which **threshold** suits it depends on
# the cut: look at that column. And four lines of the table deserve a second look.
#
# - LFW's photographs were already **roughly aligned** by their publishers ("deep-funneled"), so "no alignment" is
#   flattered here. Of photographs that nobody has aligned before, this line says nothing.
# - The **box alone** was stretched to the square here, whatever its shape: part of its loss is that stretch.
# - The **affine transform by three points** came out below no alignment at all, though their intervals overlap. It puts
#   the eyes and the nose exactly where they belong, and lets the rest of the face stretch.
# - **The 96-wide template in 112 columns** is an easy slip: there are two published templates, which differ by
#   a shift of 8 pixels to the side. Every crop looks perfectly aligned. It is, to the wrong place.
#
# With `COURSE_FULL=1`, and LFW in the data folder, the next cell puts the shipped model through the same test.


# %%
def on_view1(net):
    """The accuracy on View 1's test pairs at each distance; missing faces: the mean."""
    photographs = data.lfw(crop=None, size=(250, 250))
    found = detector.detect_many(photographs.images)
    centre = ("central", (250, 250))
    faces = [alignment.choose_face(some, *centre) if some else None for some in found]
    mean = np.mean([face.landmarks for face in faces if face], axis=0)
    points = np.stack([face.landmarks if face else mean for face in faces])
    pairs = data.lfw_pairs(view="dev_test")
    print(f"no face in {faces.count(None)} photographs")
    for pixels in DISTANCES:
        wrong = alignment.perturb(points, pixels, np.random.default_rng(pixels))
        embeddings = training.embed(net, cropped(photographs, wrong, 112), flip=True)
        scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
        right = evaluation.kfold_accuracy(scores, pairs.same).mean
        print(f"{pixels} pixels: {100 * right:.1f} %")


if FULL:
    on_view1(model)

# %% [markdown]
# There is a second detector, **RetinaFace**, which is slower and misses less. Its weights are fetched apart.

# %% tags=["nbval-skip"] skip_reason="the weights of RetinaFace are fetched apart and may be missing"
try:
    retina = alignment.RetinaFace().detect(sheet)
    print(f"RetinaFace finds {len(retina)} faces on our sheet, MTCNN {len(seen.faces)}")
except FileNotFoundError as missing:
    print(missing)

# %% [markdown]
# ## Summary
#
# - A detector finds boxes and five points; a cascade does it cheaply, by looking closely only where it is worth it.
# - Rotation, scale and shift are fitted to the five points in closed form. An affine transform would stretch the face.
# - Misalignment costs accuracy, more with every pixel. Training on moved faces wins back a part, and helped on aligned
#   faces too.
# - Cut training, test and enrolment photographs **alike**: a network that knows only aligned faces did worse on others.
#
# **Next**: in [notebook 02](02_train_and_verify.ipynb) you train a network of your own, and test it on people it has
# never seen.
#
# ## What the papers report
#
# - Zhang et al. (2016, IEEE Signal Processing Letters) describe MTCNN. Deng et al. (2020, CVPR) describe RetinaFace, whose
#   small version is the second detector here.
# - Kumar et al. ("Memory Optimized Deep Learning based Face Recognition") crop MTCNN's box with a margin of 26 and no
#   landmarks. They do not say whether the margin counts in pixels of the photograph or of the crop:
#   `alignment.crop_with_margin` does both.
# - A similarity is an affine transform too. So where a paper says "affine", look in its code which one is meant.
