// `npm run test:radio`: real Wi-Fi Direct over software radios, in a machine made for it. Prints a table of the cases;
// with TIKIWALLET_TALLY_FILE, writes the counts for `npm test`. `--case WORDS` runs the cases with these words in their
// names; `--with MODULE` adds the cases of another room.

import { cp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { LabUnavailable } from './kernel.ts';
import type { MachinePlan } from './machine-plan.ts';
import { type MachineResult, runInMachine } from './machine.ts';
import { formatFailure, formatTable, readResults } from './report.ts';

/** A kiosk and four phones. */
const RADIOS = 5;
const TIMEOUT_MS = 15 * 60_000;
const MOST_NEW_MACHINES = 2;
const repository = join(import.meta.dirname, '..', '..');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { case: { type: 'string', multiple: true }, with: { type: 'string', multiple: true } },
  });
  const startedAt = performance.now();
  const plan = { modules: (values.with ?? []).map((path) => resolve(path)), only: values.case ?? [] };
  let { machine, output } = await runOnce(plan);
  // V8 itself dies now and then while it starts under emulation, and then again in the same machine. No case was begun,
  // so nothing is hidden by a new machine; one that dies three times is a failure.
  for (let again = 0; again < MOST_NEW_MACHINES && diedAtItsStart(machine, output); again += 1) {
    console.log(`NODE ENDED WITH ${String(machine.exitCode)} WHILE IT STARTED; the machine is made anew.`);
    console.log(machine.stderr.slice(-1_000));
    await rm(machine.folder, { recursive: true, force: true });
    ({ machine, output } = await runOnce(plan));
  }
  const results = readResults(output);
  const failed = results.filter(({ failure }) => failure !== undefined);
  console.log(`\n${formatTable(results)}\n`);
  for (const one of failed) console.log(`${formatFailure(one)}\n`);
  const isWhole = machine.exitCode === 0 && !machine.timedOut;
  if (!isWhole) {
    console.log(
      `The machine ${endOf(machine)}.\n${machine.stderr.slice(-4_000)}\n${machine.console.slice(-2_000)}`,
    );
  }
  const lost = isWhole ? 0 : 1;
  const passed = results.length - failed.length;
  const failures = failed.map(({ name, failure }) => ({
    test: name,
    error: `${failure?.step ?? ''}: ${failure?.error ?? ''}`,
  }));
  if (!isWhole) failures.push({ test: 'the machine', error: endOf(machine) });
  await writeTally({ passed, failed: failed.length + lost, skipped: [], failures });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  console.log(
    `${String(passed)} passed, ${String(failed.length + lost)} failed, ${seconds} s with the start`,
  );
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

/** A shell tells a death by signal as 128 and the signal's number. */
function diedAtItsStart(machine: MachineResult, output: string): boolean {
  return machine.exitCode !== undefined && machine.exitCode > 128 && output === '';
}

function endOf({ timedOut, exitCode }: MachineResult): string {
  return timedOut ? 'took too long' : `ended with ${String(exitCode)}`;
}

async function runOnce(plan: MachinePlan): Promise<{ machine: MachineResult; output: string }> {
  let output = '';
  let rest = '';
  const machine = await runInMachine({
    program: join(import.meta.dirname, 'guest', 'main.ts'),
    repository,
    radios: RADIOS,
    timeoutMs: TIMEOUT_MS,
    plan,
    onOutput(text) {
      output += text;
      rest += text;
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') console.log(progressOf(line));
    },
  });
  return { machine, output };
}

/** Results as they come; what else the guest prints is for people as it is. */
function progressOf(line: string): string {
  const [result] = readResults(line);
  if (result === undefined) return line;
  const { name, durationMs, failure } = result;
  return `${failure === undefined ? 'ok' : 'FAILED'} ${name} (${(durationMs / 1000).toFixed(1)} s)`;
}

type Tally = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly test: string; readonly reason: string }[];
  readonly failures: readonly { readonly test: string; readonly error: string }[];
};

async function writeTally(tally: Tally): Promise<void> {
  const path = process.env['TIKIWALLET_TALLY_FILE'];
  if (path !== undefined) await writeFile(path, JSON.stringify({ ...tally, flaky: [] }));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof LabUnavailable)) throw error;
  const reason = `there is no radio lab here (${error.code}): ${error.message}`;
  console.error(reason);
  await writeTally({ passed: 0, failed: 0, skipped: [{ test: 'the radio lab', reason }], failures: [] });
  // For somebody who asked for it by name it is a failure; among all tests it is one that cannot run here.
  process.exitCode = process.env['TIKIWALLET_TALLY_FILE'] === undefined ? 1 : 0;
}
