// The five landmarks placed by hand, by clicks or by keyboard, where the detector finds no face or a wrong one.

import { LANDMARKS } from "./align.js";
import { drawCross, drawPhotograph, drawPoints } from "./drawing.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP = 0.02; // of the longer side; with Shift one pixel

/**
 * Ask for the five points one after the other on a canvas that shows `pixels`.
 *
 * `say(text)` is told what to do next. Resolves to five [x, y], or to null when it was given up, by Escape or through
 * the AbortSignal `stopped`.
 */
export function placePoints(canvas, pixels, say, stopped) {
  const points = [];
  const step = Math.max(1, Math.round(STEP * Math.max(pixels.width, pixels.height)));
  let cross = [Math.round(pixels.width / 2), Math.round(pixels.height / 2)];

  function show() {
    drawPhotograph(canvas, pixels);
    drawPoints(canvas, points);
    drawCross(canvas, cross);
  }

  function ask() {
    say(`Point ${points.length + 1} of 5: the ${LANDMARKS[points.length]}.`);
    show();
  }

  return new Promise((resolve) => {
    const listening = new AbortController();
    const end = (result) => {
      listening.abort();
      canvas.removeAttribute("tabindex");
      canvas.setAttribute("role", "img");
      canvas.classList.remove("placing");
      resolve(result);
    };
    const place = (point) => {
      points.push(point);
      if (points.length === LANDMARKS.length) end(points);
      else ask();
    };
    const press = (event) => {
      const arrow = ARROWS[event.key];
      if (arrow) {
        const [x, y] = arrow.map((direction) => direction * (event.shiftKey ? 1 : step));
        cross = [clamp(cross[0] + x, pixels.width), clamp(cross[1] + y, pixels.height)];
        show();
      } else if (event.key === "Enter" || event.key === " ") place([...cross]);
      else if (event.key === "Backspace") points.pop(), ask();
      else if (event.key === "Escape") end(null);
      else return;
      event.preventDefault();
    };
    const click = (event) => {
      const shown = canvas.getBoundingClientRect();
      const x = ((event.clientX - shown.left) * pixels.width) / shown.width - 0.5;
      const y = ((event.clientY - shown.top) * pixels.height) / shown.height - 0.5;
      place([clamp(x, pixels.width), clamp(y, pixels.height)]);
    };
    canvas.addEventListener("keydown", press, { signal: listening.signal });
    canvas.addEventListener("click", click, { signal: listening.signal });
    stopped.addEventListener("abort", () => end(null), { signal: listening.signal });
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application"); // screen readers hand the arrow keys on
    canvas.classList.add("placing");
    canvas.focus();
    ask();
  });
}

function clamp(value, extent) {
  return Math.min(Math.max(value, 0), extent - 1);
}
