// Which tests run where. `fast` is what `npm run check` runs on every change; `server` shares one real
// PostgreSQL among its files; `slow` holds what takes seconds each and is named *.slow.test.ts.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';

const root = import.meta.dirname;
const slow = '**/*.slow.test.{ts,tsx}';
const exclude = [...configDefaults.exclude, '**/{dist,out,build,release}/**', 'e2e/**'];
const databaseSetup = 'server/test/global-setup.ts';
const database = existsSync(join(root, databaseSetup)) ? { globalSetup: [`./${databaseSetup}`] } : {};

export default defineConfig({
  root,
  test: {
    pool: 'forks',
    // One file for each core; the default leaves one core free, which of two is half of them.
    maxWorkers: '100%',
    // Facts are waited for, and a busy machine may take its time for them.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        // Each room's tsconfig says whose JSX it writes: the wallet's is Preact's, the kiosk's is React's.
        test: {
          name: 'fast',
          include: [
            '{protocol,native,drizzle,scripts}/**/*.test.ts',
            '{wallet,office,desktop}/**/*.test.{ts,tsx}',
          ],
          exclude: [...exclude, slow],
        },
      },
      {
        extends: true,
        test: {
          name: 'server',
          include: ['server/**/*.test.ts'],
          exclude: [...exclude, slow],
          ...database,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          include: [slow],
          exclude,
          ...database,
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
