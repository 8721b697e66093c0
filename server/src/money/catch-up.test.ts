/** Events whose delivery was lost, found by asking. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { catchUpWithEvents } from './catch-up.ts';
import type { MoneyEvent, MoneyPort } from './port.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const catchUp = (money: Partial<MoneyPort>) =>
  catchUpWithEvents({ ...server.background, money: { ...server.context.money, ...money } });
const named = (eventId: string) => ({ eventId, eventType: 'test' });
const isRecorded = async (eventId: string) =>
  (await server.database.owner`select 1 from provider_events where id = ${eventId}`).length === 1;

test('one that cannot be handled keeps none of the others waiting, and is tried again', async () => {
  const refund = {
    kind: 'payment_refunded',
    paymentId: 'pi_1',
    currency: 'SGD',
    refunds: [],
  } as const;
  const [stuck, other] = [`evt_${randomUUID()}`, `evt_${randomUUID()}`];
  const events: MoneyEvent[] = [
    { ...refund, ...named(stuck) },
    { kind: 'other', ...named(other) },
  ];
  const eventsSince = async () => events;
  const failing = async () => {
    throw new Error('something that nobody thought of');
  };
  expect(await catchUp({ eventsSince, askAboutPayment: failing })).toBe(1);
  expect([await isRecorded(stuck), await isRecorded(other)]).toEqual([false, true]);
  expect(await catchUp({ eventsSince, askAboutPayment: async () => null })).toBe(1);
  expect(await isRecorded(stuck)).toBe(true);
});

test('a month of many events is asked about in one go', async () => {
  await server.database.owner`
    insert into provider_events (id, type, outcome, received_at)
    select 'evt_many_' || n, 'test', 'nothing_to_do', now() from generate_series(1, 70000) n`;
  const events = Array.from(
    { length: 70_000 },
    (_, n): MoneyEvent => ({ kind: 'other', ...named(`evt_many_${n + 1}`) }),
  );
  expect(await catchUp({ eventsSince: async () => events })).toBe(0);
});
