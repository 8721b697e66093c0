import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { howToEnable, publishedSpec } from '../../../test/published-specs.ts';
import { TestClock } from '../../../test/test-server.ts';
import { type Listening, listen } from '../../http/listen.ts';
import { parseFormBody } from './form-body.ts';
import { createStripeStandIn, type StripeStandIn } from './stripe-stand-in.ts';

const SECRET = 'whsec_for_tests';
const ORIGIN = 'http://checkout.test';

let folder: string;
let clock: TestClock;
let receiver: Listening;
let received: { signature: string; body: string }[];
let answerStatus: number;
let standIn: StripeStandIn;
let api: Listening;
let stripe: Stripe;

async function start(): Promise<void> {
  const webhook = { url: `http://127.0.0.1:${receiver.port}/hook`, secret: SECRET };
  standIn = createStripeStandIn({
    stateFile: join(folder, 'stripe.json'),
    publicOrigin: ORIGIN,
    webhook,
    clock,
  });
  api = await listen({ fetch: standIn.app.fetch, host: '127.0.0.1', port: 0, setting: 'none' });
  stripe = new Stripe('sk_test_x', {
    host: '127.0.0.1',
    port: api.port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  });
}

async function stop(): Promise<void> {
  standIn.close();
  await api.close(100);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tiki-stripe-'));
  clock = new TestClock();
  received = [];
  answerStatus = 200;
  const fetch = async (request: Request) => {
    received.push({ signature: request.headers.get('stripe-signature') ?? '', body: await request.text() });
    return new Response(null, { status: answerStatus });
  };
  receiver = await listen({ fetch, host: '127.0.0.1', port: 0, setting: 'none' });
  await start();
});
afterEach(async () => {
  await stop();
  await receiver.close(100);
  rmSync(folder, { recursive: true, force: true });
});

const order = (
  changes: Partial<Stripe.Checkout.SessionCreateParams> = {},
): Stripe.Checkout.SessionCreateParams => ({
  mode: 'payment',
  success_url: 'https://shop.test/done?session={CHECKOUT_SESSION_ID}',
  cancel_url: 'https://shop.test/back',
  client_reference_id: 'order-1',
  metadata: { a: 'b' },
  line_items: [
    { quantity: 2, price_data: { currency: 'sgd', unit_amount: 1250, product_data: { name: 'Two things' } } },
  ],
  ...changes,
});
const pay = (id: string, number: string) =>
  fetch(`http://127.0.0.1:${api.port}/c/pay/${id}`, {
    method: 'POST',
    body: new URLSearchParams({ number }),
    redirect: 'manual',
  });
const idOf = (value: unknown) => (typeof value === 'string' ? value : 'not an id');
const typesReceived = () =>
  received.map((item) => stripe.webhooks.constructEvent(item.body, item.signature, SECRET).type);

describe("through Stripe's own SDK", () => {
  test('a checkout is made, found again, and paid on its page', async () => {
    const session = await stripe.checkout.sessions.create(order());
    expect(session).toMatchObject({
      amount_total: 2500,
      currency: 'sgd',
      status: 'open',
      payment_status: 'unpaid',
      url: `${ORIGIN}/c/pay/${session.id}`,
    });
    const answer = await pay(session.id, '4242 4242 4242 4242');
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      `https://shop.test/done?session=${session.id}`,
    ]);
    const paid = await stripe.checkout.sessions.retrieve(session.id);
    expect(paid).toMatchObject({
      status: 'complete',
      payment_status: 'paid',
      url: null,
      client_reference_id: 'order-1',
      metadata: { a: 'b' },
    });
    const intent = await stripe.paymentIntents.retrieve(idOf(paid.payment_intent));
    expect(intent).toMatchObject({ status: 'succeeded', amount_received: 2500 });
    expect(typesReceived()).toEqual(['payment_intent.succeeded', 'checkout.session.completed']);
    expect((await stripe.events.list()).data.map((event) => event.type)).toEqual([
      'checkout.session.completed',
      'payment_intent.succeeded',
    ]);
  });

  test('a declined card leaves the checkout open and says why', async () => {
    const session = await stripe.checkout.sessions.create(order());
    const answer = await pay(session.id, '4000 0000 0000 0002');
    expect(answer.status).toBe(402);
    expect(await answer.text()).toContain('Your card was declined.');
    expect(typesReceived()).toEqual(['payment_intent.payment_failed']);
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('open');
  });

  test('a checkout expires by call and by time, and cannot be paid then', async () => {
    const [first, second] = [
      await stripe.checkout.sessions.create(order()),
      await stripe.checkout.sessions.create(order()),
    ];
    expect((await stripe.checkout.sessions.expire(first.id)).status).toBe('expired');
    expect((await pay(first.id, '4242424242424242')).status).toBe(410);
    await expect(stripe.checkout.sessions.expire(first.id)).rejects.toMatchObject({
      type: 'StripeInvalidRequestError',
      statusCode: 400,
    });
    clock.advance(25 * 3_600_000);
    await expect
      .poll(async () => (await stripe.checkout.sessions.retrieve(second.id)).status)
      .toBe('expired');
  });

  test('idempotency keys: the same answer for the same request, an error for another', async () => {
    const options = { idempotencyKey: 'key-1' };
    const [first, again] = [
      await stripe.checkout.sessions.create(order(), options),
      await stripe.checkout.sessions.create(order(), options),
    ];
    expect(again.id).toBe(first.id);
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true');
    await expect(
      stripe.checkout.sessions.create(order({ client_reference_id: 'other' }), options),
    ).rejects.toMatchObject({ type: 'StripeIdempotencyError' });
  });

  test("errors have Stripe's shape", async () => {
    await expect(stripe.checkout.sessions.retrieve('cs_none')).rejects.toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
      type: 'StripeInvalidRequestError',
    });
    const { success_url: _, ...incomplete } = order();
    await expect(stripe.checkout.sessions.create(incomplete)).rejects.toMatchObject({
      code: 'parameter_missing',
      param: 'success_url',
    });
    const noKey = await fetch(`http://127.0.0.1:${api.port}/v1/events`);
    expect(noKey.status).toBe(401);
  });

  test('what was made before a restart is still there after it, and undelivered events are delivered', async () => {
    const session = await stripe.checkout.sessions.create(order());
    answerStatus = 503;
    await pay(session.id, '4242424242424242');
    await stop();
    answerStatus = 200;
    received = [];
    await start();
    clock.advance(60_000);
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('complete');
    await expect
      .poll(() => typesReceived().toSorted())
      .toEqual(['checkout.session.completed', 'payment_intent.succeeded']);
  });
});

/** An account whose bank takes money, and a platform that has some. */
async function readyAccount(): Promise<string> {
  const session = await stripe.checkout.sessions.create(order());
  await pay(session.id, '4242424242424242');
  const account = await stripe.accounts.create({
    type: 'express',
    country: 'SG',
    metadata: { userId: 'u' },
  });
  const link = await stripe.accountLinks.create({
    account: account.id,
    type: 'account_onboarding',
    return_url: 'https://shop.test/back',
    refresh_url: 'https://shop.test/again',
  });
  const page = new URL(link.url).pathname;
  const body = new URLSearchParams({ holder: 'A', name: 'Test Bank', number: '000123456789' });
  const saved = await fetch(`http://127.0.0.1:${api.port}${page}`, {
    method: 'POST',
    body,
    redirect: 'manual',
  });
  expect([saved.status, saved.headers.get('location')]).toEqual([303, 'https://shop.test/back']);
  // Good once.
  expect((await fetch(`http://127.0.0.1:${api.port}${page}`)).status).toBe(404);
  return account.id;
}

describe("money out, through Stripe's own SDK", () => {
  test('an account is linked, gets a transfer, and is paid out; what the bank says comes as an event of that account', async () => {
    const stripeAccount = await readyAccount();
    expect(await stripe.accounts.retrieve(stripeAccount)).toMatchObject({ payouts_enabled: true });
    const transfer = await stripe.transfers.create({
      amount: 900,
      currency: 'sgd',
      destination: stripeAccount,
      transfer_group: 'g',
    });
    standIn.bank.knobs.settleAfterMs = 0;
    const payout = await stripe.payouts.create({ amount: 900, currency: 'sgd' }, { stripeAccount });
    expect(payout.status).toBe('pending');
    await standIn.bank.settleDue();
    const [listed] = (await stripe.payouts.list({ status: 'paid' }, { stripeAccount })).data;
    expect(listed).toMatchObject({ id: payout.id, status: 'paid' });
    const last = received.at(-1);
    const event = stripe.webhooks.constructEvent(last?.body ?? '', last?.signature ?? '', SECRET);
    expect(event).toMatchObject({ type: 'payout.paid', account: stripeAccount });
    expect((await stripe.transfers.list({ transfer_group: 'g' })).data).toMatchObject([{ id: transfer.id }]);
    expect((await stripe.balance.retrieve({})).available).toMatchObject([{ amount: 1600 }]);
  });

  test('what is short, not ready or reversed twice is refused in words of its own', async () => {
    const destination = await readyAccount();
    const send = (amount: number, to = destination) =>
      stripe.transfers.create({ amount, currency: 'sgd', destination: to });
    await expect(send(2_501)).rejects.toMatchObject({ code: 'balance_insufficient' });
    const empty = await stripe.accounts.create({ type: 'express', country: 'SG' });
    await expect(send(100, empty.id)).rejects.toMatchObject({
      code: 'insufficient_capabilities_for_transfer',
    });
    const { id } = await send(500);
    await stripe.transfers.createReversal(id);
    await expect(stripe.transfers.createReversal(id)).rejects.toMatchObject({
      type: 'StripeInvalidRequestError',
    });
    const wrong = stripe.payouts.create(
      { amount: 1, currency: 'sgd', destination: 'ba_other' },
      { stripeAccount: destination },
    );
    await expect(wrong).rejects.toMatchObject({ code: 'resource_missing', param: 'destination' });
  });

  test('a refund that the bank does not take is told as Stripe tells it, and its money is ours again', async () => {
    const session = await stripe.checkout.sessions.create(order());
    await pay(session.id, '4242424242424242');
    const { payment_intent: intent } = await stripe.checkout.sessions.retrieve(session.id);
    const [first, second] = [
      await stripe.refunds.create({ payment_intent: idOf(intent), amount: 300 }),
      await stripe.refunds.create({ payment_intent: idOf(intent), amount: 200 }),
    ];
    const before = received.length;
    await standIn.bank.failRefund(first.id, 'declined');
    await standIn.bank.failRefund(second.id, null);
    const told = received
      .slice(before)
      .map(({ body, signature }) => stripe.webhooks.constructEvent(body, signature ?? '', SECRET));
    expect(told).toMatchObject([
      { type: 'refund.updated', data: { object: { id: first.id, status: 'failed' } } },
      { type: 'refund.failed', data: { object: { id: first.id, failure_reason: 'declined' } } },
      { type: 'refund.updated', data: { object: { id: second.id, status: 'canceled' } } },
    ]);
    const { data } = await stripe.refunds.list({ payment_intent: idOf(intent) });
    expect(data.map(({ id, status }) => [id, status])).toEqual([
      [second.id, 'canceled'],
      [first.id, 'failed'],
    ]);
    const [line] = (await stripe.balanceTransactions.list({ limit: 1 })).data;
    expect(data[0]?.failure_balance_transaction).toBe(line?.id);
    expect((await stripe.charges.retrieve(idOf(first.charge))).amount_refunded).toBe(0);
  });

  test('lists go on page by page, and the balance is the sum of its movements', async () => {
    for (let one = 0; one < 5; one += 1) {
      const session = await stripe.checkout.sessions.create(order());
      await pay(session.id, '4242424242424242');
    }
    let sum = 0;
    for await (const line of stripe.balanceTransactions.list({ limit: 2 })) sum += line.amount;
    expect(sum).toBe(12_500);
    const types = ['checkout.session.completed'];
    const ids = new Set<string>();
    for await (const event of stripe.events.list({ limit: 2, types })) ids.add(event.id);
    expect(ids.size).toBe(5);
  });

  test('the knobs for a bad day answer what they are set to, and refuse what is no number', async () => {
    const turn = async (path: string, body: object) => {
      const url = `http://127.0.0.1:${api.port}/stand-in/${path}`;
      const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
      const said: unknown = await answer.json();
      return { status: answer.status, said };
    };
    expect((await turn('api', { failNext: 1 })).said).toMatchObject({ failNext: 1, loseAnswersNext: 0 });
    await expect(stripe.checkout.sessions.create(order())).rejects.toMatchObject({ type: 'StripeAPIError' });
    expect((await turn('payouts', { settleAfterMs: 'soon' })).status).toBe(400);
    expect((await turn('disputes/du_none/close', { status: 'won' })).status).toBe(404);
  });
});

describe('pages', () => {
  test('the card page shows the sum and a way back, loads nothing from elsewhere and escapes what it is told', async () => {
    const name = '<img src=x onerror=alert(1)>';
    const line = { quantity: 1, price_data: { currency: 'sgd', unit_amount: 1250, product_data: { name } } };
    const session = await stripe.checkout.sessions.create(order({ line_items: [line] }));
    const html = await (await fetch(`http://127.0.0.1:${api.port}/c/pay/${session.id}`)).text();
    expect(html).toContain('SGD 12.50');
    expect(html).toContain('href="https://shop.test/back"');
    expect(html).not.toContain('<img');
    expect(html).not.toMatch(/(src|href)="https?:\/\/(?!shop\.test)/);
  });
});

const Fixtures = z.object({ resources: z.record(z.string(), z.record(z.string(), z.unknown())) });

function raise(): never {
  throw new Error('what was paid is not there');
}

/** Where our document has another shape than Stripe's example; null says nothing about a shape. */
function differences(ours: unknown, theirs: unknown, path: string): string[] {
  if (ours === null || theirs === null || ours === undefined) return [];
  if (Array.isArray(ours) !== Array.isArray(theirs) || typeof ours !== typeof theirs)
    return [`${path}: another type`];
  if (
    typeof ours !== 'object' ||
    typeof theirs !== 'object' ||
    Array.isArray(ours) ||
    path.endsWith('metadata')
  )
    return [];
  const known = new Map(Object.entries(theirs));
  return Object.entries(ours).flatMap(([name, value]) =>
    differences(value, known.get(name) ?? null, `${path}.${name}`),
  );
}

test("the objects have every field of Stripe's published examples, in the same types", async (context) => {
  const spec = publishedSpec('stripe_fixtures3.json');
  if (spec === null) return context.skip(howToEnable('stripe_fixtures3.json'));
  const { resources } = Fixtures.parse(spec);
  const created = await stripe.checkout.sessions.create(order());
  await pay(created.id, '4242424242424242');
  const session = await stripe.checkout.sessions.retrieve(created.id);
  const intent = await stripe.paymentIntents.retrieve(idOf(session.payment_intent));
  const [event] = (await stripe.events.list()).data;
  const stripeAccount = await readyAccount();
  const transfer = await stripe.transfers.create({
    amount: 900,
    currency: 'sgd',
    destination: stripeAccount,
  });
  const payout = await stripe.payouts.create({ amount: 400, currency: 'sgd' }, { stripeAccount });
  const reversed = await stripe.transfers.create({ amount: 50, currency: 'sgd', destination: stripeAccount });
  const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 100 });
  const failing = await stripe.refunds.create({ payment_intent: intent.id, amount: 100 });
  await standIn.bank.failRefund(failing.id, 'declined');
  await standIn.bank.dispute(standIn.bank.findPaid(intent.id) ?? raise(), 100);
  const disputed = received
    .map(({ body }) => JSON.parse(body))
    .find(({ type }) => type === 'charge.dispute.created');
  for (const [name, ours] of [
    ['checkout.session', session],
    ['payment_intent', intent],
    ['event', event],
    ['account', await stripe.accounts.retrieve(stripeAccount)],
    ['transfer', transfer],
    ['transfer_reversal', await stripe.transfers.createReversal(reversed.id)],
    ['payout', payout],
    ['refund', refund],
    ['refund', await stripe.refunds.retrieve(failing.id)],
    ['charge', await stripe.charges.retrieve(idOf(refund.charge))],
    ['dispute', await stripe.disputes.retrieve(disputed.data.object.id)],
    ['balance', await stripe.balance.retrieve({})],
    ['balance_transaction', (await stripe.balanceTransactions.list()).data[0]],
  ] as const) {
    const theirs = resources[name] ?? {};
    expect(
      Object.keys(theirs).filter((key) => !(key in (ours ?? {}))),
      `${name} lacks`,
    ).toEqual([]);
    const { data: _ours, ...plainOurs } = { data: null, ...ours };
    const { data: _theirs, ...plainTheirs } = theirs;
    expect(differences(plainOurs, plainTheirs, name)).toEqual([]);
  }
});

test('form bodies nest like Stripe reads them, and cannot reach a prototype', () => {
  expect(parseFormBody('a[0][b]=1&a[0][c][d]=2&e=3')).toEqual({
    a: { 0: { b: '1', c: { d: '2' } } },
    e: '3',
  });
  parseFormBody('__proto__[polluted]=1&constructor[prototype][polluted]=1');
  expect('polluted' in {}).toBe(false);
});
