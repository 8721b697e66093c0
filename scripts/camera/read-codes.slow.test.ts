// R1: the codes of both directions through the shipped encoder, a bad camera and the shipped decoder.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { encode } from 'uqr';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';
import { beforeAll, expect, test } from 'vitest';
import { fromHex, type QrContent, toQrText } from '@tikiwallet/protocol';
import { DECODER_OPTIONS as KIOSK_DECODER } from '../../desktop/renderer/scan/decoder-options.ts';
import { QR_OPTIONS as KIOSK_CODE } from '../../desktop/renderer/sell/qr-options.ts';
import { DECODER_OPTIONS as PHONE_DECODER } from '../../wallet/src/scan/decoder-options.ts';
import { QR_OPTIONS as PHONE_CODE } from '../../wallet/src/screens/parts/qr-options.ts';
import { repositoryRoot } from '../run-command.ts';
import { type Camera, photograph } from './synthetic-frames.ts';

const FRAMES = 200;
const MAX_CHARACTERS = 1_000;

beforeAll(async () => {
  const wasm = createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm');
  const wasmBinary = new Uint8Array(readFileSync(wasm)).buffer;
  await prepareZXingModule({ overrides: { wasmBinary }, fireImmediately: true });
});

/** The text of a valid object out of the published vectors. */
function textOf(content: QrContent, file: string, field: string, name: string): string {
  const path = join(repositoryRoot, 'protocol', 'vectors', `${file}.json`);
  const { valid } = JSON.parse(readFileSync(path, 'utf8')) as {
    valid: { name: string; input: Record<string, string> }[];
  };
  const hex = valid.find((vector) => vector.name === name)?.input[field];
  if (hex === undefined) throw new Error(`${file}.json has no "${name}"`);
  return toQrText(content, fromHex(hex));
}

/** A handheld phone in front of a kiosk's screen, and a small phone's screen in front of a webcam. */
const PHONE_CAMERA = { width: 960, height: 540, size: [0.58, 0.68] } as const;
const WEBCAM = { width: 640, height: 480, size: [0.6, 0.68] } as const;

const DIRECTIONS: readonly {
  readonly name: string;
  readonly text: () => string;
  readonly camera: Camera;
  readonly code: typeof KIOSK_CODE | typeof PHONE_CODE;
  readonly decoder: typeof KIOSK_DECODER | typeof PHONE_DECODER;
}[] = [
  {
    name: 'the kiosk’s request, by a phone’s camera',
    text: () => textOf('request', 'payment-request', 'envelope', 'an envelope'),
    camera: PHONE_CAMERA,
    code: KIOSK_CODE,
    decoder: PHONE_DECODER,
  },
  {
    name: 'a small phone’s payment, by a webcam of 640 x 480',
    text: () => textOf('delivery', 'payment', 'delivery', 'a delivery'),
    camera: WEBCAM,
    code: PHONE_CODE,
    decoder: KIOSK_DECODER,
  },
  {
    name: 'the same, sealed, by the same webcam',
    text: () => textOf('sealedDelivery', 'sealing', 'sealed', 'a sealed delivery'),
    camera: WEBCAM,
    code: PHONE_CODE,
    decoder: KIOSK_DECODER,
  },
];

for (const { name, text, camera, code, decoder } of DIRECTIONS) {
  test(`R1 ${name}: at most 1,000 characters, ${FRAMES} of ${FRAMES} bad frames are read`, async () => {
    const wanted = text();
    expect(wanted.length).toBeLessThanOrEqual(MAX_CHARACTERS);
    const picture = encode(wanted, code);
    const unread: number[] = [];
    for (let seed = 1; seed <= FRAMES; seed += 1) {
      const found = await readBarcodes(photograph(picture.data, camera, seed), decoder);
      if (!found.some((one) => one.isValid && one.text === wanted)) unread.push(seed);
    }
    expect(unread).toEqual([]);
  }, 180_000);
}
