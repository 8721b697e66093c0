/** Whole columns as single parameters, for set-based statements with `unnest`. */

import { toHex } from '@tikiwallet/protocol';

/** A literal of a one-dimensional PostgreSQL array; always sent as a parameter, never put into a statement. */
export function pgArray(values: readonly (string | null)[]): string {
  let list = '';
  for (const value of values) list += value === null ? ',NULL' : `,"${quoted(value)}"`;
  return `{${list.slice(1)}}`;
}

/** Most have nothing of the kind, and to look is cheaper than to replace. */
const quoted = (value: string): string =>
  value.includes('"') || value.includes('\\') ? value.replace(/["\\]/g, '\\$&') : value;

/** The same for values that need no quoting: numbers, booleans, UUIDs, ISO times, our own closed words. */
export function pgPlainArray(values: readonly (string | number | bigint | boolean | null)[]): string {
  let list = '';
  for (const value of values) list += `,${value ?? 'NULL'}`;
  return `{${list.slice(1)}}`;
}

/** Up to this, bytes lie in the engine's own heap; looking at them as a Buffer would give them memory outside. */
const SHORT_BYTES = 64;

/** The same for `bytea`: bytes as hex, which needs no quoting beyond its backslash. */
export function pgByteaArray(values: readonly (Uint8Array | null)[]): string {
  const items = values.map((value) => (value === null ? 'NULL' : `"\\\\x${hexOf(value)}"`));
  return `{${items.join(',')}}`;
}

function hexOf(bytes: Uint8Array): string {
  if (bytes.length <= SHORT_BYTES) return toHex(bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/**
 * One value that all rows share, once. `unnest` fills a column that is shorter than the others with NULL, for which the statement
 * puts the first value; so never a column that holds NULL itself.
 */
export const sharedValue = <T extends string | number | bigint | boolean>(
  values: readonly T[],
): readonly T[] => (new Set(values).size === 1 ? values.slice(0, 1) : values);
