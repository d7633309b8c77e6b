// The four networks in ONNX Runtime's WebAssembly, on one thread, all from this page's own folder.

import * as ort from "../vendor/ort.wasm.min.mjs";

const NAMES = ["pnet", "rnet", "onet", "embedder"];
ort.env.wasm.numThreads = 1; // more need a page that is isolated from all others

/**
 * Load all four. The result, `run(name, Float32Array, shape)`, resolves to the tensors that the network gives, by name.
 *
 * Throws an Error that names the file which could not be had, or is no network.
 */
export async function loadNetworks() {
  const sessions = {};
  for (const name of NAMES) sessions[name] = await session(`models/${name}.onnx`);
  let last = Promise.resolve();
  return (name, values, shape) => {
    const run = () => sessions[name].run({ images: new ort.Tensor("float32", values, shape) });
    return (last = last.then(run, run)); // one at a time: both photographs may be at work
  };
}

async function session(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: the server says ${answer.status} ${answer.statusText}`);
  try {
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  } catch (error) {
    throw new Error(`${path}: ${error.message}`);
  }
}
