/** The configuration of nginx that is shipped, with a real nginx. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findProgram } from './find-program.ts';
import { streamThrough } from './proxied-stream.ts';
import { startNginx, stopMachine } from './scale/machines.ts';
import { startTestServer } from './test-server.ts';

test('a settlement stream passes nginx as it comes, by the settings that are shipped', async ({ skip }) => {
  if (findProgram('nginx') === undefined) return skip('needs nginx: apt-get install nginx-light');
  const folder = mkdtempSync(join(tmpdir(), 'tiki-nginx-'));
  chmodSync(folder, 0o755);
  const server = await startTestServer({ env: { TIKI_TRUSTED_PROXIES: '127.0.0.1' } });
  const port = Number(new URL(server.origin).port);
  try {
    const nginx = await startNginx(folder, [port, port]);
    try {
      expect(await streamThrough(server, nginx.origin)).toBe(3);
    } finally {
      await stopMachine(nginx.machine, 'SIGQUIT');
    }
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
});
