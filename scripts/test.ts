// `npm test`: everything, from a machine that has only Node and a compiler. Fetches
// what is missing, builds, runs every suite with real parts and ends with one line:
// N passed, N failed. A suite that should have run and did not counts as a failure.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { ensureBuilt } from './build.ts';
import { type Display, withDisplay } from './display.ts';
import { findElectron } from './electron-runtime.ts';
import { readPlaywrightReport } from './playwright-report.ts';
import { repositoryRoot, runCommand } from './run-command.ts';
import { ensureSystemPackages, MissingSystemPackages, type PackageGroup } from './system-packages.ts';
import { type Tally, tallyFileVariable } from './tally-reporter.ts';
import { formatSummary, type SuiteOutcome } from './test-summary.ts';

const suiteNames = ['fast', 'server', 'slow', 'radio', 'e2e'] as const;
type SuiteName = (typeof suiteNames)[number];
type Environment = Readonly<Record<string, string | undefined>>;

/** The suites that open windows and browsers; the others need nothing but Node. */
const suitesWithWindows: readonly SuiteName[] = ['slow', 'e2e'];

async function runVitest(project: string, folder: string, env: Environment): Promise<SuiteOutcome> {
  const file = join(folder, `${project}.json`);
  const args = [
    'run',
    '--project',
    project,
    '--reporter',
    'default',
    '--reporter',
    './scripts/tally-reporter.ts',
  ];
  const result = await runCommand('vitest', args, {
    output: 'show',
    env: { ...env, [tallyFileVariable]: file },
  });
  const tally = existsSync(file) ? parseTally(await readFile(file, 'utf8')) : emptyTally;
  return outcome(project, tally, result.code, result.durationMs);
}

/** Each of its windows opens a display of its own where there is none: two stories at a time share no focus. */
async function runPlaywright(folder: string): Promise<SuiteOutcome> {
  const file = join(folder, 'e2e.json');
  const result = await runCommand('playwright', ['test', '--reporter', 'list,json'], {
    cwd: join(repositoryRoot, 'e2e'),
    output: 'show',
    env: { ...process.env, PLAYWRIGHT_JSON_OUTPUT_FILE: file, PLAYWRIGHT_HTML_OPEN: 'never' },
  });
  const tally = existsSync(file) ? readPlaywrightReport(await readFile(file, 'utf8')) : emptyTally;
  return outcome('e2e', tally, result.code, result.durationMs);
}

async function runRadioLab(
  folder: string,
  env: Environment,
  cases: readonly string[],
): Promise<SuiteOutcome> {
  const file = join(folder, 'radio.json');
  const chosen = cases.flatMap((words) => ['--case', words]);
  const air = ['--with', 'e2e/air/cases.ts'];
  const result = await runCommand('node', ['native/lab/lab.ts', ...air, ...chosen], {
    output: 'show',
    env: { ...env, [tallyFileVariable]: file },
  });
  const tally = existsSync(file) ? parseTally(await readFile(file, 'utf8')) : emptyTally;
  return outcome('radio', tally, result.code, result.durationMs);
}

const emptyTally: Tally = { passed: 0, failed: 0, skipped: [], failures: [], flaky: [] };

function parseTally(text: string): Tally {
  // Written by our own reporter in the process that just ended.
  const tally: Tally = JSON.parse(text);
  return tally;
}

/** A suite that says nothing, or that ended badly without naming a failure, has failed. */
function outcome(name: string, tally: Tally, code: number, durationMs: number): SuiteOutcome {
  if (tally.passed + tally.failed + tally.skipped.length === 0) {
    return { ...tally, name, durationMs, failed: 1, problem: `ran no tests (exit code ${String(code)})` };
  }
  if (code !== 0 && tally.failed === 0) {
    return { ...tally, name, durationMs, failed: 1, problem: `ended with exit code ${String(code)}` };
  }
  return { ...tally, name, durationMs };
}

type SuiteRun = {
  readonly folder: string;
  readonly env: Environment;
  /** Words in the names of the radio lab's cases; empty: all. */
  readonly cases: readonly string[];
};

async function runSuite(name: SuiteName, { folder, env, cases }: SuiteRun): Promise<SuiteOutcome> {
  console.log(`\n=== ${name} ===`);
  switch (name) {
    case 'fast':
    case 'server':
    case 'slow':
      return runVitest(name, folder, env);
    case 'radio':
      return runRadioLab(folder, env, cases);
    case 'e2e':
      return runPlaywright(folder);
  }
}

type Preparation = {
  /** The environment of the suites. */
  readonly env: Environment;
  readonly stop: () => Promise<void>;
  /** What could not be prepared; each counts as a failure. */
  readonly problems: readonly SuiteOutcome[];
  /** The suites that can run nevertheless. */
  readonly suites: readonly SuiteName[];
};

/** Fetches and builds. What fails here takes down only the suites that cannot do without it. */
async function prepare(suites: readonly SuiteName[]): Promise<Preparation> {
  const problems: SuiteOutcome[] = [];
  let able: readonly SuiteName[] = suites;
  let display: Display | undefined;
  const attempt = async (
    name: string,
    neededBy: readonly SuiteName[],
    step: () => Promise<void>,
  ): Promise<void> => {
    if (!able.some((suite) => neededBy.includes(suite))) return;
    try {
      await step();
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      const problem = `without it these did not run: ${able.filter((suite) => neededBy.includes(suite)).join(', ')}`;
      problems.push({ ...emptyTally, name, durationMs: 0, failed: 1, problem });
      able = able.filter((suite) => !neededBy.includes(suite));
    }
  };
  await attempt('packages', suitesWithWindows, installPackages);
  await attempt('radio lab', ['radio'], installLabPackages);
  await attempt('deploy packages', ['server'], installDeployPackages);
  await attempt('electron', suitesWithWindows, async () => void (await findElectron()));
  await attempt('build', ['e2e'], async () => void (await ensureBuilt()));
  await attempt('display', ['slow'], async () => {
    display = await withDisplay({ widthPx: 1280, heightPx: 900 });
  });
  return {
    env: { ...process.env, ...display?.env },
    stop: async () => display?.stop(),
    problems,
    suites: able,
  };
}

async function installPackages(): Promise<void> {
  await ensureSystemPackages(['desktop', 'browser']);
  await installIfPossible('radio');
}

/** Some of them start a service where there is systemd: only a machine that is made for tests gets them unasked. */
async function installDeployPackages(): Promise<void> {
  if (process.env['CI'] !== undefined) await installIfPossible('deploy');
}

async function installLabPackages(): Promise<void> {
  await installIfPossible('lab');
}

/** What can do without these packages says so itself, and why. */
async function installIfPossible(group: PackageGroup): Promise<void> {
  try {
    await ensureSystemPackages([group]);
  } catch (error) {
    if (!(error instanceof MissingSystemPackages)) throw error;
    console.log(error.message);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: 'string', multiple: true }, case: { type: 'string', multiple: true } },
  });
  const wanted = values.only?.flatMap((word) => word.split(','));
  const unknown = wanted?.filter((word) => !suiteNames.some((name) => name === word)) ?? [];
  if (unknown.length > 0) {
    console.error(`No suite is called ${unknown.join(', ')}. The suites are: ${suiteNames.join(', ')}.`);
    process.exitCode = 2;
    return;
  }
  const suites = suiteNames.filter((name) => wanted === undefined || wanted.includes(name));
  const folder = await mkdtemp(join(tmpdir(), 'tikiwallet-test-'));
  const outcomes: SuiteOutcome[] = [];
  const prepared = await prepare(suites);
  try {
    outcomes.push(...prepared.problems);
    for (const name of prepared.suites) {
      outcomes.push(await runSuite(name, { folder, env: prepared.env, cases: values.case ?? [] }));
    }
  } finally {
    await prepared.stop();
    await rm(folder, { recursive: true, force: true });
  }
  console.log(formatSummary(outcomes));
  process.exitCode = outcomes.every(({ failed }) => failed === 0) ? 0 : 1;
}

await main();
