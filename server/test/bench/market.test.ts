import { afterAll, beforeAll, expect, test } from 'vitest';
import { settleBatch, settleNeeds } from '../../src/settlement/settle.ts';
import { startTestServer, type TestServer } from '../test-server.ts';
import { addKiosks, addPhones, nextBatch } from './market.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

test('what benchmarks lay out settles as what the product makes does', async () => {
  const { context, database } = server;
  const cloud = { context, owner: database.owner };
  const phones = await addPhones(cloud, 3, 100n);
  const [shop] = await addKiosks(cloud, 1);
  if (shop === undefined) throw new Error('no kiosk');
  await settleBatch(settleNeeds(context), shop.kiosk, nextBatch(shop, phones));
  expect(await database.owner`select outcome, from_reserve_minor::int as minor from payments`).toEqual(
    phones.map(() => ({ outcome: 'settled', minor: 1 })),
  );
});
