/** Batches while a migration changes tables under the statements that connections keep. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ maxConnections: 3 });
});
afterAll(() => server.close());

const CHANGES = [
  ['a column is added', 'alter table kiosk_enrolments add column later text not null default $$x$$'],
  [
    'a column that is read becomes of another type',
    'alter table merchants alter column business_name type varchar(400)',
  ],
  [
    'a column that is written becomes of another type',
    'alter table settlement_batches alter column from_sequence type bigint',
  ],
  [
    'a column of the ground becomes of another type',
    'alter table allowances alter column currency type varchar(9)',
  ],
] as const;

test.for(CHANGES)('every batch is taken at once after %s', async ([, change]) => {
  const merchant = await server.register('merchant');
  const kiosks = [await SimulatedKiosk.open(server, merchant), await SimulatedKiosk.open(server, merchant)];
  const wallet = await (await SimulatedPhone.withMoney(server, 10_000n)).load(5_000n);
  const settle = async () => {
    for (let turn = 0; turn < 6; turn += 1)
      for (const kiosk of kiosks) {
        kiosk.sell(wallet, 10n);
        expect((await kiosk.settle()).at(-1)).toBe('settled');
      }
  };
  await settle();
  await server.database.owner.unsafe(change);
  await settle();
  expect(await kiosks[0]?.availableMinor()).toBe(240n);
});
