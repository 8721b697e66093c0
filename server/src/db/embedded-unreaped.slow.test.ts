/** A PostgreSQL that was killed and that nobody reaps, as in a container without an init: the next start goes on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { startEmbedded } from './embedded.ts';
import { isAlive } from './process-lock.ts';

let parent: ChildProcess | undefined;
let folder = '';

afterEach(() => {
  parent?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

test.runIf(process.platform === 'linux')(
  'a killed PostgreSQL that is never reaped does not keep its folder',
  async () => {
    folder = mkdtempSync(join(tmpdir(), 'tiki-unreaped-'));
    chmodSync(folder, 0o755);
    const first = await startEmbedded({ dataDir: folder, disposable: true });
    const cluster = join(folder, 'postgres');
    const binary = programOf(cluster);
    await first.stop();
    const pid = await startUnderCarelessParent(binary, cluster);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 30_000 }).toBe(false);
    expect(existsSync(`/proc/${String(pid)}`)).toBe(true);
    const second = await startEmbedded({ dataDir: folder, disposable: true });
    await second.stop();
  },
  90_000,
);

function pidOf(clusterDir: string): number {
  return Number(readFileSync(join(clusterDir, 'postmaster.pid'), 'utf8').split('\n')[0]);
}

/** The very program that runs the cluster: where it lies depends on who may read the checkout. */
function programOf(clusterDir: string): string {
  return readFileSync(`/proc/${String(pidOf(clusterDir))}/cmdline`, 'utf8').split('\0')[0] ?? '';
}

/** The shell becomes a `sleep`, which reaps nobody. */
async function startUnderCarelessParent(binary: string, clusterDir: string): Promise<number> {
  const line = `${binary} -D ${clusterDir} -p 45997 -c listen_addresses= -c unix_socket_directories=${clusterDir} & exec sleep 120`;
  const asRoot = process.getuid?.() === 0;
  parent = asRoot
    ? spawn('su', ['postgres', '-s', '/bin/sh', '-c', line], { stdio: 'ignore' })
    : spawn('sh', ['-c', line], { stdio: 'ignore' });
  const file = join(clusterDir, 'postmaster.pid');
  const ready = () => {
    expect(readFileSync(file, 'utf8')).toContain('ready');
  };
  await vi.waitFor(ready, { timeout: 60_000, interval: 100 });
  return pidOf(clusterDir);
}
