// What the README shows is run, and its table of errors is the code's.

import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { wifiDirectRemedies } from '../src/errors.ts';

const packageFolder = join(import.meta.dirname, '..');
const readme = await readFile(join(packageFolder, 'README.md'), 'utf8');

test('the quick start runs', { timeout: 30_000 }, async () => {
  const [, example = ''] = /```ts\n(.*?)```/s.exec(readme) ?? [];
  const folder = join(packageFolder, 'build', 'test');
  await mkdir(folder, { recursive: true });
  const program = join(folder, `quick-start-${String(process.pid)}.ts`);
  await writeFile(program, example);
  const { stdout } = await promisify(execFile)(process.execPath, [program]);
  expect(stdout).toMatch(/^hosting DIRECT-..-Till1: a code of \d+ characters\n02:[0-9a-f:]+ is here\n/);
});

test('the table of errors has every code, with what to do next', () => {
  const rows = [...readme.matchAll(/^\| `([a-z_]+)` \| (.+) \|$/gm)].map(([, code, remedy]) => [
    code,
    remedy,
  ]);
  const errors = rows.filter(([code]) => code !== undefined && code in wifiDirectRemedies);
  expect(errors).toEqual(Object.entries(wifiDirectRemedies));
});
