// The picture on the kiosk's screen, read as a phone's camera reads it: what it says is all that a phone learns of the
// network.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { PNG } from 'pngjs';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';

export type JoinCode = { readonly ssid: string; readonly passphrase: string };

/** @param picture a data: address of a PNG */
export async function scanJoinCode(picture: string): Promise<JoinCode> {
  const wasm = createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm');
  const wasmBinary = new Uint8Array(readFileSync(wasm)).buffer;
  await prepareZXingModule({ overrides: { wasmBinary }, fireImmediately: true });
  const { data, width, height } = PNG.sync.read(Buffer.from(picture.split(',')[1] ?? '', 'base64'));
  const image = { data: new Uint8ClampedArray(data), width, height, colorSpace: 'srgb' as const };
  const [found] = await readBarcodes(image, { formats: ['QRCode'], maxNumberOfSymbols: 1 });
  return parseJoinCode(found?.text ?? '');
}

/** `WIFI:T:WPA;S:name;P:passphrase;;` with a backslash before what means something. */
export function parseJoinCode(text: string): JoinCode {
  const fields = new Map(
    [...text.replace(/^WIFI:/, '').matchAll(/([A-Z]):((?:\\.|[^\\;])*);/g)].map(
      ([, name = '', value = '']) => [name, value.replace(/\\(.)/g, '$1')],
    ),
  );
  const [ssid, passphrase] = [fields.get('S'), fields.get('P')];
  if (
    !text.startsWith('WIFI:') ||
    fields.get('T') !== 'WPA' ||
    ssid === undefined ||
    passphrase === undefined
  )
    throw new Error('it is no code to join by');
  return { ssid, passphrase };
}
