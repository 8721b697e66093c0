/**
 * A test vector as it stands in its file, typed access to what it gives, and one way to write what comes of it.
 * Isomorphic like the rules themselves.
 */
import { concatBytes, fromHex, toHex } from '../src/bytes.ts';
import type { Steps } from '../src/crypto.ts';
import type * as protocol from '../src/index.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface Vector {
  readonly name: string;
  readonly operation: string;
  /** Bytes in hex, amounts in decimal digits. What it lacks is in the file's context. */
  readonly input: JsonObject;
  /** Only in the valid half. */
  readonly output?: Json;
  /** Only in the invalid half: the refusal. */
  readonly code?: protocol.RefusalCode;
  /** Diagnostic notation of the input's object, for people. */
  readonly diagnostic?: string;
}

export interface VectorFile {
  readonly description: string;
  readonly page: string;
  readonly context: JsonObject;
  readonly valid: readonly Vector[];
  readonly invalid: readonly Vector[];
}

/** What a vector may ask for: reads the input, runs the rule, answers what the rule says. */
export type Operations = Readonly<Record<string, (input: Input) => Steps<unknown>>>;

/** Typed access to a vector's input; a vector that lacks something is a programmer's error. */
export class Input {
  readonly #values: JsonObject;
  constructor(values: JsonObject) {
    this.#values = values;
  }
  #get(name: string): Json {
    const value = this.#values[name];
    if (value === undefined) throw new TypeError(`vector lacks ${name}`);
    return value;
  }
  text(name: string): string {
    const value = this.#get(name);
    if (typeof value !== 'string') throw new TypeError(`${name} is no text`);
    return value;
  }
  /** Hex, or one byte many times behind a few others. */
  bytes(name: string): Uint8Array {
    const value = this.#get(name);
    if (typeof value !== 'object') return fromHex(this.text(name));
    const alike = this.object(name);
    if (alike === null) throw new TypeError(`${name} is null`);
    return concatBytes(
      alike.bytes('begin'),
      new Uint8Array(alike.number('times')).fill(alike.bytes('byte')[0] ?? 0),
    );
  }
  number(name: string): number {
    const value = this.#get(name);
    if (typeof value !== 'number') throw new TypeError(`${name} is no number`);
    return value;
  }
  bytesList(name: string): readonly Uint8Array[] {
    const value = this.#get(name);
    if (!Array.isArray(value)) throw new TypeError(`${name} is no list`);
    return value.map((item) => fromHex(String(item)));
  }
  texts(name: string): readonly string[] {
    const value = this.#get(name);
    if (!Array.isArray(value)) throw new TypeError(`${name} is no list`);
    return value.map(String);
  }
  flag(name: string): boolean {
    const value = this.#get(name);
    if (typeof value !== 'boolean') throw new TypeError(`${name} is no flag`);
    return value;
  }
  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }
  objects(name: string): readonly Input[] {
    const value = this.#get(name);
    if (!Array.isArray(value)) throw new TypeError(`${name} is no list`);
    return value.map((item) => new Input(item as JsonObject));
  }
  /** Null where the vector says null. */
  object(name: string): Input | null {
    const value = this.#get(name);
    if (value === null) return null;
    if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError(`${name} is no object`);
    return new Input(value as JsonObject);
  }
}

/** Hex, decimal digits, sorted lists: one way to write each value. Bytes as received are left out. */
export function toJson(value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return toHex(value);
  if (value instanceof Set) return [...value].map(String).toSorted((a, b) => (a < b ? -1 : 1));
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object') throw new TypeError('a value that JSON does not know');
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'bytes')
      .map(([name, item]) => [name, toJson(item)]),
  );
}

/** A rule that needs no cryptography. */
export function plain(rule: (input: Input) => unknown): (input: Input) => Steps<unknown> {
  // oxlint-disable-next-line require-yield -- the drivers take generators only
  return function* (input) {
    return rule(input);
  };
}

/** What a vector gives: its input over the file's context. */
export function inputOf(vector: Vector, context: JsonObject): JsonObject {
  return { ...context, ...vector.input };
}

/** Bytes of an input, also where they are counted and not written out. */
export function bytesIn(input: JsonObject, name: string): Uint8Array {
  return new Input(input).bytes(name);
}
