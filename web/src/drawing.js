// What is drawn over a photograph: a face's box, its five points, and the cross that places a point by hand.

const INK = "#ffd400", EDGE = "#000000"; // bright on dark, so seen on any skin and any background

const FINE = 800; // pixels that a canvas is wide at least, so that lines over a small photograph are not coarse

/** The photograph alone. Whatever is drawn over it later is in its pixels. */
export function drawPhotograph(canvas, pixels) {
  const zoom = Math.ceil(FINE / pixels.width);
  canvas.width = zoom * pixels.width;
  canvas.height = zoom * pixels.height;
  const own = new OffscreenCanvas(pixels.width, pixels.height);
  own.getContext("2d").putImageData(pixels, 0, 0);
  const context = canvas.getContext("2d");
  context.scale(zoom, zoom);
  context.drawImage(own, 0, 0);
}

/** The box of a face; of those that are not compared it is dashed. */
export function drawBox(canvas, [left, top, right, bottom], compared = true) {
  outlined(canvas, compared ? 2.5 : 1.5, (context, unit) => {
    context.setLineDash(compared ? [] : [4 * unit, 4 * unit]);
    context.strokeRect(left, top, right - left, bottom - top);
  });
}

/** A dot at each point. */
export function drawPoints(canvas, points) {
  for (const [x, y] of points) {
    outlined(canvas, 3, (context, unit) => {
      context.beginPath();
      context.arc(x, y, 1.5 * unit, 0, 2 * Math.PI);
      context.stroke();
    });
  }
}

export function drawCross(canvas, [x, y]) {
  outlined(canvas, 1.5, (context, unit) => {
    context.beginPath();
    context.moveTo(x - 12 * unit, y);
    context.lineTo(x + 12 * unit, y);
    context.moveTo(x, y - 12 * unit);
    context.lineTo(x, y + 12 * unit);
    context.stroke();
  });
}

/** Draw twice, dark below bright. Widths count pixels of the screen, of which `unit` is one. */
function outlined(canvas, width, draw) {
  const context = canvas.getContext("2d");
  const unit = canvas.width / context.getTransform().a / (canvas.clientWidth || canvas.width);
  context.save();
  context.translate(0.5, 0.5); // (0, 0) is the centre of the first pixel
  for (const [colour, wider] of [[EDGE, 2], [INK, 0]]) {
    context.strokeStyle = colour;
    context.lineWidth = (width + wider) * unit;
    draw(context, unit);
  }
  context.restore();
}
