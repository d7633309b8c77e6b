"""Light on surfaces: one lamp, the light of the surroundings, and a shine."""

from __future__ import annotations

import numpy as np

from course_lib.data.drawn_face.model import Conditions


def linear(colour: np.ndarray | tuple[int, ...]) -> np.ndarray:
    """Amounts of light, 0..1, of 8-bit colours; a screen's gamma is taken to be 2."""
    return (np.asarray(colour, np.float32) / 255) ** 2


def lamp(how: Conditions) -> np.ndarray:
    """The direction (3,) to the lamp, in the view."""
    azimuth, elevation = np.deg2rad([how.light_azimuth, how.light_elevation])
    across, towards = np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation)
    return np.array([across, -np.sin(elevation), towards], np.float32)


def shade(
    albedo: np.ndarray, normal: np.ndarray, how: Conditions, *, shine: float = 0.0, soft: float = 0.25
) -> np.ndarray:
    """Light (N, 3) from a surface of the given albedo (N, 3) and normals (3, N).

    ``shine`` is the strength of its gloss; ``soft`` says how far round the edge the lamp's light reaches.
    """
    to_lamp, strength = lamp(how), np.float32(how.light_strength)
    direct = np.maximum((to_lamp @ normal + soft) / (1 + soft), 0)
    around = 0.66 - 0.32 * normal[1] + 0.18 * normal[2]
    colour = albedo * ((1 - 0.72 * strength) * around + 1.05 * strength * direct)[:, None]
    if shine:
        half = to_lamp + np.array([0, 0, 1], np.float32)
        gloss = np.maximum((half / np.linalg.norm(half)) @ normal, 0) ** 24
        colour += (shine * (0.3 + 0.7 * strength) * gloss)[:, None]
    return colour
