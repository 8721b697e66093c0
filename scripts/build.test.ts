import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BuildTarget, ensureBuilt } from './build.ts';

const script =
  "const fs = require('node:fs'); fs.mkdirSync('dist', { recursive: true }); fs.appendFileSync('dist/runs', 'x');";
const target: BuildTarget = {
  room: 'wallet',
  command: ['node', '-e', script],
  config: 'wallet/vite.config.ts',
  output: 'wallet/dist',
  sources: ['wallet', 'protocol/src'],
};

let root: string;
const say = (): void => {};
const build = (options: { force?: boolean; targets?: readonly BuildTarget[] } = {}) =>
  ensureBuilt({ root, say, targets: [target], ...options });
const runs = async (): Promise<number> => (await readFile(join(root, 'wallet/dist/runs'), 'utf8')).length;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'build-'));
  for (const folder of ['node_modules', 'wallet/src', 'protocol/src']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await writeFile(join(root, 'wallet/vite.config.ts'), '');
  await writeFile(join(root, 'protocol/src/index.ts'), '1');
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('builds once and not again while nothing has changed', async () => {
  expect(await build()).toEqual([{ room: 'wallet', state: 'built' }]);
  expect(await build()).toEqual([{ room: 'wallet', state: 'up_to_date' }]);
  expect(await runs()).toBe(1);
});

test('builds again when a source of another room has changed, and when forced', async () => {
  await build();
  await writeFile(join(root, 'protocol/src/index.ts'), '2');
  expect(await build()).toEqual([{ room: 'wallet', state: 'built' }]);
  expect(await build({ force: true })).toEqual([{ room: 'wallet', state: 'built' }]);
  expect(await runs()).toBe(3);
});

test('does not build again for a test', async () => {
  await build();
  await writeFile(join(root, 'wallet/src/keys.test.ts'), '');
  expect(await build()).toEqual([{ room: 'wallet', state: 'up_to_date' }]);
});

test('skips a room without a configuration', async () => {
  await rm(join(root, 'wallet/vite.config.ts'));
  expect(await build()).toEqual([{ room: 'wallet', state: 'skipped' }]);
});

test('a failed build says what the tool said and is tried again next time', async () => {
  const broken: BuildTarget = {
    ...target,
    command: ['node', '-e', "console.error('no such colour'); process.exit(1)"],
  };
  await expect(build({ targets: [broken] })).rejects.toThrow(/wallet could not be built:\nno such colour/);
  expect(await build()).toEqual([{ room: 'wallet', state: 'built' }]);
});
