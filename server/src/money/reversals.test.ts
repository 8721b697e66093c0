/** Refunds and disputes of top-ups: the money leaves the wallet of who topped up, or becomes that person's debt. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { HistoryItem, pageOf, TopUp, WalletView } from '../../contract/index.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { reconcile } from '../ledger/index.ts';
import { catchUpWithEvents } from './catch-up.ts';
import { reconcileProvider } from './reconcile-provider.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ maxConnections: 16 });
});
afterEach(() => {
  const calm = { copies: 1, loseNext: 0, delayMs: 0, dropNext: 0, reorderNext: 0 };
  Object.assign(server.stripe.webhooks.faults, calm);
});
afterAll(() => server.close());

const onlineOf = async ({ token }: Person) =>
  (await server.expect(WalletView, '/v1/wallet', { token })).onlineMinor;
const statusOf = async (person: Person, topUp: TopUp) => {
  const { token } = person;
  const { status, takenBackMinor } = await server.expect(TopUp, `/v1/topups/${topUp.id}`, { token });
  return `${status} ${takenBackMinor}`;
};
const kindsOf = async ({ token }: Person) =>
  (await server.expect(pageOf(HistoryItem), '/v1/history', { token })).items.map(({ kind }) => kind);
const debtOf = async ({ session }: Person) => {
  const [row] = await server.database.owner`
    select coalesce(sum(amount_minor - recovered_minor), 0)::text as owed from debts where user_id = ${session.user.id}`;
  return row?.owed;
};

async function paid(amountMinor: bigint): Promise<{ person: Person; topUp: TopUp; intent: string }> {
  const person = await server.register('customer');
  const topUp = await server.topUp(person, amountMinor);
  return { person, topUp, intent: await intentOf(topUp) };
}

/** The provider's name of the payment, asked of the provider. */
async function intentOf(topUp: TopUp): Promise<string> {
  const [row] = await server.database.owner`select checkout_id from top_ups where id = ${topUp.id}`;
  const event = await server.context.money.askAbout(row?.checkout_id);
  return event?.kind === 'checkout_paid' ? (event.paymentId ?? '') : '';
}

function order(path: string, body: Record<string, unknown>) {
  const headers = { 'content-type': 'application/json', authorization: 'Bearer sk_test_x' };
  return fetch(`${server.stripeOrigin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}
const dispute = async (intent: string, amount?: number): Promise<string> => {
  const answer = await order('/stand-in/disputes', { payment_intent: intent, amount });
  const made: unknown = await answer.json();
  return typeof made === 'object' && made !== null && 'id' in made ? String(made.id) : '';
};
const close = (id: string, status: 'won' | 'lost') => order(`/stand-in/disputes/${id}/close`, { status });
const refund = (intent: string, amount?: number) =>
  fetch(`${server.stripeOrigin}/v1/refunds`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_x' },
    body: new URLSearchParams({
      payment_intent: intent,
      ...(amount === undefined ? {} : { amount: String(amount) }),
    }),
  });
const send = (from: Person, to: Person, amountMinor: string) =>
  server.call('/v1/transfers', {
    body: { phone: to.phone, amountMinor },
    token: from.token,
    key: randomUUID(),
  });

async function allIsSound(): Promise<void> {
  expect((await reconcile(server.context.db)).sound).toBe(true);
  const { db, money } = server.context;
  expect(await reconcileProvider({ db, money }, 'SGD')).toEqual([]);
}

describe('a refund', () => {
  test('takes from the wallet what the card got back, in parts and in all, and the history says so', async () => {
    const { person, topUp, intent } = await paid(5_000n);
    await refund(intent, 2_000);
    expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual(['3000', 'succeeded 2000']);
    await refund(intent);
    expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual(['0', 'refunded 5000']);
    expect(await kindsOf(person)).toEqual(['top_up_refunded', 'top_up_refunded', 'top_up']);
    await allIsSound();
  });

  test.each([
    ['twice', { copies: 3 }],
    ['in the wrong order', { reorderNext: 4 }],
    ['never', { dropNext: 4 }],
  ])('counts once when its events come %s', async (_, faults) => {
    const { person, intent } = await paid(5_000n);
    Object.assign(server.stripe.webhooks.faults, faults);
    await Promise.all([refund(intent, 1_000), refund(intent, 500)]);
    await catchUpWithEvents(server.background);
    expect(await onlineOf(person)).toBe('3500');
    await allIsSound();
  });

  test('of a payment that we have not heard of yet credits it first', async () => {
    const person = await server.register('customer');
    // The payment's own two events are lost, the refund's is not.
    Object.assign(server.stripe.webhooks.faults, { dropNext: 2 });
    const topUp = await server.topUp(person, 5_000n);
    expect(topUp.status).toBe('awaiting_payment');
    await refund(await intentOf(topUp), 2_000);
    expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual(['3000', 'succeeded 2000']);
    await allIsSound();
  });
});

describe('a refund that the bank of the card did not take', () => {
  const refundOf = async (intent: string, amount: number): Promise<string> => {
    const made: unknown = await (await refund(intent, amount)).json();
    return typeof made === 'object' && made !== null && 'id' in made ? String(made.id) : '';
  };
  const fail = (id: string, how = {}) => order(`/stand-in/refunds/${id}/fail`, how);
  const historyOf = async ({ token }: Person) => {
    const { items } = await server.expect(pageOf(HistoryItem), '/v1/history', { token });
    return items.map(({ kind, amountMinor, reason }) => `${reason ?? kind} ${amountMinor}`);
  };

  test('comes back to the wallet, once, and another refund of the same sum takes it again', async () => {
    const { person, topUp, intent } = await paid(5_000n);
    const first = await refundOf(intent, 2_000);
    expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual(['3000', 'succeeded 2000']);
    Object.assign(server.stripe.webhooks.faults, { copies: 2 });
    await fail(first);
    expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual(['5000', 'succeeded 0']);
    await refundOf(intent, 2_000);
    expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual(['3000', 'succeeded 2000']);
    expect(await historyOf(person)).toEqual([
      'top_up_refunded -2000',
      'refund_failed 2000',
      'top_up_refunded -2000',
      'top_up 5000',
    ]);
    await allIsSound();
  });

  test('and one that was called off comes back in the same way', async () => {
    const { person, topUp, intent } = await paid(5_000n);
    await fail(await refundOf(intent, 5_000), { status: 'canceled' });
    expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual(['5000', 'succeeded 0']);
    await allIsSound();
  });

  test('takes nothing when its failure is heard of first', async () => {
    const { person, intent } = await paid(5_000n);
    Object.assign(server.stripe.webhooks.faults, { dropNext: 2 });
    await fail(await refundOf(intent, 2_000));
    expect(await onlineOf(person)).toBe('5000');
    await catchUpWithEvents(server.background);
    expect([await onlineOf(person), await historyOf(person)]).toEqual(['5000', ['top_up 5000']]);
    await allIsSound();
  });

  // Two refunds are four events, their failure two.
  test.each([
    ['three times', { copies: 3 }],
    ['last first', { reorderNext: 6 }],
    ['never', { dropNext: 6 }],
    ['in part', { dropNext: 5 }],
  ])('leaves another refund of the payment as it is when events come %s', async (_, faults) => {
    const { person, topUp, intent } = await paid(5_000n);
    Object.assign(server.stripe.webhooks.faults, faults);
    const [first] = [await refundOf(intent, 1_000), await refundOf(intent, 700)];
    await fail(first);
    await catchUpWithEvents(server.background);
    expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual(['4300', 'succeeded 700']);
    await allIsSound();
  });

  test('is told from the others when an earlier release took them by their sum', async () => {
    const { person, topUp, intent } = await paid(5_000n);
    const [first] = [await refundOf(intent, 1_000), await refundOf(intent, 700)];
    await server.database.owner`delete from top_up_refunds where top_up_id = ${topUp.id}`;
    await refundOf(intent, 300);
    expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual(['3000', 'succeeded 2000']);
    await server.database.owner`delete from top_up_refunds where top_up_id = ${topUp.id}`;
    await fail(first);
    expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual(['4000', 'succeeded 1000']);
    await allIsSound();
  });

  test('pays the debt that the refund made', async () => {
    const { person, intent } = await paid(5_000n);
    await send(person, await server.register('customer'), '4000');
    const made = await refundOf(intent, 5_000);
    expect([await onlineOf(person), await debtOf(person)]).toEqual(['0', '4000']);
    await fail(made);
    expect([await onlineOf(person), await debtOf(person)]).toEqual(['1000', '0']);
    await allIsSound();
  });
});

describe('a dispute', () => {
  test('that was won is taken back when the card’s bank contests that, and what was said earlier changes nothing', async () => {
    const { person, topUp, intent } = await paid(5_000n);
    const id = await dispute(intent);
    for (const [verdict, online, status] of [
      ['won', '5000', 'succeeded 0'],
      ['lost', '0', 'charged_back 5000'],
      ['won', '5000', 'succeeded 0'],
      ['lost', '0', 'charged_back 5000'],
    ] as const) {
      server.clock.advance(2_000);
      await close(id, verdict);
      expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual([online, status]);
    }
    await catchUpWithEvents(server.background);
    expect(await onlineOf(person)).toBe('0');
    await allIsSound();
  });

  test('holds the money until it is decided; won, it is back, lost, it is gone', async () => {
    for (const [verdict, online, status] of [
      ['won', '5000', 'succeeded 0'],
      ['lost', '0', 'charged_back 5000'],
    ] as const) {
      const { person, topUp, intent } = await paid(5_000n);
      const id = await dispute(intent);
      expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual(['0', 'disputed 5000']);
      await close(id, verdict);
      expect([await onlineOf(person), await statusOf(person, topUp)]).toEqual([online, status]);
    }
    await allIsSound();
  });

  test('of money that was spent becomes a debt of who topped up, never the loss of who received it', async () => {
    const { person, intent } = await paid(5_000n);
    const friend = await server.register('customer');
    await send(person, friend, '4000');
    const id = await dispute(intent);
    expect([await onlineOf(person), await onlineOf(friend), await debtOf(person)]).toEqual([
      '0',
      '4000',
      '4000',
    ]);
    await send(friend, person, '1500');
    expect([await onlineOf(person), await debtOf(person)]).toEqual(['0', '2500']);
    await close(id, 'won');
    expect([await onlineOf(person), await debtOf(person)]).toEqual(['2500', '0']);
    expect(await kindsOf(person)).toContain('debt_recovered');
    await allIsSound();
  });

  test('won after its debt was repaid gives the money back, once', async () => {
    const { person, intent } = await paid(5_000n);
    await send(person, await server.register('customer'), '5000');
    const id = await dispute(intent);
    await server.topUp(person, 5_000n);
    expect([await onlineOf(person), await debtOf(person)]).toEqual(['0', '0']);
    server.stripe.webhooks.faults.copies = 2;
    await close(id, 'won');
    expect([await onlineOf(person), await debtOf(person)]).toEqual(['5000', '0']);
    await allIsSound();
  });

  test('of what a refund in part left takes the rest', async () => {
    const { person, topUp, intent } = await paid(5_000n);
    await refund(intent, 2_000);
    await close(await dispute(intent, 3_000), 'lost');
    expect([await onlineOf(person), await debtOf(person)]).toEqual(['0', '0']);
    expect(await statusOf(person, topUp)).toMatch(/ 5000$/);
    await allIsSound();
  });

  test('leaves offline reserves alone; what comes home from them repays the debt', async () => {
    const phone = await SimulatedPhone.withMoney(server, 3_000n);
    await phone.load(2_000n);
    const { token } = phone.person;
    const { items } = await server.expect(pageOf(TopUp), '/v1/topups', { token });
    const [topUp] = items;
    if (topUp === undefined) throw new Error('no top-up');
    await dispute(await intentOf(topUp));
    const view = await server.expect(WalletView, '/v1/wallet', { token });
    expect([view.onlineMinor, view.offlineMinor, await debtOf(phone.person)]).toEqual(['0', '2000', '2000']);
    const refusal = await server.call('/v1/allowances', {
      body: phone.allowanceBody(500n, randomUUID()),
      token,
      key: randomUUID(),
    });
    expect(refusal.status).toBeGreaterThan(399);
    await allIsSound();
  });

  test('whose verdict comes before its beginning, or alone, ends in the same', async () => {
    for (const faults of [{ reorderNext: 2 }, { dropNext: 1 }]) {
      for (const [verdict, online] of [
        ['won', '5000'],
        ['lost', '0'],
      ] as const) {
        const { person, intent } = await paid(5_000n);
        Object.assign(server.stripe.webhooks.faults, faults);
        await close(await dispute(intent), verdict);
        expect(await onlineOf(person)).toBe(online);
      }
    }
    await catchUpWithEvents(server.background);
    await allIsSound();
  });

  test('is part of paying with the card whose holder contests everything', async () => {
    const person = await server.register('customer');
    const topUp = await server.expect(TopUp, '/v1/topups', {
      body: { amountMinor: '700' },
      token: person.token,
      key: randomUUID(),
    });
    await server.payCheckout(topUp.checkoutUrl ?? '', '4000 0000 0000 0259');
    await expect.poll(() => statusOf(person, topUp)).toBe('disputed 700');
  });
});

describe('a top-up that came to nothing', () => {
  test('is listed as what it is: cancelled, expired or open', async () => {
    const person = await server.register('customer');
    const { token } = person;
    const start = () =>
      server.expect(TopUp, '/v1/topups', { body: { amountMinor: '700' }, token, key: randomUUID() });
    const [open, given, over] = [await start(), await start(), await start()];
    const cancel = (id: string) => server.call(`/v1/topups/${id}/cancel`, { method: 'POST', token });
    expect((await cancel(given.id)).body).toMatchObject({ status: 'cancelled', checkoutUrl: null });
    expect((await cancel(given.id)).body).toMatchObject({ status: 'cancelled' });
    expect((await server.payCheckout(given.checkoutUrl ?? '', '4242424242424242')).status).toBe(410);
    await order(
      `/v1/checkout/sessions/${new URL(over.checkoutUrl ?? '').pathname.split('/').at(-1)}/expire`,
      {},
    );
    const { items } = await server.expect(pageOf(TopUp), '/v1/topups', { token });
    expect(items.map(({ id, status }) => [id, status])).toEqual([
      [over.id, 'expired'],
      [given.id, 'cancelled'],
      [open.id, 'awaiting_payment'],
    ]);
    const page = await server.expect(pageOf(TopUp), '/v1/topups?limit=2', { token });
    const rest = await server.expect(pageOf(TopUp), `/v1/topups?cursor=${page.nextCursor ?? ''}`, { token });
    expect([...page.items, ...rest.items]).toEqual(items);
  });

  test('that was paid before it was given up stays paid', async () => {
    const person = await server.register('customer');
    const { token } = person;
    Object.assign(server.stripe.webhooks.faults, { dropNext: 2 });
    const topUp = await server.topUp(person, 700n);
    const answer = await server.call(`/v1/topups/${topUp.id}/cancel`, { method: 'POST', token });
    expect(answer.body).toMatchObject({ status: 'succeeded' });
    expect(await onlineOf(person)).toBe('700');
    const again = await server.call(`/v1/topups/${topUp.id}/cancel`, { method: 'POST', token });
    expect(again.code).toBeNull();
  });
});
