// What an open radio promises, whichever way it is made: over the fake, over Debian's wpa_supplicant without a radio, and
// over software radios in the lab. A law knows nothing of who runs it, and needs nothing but Node: an adapter brings the
// world, and says which of it there is not.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenRadioOptions } from '../src/supplicant-radio.ts';
import type { CallOptions, Group, Radio, RadioEvent } from '../src/radio.ts';

export type Who = 'till' | 'customer';

export type ContractPhone = {
  /** Begins to join; whether it comes in is seen by the kiosk. It comes back by itself when it is lost. */
  readonly knows: (ssid: string, passphrase: string) => Promise<void>;
  readonly forget: () => Promise<void>;
};

export type ContractWorld = {
  /** Opens the radio of a machine; the runner closes it. */
  readonly open: (who: Who, settings?: OpenRadioOptions['settings']) => Promise<Radio>;
  readonly phone: () => ContractPhone;
  readonly killSupplicant: () => Promise<void>;
  readonly startSupplicant: () => Promise<void>;
  readonly switchRadio: (to: 'on' | 'off') => Promise<void>;
  /** How long to wait for what must happen. */
  readonly patienceMs: number;
};

/** What a world may lack: Wi-Fi Direct itself, phones, a supplicant that can be killed, a switch. */
export type Need = 'radio' | 'phone' | 'restart' | 'switch';

export type ContractLaw = {
  readonly name: string;
  readonly needs: readonly Need[];
  readonly run: (world: ContractWorld) => Promise<void>;
};

const passphrase = 'correct "horse" \\ battery';
const frequencyMhz = 2_412;
const wps = { right: '12345670', checkDigitWrong: '12345671' };

/** For an adapter: the world's radios are closed whatever happens. */
export async function runLaw(law: ContractLaw, world: ContractWorld): Promise<void> {
  const radios: Radio[] = [];
  const open: ContractWorld['open'] = async (who, settings) => {
    const radio = await world.open(who, settings);
    radios.push(radio);
    return radio;
  };
  try {
    await law.run({ ...world, open });
  } finally {
    for (const radio of radios) await radio.close();
  }
}

export const radioContract: readonly ContractLaw[] = [
  {
    name: 'a closed radio does nothing more, ends its readers, and can be closed again',
    needs: [],
    run: async ({ open }) => {
      const radio = await open('till');
      const reading = collect(radio.events());
      await radio.close();
      await radio.close();
      assert.deepEqual(await reading, []);
      await assert.rejects(radio.find(), { code: 'closed' });
      await assert.rejects(radio.advertise({ type: '_tikipay._tcp', instance: 'x' }), { code: 'closed' });
      assert.equal(radio.group(), undefined);
    },
  },
  {
    name: 'what can never be right is refused by its own code, before anything is asked',
    needs: [],
    run: async ({ open }) => {
      const radio = await open('till');
      const refused: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['duration_invalid', () => radio.find({ seconds: 0 })],
        ['duration_invalid', () => radio.listen({ seconds: 1.5 })],
        ['ssid_invalid', () => radio.host({ ssidPostfix: 'a\nb' })],
        ['ssid_invalid', () => radio.host({ ssid: 'Till1', passphrase })],
        ['ssid_invalid', () => radio.hostAccessPoint({ ssid: '', passphrase })],
        ['passphrase_invalid', () => radio.host({ passphrase: 'short' })],
        ['passphrase_invalid', () => radio.host({ ssid: 'DIRECT-ab' })],
        ['passphrase_invalid', () => radio.hostAccessPoint({ ssid: 'Till1', passphrase: 'short' })],
        ['frequency_invalid', () => radio.host({ frequencyMhz: 1 })],
        ['address_invalid', () => radio.join('somebody', wps.right)],
        ['pin_invalid', () => radio.join('02:00:00:00:00:01', wps.checkDigitWrong)],
        ['push_button_refused', () => radio.join('02:00:00:00:00:01', { by: 'push_button' })],
        ['group_unknown', () => radio.forgetStoredGroup(-1)],
        ['group_unknown', () => radio.credentials()],
        ['group_unknown', () => radio.invitePin()],
        ['group_unknown', () => radio.removeClient('02:00:00:00:00:01')],
        ['service_invalid', () => radio.advertise({ type: '_x y._tcp', instance: 'x' })],
        ['service_invalid', () => radio.advertiseUpnp('urn:a b')],
      ];
      for (const [code, call] of refused) await assert.rejects(call(), { name: 'WifiDirectError', code });
      assert.equal(radio.group(), undefined);
    },
  },
  {
    name: 'a call whose signal has come already is refused and does nothing',
    needs: [],
    run: async ({ open }) => {
      const radio = await open('till');
      const given: CallOptions = { signal: AbortSignal.abort() };
      const service = { type: '_tikipay._tcp', instance: 'x' } as const;
      const calls: readonly (() => Promise<unknown>)[] = [
        () => radio.find(given),
        () => radio.listen(given),
        () => radio.stopFinding(given),
        () => radio.host(given),
        () => radio.hostAccessPoint({ ssid: 'Till1', passphrase, ...given }),
        () => radio.join('02:00:00:00:00:01', wps.right, given),
        () => radio.credentials(given),
        () => radio.invitePin(given),
        () => radio.removeClient('02:00:00:00:00:01', given),
        () => radio.storedGroups(given),
        () => radio.forgetStoredGroup(0, given),
        () => radio.advertise(service, {}, given),
        () => radio.withdraw(service, given),
        () => radio.advertiseUpnp('uuid:1', given),
        () => radio.withdrawUpnp('uuid:1', given),
      ];
      for (const call of calls) await assert.rejects(call(), { name: 'WifiDirectError', code: 'aborted' });
      assert.deepEqual(await collect(radio.events(given)), []);
      assert.equal(radio.group(), undefined);
    },
  },
  {
    name: 'services can be offered and taken back, and offered again',
    needs: [],
    run: async ({ open }) => {
      const radio = await open('till');
      const service = { type: '_tikipay._tcp', instance: 'Till 1' } as const;
      const name = 'uuid:6859dede-8574-59ab-9332-123456789012::urn:schemas-upnp-org:device:Printer:1';
      for (let round = 0; round < 2; round += 1) {
        await radio.advertise(service, { v: '1' });
        await radio.advertiseUpnp(name);
        await radio.withdraw(service);
        await radio.withdrawUpnp(name);
      }
      await radio.withdraw(service);
    },
  },
  {
    name: 'leaving no group is done at once',
    needs: [],
    run: async ({ open }) => {
      const radio = await open('till');
      await radio.leave();
      assert.deepEqual(radio.clients(), []);
    },
  },
  {
    name: 'R12 a supplicant that was killed is told, and told again when it is back; calls meanwhile are refused',
    needs: ['restart'],
    run: async ({ open, killSupplicant, startSupplicant, patienceMs }) => {
      const radio = await open('till');
      const heard: string[] = [];
      radio.on('supplicant_lost', ({ type }) => heard.push(type));
      radio.on('supplicant_back', ({ type }) => heard.push(type));
      await killSupplicant();
      await until('it is missed', () => heard.includes('supplicant_lost'), patienceMs);
      await assert.rejects(radio.storedGroups(), { code: 'supplicant_unreachable' });
      await startSupplicant();
      await until('it is back', () => heard.includes('supplicant_back'), patienceMs);
      assert.deepEqual(heard, ['supplicant_lost', 'supplicant_back']);
      assert.ok(Array.isArray(await radio.storedGroups()));
    },
  },
  {
    name: 'a group is hosted with a made-up passphrase of 16 characters, once at a time, until it is left',
    needs: ['radio'],
    run: async ({ open }) => {
      const radio = await open('till');
      const reading = radio.events();
      const group = await radio.host({ frequencyMhz, ssidPostfix: '-Till1' });
      assert.match(group.ssid, /^DIRECT-..-Till1$/);
      assert.equal(group.role, 'group_owner');
      assert.equal(group.frequencyMhz, frequencyMhz);
      assert.equal(group.isPersistent, false);
      assert.deepEqual(radio.group(), group);
      const { ssid, passphrase: madeUp } = await radio.credentials();
      assert.equal(ssid, group.ssid);
      assert.ok(madeUp.length >= 16, 'R14 too short');
      await assert.rejects(radio.host(), { code: 'already_in_group' });
      await radio.leave();
      assert.equal(radio.group(), undefined);
      await radio.close();
      const types = (await collect(reading)).map(({ type }) => type);
      assert.deepEqual(
        types.filter((type) => type.startsWith('group_')),
        ['group_started', 'group_removed'],
      );
    },
  },
  {
    name: 'a group has the name and passphrase that were asked for, again after its end, and is not kept',
    needs: ['radio'],
    run: async ({ open }) => {
      const radio = await open('till');
      const ssid = 'DIRECT-q7-Till1';
      for (let round = 0; round < 2; round += 1) {
        const group: Group = await radio.host({ ssid, passphrase, frequencyMhz });
        assert.equal(group.ssid, ssid);
        assert.deepEqual(await radio.credentials(), { ssid, passphrase });
        await radio.leave();
      }
      assert.deepEqual(await radio.storedGroups(), []);
    },
  },
  {
    name: 'a persistent group is kept, hosted again as it was, and forgotten',
    needs: ['radio'],
    run: async ({ open }) => {
      const radio = await open('till');
      const first = await radio.host({ frequencyMhz, isPersistent: true });
      assert.equal(first.isPersistent, true);
      const before = await radio.credentials();
      await radio.leave();
      const stored = (await radio.storedGroups()).find(({ ssid }) => ssid === before.ssid);
      assert.ok(stored !== undefined, 'it is not kept');
      await radio.host({ storedGroupId: stored.id, frequencyMhz });
      assert.deepEqual(await radio.credentials(), before);
      await radio.leave();
      await radio.forgetStoredGroup(stored.id);
      assert.deepEqual(await radio.storedGroups(), []);
      await assert.rejects(radio.forgetStoredGroup(stored.id), { code: 'group_unknown' });
    },
  },
  {
    name: 'a host is found by name, kind and signal, and joined by the PIN that it gave; both know when it is left',
    needs: ['radio'],
    run: async ({ open, patienceMs }) => {
      const [till, customer] = [await open('till'), await open('customer')];
      const group = await till.host({ frequencyMhz });
      await customer.find();
      const peerOf = () => customer.peers().find(({ name }) => name === 'till');
      await until('it is found and measured', () => peerOf()?.signalDbm !== undefined, patienceMs);
      const peer = peerOf();
      assert.equal(peer?.isGroupOwner, true);
      assert.ok((peer?.signalDbm ?? 0) < 0, 'a level in dBm is negative');
      assert.equal(typeof peer?.category, 'string');
      const joined = await customer.join(peer?.address ?? '', await till.invitePin());
      assert.equal(joined.role, 'client');
      assert.equal(joined.ssid, group.ssid);
      await until('the host knows', () => till.clients().length === 1, patienceMs);
      await customer.leave();
      assert.equal(customer.group(), undefined);
      await until('the host knows that it left', () => till.clients().length === 0, patienceMs);
    },
  },
  {
    name: 'R17 a wrong PIN lets nobody in',
    needs: ['radio'],
    run: async ({ open, patienceMs }) => {
      const [till, customer] = [await open('till'), await open('customer')];
      await till.host({ frequencyMhz });
      await customer.find();
      await until('it is found', () => customer.peers().some(({ name }) => name === 'till'), patienceMs);
      const address = customer.peers().find(({ name }) => name === 'till')?.address ?? '';
      const wrong = (await till.invitePin()) === wps.right ? '01234565' : wps.right;
      await assert.rejects(customer.join(address, wrong, { timeoutMs: patienceMs }), {
        name: 'WifiDirectError',
      });
      assert.deepEqual(till.clients(), []);
      assert.equal(customer.group(), undefined);
    },
  },
  {
    name: 'a persistent group is joined again without a PIN',
    needs: ['radio'],
    run: async ({ open, patienceMs }) => {
      const [till, customer] = [await open('till'), await open('customer')];
      await till.host({ frequencyMhz, isPersistent: true });
      await customer.find();
      await until('it is found', () => customer.peers().some(({ name }) => name === 'till'), patienceMs);
      const address = customer.peers().find(({ name }) => name === 'till')?.address ?? '';
      await customer.join(address, await till.invitePin(), { isPersistent: true });
      await customer.leave();
      const [stored] = await customer.storedGroups();
      assert.ok(stored !== undefined, 'it is not kept');
      const method = { by: 'stored_group', storedGroupId: stored.id } as const;
      const again = await customer.join(address, method, { timeoutMs: patienceMs });
      assert.equal(again.role, 'client');
      await customer.leave();
      await customer.forgetStoredGroup(stored.id);
      await till.leave();
      for (const { id } of await till.storedGroups()) await till.forgetStoredGroup(id);
    },
  },
  {
    name: 'a join that nobody answers is given up by its signal, and becomes no group later',
    needs: ['radio'],
    run: async ({ open }) => {
      const customer = await open('customer');
      const signal = AbortSignal.timeout(300);
      await assert.rejects(customer.join('42:00:00:00:99:00', wps.right, { signal }), { code: 'aborted' });
      assert.equal(customer.group(), undefined);
    },
  },
  {
    name: 'services of both kinds are found without a connection, each once, and not once they are withdrawn',
    needs: ['radio'],
    run: async ({ open, patienceMs }) => {
      const [till, customer] = [await open('till'), await open('customer')];
      const service = { type: '_tikipay._tcp', instance: 'Till 1 كشك' } as const;
      const name = 'uuid:6859dede-8574-59ab-9332-123456789012::urn:schemas-upnp-org:device:Till:1';
      await till.host({ frequencyMhz });
      await till.advertise(service, { v: '1' });
      await till.advertiseUpnp(name);
      const within = (ms: number): CallOptions => ({ signal: AbortSignal.timeout(ms) });
      const found = await firstOf(customer.services('_tikipay._tcp', within(patienceMs)));
      assert.equal(found?.instance, service.instance);
      const foundUpnp = await firstOf(customer.upnpServices('ssdp:all', within(patienceMs)));
      assert.equal(foundUpnp?.name, name);
      assert.equal(found?.address, foundUpnp?.address);
      await till.withdraw(service);
      await till.withdrawUpnp(name);
      const [none, noneUpnp] = await Promise.all([
        firstOf(customer.services('_tikipay._tcp', within(patienceMs / 4))),
        firstOf(customer.upnpServices('ssdp:all', within(patienceMs / 4))),
      ]);
      assert.deepEqual([none, noneUpnp], [undefined, undefined]);
    },
  },
  {
    name: 'a phone joins by name and passphrase, is sent away, comes back by itself, and leaves',
    needs: ['radio', 'phone'],
    run: async ({ open, phone: newPhone, patienceMs }) => {
      const [till, phone] = [await open('till'), newPhone()];
      const heard: string[] = [];
      till.on('client_joined', ({ type }) => heard.push(type));
      till.on('client_left', ({ type }) => heard.push(type));
      const { ssid } = await till.host({ frequencyMhz, passphrase });
      await phone.knows(ssid, passphrase);
      await until('it is in', () => till.clients().length === 1, patienceMs);
      const [address = ''] = till.clients();
      await till.removeClient(address);
      await until('it is back', () => heard.length === 3, patienceMs);
      assert.deepEqual(heard, ['client_joined', 'client_left', 'client_joined']);
      await phone.forget();
      await until('it has left', () => till.clients().length === 0, patienceMs);
      await assert.rejects(till.removeClient(address), { code: 'client_unknown' });
    },
  },
  {
    name: 'a wrong passphrase lets nobody in, and is told',
    needs: ['radio', 'phone'],
    run: async ({ open, phone: newPhone, patienceMs }) => {
      const [till, phone] = [await open('till'), newPhone()];
      let told = 0;
      till.on('wrong_passphrase', () => (told += 1));
      const { ssid } = await till.host({ frequencyMhz, passphrase });
      await phone.knows(ssid, 'somebody else’s passphrase'.replace('’', '_'));
      await until('it is told', () => told > 0, patienceMs);
      assert.deepEqual(till.clients(), []);
      await phone.forget();
    },
  },
  {
    name: 'a plain access point serves phones as a group does, and ends',
    needs: ['radio', 'phone'],
    run: async ({ open, phone: newPhone, patienceMs }) => {
      const [till, phone] = [await open('till'), newPhone()];
      const group = await till.hostAccessPoint({ ssid: 'Till 1 كشك', passphrase, frequencyMhz });
      assert.equal(group.role, 'access_point');
      assert.deepEqual(await till.credentials(), { ssid: 'Till 1 كشك', passphrase });
      await assert.rejects(till.host(), { code: 'already_in_group' });
      await phone.knows(group.ssid, passphrase);
      await until('it is in', () => till.clients().length === 1, patienceMs);
      await till.leave();
      assert.equal(till.group(), undefined);
      assert.deepEqual(till.clients(), []);
      await phone.forget();
      await till.host({ frequencyMhz });
    },
  },
  {
    name: 'R12 a group is gone with its supplicant, can be hosted again as it was, and phones come back by themselves',
    needs: ['radio', 'phone', 'restart'],
    run: async ({ open, phone: newPhone, killSupplicant, startSupplicant, patienceMs }) => {
      const [till, phone] = [await open('till'), newPhone()];
      const ssid = 'DIRECT-r2-Till1';
      let isBack = false;
      till.on('supplicant_back', () => (isBack = true));
      await till.host({ ssid, passphrase, frequencyMhz });
      await phone.knows(ssid, passphrase);
      await until('it is in', () => till.clients().length === 1, patienceMs);
      await killSupplicant();
      await until('the group is gone', () => till.group() === undefined, patienceMs);
      await startSupplicant();
      await until('the supplicant is back', () => isBack, patienceMs);
      await till.host({ ssid, passphrase, frequencyMhz });
      await until('the phone is back', () => till.clients().length === 1, 2 * patienceMs);
      await phone.forget();
    },
  },
  {
    name: 'R18 a radio that is switched off ends the group and says so, and hosts again once it is on',
    needs: ['radio', 'switch'],
    run: async ({ open, switchRadio, patienceMs }) => {
      const till = await open('till');
      let reason: string | undefined;
      till.on('group_removed', (event) => (reason = event.reason));
      await till.host({ frequencyMhz });
      await switchRadio('off');
      try {
        await until('the group is gone', () => till.group() === undefined, patienceMs);
        assert.equal(reason, 'UNAVAILABLE');
      } finally {
        await switchRadio('on');
      }
      await untilDone('it hosts again', () => till.host({ frequencyMhz, timeoutMs: 5_000 }), patienceMs);
    },
  },
];

async function collect(events: AsyncIterable<RadioEvent>): Promise<readonly RadioEvent[]> {
  const all: RadioEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

async function firstOf<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item;
  return undefined;
}

/** A process that stood still for its whole patience has not looked: it looks so often in any case. */
const LEAST_LOOKS = 50;

async function until(what: string, isSo: () => boolean, timeoutMs: number): Promise<void> {
  const startedAt = performance.now();
  for (let looks = 1; !isSo(); looks += 1) {
    if (looks >= LEAST_LOOKS && performance.now() - startedAt > timeoutMs)
      assert.fail(`not in time: ${what}`);
    await sleep(10);
  }
}

/** What may be refused for a while: a radio that was just switched on is not there at once. */
async function untilDone(what: string, attempt: () => Promise<unknown>, timeoutMs: number): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() - startedAt > timeoutMs) assert.fail(`${what}: ${String(error)}`);
      await sleep(100);
    }
  }
}
