// What goes wrong in a shop: a supplicant that dies, a radio that is switched off or pulled out.

import assert from 'node:assert/strict';
import type { Radio } from '../../../src/index.ts';
import { nextEvent, withRadio, type LabCase } from '../stage.ts';
import { until } from '../until.ts';

export const troubleCases: readonly LabCase[] = [
  {
    name: 'R12 a supplicant that is killed and started again is found again within 10 s',
    run: async ({ kiosk }, { step, figure }) =>
      withRadio(kiosk, async (till) => {
        await till.host({ frequencyMhz: 2412 });
        step('it is killed');
        const lost = nextEvent(till, 'supplicant_lost', 10_000);
        await kiosk.kill();
        await lost;
        assert.equal(till.group(), undefined);
        await assert.rejects(till.host({ timeoutMs: 2_000 }), { code: 'supplicant_unreachable' });
        step('it is started again');
        const back = nextEvent(till, 'supplicant_back', 10_000);
        await kiosk.start();
        const startedAt = performance.now();
        await back;
        await till.host({ frequencyMhz: 2412 });
        figure('from its answer to a new group', performance.now() - startedAt);
      }),
  },
  {
    name: 'R18 a radio that is switched off ends the group and says so, and hosts again once it is on',
    run: async ({ kiosk }, { step, figure }) => {
      await withRadio(kiosk, async (till) => {
        await till.host({ frequencyMhz: 2412 });
        step('rfkill');
        const removed = nextEvent(till, 'group_removed', 15_000);
        await kiosk.switchRadio('off');
        await removed;
        await assert.rejects(till.host({ timeoutMs: 5_000 }), { name: 'WifiDirectError' });
        step('the switch is on again');
        await kiosk.switchRadio('on');
        figure('from the switch to a new group', await hostAsSoonAsPossible(till));
      });
      // Groups stand again; its P2P device stays deaf to searches until the supplicant (2.10) starts anew.
      await kiosk.restore();
    },
  },
  {
    name: 'R18 a radio that is pulled out ends the group and says so, and hosts again once it is back',
    run: async ({ kiosk, phones: [phone] }, { step, figure }) => {
      await withRadio(kiosk, async (till) => {
        await till.host({ frequencyMhz: 2412 });
        const { ssid, passphrase } = await till.credentials();
        await phone.join(ssid, passphrase);
        step('it is pulled out');
        const ended = Promise.any([
          nextEvent(till, 'group_removed', 20_000),
          nextEvent(till, 'supplicant_lost', 20_000),
        ]);
        await kiosk.unplugRadio();
        await ended;
        await until('the phone has lost it', async () => (await phone.state()) !== 'COMPLETED');
        await assert.rejects(till.host({ timeoutMs: 5_000 }), { name: 'WifiDirectError' });
        step('it is plugged in, and its supplicant started, as systems do');
        await kiosk.kill();
        await kiosk.plugInRadio();
        await kiosk.start();
        figure('from the plug to a new group', await hostAsSoonAsPossible(till));
        const fresh = await till.credentials();
        await phone.join(fresh.ssid, fresh.passphrase);
        await phone.forget();
      });
    },
  },
];

/** @returns how long it took, in milliseconds. */
async function hostAsSoonAsPossible(till: Radio): Promise<number> {
  const startedAt = performance.now();
  await until(
    'it hosts again',
    async () =>
      (await till.host({ frequencyMhz: 2412, timeoutMs: 5_000 }).catch(() => undefined)) !== undefined,
    40_000,
  );
  return performance.now() - startedAt;
}
