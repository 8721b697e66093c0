#!/usr/bin/env node
// The entry of `npx wifi-direct`. Only wires.

import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { createWifiDirect, openRadio, readMachineFacts } from '../index.ts';
import { runCli } from './run.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Once asks, twice insists.
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  });
}

process.exitCode = await runCli(process.argv.slice(2), {
  out: (line) => process.stdout.write(line),
  err: (line) => process.stderr.write(line),
  readFile: async (path) => (path === '-' ? await text(process.stdin) : await readFile(path, 'utf8')),
  probe: async (options) => await createWifiDirect(options).probe(),
  readMachineFacts,
  openRadio,
  signal: interrupted.signal,
});
