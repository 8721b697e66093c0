/** How a vector is written down before its output is known: the intent, which the generator then holds the code to. */
import { toHex } from '../src/bytes.ts';
import { encodeCbor, type CborValue } from '../src/cbor.ts';
import type { RefusalCode } from '../src/index.ts';
import { changed, fieldsOf, withFields } from './tamper.ts';
import type { JsonObject, Vector, VectorFile } from './vector.ts';
import { diagnose } from './diagnostic.ts';

export type DraftFile = Omit<VectorFile, 'valid' | 'invalid'> & {
  readonly valid: readonly Vector[];
  readonly invalid: readonly Vector[];
};

type Given = Readonly<Record<string, unknown>>;

/** More than this of one byte is counted, not written out. */
const MOST_ALIKE = 20_000;

/** A head of CBOR and then one byte again and again, as a vector at a large bound is written (README of the vectors). */
function alike(bytes: Uint8Array): JsonObject | null {
  if (bytes.length <= MOST_ALIKE) return null;
  const head = bytes.subarray(0, 5);
  const rest = bytes.subarray(5);
  if (!rest.every((byte) => byte === rest[0])) return null;
  return { begin: toHex(head), byte: toHex(rest.subarray(0, 1)), times: rest.length };
}

/** A byte string that is as many bytes with its head: nothing is at fault in it but its size and its type. */
export function byteStringOf(size: number): Uint8Array {
  const content = new Uint8Array(size - 3);
  return encodeCbor(content.length < 0x10000 ? content : content.subarray(2));
}

/** Bytes to hex, amounts to digits, lists and objects likewise; undefined is left out. */
export function json(value: unknown): JsonObject[string] {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return alike(value) ?? toHex(value);
  if (Array.isArray(value)) return value.map(json);
  if (typeof value === 'object') return given(value as Given);
  throw new TypeError('a value that JSON does not know');
}

export function given(values: Given): JsonObject {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, json(value)]));
}

/** `shown` is the input that people see in diagnostic notation. */
export function valid(name: string, operation: string, input: Given, shown?: Uint8Array): Vector {
  const vector = { name, operation, input: given(input) };
  return shown === undefined ? vector : { ...vector, diagnostic: diagnose(shown) };
}

export function invalid(name: string, operation: string, code: RefusalCode, input: Given): Vector {
  return { name, operation, input: given(input), code };
}

/** One vector for each field of a signed object: the field changed, the signature kept. */
export function everyFieldChanged(
  bytes: Uint8Array,
  names: readonly string[],
  make: (name: string, tampered: Uint8Array, index: number) => Vector,
): readonly Vector[] {
  return fieldsOf(bytes).map((value: CborValue, index, fields) =>
    make(`${names[index] ?? index} changed`, withFields(bytes, fields.with(index, changed(value))), index),
  );
}
