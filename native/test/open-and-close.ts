// Opens and closes streams and asks, so many times, in a process of its own:
// `open-and-close.ts SOCKET FOLDER ROUNDS [--addon FILE] [--meter FILE]`. Prints what the process held once it was warm, after
// the rounds, and after as many rounds of Node's own work in place of the addon's.

import { readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import process from 'node:process';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { getHeapStatistics } from 'node:v8';
import { type ControlAddon, loadAddon } from '../src/addon.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { addon: { type: 'string' }, meter: { type: 'string' } },
});
const [socketPath = '', clientFolder = '', rounds = '0'] = positionals;
const require = createRequire(import.meta.url);
const addon = addonToTry();
const meter: { readonly heapMeter: () => number } =
  values.meter === undefined ? { heapMeter: () => 0 } : require(values.meter);
const subscription = { socketPath, clientFolder, timeoutMs: 5_000, pingIntervalMs: 5_000 };

function addonToTry(): ControlAddon {
  const tried: ControlAddon | string = values.addon === undefined ? loadAddon() : require(values.addon);
  if (typeof tried === 'string') throw new Error(tried);
  return tried;
}

async function openAndClose(): Promise<void> {
  const attached = new Promise<void>((resolve) => {
    const close: () => void = addon.listen(subscription, (message) => {
      if (message.type !== 'attached') return;
      close();
      resolve();
    });
  });
  await addon.request({ socketPath, clientFolder, command: 'PING', timeoutMs: 5_000 });
  await attached;
}

async function measure(): Promise<object> {
  const count = async (path: string): Promise<number> => (await readdir(path)).length;
  // Threads end a moment after they were told to.
  let files = await readdir(clientFolder);
  while (files.length > 1) {
    await sleep(10);
    files = await readdir(clientFolder);
  }
  // What the first collection finds to be garbage may have more to let go of.
  for (let pass = 0; pass < 3; pass += 1) {
    globalThis.gc?.();
    await nextTurn();
  }
  const heap = getHeapStatistics();
  return {
    descriptors: await count('/proc/self/fd'),
    threads: await count('/proc/self/task'),
    residentBytes: process.memoryUsage.rss(),
    bytes: {
      allocated: meter.heapMeter(),
      javascript: heap.used_heap_size + heap.external_memory,
      handles: heap.used_global_handles_size,
    },
    files,
  };
}

async function repeat(times: number, work: () => Promise<unknown>): Promise<void> {
  for (let round = 0; round < times; round += 1) await work();
}

await repeat(Number(rounds) / 4, openAndClose);
await repeat(Number(rounds) / 4, () => stat(clientFolder));
const before = await measure();
await repeat(Number(rounds), openAndClose);
const after = await measure();
await repeat(Number(rounds), () => stat(clientFolder));
console.log(JSON.stringify({ before, after, control: await measure() }));
