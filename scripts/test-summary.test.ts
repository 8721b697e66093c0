import { expect, test } from 'vitest';
import { formatSummary, type SuiteOutcome } from './test-summary.ts';

const outcome = (more: Partial<SuiteOutcome>): SuiteOutcome => ({
  name: 'e2e',
  durationMs: 1_000,
  passed: 0,
  failed: more.failures?.length ?? 0,
  skipped: [],
  failures: [],
  flaky: [],
  ...more,
});

test('says of every failure its name, the beginning of its error and its place', () => {
  const error =
    '\u001b[31mError: too small\u001b[39m\n\nReceived: 87\nExpected: > 100\n  at much more\nat a.ts:30';
  const flaky = [{ test: 'b.spec.ts > a sale', error: 'Error: late\nfor 15 s' }];
  const failures = [{ test: 'a.spec.ts > the law', error }];
  expect(formatSummary([outcome({ name: 'slow', passed: 1, failures, flaky })])).toBe(
    `
Passed at the second try:
  slow: b.spec.ts > a sale
      Error: late

Failed:
  slow: a.spec.ts > the law
      Error: too small
      Received: 87
      Expected: > 100
      at a.ts:30

slow     1 passed, 1 failed, 0 skipped, 1.0 s

1 passed, 1 failed`,
  );
});

test('says once for each file and reason what was skipped', () => {
  const skipped = ['one', 'two'].map((title) => ({ test: `a.test.ts > ${title}`, reason: 'no radio' }));
  expect(formatSummary([outcome({ passed: 3, skipped })])).toContain(
    '\nSkipped:\n  2 in a.test.ts: no radio\n\n',
  );
});

test('tells in 3,000 characters the names of twelve failures with long errors', () => {
  const failures = Array.from({ length: 12 }, (_, at) => ({
    test: `a-file-of-stories.spec.ts > a story with a name of some length, number ${String(at)}`,
    error: 'long '.repeat(500),
  }));
  const skipped = Array.from({ length: 30 }, (_, at) => ({
    test: `f.ts > ${String(at)}`,
    reason: 'no radio',
  }));
  const end = formatSummary([outcome({ failures, skipped })]).slice(-3_000);
  for (const { test: name } of failures) expect(end).toContain(name);
});
