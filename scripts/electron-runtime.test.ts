import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { electronCacheFolder, findElectron } from './electron-runtime.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'electron-'))));
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

test.runIf(process.platform === 'linux')(
  'what the environment points to wins over every other source',
  async () => {
    await writeFile(join(folder, 'electron'), '');
    await writeFile(join(folder, 'version'), 'v41.2.3\n');
    vi.stubEnv('ELECTRON_OVERRIDE_DIST_PATH', folder);
    expect(await findElectron()).toEqual({
      executablePath: join(folder, 'electron'),
      version: '41.2.3',
      origin: 'override',
    });
  },
);

test('an override that holds no Electron is an error, never passed over in silence', async () => {
  vi.stubEnv('ELECTRON_OVERRIDE_DIST_PATH', folder);
  await expect(findElectron()).rejects.toMatchObject({ code: 'electron_override_empty' });
});

test('runtimes are kept where the user keeps caches', () => {
  vi.stubEnv('XDG_CACHE_HOME', '/somewhere');
  expect(electronCacheFolder()).toBe(join('/somewhere', 'tikiwallet', 'electron'));
});
