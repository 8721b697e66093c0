// Turns Playwright's JSON report into the counts that scripts/test.ts adds up.

import type { JSONReport, JSONReportSuite } from '@playwright/test/reporter';
import type { Tally } from './tally-reporter.ts';

export function readPlaywrightReport(text: string): Tally {
  const report: JSONReport = JSON.parse(text);
  let passed = 0;
  // Errors outside of every test: a configuration that does not load, a worker that died.
  let failed = report.errors.length;
  const skipped: { test: string; reason: string }[] = [];
  for (const { title, test } of report.suites.flatMap((suite) => testsOf(suite, []))) {
    switch (test.status) {
      case 'expected':
      case 'flaky':
        passed += 1;
        break;
      case 'unexpected':
        failed += 1;
        break;
      case 'skipped': {
        const reason = test.annotations.find(({ type }) => type === 'skip' || type === 'fixme')?.description;
        skipped.push({ test: title, reason: reason ?? 'no reason given' });
        break;
      }
    }
  }
  return { passed, failed, skipped };
}

type FoundTest = { readonly title: string; readonly test: JSONReportSuite['specs'][number]['tests'][number] };

function testsOf(suite: JSONReportSuite, above: readonly string[]): readonly FoundTest[] {
  const titles = [...above, suite.title];
  const own = suite.specs.flatMap((spec) =>
    spec.tests.map((test) => ({ title: [...titles, spec.title].join(' > '), test })),
  );
  return [...own, ...(suite.suites ?? []).flatMap((inner) => testsOf(inner, titles))];
}
