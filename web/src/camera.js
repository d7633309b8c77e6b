// The camera, while a photograph is being taken, and what to say when there is none.

import { pixelsOf, ExplainedError } from "./photograph.js";

/** Show the camera in a video element. */
export async function openCamera(video) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new ExplainedError(
      "This browser gives the camera only to pages from https or from this machine. Choose a file.",
    );
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" }, audio: false });
    await video.play();
  } catch (error) {
    closeCamera(video);
    throw new ExplainedError(REASONS[error.name] ?? `The camera does not start (${error.message}). Choose a file.`);
  }
}

/** Let go of the camera; its light goes out. */
export function closeCamera(video) {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

/** What the camera shows now, as ImageData. */
export function takePhotograph(video) {
  return pixelsOf(video, video.videoWidth, video.videoHeight);
}

const REASONS = {
  NotAllowedError:
    "This page has no permission to use the camera. Allow it in the browser's settings for it, or choose a file.",
  NotFoundError: "No camera was found. Connect one, or choose a file.",
  NotReadableError: "The camera is used by another program. Close that one, or choose a file.",
};
