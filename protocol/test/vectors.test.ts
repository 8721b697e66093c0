/**
 * The committed vectors on node:crypto, complete in their refusals. The same suite runs in the agent's, the server's and
 * the wallet's own tests.
 */
import { describe, expect, it } from 'vitest';
import { readVectors, runVectors } from '../scripts/read-vectors.ts';
import { REFUSAL_CODES, runSync } from '../src/index.ts';
import { crypto } from './world.ts';

const files = readVectors();

/** Codes that no message alone can cause: they depend on what a program keeps, or are reserved for it. */
const WITHOUT_VECTOR = new Set(['already_accepted_with_different_bytes']);

describe.each(Object.entries(files))('%s', (name, file) => {
  const { valid, invalid } = file;
  const all = valid.length + invalid.length;

  it('holds on node:crypto', async () => {
    const result = await runVectors({ [name]: file }, { run: (steps) => runSync(steps, crypto) });
    expect(result).toEqual({ vectors: all, disagreements: [] });
  });

  it('has two halves, names that differ, and a page', () => {
    expect(valid.length).toBeGreaterThan(0);
    expect(invalid.length).toBeGreaterThan(0);
    expect(new Set([...valid, ...invalid].map((vector) => vector.name)).size).toBe(all);
  });
});

describe('the suite', () => {
  it('sees an output that differs, a code that differs, and an acceptance that should be none', async () => {
    const run = (steps: Parameters<typeof runSync>[0]) => runSync(steps, crypto);
    const lies = {
      output: { name: 'a', operation: 'comparisonCode', input: { requestHash: '00000001' }, output: '0002' },
      code: { name: 'b', operation: 'decodeBase45', input: { text: '::' }, code: 'field_out_of_range' },
      accepted: { name: 'c', operation: 'decodeBase45', input: { text: 'BB8' }, code: 'message_malformed' },
      refused: { name: 'd', operation: 'decodeBase45', input: { text: '::' }, output: '00' },
    } as const;
    const file = {
      description: '',
      page: '',
      context: {},
      valid: [lies.output, lies.refused],
      invalid: [lies.code, lies.accepted],
    };
    const { disagreements } = await runVectors({ file }, { run: run as never });
    expect(disagreements.map(({ vector }) => vector)).toEqual(['a', 'd', 'b', 'c']);
  });
});

describe('all vectors together', () => {
  it('show every refusal code that a message can cause', () => {
    const shown = new Set(Object.values(files).flatMap(({ invalid }) => invalid.map(({ code }) => code)));
    expect(REFUSAL_CODES.filter((code) => !shown.has(code) && !WITHOUT_VECTOR.has(code))).toEqual([]);
  });
});
