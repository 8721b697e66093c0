/** What happens to a withdrawal between two of its own steps. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Withdrawal } from '../../../contract/index.ts';
import { type Person, startTestServer, type TestServer } from '../../../test/test-server.ts';
import { problem } from '../../http/problem.ts';
import { handleMoneyEvent } from '../events.ts';
import type { MoneyPort } from '../port.ts';
import { advanceWithdrawals } from './advance.ts';
import { requestWithdrawal } from './request.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ maxConnections: 16, env: { TIKI_FRESH_WITHDRAWAL_MINOR: '1000000' } });
  server.stripe.bank.knobs.settleAfterMs = 0;
});
afterEach(() => {
  Object.assign(server.stripe.webhooks.faults, { dropNext: 0 });
  Object.assign(server.stripe.faults.knobs, { loseAnswersNext: 0 });
});
afterAll(() => server.close());

const advance = (money: Partial<MoneyPort> = {}) =>
  advanceWithdrawals({ ...server.background, money: { ...server.context.money, ...money } });

async function customer(): Promise<Person> {
  const person = await server.customerWith(10_000n);
  await server.linkBank(person);
  return person;
}

async function confirmed(): Promise<{ person: Person; id: string }> {
  const person = await customer();
  const { token } = person;
  const body = { amountMinor: '1000', feeMinor: '50' };
  const { id } = await server.expect(Withdrawal, '/v1/withdrawals', { body, token, key: randomUUID() });
  const code = server.codeFor(person.phone);
  await server.expect(Withdrawal, `/v1/withdrawals/${id}/confirm`, { body: { code }, token });
  return { person, id };
}

async function rowOf(id: string) {
  const [row] = await server.database.owner`
    select state, payout_id, next_step_at from withdrawals where id = ${id}`;
  return row;
}

const orderOf = ({ session }: Person) => ({
  pocket: { userId: session.user.id, kind: 'user_online', ownerId: session.user.id } as const,
  amountMinor: 1_000n,
  feeMinor: 50n,
  key: randomUUID(),
  address: '192.0.2.1',
});

const needsOf = ({ session }: Person) => ({
  ...server.context,
  db: server.context.dbOf({ userId: session.user.id, merchantId: null }),
});

test('an order whose outcome a webhook tells while it is asked about is not given again', async () => {
  const { id } = await confirmed();
  Object.assign(server.stripe.faults.knobs, { loseAnswersNext: 3 });
  Object.assign(server.stripe.webhooks.faults, { dropNext: 1 });
  await advance();
  expect((await rowOf(id))?.state).toBe('requested');
  server.clock.advance(60_000);
  let given = 0;
  await advance({
    findFacts: async (order) => {
      const facts = await server.context.money.findFacts(order);
      for (const fact of facts)
        await handleMoneyEvent(server.background, {
          kind: 'withdrawal_fact',
          withdrawalId: id,
          fact,
          eventId: randomUUID(),
          eventType: 'test',
        });
      return facts;
    },
    sendToAccount: (order) => {
      given += 1;
      return server.context.money.sendToAccount(order);
    },
  });
  expect([given, (await rowOf(id))?.state]).toEqual([0, 'paying']);
});

test('a failure that comes while a paid one is looked at for the last time is not forgotten', async () => {
  const { id } = await confirmed();
  for (let round = 0; round < 3; round += 1) {
    await advance();
    await server.stripe.bank.settleDue();
    server.clock.advance(5_000);
  }
  expect((await rowOf(id))?.state).toBe('paid');
  server.clock.advance(11 * 24 * 3_600_000);
  await advance({
    findFacts: async () => {
      await server.stripe.bank.failPayout((await rowOf(id))?.payout_id, 'account_closed');
      return [];
    },
  });
  const row = await rowOf(id);
  expect(row?.state).toBe('returning');
  expect(row?.next_step_at).not.toBeNull();
});

test('a repeat answers what was ordered, also when rules and fees have changed since', async () => {
  const person = await customer();
  const { config } = server.context;
  const order = orderOf(person);
  const needs = needsOf(person);
  const first = await requestWithdrawal(needs, order);
  for (const rules of [{ feeFixedMinor: 60n }, { minMinor: 5_000n }]) {
    const money = { ...config.money, customer: { ...config.money.customer, ...rules } };
    const changed = { ...needs, config: { ...config, money } };
    expect((await requestWithdrawal(changed, order)).id).toBe(first.id);
    await expect(requestWithdrawal(changed, { ...order, key: randomUUID() })).rejects.toThrow();
  }
  await expect(requestWithdrawal(needs, { ...order, feeMinor: 60n })).rejects.toMatchObject({
    code: 'idempotency_key_reused',
  });
});

test('a code that was not sent because another one was just now does not count as sent', async () => {
  const person = await customer();
  const order = orderOf(person);
  const needs = needsOf(person);
  const { limits } = server.context;
  const busy = {
    ...limits,
    take: async (...[budget, key]: Parameters<typeof limits.take>) => {
      if (budget === 'step_up_sms_by_user') throw problem('rate_limited', { retryAfterMs: 100 });
      return limits.take(budget, key);
    },
  };
  await expect(requestWithdrawal({ ...needs, limits: busy }, order)).rejects.toMatchObject({
    code: 'rate_limited',
  });
  expect((await requestWithdrawal(needs, order)).code?.resendAfterMs).toBeGreaterThan(0);
});
