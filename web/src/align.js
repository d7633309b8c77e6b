// From five landmarks to the crop that the network was trained on, as in course_lib/alignment.

export const SIDE = 112; // pixels
// Left and right as one sees them.
export const LANDMARKS = ["left eye", "right eye", "nose", "left mouth corner", "right mouth corner"];
export const TEMPLATE = [
  [38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041],
];

/** Of several faces the one with the largest box. */
export function largest(faces) {
  const area = ({ box: [left, top, right, bottom] }) => (right - left) * (bottom - top);
  return faces.reduce((best, face) => (area(face) > area(best) ? face : best));
}

/**
 * The rotation, scale and shift that bring points closest to their targets in least squares: { p, q, x, y }.
 *
 * With each point a complex number about its mean, target = a * source, a = p + iq = sum(conj(source) * target) /
 * sum(|source|^2); a product of complex numbers turns and scales. (Umeyama 1991, in the plane.) Points that are all in
 * one place determine none: all four are NaN.
 */
export function similarity(source, target = TEMPLATE) {
  const from = mean(source), to = mean(target);
  let dot = 0, cross = 0, square = 0;
  source.forEach(([sx, sy], index) => {
    const a = sx - from[0], b = sy - from[1];
    const c = target[index][0] - to[0], d = target[index][1] - to[1];
    dot += a * c + b * d;
    cross += a * d - b * c;
    square += a * a + b * b;
  });
  const p = dot / square, q = cross / square;
  return { p, q, x: to[0] - (p * from[0] - q * from[1]), y: to[1] - (q * from[0] + p * from[1]) };
}

export function applied({ p, q, x, y }, [a, b]) {
  return [p * a - q * b + x, q * a + p * b + y];
}

/** How far the points lie from the template once they are in the crop: the mean, in its pixels. */
export function distanceFromTemplate(points) {
  const matrix = similarity(points);
  const distances = points.map((point, index) => {
    const [x, y] = applied(matrix, point);
    return Math.hypot(x - TEMPLATE[index][0], y - TEMPLATE[index][1]);
  });
  return distances.reduce((sum, distance) => sum + distance, 0) / points.length;
}

/**
 * The crop: each of its pixels looks up where it comes from, between four pixels of the photograph (bilinear). Where
 * the face is more than twice as large as the crop, most pixels would never be seen: there each pixel of the crop is
 * the mean of looks x looks, evenly spread over it. Outside the photograph all is black.
 */
export function warp({ width, height, data }, matrix, side = SIDE) {
  const { p, q, x, y } = matrix;
  const square = p * p + q * q;
  const looks = looksAcross(1 / Math.sqrt(square), Math.floor((2 * (width + height)) / side));
  const crop = new Uint8ClampedArray(4 * side * side);
  const sum = new Float64Array(3); // of the looks of one pixel
  const at = (column, row, channel) =>
    column < 0 || row < 0 || column >= width || row >= height ? 0 : data[4 * (row * width + column) + channel];
  const look = (u, v) => {
    const sx = (p * (u - x) + q * (v - y)) / square;
    const sy = (p * (v - y) - q * (u - x)) / square;
    const left = Math.floor(sx), top = Math.floor(sy), right = sx - left, down = sy - top;
    for (let channel = 0; channel < 3; channel++) {
      const above = at(left, top, channel) * (1 - right) + at(left + 1, top, channel) * right;
      const below = at(left, top + 1, channel) * (1 - right) + at(left + 1, top + 1, channel) * right;
      sum[channel] += above * (1 - down) + below * down;
    }
  };
  const first = (1 / looks - 1) / 2; // from the middle of a pixel to its first look
  for (let row = 0, target = 0; row < side; row++) {
    for (let column = 0; column < side; column++, target += 4) {
      sum.fill(0);
      for (let i = 0; i < looks; i++) {
        for (let j = 0; j < looks; j++) look(column + first + j / looks, row + first + i / looks);
      }
      for (let channel = 0; channel < 3; channel++) crop[target + channel] = sum[channel] / (looks * looks); // rounded
      crop[target + 3] = 255;
    }
  }
  return new ImageData(crop, side, side);
}

/** Of a step of so many pixels of the photograph; at most `most`. As in course_lib/alignment/warp.py. */
function looksAcross(step, most) {
  return step > 2 + 1e-9 ? Math.max(1, Math.min(Math.ceil(step - 1e-9), most)) : 1;
}

function mean(points) {
  return [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}
