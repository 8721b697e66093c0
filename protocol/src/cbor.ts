/**
 * Deterministic CBOR (RFC 8949 section 4.2) reduced to what the protocol needs: unsigned integers, byte and text
 * strings, booleans, null and arrays. Decoding is strict and proves itself by encoding again: bytes that another
 * encoder could have written differently are refused, so that one value has one form and one hash.
 */
import { decode, encode, encodeInto, rfc8949EncodeOptions } from 'cborg';
import { equalBytes } from './bytes.ts';
import { refuse } from './errors.ts';
import { MAX_AMOUNT_MINOR, MAX_NESTING, MAX_TIME_SECONDS } from './limits.ts';

export type CborValue = number | bigint | string | Uint8Array | boolean | null | readonly CborValue[];

const DECODE_OPTIONS = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  rejectDuplicateMapKeys: true,
  useMaps: true,
} as const;

export function encodeCbor(value: CborValue): Uint8Array {
  const size = usualSize(value);
  if (size === null) return encode(value, rfc8949EncodeOptions);
  const bytes = new Uint8Array(size);
  putUsual(bytes, 0, value);
  return bytes;
}

/** What nearly every message is made of: byte strings, small numbers, short lists of them. Null for all else, which is the library's. */
function usualSize(value: CborValue): number | null {
  if (typeof value === 'number') return isUsualNumber(value) ? headSize(value) : null;
  if (typeof value === 'bigint') return value >= 0n && value <= USUAL_MAX ? headSize(Number(value)) : null;
  if (value instanceof Uint8Array) return byteStringSize(value);
  if (value === null) return 1;
  if (!Array.isArray(value)) return null;
  let size = headSize(value.length);
  for (const item of value as readonly CborValue[]) {
    const itemSize = usualSize(item);
    if (itemSize === null) return null;
    size += itemSize;
  }
  return size;
}

const USUAL_MAX = 0xffff_ffffn;

function isUsualNumber(value: number): boolean {
  return value >>> 0 === value && !Object.is(value, -0);
}

function headSize(value: number): number {
  return value < 24 ? 1 : value < 0x100 ? 2 : value < 0x10000 ? 3 : 5;
}

/** @returns where it ends */
function putUsual(target: Uint8Array, at: number, value: CborValue): number {
  if (value instanceof Uint8Array) return putByteString(target, at, value);
  if (typeof value === 'number' || typeof value === 'bigint') return putHead(target, at, 0x00, Number(value));
  if (!Array.isArray(value)) {
    target[at] = 0xf6;
    return at + 1;
  }
  let end = putHead(target, at, 0x80, value.length);
  for (const item of value as readonly CborValue[]) end = putUsual(target, end, item);
  return end;
}

function putHead(target: Uint8Array, at: number, major: number, value: number): number {
  const size = headSize(value);
  if (size === 1) target[at] = major | value;
  else {
    // One, two or four bytes follow.
    target[at] = major | (size === 2 ? 0x18 : size === 3 ? 0x19 : 0x1a);
    for (let index = at + size - 1, rest = value; index > at; index -= 1, rest >>>= 8)
      target[index] = rest & 0xff;
  }
  return at + size;
}

/** Messages up to this size are compared without asking for memory; each byte that is no UTF-8 is written again as three. */
const USUAL_BYTES = 4_096;
const again = new Uint8Array(3 * USUAL_BYTES);

function encodesTo(bytes: Uint8Array, value: unknown): boolean {
  if (bytes.length > USUAL_BYTES) return equalBytes(encode(value, rfc8949EncodeOptions), bytes);
  return equalBytes(again.subarray(0, encodeInto(value, again, rfc8949EncodeOptions).written), bytes);
}

/** Of a byte string in its deterministic form, its type and its length before it. */
export function byteStringSize({ length }: Uint8Array): number {
  return headSize(length) + length;
}

/** Writes that form at `at`. @returns where it ends; there must be {@link byteStringSize} bytes of room */
export function putByteString(target: Uint8Array, at: number, string: Uint8Array): number {
  const start = putHead(target, at, 0x40, string.length);
  target.set(string, start);
  return start + string.length;
}

/**
 * The end of the byte string whose deterministic head stands at `at`, of 24 to 65,535 bytes; its content begins at
 * `at` plus {@link headBytes}. Null where something else stands: for paths that know one form and leave all others to
 * {@link decodeCbor}.
 */
export function endOfByteString(bytes: Uint8Array, at: number): number | null {
  const short = bytes[at + 1] ?? 0;
  if (bytes[at] === 0x58 && short >= 24) return within(bytes, at + 2 + short);
  const long = (short << 8) | (bytes[at + 2] ?? 0);
  if (bytes[at] === 0x59 && long >= 0x100) return within(bytes, at + 3 + long);
  return null;
}

/** Of a byte string that {@link endOfByteString} knows. */
export function headBytes(bytes: Uint8Array, at: number): number {
  return bytes[at] === 0x58 ? 2 : 3;
}

function within(bytes: Uint8Array, end: number): number | null {
  return end <= bytes.length ? end : null;
}

/** Amounts up to this have four bytes at most, which is a number of every engine. */
export const USUAL_MINOR = 0xffff_ffff;

/**
 * Reads numbers and strings in their deterministic form one after the other, for paths that know one layout and leave all
 * others to {@link decodeCbor}: what it does not know is `null` from there on, and so are numbers of more than four bytes.
 */
export class UsualReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  /** @param end where what is read has to end; within `bytes` */
  constructor(bytes: Uint8Array, at: number, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#end = end;
    this.#at = at;
  }

  /** Between the two. */
  uint(min: number, max: number): number | null {
    const at = this.#at;
    const head = this.#bytes[at] ?? 0xff;
    const size = head < 0x18 ? 0 : head === 0x18 ? 1 : head === 0x19 ? 2 : head === 0x1a ? 4 : null;
    if (size === null || at + 1 + size > this.#end) return null;
    let value = size === 0 ? head : 0;
    for (let index = at + 1; index <= at + size; index += 1)
      value = value * 0x100 + (this.#bytes[index] ?? 0);
    this.#at = at + 1 + size;
    const isShortest = size === 0 || value >= (size === 1 ? 24 : size === 2 ? 0x100 : 0x10000);
    return isShortest && value >= min && value <= max ? value : null;
  }

  /** A view. `length` below 256. */
  bytes(length: number): Uint8Array | null {
    const start = this.place(length);
    return start === null ? null : this.#bytes.subarray(start, start + length);
  }

  /** Where the bytes of a string of that length begin. `length` below 256. */
  place(length: number): number | null {
    const head = length < 24 ? 1 : 2;
    const isHeaded =
      head === 1
        ? this.#bytes[this.#at] === (0x40 | length)
        : this.#bytes[this.#at] === 0x58 && this.#bytes[this.#at + 1] === length;
    const start = this.#at + head;
    this.#at = start + length;
    return isHeaded && this.#at <= this.#end ? start : null;
  }

  /** Where the bytes of a string of 1 to `max` bytes begin; it ends at {@link at}. */
  placeUpTo(max: number): number | null {
    const at = this.#at;
    const head = this.#bytes[at] ?? 0xff;
    const size = head === 0x58 ? 1 : head === 0x59 ? 2 : 0;
    let length = size === 0 ? head - 0x40 : 0;
    for (let index = at + 1; index <= at + size; index += 1)
      length = length * 0x100 + (this.#bytes[index] ?? 0);
    const isShortest = size === 0 ? length > 0 && length < 24 : length >= (size === 1 ? 24 : 0x100);
    this.#at = at + 1 + size + length;
    return isShortest && length <= max && this.#at <= this.#end ? at + 1 + size : null;
  }

  /** ASCII of fewer than 256 characters: other texts are the decoder's. */
  text(): string | null {
    const head = this.#bytes[this.#at] ?? 0xff;
    const isLong = head === 0x78;
    const length = isLong ? (this.#bytes[this.#at + 1] ?? 0) : head - 0x60;
    const start = this.#at + (isLong ? 2 : 1);
    if (isLong ? length < 24 : length < 0 || length >= 24) return null;
    this.#at = start + length;
    if (this.#at > this.#end) return null;
    let text = '';
    for (let at = start; at < this.#at; at += 1) {
      const code = this.#bytes[at] ?? 0xff;
      if (code >= 0x80) return null;
      text += String.fromCharCode(code);
    }
    return text;
  }

  /** Whether exactly this byte comes next: a head that leaves no choice. */
  takes(byte: number): boolean {
    const isNext = this.#at < this.#end && this.#bytes[this.#at] === byte;
    this.#at += 1;
    return isNext;
  }

  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }
}

/** What {@link QuickReader} leaves to the decoder. */
const UNUSUAL = Symbol('unusual');

/**
 * Reads in one pass what honest senders write: shortest heads, numbers of four bytes at most, ASCII, no map but the empty one.
 * What it reads has one form only, so nothing has to be written again to prove that. Anything else is the decoder's, which
 * names what is wrong.
 */
class QuickReader {
  readonly #bytes: Uint8Array;
  readonly #asViews: boolean;
  #at = 0;

  constructor(bytes: Uint8Array, asViews: boolean) {
    // Of a Buffer, which is Node's kind, parts would be Buffers, and a slice no copy.
    this.#bytes =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#asViews = asViews;
  }

  read(): unknown {
    const value = this.#value(0);
    return this.#at === this.#bytes.length ? value : UNUSUAL;
  }

  #value(depth: number): unknown {
    const head = this.#bytes[this.#at] ?? 0xff;
    this.#at += 1;
    if (head >= 0xa0) return simpleValue(head);
    const argument = this.#argument(head & 0x1f);
    if (argument < 0) return UNUSUAL;
    switch (head >> 5) {
      case 0:
        return argument;
      case 2:
        return this.#string(argument);
      case 3:
        return this.#text(argument);
      case 4:
        return depth === MAX_NESTING ? UNUSUAL : this.#array(argument, depth);
      default:
        return UNUSUAL;
    }
  }

  /** Negative for one that is longer than it had to be, or than four bytes. */
  #argument(short: number): number {
    if (short < 24) return short;
    if (short > 26) return -1;
    const size = 1 << (short - 24);
    let value = 0;
    for (const end = this.#at + size; this.#at < end; this.#at += 1)
      value = value * 0x100 + (this.#bytes[this.#at] ?? 0);
    return value >= (size === 1 ? 24 : size === 2 ? 0x100 : 0x10000) ? value : -1;
  }

  #string(length: number): unknown {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) return UNUSUAL;
    return this.#asViews ? this.#bytes.subarray(start, this.#at) : this.#bytes.slice(start, this.#at);
  }

  #text(length: number): unknown {
    if (length > USUAL_TEXT_BYTES) return UNUSUAL;
    const codes: number[] = [];
    for (const end = this.#at + length; this.#at < end; this.#at += 1) {
      const code = this.#bytes[this.#at] ?? 0xff;
      if (code >= 0x80) return UNUSUAL;
      codes.push(code);
    }
    return String.fromCharCode(...codes);
  }

  #array(length: number, depth: number): unknown {
    const items: unknown[] = [];
    for (let index = 0; index < length; index += 1) {
      const item = this.#value(depth + 1);
      if (item === UNUSUAL) return UNUSUAL;
      items.push(item);
    }
    return items;
  }
}

const USUAL_TEXT_BYTES = 256;

function simpleValue(head: number): unknown {
  switch (head) {
    case 0xa0:
      return new Map();
    case 0xf4:
      return false;
    case 0xf5:
      return true;
    case 0xf6:
      return null;
    default:
      return UNUSUAL;
  }
}

/** @throws Refusal `message_too_large`, `message_malformed` or `object_not_canonical`. */
export function decodeCbor(bytes: Uint8Array, maxBytes: number): unknown {
  return decodeWithin(bytes, maxBytes, false);
}

/** The same; byte strings are views of `bytes`, for what is as long-lived as they are, and never written into. */
export function decodeCborAsViews(bytes: Uint8Array, maxBytes: number): unknown {
  return decodeWithin(bytes, maxBytes, true);
}

function decodeWithin(bytes: Uint8Array, maxBytes: number, asViews: boolean): unknown {
  if (bytes.length > maxBytes) refuse('message_too_large');
  const quick = new QuickReader(bytes, asViews).read();
  return quick === UNUSUAL ? decodeAnyForm(bytes) : quick;
}

/** By the library, for whatever may have been sent. @throws Refusal `message_malformed` or `object_not_canonical`. */
export function decodeAnyForm(bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = decode(bytes, DECODE_OPTIONS);
  } catch (error) {
    // cborg throws plain errors for malformed input and RangeError for absurd nesting; both are the sender's.
    refuse('message_malformed', error);
  }
  requireKnownForms(value, 0);
  if (!encodesTo(bytes, value)) refuse('object_not_canonical');
  return value;
}

/**
 * Only what {@link CborValue} can hold may go on, and the one empty map of a COSE header. It also keeps the encoder
 * below from values that it cannot write: maps with complex keys make it throw, deep nesting ends its stack.
 */
function requireKnownForms(value: unknown, depth: number): void {
  if (Array.isArray(value)) {
    if (depth === MAX_NESTING) refuse('message_malformed');
    for (const item of value) requireKnownForms(item, depth + 1);
    return;
  }
  const isKnown =
    value === null ||
    typeof value === 'boolean' ||
    typeof value === 'string' ||
    value instanceof Uint8Array ||
    (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) ||
    (typeof value === 'bigint' && value >= 0n) ||
    (value instanceof Map && value.size === 0);
  if (!isKnown) refuse('message_malformed');
}

function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return length;
}

export function isCurrency(text: string): boolean {
  return /^[A-Z]{3}$/.test(text);
}

/** Reads the fields of a fixed array one after the other; every reader refuses what does not fit its bounds. */
export class FieldReader {
  readonly #values: readonly unknown[];
  #next = 0;

  constructor(value: unknown) {
    if (!Array.isArray(value)) refuse('message_malformed');
    this.#values = value;
  }

  #take(): unknown {
    if (this.#next >= this.#values.length) refuse('message_malformed');
    const value = this.#values[this.#next];
    this.#next += 1;
    return value;
  }

  /** The first field of every signed object: its purpose, so that no object is ever taken for another. */
  purpose(expected: number): void {
    const value = this.#take();
    if (typeof value !== 'number') refuse('message_malformed');
    if (value !== expected) refuse('object_has_wrong_purpose');
  }

  uint(max: number, min = 0): number {
    const value = this.#take();
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) refuse('message_malformed');
    if (value < min || value > max) refuse('field_out_of_range');
    return value;
  }

  /** A number that stands for a name: its place in the list, counted from 1. */
  named<T extends string>(names: readonly T[]): T {
    return names[this.uint(names.length, 1) - 1] ?? refuse('field_out_of_range');
  }

  amountMinor(minMinor = 0n): bigint {
    const value = this.#take();
    if (typeof value === 'bigint' && value > 0n) refuse('field_out_of_range');
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) refuse('message_malformed');
    const amount = BigInt(value);
    if (amount < minMinor || amount > MAX_AMOUNT_MINOR) refuse('field_out_of_range');
    return amount;
  }

  timeSeconds(): number {
    return this.uint(MAX_TIME_SECONDS);
  }

  bytes(length: number): Uint8Array {
    const value = this.#take();
    if (!(value instanceof Uint8Array)) refuse('message_malformed');
    if (value.length !== length) refuse('field_out_of_range');
    return value;
  }

  bytesUpTo(max: number): Uint8Array {
    const value = this.#take();
    if (!(value instanceof Uint8Array)) refuse('message_malformed');
    if (value.length === 0 || value.length > max) refuse('field_out_of_range');
    return value;
  }

  /** Its length is the caller's question. */
  anyBytes(): Uint8Array {
    const value = this.#take();
    if (!(value instanceof Uint8Array)) refuse('message_malformed');
    return value;
  }

  bytesOrNull(length: number): Uint8Array | null {
    if (this.#values[this.#next] !== null) return this.bytes(length);
    this.#next += 1;
    return null;
  }

  text(maxBytes: number): string {
    const value = this.#take();
    if (typeof value !== 'string') refuse('message_malformed');
    if (utf8Length(value) > maxBytes) refuse('field_out_of_range');
    return value;
  }

  textOrNull(maxBytes: number): string | null {
    if (this.#values[this.#next] !== null) return this.text(maxBytes);
    this.#next += 1;
    return null;
  }

  currency(): string {
    const value = this.text(3);
    if (!isCurrency(value)) refuse('field_out_of_range');
    return value;
  }

  array(maxLength: number): readonly unknown[] {
    const value = this.#take();
    if (!Array.isArray(value)) refuse('message_malformed');
    if (value.length > maxLength) refuse('field_out_of_range');
    return value;
  }

  /** Fields within a field: a reader of their own counts them, and one too many is no longer list. */
  layout(): readonly unknown[] {
    return this.array(Number.MAX_SAFE_INTEGER);
  }

  layoutOrNull(): readonly unknown[] | null {
    if (this.#values[this.#next] !== null) return this.layout();
    this.#next += 1;
    return null;
  }

  /** Nothing may follow: unknown fields are refused, a new version is a new purpose. */
  end(): void {
    if (this.#next !== this.#values.length) refuse('message_malformed');
  }
}
