// A picture of a screen through the decoder that the kiosk ships.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { PNG } from 'pngjs';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';
import { DECODER_OPTIONS } from '../../desktop/renderer/scan/decoder-options.ts';

let isReady = false;

/** @returns the text of every code in it. */
export async function readCodes(png: Buffer): Promise<readonly string[]> {
  if (!isReady) {
    const wasm = await readFile(
      createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm'),
    );
    await prepareZXingModule({
      overrides: { wasmBinary: new Uint8Array(wasm).buffer },
      fireImmediately: true,
    });
    isReady = true;
  }
  const { data, width, height } = PNG.sync.read(png);
  const frame = { data: new Uint8ClampedArray(data), width, height, colorSpace: 'srgb' as const };
  const found = await readBarcodes(frame, DECODER_OPTIONS);
  return found.filter((one) => one.isValid).map((one) => one.text);
}
