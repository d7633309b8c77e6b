// One of the two photographs: its controls, what is drawn over it, its crop and its embedding.

import { distanceFromTemplate, largest, similarity, warp } from "./align.js";
import { closeCamera, openCamera, takePhotograph } from "./camera.js";
import { drawBox, drawPhotograph, drawPoints } from "./drawing.js";
import { embed } from "./embed.js";
import { detect } from "./mtcnn.js";
import { readFile, ExplainedError } from "./photograph.js";
import { placePoints } from "./points.js";

const TALLEST = 26; // of a photograph on the screen, in letters' heights (rem)
const TOO_FAR = 12; // pixels of the crop: five points so far from the template, on average, are no face's

export class Slot {
  /**
   * @param element where the controls are, a copy of the template in index.html
   * @param networks a promise of `run`, see networks.js
   * @param changed called when the embedding was made or taken away
   */
  constructor(element, title, networks, changed) {
    this.element = element;
    this.title = title;
    this.networks = networks;
    this.changed = changed;
    this.work = new AbortController(); // what goes on with the photograph; aborted by the next one
    this.part = (name) => element.querySelector(`[data-part=${name}]`);
    const on = (name, event, act) => this.part(name).addEventListener(event, act);
    on("file", "change", () => this.chooseFile());
    on("camera", "click", () => this.useCamera());
    on("take", "click", () => this.take());
    on("close", "click", () => this.leaveCamera());
    on("points", "click", () => this.placeByHand());
    this.clear();
  }

  chooseFile() {
    const [file] = this.part("file").files;
    if (file) this.use(() => readFile(file));
  }

  async useCamera() {
    if (!this.part("viewer").hidden) return;
    this.part("viewer").hidden = false;
    this.part("take").disabled = true; // until there is something to take
    try {
      await openCamera(this.part("video"));
      if (this.part("viewer").hidden) return closeCamera(this.part("video")); // closed while the browser asked
      this.part("take").disabled = false;
      this.part("take").focus();
    } catch (error) {
      this.leaveCamera();
      this.fail(error);
    }
  }

  take() {
    const pixels = takePhotograph(this.part("video"));
    this.leaveCamera();
    this.part("file").value = "";
    this.use(async () => pixels);
  }

  leaveCamera() {
    closeCamera(this.part("video"));
    this.part("viewer").hidden = true;
    this.part("camera").focus();
  }

  /** From what `read` resolves to, to the embedding; every end of it is said. */
  async use(read) {
    const { signal } = this.clear();
    await this.guarded(signal, async () => {
      this.say("Reading the photograph…");
      const pixels = await this.timed("read", read);
      if (signal.aborted) return;
      this.show(pixels);
      this.say("Loading the networks…");
      const run = await this.networks;
      if (signal.aborted) return;
      this.say("Looking for a face…");
      let leftOut = "";
      const count = (left) => { leftOut = ` ${left} less sure places were not looked at: they were too many.`; };
      const faces = await this.timed("find", () => detect(pixels, run, count));
      if (signal.aborted) return;
      if (faces.length === 0) {
        throw new ExplainedError(
          "No face was found. Choose a photograph with a larger or frontal face, or place its points by hand.",
        );
      }
      const face = largest(faces);
      faces.filter((other) => other !== face).forEach((other) => drawBox(this.part("photograph"), other.box, false));
      drawBox(this.part("photograph"), face.box);
      const several = `${faces.length} faces were found; the largest is compared.`;
      const found = faces.length === 1 ? "One face was found." : several;
      await this.represent(face.landmarks, found + leftOut, signal);
    });
  }

  /** The way out where the detector finds no face, or the wrong one. */
  async placeByHand() {
    const { pixels } = this;
    const { signal } = this.clear();
    await this.guarded(signal, async () => {
      this.show(pixels);
      this.part("help").hidden = false;
      const points = await placePoints(this.part("photograph"), pixels, (text) => this.say(text), signal);
      if (signal.aborted) return;
      this.part("help").hidden = true;
      drawPhotograph(this.part("photograph"), pixels);
      this.part("points").focus();
      if (!points) return this.say("No points were placed.");
      if (!(distanceFromTemplate(points) < TOO_FAR)) {
        drawPoints(this.part("photograph"), points);
        throw new ExplainedError(
          "These five points have not the shape of a face. Left and right are as you see them. Place them again.",
        );
      }
      await this.represent(points, "The five points were placed by hand.", signal);
    });
  }

  /** Align and embed. */
  async represent(landmarks, message, signal) {
    drawPoints(this.part("photograph"), landmarks);
    const crop = await this.timed("align", () => warp(this.pixels, similarity(landmarks)));
    this.part("crop").getContext("2d").putImageData(crop, 0, 0);
    this.part("aligned").hidden = false;
    const run = await this.networks;
    const embedding = await this.timed("embed", () => embed(crop, run));
    if (signal.aborted) return;
    this.embedding = embedding;
    this.say(message);
    this.part("photograph").setAttribute("aria-label", `${this.title}. ${message}`);
    this.changed();
  }

  show(pixels) {
    this.pixels = pixels;
    this.part("shown").hidden = false;
    this.part("points").hidden = false;
    this.part("photograph").setAttribute("aria-label", this.title);
    this.part("photograph").style.width = `min(100%, ${(TALLEST * pixels.width) / pixels.height}rem)`;
    drawPhotograph(this.part("photograph"), pixels);
  }

  /** Forget the photograph, stop what goes on with it, and begin anew. */
  clear() {
    this.work.abort();
    this.work = new AbortController();
    this.pixels = this.embedding = null;
    this.milliseconds = {};
    for (const name of ["shown", "aligned", "points", "help"]) this.part(name).hidden = true;
    this.say("");
    this.changed();
    return this.work;
  }

  async guarded(signal, act) {
    try {
      await act();
    } catch (error) {
      if (!signal.aborted) this.fail(error);
    }
  }

  async timed(step, act) {
    const { milliseconds } = this; // of this photograph, even if the next one has been chosen meanwhile
    const started = performance.now();
    const result = await act();
    milliseconds[step] = performance.now() - started;
    return result;
  }

  fail(error) {
    if (error instanceof ExplainedError) return this.say(error.message, true);
    console.error(error);
    this.say(`This page failed: ${error.message}. Load it again.`, true);
  }

  say(text, isError = false) {
    this.part("status").textContent = text;
    this.part("status").classList.toggle("error", isError);
  }
}
