// What goes wrong in a shop: a supplicant that dies, a radio that is switched off.

import assert from 'node:assert/strict';
import { nextEvent, withRadio, type LabCase } from '../stage.ts';

export const troubleCases: readonly LabCase[] = [
  {
    name: 'R12 a supplicant that is killed and started again is found again within 10 s',
    run: async ({ kiosk }) =>
      withRadio(kiosk, async (till) => {
        await till.host({ frequencyMhz: 2412 });
        const lost = nextEvent(till, 'supplicant_lost', 10_000);
        await kiosk.kill();
        await lost;
        assert.equal(till.group(), undefined);
        await assert.rejects(till.host({ timeoutMs: 2_000 }), { code: 'supplicant_unreachable' });
        const back = nextEvent(till, 'supplicant_back', 10_000);
        await kiosk.start();
        await back;
        await till.host({ frequencyMhz: 2412 });
      }),
  },
  {
    name: 'R18 a radio that is switched off ends the group and says so, and hosts again once it is on',
    run: async ({ kiosk }) =>
      withRadio(kiosk, async (till) => {
        await till.host({ frequencyMhz: 2412 });
        const removed = nextEvent(till, 'group_removed', 15_000);
        await kiosk.switchRadio('off');
        await removed;
        await assert.rejects(till.host({ timeoutMs: 5_000 }), { name: 'WifiDirectError' });
        await kiosk.switchRadio('on');
        const startedAt = performance.now();
        for (;;) {
          const hosted = await till.host({ frequencyMhz: 2412, timeoutMs: 5_000 }).catch(() => undefined);
          if (hosted !== undefined) break;
          assert.ok(performance.now() - startedAt < 30_000, 'it does not come back');
        }
      }),
  },
];
