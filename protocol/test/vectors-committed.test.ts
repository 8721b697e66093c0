/** The committed vectors are what the generator makes of the code today, and hold on WebCrypto as Node has it. */
import { readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeVectors } from '../scripts/make-vectors.ts';
import { readVectors, runVectors, VECTORS } from '../scripts/read-vectors.ts';
import { runAsync, webCrypto } from '../src/index.ts';

/** Thousands of signatures, on a machine that may do much else. */
const TIMEOUT_MS = 120_000;

it(
  'R21 R22 R23 every vector holds on WebCrypto',
  async () => {
    const browser = webCrypto(webcrypto.subtle);
    const result = await runVectors(readVectors(), {
      run: async (steps) => await runAsync(steps, browser),
    });
    expect(result.disagreements).toEqual([]);
    expect(result.vectors).toBeGreaterThan(1_000);
  },
  TIMEOUT_MS,
);

it(
  '`npm run vectors` leaves no diff',
  async () => {
    for (const [name, text] of await makeVectors()) {
      expect([name, readFileSync(join(VECTORS, name), 'utf8') === text]).toEqual([name, true]);
    }
  },
  TIMEOUT_MS,
);
