// What `npm run mutation` runs against each changed line: the laws beside the code and the vectors on node:crypto. What
// repeats them on other primitives, writes them anew or fuzzes for minutes would only make each of the changes dearer.

import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: join(import.meta.dirname, '..'),
  test: {
    name: 'mutation',
    include: [
      'protocol/src/*.test.ts',
      'protocol/adapters/node-sealing.test.ts',
      'protocol/test/{vectors,override,journal-check,loss-bound.property}.test.ts',
    ],
    env: { PROTOCOL_FUZZ_RUNS: '20' },
    pool: 'threads',
    // Counting what each test covers slows the largest inputs down.
    testTimeout: 20_000,
  },
});
