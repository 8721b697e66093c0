// Opens and closes streams and asks, so many times, in a process of its own: `open-and-close.ts SOCKET FOLDER ROUNDS [ADDON]`.
// Prints what the process held after a fifth of the rounds and at the end.

import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ControlAddon, loadAddon } from '../src/addon.ts';

const [, , socketPath = '', clientFolder = '', rounds = '0', addonPath = ''] = process.argv;
const addon: ControlAddon | string =
  addonPath === '' ? loadAddon() : createRequire(import.meta.url)(addonPath);
if (typeof addon === 'string') throw new Error(addon);
const subscription = { socketPath, clientFolder, timeoutMs: 5_000, pingIntervalMs: 5_000 };

async function measure(): Promise<object> {
  const count = async (path: string): Promise<number> => (await readdir(path)).length;
  // Threads end a moment after they were told to.
  let files = await readdir(clientFolder);
  while (files.length > 1) {
    await sleep(10);
    files = await readdir(clientFolder);
  }
  globalThis.gc?.();
  return {
    descriptors: await count('/proc/self/fd'),
    threads: await count('/proc/self/task'),
    residentBytes: process.memoryUsage.rss(),
    files,
  };
}

let early: object = {};
for (let round = 0; round < Number(rounds); round += 1) {
  const attached = new Promise<void>((resolve) => {
    const close: () => void = addon.listen(subscription, (message) => {
      if (message.type !== 'attached') return;
      close();
      resolve();
    });
  });
  await addon.request({ socketPath, clientFolder, command: 'PING', timeoutMs: 5_000 });
  await attached;
  if (round === Math.floor(Number(rounds) / 5)) early = await measure();
}
console.log(JSON.stringify({ early, late: await measure() }));
