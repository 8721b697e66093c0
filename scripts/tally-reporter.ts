// A Vitest reporter that writes what scripts/test.ts adds up: counts, what failed and why, and
// for every skipped test the reason it gave (Vitest's own JSON leaves that out).

import { writeFileSync } from 'node:fs';
import process from 'node:process';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

export type Tally = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly test: string; readonly reason: string }[];
  readonly failures: readonly Failure[];
  /** What failed at first and passed when it was tried again, with what it failed of. */
  readonly flaky: readonly Failure[];
};

export type Failure = { readonly test: string; readonly error: string };

export const tallyFileVariable = 'TIKIWALLET_TALLY_FILE';

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const file = process.env[tallyFileVariable];
    if (file !== undefined) writeFileSync(file, JSON.stringify(tallyOf(modules, unhandled)));
  }
}

function tallyOf(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Tally {
  let passed = 0;
  // An error outside of every test (a file that does not load, a rejection nobody awaited) fails the run.
  const failures: Failure[] = unhandled.map((error) => ({
    test: 'outside of every test',
    error: textOf(error),
  }));
  const flaky: Failure[] = [];
  const skipped: { test: string; reason: string }[] = [];
  for (const module of modules) {
    for (const error of module.errors()) {
      failures.push({ test: module.relativeModuleId, error: textOf(error) });
    }
    for (const suite of module.children.allSuites()) {
      const test = `${module.relativeModuleId} > ${suite.fullName}`;
      for (const error of suite.errors()) failures.push({ test, error: textOf(error) });
    }
    for (const one of module.children.allTests()) {
      const result = one.result();
      const test = nameOf(module, one);
      const [error] = result.errors ?? [];
      const why = error === undefined ? '' : textOf(error);
      if (result.state === 'passed') {
        passed += 1;
        if (one.diagnostic()?.flaky === true) flaky.push({ test, error: why });
      } else if (result.state === 'failed') failures.push({ test, error: why });
      else skipped.push({ test, reason: reasonOf(one) });
    }
  }
  return { passed, failed: failures.length, skipped, failures, flaky };
}

function textOf(error: SerializedError): string {
  const [place] = error.stacks ?? [];
  const where = place === undefined ? '' : `\nat ${place.file}:${String(place.line)}`;
  return error.message + where;
}

function nameOf(module: TestModule, test: TestCase): string {
  return `${module.relativeModuleId} > ${test.fullName}`;
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  if (result.state === 'skipped' && result.note !== undefined) return result.note;
  return test.options.mode === 'todo' ? 'still to be written' : 'no reason given';
}
