import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAlive } from './db/process-lock.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const CLI = fileURLToPath(new URL('./ledger/cli.ts', import.meta.url));

let folder: string;
let port: number;
const children: ChildProcess[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tiki-main-'));
  chmodSync(folder, 0o755);
  port = await freePort();
});
afterAll(async () => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGTERM');
  await Promise.all(children.map((child) => exited(child)));
  rmSync(folder, { recursive: true, force: true });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });
}

interface Run {
  readonly child: ChildProcess;
  output: string;
}

function run(script: string, args: readonly string[] = [], env: Record<string, string> = {}): Run {
  const settings = {
    PORT: String(port),
    TIKI_DATA_DIR: join(folder, 'server'),
    TIKI_STANDIN_DATA_DIR: join(folder, 'stand-ins'),
    LOG_LEVEL: 'warn',
  };
  const child = spawn(process.execPath, [script, ...args], { env: { ...process.env, ...settings, ...env } });
  children.push(child);
  const started: Run = { child, output: '' };
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (started.output += chunk.toString('utf8')));
  return started;
}

function exited(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

async function ready(server: Run): Promise<void> {
  await expect.poll(() => server.output, { timeout: 60_000 }).toContain('is ready at');
}
const readiness = async (origin: string) => (await fetch(`${origin}/readyz`)).status;

test('a server that is killed leaves nothing that stops the next one; a taken port and a taken folder are one sentence each', async () => {
  const first = run(MAIN);
  await ready(first);
  const origin = `http://127.0.0.1:${port}`;
  expect(await readiness(origin)).toBe(200);

  const samePort = run(MAIN);
  expect(await exited(samePort.child)).toBe(3);
  expect(samePort.output.trim()).toBe(
    `Port ${port} is taken by another program: stop it, or choose another port with PORT.`,
  );

  const sameFolder = run(MAIN, [], { PORT: String(await freePort()) });
  expect(await exited(sameFolder.child)).toBe(4);
  expect(sameFolder.output).toMatch(/^The data folder is in use by another server/);

  const wrongSetting = run(MAIN, [], { TIKI_CURRENCY: 'shells' });
  expect(await exited(wrongSetting.child)).toBe(2);

  first.child.kill('SIGKILL');
  await exited(first.child);
  const second = run(MAIN);
  await ready(second);
  expect(await readiness(origin)).toBe(200);

  const report = run(CLI, ['reconcile']);
  expect(await exited(report.child)).toBe(0);
  expect(report.output).toContain('The ledger is sound');

  second.child.kill('SIGTERM');
  expect(await exited(second.child)).toBe(0);
  await expect(fetch(`${origin}/healthz`)).rejects.toThrow();
  expect(isAlive(second.child.pid ?? -1)).toBe(false);
});
