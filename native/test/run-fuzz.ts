// Builds the addon with sanitizers and a supplicant that says hostile things, and lets them meet (test/fuzz.ts).

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { sanitizedAddon, testProgram } from './compile.ts';

const run = promisify(execFile);

export type FuzzCounts = {
  readonly events: number;
  readonly understood: number;
  readonly replies: number;
  readonly dropped: number;
};

/** Rejects with what the sanitizer or an assertion said. */
export async function fuzz({
  lines,
  seed,
}: {
  readonly lines: number;
  readonly seed: number;
}): Promise<{ readonly counts: FuzzCounts; readonly seconds: number }> {
  const { addon, env } = await sanitizedAddon();
  const daemon = await testProgram('fuzzing_supplicant');
  const startedAt = performance.now();
  const program = join(import.meta.dirname, 'fuzz.ts');
  const { stdout, stderr } = await run(
    process.execPath,
    [program, addon, String(lines), String(seed), daemon],
    {
      env,
      maxBuffer: 16 * 1024 * 1024,
    },
  );
  if (/runtime error|Sanitizer/.test(stderr)) throw new Error(stderr);
  const counts: FuzzCounts = JSON.parse(stdout);
  return { counts, seconds: (performance.now() - startedAt) / 1_000 };
}
