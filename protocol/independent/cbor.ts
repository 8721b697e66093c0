// Bytes before meaning (page 01): the subset of deterministic CBOR, as a tree. cbor2 only cuts the bytes into
// tokens here; which of them are allowed is decided in this file.

import { type MtAiValue, SequenceEvents } from 'cbor2';
import { limits } from './limits.ts';
import { demand, Refusal, refuse } from './refusal.ts';

export const emptyMap = Symbol('the empty map');

/** Integers above 2^53 - 1 are bigint; whether they are a refusal depends on the field. */
export type Item = number | bigint | Uint8Array | string | boolean | null | typeof emptyMap | readonly Item[];

const major = { unsigned: 0, bytes: 2, text: 3, array: 4, map: 5, simple: 7 } as const;
const simple = { false: 20, true: 21, null: 22, firstFloat: 25, lastFloat: 27 } as const;

export function readCbor(bytes: Uint8Array, maxBytes: number): Item {
  demand(bytes.length <= maxBytes, 'message_too_large');
  const [item] = readCborSequence(bytes, 1);
  return item === undefined ? refuse('message_malformed') : item;
}

/** Item after item to the end of the bytes (RFC 8742), or to the first above `most`, which is malformed. */
export function readCborSequence(bytes: Uint8Array, most = Number.POSITIVE_INFINITY): readonly Item[] {
  // What is malformed anywhere is said before what is merely written in another way.
  const found = { otherEncoding: false };
  const tokens = new SequenceEvents(bytes, { requirePreferred: true })[Symbol.iterator]();
  try {
    const items: Item[] = [];
    for (let token = tokens.next(); token.done !== true; token = tokens.next()) {
      demand(items.length < most, 'message_malformed');
      items.push(readItem(token.value, tokens, 0, found));
    }
    demand(!found.otherEncoding, 'object_not_canonical');
    return items;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    refuse(isBadUtf8(error) ? 'object_not_canonical' : 'message_malformed');
  }
}

function readItem(
  [type, info, value]: MtAiValue,
  tokens: Iterator<MtAiValue>,
  depth: number,
  found: { otherEncoding: boolean },
): Item {
  switch (type) {
    case major.unsigned:
      if (typeof value === 'number' || typeof value === 'bigint') return value;
      break;
    case major.bytes:
      if (value instanceof Uint8Array) return value;
      break;
    case major.text:
      if (typeof value !== 'string') break;
      if (value.startsWith('\uFEFF')) found.otherEncoding = true;
      return value;
    case major.array: {
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) break;
      demand(depth < limits.MAX_NESTING, 'message_malformed');
      const items: Item[] = [];
      for (let read = 0; read < value; read += 1) {
        const token = tokens.next();
        if (token.done === true) refuse('message_malformed');
        items.push(readItem(token.value, tokens, depth + 1, found));
      }
      return items;
    }
    case major.map:
      if (value === 0) return emptyMap;
      break;
    case major.simple:
      if (info === simple.false) return false;
      if (info === simple.true) return true;
      if (info === simple.null) return null;
      if (info < simple.firstFloat || info > simple.lastFloat) break;
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) break;
      found.otherEncoding = true;
      return 0;
    default:
  }
  return refuse('message_malformed');
}

function isBadUtf8(error: unknown): boolean {
  return error instanceof TypeError && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA';
}
