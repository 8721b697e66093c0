// R13: hostile lines through the whole way, socket to parsed event. Run by fuzz-command.ts in a process whose addon was
// built with sanitizers: `node test/fuzz.ts ADDON LINES SEED`. Prints what it saw; a report of a sanitizer ends it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { ControlAddon } from '../src/addon.ts';
import { instancesIn } from '../src/dns-sd.ts';
import { parseEvent, type SupplicantEvent } from '../src/supplicant-events.ts';
import {
  parseDriverFlags,
  parseKeyValues,
  parseP2pDeviceAddress,
  parseSignalDbm,
  parseStation,
  parseStoredGroups,
} from '../src/supplicant-replies.ts';
import { displayName } from '../src/supplicant-text.ts';
import { upnpNamesIn } from '../src/upnp.ts';

const [, , addonPath = '', lines = '0', seed = '1', daemon = ''] = process.argv;
const addon: ControlAddon = createRequire(import.meta.url)(addonPath);
const counts = { events: 0, understood: 0, replies: 0, dropped: 0 };

/** What a person may be shown. */
function assertSafe(text: string): void {
  assert.ok(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text), JSON.stringify(text));
}

function examine(event: SupplicantEvent): void {
  switch (event.type) {
    case 'peer_found':
      assertSafe(event.peer.name);
      assert.match(event.peer.address, /^[0-9a-f:]{17}$/);
      return;
    case 'group_started':
      assertSafe(displayName(event.ssid));
      assertSafe(event.interfaceName);
      return;
    case 'service_response':
      for (const { instance } of instancesIn(event.tlvs, '_afpovertcp._tcp')) assertSafe(instance);
      for (const name of upnpNamesIn(event.tlvs)) assertSafe(name);
      return;
    default:
  }
}

function examineReply(text: string): void {
  for (const { ssid } of parseStoredGroups(text)) assertSafe(ssid);
  parseP2pDeviceAddress(parseKeyValues(text));
  parseDriverFlags(text);
  parseStation(text);
  parseSignalDbm(text);
}

const folder = await mkdtemp(join(tmpdir(), 'fuzz-'));
const socketPath = join(folder, 'wlan0');
const child = spawn(daemon, [socketPath, seed, lines], {
  stdio: ['pipe', 'pipe', 'inherit'],
  // The sanitizers are for the addon.
  env: { ...process.env, LD_PRELOAD: '' },
});
const ended = once(child, 'exit');
await once(child.stdout, 'data');
const subscription = { socketPath, clientFolder: folder, timeoutMs: 10_000, pingIntervalMs: 10_000 };
let close: () => void = () => undefined;
const { promise: over, resolve: end } = Promise.withResolvers<void>();
const listen = (): void => {
  close = addon.listen(subscription, (message) => {
    switch (message.type) {
      case 'attached':
        return;
      case 'dropped':
        counts.dropped += message.count;
        return;
      case 'event': {
        const event = parseEvent(new TextDecoder().decode(message.bytes));
        counts.events += 1;
        if (event === undefined) return;
        counts.understood += 1;
        examine(event);
        return;
      }
      case 'ended':
        // Too long a line ends a stream; a radio would begin anew as well, until nobody is there any more.
        if (message.code === 'no_socket' || message.code === 'connection_refused') end();
        else listen();
    }
  });
};
listen();
let isOver = false;
void ended.then(() => (isOver = true));
while (!isOver) {
  const request = { socketPath, clientFolder: folder, command: 'STATUS', timeoutMs: 300 };
  const reply = await addon.request(request).catch(() => undefined);
  if (reply === undefined) continue;
  counts.replies += 1;
  examineReply(new TextDecoder().decode(reply));
}
await over;
close();
await rm(folder, { recursive: true, force: true });
console.log(JSON.stringify(counts));
