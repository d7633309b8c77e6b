"""Figures (data in, ``Figure`` out), the slider that moves one, and how they reach a notebook."""

from __future__ import annotations

from course_lib.viz.bars import bars
from course_lib.viz.contours import contours
from course_lib.viz.decisions import decisions
from course_lib.viz.det import det_curves
from course_lib.viz.dots import dots
from course_lib.viz.estimates import estimates
from course_lib.viz.figures import feature_plane, image_grid, roc_curves, seeds_and_means
from course_lib.viz.heatmaps import heatmaps
from course_lib.viz.histograms import score_histogram, score_histograms
from course_lib.viz.lines import line_panels, lines
from course_lib.viz.over_seeds import mean_curves, paired_differences
from course_lib.viz.photographs import Annotated, annotated, pyramid
from course_lib.viz.projection import umap_projection
from course_lib.viz.show import png, show
from course_lib.viz.spheres import spheres
from course_lib.viz.trade_off import trade_off
from course_lib.viz.widgets import slider, sliders

__all__ = [
    "Annotated",
    "annotated",
    "bars",
    "contours",
    "decisions",
    "det_curves",
    "dots",
    "estimates",
    "feature_plane",
    "heatmaps",
    "image_grid",
    "line_panels",
    "lines",
    "mean_curves",
    "paired_differences",
    "png",
    "pyramid",
    "roc_curves",
    "score_histogram",
    "score_histograms",
    "seeds_and_means",
    "show",
    "slider",
    "sliders",
    "spheres",
    "trade_off",
    "umap_projection",
]
