// A radio over a supplicant whose every word comes when the test says so.

import { describe, expect, test, vi } from 'vitest';
import type { ControlAddon, EventMessage } from './addon.ts';
import type { Radio } from './radio.ts';
import { openRadio } from './supplicant-radio.ts';

const ADDRESS = '02:00:00:00:00:01';
const GROUP = { ssid: 'DIRECT-ab-Till', passphrase: 'sixteen characters' } as const;
const STARTED = `P2P-GROUP-STARTED p2p-wlan0-0 GO ssid="${GROUP.ssid}" freq=2412 go_dev_addr=${ADDRESS}`;

class Supplicant {
  readonly commands: string[] = [];
  readonly #listeners = new Map<(message: EventMessage) => void, string>();
  /** May do something before it answers. */
  answer: (command: string) => string | Promise<string> = (command) => this.usual(command);

  readonly addon: ControlAddon = {
    listen: ({ socketPath }, listener) => {
      this.#listeners.set(listener, socketPath);
      queueMicrotask(() => listener({ type: 'attached' }));
      return () => this.#listeners.delete(listener);
    },
    request: async ({ command }) => {
      this.commands.push(command);
      return Buffer.from(await this.answer(command));
    },
  };

  usual(command: string): string {
    if (command.startsWith('P2P_GROUP_REMOVE'))
      queueMicrotask(() => this.say('P2P-GROUP-REMOVED p2p-wlan0-0 GO reason=REQUESTED'));
    if (command === 'ADD_NETWORK') return '7\n';
    if (command === 'STATUS') return `p2p_device_address=${ADDRESS}\n`;
    return command.startsWith('STA-') ? '' : 'OK\n';
  }

  say(event: string): void {
    for (const listener of this.#listeners.keys())
      listener({ type: 'event', bytes: Buffer.from(`<3>${event}`) });
  }

  /** As when the interface goes, and its socket with it. */
  endSocketOf(interfaceName: string): void {
    this.#tell(interfaceName, { type: 'ended', code: 'no_socket', message: '' });
  }

  /** As when more was said than could be taken. */
  loseEventsOf(interfaceName: string): void {
    this.#tell(interfaceName, { type: 'dropped', count: 1 });
  }

  #tell(interfaceName: string, message: EventMessage): void {
    for (const [listener, socketPath] of this.#listeners)
      if (socketPath.endsWith(`/${interfaceName}`)) listener(message);
  }
}

async function open(supplicant: Supplicant): Promise<Radio> {
  return await openRadio({ interfaceName: 'wlan0', deviceName: 'Till', load: () => supplicant.addon });
}

describe('a radio', () => {
  test('asks how strong peers are one after the other, however many there are', async () => {
    const supplicant = new Supplicant();
    const radio = await open(supplicant);
    let asking = 0;
    let most = 0;
    supplicant.answer = async (command) => {
      if (!command.startsWith('P2P_PEER')) return supplicant.usual(command);
      asking += 1;
      most = Math.max(most, asking);
      await new Promise((resolve) => setImmediate(resolve));
      asking -= 1;
      return 'level=-40\n';
    };
    for (let at = 0; at < 500; at += 1)
      supplicant.say(
        `P2P-DEVICE-FOUND 02:00:00:00:01:${(at % 100).toString(16).padStart(2, '0')} p2p_dev_addr=02:00:00:00:01:${(at % 100).toString(16).padStart(2, '0')} name='x'`,
      );
    await expect.poll(() => radio.peers().every(({ signalDbm }) => signalDbm === -40)).toBe(true);
    expect(radio.peers()).toHaveLength(100);
    expect(most).toBe(1);
    await radio.close();
  });

  test('keeps the network of a group that it is about to host when somebody else’s group ends', async () => {
    const supplicant = new Supplicant();
    const radio = await open(supplicant);
    supplicant.answer = (command) => {
      if (command.startsWith('SET_NETWORK 7 psk'))
        supplicant.say('P2P-GROUP-REMOVED p2p-wlan0-9 GO reason=REQUESTED');
      if (command.startsWith('SET_NETWORK 7 mode'))
        supplicant.say('P2P-GROUP-REMOVED p2p-wlan0-9 GO reason=REQUESTED');
      if (command.startsWith('P2P_GROUP_ADD')) {
        expect(supplicant.commands).not.toContain('REMOVE_NETWORK 7');
        supplicant.say('P2P-GROUP-REMOVED p2p-wlan0-9 GO reason=REQUESTED');
        queueMicrotask(() => supplicant.say(STARTED));
      }
      return supplicant.usual(command);
    };
    expect((await radio.host(GROUP)).ssid).toBe(GROUP.ssid);
    expect(supplicant.commands).not.toContain('REMOVE_NETWORK 7');
    supplicant.say('P2P-GROUP-REMOVED p2p-wlan0-0 GO reason=REQUESTED');
    await expect.poll(() => supplicant.commands).toContain('REMOVE_NETWORK 7');
    await radio.close();
  });

  test('notices the end of a group whose news was lost', async () => {
    const supplicant = new Supplicant();
    const radio = await open(supplicant);
    supplicant.answer = (command) => {
      if (command.startsWith('P2P_GROUP_ADD')) queueMicrotask(() => supplicant.say(STARTED));
      return supplicant.usual(command);
    };
    await radio.host(GROUP);
    const removed = vi.fn();
    radio.on('group_removed', removed);
    supplicant.endSocketOf('p2p-wlan0-0');
    await expect.poll(() => radio.group()).toBe(undefined);
    expect(removed).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ reason: 'UNAVAILABLE' }));
    await radio.close();
  });

  test.each([
    ['of its own', 'wlan0'],
    ['beside the one for Wi-Fi Direct', 'p2p-dev-wlan0'],
  ])(
    'finds out who came and went while the events of an access point were lost, on an interface %s',
    async (_, interfaceName) => {
      const supplicant = new Supplicant();
      const radio = await openRadio({ interfaceName, deviceName: 'Till', load: () => supplicant.addon });
      const [stays, goes, comes] = [1, 2, 3].map((n) => `02:00:00:00:00:1${String(n)}`);
      let stations = [stays, goes];
      supplicant.answer = (command) => {
        if (command === 'SELECT_NETWORK 7') queueMicrotask(() => supplicant.say('AP-ENABLED '));
        const [question, after] = command.split(' ');
        if (question !== 'STA-FIRST' && question !== 'STA-NEXT') return supplicant.usual(command);
        const next = stations[stations.indexOf(after) + 1];
        return next === undefined ? '' : `${next}\nflags=[AUTH][ASSOC][AUTHORIZED]\n`;
      };
      const group = { ssid: 'Till', passphrase: GROUP.passphrase, frequencyMhz: 2_412 };
      expect(await radio.hostAccessPoint(group)).toMatchObject({
        interfaceName: 'wlan0',
        role: 'access_point',
      });
      for (const address of stations) supplicant.say(`AP-STA-CONNECTED ${address ?? ''}`);
      expect(radio.clients()).toEqual([stays, goes]);
      const told = vi.fn();
      radio.on('client_joined', told);
      radio.on('client_left', told);
      stations = [stays, comes];
      supplicant.loseEventsOf('wlan0');
      await expect.poll(() => radio.clients()).toEqual([stays, comes]);
      expect(told.mock.calls.map(([event]) => [event.type, event.address])).toEqual([
        ['client_left', goes],
        ['client_joined', comes],
      ]);
      await radio.close();
    },
  );

  test('R12 tells a supplicant that started anew its settings before it hosts a group there', async () => {
    const supplicant = new Supplicant();
    const radio = await open(supplicant);
    const { promise: told, resolve: tell } = Promise.withResolvers<undefined>();
    supplicant.answer = async (command) => {
      if (command.startsWith('SET device_name')) await told;
      if (command.startsWith('P2P_GROUP_ADD')) queueMicrotask(() => supplicant.say(STARTED));
      return supplicant.usual(command);
    };
    const isBack = new Promise((resolve) => radio.on('supplicant_back', resolve));
    supplicant.commands.length = 0;
    supplicant.endSocketOf('wlan0');
    await isBack;
    const hosting = radio.host(GROUP);
    await new Promise((resolve) => setImmediate(resolve));
    expect(supplicant.commands).toEqual(['SET device_name Till']);
    tell(undefined);
    await hosting;
    const at = (start: string) => supplicant.commands.findIndex((command) => command.startsWith(start));
    expect(at('SET p2p_intra_bss 0')).toBeGreaterThan(0);
    expect(at('P2P_GROUP_ADD')).toBeGreaterThan(at('SET p2p_intra_bss 0'));
    await radio.close();
  });

  test('keeps a new group when it was the old one of that name that fell silent', async () => {
    const supplicant = new Supplicant();
    const radio = await open(supplicant);
    supplicant.answer = (command) => {
      if (command.startsWith('P2P_GROUP_ADD')) queueMicrotask(() => supplicant.say(STARTED));
      return supplicant.usual(command);
    };
    await radio.host(GROUP);
    const { promise: asked, resolve: ask } = Promise.withResolvers<undefined>();
    const { promise: answered, resolve: answer } = Promise.withResolvers<string>();
    supplicant.answer = (command) => {
      if (command !== 'PING') return supplicant.usual(command);
      ask(undefined);
      return answered;
    };
    supplicant.endSocketOf('p2p-wlan0-0');
    await asked;
    supplicant.say('P2P-GROUP-REMOVED p2p-wlan0-0 GO reason=REQUESTED');
    supplicant.say(STARTED);
    const removed = vi.fn();
    radio.on('group_removed', removed);
    answer('PONG\n');
    await new Promise((resolve) => setImmediate(resolve));
    expect(removed).not.toHaveBeenCalled();
    expect(radio.group()?.ssid).toBe(GROUP.ssid);
    await radio.close();
  });

  test('that gives hosting up while the supplicant is being told ends what comes of it all the same', async () => {
    const supplicant = new Supplicant();
    const radio = await open(supplicant);
    const giveUp = new AbortController();
    supplicant.answer = async (command) => {
      if (command.startsWith('P2P_GROUP_ADD')) {
        giveUp.abort();
        await new Promise((resolve) => setImmediate(resolve));
        setTimeout(() => supplicant.say(STARTED), 50);
      }
      return supplicant.usual(command);
    };
    await expect(radio.host({ ...GROUP, signal: giveUp.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(supplicant.commands).toContain('P2P_GROUP_REMOVE p2p-wlan0-0');
    expect(supplicant.commands).toContain('REMOVE_NETWORK 7');
    expect(radio.group()).toBe(undefined);
    await radio.close();
  });

  test('that gives hosting up while it describes the network leaves nothing described', async () => {
    const supplicant = new Supplicant();
    const radio = await open(supplicant);
    const giveUp = new AbortController();
    supplicant.answer = async (command) => {
      if (command === 'ADD_NETWORK') giveUp.abort();
      await new Promise((resolve) => setImmediate(resolve));
      return supplicant.usual(command);
    };
    await expect(radio.host({ ...GROUP, signal: giveUp.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(supplicant.commands.at(-1)).not.toContain('P2P_GROUP_ADD');
    expect(supplicant.commands).toContain('REMOVE_NETWORK 7');
    expect(supplicant.commands.some((command) => command.startsWith('P2P_GROUP_ADD'))).toBe(false);
    await radio.close();
  });
});
