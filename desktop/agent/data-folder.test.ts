import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FolderInUse, openDataFolder } from './data-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tiki-folder-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Rival {
  /** Resolves when it has said how it went. */
  readonly said: Promise<string>;
  readonly ended: Promise<unknown>;
  end(): void;
}

/** Opens the folder in a process of its own as soon as `at` has come, and holds what it got until it is ended. */
function rival(at: number): Rival {
  const module = JSON.stringify(new URL('./data-folder.ts', import.meta.url).href);
  const script = `
    const { openDataFolder } = await import(${module});
    while (Date.now() < ${at});
    let held;
    try { held = openDataFolder(${JSON.stringify(folder)}); console.log('held'); }
    catch (error) { console.log(error.name); }
    process.stdin.on('end', () => process.exit(held === undefined ? 1 : 0)).resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return {
    said: once(child.stdout, 'data').then(([chunk]) => String(chunk).trim()),
    ended: once(child, 'close'),
    end: () => child.stdin.end(),
  };
}

test('of several agents that start at once beside the lock of a dead one, exactly one holds the folder', async () => {
  writeFileSync(join(folder, 'agent.lock'), '999999999 1');
  const at = Date.now() + 1_000;
  const rivals = Array.from({ length: 4 }, () => rival(at));
  const said = await Promise.all(rivals.map((one) => one.said));
  for (const one of rivals) one.end();
  await Promise.all(rivals.map((one) => one.ended));
  expect(said.toSorted()).toEqual(['FolderInUse', 'FolderInUse', 'FolderInUse', 'held']);
}, 30_000);

test('a lock that is just being written, or was removed by a tidy hand, frees no folder that is held', () => {
  const held = openDataFolder(folder);
  for (const spoil of [
    (path: string) => writeFileSync(path, ''),
    (path: string) => rmSync(path),
    (path: string) => writeFileSync(path, '999999999 1'),
  ]) {
    spoil(join(folder, 'agent.lock'));
    expect(() => openDataFolder(folder)).toThrow(FolderInUse);
  }
  held.release();
  openDataFolder(folder).release();
});

test('a folder is private, keeps its keys, and gives another token each time', () => {
  const first = openDataFolder(folder);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  for (const name of ['agent.token', 'agent.lock', 'signing-key.pem', 'sealing-key.pem'])
    expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0);
  expect(() => openDataFolder(folder)).toThrow(FolderInUse);
  expect(() => openDataFolder(folder)).toThrow(`process ${process.pid}`);
  expect(readFileSync(join(folder, 'agent.token'), 'utf8')).toBe(first.token);
  first.release();
  expect(existsSync(join(folder, 'agent.token'))).toBe(false);
  const second = openDataFolder(folder);
  expect(second.signingKeyPem).toBe(first.signingKeyPem);
  expect(second.token).not.toBe(first.token);
  second.release();
});
