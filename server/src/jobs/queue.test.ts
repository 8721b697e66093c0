import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { makeBoss, QUEUE_SCHEMA, startQueue } from './queue.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.close();
});

test('a job whose worker was killed comes again', async () => {
  const { worker: db, log } = server.context;
  const { owner } = server.database;
  const queue = await startQueue(db, log);
  const deliveryId = randomUUID();
  await db.transaction((tx) => queue.enqueueWebhooks(tx, [{ id: deliveryId, merchantId: randomUUID() }]));
  await queue.stop();
  await owner`
    update ${owner(`${QUEUE_SCHEMA}.job`)} set state = 'active', started_on = now() - interval '1 hour'
    where data->>'deliveryId' = ${deliveryId}`;
  const failures: unknown[] = [];
  const boss = makeBoss(db, log);
  boss.on('error', (error) => failures.push(error));
  await boss.start();
  try {
    await boss.supervise('webhooks');
    const rows = await owner<{ state: string }[]>`
      select state::text from ${owner(`${QUEUE_SCHEMA}.job`)} where data->>'deliveryId' = ${deliveryId}`;
    expect({ states: rows.map(({ state }) => state), failures }).toEqual({ states: ['retry'], failures: [] });
  } finally {
    await boss.stop({ graceful: false });
  }
});
