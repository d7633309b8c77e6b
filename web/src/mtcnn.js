// MTCNN: three networks, each larger than the last, that look at ever fewer places (Zhang et al. 2016).
// The same steps as course_lib/alignment/mtcnn.py, with the same weights; that file explains them.

import { nms, squared } from "./boxes.js";
import { cut, summedArea } from "./summed_area.js";

const CELL = 12, STRIDE = 2; // pixels: the window of the first network, and from one window to the next
const MIN_FACE = 20, FACTOR = 0.709; // pixels of the smallest face; from one level of the pyramid to the next
const THRESHOLDS = { pnet: 0.6, rnet: 0.7, onet: 0.7 };
const SIDES = { rnet: 24, onet: 48 }; // of the crops that a network judges, in pixels
const PORTION = 64; // crops at a time
const MAX_CANDIDATES = 50000; // for the second network: of more, the least sure are left out

/**
 * All faces of a photograph, the surest first: { box, landmarks, score } in pixels, (0, 0) the centre of the first.
 *
 * `photograph` has width, height and RGBA data; `run(name, Float32Array, shape)` runs the network of that name.
 * `leftOut(count)` is called where there are too many candidates, with how many of them were not looked at.
 */
export async function detect(photograph, run, leftOut = (count) => console.warn(`${count} candidates left out`)) {
  const table = summedArea(photograph);
  const seen = [];
  for (const size of pyramidSizes(photograph.height, photograph.width)) {
    await otherWork();
    seen.push(nms(await scan(run, table, size), 0.5));
  }
  const left = nms(seen.flat(), 0.7);
  if (left.length > MAX_CANDIDATES) leftOut(left.length - MAX_CANDIDATES);
  const proposals = left.slice(0, MAX_CANDIDATES).map(corrected);
  const refined = nms(await look(run, "rnet", table, proposals), 0.7).map(corrected);
  const faces = nms((await look(run, "onet", table, refined)).map(corrected), 0.7, "min");
  return faces.map(({ box, landmarks, score }) => ({ box, landmarks, score }));
}

/** Height and width of each level, from the one where the smallest face fills a window to the last that holds one. */
export function pyramidSizes(height, width) {
  const sizes = [];
  for (let scale = CELL / MIN_FACE; scale * Math.min(height, width) >= CELL; scale *= FACTOR) {
    sizes.push([Math.ceil(scale * height), Math.ceil(scale * width)]);
  }
  return sizes;
}

/** Every window of one level that the first network takes for a face. */
async function scan(run, table, [height, width]) {
  const input = new Float32Array(3 * height * width);
  cut(table, { left: 0, top: 0, width: table.width, height: table.height }, height, width, input);
  const { scores, shifts } = await run("pnet", input, [1, 3, height, width]);
  const columns = scores.dims[2];
  const grown = [table.width / width, table.height / height];
  const found = [];
  scores.data.forEach((score, index) => {
    if (!(score > THRESHOLDS.pnet)) return;
    const corner = [(index % columns) * STRIDE, Math.floor(index / columns) * STRIDE];
    const box = [...corner, corner[0] + CELL, corner[1] + CELL].map((edge, side) => edge * grown[side % 2] - 0.5);
    found.push({ box, score, shift: shifts.data.slice(4 * index, 4 * index + 4) });
  });
  return found;
}

/** The candidates that a network takes for faces, in squares of whole pixels. */
async function look(run, network, table, candidates) {
  const side = SIDES[network];
  const found = [];
  for (let start = 0; start < candidates.length; start += PORTION) {
    const squares = candidates.slice(start, start + PORTION).map(({ box }) => wholePixels(squared(box)));
    const input = new Float32Array(squares.length * 3 * side * side);
    squares.forEach((square, index) => cut(table, square, side, side, input, index * 3 * side * side));
    const { scores, shifts, landmarks } = await run(network, input, [squares.length, 3, side, side]);
    squares.forEach(({ left, top, width }, index) => {
      if (!(scores.data[index] > THRESHOLDS[network])) return;
      const box = [left, top, left + width, top + width].map((edge) => edge - 0.5);
      const shift = shifts.data.slice(4 * index, 4 * index + 4);
      const points = landmarks ? pairs(landmarks.data.slice(10 * index, 10 * index + 10)) : [];
      const placed = points.map(([x, y]) => [left + x * width - 0.5, top + y * width - 0.5]);
      found.push({ box, score: scores.data[index], shift, landmarks: placed });
    });
  }
  return found;
}

/** A candidate with each side of its box moved by its shift, which is in widths and heights of the box. */
function corrected(candidate) {
  const [left, top, right, bottom] = candidate.box;
  const extent = [right - left, bottom - top];
  return { ...candidate, box: candidate.box.map((edge, side) => edge + candidate.shift[side] * extent[side % 2]) };
}

function wholePixels([left, top, right]) {
  const width = Math.max(1, toEven(right - left));
  return { left: toEven(left + 0.5), top: toEven(top + 0.5), width, height: width };
}

/** Rounded; what lies halfway goes to the even number, as in NumPy. */
function toEven(value) {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function pairs(values) {
  return Array.from({ length: values.length / 2 }, (_, index) => [values[2 * index], values[2 * index + 1]]);
}

/** Lets the browser draw and answer clicks in between. */
function otherWork() {
  return new Promise((resolve) => setTimeout(resolve));
}
