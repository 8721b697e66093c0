// The phone's camera in tests: a screenshot of the kiosk's window, pixel for pixel,
// as the video that Chromium's fake capture device plays. Nothing here knows what
// the picture holds; the wallet's own decoder has to find the code in it.

import { writeFile } from 'node:fs/promises';
import { PNG } from 'pngjs';

const frameWidth = 1280;
const frameHeight = 720;
/** Enough for a decoder that skips frames; the device plays the file in a loop. */
const frameCount = 10;

/** Writes `png` as a YUV4MPEG2 video, letterboxed into 720p, nearest neighbour. */
export async function writeCameraVideo(png: Buffer, file: string): Promise<void> {
  const luma = toLuma(PNG.sync.read(png));
  const chroma = Buffer.alloc((frameWidth * frameHeight) / 2, 128);
  const header = Buffer.from(
    `YUV4MPEG2 W${String(frameWidth)} H${String(frameHeight)} F10:1 Ip A1:1 C420jpeg\n`,
  );
  const frame = Buffer.concat([Buffer.from('FRAME\n'), luma, chroma]);
  await writeFile(file, Buffer.concat([header, ...Array.from({ length: frameCount }, () => frame)]));
}

function toLuma(picture: PNG): Buffer {
  const scale = Math.min(frameWidth / picture.width, frameHeight / picture.height);
  const left = Math.floor((frameWidth - picture.width * scale) / 2);
  const top = Math.floor((frameHeight - picture.height * scale) / 2);
  const luma = Buffer.alloc(frameWidth * frameHeight, 96);
  for (let y = 0; y < frameHeight; y += 1) {
    const sourceY = Math.floor((y - top) / scale);
    if (sourceY < 0 || sourceY >= picture.height) continue;
    for (let x = 0; x < frameWidth; x += 1) {
      const sourceX = Math.floor((x - left) / scale);
      if (sourceX < 0 || sourceX >= picture.width) continue;
      const at = (sourceY * picture.width + sourceX) * 4;
      const [red, green, blue] = [
        picture.data[at] ?? 0,
        picture.data[at + 1] ?? 0,
        picture.data[at + 2] ?? 0,
      ];
      luma[y * frameWidth + x] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    }
  }
  return luma;
}
