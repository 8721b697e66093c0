/**
 * The code that lets a phone join: the text that every camera app knows, as a picture. The text holds the passphrase
 * and never leaves this file's caller; the picture is what the screen gets (R14).
 */
import { crc32, deflateSync } from 'node:zlib';
import { encode } from 'uqr';

export interface WifiCredentials {
  readonly ssid: string;
  readonly passphrase: string;
}

/** `WIFI:T:WPA;S:...;P:...;;` with the five characters escaped that mean something in it. */
export function wifiText({ ssid, passphrase }: WifiCredentials): string {
  return `WIFI:T:WPA;S:${escaped(ssid)};P:${escaped(passphrase)};;`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\;,:"]/g, String.raw`\$&`);
}

const QUIET_MODULES = 4;
/** Enlarged by the screen without smoothing; large enough that even a browser that smooths keeps edges. */
const PIXELS_PER_MODULE = 8;

/** As a data: address, for an image element. */
export function wifiPicture(credentials: WifiCredentials): string {
  const { data } = encode(wifiText(credentials), { ecc: 'M', boostEcc: true, border: QUIET_MODULES });
  return `data:image/png;base64,${png(data).toString('base64')}`;
}

/** A PNG of one bit a pixel; dark modules are black. */
function png(rows: readonly (readonly boolean[])[]): Buffer {
  const edge = rows.length * PIXELS_PER_MODULE;
  const bytesPerLine = Math.ceil(edge / 8);
  const lines = rows.flatMap((row) => {
    const line = Buffer.alloc(1 + bytesPerLine);
    for (const [at, isDark] of row.entries()) {
      // Eight pixels a module are exactly one byte of the line; the line begins with the filter's number.
      line[1 + at] = isDark ? 0x00 : 0xff;
    }
    return Array.from({ length: PIXELS_PER_MODULE }, () => line);
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(edge, 0);
  header.writeUInt32BE(edge, 4);
  // One bit, greyscale; the rest is the format's only choice.
  header[8] = 1;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(lines))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(name: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
