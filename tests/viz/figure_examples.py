"""One example of every figure, with the longest texts it must bear."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure

from course_lib import viz
from course_lib.data import orl_faces
from course_lib.evaluation import det, roc

LONG = "A title that states its finding at such length that no figure of this course can hold it in one line of text"
NAMES = [str(digit) for digit in range(10)]


def features(seed: int = 0, per_class: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Ten classes around a circle of radius 20."""
    labels = np.repeat(np.arange(10), per_class)
    circle = 20 * np.stack([np.cos(labels * 0.63), np.sin(labels * 0.63)], axis=1)
    return circle + np.random.default_rng(seed).normal(size=circle.shape), labels


def pairs(n: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of genuine and impostor pairs, which overlap."""
    generator = np.random.default_rng(seed)
    same = np.arange(n) % 2 == 0
    return generator.normal(0.1, 0.15, n) + 0.4 * same, same


def photographs(n: int, channels: int = 1) -> torch.Tensor:
    """Smooth pictures that all differ, uint8 (n, channels, 56, 46)."""
    ramp = torch.linspace(0, 255, 56 * 46).reshape(1, 1, 56, 46)
    return (ramp * torch.linspace(0.4, 1, n * channels).reshape(n, channels, 1, 1)).to(torch.uint8)


def image_grid() -> Figure:
    captions = [f"person {i}, whose score is 0.{i}" for i in range(13)]
    return viz.image_grid(photographs(13), captions, title=LONG, columns=5, credit="Photographs: " + LONG)


def narrow_image_grid() -> Figure:
    return viz.image_grid(photographs(2, channels=3), ["first", "second"], title=LONG, credit="a source")


def many_faces() -> Figure:
    """Real photographs, which compress least."""
    return viz.image_grid(orl_faces().images[:36], title=LONG, columns=6, credit="The ORL Database of Faces")


def feature_plane() -> Figure:
    (points, labels), centers = features(), np.array([[20.0, 0.0], [-20.0, 0.0]])
    panels = {"softmax": (points, labels), "softmax + center loss, intra/inter ratio 0.05": (points / 200, labels)}
    return viz.feature_plane(panels, NAMES, title=LONG, centers={"softmax": centers})


def crowded_feature_plane() -> Figure:
    labels = np.arange(80) % 40
    points = np.random.default_rng(0).normal(size=(80, 2))
    return viz.feature_plane({"forty people": (points, labels)}, [f"person {i}" for i in range(40)], title=LONG)


def five_feature_planes() -> Figure:
    panels = {f"weight {weight}": features(weight, per_class=3) for weight in range(5)}
    return viz.feature_plane(panels, NAMES, title=LONG, axis_label="UMAP", share=True)


def lines() -> Figure:
    x = range(1, 41)
    series = {f"method {k}, with a name that is long": [(k + 1) / step for step in x] for k in range(4)}
    ylabel = "a ratio whose name takes more than one line"
    return viz.lines(series, x, title=LONG, xlabel="epoch", ylabel=ylabel, log_y=True)


def lines_with_bands() -> Figure:
    x = [0, 1, 2, 4, 8]
    series = {"similarity": [0.9, 0.88, 0.85, 0.8, 0.7], "affine": [0.9, 0.86, 0.8, 0.7, 0.6]}
    bands = {name: (np.array(y) - 0.03, np.array(y) + 0.03) for name, y in series.items()}
    return viz.lines(series, x, title=LONG, xlabel="pixels that each landmark is off", ylabel="accuracy", bands=bands)


def line_panels() -> Figure:
    """Two units, a jump, references of which one has an interval, and points named where the curves are dense."""
    x, y = np.linspace(0, 30, 31), np.linspace(60, 99, 31)
    panels = {"test digits named rightly, %": {"one": y, "other": y[::-1]}, "intra/inter ratio": {"one": 1 / (1 + x)}}
    accuracy, ratio = panels
    return viz.line_panels(
        panels,
        x,
        title=LONG,
        xlabel="epoch",
        references={accuracy: {"softmax alone, whose name is long": (90.0, 92.0, 94.0)}, ratio: {"no ratio": 0.5}},
        named={accuracy: {"the best epoch": (30, 99), "the worst, a long name": (30, 60)}, ratio: {"first": (0, 1)}},
        breaks={"other": [10, 20.5]},
        limits={accuracy: (50, 100)},
        log_y=[ratio],
    )


def dots() -> Figure:
    layers = ["stem", "depthwise-separable, whose name is long", *(f"stage {k}" for k in range(5)), "head"]
    series = {"own kernels": np.geomspace(10, 1e6, 8), "one kernel for all positions": np.full(8, 100.0)}
    intervals = {"own kernels": (series["own kernels"] / 2, series["own kernels"] * 2)}
    references = {"a million": 1e6}
    return viz.dots(series, layers, title=LONG, xlabel=LONG, intervals=intervals, references=references, log_x=True)


def annotated() -> Figure:
    faces = orl_faces().images[:60:10, 0].numpy()
    points = {"landmarks": np.array([(30, 50), (60, 50.0)]), "template": np.array([(32, 52), (62, 52.0)])}
    boxes = np.array([(10, 10, 80, 100.0)])
    panels = {f"person {i}, rotated by 20 degrees": viz.Annotated(face, boxes, points) for i, face in enumerate(faces)}
    return viz.annotated(panels, title=LONG, credit="Photographs: " + LONG)


def one_annotated() -> Figure:
    return viz.annotated({"": viz.Annotated(orl_faces().images[0, 0].numpy())}, title=LONG, cell=3)


def named_boxes() -> Figure:
    boxes = np.array([(10, 1, 80, 50.0), (10, 60, 80, 110)])
    panel = viz.Annotated(orl_faces().images[0, 0].numpy(), boxes, labels=["somebody", None])
    return viz.annotated({"two boxes": panel}, title=LONG, columns=1, cell=4)


def pyramid() -> Figure:
    face = orl_faces().images[0, 0].numpy()
    return viz.pyramid([face[::step, ::step] for step in (1, 2, 3, 4, 5)], title=LONG, credit="a source " + LONG)


def score_histogram() -> Figure:
    marked = {"the first photographs": 0.7, "the second photographs": -0.1}
    return viz.score_histogram(*pairs(), title=LONG, threshold=0.3, marked=marked)


def score_histograms() -> Figure:
    panels = {"a network that was trained here": pairs(), LONG: pairs(2_000, seed=1)}
    return viz.score_histograms(panels, title=LONG, thresholds={LONG: 0.3})


def decisions() -> Figure:
    return viz.decisions(*pairs(60_000), 0.3, title=LONG)


def roc_curves() -> Figure:
    curves = {"softmax": roc(*pairs(seed=1)), "softmax + center loss": roc(*pairs())}
    return viz.roc_curves(curves, title=LONG, n_impostor=300, named={"the point": (0.01, 0.5)})


def det_curves() -> Figure:
    curves = {"softmax": det(*pairs(seed=1)), "softmax + center loss, whose weight is 0.01": det(*pairs())}
    return viz.det_curves(curves, title=LONG, n_genuine=300, n_impostor=300)


def det_curves_of_many_and_few() -> Figure:
    """Seven decades across and one up, as if there were so many pairs, and a model that is no better than chance."""
    generator = np.random.default_rng(0)
    scores, same = generator.normal(size=3_000), np.arange(3_000) < 30
    curves = {"a model": det(scores + 3 * same, same), "chance": det(scores, same)}
    return viz.det_curves(curves, title=LONG, n_genuine=30, n_impostor=10_000_000)


def seeds_and_means() -> Figure:
    values = {"softmax": [0.8, 0.82, 0.81], "softmax + center loss, whose weight is 0.01": [0.85, 0.85, 0.88]}
    intervals = {name: (min(runs), max(runs)) for name, runs in values.items()}
    return viz.seeds_and_means(values, intervals, title=LONG, xlabel="accuracy on unseen people")


def paired_differences() -> Figure:
    rng = np.random.default_rng(0)
    pairs = {f"source {k}, whose name is long": (rng.normal(k - 1, 0.5, 5), np.zeros(5)) for k in range(6)}
    return viz.paired_differences(pairs, title=LONG, xlabel="points more than from nothing")


def mean_curves() -> Figure:
    rng = np.random.default_rng(0)
    series = {f"method {k}, with a name that is long": np.cumsum(rng.uniform(0, k + 1, (5, 40)), 1) for k in range(4)}
    return viz.mean_curves(series, range(1, 41), title=LONG, xlabel="epoch", ylabel="named rightly, %")


def bars() -> Figure:
    values = {"standard convolution": 28.9, "depthwise-separable, which is long": 3.66, "inverted residual": 13.7}
    units = ("multiply-adds, in millions, whose name takes more than one line of such a panel, as it well may", "MB")
    return viz.bars({unit: values for unit in units}, title=LONG)


def bars_of_one_unit() -> Figure:
    """A sharp and a flat distribution, and below them, in a unit of its own, a number that is not known."""
    sharp, flat = np.eye(10)[4], np.full(10, 0.1)
    panels = {name: dict(zip(NAMES, map(float, p), strict=True)) for name, p in {"sharp": sharp, LONG: flat}.items()}
    panels["bytes"] = dict.fromkeys(NAMES[1:], 5) | {"0": None}
    panels["bytes"] = {name: panels["bytes"][name] for name in NAMES}
    return viz.bars(panels, title=LONG, unit={"sharp": "probability", LONG: "probability"})


def heatmaps() -> Figure:
    values = np.arange(49).reshape(7, 7) / 50
    return viz.heatmaps({"accuracy": values, "mean weight after training, whose name is long": values.T}, title=LONG)


def heatmaps_of_one_unit() -> Figure:
    panels = {"wide": np.arange(9.0).reshape(3, 3), "narrow": np.full((3, 3), 4.0)}
    return viz.heatmaps(panels, title=LONG, cell="{:.0f}", unit="points")


def one_small_heatmap() -> Figure:
    return viz.heatmaps({"the only one": np.eye(2)}, title=LONG)


def trade_off() -> Figure:
    names = [f"network {i}" for i in range(12)]
    costs = {unit: {name: 1.9**i for i, name in enumerate(names)} for unit in ("million multiply-adds", LONG)}
    quality = {name: (0.7 + i / 100, 0.75 + i / 100, 0.8 + i / 100) for i, name in enumerate(names)}
    groups = {"one family": names[:5], "another family, whose name is long": names[5:]}
    options = {"references": {"the pixels themselves": 0.78}, "named": names[::3]}
    return viz.trade_off(costs, quality, groups, title=LONG, ylabel=LONG, **options)


def estimates() -> Figure:
    found = {"MobileFaceNet": (99.5, 99.7, 99.8), "the other network, whose name is long": (99.74, 99.85, 99.92)}
    return viz.estimates(found, title=LONG, xlabel=LONG, references={"what the paper prints, in words": 99.7})


def contours() -> Figure:
    x, y = np.linspace(-2, 2, 41), np.linspace(-1.5, 1.5, 31)
    heights = (x**2 + 3 * y[:, None] ** 2) / 10
    path = np.stack([np.linspace(-1.8, 1.8, 12), np.linspace(1.4, -1.2, 12) ** 3 / 3], axis=1)
    options = {"paths": {"SGD, whose name is long": path, "SAM": -path}, "arrows": {"ascent": [[[-1, 0], [0, 1]]]}}
    panels = {"the loss": heights, "the largest loss in a ball of radius 0.5 around each point": heights + 0.5}
    return viz.contours(panels, x, y, title=LONG, xlabel="weight 1, of two", ylabel="weight 2", **options)


def one_contour_plane() -> Figure:
    x = np.linspace(-1, 1, 11)
    heights = 0.01 + x**2 + x[:, None] ** 2
    return viz.contours({"": heights}, x, x, title=LONG, xlabel="direction 1", ylabel="direction 2", log=True)


def directions(seed: int = 0, per_class: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Ten classes all over a sphere, at lengths from 1 to 20."""
    labels, generator = np.repeat(np.arange(10), per_class), np.random.default_rng(seed)
    points = generator.normal(size=(10, 3))[labels] + 0.1 * generator.normal(size=(len(labels), 3))
    return points * generator.uniform(1, 20, (len(labels), 1)), labels


def spheres() -> Figure:
    panels = {name: directions(seed) for seed, name in enumerate(("softmax", "CosFace, scale 16, margin 0.35, long"))}
    return viz.spheres(panels, NAMES, title=LONG, centers={"softmax": np.eye(3)}, azimuth=200)


def six_spheres() -> Figure:
    panels = {f"criterion {seed}": directions(seed, per_class=100) for seed in range(6)}
    return viz.spheres(panels, NAMES, title=LONG)


EXAMPLES = {
    make.__name__: make
    for make in (
        image_grid,
        narrow_image_grid,
        many_faces,
        feature_plane,
        crowded_feature_plane,
        five_feature_planes,
        lines,
        lines_with_bands,
        line_panels,
        dots,
        annotated,
        one_annotated,
        named_boxes,
        pyramid,
        score_histogram,
        score_histograms,
        decisions,
        roc_curves,
        det_curves,
        det_curves_of_many_and_few,
        seeds_and_means,
        paired_differences,
        mean_curves,
        bars,
        bars_of_one_unit,
        heatmaps,
        heatmaps_of_one_unit,
        one_small_heatmap,
        trade_off,
        estimates,
        contours,
        one_contour_plane,
        spheres,
        six_spheres,
    )
}
