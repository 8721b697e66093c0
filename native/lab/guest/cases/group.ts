// Groups between devices that know Wi-Fi Direct.

import assert from 'node:assert/strict';
import { nextEvent, withRadio, type LabCase } from '../stage.ts';
import { until } from '../until.ts';

export const groupCases: readonly LabCase[] = [
  {
    name: 'a group of its own is found by name and joined by PIN',
    run: async ({ kiosk, phones: [phone] }) =>
      withRadio(kiosk, async (till) =>
        withRadio(phone, async (customer) => {
          const group = await till.host({ frequencyMhz: 2412, ssidPostfix: '-Till1' });
          assert.match(group.ssid, /^DIRECT-..-Till1$/);
          assert.equal(group.role, 'group_owner');
          await customer.find();
          await until(
            'the kiosk is found',
            () => customer.peers().some(({ name }) => name === 'kiosk'),
            30_000,
          );
          const peer = customer.peers().find(({ name }) => name === 'kiosk');
          assert.equal(peer?.isGroupOwner, true);
          const joined = await customer.join(peer?.address ?? '', await till.invitePin());
          assert.equal(joined.role, 'client');
          assert.equal(joined.ssid, group.ssid);
          await until('the kiosk knows of its client', () => till.clients().length === 1);
          await customer.leave();
          await until('the kiosk knows that it left', () => till.clients().length === 0);
        }),
      ),
  },
  {
    name: 'R17 a wrong PIN lets nobody in',
    run: async ({ kiosk, phones: [phone] }) =>
      withRadio(kiosk, async (till) =>
        withRadio(phone, async (customer) => {
          await till.host({ frequencyMhz: 2412 });
          await customer.find();
          await until(
            'the kiosk is found',
            () => customer.peers().some(({ name }) => name === 'kiosk'),
            30_000,
          );
          const peer = customer.peers().find(({ name }) => name === 'kiosk');
          const right = await till.invitePin();
          const wrong = right === '12345670' ? '01234565' : '12345670';
          await assert.rejects(customer.join(peer?.address ?? '', wrong, { timeoutMs: 30_000 }), {
            name: 'WifiDirectError',
          });
          assert.deepEqual(till.clients(), []);
          assert.equal(customer.group(), undefined);
        }),
      ),
  },
  {
    name: 'an ended group is told, and another can be hosted at once',
    run: async ({ kiosk }) =>
      withRadio(kiosk, async (till) => {
        const first = await till.host({ frequencyMhz: 2412 });
        const removed = nextEvent(till, 'group_removed', 10_000);
        await till.leave();
        assert.equal((await removed).interfaceName, first.interfaceName);
        assert.equal(till.group(), undefined);
        const { ssid } = await till.host({ frequencyMhz: 2437 });
        assert.notEqual(ssid, '');
      }),
  },
  {
    name: 'R14 every new group has another passphrase of 16 characters',
    run: async ({ kiosk }) =>
      withRadio(kiosk, async (till) => {
        const passphrases = new Set<string>();
        for (let shift = 0; shift < 3; shift += 1) {
          await till.host({ frequencyMhz: 2412 });
          const { passphrase } = await till.credentials();
          assert.ok(passphrase.length >= 16, 'too short');
          passphrases.add(passphrase);
          await till.leave();
        }
        assert.equal(passphrases.size, 3);
      }),
  },
  {
    name: 'a search that is given up ends, and a join that nobody answers too',
    run: async ({ phones: [phone] }) =>
      withRadio(phone, async (customer) => {
        await customer.find();
        await customer.stopFinding();
        const signal = AbortSignal.timeout(1_500);
        await assert.rejects(customer.join('42:00:00:00:99:00', '12345670', { signal }), { code: 'aborted' });
        assert.equal(customer.group(), undefined);
      }),
  },
  {
    name: 'a group is hosted again with the same name and passphrase, and phones come back by themselves',
    run: async ({ kiosk, phones: [phone] }) =>
      withRadio(kiosk, async (till) => {
        await till.host({ frequencyMhz: 2412, isPersistent: true });
        const before = await till.credentials();
        await phone.join(before.ssid, before.passphrase);
        await till.leave();
        const stored = (await till.storedGroups()).find(({ ssid }) => ssid === before.ssid);
        assert.ok(stored !== undefined, 'the group is not stored');
        await until('the phone has lost it', async () => (await phone.state()) !== 'COMPLETED');
        const again = await till.host({ storedGroupId: stored.id, frequencyMhz: 2412 });
        assert.equal(again.isPersistent, true);
        assert.deepEqual(await till.credentials(), before);
        await until('the phone is back', async () => (await phone.state()) === 'COMPLETED', 40_000);
        await phone.forget();
        await till.leave();
        await till.forgetStoredGroup(stored.id);
        assert.ok(!(await till.storedGroups()).some(({ id }) => id === stored.id));
        await assert.rejects(till.forgetStoredGroup(stored.id), { code: 'group_unknown' });
      }),
  },
  {
    name: 'a service is found without a connection, and not any more once it is withdrawn',
    run: async ({ kiosk, phones: [phone] }) =>
      withRadio(kiosk, async (till) =>
        withRadio(phone, async (customer) => {
          const service = { type: '_tikipay._tcp', instance: 'Till 1 كشك' } as const;
          await till.host({ frequencyMhz: 2412 });
          await till.advertise(service, { v: '1' });
          const found = await firstOf(
            customer.services('_tikipay._tcp', { signal: AbortSignal.timeout(40_000) }),
          );
          assert.equal(found?.instance, service.instance);
          assert.equal(found?.type, service.type);
          await till.withdraw(service);
          const none = await firstOf(
            customer.services('_tikipay._tcp', { signal: AbortSignal.timeout(8_000) }),
          );
          assert.equal(none, undefined);
        }),
      ),
  },
];

async function firstOf<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item;
  return undefined;
}
