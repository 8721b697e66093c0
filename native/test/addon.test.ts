// The C++ side by itself: hostile input, time-outs, threads, leaks.

import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlAddon, loadAddon } from '../src/addon.ts';
import { startScriptedSupplicant } from './scripted-supplicant.ts';

const loaded = loadAddon();

describe.skipIf(typeof loaded === 'string')('the addon (needs Linux and g++ when installing)', () => {
  let folder: string;
  let supplicant: { stop: () => Promise<void> };
  let socketPath: string;
  const addon: ControlAddon =
    typeof loaded === 'string'
      ? { request: () => Promise.reject(new Error(loaded)), listen: () => () => undefined }
      : loaded;

  const ask = (command: string, overrides: object = {}): Promise<Uint8Array> =>
    addon.request({ socketPath, clientFolder: folder, command, timeoutMs: 10_000, ...overrides });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'addon-'));
    socketPath = join(folder, 'wlan0');
    const script = { PING: ['PONG\n'], SILENCE: [], LONG: ['@long'], NAME: ['\u00ff<3>\u0001\n'] };
    supplicant = await startScriptedSupplicant(socketPath, script);
  });

  afterAll(async () => {
    await supplicant.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('gives the reply byte for byte', async () => {
    expect(Buffer.from(await ask('PING')).toString('latin1')).toBe('PONG\n');
    expect(Buffer.from(await ask('NAME')).toString('utf8')).toBe('\u00ff<3>\u0001\n');
  });

  test.each([
    ['a second line', 'PING\nTERMINATE'],
    ['a carriage return', 'PING\rX'],
    ['NUL', 'PING\0X'],
    ['nothing', ''],
    ['too much', 'x'.repeat(4097)],
  ])('refuses %s as a command', async (_case, command) => {
    await expect(ask(command)).rejects.toMatchObject({ code: 'hostile_input' });
  });

  test.each([
    ['NUL in the path', { socketPath: '/run/x\0y' }, 'hostile_input'],
    ['a line break in the folder', { clientFolder: '/tmp\n' }, 'hostile_input'],
    ['a path that no socket can have', { socketPath: `/${'x'.repeat(200)}` }, 'path_too_long'],
    ['a folder that is not there', { clientFolder: '/nowhere' }, 'client_socket_failed'],
    ['a socket that is not there', { socketPath: '/nowhere/wlan0' }, 'no_socket'],
  ])('refuses %s', async (_case, overrides, code) => {
    await expect(ask('PING', overrides)).rejects.toMatchObject({ code });
  });

  test('refuses a file that is no socket', async () => {
    // A file of one's own: of others', like /etc/passwd, only root is told more than that it may not.
    const socketPath = join(folder, 'no-socket');
    await writeFile(socketPath, '');
    await expect(ask('PING', { socketPath })).rejects.toMatchObject({ code: 'connection_refused' });
    await rm(socketPath);
  });

  test.each([
    ['no options', undefined],
    ['a number for a path', { socketPath: 1, clientFolder: '/tmp', command: 'PING', timeoutMs: 1 }],
    ['no time-out', { socketPath: '/a', clientFolder: '/tmp', command: 'PING' }],
    [
      'a time-out of a minute',
      { socketPath: '/a', clientFolder: '/tmp', command: 'PING', timeoutMs: 60_000 },
    ],
    [
      'a time-out that is no number',
      { socketPath: '/a', clientFolder: '/tmp', command: 'PING', timeoutMs: Number.NaN },
    ],
  ])('throws at once for %s', (_case, options) => {
    expect(() => Reflect.apply(addon.request, undefined, [options])).toThrow();
  });

  test('gives up on silence in time and does not hold up JavaScript meanwhile', async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 10);
    const startedAt = performance.now();
    await expect(ask('SILENCE', { timeoutMs: 200 })).rejects.toMatchObject({ code: 'timed_out' });
    clearInterval(timer);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
    expect(ticks).toBeGreaterThan(0);
  });

  test('does not take a part of a reply for the whole', async () => {
    await expect(ask('LONG')).rejects.toMatchObject({ code: 'reply_too_long' });
  });

  test('leaves no descriptor and no file behind, whatever the outcome', async () => {
    const open = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
    await ask('PING');
    const before = await open();
    for (let round = 0; round < 50; round += 1) {
      const outcomes = [
        ask('PING'),
        ask('LONG'),
        ask('PING', { socketPath: '/nowhere' }),
        ask('SILENCE', { timeoutMs: 1 }),
      ];
      await Promise.allSettled(outcomes);
    }
    expect(await open()).toBeLessThanOrEqual(before);
    expect(await readdir(folder)).toEqual(['wlan0']);
  });

  test('can be loaded by several threads, one of which ends while it waits', async () => {
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      const addon = require(workerData.addon);
      addon.request({ ...workerData.request, command: 'SILENCE', timeoutMs: 300 }).catch(() => {});
      addon.request({ ...workerData.request, command: 'PING', timeoutMs: 10000 })
        .then((reply) => parentPort.postMessage(String(Buffer.from(reply))));
      setInterval(() => {}, 1000);`;
    const workerData = {
      addon: join(import.meta.dirname, '..', 'build', 'Release', 'wifi_direct.node'),
      request: { socketPath, clientFolder: folder },
    };
    const workers = Array.from({ length: 3 }, () => new Worker(code, { eval: true, workerData }));
    const replies = workers.map((worker) => new Promise((resolve) => worker.once('message', resolve)));
    expect(await Promise.all(replies)).toEqual(['PONG\n', 'PONG\n', 'PONG\n']);
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(Buffer.from(await ask('PING')).toString()).toBe('PONG\n');
  });

  test('lets a process exit while it waits', () => {
    const code = `
      const addon = require(${JSON.stringify(join(import.meta.dirname, '..', 'build', 'Release', 'wifi_direct.node'))});
      addon.request(${JSON.stringify({ socketPath, clientFolder: folder, command: 'SILENCE', timeoutMs: 500 })}).catch(() => {});
      setTimeout(() => process.exit(7), 50);`;
    const { status } = spawnSync(process.execPath, ['-e', code], { timeout: 30_000 });
    expect(status).toBe(7);
  });
});
