/**
 * No rule of the protocol throws on hostile structure: every operation of the vectors on genuine inputs of which one field has
 * become something else. Once as it is, where the signature ends most of it, and once with a driver that believes every
 * signature, so that what stands behind it is reached too. PROTOCOL_FUZZ_RUNS=1000000 is the long run.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readVectors } from '../scripts/read-vectors.ts';
import { stepsOf } from '../scripts/vector-operations.ts';
import { inputOf } from '../scripts/vector.ts';
import { isOfSeals } from '../scripts/vector-suite.ts';
import { runSync } from '../src/index.ts';
import { hostile } from './hostile-inputs.ts';
import { crypto } from './world.ts';

const RUNS = Number(process.env['PROTOCOL_FUZZ_RUNS'] ?? 100_000);
const TEN_MINUTES = 600_000;

/** What opens seals has no rule that a driver runs: its readers have tests of their own. */
const subjects = Object.values(readVectors()).flatMap(({ context, valid }) =>
  valid.filter((vector) => !isOfSeals(vector)).map((vector) => ({ vector, given: inputOf(vector, context) })),
);
const credulous = { digest: (data: Uint8Array) => crypto.digest(data), verify: () => true };
const anything = fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat());

describe.each([
  ['with real signatures', crypto, Math.ceil(RUNS / 10)],
  ['behind signatures that are all believed', credulous, RUNS],
] as const)('every operation, %s', (_what, primitives, runs) => {
  it(
    `never throws (${String(runs)} hostile inputs)`,
    () => {
      let refused = 0;
      let accepted = 0;
      fc.assert(
        fc.property(anything, ([which, input, place, how]) => {
          const subject = subjects[which % subjects.length];
          const changed = subject === undefined ? null : hostile(subject.given, { input, place, how });
          if (subject === undefined || changed === null) return;
          const { operation, name } = subject.vector;
          const answer = runSync(stepsOf({ operation, name, input: changed }, {}), primitives);
          if (answer.ok) accepted += 1;
          else refused += 1;
        }),
        { numRuns: runs },
      );
      expect(refused).toBeGreaterThan(runs / 10);
      expect(accepted).toBeGreaterThan(0);
    },
    TEN_MINUTES,
  );
});
