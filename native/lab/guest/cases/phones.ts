// What customers' phones do: join as ordinary clients by the name and the passphrase of the kiosk's code.

import assert from 'node:assert/strict';
import { nextEvent, withRadio, type LabCase } from '../stage.ts';
import { until } from '../until.ts';

export const phoneCases: readonly LabCase[] = [
  {
    name: 'a phone joins by name and passphrase, and reaches the kiosk',
    run: async ({ kiosk, phones: [phone] }) =>
      withRadio(kiosk, async (till) => {
        const group = await till.host({ frequencyMhz: 2412 });
        const { ssid, passphrase } = await till.credentials();
        kiosk.exec('ip', 'addr', 'add', '192.168.49.1/24', 'dev', group.interfaceName);
        const joined = nextEvent(till, 'client_joined', 30_000);
        await phone.join(ssid, passphrase);
        await joined;
        phone.takeAddress('192.168.49.11/24');
        assert.ok(phone.canReach('192.168.49.1'), 'no way to the kiosk');
        const left = nextEvent(till, 'client_left', 15_000);
        await phone.forget();
        await left;
      }),
  },
  {
    name: 'three phones at once; R15 they cannot reach each other',
    run: async ({ kiosk, phones }) =>
      withRadio(kiosk, async (till) => {
        const group = await till.host({ frequencyMhz: 2412 });
        const { ssid, passphrase } = await till.credentials();
        kiosk.exec('ip', 'addr', 'add', '192.168.49.1/24', 'dev', group.interfaceName);
        await Promise.all(phones.map((phone) => phone.join(ssid, passphrase)));
        await until('all are known', () => till.clients().length === 3);
        phones.forEach((phone, at) => phone.takeAddress(`192.168.49.${String(11 + at)}/24`));
        for (const phone of phones)
          assert.ok(phone.canReach('192.168.49.1'), `${phone.name}: no way to the kiosk`);
        assert.equal(phones[0].canReach('192.168.49.12'), false, 'phones reach each other');
        await Promise.all(phones.map((phone) => phone.forget()));
        await until('all have left', () => till.clients().length === 0);
      }),
  },
  {
    name: 'a wrong passphrase lets nobody in, and is told',
    run: async ({ kiosk, phones: [phone] }) =>
      withRadio(kiosk, async (till) => {
        await till.host({ frequencyMhz: 2412 });
        const { ssid, passphrase } = await till.credentials();
        const told = nextEvent(till, 'wrong_passphrase', 40_000);
        await phone.knows(ssid, passphrase.split('').toReversed().join(''));
        await told;
        assert.deepEqual(till.clients(), []);
        // Mistyped once, known now.
        await phone.join(ssid, passphrase);
        await until('it is in', () => till.clients().length === 1);
        await phone.forget();
      }),
  },
  {
    name: 'a phone that walks away comes back by itself',
    run: async ({ kiosk, phones: [phone] }) =>
      withRadio(kiosk, async (till) => {
        await till.host({ frequencyMhz: 2412 });
        const { ssid, passphrase } = await till.credentials();
        await phone.join(ssid, passphrase);
        // Out of reach is out of power as far as the kiosk can tell.
        phone.exec('ip', 'link', 'set', phone.interfaceName, 'down');
        await until('it is gone', async () => (await phone.state()) !== 'COMPLETED');
        phone.exec('ip', 'link', 'set', phone.interfaceName, 'up');
        await until('it is back', async () => (await phone.state()) === 'COMPLETED', 40_000);
        await until('the kiosk knows', () => till.clients().length === 1);
        await phone.forget();
      }),
  },
];
