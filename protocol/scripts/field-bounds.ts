/**
 * What a field may hold, as data, and the values just outside of it: from one bound come all the vectors of its field,
 * each with the code that page 01 gives.
 */
import type { CborValue } from '../src/cbor.ts';
import type { RefusalCode } from '../src/index.ts';
import type { Actor } from './vector-world.ts';

export type Bound =
  | { readonly is: 'uint'; readonly min: number; readonly max: number }
  | { readonly is: 'amount'; readonly min: 0 | 1 }
  | { readonly is: 'bytes'; readonly length: number; readonly orNull: boolean }
  | { readonly is: 'text'; readonly maxBytes: number }
  | { readonly is: 'currency' }
  | { readonly is: 'object' }
  | { readonly is: 'payeeLock' }
  | { readonly is: 'list'; readonly max: number; readonly item: CborValue };

export const uint = (min: number, max: number): Bound => ({ is: 'uint', min, max });
export const amount = (min: 0 | 1): Bound => ({ is: 'amount', min });
export const bytes = (length: number): Bound => ({ is: 'bytes', length, orNull: false });
export const bytesOrNull = (length: number): Bound => ({ is: 'bytes', length, orNull: true });
export const text = (maxBytes: number): Bound => ({ is: 'text', maxBytes });
export const list = (max: number, item: CborValue): Bound => ({ is: 'list', max, item });
export const count = uint(1, 2_147_483_647);
export const uint31 = uint(0, 2_147_483_647);
export const time = uint(0, 4_294_967_295);
export const validity = uint(1, 315_360_000);
export const id = bytes(16);
export const hash = bytes(32);
export const point = bytes(33);
export const currency: Bound = { is: 'currency' };
/** `[merchant-id, kiosk-id / null]`, or null. */
export const payeeLock: Bound = { is: 'payeeLock' };
/** Of another object within this one: 1 to 2,048 bytes. */
export const object: Bound = { is: 'object' };

type Refused = readonly [what: string, value: CborValue, code: RefusalCode];
const malformed = (what: string, value: CborValue): Refused => [what, value, 'message_malformed'];
const outOfRange = (what: string, value: CborValue): Refused => [what, value, 'field_out_of_range'];

const MOST_MINOR = 1_000_000_000_000_000;

/** Values that no reader may take, nearest ones first. */
export function refusedBy(bound: Bound): readonly Refused[] {
  switch (bound.is) {
    case 'uint':
      return [
        bound.min > 0 ? outOfRange('one too low', bound.min - 1) : malformed('negative', -1),
        outOfRange('one too high', bound.max + 1),
        malformed('2^53', 2n ** 53n),
        malformed('null', null),
        malformed('a text', '1'),
      ];
    case 'amount':
      return [
        ...(bound.min === 1 ? [outOfRange('zero', 0)] : []),
        outOfRange('one too high', MOST_MINOR + 1),
        outOfRange('2^53', 2n ** 53n),
        outOfRange('2^64 - 1', 2n ** 64n - 1n),
        malformed('negative', -1),
        malformed('null', null),
        malformed('a byte string', Uint8Array.of(1)),
      ];
    case 'bytes':
      return [
        outOfRange('a byte too short', new Uint8Array(bound.length - 1)),
        outOfRange('a byte too long', new Uint8Array(bound.length + 1)),
        malformed('a text', 'x'.repeat(bound.length)),
        ...(bound.orNull ? [malformed('false', false)] : [malformed('null', null)]),
      ];
    case 'text':
      return [
        outOfRange('a byte too long', 'x'.repeat(bound.maxBytes + 1)),
        outOfRange('short in characters, too long in bytes', 'é'.repeat(Math.floor(bound.maxBytes / 2) + 1)),
        malformed('a byte string', Uint8Array.of(0x41)),
        ['a byte order mark in front', '\uFEFFA', 'object_not_canonical'],
      ];
    case 'currency':
      return [
        outOfRange('of two letters', 'SG'),
        outOfRange('of four letters', 'SGDX'),
        outOfRange('in lower case', 'sgd'),
        outOfRange('with a digit', 'SG1'),
        outOfRange('empty', ''),
        malformed('a number', 702),
      ];
    case 'payeeLock':
      return [
        malformed('an id alone', new Uint8Array(16)),
        malformed('without its second field', [new Uint8Array(16)]),
        malformed('with a third field', [new Uint8Array(16), null, null]),
        malformed('on no merchant', [null, new Uint8Array(16)]),
        outOfRange('on a merchant of 15 bytes', [new Uint8Array(15), null]),
        outOfRange('on a kiosk of 17 bytes', [new Uint8Array(16), new Uint8Array(17)]),
      ];
    case 'object':
      return [
        outOfRange('empty', new Uint8Array(0)),
        outOfRange('of 2,049 bytes', new Uint8Array(2_049)),
        malformed('an array', []),
      ];
    case 'list':
      return [
        ...(bound.max <= 4 ? [outOfRange('one too many', Array(bound.max + 1).fill(bound.item))] : []),
        malformed('null', null),
        malformed('with a boolean in it', [true]),
      ];
  }
}

/** The last values that a reader takes, in its form. */
export function edgesOf(bound: Bound): readonly (readonly [what: string, value: CborValue])[] {
  switch (bound.is) {
    case 'uint':
      return [
        ['at its least', bound.min],
        ['at its most', bound.max],
      ];
    case 'amount':
      return [
        ['at its least', bound.min],
        ['at its most', MOST_MINOR],
      ];
    case 'bytes':
      return bound.orNull ? [['null', null]] : [];
    case 'text':
      return [
        ['empty', ''],
        ['at its most bytes', 'é'.repeat(bound.maxBytes / 2)],
        // Text is bytes: nobody composes it.
        ['not composed (NFD)', 'e\u0301'],
      ];
    case 'payeeLock':
      return [
        ['on a merchant', [new Uint8Array(16), null]],
        ['on a kiosk of a merchant', [new Uint8Array(16), new Uint8Array(16)]],
      ];
    case 'object':
      return [['of 2,048 bytes', new Uint8Array(2_048)]];
    case 'list':
      return [['empty', []]];
    case 'currency':
      return [];
  }
}

/** A field's bound; `edges` where its last good values lead to an accepted object. */
export type Field = readonly [bound: Bound, edges: 'edges' | 'inner'];
export const free = (one: Bound): Field => [one, 'edges'];
export const tied = (one: Bound): Field => [one, 'inner'];

/** An object whose fields are to be held to their bounds. */
export interface Subject {
  readonly purpose: number;
  readonly name: string;
  readonly operation: string;
  /** The input that holds the object. */
  readonly input: string;
  readonly bytes: Uint8Array;
  readonly maxBytes: number;
  readonly fields: readonly Field[];
  /** Null for an envelope. */
  readonly signed: {
    readonly by: Actor;
    readonly under?: Uint8Array;
    readonly otherHeader: RefusalCode;
  } | null;
  /** What the operation takes beside the object and the file's context. */
  readonly facts?: Readonly<Record<string, unknown>>;
}
