// End-to-end tests with real processes: the files say what is real in them. Temporary folders
// and free ports, so that runs can follow or accompany each other: two files at a time, because
// much of a story is waiting, and more would keep two cores too busy to be prompt.

import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: './tests',
  outputDir: './test-results',
  workers: 2,
  fullyParallel: false,
  // Two hundred stories with real browsers, windows and kills on a machine that others may share: what fails twice has
  // failed. What passed only the second time is listed as flaky at the end.
  retries: process.env['CI'] === undefined ? 0 : 1,
  forbidOnly: process.env['CI'] !== undefined,
  timeout: 240_000,
  expect: { timeout: 30_000 },
  reporter: process.env['PLAYWRIGHT_JSON_OUTPUT_NAME'] === undefined ? 'list' : [['list'], ['json']],
});
