// What customers' phones do: join as ordinary clients by the name and the passphrase of the kiosk's code.

import assert from 'node:assert/strict';
import { nextEvent, withRadio, type LabCase } from '../stage.ts';
import { until } from '../until.ts';

const KIOSK_ADDRESS = '192.168.49.1';

export const phoneCases: readonly LabCase[] = [
  {
    name: 'a phone joins by name and passphrase, and reaches the kiosk',
    run: async ({ kiosk, phones: [phone] }, { step, figure }) =>
      withRadio(kiosk, async (till) => {
        step('the kiosk hosts');
        const group = await till.host({ frequencyMhz: 2412 });
        const { ssid, passphrase } = await till.credentials();
        await kiosk.exec('ip', 'addr', 'add', `${KIOSK_ADDRESS}/24`, 'dev', group.interfaceName);
        step('the phone joins');
        const joined = nextEvent(till, 'client_joined', 30_000);
        const startedAt = performance.now();
        await phone.join(ssid, passphrase);
        figure('join by passphrase', performance.now() - startedAt);
        await joined;
        step('the phone reaches the kiosk');
        await phone.takeAddress('192.168.49.11/24');
        assert.ok(await phone.canReach(KIOSK_ADDRESS), 'no way to the kiosk');
        step('the phone leaves');
        const left = nextEvent(till, 'client_left', 15_000);
        await phone.forget();
        await left;
      }),
  },
  {
    name: 'four phones at once; R15 they cannot reach each other',
    run: async ({ kiosk, phones }, { step }) =>
      withRadio(kiosk, async (till) => {
        const group = await till.host({ frequencyMhz: 2412 });
        const { ssid, passphrase } = await till.credentials();
        await kiosk.exec('ip', 'addr', 'add', `${KIOSK_ADDRESS}/24`, 'dev', group.interfaceName);
        step('all join');
        await Promise.all(phones.map(async (phone) => phone.join(ssid, passphrase)));
        await until('all are known', () => till.clients().length === phones.length);
        step('all reach the kiosk');
        for (const [at, phone] of phones.entries()) {
          await phone.takeAddress(`192.168.49.${String(11 + at)}/24`);
          assert.ok(await phone.canReach(KIOSK_ADDRESS), `${phone.name}: no way to the kiosk`);
        }
        step('none reaches another');
        assert.equal(await phones[0].canReach('192.168.49.12'), false, 'phones reach each other');
        assert.equal(await phones[3].canReach('192.168.49.11'), false, 'phones reach each other');
        step('all leave');
        await Promise.all(phones.map(async (phone) => phone.forget()));
        await until('all have left', () => till.clients().length === 0);
      }),
  },
  {
    name: 'a wrong passphrase lets nobody in, and is told',
    run: async ({ kiosk, phones: [phone] }, { step }) =>
      withRadio(kiosk, async (till) => {
        await till.host({ frequencyMhz: 2412 });
        const { ssid, passphrase } = await till.credentials();
        step('mistyped');
        const told = nextEvent(till, 'wrong_passphrase', 40_000);
        await phone.knows(ssid, passphrase.split('').toReversed().join(''));
        await told;
        assert.deepEqual(till.clients(), []);
        step('typed right');
        await phone.join(ssid, passphrase);
        await until('it is in', () => till.clients().length === 1);
        await phone.forget();
      }),
  },
  {
    name: 'R14 after the passphrase was rotated, the old one lets nobody in and the new one does',
    run: async ({ kiosk, phones: [phone, another] }, { step }) =>
      withRadio(kiosk, async (till) => {
        step('the old shift');
        await till.host({ frequencyMhz: 2412, ssidPostfix: '-Till1' });
        const old = await till.credentials();
        await phone.join(old.ssid, old.passphrase);
        step('the new shift');
        await till.leave();
        await till.host({ frequencyMhz: 2412, ssidPostfix: '-Till1' });
        const fresh = await till.credentials();
        assert.notEqual(fresh.passphrase, old.passphrase);
        step('the new passphrase');
        await another.join(fresh.ssid, fresh.passphrase);
        await until('it is in', () => till.clients().length === 1);
        step('the old passphrase');
        // Under the new name: what may change with the group must not be all that keeps it out.
        const refused = nextEvent(till, 'wrong_passphrase', 40_000);
        await phone.knows(fresh.ssid, old.passphrase);
        await refused;
        assert.equal(till.clients().length, 1);
        await phone.forget();
        await another.forget();
      }),
  },
  {
    name: 'a phone that walks away comes back by itself',
    run: async ({ kiosk, phones: [phone] }, { step }) =>
      withRadio(kiosk, async (till) => {
        await till.host({ frequencyMhz: 2412 });
        const { ssid, passphrase } = await till.credentials();
        await phone.join(ssid, passphrase);
        step('it walks away');
        // Out of reach is out of power as far as the kiosk can tell.
        await phone.exec('ip', 'link', 'set', phone.interfaceName, 'down');
        await until('it is gone', async () => (await phone.state()) !== 'COMPLETED');
        step('it returns');
        await phone.exec('ip', 'link', 'set', phone.interfaceName, 'up');
        await until('it is back', async () => (await phone.state()) === 'COMPLETED', 40_000);
        await until('the kiosk knows', () => till.clients().length === 1);
        await phone.forget();
      }),
  },
];
