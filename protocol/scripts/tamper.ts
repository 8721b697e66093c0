/**
 * Takes signed objects apart and puts them together again with something changed: what a hostile phone, kiosk or
 * radio would do. Knows the layout of COSE_Sign1 and nothing of what the fields mean.
 */
import { decodeCbor, encodeCbor, type CborValue } from '../src/cbor.ts';
import { concatBytes } from '../src/bytes.ts';
import { readIssuedObject } from '../src/cose.ts';
import type { SyncSigner } from '../src/index.ts';

const NO_BYTES = new Uint8Array(0);
/** Order of the P-256 group. */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The fields of an object's payload, free to be changed. */
export function fieldsOf(bytes: Uint8Array): CborValue[] {
  return arrayOf(decodeCbor(readIssuedObject(bytes, bytes.length).payload, bytes.length));
}

/** The items of an unsigned envelope. */
export function itemsOf(bytes: Uint8Array): CborValue[] {
  return arrayOf(decodeCbor(bytes, bytes.length));
}

function arrayOf(value: unknown): CborValue[] {
  if (!Array.isArray(value)) throw new TypeError('not an array');
  return [...(value as readonly CborValue[])];
}

export interface Sign1Parts {
  readonly protectedHeader: Uint8Array;
  /** Encoded, e.g. `a0`. */
  readonly unprotected: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

export function partsOf(bytes: Uint8Array): Sign1Parts {
  const { protectedHeader, payload, signature } = readIssuedObject(bytes, bytes.length);
  return { protectedHeader, unprotected: Uint8Array.of(0xa0), payload, signature };
}

export function assemble(parts: Sign1Parts): Uint8Array {
  return concatBytes(
    Uint8Array.of(0x84),
    encodeCbor(parts.protectedHeader),
    parts.unprotected,
    encodeCbor(parts.payload),
    encodeCbor(parts.signature),
  );
}

/** The same object with other fields and its old signature. */
export function withFields(bytes: Uint8Array, fields: readonly CborValue[]): Uint8Array {
  return assemble({ ...partsOf(bytes), payload: encodeCbor(fields) });
}

/** The same object with other fields, signed again by whoever has `sign`. */
export function resigned(
  bytes: Uint8Array,
  fields: readonly CborValue[],
  by: { readonly sign: SyncSigner; readonly externalAad?: Uint8Array; readonly protectedHeader?: Uint8Array },
): Uint8Array {
  const protectedHeader = by.protectedHeader ?? partsOf(bytes).protectedHeader;
  const payload = encodeCbor(fields);
  const signature = by.sign(encodeCbor(['Signature1', protectedHeader, by.externalAad ?? NO_BYTES, payload]));
  return assemble({ protectedHeader, unprotected: Uint8Array.of(0xa0), payload, signature });
}

/** The other valid signature of the same bytes: (r, n - s). */
export function malleated(bytes: Uint8Array): Uint8Array {
  const parts = partsOf(bytes);
  const s = BigInt(`0x${Buffer.from(parts.signature.subarray(32)).toString('hex')}`);
  const other = Buffer.from((N - s).toString(16).padStart(64, '0'), 'hex');
  return assemble({
    ...parts,
    signature: concatBytes(parts.signature.subarray(0, 32), new Uint8Array(other)),
  });
}

/** An unsigned envelope, once for each of its items with that item changed in its last byte. */
export function everyItemChanged(
  bytes: Uint8Array,
  names: readonly string[],
): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
  return itemsOf(bytes).map((item, index, items) => ({
    name: names[index] ?? String(index),
    bytes: encodeCbor(items.with(index, changed(item))),
  }));
}

/** A value of the same type that differs, and still lies within most bounds. */
export function changed(value: CborValue): CborValue {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'bigint') return value + 1n;
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return (value.startsWith('A') ? 'B' : 'A') + value.slice(1);
  if (value instanceof Uint8Array) return value.map((byte, i) => (i === value.length - 1 ? byte ^ 1 : byte));
  if (value === null) return new Uint8Array(16);
  return value.length === 0 ? [0] : [changed(value[0] ?? 0), ...value.slice(1)];
}
