// How often a JPEG goes over its pixels, told without decoding it: see course_lib/alignment/jpeg_passes.py.

export const MOST_PASSES = 100; // as the library's default; a progressive JPEG has about ten

const PASS = 0xda;
const END = 0xd9;

/** The passes of the first picture in the bytes of a file. */
export function passes(jpeg) {
  let count = 0;
  for (let at = jpeg.indexOf(0xff, 2); at >= 0; at = jpeg.indexOf(0xff, at)) {
    const marker = jpeg[at + 1] ?? END;
    if (marker === END) break;
    // Among pixels, FF is followed by 00, or restarts at D0 to D7.
    if (marker === 0 || marker === 0xff || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 1;
      continue;
    }
    if (marker === PASS) count += 1;
    at += 2 + 256 * (jpeg[at + 2] ?? 0) + (jpeg[at + 3] ?? 0);
  }
  return count;
}
