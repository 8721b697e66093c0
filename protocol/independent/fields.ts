// Fields and their bounds (pages 01 and 11): what turns an item into a value, or refuses it. Byte strings become
// lower-case hex and identifiers UUIDs, so that values compare with === and read like the vectors.

import { emptyMap, type Item } from './cbor.ts';
import { limits } from './limits.ts';
import { demand, refuse } from './refusal.ts';

export type Hex = string;
export type Reader<T> = (item: Item) => T;
type Layout = Readonly<Record<string, Reader<unknown>>>;
export type Fields<L extends Layout> = { readonly [K in keyof L]: ReturnType<L[K]> };

export function toHex(bytes: Uint8Array): Hex {
  return Buffer.from(bytes).toString('hex');
}

/** A plain view: cbor2 takes a Buffer for something else than bytes. */
export function fromHex(hex: Hex): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

export function uint(least: number, most: number): Reader<number> {
  return (item) => {
    if (typeof item !== 'number') refuse('message_malformed');
    demand(item >= least && item <= most, 'field_out_of_range');
    return item;
  };
}

function money(least: number): Reader<bigint> {
  return (item) => {
    if (typeof item !== 'number' && typeof item !== 'bigint') refuse('message_malformed');
    demand(item >= least && item <= limits.MAX_AMOUNT_MINOR, 'field_out_of_range');
    return BigInt(item);
  };
}

/** Another object's bytes: some, and at most so many. */
export function blob(most: number): Reader<Hex> {
  return (item) => {
    if (!(item instanceof Uint8Array)) refuse('message_malformed');
    demand(item.length >= 1 && item.length <= most, 'field_out_of_range');
    return toHex(item);
  };
}

export function bytes(size: number): Reader<Hex> {
  return (item) => {
    if (!(item instanceof Uint8Array)) refuse('message_malformed');
    demand(item.length === size, 'field_out_of_range');
    return toHex(item);
  };
}

export function text(maxBytes: number, pattern?: RegExp): Reader<string> {
  return (item) => {
    if (typeof item !== 'string') refuse('message_malformed');
    demand(Buffer.byteLength(item) <= maxBytes, 'field_out_of_range');
    demand(pattern === undefined || pattern.test(item), 'field_out_of_range');
    return item;
  };
}

export function nullable<T>(reader: Reader<T>): Reader<T | null> {
  return (item) => (item === null ? null : reader(item));
}

export function list<T>(most: number, reader: Reader<T>): Reader<readonly T[]> {
  return (item) => {
    if (!isArray(item)) refuse('message_malformed');
    demand(item.length <= most, 'field_out_of_range');
    return item.map(reader);
  };
}

/** A number that stands for a name: the first name is 1. */
export function named<const N extends readonly string[]>(names: N): Reader<N[number]> {
  const read = uint(1, names.length);
  return (item) => names[read(item) - 1] ?? refuse('field_out_of_range');
}

export function record<L extends Layout>(layout: L): Reader<Fields<L>> {
  const readers = Object.entries(layout);
  return (item) => {
    if (!isArray(item) || item.length !== readers.length) refuse('message_malformed');
    const fields = readers.map(([name, reader], at) => [name, reader(item[at] ?? null)] as const);
    return Object.fromEntries(fields) as Fields<L>;
  };
}

/** The first field of every payload and of every envelope says what it is; it is read before all others. */
export const purposeOf: Reader<number> = (item) => {
  if (!isArray(item) || typeof item[0] !== 'number') refuse('message_malformed');
  return item[0];
};

export function object<L extends Layout>(purpose: number, layout: L): Reader<Fields<L>> {
  const read = record(layout);
  return (item) => {
    demand(purposeOf(item) === purpose, 'object_has_wrong_purpose');
    return isArray(item) ? read(item.slice(1)) : refuse('message_malformed');
  };
}

/** What nobody may interpret, still shown as it came. */
export const anything: Reader<unknown> = (item) => {
  if (item instanceof Uint8Array) return toHex(item);
  if (item === emptyMap) return {};
  return isArray(item) ? item.map(anything) : item;
};

function isArray(item: Item): item is readonly Item[] {
  return Array.isArray(item);
}

export const uint31 = uint(0, limits.MAX_COUNTER);
export const count = uint(1, limits.MAX_COUNTER);
export const time = uint(0, limits.MAX_TIME_SECONDS);
export const validity = uint(1, limits.MAX_VALIDITY_SECONDS);
export const amount = money(0);
export const price = money(1);
export const currency = text(3, /^[A-Z]{3}$/);
export const hash = bytes(32);
export const link = bytes(limits.LINK_BYTES);
export const point = bytes(33);
export const phone = text(limits.MAX_PHONE_BYTES);

export const id: Reader<string> = (item) =>
  bytes(16)(item).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
