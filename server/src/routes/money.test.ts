import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  HistoryItem,
  pageOf,
  TopUp,
  TransferPreview,
  TransferResult,
  WalletView,
} from '../../contract/index.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';
import { lookAfterTopUps } from '../money/look-after-top-ups.ts';
import { ProviderUnavailable } from '../money/port.ts';
import { toStripe } from '../money/stripe-amounts.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ maxConnections: 16 });
});
afterAll(() => server.close());

const onlineOf = async ({ token }: Person) =>
  (await server.expect(WalletView, '/v1/wallet', { token })).onlineMinor;
const History = pageOf(HistoryItem);
const historyOf = ({ token }: Person, query = '') => server.expect(History, `/v1/history${query}`, { token });
const startTopUp = ({ token }: Person, amountMinor: string, key = randomUUID()) =>
  server.expect(TopUp, '/v1/topups', { body: { amountMinor }, token, key });
const send = (from: Person, to: Person, amountMinor: string, key = randomUUID()) =>
  server.call('/v1/transfers', { body: { phone: to.phone, amountMinor }, token: from.token, key });

/** Posts an event as Stripe would, with whatever is wrong about it. */
function deliver(event: object, options: { secret?: string; ageSeconds?: number; signature?: string } = {}) {
  const payload = JSON.stringify(event);
  const timestamp = Math.floor(server.clock.nowMs() / 1000) - (options.ageSeconds ?? 0);
  const secret = options.secret ?? server.webhookSecret;
  const signature =
    options.signature ?? Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
  const headers = { 'content-type': 'application/json', 'stripe-signature': signature };
  return fetch(`${server.origin}/v1/stripe/webhook`, { method: 'POST', body: payload, headers }).then(
    async (response) => {
      const body: unknown = await response.json();
      return { status: response.status, body };
    },
  );
}

function paidEvent(topUp: TopUp, changes: object = {}) {
  const object = {
    id: `cs_test_${topUp.id}`,
    object: 'checkout.session',
    payment_status: 'paid',
    client_reference_id: topUp.id,
    amount_total: toStripe(BigInt(topUp.amountMinor), topUp.currency, 'charge'),
    currency: 'sgd',
    ...changes,
  };
  return { id: `evt_${randomUUID()}`, object: 'event', type: 'checkout.session.completed', data: { object } };
}

describe('top-ups', () => {
  test('the money arrives when the provider says so, and the history shows it', async () => {
    const person = await server.register('customer');
    const topUp = await server.topUp(person, 2500n);
    expect(topUp).toMatchObject({ status: 'succeeded', checkoutUrl: null, amountMinor: '2500' });
    expect(await onlineOf(person)).toBe('2500');
    expect((await historyOf(person)).items).toMatchObject([
      { kind: 'top_up', amountMinor: '2500', currency: 'SGD' },
    ]);
  });

  test('coming back from the checkout without paying credits nothing', async () => {
    const person = await server.register('customer');
    const topUp = await startTopUp(person, '2500');
    const declined = await server.payCheckout(topUp.checkoutUrl ?? '', '4000000000000002');
    expect(declined.status).toBe(402);
    await server.call(`/?topup=${topUp.id}`);
    expect(await server.expect(TopUp, `/v1/topups/${topUp.id}`, { token: person.token })).toMatchObject({
      status: 'awaiting_payment',
    });
    expect(await onlineOf(person)).toBe('0');
    await server.payCheckout(topUp.checkoutUrl ?? '', '4242424242424242');
    expect(await onlineOf(person)).toBe('2500');
  });

  test('an expired checkout closes the top-up', async () => {
    const person = await server.register('customer');
    const topUp = await startTopUp(person, '2500');
    const id = new URL(topUp.checkoutUrl ?? '').pathname.split('/').at(-1);
    const origin = new URL(topUp.checkoutUrl ?? '').origin;
    await fetch(`${origin}/v1/checkout/sessions/${id}/expire`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk_test_x' },
    });
    expect(await server.expect(TopUp, `/v1/topups/${topUp.id}`, { token: person.token })).toMatchObject({
      status: 'expired',
      checkoutUrl: null,
    });
  });

  test('the same key makes one checkout; the same key for another amount is refused', async () => {
    const person = await server.register('customer');
    const key = randomUUID();
    const [first, twin] = await Promise.all([
      startTopUp(person, '2500', key),
      startTopUp(person, '2500', key),
    ]);
    expect(twin).toEqual(first);
    const other = await server.call('/v1/topups', {
      body: { amountMinor: '2600' },
      token: person.token,
      key,
    });
    expect([other.status, other.code]).toEqual([422, 'idempotency_key_reused']);
    const rows = await server.database.owner`select 1 from top_ups where user_id = ${person.session.user.id}`;
    expect(rows).toHaveLength(1);
  });

  test('limits, missing keys and broken amounts are refused by name', async () => {
    const { token } = await server.register('customer');
    const attempt = async (amountMinor: unknown, key: string | undefined = randomUUID()) =>
      (
        await server.call('/v1/topups', {
          body: { amountMinor },
          token,
          ...(key === undefined ? {} : { key }),
        })
      ).code;
    expect(await attempt('1')).toBe('amount_below_minimum');
    expect(await attempt('100001')).toBe('amount_above_maximum');
    for (const amount of ['0', '-5', '1.5', '1e3', ' 5', 2500, null])
      expect(await attempt(amount)).toBe('request_invalid');
    expect((await server.call('/v1/topups', { body: { amountMinor: '2500' }, token })).code).toBe(
      'idempotency_key_required',
    );
    expect(await attempt('2500', 'not-a-uuid')).toBe('request_invalid');
  });

  test("somebody else's top-up is not found (R52)", async () => {
    const [mine, theirs] = [await server.register('customer'), await server.register('customer')];
    const topUp = await startTopUp(theirs, '2500');
    expect((await server.call(`/v1/topups/${topUp.id}`, { token: mine.token })).code).toBe(
      'top_up_not_found',
    );
  });

  test('asking again days later with the same key leads to the checkout that stands, not to a second one', async () => {
    const person = await server.register('customer');
    const key = randomUUID();
    const first = await startTopUp(person, '2500', key);
    // The answer was lost with the process, and the provider has forgotten the key.
    await server.database.owner`delete from idempotency_keys where key = ${key}`;
    const { createCheckout } = server.context.money;
    const money: { createCheckout: typeof createCheckout } = server.context.money;
    money.createCheckout = () => Promise.resolve({ checkoutId: `cs_${randomUUID()}`, url: 'http://second' });
    expect(await startTopUp(person, '2500', key)).toEqual(first);
    money.createCheckout = createCheckout;
    await server.payCheckout(first.checkoutUrl ?? '', '4242424242424242');
    expect(await onlineOf(person)).toBe('2500');
  });

  test('a provider that does not answer is a 503 that may be tried again with the same key', async () => {
    const person = await server.register('customer');
    const { createCheckout } = server.context.money;
    const key = randomUUID();
    const attempt = () =>
      server.call('/v1/topups', { body: { amountMinor: '2500' }, token: person.token, key });
    const money: { createCheckout: typeof createCheckout } = server.context.money;
    money.createCheckout = () => Promise.reject(new ProviderUnavailable('away'));
    expect((await attempt()).code).toBe('payment_provider_unavailable');
    expect(await onlineOf(person)).toBe('0');
    money.createCheckout = createCheckout;
    expect((await attempt()).status).toBe(200);
  });
});

describe('webhooks (R56)', () => {
  test('the same event, and other events about the same payment, credit once', async () => {
    const person = await server.register('customer');
    const topUp = await startTopUp(person, '2500');
    const id = new URL(topUp.checkoutUrl ?? '').pathname.split('/').at(-1);
    const event = paidEvent(topUp, { id });
    const again = { ...event, id: `evt_${randomUUID()}`, type: 'checkout.session.async_payment_succeeded' };
    const answers = await Promise.all([event, event, again, event, again].map((item) => deliver(item)));
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    expect(await onlineOf(person)).toBe('2500');
    await server.payCheckout(topUp.checkoutUrl ?? '', '4242424242424242');
    expect(await onlineOf(person)).toBe('2500');
  });

  test('duplicated, lost and late deliveries of the stand-in end in one credit', async () => {
    const person = await server.register('customer');
    Object.assign(server.stripe.webhooks.faults, { copies: 3, loseNext: 2 });
    const topUp = await startTopUp(person, '2500');
    const paying = server.payCheckout(topUp.checkoutUrl ?? '', '4242424242424242');
    await expect.poll(() => onlineOf(person)).toBe('2500');
    await paying;
    Object.assign(server.stripe.webhooks.faults, { copies: 1, loseNext: 0 });
    expect(await onlineOf(person)).toBe('2500');
  });

  test('a paid top-up whose webhook never comes is found by asking, once, and a late event changes nothing', async () => {
    const person = await server.register('customer');
    const look = () => lookAfterTopUps(server.background);
    Object.assign(server.stripe.webhooks.faults, { loseNext: 1000 });
    const [paid, open] = [await startTopUp(person, '2500'), await startTopUp(person, '700')];
    await server.payCheckout(paid.checkoutUrl ?? '', '4242424242424242');
    await look();
    expect(await onlineOf(person)).toBe('0');
    server.clock.advance(3 * 60_000);
    await Promise.all([look(), look(), look()]);
    expect(await onlineOf(person)).toBe('2500');
    Object.assign(server.stripe.webhooks.faults, { loseNext: 0 });
    const id = new URL(paid.checkoutUrl ?? '').pathname.split('/').at(-1);
    expect((await deliver(paidEvent(paid, { id }))).status).toBe(200);
    expect(await onlineOf(person)).toBe('2500');
    const { status } = await server.expect(TopUp, `/v1/topups/${open.id}`, { token: person.token });
    expect(status).toBe('awaiting_payment');
  });

  test('a provider that cannot be asked about one top-up is asked about the others, and again later', async () => {
    const person = await server.register('customer');
    Object.assign(server.stripe.webhooks.faults, { loseNext: 1000 });
    const [lost, paid] = [await startTopUp(person, '700'), await startTopUp(person, '2500')];
    await server.payCheckout(paid.checkoutUrl ?? '', '4242424242424242');
    Object.assign(server.stripe.webhooks.faults, { loseNext: 0 });
    await server.database.owner`update top_ups set checkout_id = 'cs_of_nobody' where id = ${lost.id}`;
    server.clock.advance(3 * 60_000);
    await lookAfterTopUps(server.background);
    expect(await onlineOf(person)).toBe('2500');
    const [row] = await server.database.owner`select status, next_look_at from top_ups where id = ${lost.id}`;
    expect(row?.status).toBe('awaiting_payment');
    expect(row?.next_look_at.getTime()).toBeGreaterThan(server.clock.nowMs());
  });

  test.each([
    ['another secret', { secret: 'whsec_of_somebody_else' }],
    ['an old timestamp', { ageSeconds: 301 }],
    ['no valid header', { signature: 'nonsense' }],
    ['an empty header', { signature: '' }],
  ])('%s is refused and credits nothing', async (_, options) => {
    const person = await server.register('customer');
    const topUp = await startTopUp(person, '2500');
    const answer = await deliver(paidEvent(topUp), options);
    expect(answer).toMatchObject({ status: 400, body: { code: 'webhook_signature_invalid' } });
    expect(await onlineOf(person)).toBe('0');
  });

  test('an unsigned event and an altered body are refused', async () => {
    const topUp = await startTopUp(await server.register('customer'), '2500');
    const event = paidEvent(topUp);
    const unsigned = await server.call('/v1/stripe/webhook', { body: event });
    expect(unsigned.code).toBe('webhook_signature_invalid');
    const timestamp = Math.floor(server.clock.nowMs() / 1000);
    const signature = Stripe.webhooks.generateTestHeaderString({
      payload: JSON.stringify(event),
      secret: server.webhookSecret,
      timestamp,
    });
    expect((await deliver({ ...event, id: 'evt_other' }, { signature })).status).toBe(400);
  });

  test.each([
    ['another amount', { amount_total: 9_999_999 }],
    ['another currency', { currency: 'usd' }],
    ['another checkout', { id: 'cs_test_of_somebody_else' }],
    ['no payment', { payment_status: 'unpaid' }],
    ['an unknown top-up', { client_reference_id: randomUUID() }],
    ['an order of another system on the same account', { client_reference_id: 'order-77' }],
  ])('a signed event about %s credits nothing', async (_, changes) => {
    const person = await server.register('customer');
    const topUp = await startTopUp(person, '2500');
    const id = new URL(topUp.checkoutUrl ?? '').pathname.split('/').at(-1);
    expect((await deliver(paidEvent(topUp, { id, ...changes }))).status).toBe(200);
    expect(await onlineOf(person)).toBe('0');
  });

  test('what was paid to somebody else, in an account of theirs, credits nothing here', async () => {
    const person = await server.register('customer');
    const topUp = await startTopUp(person, '2500');
    const id = new URL(topUp.checkoutUrl ?? '').pathname.split('/').at(-1);
    const event = { ...paidEvent(topUp, { id }), account: 'acct_of_somebody' };
    expect((await deliver(event)).status).toBe(200);
    expect(await onlineOf(person)).toBe('0');
  });

  test('events of no interest are taken, so that they are not sent again', async () => {
    expect(
      (
        await deliver({
          id: `evt_${randomUUID()}`,
          object: 'event',
          type: 'customer.created',
          data: { object: {} },
        })
      ).status,
    ).toBe(200);
  });
});

describe('transfers between customers', () => {
  test('a preview masks the recipient; the money moves; both histories tell it', async () => {
    const [from, to] = [await server.customerWith(5000n), await server.register('customer')];
    const preview = await server.expect(TransferPreview, '/v1/transfers/preview', {
      body: { phone: to.phone },
      token: from.token,
    });
    expect(preview.maskedPhone).toBe(`+65 •••• ${to.phone.slice(-4)}`);
    expect(preview.maskedName).not.toBe(to.session.user.username);
    const body = { phone: to.phone, amountMinor: '1250', note: ' lunch\u0000\u202e ' };
    const sent = await server.expect(TransferResult, '/v1/transfers', {
      body,
      token: from.token,
      key: randomUUID(),
    });
    expect(sent).toMatchObject({ amountMinor: '1250', currency: 'SGD', recipient: preview });
    expect([await onlineOf(from), await onlineOf(to)]).toEqual(['3750', '1250']);
    const [out] = (await historyOf(from)).items;
    expect(out).toMatchObject({ kind: 'transfer_out', amountMinor: '-1250', note: 'lunch' });
    expect(out?.counterparty).toContain(to.phone.slice(-4));
    const [incoming] = (await historyOf(to)).items;
    expect(incoming).toMatchObject({ kind: 'transfer_in', amountMinor: '1250' });
    expect(incoming?.counterparty).toContain(from.phone.slice(-4));
  });

  test('a repeat with the same key moves nothing and answers the same, also at the same moment (R48)', async () => {
    const [from, to] = [await server.customerWith(5000n), await server.register('customer')];
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 6 }, () => send(from, to, '1000', key)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    expect(await onlineOf(to)).toBe('1000');
    expect((await send(from, to, '1001', key)).code).toBe('idempotency_key_reused');
    expect(await onlineOf(from)).toBe('4000');
  });

  test('a process that died after the money moved answers the same transfer to the repeat (R48)', async () => {
    const [from, to] = [await server.customerWith(5000n), await server.register('customer')];
    const key = randomUUID();
    const first = await send(from, to, '1000', key);
    // What is left when the answer was never stored: the claim, its time over.
    await server.database.owner`
      update idempotency_keys set response_status = null, response_body = null, locked_until = now() - interval '1 minute'
      where user_id = ${from.session.user.id} and key = ${key}`;
    const repeat = await send(from, to, '1000', key);
    expect(repeat.body).toEqual(first.body);
    expect(await onlineOf(to)).toBe('1000');
  });

  test('concurrent transfers never overdraw', async () => {
    const [from, to] = [await server.customerWith(1000n), await server.register('customer')];
    const answers = await Promise.all(Array.from({ length: 16 }, () => send(from, to, '300')));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(3);
    expect(answers.filter((answer) => answer.code === 'insufficient_funds')).toHaveLength(13);
    expect([await onlineOf(from), await onlineOf(to)]).toEqual(['100', '900']);
  });

  test('refusals are named', async () => {
    const [from, merchant] = [await server.customerWith(1000n), await server.register('merchant')];
    const attempt = async (body: object) =>
      (await server.call('/v1/transfers', { body, token: from.token, key: randomUUID() })).code;
    expect(await attempt({ phone: from.phone, amountMinor: '1' })).toBe('recipient_is_sender');
    expect(await attempt({ phone: '+6589999990', amountMinor: '1' })).toBe('recipient_not_found');
    expect(await attempt({ phone: merchant.phone, amountMinor: '1' })).toBe('recipient_not_found');
    expect(await attempt({ phone: '123', amountMinor: '1' })).toMatch(/request_invalid|phone_number_invalid/);
    expect(await attempt({ phone: merchant.phone, amountMinor: '99999999' })).toBe('amount_above_maximum');
    expect(
      (
        await server.call('/v1/transfers', {
          body: { phone: from.phone, amountMinor: '1' },
          token: merchant.token,
          key: randomUUID(),
        })
      ).code,
    ).toBe('not_permitted');
  });
});

describe('history', () => {
  test('pages follow each other without gaps or repeats, newest first, and show only what is mine', async () => {
    const [from, to] = [await server.customerWith(5000n), await server.register('customer')];
    for (let i = 1; i <= 6; i += 1) await send(from, to, String(i));
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { items: HistoryItem[]; nextCursor: string | null } = await historyOf(
        from,
        `?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      seen.push(...page.items.map((item) => item.amountMinor));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(['-6', '-5', '-4', '-3', '-2', '-1', '5000']);
    expect((await historyOf(to)).items.map((item) => item.amountMinor)).toEqual([
      '6',
      '5',
      '4',
      '3',
      '2',
      '1',
    ]);
  });

  test('a cursor that is none of ours is refused', async () => {
    const { token } = await server.register('customer');
    for (const query of ['?cursor=abc', '?cursor=-1', '?limit=0', '?limit=1000']) {
      expect((await server.call(`/v1/history${query}`, { token })).code).toBe('request_invalid');
    }
  });
});

test('after all of it the ledger is sound', async () => {
  expect(await reconcile(server.database.db)).toMatchObject({ sound: true });
});
