// Boxes around faces: [left, top, right, bottom] in pixels, as in course_lib/alignment/boxes.py.

export function area([left, top, right, bottom]) {
  return Math.max(0, right - left) * Math.max(0, bottom - top);
}

const LOOK = 20; // boxes that are compared in the time of a look into a cell

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
  const kept = [], cells = new Cells();
  for (const candidate of [...candidates].sort((a, b) => b.score - a.score)) {
    if (cells.someAround(candidate.box, (better) => overlap(better, candidate.box, mode) > threshold)) continue;
    kept.push(candidate);
    if (area(candidate.box) > 0) cells.add(candidate.box); // an empty box overlaps nothing
  }
  return kept;
}

/**
 * Boxes by size and place: those whose longer sides come up to the same power of two are in a grid with cells of that
 * size, each in the cell of its upper left corner. So what overlaps another box is in a few cells around it.
 */
class Cells {
  constructor() {
    this.grids = new Map(); // by size: { all, cells }
  }

  add(box) {
    const side = Math.max(box[2] - box[0], box[3] - box[1]);
    let size = 2 ** Math.ceil(Math.log2(side));
    if (size < side) size *= 2; // the logarithm is rounded
    if (!this.grids.has(size)) this.grids.set(size, { all: [], cells: new Map() });
    const { all, cells } = this.grids.get(size), cell = name(Math.floor(box[1] / size), Math.floor(box[0] / size));
    if (!cells.has(cell)) cells.set(cell, []);
    cells.get(cell).push(box);
    all.push(box);
  }

  /** Whether `test` is true of a box around another one; all that overlap that are asked about. */
  someAround([left, top, right, bottom], test) {
    for (const [size, { all, cells }] of this.grids) {
      const row = Math.floor((top - size) / size), column = Math.floor((left - size) / size);
      const rows = Math.floor(bottom / size) - row + 1, columns = Math.floor(right / size) - column + 1;
      if (!(rows * columns * LOOK <= all.length)) { // few boxes, a large one among small, or one beyond all numbers
        if (all.some(test)) return true;
        continue;
      }
      for (let index = 0; index < rows * columns; index += 1) {
        const cell = cells.get(name(row + Math.floor(index / columns), column + (index % columns)));
        if (cell && cell.some(test)) return true;
      }
    }
    return false;
  }
}

function name(row, column) {
  return `${row},${column}`;
}

/** The square around the same centre, as wide as the longer side. */
export function squared([left, top, right, bottom]) {
  const half = Math.max(right - left, bottom - top) / 2;
  const x = (left + right) / 2, y = (top + bottom) / 2;
  return [x - half, y - half, x + half, y + half];
}
