// The page: two photographs, their score, and the threshold that turns it into a verdict.

import { cosine } from "./embed.js";
import { loadNetworks } from "./networks.js";
import { ExplainedError } from "./photograph.js";
import { Slot } from "./slot.js";

const STAGES = { read: "Read", find: "Find faces", align: "Align", embed: "Embed" };
const STEP = 0.01; // of the thresholds that were recorded
const part = (id) => document.getElementById(id);
const slots = [];
let settings = null;

function start() {
  const networks = load();
  networks.catch(() => {}); // said by load, and again by the photograph that waits for it
  for (const title of ["Photograph 1", "Photograph 2"]) {
    const copy = part("slot").content.firstElementChild.cloneNode(true);
    copy.querySelector("h2").textContent = title;
    copy.setAttribute("aria-label", title);
    part("slots").append(copy);
    slots.push(new Slot(copy, title, networks, showResult));
  }
  part("threshold").addEventListener("input", showResult);
  part("reset").addEventListener("click", () => {
    part("threshold").value = settings.default;
    showResult();
  });
}

/** Everything that the page needs; what it says while and after it loads. */
async function load() {
  const started = performance.now();
  try {
    const answer = await fetch("settings.json");
    if (!answer.ok) throw new Error(`settings.json: the server says ${answer.status} ${answer.statusText}`);
    prepareThreshold(await answer.json());
    const run = await loadNetworks();
    part("loading").textContent = `The networks are loaded, in ${((performance.now() - started) / 1000).toFixed(1)} s.`;
    return run;
  } catch (error) {
    console.error(error);
    part("loading").textContent =
      `The networks could not be loaded (${error.message}), so nothing can be compared. Load the page again; if that` +
      " does not help, build it again with make web.";
    part("loading").classList.add("error");
    throw new ExplainedError("The networks are not loaded; see the message at the top of the page.");
  }
}

function prepareThreshold(loaded) {
  settings = loaded;
  const slider = part("threshold");
  slider.min = settings.thresholds[0];
  slider.max = settings.thresholds.at(-1);
  slider.step = STEP;
  slider.value = settings.default;
  slider.disabled = part("reset").disabled = false;
  showResult();
}

/** The score of the two embeddings, the verdict at the threshold, what it stands for, and the times. */
function showResult() {
  if (!settings || slots.length < 2) return;
  const threshold = Number(part("threshold").value);
  showThreshold(threshold);
  const [one, other] = slots.map((slot) => slot.embedding);
  const score = one && other ? cosine(one, other) : null;
  part("score").textContent = score === null ? "–" : score.toFixed(3);
  say(part("verdict"), verdict(score, threshold));
  part("times").hidden = !one && !other;
  part("steps").replaceChildren(...Object.entries(STAGES).map(timesOf));
}

function verdict(score, threshold) {
  if (score === null) return "Two faces are needed.";
  return score >= threshold ? "Taken for the same person." : "Taken for two people.";
}

/** What a threshold lets through and turns away among LFW's pairs. */
function showThreshold(threshold) {
  const { impostor_pairs: impostors, genuine_pairs: genuine } = settings;
  const index = Math.round((threshold - settings.thresholds[0]) / STEP);
  const accepted = settings.false_accepts[index], rejected = settings.false_rejects[index];
  const shown = threshold.toFixed(2), far = percent(accepted / impostors), frr = percent(rejected / genuine);
  part("value").textContent = shown;
  part("threshold").setAttribute("aria-valuetext", `${shown}: FAR ${far}, FRR ${frr}`);
  const pairs = impostors + genuine;
  part("meaning").textContent =
    `At ${shown}, of ${impostors} pairs of two people ${accepted} are taken for one (FAR ${far}), and of ${genuine}` +
    ` pairs of one person ${rejected} for two (FRR ${frr}): ${percent(1 - (accepted + rejected) / pairs)} are right.`;
  part("origin").textContent =
    `Counted on the ${pairs} test pairs of LFW's View 1, with this detector and these 8 bits. The default,` +
    ` ${settings.default.toFixed(2)}, was chosen on View 1's training pairs. Photographs unlike LFW's need another.`;
}

function timesOf([stage, name]) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  row.append(head);
  for (const slot of slots) {
    const time = slot.milliseconds[stage];
    row.insertCell().textContent = time === undefined ? "–" : milliseconds(time);
  }
  return row;
}

/** Changes the text only if it is another one: screen readers read every change. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function milliseconds(time) {
  return `${time.toFixed(time < 10 ? 1 : 0)} ms`;
}

start();
