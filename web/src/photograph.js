// From a file or a camera to pixels: upright, in RGB, not larger than needed.

import { MOST_PASSES, passes } from "./jpeg_passes.js";

export const LONGEST_SIDE = 1024; // pixels; a larger photograph is scaled down, for a face needs about 112

/** An error whose message tells people what to do; any other one is a fault of this page. */
export class ExplainedError extends Error {}

// How the files begin that browsers decode: their suffix may say anything.
const KINDS = {
  JPEG: /^\xff\xd8\xff/,
  PNG: /^\x89PNG\r\n\x1a\n/,
  WebP: /^RIFF.{4}WEBP/s,
  GIF: /^GIF8/,
  BMP: /^BM/,
  AVIF: /^.{4}ftypavi[fs]/s,
};

/** The photograph in a file as ImageData, turned upright by its EXIF orientation. */
export async function readFile(file) {
  if (file.size === 0) throw new ExplainedError(`${file.name} is empty. Choose another file.`);
  const kind = await kindOf(file);
  if (!kind) {
    const known = Object.keys(KINDS).join(", ");
    throw new ExplainedError(`${file.name} is no photograph that browsers read. Choose one of these: ${known}.`);
  }
  if (kind === "JPEG") refuseManyPasses(file.name, passes(new Uint8Array(await file.arrayBuffer())));
  let bitmap;
  try {
    // Colours as they are in the file, without a profile's correction: so the course's own reader takes them.
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    throw new ExplainedError(`${file.name} begins as a ${kind} file but is damaged. Choose another file.`);
  }
  try {
    return pixelsOf(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}

/** What a canvas can draw, as ImageData, scaled down to at most LONGEST_SIDE; transparent parts become white. */
export function pixelsOf(source, width, height) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(scale * width)), Math.max(1, Math.round(scale * height)));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  refuseDisturbed(context);
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

async function kindOf(file) {
  const start = String.fromCharCode(...new Uint8Array(await file.slice(0, 16).arrayBuffer()));
  return Object.keys(KINDS).find((kind) => KINDS[kind].test(start));
}

/** A small file may announce any number, and each takes as long as the picture is large. */
function refuseManyPasses(name, count) {
  if (count > MOST_PASSES) {
    throw new ExplainedError(
      `${name} is a JPEG with ${count.toLocaleString("en")} passes over its pixels; expected at most ${MOST_PASSES}.` +
        " Save it anew, or choose another file.",
    );
  }
}

/** Some browsers change what a page reads from a canvas, so that it cannot be used to tell visitors apart. */
function refuseDisturbed(context) {
  context.fillStyle = "rgb(60 120 180)";
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  const read = context.getImageData(0, 0, context.canvas.width, 1).data;
  if (read.some((value, index) => Math.abs(value - [60, 120, 180, 255][index % 4]) > 2)) {
    throw new ExplainedError(
      "This browser gives the page random pixels in place of the photograph's, to protect from fingerprinting." +
        " Allow this page to read canvases, and choose the photograph again.",
    );
  }
}
