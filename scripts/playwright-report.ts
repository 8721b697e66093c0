// Turns Playwright's JSON report into the counts and failures that scripts/test.ts adds up.

import type { JSONReport, JSONReportSuite, TestError } from '@playwright/test/reporter';
import type { Failure, Tally } from './tally-reporter.ts';

export function readPlaywrightReport(text: string): Tally {
  const report: JSONReport = JSON.parse(text);
  let passed = 0;
  // Errors outside of every test: a configuration that does not load, a worker that died.
  const failures: Failure[] = report.errors.map((error) => ({
    test: 'outside of every test',
    error: textOf(error),
  }));
  const flaky: Failure[] = [];
  const skipped: { test: string; reason: string }[] = [];
  for (const { title, test } of report.suites.flatMap((suite) => testsOf(suite, []))) {
    switch (test.status) {
      case 'expected':
        passed += 1;
        break;
      case 'flaky':
        passed += 1;
        flaky.push({ test: title, error: whyOf(test) });
        break;
      case 'unexpected':
        failures.push({ test: title, error: whyOf(test) });
        break;
      case 'skipped': {
        const reason = test.annotations.find(({ type }) => type === 'skip' || type === 'fixme')?.description;
        skipped.push({ test: title, reason: reason ?? 'no reason given' });
        break;
      }
    }
  }
  return { passed, failed: failures.length, skipped, failures, flaky };
}

type Test = JSONReportSuite['specs'][number]['tests'][number];
type FoundTest = { readonly title: string; readonly test: Test };

function testsOf(suite: JSONReportSuite, above: readonly string[]): readonly FoundTest[] {
  const titles = [...above, suite.title];
  const own = suite.specs.flatMap((spec) =>
    spec.tests.map((test) => ({ title: [...titles, spec.title].join(' > '), test })),
  );
  return [...own, ...(suite.suites ?? []).flatMap((inner) => testsOf(inner, titles))];
}

/** What the last try that failed failed of. */
function whyOf(test: Test): string {
  const error = test.results.findLast(({ errors }) => errors.length > 0)?.errors[0];
  return error === undefined ? '' : textOf(error);
}

function textOf({ message, location }: Pick<TestError, 'message' | 'location'>): string {
  const where = location === undefined ? '' : `\nat ${location.file}:${String(location.line)}`;
  return (message ?? '') + where;
}
