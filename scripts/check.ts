// `npm run check`: one command that says yes or no. Types, lint, fences,
// formatting, dead code and the quick tests; prints the output of what failed only. Words choose the steps
// that have them in their names; `--static` chooses all but the tests.

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type CommandResult, repositoryRoot, runCommand } from './run-command.ts';

type Step = { readonly name: string; readonly command: string; readonly args: readonly string[] };
type StepResult = {
  readonly step: Step;
  readonly result: CommandResult;
  readonly state: 'ok' | 'skipped' | 'failed';
};

const tsconfigs = [
  'protocol/tsconfig.json',
  'protocol/tsconfig.adapters.json',
  'native/tsconfig.json',
  'server/tsconfig.json',
  'desktop/tsconfig.agent.json',
  'desktop/tsconfig.main.json',
  'desktop/tsconfig.renderer.json',
  'wallet/tsconfig.json',
  'office/tsconfig.json',
  'e2e/tsconfig.json',
  'scripts/tsconfig.json',
];

const steps: readonly Step[] = [
  // The longest first, so that the short ones fill the gaps.
  { name: 'fast tests', command: 'vitest', args: ['run', '--project', 'fast', '--reporter', 'default'] },
  { name: 'lint', command: 'oxlint', args: ['--type-aware', '--deny-warnings', '.'] },
  { name: 'dead code', command: 'knip', args: ['--no-progress'] },
  ...tsconfigs.map((path) => ({ name: `types ${path}`, command: 'tsc', args: ['-p', path] })),
  { name: 'fences', command: 'node', args: ['scripts/fences.ts'] },
  { name: 'format', command: 'biome', args: ['format', '--max-diagnostics=20', '.'] },
];

async function runStep(step: Step): Promise<StepResult> {
  const [, path] = step.args;
  if (step.command === 'tsc' && path !== undefined && !existsSync(join(repositoryRoot, path))) {
    const result = { code: 0, output: '', stdout: '', durationMs: 0 };
    return { step, result, state: 'skipped' };
  }
  const result = await runCommand(step.command, step.args, {
    env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1' },
  });
  // A room whose first file is still to come has nothing to be wrong.
  if (step.command === 'tsc' && result.output.includes('TS18003')) return { step, result, state: 'skipped' };
  return { step, result, state: result.code === 0 ? 'ok' : 'failed' };
}

/** Runs as many at once as there are cores; the results come in the order of the steps. */
async function runAll(all: readonly Step[]): Promise<readonly StepResult[]> {
  const results = new Map<Step, StepResult>();
  const queue = [...all];
  const worker = async (): Promise<void> => {
    for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
      results.set(step, await runStep(step));
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
  return all.flatMap((step) => results.get(step) ?? []);
}

function printResults(results: readonly StepResult[], totalMs: number): void {
  for (const { step, result } of results.filter(({ state }) => state === 'failed')) {
    console.log(
      `\n--- ${step.name} (${step.command} ${step.args.join(' ')}) ---\n${result.output.trimEnd()}`,
    );
  }
  const width = Math.max(...results.map(({ step }) => step.name.length));
  console.log('');
  for (const { step, result, state } of results) {
    console.log(`${step.name.padEnd(width)}  ${state.padEnd(7)}  ${seconds(result.durationMs).padStart(7)}`);
  }
  const failed = results.filter(({ state }) => state === 'failed').length;
  const verdict = failed === 0 ? 'Everything holds' : `${String(failed)} of ${String(results.length)} failed`;
  console.log(`\n${verdict} (${seconds(totalMs)}).`);
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

const only = process.argv.slice(2);
const isChosen = ({ name }: Step) =>
  only.length === 0 ||
  only.some((word) => (word === '--static' ? !/\btests$/.test(name) : name.includes(word)));
const chosen = steps.filter(isChosen);
if (chosen.length === 0) {
  console.error(`No step has that in its name. The steps are: ${steps.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
const startedAt = performance.now();
const results = await runAll(chosen);
printResults(results, performance.now() - startedAt);
process.exitCode = results.some(({ state }) => state === 'failed') ? 1 : 0;
