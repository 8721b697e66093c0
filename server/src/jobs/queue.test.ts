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

test('what died is driven back by the queue’s own means: it comes once more, in its merchant’s turn, and is told once', async () => {
  const { worker: db, log } = server.context;
  const { owner } = server.database;
  const queue = await startQueue(db, log);
  const boss = makeBoss(db, log);
  await boss.start();
  const [deliveryId, merchantId] = [randomUUID(), randomUUID()];
  const jobs = () => owner<{ name: string; state: string; merchant: string | null }[]>`
    select name, state::text, group_id as merchant from ${owner(`${QUEUE_SCHEMA}.job`)}
    where data->>'deliveryId' = ${deliveryId} order by name, state`;
  try {
    await db.transaction((tx) => queue.enqueueWebhooks(tx, [{ id: deliveryId, merchantId }]));
    await owner`update ${owner(`${QUEUE_SCHEMA}.job`)} set retry_limit = 0 where data->>'deliveryId' = ${deliveryId}`;
    const [job] = await boss.fetch('webhooks');
    await boss.fail('webhooks', job?.id ?? '');
    expect(await jobs()).toEqual([
      { name: 'webhooks', state: 'failed', merchant: merchantId },
      { name: 'webhooks.dead', state: 'created', merchant: merchantId },
    ]);
    expect(await boss.redrive('webhooks.dead')).toBe(1);
    const [again] = await boss.fetch<{ deliveryId: string }>('webhooks');
    expect(again?.data).toEqual({ deliveryId });
    await boss.complete('webhooks', again?.id ?? '');
    expect(await jobs()).toEqual([
      { name: 'webhooks', state: 'completed', merchant: merchantId },
      { name: 'webhooks', state: 'failed', merchant: merchantId },
    ]);
    expect(await boss.redrive('webhooks.dead')).toBe(0);
  } finally {
    await boss.stop({ graceful: false });
    await queue.stop();
  }
});
