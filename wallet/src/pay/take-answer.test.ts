/** By way of the kiosk's page: out with sealed bytes, back with an answer that nobody has to believe (R2, R5). */
import { expect, test } from 'vitest';
import { fromBase64Url, fromHex, toBase64Url, toHex } from '@tikiwallet/protocol';
import { FakeKiosk, makeLink, makeOffer, makePhone, makeReceipt, makeShop, runNeeds } from '../test/world.ts';
import type { PaymentEvent } from './payment-machine.ts';
import { confirmAndSend, sendPayment } from './run-payment.ts';
import { takeAnswer } from './take-answer.ts';
import type { LinkFacts } from './ways.ts';

const never = new AbortController().signal;
const ADDRESSES = ['http://192.168.49.1:7070'];

async function setUp(changes: Partial<LinkFacts> = {}) {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  const kiosk = new FakeKiosk(shop);
  const link = makeLink(changes);
  const needs = { ...runNeeds(shop, phone, kiosk), link };
  const events: PaymentEvent[] = [];
  const emit = (event: PaymentEvent) => void events.push(event);
  const offer = await makeOffer(shop, phone, { addresses: ADDRESSES });
  const stored = async () => (await phone.database.getAll('payments'))[0];
  return { shop, phone, kiosk, link, needs, events, emit, offer, stored };
}

/** Signed, taken to the page, and the wallet closed. */
async function atThePage() {
  const world = await setUp({ permission: 'denied' });
  // What the browser does while it is away is nothing.
  const silent = { ...world.needs.delivery, fetch: () => Promise.reject(new TypeError('Failed to fetch')) };
  await confirmAndSend(world.offer, { ...world.needs, delivery: silent }, world.emit, never);
  const url = new URL(world.link.left[0] ?? '');
  const given = new URLSearchParams(url.hash.slice(1));
  const payment = await world.stored();
  if (payment === undefined) throw new Error('nothing was signed');
  return { ...world, url, given, payment, state: given.get('s') ?? '' };
}

test('R5 with the network forbidden, the first way is the kiosk’s page, of the one signed payment', async () => {
  const { url, given, kiosk, payment, phone, events, link } = await atThePage();
  expect(events.map(({ event }) => event).slice(0, 3)).toEqual(['confirmed', 'sending', 'leaving']);
  expect(link.left).toHaveLength(1);
  expect(url.origin + url.pathname).toBe('http://192.168.49.1:7070/pay');
  expect([...given.keys()]).toEqual(['v', 's', 'o', 'l', 'd']);
  expect(given.get('o')).toBe('https://wallet.test');
  expect(url.href.length).toBeLessThan(1_200);
  const answer = await kiosk.fetch('', { body: new Uint8Array(fromBase64Url(given.get('d') ?? '')) });
  expect(answer.status).toBe(200);
  expect(kiosk.received.map(toHex)).toEqual([toHex(payment.payment)]);
  expect(await phone.database.count('payments')).toBe(1);
});

test('R5 a call that the browser may have stopped is followed by the page, within the same second', async () => {
  const { needs, emit, offer, link, events, kiosk } = await setUp({ permission: 'prompt' });
  kiosk.faults.push('lost_before');
  const startedMs = needs.delivery.nowMs();
  const leftAt: number[] = [];
  const leave = (url: string, id: string) => {
    leftAt.push(needs.delivery.nowMs() - startedMs);
    link.leave(url, id);
  };
  await confirmAndSend(offer, { ...needs, link: { ...link, leave } }, emit, never);
  expect(leftAt).toHaveLength(1);
  expect(leftAt[0]).toBeLessThan(1_000);
  // It stayed in the wallet, so the call was tried again, with the same payment.
  expect(events.at(-1)).toMatchObject({ event: 'receipted', payment: { counter: 1 } });
});

test('R5 an allowed call that nobody answers leads to no page: it would be out of reach as well', async () => {
  const { needs, emit, offer, link, kiosk } = await setUp({ permission: 'granted' });
  kiosk.faults.push('lost_before', 'lost_before');
  await confirmAndSend(offer, needs, emit, never);
  expect(link.left).toEqual([]);
});

test('R2 the receipt from the page makes the payment paid, in a wallet that was started anew', async () => {
  const { shop, payment, state, needs, stored, phone } = await atThePage();
  const receipt = await makeReceipt(shop, { hash: fromHex(payment.id), amountMinor: payment.amountMinor }, 1);
  const fragment = `v=1&s=${state}&r=${toBase64Url(receipt)}`;
  const taken = { paymentId: payment.id, code: null };
  expect(await takeAnswer(fragment, needs)).toEqual(taken);
  expect(await stored()).toMatchObject({ state: 'paid', receipt, counter: 1 });
  // Loaded again, or sent twice: once.
  expect(await takeAnswer(fragment, needs)).toEqual(taken);
  expect(await phone.database.count('payments')).toBe(1);
  expect(await phone.database.get('meta', 'pastWay')).toEqual({ way: 'page', address: ADDRESSES[0] });
});

test('R8 by the page with its answer lost, and then by a call: the same receipt, one payment', async () => {
  const { given, kiosk, payment, needs, emit, stored } = await atThePage();
  await kiosk.fetch('', { body: new Uint8Array(fromBase64Url(given.get('d') ?? '')) });
  await sendPayment(payment, { ...needs, link: makeLink() }, emit, never);
  expect(await stored()).toMatchObject({ state: 'paid', counter: 1, receiptNumber: 1 });
  expect(kiosk.accepted.size).toBe(1);
  expect(new Set(kiosk.received.map(toHex)).size).toBe(1);
});

test('an answer that this phone waits for no payment with changes nothing', async () => {
  const { shop, payment, state, needs, stored } = await atThePage();
  const receipt = await makeReceipt(shop, { hash: fromHex(payment.id), amountMinor: payment.amountMinor }, 1);
  for (const fragment of [
    '',
    'v=1',
    'e=request_expired',
    `v=1&s=AAAAAAAAAAAAAAAAAAAAAA&e=request_expired`,
    `v=1&r=${toBase64Url(receipt)}`,
    `v=1&s=${state}x&r=${toBase64Url(receipt)}`,
  ]) {
    await expect(takeAnswer(fragment, needs), fragment).rejects.toMatchObject({ code: 'hand_off_unknown' });
  }
  expect(await stored()).toMatchObject({ state: 'unconfirmed', receipt: null });
});

test('no bytes in the wallet’s address are believed: forged, foreign, endless and broken receipts free and pay nothing', async () => {
  const { shop, phone, payment, state, needs, stored } = await atThePage();
  const other = await makeOffer(shop, phone, { fill: 0x46 });
  await confirmAndSend(other, { ...needs, link: makeLink() }, () => undefined, never);
  const foreign = (await phone.database.getAll('payments')).find((one) => one.id !== payment.id)?.receipt;
  const cheaper = await makeReceipt(shop, { hash: fromHex(payment.id), amountMinor: 1n }, 1);
  const own = await makeReceipt(shop, { hash: fromHex(payment.id), amountMinor: payment.amountMinor }, 1);
  const forged = own.with(-1, (own.at(-1) ?? 0) ^ 1);
  for (const [answer, code] of [
    [`r=${toBase64Url(foreign ?? own)}`, 'receipt_is_for_another_payment'],
    [`r=${toBase64Url(cheaper)}`, 'receipt_is_for_another_payment'],
    [`r=${toBase64Url(forged)}`, 'receipt_signature_invalid'],
    [`r=${'A'.repeat(5_463)}`, 'answer_not_understood'],
    ['r=a', 'answer_not_understood'],
    ['r=%00', 'answer_not_understood'],
    ['r=', 'message_malformed'],
    [`r=${toBase64Url(own)}&e=request_expired`, 'answer_not_understood'],
    ['', 'answer_not_understood'],
    ['e=hacked', 'answer_not_understood'],
    ['e=__proto__', 'answer_not_understood'],
    ['e=kiosk_unreachable', 'kiosk_unreachable'],
    ['e=storage_full', 'storage_full'],
  ] as const) {
    const taken = await takeAnswer(`v=1&s=${state}&${answer}`, needs);
    expect(taken, answer).toEqual({ paymentId: payment.id, code });
    expect((await phone.database.get('payments', payment.id))?.state, answer).toBe('unconfirmed');
  }
  expect(await takeAnswer(`v=2&s=${state}&r=${toBase64Url(own)}`, needs)).toMatchObject({
    code: 'answer_not_understood',
  });
  expect((await stored())?.id).toBeDefined();
});

test('a refusal from the page is told, keeps the money held, and gives way to a receipt', async () => {
  const { shop, payment, state, needs, phone } = await atThePage();
  const current = () => phone.database.get('payments', payment.id);
  expect(await takeAnswer(`v=1&s=${state}&e=request_expired`, needs)).toMatchObject({
    code: 'request_expired',
  });
  expect(await current()).toMatchObject({ state: 'refused', refusalCode: 'request_expired' });
  expect((await phone.database.getAll('allowances'))[0]).toMatchObject({
    cumulativeMinor: payment.amountMinor,
  });
  const receipt = await makeReceipt(shop, { hash: fromHex(payment.id), amountMinor: payment.amountMinor }, 1);
  await takeAnswer(`v=1&s=${state}&r=${toBase64Url(receipt)}`, needs);
  expect(await current()).toMatchObject({ state: 'paid', refusalCode: null });
  await takeAnswer(`v=1&s=${state}&e=request_expired`, needs);
  expect(await current()).toMatchObject({ state: 'paid' });
});
