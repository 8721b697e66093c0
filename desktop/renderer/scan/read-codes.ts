/**
 * The decode loop: one frame at a time from a running video to the worker, the next when it has answered. Never judges
 * what it reads.
 */
import type { DecodeAnswer, DecodeRequest } from './decode-worker.ts';

/** Longest side of a frame that is looked at: enough for a dense code on a phone held at arm's length. */
const MAX_FRAME_PX = 1_280;
const PAUSE_MS = 80;

/** @returns what stops it. */
export function readCodes(video: HTMLVideoElement, onText: (text: string) => void): () => void {
  const worker = new Worker(new URL('./decode-worker.ts', import.meta.url), { type: 'module' });
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  let timer = 0;
  const next = (): void => {
    timer = window.setTimeout(look, PAUSE_MS);
  };
  const look = (): void => {
    const frame = context === null ? null : grab(video, canvas, context);
    if (frame === null) next();
    else worker.postMessage(frame satisfies DecodeRequest, [frame.data.buffer]);
  };
  worker.addEventListener('message', (event: MessageEvent<DecodeAnswer>) => {
    const [text] = event.data;
    if (text !== undefined) onText(text);
    next();
  });
  next();
  return () => {
    clearTimeout(timer);
    worker.terminate();
  };
}

/** Null while the camera has no picture yet. */
function grab(
  video: HTMLVideoElement,
  canvas: HTMLCanvasElement,
  context: CanvasRenderingContext2D,
): ImageData | null {
  if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || video.videoWidth === 0) return null;
  const scale = Math.min(1, MAX_FRAME_PX / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
