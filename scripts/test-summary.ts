// The end of `npm test`: what failed and why, then the counts. Whoever gets only the last 3,000 characters of
// the log must still be able to say which test failed of what, so nothing long stands after it.

import { stripVTControlCharacters } from 'node:util';
import { repositoryRoot } from './run-command.ts';
import type { Failure, Tally } from './tally-reporter.ts';

export type SuiteOutcome = Tally & {
  readonly name: string;
  readonly durationMs: number;
  readonly problem?: string;
};

/** With more failures than this each gets one line of its error, so that all names stay in sight. */
const FAILURES_WITH_DETAILS = 3;
const LINES_OF_AN_ERROR = 4;
const CHARACTERS_OF_A_LINE = 160;
const CHARACTERS_OF_AN_ONLY_LINE = 100;

export function formatSummary(outcomes: readonly SuiteOutcome[]): string {
  const passed = sum(outcomes.map((one) => one.passed));
  const failed = sum(outcomes.map((one) => one.failed));
  const skipped = sum(outcomes.map((one) => one.skipped.length));
  const skips = skipped === 0 ? '' : `, ${String(skipped)} skipped`;
  return [
    ...formatSkipped(outcomes),
    ...formatFailures('Passed at the second try', outcomes, ({ flaky }) => flaky, 1),
    ...formatFailures('Failed', outcomes, ({ failures }) => failures, LINES_OF_AN_ERROR),
    '',
    ...outcomes.map(formatCounts),
    '',
    `${String(passed)} passed, ${String(failed)} failed${skips}`,
  ].join('\n');
}

/** One line for what one file skips for one reason. */
function formatSkipped(outcomes: readonly SuiteOutcome[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { test, reason } of outcomes.flatMap((one) => one.skipped)) {
    const [file = test] = test.split(' > ');
    const line = `${file}: ${shortened(reason, CHARACTERS_OF_A_LINE)}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  if (counts.size === 0) return [];
  return ['', 'Skipped:', ...[...counts].map(([line, count]) => `  ${String(count)} in ${line}`)];
}

function formatFailures(
  heading: string,
  outcomes: readonly SuiteOutcome[],
  of: (outcome: SuiteOutcome) => readonly Failure[],
  most: number,
): readonly string[] {
  const all = outcomes.flatMap((outcome) => of(outcome).map((one) => ({ suite: outcome.name, ...one })));
  if (all.length === 0) return [];
  const lines = all.length > FAILURES_WITH_DETAILS ? 1 : most;
  return [
    '',
    `${heading}:`,
    ...all.flatMap(({ suite, test, error }) => [
      `  ${suite}: ${test}`,
      ...linesOf(error, lines).map((line) => `      ${line}`),
    ]),
  ];
}

/** The first lines of an error that say something, and the place, which comes last. */
function linesOf(error: string, most: number): readonly string[] {
  const lines = stripVTControlCharacters(error)
    .replaceAll(`${repositoryRoot}/`, '')
    .split('\n')
    .map((line) => shortened(line.trim(), most === 1 ? CHARACTERS_OF_AN_ONLY_LINE : CHARACTERS_OF_A_LINE))
    .filter((line) => line !== '');
  const place = lines.at(-1);
  if (lines.length <= most || place === undefined || most === 1) return lines.slice(0, most);
  return [...lines.slice(0, most - 1), place];
}

function shortened(line: string, most: number): string {
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}

function formatCounts({ name, passed, failed, skipped, durationMs, problem }: SuiteOutcome): string {
  const counts = `${String(passed)} passed, ${String(failed)} failed, ${String(skipped.length)} skipped`;
  const what = problem === undefined ? '' : `  (${problem})`;
  return `${name.padEnd(8)} ${counts}, ${(durationMs / 1000).toFixed(1)} s${what}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
