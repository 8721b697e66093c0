/**
 * Text forms of binary values: hex, base64url and Base45 (RFC 9285, the alphabet of a QR code's alphanumeric
 * mode). Decoders refuse what they do not understand; none of them guesses.
 */
import { refuse } from './errors.ts';

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Character codes of the sixteen digits. */
const DIGITS = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
/** As many as a call may have arguments everywhere. */
const HEX_AT_ONCE = 4_096;
/** Up to this, the codes of one call lie where those of the one before it lay: identifiers and hashes are many. */
const HEX_USUAL = 64;
const usualCodes: (number[] | undefined)[] = [];

/** Made in one piece: a text that grows digit by digit is flattened again by whoever looks it up. */
export function toHex(bytes: Uint8Array): string {
  if (bytes.length <= HEX_USUAL) return hexOf(bytes, (usualCodes[bytes.length] ??= []));
  let text = '';
  for (let start = 0; start < bytes.length; start += HEX_AT_ONCE)
    text += hexOf(bytes.subarray(start, start + HEX_AT_ONCE), []);
  return text;
}

/** @param codes as long as the digits are many, or empty */
function hexOf(bytes: Uint8Array, codes: number[]): string {
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    codes[2 * at] = DIGITS[byte >> 4] ?? 0;
    codes[2 * at + 1] = DIGITS[byte & 15] ?? 0;
  }
  return String.fromCharCode(...codes);
}

/** @throws Refusal `message_malformed` for anything but an even number of lower-case hex digits. */
export function fromHex(text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) refuse('message_malformed');
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(i * 2, i * 2 + 2), 16),
  );
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BASE64URL_VALUE = new Map([...BASE64URL].map((character, value) => [character, value]));

/** base64url without padding (RFC 4648 section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const characters = Math.min(4, bytes.length - i + 1);
    for (let k = 0; k < characters; k += 1) text += BASE64URL[(group >> (18 - 6 * k)) & 63] ?? '';
  }
  return text;
}

/** @throws Refusal `message_malformed` for other characters, an impossible length or non-zero trailing bits. */
export function fromBase64Url(text: string): Uint8Array {
  const remainder = text.length % 4;
  if (remainder === 1) refuse('message_malformed');
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let held = 0;
  let heldBits = 0;
  let length = 0;
  for (const character of text) {
    const value = BASE64URL_VALUE.get(character);
    if (value === undefined) refuse('message_malformed');
    held = (held << 6) | value;
    heldBits += 6;
    if (heldBits >= 8) {
      heldBits -= 8;
      bytes[length] = (held >> heldBits) & 0xff;
      length += 1;
      held &= (1 << heldBits) - 1;
    }
  }
  if (held !== 0) refuse('message_malformed');
  return bytes;
}

const BASE45 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
const BASE45_VALUE = new Map([...BASE45].map((character, value) => [character, value]));

export function toBase45(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 2) {
    const low = bytes[i + 1];
    let value = low === undefined ? (bytes[i] ?? 0) : (bytes[i] ?? 0) * 256 + low;
    for (let k = low === undefined ? 2 : 3; k > 0; k -= 1) {
      text += BASE45[value % 45] ?? '';
      value = Math.floor(value / 45);
    }
  }
  return text;
}

/** @throws Refusal `message_malformed` for other characters, an impossible length or an overflowing group. */
export function fromBase45(text: string): Uint8Array {
  if (text.length % 3 === 1) refuse('message_malformed');
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i += 3) {
    const group = text.slice(i, i + 3);
    let value = 0;
    for (let k = group.length - 1; k >= 0; k -= 1) {
      const digit = BASE45_VALUE.get(group[k] ?? '');
      if (digit === undefined) refuse('message_malformed');
      value = value * 45 + digit;
    }
    if (value > (group.length === 3 ? 0xffff : 0xff)) refuse('message_malformed');
    if (group.length === 3) bytes.push(value >> 8);
    bytes.push(value & 0xff);
  }
  return Uint8Array.from(bytes);
}

/** A UUID's 36 characters for its 16 bytes; identifiers are bytes on the wire and UUID text in JSON and SQL. */
export function toUuid(bytes: Uint8Array): string {
  if (bytes.length !== 16) refuse('field_out_of_range');
  const hex = toHex(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** @throws Refusal `message_malformed` unless `text` is a lower-case UUID. */
export function fromUuid(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text))
    refuse('message_malformed');
  return fromHex(text.replaceAll('-', ''));
}
