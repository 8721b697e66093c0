import { expect, test } from 'vitest';
import { readPlaywrightReport } from './playwright-report.ts';

const spec = (title: string, status: string, annotations: readonly object[] = []) => ({
  title,
  tests: [{ status, annotations }],
});

test('counts outcomes in nested suites and keeps the reason of a skip', () => {
  const report = {
    errors: [],
    suites: [
      {
        title: 'story.spec.ts',
        specs: [spec('pays', 'expected'), spec('pays on the second try', 'flaky')],
        suites: [
          {
            title: 'bad paths',
            specs: [
              spec('replay', 'unexpected'),
              spec('over the air', 'skipped', [{ type: 'skip', description: 'no radio' }]),
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
  });
});

test('counts an error outside of every test as a failure', () => {
  const report = { errors: [{ message: 'the configuration does not load' }], suites: [] };
  expect(readPlaywrightReport(JSON.stringify(report))).toEqual({ passed: 0, failed: 1, skipped: [] });
});
