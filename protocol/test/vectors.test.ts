/**
 * The committed vectors: run on node:crypto and on WebCrypto, complete in their refusals, and exactly what the
 * generator makes of the code today.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';
import { join } from 'node:path';
import { decode as decodeWithCbor2 } from 'cbor2';
import { describe, expect, it } from 'vitest';
import { makeVectors, VECTORS } from '../scripts/make-vectors.ts';
import { fromHex } from '../src/bytes.ts';
import { REFUSAL_CODES, runAsync, runSync, webCrypto, type Result } from '../src/index.ts';
import {
  openVector,
  stepsOf,
  type Json,
  type Vector,
  type VectorFile,
} from '../scripts/vector-operations.ts';
import { crypto } from './world.ts';

const browser = webCrypto(webcrypto.subtle);
const names = readdirSync(VECTORS).filter((name) => name !== 'signatures.json');
const files = names.map(
  (name) => [name, JSON.parse(readFileSync(join(VECTORS, name), 'utf8')) as VectorFile] as const,
);
const isSealed = (vector: Vector) => vector.operation === 'openSealed';

function expected(vector: Vector): Result<Json> {
  return vector.code === undefined
    ? { ok: true, value: vector.output ?? null }
    : { ok: false, code: vector.code };
}

/** Codes that no message alone can cause: they depend on what a program keeps, or are reserved for it. */
const WITHOUT_VECTOR = new Set(['already_accepted_with_different_bytes']);

describe.each(files)('%s', (_file, { context, valid, invalid }) => {
  const all = [...valid, ...invalid];

  it('holds on node:crypto', async () => {
    for (const vector of all) {
      const answer = isSealed(vector)
        ? await openVector(vector, context)
        : runSync(stepsOf(vector, context), crypto);
      expect([vector.name, answer]).toEqual([vector.name, expected(vector)]);
    }
  });

  it('holds on WebCrypto', async () => {
    for (const vector of all.filter((candidate) => !isSealed(candidate))) {
      const answer = await runAsync(stepsOf(vector, context), browser);
      expect([vector.name, answer]).toEqual([vector.name, expected(vector)]);
    }
  });

  it('has two halves, names that differ, and a page', () => {
    expect(valid.length).toBeGreaterThan(0);
    expect(invalid.length).toBeGreaterThan(0);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  it('is deterministic CBOR to another library wherever it is valid', () => {
    const fields = [
      'bytes',
      'certificate',
      'request',
      'envelope',
      'payment',
      'delivery',
      'receipt',
      'entry',
      'trustBundle',
      'offer',
      'acceptance',
      'refundReceipt',
    ];
    for (const { input } of valid) {
      for (const field of fields) {
        const hex = input[field];
        if (typeof hex === 'string') expect(decodeWithCbor2(fromHex(hex), { cde: true })).toBeDefined();
      }
    }
  });
});

describe('all vectors together', () => {
  it('show every refusal code that a message can cause', () => {
    const shown = new Set(files.flatMap(([, { invalid }]) => invalid.map(({ code }) => code)));
    expect(REFUSAL_CODES.filter((code) => !shown.has(code) && !WITHOUT_VECTOR.has(code))).toEqual([]);
  });

  it('are what the generator makes: `npm run vectors` leaves no diff', async () => {
    for (const [name, text] of await makeVectors()) {
      expect([name, readFileSync(join(VECTORS, name), 'utf8') === text]).toEqual([name, true]);
    }
  });
});
