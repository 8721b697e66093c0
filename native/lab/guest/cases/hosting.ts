// What a kiosk hosts when it says everything itself: name, passphrase, and a plain access point without Wi-Fi Direct.

import assert from 'node:assert/strict';
import { nextEvent, withRadio, type LabCase } from '../stage.ts';
import { until } from '../until.ts';

const passphrase = 'correct "horse" \\ battery';

export const hostingCases: readonly LabCase[] = [
  {
    name: 'a group is hosted with a name and passphrase of its own, and again after its end',
    run: async ({ kiosk, phones: [phone] }, { step }) =>
      withRadio(kiosk, async (till) => {
        const ssid = 'DIRECT-q7-Till1';
        for (let round = 0; round < 2; round += 1) {
          step(round === 0 ? 'hosted' : 'hosted again');
          const group = await till.host({ ssid, passphrase, frequencyMhz: 2412 });
          assert.equal(group.ssid, ssid);
          assert.deepEqual(await till.credentials(), { ssid, passphrase });
          if (round === 0) await phone.knows(ssid, passphrase);
          await until('the phone is in', async () => (await phone.state()) === 'COMPLETED', 40_000);
          await until('the kiosk knows', () => till.clients().length === 1);
          await till.leave();
          await until('the phone has lost it', async () => (await phone.state()) !== 'COMPLETED');
        }
        assert.deepEqual(await till.storedGroups(), []);
        await phone.forget();
      }),
  },
  {
    name: 'a plain access point serves phones, keeps them apart, and sends one away',
    run: async ({ kiosk, phones }, { step }) =>
      withRadio(kiosk, async (till) => {
        const group = await till.hostAccessPoint({ ssid: 'Till 1 كشك', passphrase, frequencyMhz: 2412 });
        assert.equal(group.role, 'access_point');
        assert.equal(group.interfaceName, kiosk.interfaceName);
        assert.deepEqual(await till.credentials(), { ssid: group.ssid, passphrase });
        await kiosk.exec('ip', 'addr', 'add', '192.168.49.1/24', 'dev', group.interfaceName);
        const [first, second] = phones;
        await Promise.all([first.join(group.ssid, passphrase), second.join(group.ssid, passphrase)]);
        step('both are in');
        await until('both are known', () => till.clients().length === 2);
        await first.takeAddress('192.168.49.11/24');
        await second.takeAddress('192.168.49.12/24');
        assert.ok(await first.canReach('192.168.49.1'), 'no way to the kiosk');
        assert.equal(await first.canReach('192.168.49.12'), false, 'phones reach each other');
        step('one is sent away');
        const [someone = ''] = till.clients();
        const left = nextEvent(till, 'client_left', 15_000);
        await till.removeClient(someone);
        assert.equal((await left).address, someone);
        await Promise.all([first.forget(), second.forget()]);
        step('the access point ends, and a group takes its place');
        const removed = nextEvent(till, 'group_removed', 10_000);
        await till.leave();
        assert.equal((await removed).reason, 'REQUESTED');
        assert.equal(till.group(), undefined);
        await till.host({ frequencyMhz: 2412 });
        await kiosk.exec('ip', 'addr', 'flush', 'dev', kiosk.interfaceName);
      }),
  },
];
