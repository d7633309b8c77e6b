// Boxes around faces: [left, top, right, bottom] in pixels, as in course_lib/alignment/boxes.py.

export function area([left, top, right, bottom]) {
  return Math.max(0, right - left) * Math.max(0, bottom - top);
}

/** How much two boxes overlap, 0..1: of their union, or in the mode "min" of the smaller one. */
export function overlap(one, other, mode = "union") {
  const shared = area([
    Math.max(one[0], other[0]), Math.max(one[1], other[1]), Math.min(one[2], other[2]), Math.min(one[3], other[3]),
  ]);
  const whole = mode === "union" ? area(one) + area(other) - shared : Math.min(area(one), area(other));
  return whole > 0 ? shared / whole : 0;
}

/** Non-maximum suppression: down the scores, a candidate stays unless it overlaps one that stayed by more. */
export function nms(candidates, threshold, mode = "union") {
  const kept = [];
  for (const candidate of [...candidates].sort((a, b) => b.score - a.score)) {
    if (kept.every((better) => overlap(better.box, candidate.box, mode) <= threshold)) kept.push(candidate);
  }
  return kept;
}

/** The square around the same centre, as wide as the longer side. */
export function squared([left, top, right, bottom]) {
  const half = Math.max(right - left, bottom - top) / 2;
  const x = (left + right) / 2, y = (top + bottom) / 2;
  return [x - half, y - half, x + half, y + half];
}
