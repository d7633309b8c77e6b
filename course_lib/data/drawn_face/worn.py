"""What a drawn face wears: glasses, sunglasses, a medical mask."""

from __future__ import annotations

import numpy as np

from course_lib.data.drawn_face.model import Colour, Identity
from course_lib.data.drawn_face.sheet import Sheet, both, closed, curve, mirrored, scaled

FRAMES = ((24, 22, 24), (150, 150, 158), (116, 40, 36), (40, 44, 74))
CLOTHS = ((150, 190, 214), (226, 228, 228), (44, 46, 52), (176, 200, 186))


def lens(who: Identity, half_width: float, half_height: float) -> np.ndarray:
    """The outline (41, 2) of the lens before the right-hand eye, rounder for some people."""
    angle = np.linspace(0, 2 * np.pi, 41)
    corners = 0.62 if who.hair_seed % 3 else 0.9
    rounded = [np.sign(wave) * np.abs(wave) ** corners for wave in (np.cos(angle), np.sin(angle))]
    return curve(who.eye_x + 0.01 + half_width * rounded[0], 0.03 + half_height * rounded[1])


def paint_glasses(sheet: Sheet, who: Identity) -> None:
    """Clear lenses in a thin frame."""
    outline = lens(who, 0.30, 0.22)
    sheet.shape(both(outline), (225, 235, 245), 0.07, 0.01)
    paint_frame(sheet, who, outline, FRAMES[who.hair_seed % len(FRAMES)])


def paint_sunglasses(sheet: Sheet, who: Identity) -> None:
    """Dark lenses with a gleam."""
    outline = lens(who, 0.33, 0.25)
    sheet.shape(both(outline), (22, 22, 28), 0.97, 0.008)
    gleam = np.array([(-0.20, -0.12), (-0.08, -0.16), (-0.16, 0.10), (-0.24, 0.06)])
    for side in (-1, 1):
        sheet.shape(gleam + (side * who.eye_x, 0.03), (150, 160, 180), 0.28, 0.03, within=mirrored(outline, side))
    paint_frame(sheet, who, outline, FRAMES[0])


def paint_frame(sheet: Sheet, who: Identity, outline: np.ndarray, colour: Colour) -> None:
    """The rims, the bridge and the arms towards the ears."""
    sheet.shape(both(outline), colour, 1.0, 0.005, line=0.034)
    arm = np.array([(outline[:, 0].max() - 0.02, -0.06), (1.1, -0.08)])
    sheet.shape(both(arm), colour, 1.0, 0.005, line=0.035)
    u = np.linspace(-1, 1, 9)
    bridge = curve((outline[:, 0].min() + 0.01) * u, -0.05 - 0.03 * (1 - u**2))
    sheet.shape(bridge, colour, 1.0, 0.005, line=0.032)


def paint_mask(sheet: Sheet, who: Identity, rng: np.random.Generator) -> None:
    """A medical mask from the bridge of the nose to below the chin, with pleats and loops to the ears."""
    cloth, chin = CLOTHS[rng.integers(len(CLOTHS))], who.chin_y
    edge = [(0, 0.20), (0.18, 0.24), (0.5, 0.42), (0.86, 0.5), (0.84, 1.15)]
    edge += [(0.6, chin - 0.1), (0.3, chin + 0.1), (0, chin + 0.2)]
    outline, fold = closed(np.array(edge)), scaled(cloth, 0.72)
    loops = np.array([[(0.84, y), (1.1, 0.25 + 0.3 * y)] for y in (0.52, 1.12)])
    sheet.shape(both(loops), scaled(cloth, 0.92), line=0.028)
    sheet.shape(outline + (0, 0.03), scaled(who.skin, 0.5, 0.38, 0.34), 0.55, 0.035)  # its shadow
    sheet.shape(outline, cloth, 1.0, 0.008)
    u = np.linspace(-1, 1, 17)
    pleats = np.stack([curve(0.84 * u, y + 0.05 * (1 - u**2)) for y in (0.68, 0.90, 1.12)])
    sheet.shape(pleats, fold, 0.7, 0.012, line=0.018)
    sheet.shape(curve(0.5 * u, 0.30 + 0.09 * u**2), fold, 0.5, 0.012, line=0.02)
