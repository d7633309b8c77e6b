// Photographs scaled down by averaging areas, four look-ups a pixel, as in course_lib/alignment/summed_area.py.

/** The sums of all pixels above and to the left, RGB interleaved: (height + 1) x (width + 1) x 3. */
export function summedArea({ width, height, data }) {
  const stride = 3 * (width + 1);
  const sums = new Int32Array(stride * (height + 1));
  for (let y = 0, source = 0; y < height; y++) {
    let red = 0, green = 0, blue = 0;
    let entry = (y + 1) * stride + 3;
    for (let x = 0; x < width; x++, source += 4, entry += 3) {
      red += data[source];
      green += data[source + 1];
      blue += data[source + 2];
      sums[entry] = sums[entry - stride] + red;
      sums[entry + 1] = sums[entry + 1 - stride] + green;
      sums[entry + 2] = sums[entry + 2 - stride] + blue;
    }
  }
  return { width, height, stride, sums };
}

/**
 * What a rectangle of whole pixels holds, scaled to rows x columns, written to `out` from `offset` on as the detector's
 * networks take it: a plane a channel, (x - 127.5) / 128. Beyond the photograph all is black.
 */
export function cut(table, { left, top, width, height }, rows, columns, out, offset = 0) {
  const down = spans(top, height, rows, table.height);
  const across = spans(left, width, columns, table.width);
  const { sums, stride } = table;
  const plane = rows * columns;
  for (let row = 0, target = offset; row < rows; row++) {
    const above = down.first[row] * stride;
    const below = down.end[row] * stride;
    for (let column = 0; column < columns; column++, target++) {
      const first = 3 * across.first[column];
      const end = 3 * across.end[column];
      const area = down.size[row] * across.size[column];
      for (let channel = 0; channel < 3; channel++) {
        const sum =
          sums[below + end + channel] - sums[below + first + channel] -
          sums[above + end + channel] + sums[above + first + channel];
        out[target + channel * plane] = (sum / area - 127.5) / 128;
      }
    }
  }
}

/** Where each of `count` spans of `length` pixels begins and, exclusive, ends, inside 0..limit; and its whole size. */
function spans(start, length, count, limit) {
  const inside = (edge) => Math.min(Math.max(edge, 0), limit);
  const first = new Int32Array(count), end = new Int32Array(count), size = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const from = start + Math.floor((i * length) / count);
    const to = start + Math.ceil(((i + 1) * length) / count);
    first[i] = inside(from);
    end[i] = inside(to);
    size[i] = to - from;
  }
  return { first, end, size };
}
