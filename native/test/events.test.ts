// Events over the addon: order, loss, the supplicant's end, threads, leaks.

import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { MessageChannel, Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type ControlAddon, type EventMessage, loadAddon } from '../src/addon.ts';
import { type ScriptedSupplicant, startScriptedSupplicant } from './scripted-supplicant.ts';
import { standTheStorm } from './storm.ts';

const loaded = loadAddon();

describe.skipIf(typeof loaded === 'string')('events (needs Linux and g++ when installing)', () => {
  let folder: string;
  let socketPath: string;
  let supplicant: ScriptedSupplicant;
  const addon = loaded as ControlAddon;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'events-'));
    socketPath = join(folder, 'wlan0');
    supplicant = await startScriptedSupplicant(socketPath, { PING: ['PONG\n'], DETACH: ['OK\n'] });
  });
  afterEach(async () => {
    await supplicant.stop();
    await rm(folder, { recursive: true, force: true });
  });

  type Heard = { readonly messages: EventMessage[]; readonly close: () => void };

  function listen(
    overrides: {
      readonly timeoutMs?: number;
      readonly pingIntervalMs?: number;
      readonly socketPath?: string;
    } = {},
  ): Heard {
    const messages: EventMessage[] = [];
    const subscription = {
      socketPath,
      clientFolder: folder,
      timeoutMs: 10_000,
      pingIntervalMs: 500,
      ...overrides,
    };
    return { messages, close: addon.listen(subscription, (message) => messages.push(message)) };
  }

  const texts = ({ messages }: Heard): readonly string[] =>
    messages.flatMap((message) => (message.type === 'event' ? [Buffer.from(message.bytes).toString()] : []));

  test('come in order, byte for byte, after the word that they will', async () => {
    const heard = listen();
    await supplicant.attached(1);
    for (const event of ['<3>A ', '<3>B x="\n"', '<4>C \u00ff']) supplicant.tell(event);
    await expect.poll(() => texts(heard)).toHaveLength(3);
    expect(heard.messages[0]).toEqual({ type: 'attached' });
    expect(texts(heard)).toEqual(['<3>A ', '<3>B x="\n"', '<4>C \u00ff']);
    heard.close();
  });

  test('R11 are never taken for replies, and replies never for events', async () => {
    const heard = listen({ pingIntervalMs: 5 });
    await supplicant.attached(1);
    const replies: Promise<Uint8Array>[] = [];
    for (let round = 0; round < 200; round += 1) {
      supplicant.tell(`<3>PONG ${String(round)}`, 5);
      replies.push(addon.request({ socketPath, clientFolder: folder, command: 'PING', timeoutMs: 10_000 }));
    }
    for (const reply of await Promise.all(replies)) expect(Buffer.from(reply).toString()).toBe('PONG\n');
    await expect.poll(() => texts(heard)).toHaveLength(1_000);
    expect(texts(heard)).toEqual(
      Array.from({ length: 1_000 }, (_, at) => `<3>PONG ${String(Math.floor(at / 5))}`),
    );
    heard.close();
  });

  test('R11 stay apart from replies in 2,000 random interleavings', { timeout: 30_000 }, async () => {
    await standTheStorm(addon, 2_000, 11);
  });

  test('of a supplicant that was killed end with a code, once', async () => {
    const heard = listen({ pingIntervalMs: 50 });
    await supplicant.attached(1);
    await supplicant.kill();
    await expect.poll(() => heard.messages.at(-1)?.type).toBe('ended');
    expect(heard.messages.at(-1)).toMatchObject({ type: 'ended', code: 'connection_refused' });
    expect(heard.messages.filter(({ type }) => type === 'ended')).toHaveLength(1);
    heard.close();
  });

  test('of a supplicant that has gone silent end in time', async () => {
    await supplicant.stop();
    supplicant = await startScriptedSupplicant(socketPath, { 'LEVEL 3': [] });
    const heard = listen({ pingIntervalMs: 20, timeoutMs: 50 });
    await expect.poll(() => heard.messages.at(-1)).toMatchObject({ type: 'ended', code: 'timed_out' });
  });

  test('go on after a supplicant struck its listener off without a word, and the loss is told', async () => {
    const heard = listen({ pingIntervalMs: 20 });
    await supplicant.attached(1);
    supplicant.tell('<3>A ');
    await expect.poll(() => texts(heard)).toEqual(['<3>A ']);
    supplicant.tell('@forget');
    supplicant.tell('<3>B ');
    await supplicant.attached(2);
    supplicant.tell('<3>C ');
    await expect.poll(() => texts(heard)).toEqual(['<3>A ', '<3>C ']);
    // What comes in one turn of a busy program is told together, and then the loss last.
    await expect
      .poll(() => heard.messages.map(({ type }) => type).toSorted())
      .toEqual(['attached', 'dropped', 'event', 'event']);
    heard.close();
  });

  test.each([
    { what: 'quick', listenerMs: 0, mostInOneTurn: 2 * 64 },
    { what: 'slow', listenerMs: 2, mostInOneTurn: 2 * 4 },
  ])(
    'R19 of a flood leave JavaScript time for everything else, of a $what listener too',
    async ({ listenerMs, mostInOneTurn }) => {
      const events = listenerMs === 0 ? 20_000 : 300;
      let heard = 0;
      let most = 0;
      let inThisTurn = 0;
      let isOver = false;
      const countTurns = (): void => {
        inThisTurn = 0;
        if (!isOver) setImmediate(countTurns);
      };
      countTurns();
      const subscription = { socketPath, clientFolder: folder, timeoutMs: 5_000, pingIntervalMs: 5_000 };
      const close = addon.listen(subscription, (message) => {
        if (message.type === 'dropped') heard += message.count;
        if (message.type !== 'event') return;
        heard += 1;
        inThisTurn += 1;
        most = Math.max(most, inThisTurn);
        const until = performance.now() + listenerMs;
        while (performance.now() < until);
      });
      try {
        await supplicant.attached(1);
        supplicant.tell('<3>A ', events);
        await expect.poll(() => heard, { timeout: 30_000 }).toBe(events);
        expect(most).toBeGreaterThan(0);
        expect(most).toBeLessThanOrEqual(mostInOneTurn);
      } finally {
        isOver = true;
        close();
      }
    },
  );

  test('come although somebody put another clock in place of the global one', async () => {
    vi.useFakeTimers();
    try {
      const heard = listen();
      await supplicant.attached(1);
      supplicant.tell('<3>A ', 1_000);
      await new Promise<void>((resolve) => {
        const poll = new MessageChannel();
        poll.port1.on('message', () => {
          if (texts(heard).length < 1_000) return poll.port2.postMessage('again');
          poll.port1.close();
          resolve();
        });
        poll.port2.postMessage('again');
      });
      heard.close();
    } finally {
      vi.useRealTimers();
    }
  });

  test('go on after one that is too long to read, and the loss is told', async () => {
    const heard = listen();
    await supplicant.attached(1);
    for (const event of ['<3>A ', '@long', '<3>B ']) supplicant.tell(event);
    await expect.poll(() => texts(heard)).toEqual(['<3>A ', '<3>B ']);
    await expect.poll(() => heard.messages).toContainEqual({ type: 'dropped', count: 1 });
    heard.close();
  });

  test('that nobody may have are refused', async () => {
    await supplicant.stop();
    supplicant = await startScriptedSupplicant(socketPath, { ATTACH: ['FAIL\n'] });
    const heard = listen();
    await expect.poll(() => heard.messages).toEqual([expect.objectContaining({ code: 'attach_refused' })]);
  });

  test('of nobody end at once', async () => {
    const heard = listen({ socketPath: join(folder, 'nobody') });
    await expect.poll(() => heard.messages).toEqual([expect.objectContaining({ code: 'no_socket' })]);
  });

  test('are not heard after close, not even those that wait', async () => {
    const messages: EventMessage[] = [];
    const close: () => void = addon.listen(
      { socketPath, clientFolder: folder, timeoutMs: 10_000, pingIntervalMs: 500 },
      (message) => {
        messages.push(message);
        if (message.type === 'event') close();
      },
    );
    await supplicant.attached(1);
    supplicant.tell('<3>A ', 100);
    await expect.poll(() => messages).toHaveLength(2);
    close();
    await expect.poll(() => readdir(folder)).toEqual(['wlan0']);
    expect(messages).toHaveLength(2);
  });

  test('R19 leave no descriptor, file or thread behind, however often they are opened and closed', async () => {
    const count = async (path: string): Promise<number> => (await readdir(path)).length;
    const before = { descriptors: await count('/proc/self/fd'), threads: await count('/proc/self/task') };
    for (let round = 0; round < 500; round += 1) {
      const heard = listen();
      if (round % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
      heard.close();
    }
    await expect.poll(() => count('/proc/self/task')).toBeLessThanOrEqual(before.threads);
    await expect.poll(() => count('/proc/self/fd')).toBeLessThanOrEqual(before.descriptors + 1);
    await expect.poll(() => readdir(folder)).toEqual(['wlan0']);
  });

  test('R19 let a worker end that still listens', async () => {
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      const addon = require(workerData.addon);
      addon.listen(workerData.subscription, (message) => parentPort.postMessage(message.type));`;
    const workerData = {
      addon: join(import.meta.dirname, '..', 'build', 'Release', 'wifi_direct.node'),
      subscription: { socketPath, clientFolder: folder, timeoutMs: 10_000, pingIntervalMs: 500 },
    };
    const workers = Array.from({ length: 4 }, () => new Worker(code, { eval: true, workerData }));
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
    supplicant.tell('<3>A ', 1_000);
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(await readdir(folder)).toEqual(['wlan0']);
  });

  test('R19 let a process exit that still listens', () => {
    const addonPath = join(import.meta.dirname, '..', 'build', 'Release', 'wifi_direct.node');
    const subscription = { socketPath, clientFolder: folder, timeoutMs: 10_000, pingIntervalMs: 500 };
    const code = `
      const addon = require(${JSON.stringify(addonPath)});
      addon.listen(${JSON.stringify(subscription)}, ({ type }) => type === 'attached' && process.exit(7));`;
    expect(spawnSync(process.execPath, ['-e', code], { timeout: 30_000 }).status).toBe(7);
  });
});
