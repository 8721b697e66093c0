import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEmbedded } from './embedded.ts';
import { isAlive } from './process-lock.ts';

const LOCK = fileURLToPath(new URL('./process-lock.ts', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tiki-data-folder-'));
  chmodSync(folder, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A process that takes the lock at `atMs`, holds it for a moment, and says whether it got it. */
function contender(path: string, atMs: number): Promise<string> {
  const script = `
    const { lockFolder } = await import(${JSON.stringify(LOCK)});
    while (Date.now() < ${atMs});
    try { lockFolder(${JSON.stringify(path)}); console.log('has it'); setTimeout(() => {}, 1500); }
    catch (error) { console.log(error.code); }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  return new Promise((resolve) => child.once('exit', () => resolve(said.trim())));
}

test('of six servers that start at once where one was killed, one gets the folder', async () => {
  for (let round = 0; round < 4; round += 1) {
    const path = join(folder, `lock-${round}`);
    writeFileSync(path, '4194303 1\n');
    const atMs = Date.now() + 1_500;
    const said = await Promise.all(Array.from({ length: 6 }, () => contender(path, atMs)));
    expect(said.toSorted()).toEqual([...Array.from({ length: 5 }, () => 'data_folder_in_use'), 'has it']);
  }
});

test('a folder that cannot be used is one sentence that names it', async () => {
  writeFileSync(join(folder, 'a-file'), '');
  const dataDir = join(folder, 'a-file', 'server');
  await expect(startEmbedded({ dataDir })).rejects.toThrow(`The data folder ${dataDir} cannot be used`);
});

test('a start waits for the last session of a PostgreSQL that was killed, which may still write', async () => {
  const dataDir = join(folder, 'server');
  const first = await startEmbedded({ dataDir, disposable: true });
  const sql = postgres(first.ownerUrl(), { max: 2, onnotice: () => undefined });
  const parent = Number.parseInt(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10);
  const session = await sql.reserve();
  const [self] = await session<{ pid: number }[]>`select pg_backend_pid() as pid`;
  // Some seconds of pure computing, which looks up for nothing.
  const busy = session`select count(*) from pg_class a, pg_class b, pg_class c, generate_series(1, 3) d`.then(
    () => undefined,
    () => undefined,
  );
  await sql`select pg_sleep(0.2)`;
  const pid = self?.pid ?? -1;
  process.kill(parent, 'SIGKILL');
  expect(isAlive(pid)).toBe(true);
  const second = await startEmbedded({ dataDir, disposable: true });
  expect(isAlive(pid)).toBe(false);
  await second.stop();
  await busy;
  await sql.end({ timeout: 1 });
});
