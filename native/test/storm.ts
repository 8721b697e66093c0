// R11: replies and events in every order that chance makes of them, over the real addon and a scripted supplicant.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlAddon, EventMessage } from '../src/addon.ts';
import { startScriptedSupplicant } from './scripted-supplicant.ts';

const AT_A_TIME = 32;

/** Asks so many times; throws when a reply is not the asked one's, or an event is lost untold, doubled or out of order. */
export async function standTheStorm(addon: ControlAddon, requests: number, stormSeed: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'storm-'));
  const socketPath = join(folder, 'wlan0');
  const supplicant = await startScriptedSupplicant(socketPath, {}, { stormSeed });
  const order = new EventOrder();
  const subscription = { socketPath, clientFolder: folder, timeoutMs: 10_000, pingIntervalMs: 10_000 };
  const close = addon.listen(subscription, (message) => order.take(message));
  try {
    await supplicant.attached(1);
    let next = 0;
    const ask = async (): Promise<void> => {
      while (next < requests) {
        const token = String(next);
        next += 1;
        const command = `ECHO ${token}`;
        const reply = await addon.request({ socketPath, clientFolder: folder, command, timeoutMs: 10_000 });
        assert.equal(Buffer.from(reply).toString(), token);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, ask));
    assert.equal(order.fault, undefined);
    assert.ok(order.next > requests / 2, 'there was no storm');
  } finally {
    close();
    await supplicant.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

class EventOrder {
  next = 0;
  fault: string | undefined;
  #mayGap = false;

  take(message: EventMessage): void {
    if (message.type === 'dropped') this.#mayGap = true;
    if (message.type === 'ended') this.fault = message.code;
    if (message.type !== 'event') return;
    const text = Buffer.from(message.bytes).toString();
    const number = Number(/^<3>STORM (\d+)$/.exec(text)?.[1]);
    const isRight = this.#mayGap ? number >= this.next : number === this.next;
    if (!isRight) this.fault ??= `${text} instead of number ${String(this.next)}`;
    this.#mayGap = false;
    this.next = number + 1;
  }
}
