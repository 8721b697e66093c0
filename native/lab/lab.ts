// `npm run test:radio`: real Wi-Fi Direct over software radios, in a machine made for it. Prints a table of the cases;
// with TIKIWALLET_TALLY_FILE, writes the counts for `npm test`.

import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { LabUnavailable } from './kernel.ts';
import { runInMachine } from './machine.ts';
import { formatTable, readResults, RESULT_MARK } from './report.ts';

const RADIOS = 4;
const TIMEOUT_MS = 9 * 60_000;
const repository = join(import.meta.dirname, '..', '..');

async function main(): Promise<void> {
  let output = '';
  const machine = await runInMachine({
    program: join(import.meta.dirname, 'guest', 'main.ts'),
    repository,
    radios: RADIOS,
    timeoutMs: TIMEOUT_MS,
    onOutput(text) {
      output += text;
      for (const line of text.split('\n')) {
        if (line !== '' && !line.startsWith(RESULT_MARK)) console.log(line);
      }
    },
  });
  const results = readResults(output);
  const failed = results.filter(({ failure }) => failure !== undefined);
  console.log(`\n${formatTable(results)}\n`);
  for (const { name, failure } of failed) console.log(`${name}:\n${String(failure)}\n`);
  const isWhole = machine.exitCode === 0 && !machine.timedOut;
  if (!isWhole) {
    const why = machine.timedOut ? 'took too long' : `ended with ${String(machine.exitCode)}`;
    console.log(`The machine ${why}.\n${machine.stderr.slice(-4_000)}\n${machine.console.slice(-2_000)}`);
  }
  const lost = isWhole ? 0 : 1;
  const passed = results.length - failed.length;
  await writeTally({ passed, failed: failed.length + lost, skipped: [] });
  console.log(`${String(passed)} passed, ${String(failed.length + lost)} failed`);
  if (failed.length + lost === 0) {
    await rm(machine.folder, { recursive: true, force: true });
    return;
  }
  const kept = join(import.meta.dirname, '..', 'build', 'radio-lab');
  await rm(kept, { recursive: true, force: true });
  await cp(machine.folder, kept, { recursive: true });
  await rm(machine.folder, { recursive: true, force: true });
  console.log(`The logs are in ${kept}`);
  process.exitCode = 1;
}

type Tally = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly test: string; readonly reason: string }[];
};

async function writeTally(tally: Tally): Promise<void> {
  const path = process.env['TIKIWALLET_TALLY_FILE'];
  if (path !== undefined) await writeFile(path, JSON.stringify(tally));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof LabUnavailable)) throw error;
  const reason = `there is no radio lab here (${error.code}): ${error.message}`;
  console.error(reason);
  await writeTally({ passed: 0, failed: 0, skipped: [{ test: 'the radio lab', reason }] });
  // For somebody who asked for it by name it is a failure; among all tests it is one that cannot run here.
  process.exitCode = process.env['TIKIWALLET_TALLY_FILE'] === undefined ? 1 : 0;
}
