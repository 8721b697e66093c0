import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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

interface Contender {
  readonly isReady: Promise<unknown>;
  readonly said: Promise<string>;
  /** Once: take the lock. Twice: let it go. */
  tell(): void;
}

/** A process that takes the lock when it is told to, says whether it got it, and holds it until it is told again. */
function contender(path: string): Contender {
  const script = `
    const { once } = await import('node:events');
    const { lockFolder } = await import(${JSON.stringify(LOCK)});
    console.log('ready');
    await once(process.stdin, 'data');
    try { lockFolder(${JSON.stringify(path)}); console.log('has it'); }
    catch (error) { console.log(error.code); }
    await once(process.stdin, 'data');
    process.exit();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  const next = async (): Promise<string> => String((await once(lines, 'line'))[0]);
  const isReady = next();
  return { isReady, said: isReady.then(next), tell: () => void child.stdin.write('go\n') };
}

test('of six servers that start at once where one was killed, one gets the folder', async () => {
  for (let round = 0; round < 4; round += 1) {
    const path = join(folder, `lock-${round}`);
    writeFileSync(path, '4194303 1\n');
    const contenders = Array.from({ length: 6 }, () => contender(path));
    await Promise.all(contenders.map(({ isReady }) => isReady));
    for (const one of contenders) one.tell();
    const said = await Promise.all(contenders.map((one) => one.said));
    for (const one of contenders) one.tell();
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
