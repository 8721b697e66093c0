import { expect, test } from 'vitest';
import { readPlaywrightReport } from './playwright-report.ts';

const spec = (
  title: string,
  status: string,
  more: { readonly annotations?: readonly object[]; readonly results?: readonly object[] } = {},
) => ({ title, tests: [{ status, annotations: [], results: [], ...more }] });

const tried = (...errors: readonly string[]) => ({
  errors: errors.map((message) => ({ message, location: { file: 'story.spec.ts', line: 7, column: 3 } })),
});

test('counts outcomes in nested suites and keeps the reasons of skips, failures and second tries', () => {
  const report = {
    errors: [],
    suites: [
      {
        title: 'story.spec.ts',
        specs: [
          spec('pays', 'expected'),
          spec('pays on the second try', 'flaky', { results: [tried('late'), tried()] }),
        ],
        suites: [
          {
            title: 'bad paths',
            specs: [
              spec('replay', 'unexpected', { results: [tried('first'), tried('paid twice', 'closed')] }),
              spec('over the air', 'skipped', {
                annotations: [{ type: 'skip', description: 'no radio' }],
              }),
            ],
          },
        ],
      },
    ],
  };
  expect(readPlaywrightReport(JSON.stringify(report))).toEqual({
    passed: 2,
    failed: 1,
    skipped: [{ test: 'story.spec.ts > bad paths > over the air', reason: 'no radio' }],
    failures: [{ test: 'story.spec.ts > bad paths > replay', error: 'paid twice\nat story.spec.ts:7' }],
    flaky: [{ test: 'story.spec.ts > pays on the second try', error: 'late\nat story.spec.ts:7' }],
  });
});

test('counts an error outside of every test as a failure', () => {
  const report = { errors: [{ message: 'the configuration does not load' }], suites: [] };
  expect(readPlaywrightReport(JSON.stringify(report))).toEqual({
    passed: 0,
    failed: 1,
    skipped: [],
    failures: [{ test: 'outside of every test', error: 'the configuration does not load' }],
    flaky: [],
  });
});
