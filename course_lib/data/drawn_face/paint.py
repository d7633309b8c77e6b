"""What is painted on the front of a drawn head: skin, eyes, brows, nose, lips, beard. Light falls on it later."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from course_lib.data.drawn_face.model import Conditions, Identity, mouth_corners
from course_lib.data.drawn_face.sheet import Sheet, band, both, closed, curve, ellipse, mirrored, mix, scaled
from course_lib.data.drawn_face.worn import paint_glasses, paint_mask, paint_sunglasses

WHITE, BLACK, FLUSH = (255, 255, 255), (0, 0, 0), (205, 90, 80)
IRIS_RADIUS = 0.084


def paint_face(who: Identity, how: Conditions, density: float) -> Image.Image:
    """The front of the head, RGB, ``density`` pixels to half a width of the face; see ``Sheet`` for its bounds."""
    rng = np.random.default_rng(how.scene)
    sheet = Sheet(who.skin, density)
    paint_skin(sheet, who)
    paint_lines_of_age(sheet, who, how)
    if who.beard:
        paint_beard(sheet, who, how)
    paint_nose(sheet, who)
    paint_mouth(sheet, who, how)
    gaze = rng.normal(0, 0.008, 2).clip(-0.015, 0.015)
    for side in (-1, 1):
        paint_eye(sheet, who, how, side, gaze)
    paint_brows(sheet, who, how)
    if how.occlusion == "sunglasses":
        paint_sunglasses(sheet, who)
    elif who.glasses:
        paint_glasses(sheet, who)
    if how.occlusion == "mask":
        paint_mask(sheet, who, rng)
    return sheet.image


def paint_skin(sheet: Sheet, who: Identity) -> None:
    """Warm cheeks, the hollows that light hardly reaches, and some people's freckles."""
    shade = scaled(who.skin, 0.62, 0.50, 0.46)
    warm = mix(scaled(who.skin, 1.0, 0.78, 0.72), FLUSH, 0.18)
    sheet.shape(both(ellipse(0.56, 0.5, 0.26, 0.2)), warm, 0.3, 0.1)
    sheet.shape(both(ellipse(0.5 * who.eye_x, -0.06, 0.09, 0.16)), shade, 0.42, 0.06)  # beside the nose's root
    sheet.shape(both(ellipse(who.eye_x, -0.1, 1.35 * who.eye_width, 0.075)), shade, 0.42, 0.04)
    if who.makeup < 0.2 and who.hair_seed % 7 == 0:
        places = np.random.default_rng(who.hair_seed).normal((0, 0.42), (0.4, 0.12), (40, 1, 2))
        sheet.shape(places + ellipse(0, 0, 0.012, 0.011), scaled(who.skin, 0.8, 0.66, 0.55), 0.4, 0.005)


def paint_lines_of_age(sheet: Sheet, who: Identity, how: Conditions) -> None:
    """Below the eyes and from the nose to the mouth, where smiles deepen them; later also on forehead and temples."""
    shade = scaled(who.skin, 0.62, 0.50, 0.46)
    u = np.linspace(-1, 1, 9)
    bags = band(who.eye_x + 0.17 * u, 0.13 - 0.04 * u**2, 0.18 - 0.07 * u**2)
    sheet.shape(both(bags), shade, 0.18 + 0.25 * who.age, 0.025)
    corner_x, corner_y = mouth_corners(who, how)[1]
    along = np.linspace(0, 1, 8)
    x = who.nose_width + 0.05 + (corner_x - who.nose_width) * along**0.8
    y = who.nose_y + 0.02 + (corner_y - 0.05 - who.nose_y) * along
    depth = 0.08 + 0.25 * who.age + 0.22 * max(how.smile, 0)
    sheet.shape(both(curve(x, y)), shade, depth, 0.028, line=0.03)
    if who.age > 0.5:
        forehead = np.stack([curve(0.5 * u, y - 0.03 * np.cos(1.5 * u)) for y in (-0.55, -0.66)])
        sheet.shape(forehead, shade, 0.55 * (who.age - 0.3), 0.012, line=0.02)
    if who.age > 0.55:
        temples = [[(who.eye_x + 0.2, drop / 2), (who.eye_x + 0.3, 1.3 * drop)] for drop in (-0.05, 0.0, 0.05)]
        sheet.shape(both(np.array(temples)), shade, 0.5 * who.age, 0.008, line=0.012)


def paint_nose(sheet: Sheet, who: Identity) -> None:
    """The sides of the ridge and its shine, nostrils, the wings' folds and the shadow below."""
    shade, light = scaled(who.skin, 0.52, 0.38, 0.34), mix(who.skin, WHITE, 0.45)
    y, width = who.nose_y, who.nose_width
    sheet.shape(ellipse(0, y + 0.2, 0.8 * width, 0.05), shade, 0.32, 0.05)
    sheet.shape(ellipse(0, y + 0.01, 0.13, 0.12), mix(who.skin, FLUSH, 0.3), 0.25, 0.05)
    sheet.shape(np.array([(0, 0.0), (0, y - 0.12)]), light, 0.35, 0.03, line=0.05)
    sheet.shape(ellipse(0, y - 0.01, 0.045, 0.04), light, 0.45, 0.03)
    ridge = np.array([(0.11, -0.02), (0.10, 0.2 * y), (0.12, 0.6 * y), (0.6 * width, y - 0.03)])
    sheet.shape(both(ridge), shade, 0.26, 0.03, line=0.05)
    sheet.shape(both(ellipse(0.5 * width, y + 0.115, 0.055, 0.024)), scaled(shade, 0.5), 0.85, 0.014)
    angle = np.linspace(-0.9, 1.3, 9)
    wing = curve(width * 0.72 + 0.075 * np.cos(angle), y + 0.05 + 0.08 * np.sin(angle))
    sheet.shape(both(wing), shade, 0.45, 0.014, line=0.022)


def paint_mouth(sheet: Sheet, who: Identity, how: Conditions) -> None:
    """Two lips, and between them a line, or teeth and the dark of an open mouth."""
    half, corner_y = mouth_corners(who, how)[1]
    u = np.linspace(-1, 1, 33)
    x, dome = half * u, np.sqrt(1 - u**2)
    centre_y = who.mouth_y + 0.03 * how.smile
    meet = centre_y + (corner_y - centre_y) * u**2  # the line on which closed lips meet
    gap = (0.05 * max(how.smile - 0.45, 0) + 0.26 * how.opening) * (1 - u**2) ** 0.8
    upper, lower = meet - 0.12 * gap, meet + 0.88 * gap
    bow = 0.80 + 0.32 * np.exp(-(((np.abs(u) - 0.24) / 0.2) ** 2)) - 0.12 * np.exp(-((u / 0.1) ** 2))
    top = upper - who.lip_thickness * bow * dome**1.6
    bottom = lower + 1.25 * who.lip_thickness * dome**1.1
    red = mix(scaled(who.skin, 0.84, 0.58, 0.56), (176, 40, 56), 0.12 + 0.6 * who.makeup)
    dark, middle = scaled(red, 0.30, 0.22, 0.24), len(u) // 2
    sheet.shape(ellipse(0, bottom[middle] + 0.07, 0.6 * half, 0.035), scaled(who.skin, 0.6, 0.47, 0.43), 0.5, 0.03)
    sheet.shape(band(x, top, upper), scaled(red, 0.86), 0.95, 0.012)
    sheet.shape(band(x, lower, bottom), red, 0.95, 0.014)
    shine = ellipse(0, lower[middle] + 0.5 * who.lip_thickness, 0.35 * half, 0.018)
    sheet.shape(shine, mix(red, WHITE, 0.5), 0.45, 0.018)
    if gap.max() > 0.012:
        inside = band(x, upper, lower)
        teeth = band(0.86 * x, upper - 0.02, upper + np.minimum(0.075, 0.8 * gap + 0.01))
        tongue = ellipse(0, lower[middle], 0.55 * half, 0.38 * gap.max())
        sheet.shape(inside, dark, 1.0, 0.005)
        sheet.shape(teeth, (236, 230, 218), 0.92, 0.008, within=inside)
        sheet.shape(tongue, scaled(red, 0.85), 0.7, 0.02, within=inside)
    sheet.shape(curve(x, upper), dark, 0.8, 0.008, line=0.016)
    sheet.shape(both(ellipse(half, corner_y, 0.028, 0.018)), dark, 0.65, 0.014)


def eye_lids(who: Identity, how: Conditions) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower lid (17, 2) of the right-hand eye, each from the inner to the outer corner."""
    u = np.linspace(-1, 1, 17)
    height = who.eye_height * (1 - 0.22 * max(how.smile, 0) + 0.1 * how.opening)
    upper = -1.05 * height * (1 - np.abs(u) ** 2.2) ** 0.8 * (1 - 0.12 * u)
    lower = 0.85 * height * (1 - u**2) ** 0.9 * (1 + 0.15 * u)
    tilted = np.array([[np.cos(who.eye_tilt), -np.sin(who.eye_tilt)], [np.sin(who.eye_tilt), np.cos(who.eye_tilt)]])
    right = np.array([who.eye_x, 0])
    return curve(who.eye_width * u, upper) @ tilted + right, curve(who.eye_width * u, lower) @ tilted + right


def paint_eye(sheet: Sheet, who: Identity, how: Conditions, side: int, gaze: np.ndarray) -> None:
    """Eyeball, iris, pupil and highlight inside the slit; lids, lashes and the crease around it."""
    upper, lower = (mirrored(lid, side) for lid in eye_lids(who, how))
    slit = np.concatenate([upper, lower[::-1]])
    x, y = gaze + (side * who.eye_x, -0.008)
    radius, white = IRIS_RADIUS, mix((234, 229, 222), scaled(who.skin, 0.8), 0.15)
    sheet.shape(slit, white, 1.0, 0.005)
    sheet.shape(upper + (0, 0.012), (120, 100, 95), 0.55, 0.012, line=0.035, within=slit)  # the lid's shadow
    sheet.shape(ellipse(*slit[0], 0.022, 0.02), (205, 130, 120), 0.7, 0.008)
    sheet.shape(ellipse(x, y, radius, radius), scaled(who.iris, 0.5), 1.0, 0.006, within=slit)
    sheet.shape(ellipse(x, y, 0.84 * radius, 0.84 * radius), who.iris, 1.0, 0.008, within=slit)
    glow = ellipse(x, y + 0.3 * radius, 0.55 * radius, 0.4 * radius)
    sheet.shape(glow, mix(who.iris, (255, 235, 190), 0.4), 0.7, 0.012, within=slit)
    sheet.shape(ellipse(x, y, 0.46 * radius, 0.46 * radius), (12, 9, 9), 1.0, 0.005, within=slit)
    towards_lamp = 1 if how.light_azimuth > 0 else -1
    sheet.shape(ellipse(x + 0.38 * radius * towards_lamp, y - 0.38 * radius, 0.019, 0.019), WHITE, 0.95, 0.004)
    paint_lids(sheet, who, upper, lower, side)


def paint_lids(sheet: Sheet, who: Identity, upper: np.ndarray, lower: np.ndarray, side: int) -> None:
    """The rims of an eye: lashes above, a line below, the crease of the lid and some people's eye shadow."""
    shade, lash = scaled(who.skin, 0.52, 0.40, 0.36), scaled(mix(who.hair, BLACK, 0.6), 0.5)
    middle = np.array([side * who.eye_x, 0])
    crease = (upper - middle) * (1.08, 1.0) + middle + (0, -0.042)
    if who.makeup > 0.4:
        sheet.shape(np.concatenate([upper, crease[::-1]]), mix(shade, (110, 70, 110), 0.4), 0.4, 0.02)
    sheet.shape(lower, shade, 0.4, 0.008, line=0.014)
    sheet.shape(upper, lash, 0.9, 0.006, line=0.020 + 0.016 * who.makeup)
    sheet.shape(np.stack([upper[-3], upper[-1] + (side * 0.03, -0.012)]), lash, 0.55 + 0.4 * who.makeup, line=0.014)
    sheet.shape(crease[2:], shade, 0.55, 0.010, line=0.014)


def paint_brows(sheet: Sheet, who: Identity, how: Conditions) -> None:
    """Two tapering arches with a few hairs."""
    u = np.linspace(0, 1, 13)
    x = 0.15 + (who.eye_x + 0.12) * u
    lift = 0.03 * how.opening + 0.015 * how.smile
    y = who.brow_y - lift - who.brow_arch * np.sin(np.pi * u**1.3) + 0.05 * u**2
    thickness = who.brow_thickness * (0.75 + 0.5 * u - 1.2 * u**3)
    colour = mix(scaled(who.hair, 0.8), scaled(who.skin, 0.5, 0.38, 0.3), 0.25)
    sheet.shape(both(band(x, y - thickness, y + thickness)), colour, 0.72, 0.016)
    start = np.random.default_rng(who.hair_seed).uniform(0, 0.8, 9)
    foot = curve(np.interp(start, u, x), np.interp(start, u, y + 0.7 * thickness))
    tip = foot + curve(np.full(9, 0.07), -1.2 * np.interp(start, u, thickness))
    sheet.shape(both(np.stack([foot, tip], axis=1)), scaled(colour, 0.75), 0.6, 0.004, line=0.010)


def paint_beard(sheet: Sheet, who: Identity, how: Conditions) -> None:
    """From the temples along the jaw, and around the mouth; stubble is thin, a full beard is not."""
    half, corner_y = mouth_corners(who, how)[1]
    noise = np.random.default_rng(who.hair_seed).integers(0, 256, (150, 110)).astype(np.uint8)
    grain = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(0.8)).point(lambda v: min(255, 60 + int(1.25 * v)))
    chin, mouth = who.chin_y, who.mouth_y
    jaw = [(0, mouth + 0.23), (0.2, mouth + 0.25), (half + 0.02, corner_y + 0.08), (half + 0.08, corner_y - 0.05)]
    jaw += [(0.62, corner_y - 0.12), (0.80, 0.72), (0.93, 0.2), (1.15, 0.15), (1.15, chin + 0.3)]
    moustache = [(0, who.nose_y + 0.26), (0.16, who.nose_y + 0.22), (half + 0.06, corner_y - 0.05)]
    moustache += [(half + 0.04, corner_y + 0.06), (0, mouth - 0.02)]
    for outline in (jaw, moustache):
        opacity = min(0.35 + 0.6 * who.beard, 0.95)
        sheet.shape(closed(np.array(outline)), scaled(who.hair, 0.85), opacity, 0.035, grain=grain)
