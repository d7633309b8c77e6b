"""What is painted on the front of a drawn head: skin, brows, eyes, lips, beard, glasses, a mask."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from course_lib.data.face_model import Colour, Conditions, Identity, mouth_corners

LEFT, TOP, RIGHT, BOTTOM = -1.15, -1.7, 1.15, 2.1  # of the sheet that is painted on, in half widths of the face
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Colour ``a`` with a share, 0..1, of ``b``."""
    return tuple(round(p + (q - p) * share) for p, q in zip(a, b, strict=True))


def scaled(colour: Colour, *factors: float) -> Colour:
    """A colour times one factor, or one a channel."""
    return tuple(min(255, round(p * f)) for p, f in zip(colour, factors * (3 // len(factors)), strict=True))


class Sheet:
    """The plane in front of the face, on which shapes are laid one over the other.

    Args:
        ground: the colour before anything is painted.
        density: pixels in half a width of the face.
    """

    def __init__(self, ground: Colour, density: float) -> None:
        self.density = density
        size = (round((RIGHT - LEFT) * density), round((BOTTOM - TOP) * density))
        self.image = Image.new("RGB", size, ground)

    def shape(
        self,
        outline: np.ndarray,
        colour: Colour,
        opacity: float = 1.0,
        blur: float = 0.006,
        *,
        line: float = 0.0,
        within: np.ndarray | None = None,
        grain: Image.Image | None = None,
    ) -> None:
        """Lay down a polygon (N, 2), or its outline if ``line`` is a width, with soft edges.

        ``within`` is a second polygon that the first must not leave; ``grain`` thins it like hair.
        """
        points = (outline - (LEFT, TOP)) * self.density
        margin = 3 * blur * self.density + line * self.density + 2
        low = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
        high = np.minimum(np.ceil(points.max(0) + margin), self.image.size).astype(int)
        if (high <= low).any() or opacity <= 0:
            return
        mask = Image.new("L", tuple(high - low))
        level = round(255 * min(opacity, 1))
        draw = ImageDraw.Draw(mask)
        if line:
            draw.line((points - low).ravel().tolist(), fill=level, width=max(1, round(line * self.density)), joint="curve")
        else:
            draw.polygon((points - low).ravel().tolist(), fill=level)
        mask = mask.filter(ImageFilter.GaussianBlur(blur * self.density))
        if within is not None:
            border = Image.new("L", mask.size)
            ImageDraw.Draw(border).polygon(((within - (LEFT, TOP)) * self.density - low).ravel().tolist(), fill=255)
            mask = ImageChops.multiply(mask, border)
        if grain is not None:
            mask = ImageChops.multiply(mask, grain.resize(self.image.size).crop((*low, *high)))
        self.image.paste(colour, tuple(low), mask)


def ellipse(x: float, y: float, half_width: float, half_height: float) -> np.ndarray:
    """Outline (33, 2), closed."""
    angle = np.linspace(0, 2 * np.pi, 33)
    return np.stack([x + half_width * np.cos(angle), y + half_height * np.sin(angle)], axis=1)


def mirrored(outline: np.ndarray, side: int) -> np.ndarray:
    """An outline drawn for the right of the image, on ``side`` +1, or on the left, -1."""
    return outline * (side, 1)


def band(x: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """The outline between two curves over the same ``x``."""
    return np.concatenate([np.stack([x, upper], axis=1), np.stack([x, lower], axis=1)[::-1]])


def paint_face(who: Identity, how: Conditions, density: float) -> Image.Image:
    """The front of the head as an RGB sheet, see ``Sheet``; light falls on it later."""
    rng = np.random.default_rng(how.scene)
    sheet = Sheet(who.skin, density)
    paint_skin(sheet, who, how)
    if who.beard:
        paint_beard(sheet, who, how)
    paint_nose(sheet, who)
    paint_mouth(sheet, who, how)
    gaze = rng.normal(0, 0.008, 2).clip(-0.015, 0.015)
    for side in (-1, 1):
        paint_eye(sheet, who, how, side, gaze)
        paint_brow(sheet, who, how, side)
    if who.glasses and how.occlusion != "sunglasses":
        paint_glasses(sheet, who, dark=False)
    if how.occlusion == "sunglasses":
        paint_glasses(sheet, who, dark=True)
    if how.occlusion == "mask":
        paint_mask(sheet, who, rng)
    return sheet.image


def paint_skin(sheet: Sheet, who: Identity, how: Conditions) -> None:
    """Warm cheeks, hollows that light hardly reaches, freckles, and the lines of age."""
    shade = scaled(who.skin, 0.62, 0.50, 0.46)
    warm = mix(scaled(who.skin, 1.0, 0.78, 0.72), (205, 90, 80), 0.18)
    rng = np.random.default_rng(who.hair_seed)
    for side in (-1, 1):
        sheet.shape(ellipse(side * 0.56, 0.5, 0.26, 0.2), warm, 0.55, 0.1)
        sheet.shape(ellipse(side * 0.5 * who.eye_x, -0.06, 0.09, 0.16), shade, 0.42, 0.06)  # beside the nose's root
        sheet.shape(ellipse(side * who.eye_x, -0.1, 1.35 * who.eye_width, 0.075), shade, 0.42, 0.04)
        bag = np.linspace(-1, 1, 9)
        outline = band(side * who.eye_x + 0.17 * bag, 0.13 - 0.04 * bag**2, 0.18 - 0.07 * bag**2)
        sheet.shape(outline, shade, 0.18 + 0.25 * who.age, 0.025)
        fold = 0.12 + 0.35 * who.age + 0.3 * max(how.smile, 0)
        corner = mouth_corners(who, how)[1]
        start, along = (who.nose_width + 0.05, who.nose_y + 0.02), np.linspace(0, 1, 8)
        x = start[0] + (corner[0] + 0.05 - start[0]) * along**0.8
        y = start[1] + (corner[1] - 0.03 - start[1]) * along
        sheet.shape(mirrored(np.stack([x, y], 1), side), shade, fold, 0.02, line=0.03)
        if who.age > 0.55:
            for lift in (-0.05, 0.0, 0.05):
                crow = np.array([(who.eye_x + 0.2, 0.0 + lift / 2), (who.eye_x + 0.3, 1.3 * lift)])
                sheet.shape(mirrored(crow, side), shade, 0.5 * who.age, 0.008, line=0.012)
    if who.age > 0.5:
        x = np.linspace(-0.5, 0.5, 9)
        for y in (-0.55, -0.66):
            sheet.shape(np.stack([x, y - 0.03 * np.cos(3 * x)], 1), shade, 0.55 * (who.age - 0.3), 0.012, line=0.02)
    if who.makeup < 0.2 and who.hair_seed % 5 == 0:
        spots = rng.normal((0, 0.42), (0.4, 0.12), (40, 2))
        for x, y in spots:
            sheet.shape(ellipse(x, y, 0.012, 0.011), scaled(who.skin, 0.78, 0.62, 0.5), 0.5, 0.004)


def paint_nose(sheet: Sheet, who: Identity) -> None:
    """Nostrils, the wings' folds, the shadow below and the shine on the tip."""
    shade = scaled(who.skin, 0.50, 0.36, 0.32)
    y = who.nose_y
    sheet.shape(ellipse(0, y + 0.2, 0.8 * who.nose_width, 0.05), shade, 0.35, 0.05)
    sheet.shape(ellipse(0, y + 0.01, 0.13, 0.12), mix(who.skin, (205, 90, 80), 0.3), 0.3, 0.05)
    for side in (-1, 1):
        x = side * 0.5 * who.nose_width
        nostril = ellipse(x, y + 0.115, 0.062, 0.026) + np.stack([np.zeros(33), 0.02 * np.cos(ellipse(0, 0, 1, 1)[:, 0])], 1)
        sheet.shape(nostril, scaled(shade, 0.35), 0.9, 0.014)
        angle = np.linspace(-0.9, 1.3, 9)
        wing = np.stack([who.nose_width * 0.72 + 0.075 * np.cos(angle), y + 0.05 + 0.08 * np.sin(angle)], 1)
        sheet.shape(mirrored(wing, side), shade, 0.55, 0.014, line=0.022)


def paint_mouth(sheet: Sheet, who: Identity, how: Conditions) -> None:
    """Two lips, between them a line, or teeth and the dark of an open mouth."""
    (_, _), (half, corner_y) = mouth_corners(who, how)
    u = np.linspace(-1, 1, 33)
    x, dome = half * u, np.sqrt(1 - u**2)
    centre_y = who.mouth_y + 0.03 * how.smile
    meet = centre_y + (corner_y - centre_y) * u**2  # the line the closed lips meet on
    gap = (0.05 * max(how.smile - 0.45, 0) + 0.26 * how.opening) * (1 - u**2) ** 0.8
    upper = meet - 0.12 * gap
    lower = meet + 0.88 * gap
    bow = 0.80 + 0.32 * np.exp(-(((np.abs(u) - 0.24) / 0.2) ** 2)) - 0.12 * np.exp(-((u / 0.1) ** 2))
    top = upper - who.lip_thickness * bow * dome**1.6
    bottom = lower + 1.25 * who.lip_thickness * dome**1.1
    red = mix(scaled(who.skin, 0.84, 0.58, 0.56), (176, 40, 56), 0.12 + 0.6 * who.makeup)
    shade = scaled(who.skin, 0.6, 0.47, 0.43)
    sheet.shape(ellipse(0, bottom[16] + 0.07, 0.6 * half, 0.035), shade, 0.5, 0.03)
    sheet.shape(band(x, top, upper), scaled(red, 0.86), 0.95, 0.012)
    sheet.shape(band(x, lower, bottom), red, 0.95, 0.014)
    shine = ellipse(0, lower[16] + 0.5 * who.lip_thickness, 0.35 * half, 0.018)
    sheet.shape(shine, mix(red, WHITE, 0.5), 0.45, 0.018)
    dark = scaled(red, 0.30, 0.22, 0.24)
    if gap.max() > 0.012:
        inside = band(x, upper, lower)
        sheet.shape(inside, dark, 1.0, 0.005)
        teeth = band(0.86 * x, upper - 0.02, upper + np.minimum(0.075, 0.8 * gap + 0.01) + 0.0 * u)
        sheet.shape(teeth, (236, 230, 218), 0.92, 0.008, within=inside)
        tongue = ellipse(0, lower[16], 0.55 * half, 0.38 * gap.max())
        sheet.shape(tongue, scaled(red, 0.85), 0.7, 0.02, within=inside)
    sheet.shape(np.stack([x, upper], 1), dark, 0.8, 0.008, line=0.016)
    for side in (-1, 1):
        sheet.shape(ellipse(side * half, corner_y, 0.028, 0.018), dark, 0.65, 0.014)


def eye_outline(who: Identity, how: Conditions) -> np.ndarray:
    """The slit of the right-hand eye around its middle (34, 2): the upper lid, then the lower one back."""
    u = np.linspace(-1, 1, 17)
    height = who.eye_height * (1 - 0.22 * max(how.smile, 0) + 0.1 * how.opening)
    upper = -1.05 * height * (1 - np.abs(u) ** 2.2) ** 0.8 * (1 - 0.12 * u)
    lower = 0.85 * height * (1 - u**2) ** 0.9 * (1 + 0.15 * u)
    outline = band(who.eye_width * u, upper, lower)
    angle = -who.eye_tilt
    return outline @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def paint_eye(sheet: Sheet, who: Identity, how: Conditions, side: int, gaze: np.ndarray) -> None:
    """Eyeball, iris, pupil and highlight inside the slit; lids, lashes and the crease around it."""
    middle = np.array([side * who.eye_x, 0.0])
    slit = mirrored(eye_outline(who, how), side) + middle
    upper, lower = slit[:17], slit[17:]
    shade, lash = scaled(who.skin, 0.52, 0.40, 0.36), scaled(mix(who.hair, BLACK, 0.6), 0.5)
    sheet.shape(slit, (234, 229, 222), 1.0, 0.005)
    sheet.shape(upper + (0, 0.012), (120, 100, 95), 0.55, 0.012, line=0.035, within=slit)  # the lid's shadow
    inner = slit[0]
    sheet.shape(ellipse(*inner, 0.022, 0.02), (205, 130, 120), 0.7, 0.008)
    x, y = middle + gaze + (0, -0.008)
    radius = 0.074
    sheet.shape(ellipse(x, y, radius, radius), scaled(who.iris, 0.5), 1.0, 0.006, within=slit)
    sheet.shape(ellipse(x, y, 0.84 * radius, 0.84 * radius), who.iris, 1.0, 0.008, within=slit)
    glow = ellipse(x, y + 0.3 * radius, 0.55 * radius, 0.4 * radius)
    sheet.shape(glow, mix(who.iris, (255, 235, 190), 0.4), 0.7, 0.012, within=slit)
    sheet.shape(ellipse(x, y, 0.46 * radius, 0.46 * radius), (12, 9, 9), 1.0, 0.005, within=slit)
    spark = 0.38 * radius * np.array([np.sign(how.light_azimuth or -1), -1])
    sheet.shape(ellipse(x + spark[0], y + spark[1], 0.019, 0.019), WHITE, 0.95, 0.004)
    sheet.shape(lower, shade, 0.4, 0.008, line=0.014)
    sheet.shape(upper, lash, 0.9, 0.006, line=0.020 + 0.016 * who.makeup)
    flick = np.stack([upper[-3], upper[-1] + (side * 0.03, -0.012)])
    sheet.shape(flick, lash, 0.55 + 0.4 * who.makeup, 0.006, line=0.014)
    crease = (upper - middle) * (1.08, 1.0) + middle + (0, -0.042)
    sheet.shape(crease[2:], shade, 0.55, 0.010, line=0.014)
    if who.makeup > 0.4:
        sheet.shape(np.concatenate([upper, crease[::-1]]), mix(shade, (110, 70, 110), 0.4), 0.4, 0.02)


def paint_brow(sheet: Sheet, who: Identity, how: Conditions, side: int) -> None:
    """A tapering arch with a few hairs."""
    u = np.linspace(0, 1, 13)
    x = 0.15 + (who.eye_x + 0.27 - 0.15) * u
    lift = 0.03 * how.opening + 0.015 * how.smile
    y = who.brow_y - lift - who.brow_arch * np.sin(np.pi * u**1.3) + 0.05 * u**2
    thickness = who.brow_thickness * (0.75 + 0.5 * u - 1.2 * u**3)
    colour = mix(scaled(who.hair, 0.8), scaled(who.skin, 0.5, 0.38, 0.3), 0.25)
    outline = band(x, y - thickness, y + thickness)
    sheet.shape(mirrored(outline, side), colour, 0.72, 0.016)
    rng = np.random.default_rng(who.hair_seed)
    for start in rng.uniform(0, 0.8, 9):
        foot = np.array([np.interp(start, u, x), np.interp(start, u, y + 0.7 * thickness)])
        hair = np.stack([foot, foot + (0.07, -1.2 * np.interp(start, u, thickness))])
        sheet.shape(mirrored(hair, side), scaled(colour, 0.75), 0.6, 0.004, line=0.010)


def paint_beard(sheet: Sheet, who: Identity, how: Conditions) -> None:
    """From the temples along the jaw, around the mouth; stubble is thin, a full beard is not."""
    half, corner_y = mouth_corners(who, how)[1]
    rng = np.random.default_rng(who.hair_seed)
    noise = rng.integers(0, 256, (150, 110)).astype(np.uint8)
    grain = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(0.8)).point(lambda v: min(255, 60 + int(1.25 * v)))
    chin, mouth = who.chin_y, who.mouth_y
    jaw = [(1.15, 0.15), (0.93, 0.2), (0.80, 0.72), (0.62, corner_y - 0.12), (half + 0.08, corner_y - 0.05)]
    jaw += [(half + 0.02, corner_y + 0.08), (0.2, mouth + 0.25), (0, mouth + 0.23)]
    edge = [(0, chin + 0.3), (1.15, chin + 0.3)]
    outline = np.array(jaw + edge)
    outline = np.concatenate([outline, mirrored(outline, -1)[::-1]])
    lip = np.array([(0, who.nose_y + 0.26), (0.16, who.nose_y + 0.22), (half + 0.06, corner_y - 0.05)])
    lip = np.concatenate([lip, [(half + 0.04, corner_y + 0.06), (0, mouth - 0.02)]])
    lip = np.concatenate([lip, mirrored(lip, -1)[::-1]])
    opacity = min(0.35 + 0.6 * who.beard, 0.95)
    for part in (outline, lip):
        sheet.shape(part, scaled(who.hair, 0.85), opacity, 0.035, grain=grain)


def paint_glasses(sheet: Sheet, who: Identity, *, dark: bool) -> None:
    """Two lenses, a bridge and the arms towards the ears."""
    frame = (24, 22, 24) if dark or who.hair_seed % 2 else (92, 62, 40)
    angle = np.linspace(0, 2 * np.pi, 41)
    squareness = 0.62 if who.hair_seed % 3 else 0.9
    rim = np.stack([np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** squareness, np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** squareness], 1)
    size = (0.33, 0.25) if dark else (0.30, 0.22)
    for side in (-1, 1):
        lens = rim * size + (side * (who.eye_x + 0.01), 0.03)
        if dark:
            sheet.shape(lens, (22, 22, 28), 0.97, 0.008)
            gleam = np.array([(-0.20, -0.12), (-0.08, -0.16), (-0.16, 0.10), (-0.24, 0.06)]) + lens.mean(0)
            sheet.shape(gleam, (150, 160, 180), 0.28, 0.03, within=lens)
        else:
            sheet.shape(lens, (225, 235, 245), 0.07, 0.01)
        sheet.shape(lens, frame, 1.0, 0.005, line=0.034)
        arm = np.array([(who.eye_x + 0.29, -0.06), (1.1, -0.08)])
        sheet.shape(mirrored(arm, side), frame, 1.0, 0.005, line=0.035)
    u = np.linspace(-1, 1, 9)
    inner = who.eye_x - size[0] + 0.01
    sheet.shape(np.stack([inner * u, -0.05 - 0.03 * (1 - u**2)], 1), frame, 1.0, 0.005, line=0.032)


def paint_mask(sheet: Sheet, who: Identity, rng: np.random.Generator) -> None:
    """A medical mask from the bridge of the nose to the chin, with pleats and loops to the ears."""
    cloth = ((150, 190, 214), (226, 228, 228), (44, 46, 52), (176, 200, 186))[rng.integers(4)]
    chin, fold = who.chin_y, scaled(cloth, 0.72)
    half = np.array([(0, 0.20), (0.18, 0.24), (0.5, 0.42), (0.86, 0.5), (0.84, 1.15), (0.6, chin - 0.1), (0.3, chin + 0.1), (0, chin + 0.2)])
    for y in (0.52, 1.12):
        loop = np.array([(0.84, y), (1.1, 0.25 + 0.3 * y)])
        for side in (-1, 1):
            sheet.shape(mirrored(loop, side), scaled(cloth, 0.92), 1.0, 0.006, line=0.028)
    outline = np.concatenate([half, mirrored(half, -1)[::-1]])
    sheet.shape(outline + (0, 0.03), scaled(who.skin, 0.5, 0.38, 0.34), 0.55, 0.035)
    sheet.shape(outline, cloth, 1.0, 0.008)
    u = np.linspace(-0.84, 0.84, 17)
    for y in (0.68, 0.90, 1.12):
        sheet.shape(np.stack([u, y + 0.07 * (1 - u**2)], 1), fold, 0.7, 0.012, line=0.018)
    sheet.shape(np.stack([u * 0.6, 0.30 + 0.35 * (u * 0.6) ** 2], 1), fold, 0.5, 0.012, line=0.02)
