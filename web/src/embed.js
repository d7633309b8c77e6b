// From an aligned crop to its embedding, and from two embeddings to their score.

/** A crop as the network takes it: RGB, a plane a channel, (x - 127.5) / 128. */
export function normalised({ width, height, data }) {
  const plane = width * height;
  const input = new Float32Array(3 * plane);
  for (let index = 0; index < plane; index++) {
    for (let channel = 0; channel < 3; channel++) {
      input[channel * plane + index] = (data[4 * index + channel] - 127.5) / 128;
    }
  }
  return input;
}

/** The embedding of a crop, Float32Array; `run(name, Float32Array, shape)` runs the network of that name. */
export async function embed(crop, run) {
  const { embeddings } = await run("embedder", normalised(crop), [1, 3, crop.height, crop.width]);
  return Float32Array.from(embeddings.data);
}

/** The cosine of the angle between two embeddings, -1..1. */
export function cosine(one, other) {
  let dot = 0, square = 0, otherSquare = 0;
  one.forEach((value, index) => {
    dot += value * other[index];
    square += value * value;
    otherSquare += other[index] * other[index];
  });
  return dot / Math.sqrt(square * otherSquare);
}
