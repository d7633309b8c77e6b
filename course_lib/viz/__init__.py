"""Figures (data in, ``Figure`` out), diagrams of networks, the slider that moves one, and how they reach a notebook."""

from __future__ import annotations

from course_lib.viz.bars import bars
from course_lib.viz.block_diagram import block_diagram
from course_lib.viz.contours import contours
from course_lib.viz.decisions import decisions
from course_lib.viz.det import det_curves
from course_lib.viz.diagram_canvas import Diagram
from course_lib.viz.diagram_stages import Stage, stages
from course_lib.viz.dots import dots
from course_lib.viz.estimates import estimates
from course_lib.viz.figures import feature_plane, image_grid, roc_curves, seeds_and_means
from course_lib.viz.heatmaps import heatmaps
from course_lib.viz.histograms import score_histogram, score_histograms
from course_lib.viz.lines import line_panels, lines
from course_lib.viz.network_diagram import network_diagram
from course_lib.viz.over_seeds import mean_curves, paired_differences
from course_lib.viz.photographs import Annotated, annotated, pyramid
from course_lib.viz.pipeline_diagram import pipeline_diagram
from course_lib.viz.projection import umap_projection
from course_lib.viz.sharing_diagram import sharing_diagram
from course_lib.viz.show import png, show
from course_lib.viz.spheres import spheres
from course_lib.viz.trade_off import trade_off
from course_lib.viz.widgets import slider, sliders, upload

__all__ = [
    "Annotated",
    "Diagram",
    "Stage",
    "annotated",
    "bars",
    "block_diagram",
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
    "network_diagram",
    "paired_differences",
    "pipeline_diagram",
    "png",
    "pyramid",
    "roc_curves",
    "score_histogram",
    "score_histograms",
    "seeds_and_means",
    "sharing_diagram",
    "show",
    "slider",
    "sliders",
    "spheres",
    "stages",
    "trade_off",
    "umap_projection",
    "upload",
]
