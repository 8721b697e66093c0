import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withFileLock } from './file-lock.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'file-lock-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

test('lets one holder in at a time and leaves nothing behind', async () => {
  const path = join(folder, 'lock');
  let inside = 0;
  let most = 0;
  const one = (): Promise<void> =>
    withFileLock(path, {}, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(5);
      inside -= 1;
    });
  await Promise.all([one(), one(), one()]);
  expect(most).toBe(1);
  expect(await readdir(folder)).toEqual([]);
});

test('releases when the action fails', async () => {
  const path = join(folder, 'lock');
  await expect(withFileLock(path, {}, () => Promise.reject(new Error('failed inside')))).rejects.toThrow(
    'failed inside',
  );
  expect(await withFileLock(path, {}, async () => 'free again')).toBe('free again');
});

test('takes over from an owner that is gone', async () => {
  const path = join(folder, 'lock');
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'exit');
  await writeFile(path, String(gone.pid));
  expect(await withFileLock(path, {}, async () => 'taken over')).toBe('taken over');
});

test('says once that it waits', async () => {
  const path = join(folder, 'lock');
  const said: string[] = [];
  const [isIn, isSaid] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = withFileLock(path, {}, async () => {
    isIn.resolve();
    await isSaid.promise;
    // Long enough for it to look twice more.
    await sleep(450);
  });
  await isIn.promise;
  const say = (line: string): void => {
    said.push(line);
    isSaid.resolve();
  };
  await withFileLock(path, { say, waitingFor: 'the other one' }, async () => {});
  await first;
  expect(said).toEqual(['Waiting for the other one.']);
});
