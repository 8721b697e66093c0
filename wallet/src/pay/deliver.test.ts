/** Sending: the same bytes on every way, patience with a busy kiosk, and nothing said to loopback that it rejects. */
import { expect, test } from 'vitest';
import { REFUSAL_CODES, toHex } from '@tikiwallet/protocol';
import { FakeKiosk, makeDelivery, makeOffer, makePhone, makeShop, refusal } from '../test/world.ts';
import { deliver, type DeliveryNeeds, type Parcel } from './deliver.ts';
import { payOnce } from './sign-payment.ts';
import { isLoopback } from './ways.ts';

async function setUp(addresses?: readonly string[]) {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  const payment = await payOnce(
    await makeOffer(shop, phone, addresses === undefined ? {} : { addresses }),
    phone.needs,
  );
  const parcel: Parcel = {
    paymentId: payment.id,
    amountMinor: payment.amountMinor,
    delivery: payment.delivery,
    repeatDelivery: payment.repeatDelivery,
    addresses: payment.addresses,
    kiosk: shop.kiosk,
  };
  return { shop, kiosk: new FakeKiosk(shop), parcel };
}

function send(parcel: Parcel, needs: DeliveryNeeds, seconds = 30) {
  return deliver(parcel, needs, {
    untilMs: needs.nowMs() + seconds * 1000,
    signal: new AbortController().signal,
    onRound: () => undefined,
    onCertificateUnknown: () => undefined,
  });
}

test('a busy, full or restarting kiosk is asked again with the same bytes until it answers', async () => {
  const { kiosk, parcel } = await setUp();
  const bodies: string[] = [];
  const counting: typeof fetch = (input, init) => {
    if (init?.body instanceof Uint8Array) bodies.push(toHex(init.body));
    return kiosk.fetch(input, init);
  };
  kiosk.faults.push(
    refusal('kiosk_busy', 503),
    refusal('storage_full', 503),
    refusal('internal_error', 500),
    new Response('proxy', { status: 502 }),
  );
  expect(await send(parcel, makeDelivery(counting))).toMatchObject({ kind: 'receipt' });
  expect(bodies).toHaveLength(5);
  expect(new Set(bodies).size).toBe(1);
});

test.each(REFUSAL_CODES.filter((code) => code !== 'allowance_certificate_unknown'))(
  'a refusal %s ends the sending and is told by its code',
  async (code) => {
    const { kiosk, parcel } = await setUp();
    kiosk.faults.push(refusal(code, 503));
    expect(await send(parcel, makeDelivery(kiosk.fetch))).toEqual({ kind: 'refused', code });
  },
);

test('a till that its merchant has suspended ends the sending and is told by that code', async () => {
  const { kiosk, parcel } = await setUp();
  kiosk.faults.push(refusal('kiosk_suspended', 409));
  expect(await send(parcel, makeDelivery(kiosk.fetch))).toEqual({ kind: 'refused', code: 'kiosk_suspended' });
});

test('of several addresses the one that answers wins, whatever the others do', async () => {
  const { kiosk, parcel } = await setUp(['http://192.168.49.1:7070', 'http://127.0.0.1:7070']);
  const needs = makeDelivery((input, init) =>
    typeof input === 'string' && input.includes('192.168')
      ? Promise.reject(new TypeError('no route'))
      : kiosk.fetch(input, init),
  );
  expect(await send(parcel, needs)).toMatchObject({ kind: 'receipt' });
});

test('silence is told as what it is: out of reach, or forbidden by the browser', async () => {
  const { parcel } = await setUp();
  const silent = makeDelivery(() => Promise.reject(new TypeError('Failed to fetch')));
  expect(await send(parcel, silent)).toEqual({ kind: 'no_answer', code: 'kiosk_unreachable' });
  expect(await send(parcel, { ...silent, permissionDenied: () => Promise.resolve(true) })).toEqual({
    kind: 'no_answer',
    code: 'kiosk_permission_denied',
  });
});

test('a person who stops waiting is obeyed at once', async () => {
  const { parcel } = await setUp();
  const stop = new AbortController();
  stop.abort();
  let asked = 0;
  const needs = makeDelivery(() => {
    asked += 1;
    return Promise.reject(new TypeError('Failed to fetch'));
  });
  await deliver(parcel, needs, {
    untilMs: needs.nowMs() + 60_000,
    signal: stop.signal,
    onRound: () => undefined,
    onCertificateUnknown: () => undefined,
  });
  expect(asked).toBe(0);
});

test('the address space is named for the shop’s network and left out for loopback', async () => {
  const { kiosk, parcel } = await setUp(['http://192.168.49.1:7070']);
  const inits: RequestInit[] = [];
  const needs = makeDelivery((input, init) => {
    if (init !== undefined) inits.push(init);
    return kiosk.fetch(input, init);
  });
  await send(parcel, needs);
  expect(inits[0]).toMatchObject({
    targetAddressSpace: 'local',
    mode: 'cors',
    credentials: 'omit',
    redirect: 'error',
  });
  await send({ ...parcel, addresses: ['http://127.0.0.1:7070'] }, needs);
  expect(inits.at(-1)).not.toHaveProperty('targetAddressSpace');
  expect(['http://127.8.9.1', 'http://localhost:1', 'http://[::1]:7070'].every(isLoopback)).toBe(true);
  expect(['http://10.0.0.1', 'http://127.example:1'].some(isLoopback)).toBe(false);
});
