/** The shop's radio over the fake air of node-wifi-direct and a system in memory: what phones, people and logs see. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { createFakeWorld, type FakeMachine, type FakeWorld } from 'node-wifi-direct/fake';
import type { RadioFacts } from 'node-wifi-direct';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HOSTILE_NAMES } from '../../ipc/hostile-names.ts';
import type { Radio, RadioSettings } from '../../ipc/index.ts';
import { systemClock } from '../clock.ts';
import { FakeSystem } from '../test/fake-system.ts';
import { RadioRoom, type RadioRoomOptions } from './radio-room.ts';
import { describeRadio } from './radio-view.ts';
import { type Shift, writeShift } from './shift.ts';
import { SoleHost } from './sole-host.ts';

const RADIO: RadioFacts = {
  index: 0,
  name: 'phy0',
  isP2pCapable: true,
  isAccessPointCapable: true,
  hostableFrequenciesMhz: [2437],
  interfaceNames: ['wlan0'],
  block: undefined,
};
const ON: RadioSettings = { isOn: true, mode: 'wifi_direct', rotationHours: 12 };
vi.setConfig({ testTimeout: 30_000 });
const WAIT = { timeout: 25_000, interval: 20 };

let folder: string;
let world: FakeWorld;
let machine: FakeMachine;
let system: FakeSystem;
let logged: string;
let seen: Radio[];
let room: RadioRoom;
/** Of the wall clock against the system's. */
let laterMs: number;

function build(changes: Partial<RadioRoomOptions> = {}): RadioRoom {
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString();
      done();
    },
  });
  const clock = systemClock();
  const built: RadioRoom = new RadioRoom({
    config: {
      settings: ON,
      interfaceName: undefined,
      frequencyMhz: undefined,
      controlFolder: undefined,
      clientFolder: undefined,
    },
    dataFolder: folder,
    clock: {
      bootId: clock.bootId,
      wallMs: () => clock.wallMs() + laterMs,
      monotonicMs: () => clock.monotonicMs() + laterMs,
    },
    log: pino({ level: 'trace' }, sink),
    port: () => 7070,
    listen: system.listen,
    onChange: () => seen.push(describeRadio(built.view)),
    programs: system,
    // Other tests run beside this one.
    soleHost: new SoleHost(`tiki-room-${String(process.pid)}`),
    wifi: machine,
    readFacts: async () => ({ radios: [RADIO] }),
    open: async (options) => {
      const radio = await machine.openRadio(options);
      watch(radio);
      return radio;
    },
    ...changes,
  });
  return built;
}

/** The kernel's part: the interface of a group is there while the group is. */
function watch(radio: Awaited<ReturnType<FakeMachine['openRadio']>>): void {
  void (async () => {
    for await (const event of radio.events()) {
      if (event.type !== 'group_removed') continue;
      system.removeInterface(event.interfaceName);
      system.interfaces.add(event.interfaceName);
    }
  })();
}

function state(): Radio {
  return describeRadio(room.view);
}

function shift(): Shift {
  // Written by the room itself.
  const read: Shift = JSON.parse(readFileSync(join(folder, 'radio-shift.json'), 'utf8'));
  return read;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tiki-room-'));
  world = createFakeWorld();
  machine = world.addMachine();
  system = new FakeSystem();
  for (const name of ['wlan0', 'p2p-wlan0-0', 'p2p-wlan0-1', 'p2p-wlan0-2', 'p2p-wlan0-3'])
    system.interfaces.add(name);
  logged = '';
  seen = [];
  laterMs = 0;
  room = build();
});

afterEach(async () => {
  await room.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function up(): Promise<void> {
  room.start();
  room.setShop('Warung Sari');
  await expect.poll(() => state().state, WAIT).toBe('up');
}

describe('a shop with a radio', () => {
  test('hosts under its name with a long passphrase, and phones that scan the code are in and counted', async () => {
    await up();
    const { ssid, passphrase } = shift();
    expect(ssid).toMatch(/^DIRECT-[A-Za-z0-9]{2}-Warung-Sari$/);
    expect(passphrase.length).toBeGreaterThanOrEqual(16);
    expect(state().network?.ssid).toBe(ssid);
    expect(system.serving()).toBe(state().network?.interfaceName);
    const phone = world.addPhone();
    expect(await phone.join(ssid, passphrase)).toBe('joined');
    await expect.poll(() => state().phones.count, WAIT).toBe(1);
    phone.leave();
    await expect.poll(() => state().phones.count, WAIT).toBe(0);
  });

  test('is off by default, touches nothing, and says that it could', async () => {
    room = build({
      config: {
        settings: { ...ON, isOn: false },
        interfaceName: undefined,
        frequencyMhz: undefined,
        controlFolder: undefined,
        clientFolder: undefined,
      },
    });
    room.start();
    room.setShop('Warung Sari');
    await expect.poll(() => state().state, WAIT).toBe('ready');
    expect(system.serving()).toBe(null);
    expect(room.joinPicture()).toBe(null);
  });

  test('hosts a plain network when that is set, and what was set is kept', async () => {
    await up();
    room.configure({ ...ON, mode: 'access_point' });
    await expect.poll(() => state().network?.interfaceName, WAIT).toBe('wlan0');
    await expect.poll(() => state().state, WAIT).toBe('up');
    const { ssid, passphrase } = shift();
    expect(await world.addPhone().join(ssid, passphrase)).toBe('joined');
    await room.stop();
    room = build();
    room.start();
    expect(state().settings.mode).toBe('access_point');
  });
});

test('R15 no group stands without walls around it, from before it begins until after its end', async () => {
  const walled: boolean[] = [];
  room = build({
    open: async (options) => {
      const radio = await machine.openRadio(options);
      watch(radio);
      radio.on('group_started', ({ group }) => walled.push(system.isWalled(group.interfaceName)));
      radio.on('group_removed', ({ interfaceName }) => walled.push(system.isWalled(interfaceName)));
      return radio;
    },
  });
  await up();
  const name = state().network?.interfaceName ?? '';
  system.failing.set('dnsmasq', 'program_failed');
  for (const dnsmasq of system.dnsmasqs) dnsmasq.end();
  await expect.poll(() => state().state, WAIT).not.toBe('up');
  expect(system.isWalled(name)).toBe(true);
  system.failing.clear();
  await expect.poll(() => state().state, WAIT).toBe('up');
  const before = shift();
  room.rotate();
  laterMs += 11_000;
  await expect.poll(() => shift().passphrase, WAIT).not.toBe(before.passphrase);
  await expect.poll(() => state().state, WAIT).toBe('up');
  room.configure({ ...ON, mode: 'access_point' });
  await expect.poll(() => state().network?.interfaceName, WAIT).toBe('wlan0');
  await expect.poll(() => state().state, WAIT).toBe('up');
  room.configure({ ...ON, isOn: false });
  await expect.poll(() => system.shut, WAIT).toEqual([]);
  expect(walled.length).toBeGreaterThanOrEqual(5);
  expect(walled).not.toContain(false);
});

test('R15 without walls there is no group', async () => {
  system.failing.set('nft', 'program_missing');
  const started: string[] = [];
  room = build({
    open: async (options) => {
      const radio = await machine.openRadio(options);
      radio.on('group_started', ({ group }) => started.push(group.ssid));
      return radio;
    },
  });
  room.start();
  room.setShop('Warung Sari');
  await expect.poll(() => state().state, WAIT).toBe('program_missing');
  expect(started).toEqual([]);
});

test('settings that change while the radio is being opened are no fault of the radio', async () => {
  const held = Promise.withResolvers<undefined>();
  const looked = Promise.withResolvers<undefined>();
  let opened = 0;
  let closed = 0;
  room = build({
    open: async (options) => {
      const radio = await machine.openRadio(options);
      watch(radio);
      opened += 1;
      if (opened === 1) await held.promise;
      const close = radio.close.bind(radio);
      radio.close = async () => {
        await close();
        closed += 1;
      };
      return radio;
    },
    wifi: {
      probe: async (options) => {
        if (opened === 1) await looked.promise;
        return machine.probe(options);
      },
    },
  });
  room.start();
  room.setShop('Warung Sari');
  await expect.poll(() => opened, WAIT).toBe(1);
  room.configure({ ...ON, mode: 'access_point' });
  held.resolve(undefined);
  await expect.poll(() => closed, WAIT).toBe(1);
  looked.resolve(undefined);
  await expect.poll(() => state().network?.interfaceName, WAIT).toBe('wlan0');
  await expect.poll(() => state().state, WAIT).toBe('up');
  expect(logged).not.toContain('radio_failed');
});

test('R13 a phone with a hostile name is counted and can pay; its name reaches no screen and no log', async () => {
  await up();
  const { ssid, passphrase } = shift();
  const phone = world.addPhone();
  expect(await phone.join(ssid, passphrase)).toBe('joined');
  await expect.poll(() => state().phones.count, WAIT).toBe(1);
  const [dnsmasq] = system.dnsmasqs;
  const said = (name: string): void => {
    dnsmasq?.say(`dnsmasq-dhcp[7]: 42 client provides name: ${name}`);
    dnsmasq?.say(`dnsmasq-dhcp[7]: 42 DHCPACK(p2p-wlan0-0) 192.168.49.100 ${phone.address}`);
  };
  const isHarmless = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,31}$/.test(name);
  for (const name of HOSTILE_NAMES) said(name);
  said('Galaxy-A14');
  await expect.poll(() => state().phones.names, WAIT).toEqual(['Galaxy-A14']);
  expect(state().phones.count).toBe(1);
  const names = new Set(seen.flatMap(({ phones }) => phones.names));
  expect([...names].every(isHarmless)).toBe(true);
  for (const name of HOSTILE_NAMES.filter((one) => !isHarmless(one) && one.trim() !== ''))
    expect(logged).not.toContain(name);
  expect(logged.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
});

test('a radio that has more to say than anybody hears is opened anew', async () => {
  let opened = 0;
  const deaf = new AbortController();
  room = build({
    open: async (options) => {
      const radio = await machine.openRadio(options);
      watch(radio);
      opened += 1;
      if (opened > 1) return radio;
      // As the queue of a reader ends that is full.
      const events = radio.events.bind(radio);
      radio.events = () => events({ signal: deaf.signal });
      return radio;
    },
  });
  await up();
  deaf.abort();
  await expect.poll(() => opened, WAIT).toBe(2);
  await expect.poll(() => state().state, WAIT).toBe('up');
});

test('of two agents on one machine one hosts and the other says so, until the first one ends', async () => {
  await up();
  const { ssid } = shift();
  const otherFolder = mkdtempSync(join(tmpdir(), 'tiki-room-'));
  const other = build({ dataFolder: otherFolder, programs: new FakeSystem() });
  try {
    other.start();
    other.setShop('Other shop');
    await expect
      .poll(() => describeRadio(other.view), WAIT)
      .toMatchObject({ state: 'radio_busy', code: 'radio_taken' });
    expect(state().state).toBe('up');
    expect(state().network?.ssid).toBe(ssid);
    await room.stop();
    await expect.poll(() => describeRadio(other.view).network?.ssid, WAIT).toMatch(/Other-shop$/);
  } finally {
    await other.stop();
    rmSync(otherFolder, { recursive: true, force: true });
  }
});

test('R12 a supplicant that is killed and comes back hosts again within 10 s, and phones come back by themselves', async () => {
  await up();
  const before = shift();
  const phone = world.addPhone();
  await phone.join(before.ssid, before.passphrase);
  machine.killSupplicant();
  await expect.poll(() => state().state, WAIT).not.toBe('up');
  await expect.poll(() => system.serving(), WAIT).toBe(null);
  machine.startSupplicant();
  await expect.poll(() => state().state, WAIT).toBe('up');
  await expect.poll(() => phone.isJoined, WAIT).toBe(true);
  expect(shift()).toEqual(before);
});

describe('R14 the passphrase', () => {
  test('is in no log, no error and nothing that the window is told, whatever goes wrong', async () => {
    await up();
    const secrets = [shift().passphrase];
    const thrown: unknown[] = [];
    system.failing.set('dnsmasq', 'program_failed');
    for (const dnsmasq of system.dnsmasqs) dnsmasq.end();
    await expect.poll(() => state().state, WAIT).not.toBe('up');
    system.failing.clear();
    await expect.poll(() => state().state, WAIT).toBe('up');
    room.rotate();
    laterMs += 11_000;
    await expect.poll(() => shift().passphrase, WAIT).not.toBe(secrets[0]);
    secrets.push(shift().passphrase);
    machine.killSupplicant();
    await expect.poll(() => state().state, WAIT).not.toBe('up');
    machine.startSupplicant();
    await expect.poll(() => state().state, WAIT).toBe('up');
    const picture = room.joinPicture() ?? '';
    thrown.push(await room.selfTest().catch((error: unknown) => error));
    await room.stop();
    const told = [logged, JSON.stringify(seen), inspect(thrown, { depth: 20 }), picture];
    told.push(Buffer.from(picture.split(',')[1] ?? '', 'base64').toString('latin1'));
    expect(logged.length).toBeGreaterThan(500);
    expect(picture.length).toBeGreaterThan(100);
    for (const secret of secrets) for (const text of told) expect(text).not.toContain(secret);
  });

  test('lies in one file that only this user reads', async () => {
    await up();
    expect(statSync(join(folder, 'radio-shift.json')).mode & 0o777).toBe(0o600);
  });

  test('of before lets nobody in after a rotation', async () => {
    await up();
    const before = shift();
    laterMs += 11_000;
    room.rotate();
    await expect.poll(() => shift().passphrase, WAIT).not.toBe(before.passphrase);
    await expect.poll(() => state().state, WAIT).toBe('up');
    expect(await world.addPhone().join(before.ssid, before.passphrase)).not.toBe('joined');
    expect(await world.addPhone().join(shift().ssid, shift().passphrase)).toBe('joined');
  });

  test('is not rotated under a phone that is paying', async () => {
    await up();
    const before = shift();
    room.noteRequests(true);
    room.rotate();
    laterMs += 60_000;
    room.setShop('Warung Sari');
    expect(shift()).toEqual(before);
    expect(state().state).toBe('up');
  });

  test('survives an agent that is killed: the next one hosts the same network', async () => {
    // As a killed agent leaves it: its shift on disk, its group with the supplicant, and nobody who ends it.
    const before = {
      ssid: 'DIRECT-k9-Warung-Sari',
      passphrase: 'ofTheMorningShift9',
      beganAtMs: Date.now(),
    };
    const { ssid, passphrase } = before;
    writeShift(join(folder, 'radio-shift.json'), before);
    const left = await machine.openRadio({ deviceName: 'Warung-Sari' });
    await left.host({ ssid, passphrase });
    const phone = world.addPhone();
    expect(await phone.join(ssid, passphrase)).toBe('joined');
    await up();
    expect(shift()).toEqual(before);
    await expect.poll(() => phone.isJoined, WAIT).toBe(true);
    await left.close();
  });
});

test('R17 the shop hands out no PIN and allows no push button: phones join by the code', async () => {
  const commands: string[] = [];
  room = build({
    open: async (options) => {
      const radio = await machine.openRadio(options);
      watch(radio);
      return new Proxy(radio, {
        get(target, name) {
          commands.push(String(name));
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  });
  await up();
  expect(commands).toContain('host');
  expect(commands).not.toContain('invitePin');
  expect(commands).not.toContain('join');
});

describe('R18 a radio that does not work', () => {
  test('is said as what it is, and hosts as soon as it can', async () => {
    machine.blockRadio();
    room.start();
    room.setShop('Warung Sari');
    await expect.poll(() => state().state, WAIT).toBe('blocked_by_rfkill');
    expect(system.serving()).toBe(null);
    machine.unblockRadio();
    await expect.poll(() => state().state, WAIT).toBe('up');
  });

  test.each([
    ['nft', 'not_permitted', 'not_permitted'],
    ['dnsmasq', 'program_missing', 'program_missing'],
    ['ip', 'not_permitted', 'not_permitted'],
  ] as const)(
    'without what %s needs (%s) it says %s and leaves nothing half built',
    async (program, fault, said) => {
      system.failing.set(program, fault);
      room.start();
      room.setShop('Warung Sari');
      await expect.poll(() => state().state, WAIT).toBe(said);
      expect(system.dnsmasqs.size).toBe(0);
      expect(system.listening).toBe(null);
    },
  );

  test('R18 that is not there at all is said before anything else, by the state and by the test', async () => {
    const unplugged = { radios: [] as RadioFacts[] };
    machine.killSupplicant();
    room = build({ readFacts: async () => unplugged });
    room.start();
    room.setShop('Warung Sari');
    await expect.poll(() => state().state, WAIT).toBe('no_radio');
    expect(state().code).toBe('no_wifi_radio');
    const [first, ...others] = await room.selfTest();
    expect(first).toEqual({ name: 'hardware', outcome: 'failed', code: 'no_wifi_radio' });
    const [supplicant, radio] = others;
    expect([supplicant?.outcome, radio?.outcome]).toEqual(['not_tried', 'not_tried']);
    unplugged.radios.push(RADIO);
    machine.startSupplicant();
    laterMs += 5_000;
    room.rotate();
    await expect.poll(() => state().state, WAIT).toBe('up');
  });

  test('that cannot even be asked ends nothing but itself', async () => {
    room = build({
      wifi: {
        probe: async () => {
          throw new Error('broken');
        },
      },
    });
    room.start();
    room.setShop('Warung Sari');
    await expect.poll(() => state().state, WAIT).toBe('no_supplicant');
  });
});
