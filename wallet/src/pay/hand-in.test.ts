/** Receipts handed in for kiosks that stay silent: when, once, and again until they are answered. */
import { expect, test } from 'vitest';
import { fromBase64Url, toHex } from '@tikiwallet/protocol';
import type { ClaimBody, ClaimState, ClaimView } from '@tikiwallet/server/contract';
import { ApiError } from '../api/problems.ts';
import type { StoredAllowance, StoredPayment } from '../store/schema.ts';
import {
  FakeKiosk,
  makeOffer,
  makePhone,
  makeShop,
  NOW,
  ok,
  primitives,
  runNeeds,
  type PhoneUnderTest,
} from '../test/world.ts';
import * as protocol from '@tikiwallet/protocol';
import { HAND_IN_AFTER_SECONDS, handInReceipts, isDueForHandIn, type HandInFacts } from './hand-in.ts';
import { confirmAndSend } from './run-payment.ts';

const shop = await makeShop();

async function paid(fills: readonly number[] = [0x44]): Promise<PhoneUnderTest> {
  const phone = await makePhone(shop);
  const needs = runNeeds(shop, phone, new FakeKiosk(shop));
  for (const fill of fills) {
    const offer = await makeOffer(shop, phone, { fill, amountMinor: 500n });
    await confirmAndSend(offer, needs, () => undefined, new AbortController().signal);
  }
  return phone;
}

async function facts(phone: PhoneUnderTest, changes: Partial<HandInFacts> = {}): Promise<HandInFacts> {
  const allowances = await phone.database.getAll('allowances');
  return { nowSeconds: NOW + 60, allowances, deniedKiosks: new Set(), ...changes };
}

async function onlyPayment(phone: PhoneUnderTest): Promise<StoredPayment> {
  const [payment] = await phone.database.getAll('payments');
  if (payment === undefined) throw new Error('nothing was paid');
  return payment;
}

/** Answers every claim with `state`, or fails as told, and remembers what it was given. */
function cloud(state: ClaimState, failures: ApiError[] = []) {
  const received: ClaimBody[] = [];
  const claim = (body: ClaimBody): Promise<ClaimView> => {
    received.push(body);
    const failure = failures.shift();
    if (failure !== undefined) return Promise.reject(failure);
    const view = { state } as Partial<ClaimView>;
    return Promise.resolve(view as ClaimView);
  };
  return { received, api: { claim } };
}

test('a receipt waits for its shop for a day, and no longer', async () => {
  const phone = await paid();
  const payment = await onlyPayment(phone);
  const acceptedAt = payment.acceptedAt ?? 0;
  const at = async (nowSeconds: number) => isDueForHandIn(payment, await facts(phone, { nowSeconds }));
  expect(await at(acceptedAt + HAND_IN_AFTER_SECONDS - 1)).toBe(false);
  expect(await at(acceptedAt + HAND_IN_AFTER_SECONDS)).toBe(true);
});

test('it goes at once when its kiosk is denied, or when its load is on the way back', async () => {
  const phone = await paid();
  const payment = await onlyPayment(phone);
  const deniedKiosks = new Set([shop.kiosk.kioskId]);
  expect(isDueForHandIn(payment, await facts(phone))).toBe(false);
  expect(isDueForHandIn(payment, await facts(phone, { deniedKiosks }))).toBe(true);
  const having = async (change: Partial<StoredAllowance>) =>
    isDueForHandIn(payment, await facts(phone, { allowances: [{ ...phone.allowance, ...change }] }));
  expect(await having({ state: 'closing' })).toBe(true);
  expect(await having({ cloudStatus: 'denied' })).toBe(true);
  expect(await having({ notAfter: NOW + 60 })).toBe(true);
  // Over and done: nothing is left to claim from.
  expect(await having({ cloudStatus: 'closed' })).toBe(false);
});

test('what has settled, has no receipt or was handed in before is not due', async () => {
  const phone = await paid();
  const payment = await onlyPayment(phone);
  const late = await facts(phone, { nowSeconds: NOW + 2 * HAND_IN_AFTER_SECONDS });
  expect(isDueForHandIn(payment, late)).toBe(true);
  for (const change of [
    { state: 'settled' },
    { state: 'unconfirmed', receipt: null },
    { handedIn: { state: 'paid', atMs: 0 } },
    { request: null },
  ] as const) {
    expect(isDueForHandIn({ ...payment, ...change }, late)).toBe(false);
  }
});

test('what is handed in verifies as the sale of this kiosk and this phone', async () => {
  const phone = await paid();
  const payment = await onlyPayment(phone);
  const { received, api } = cloud('paid');
  const late = await facts(phone, { nowSeconds: NOW + 2 * HAND_IN_AFTER_SECONDS });
  await handInReceipts([payment], late, { database: phone.database, nowMs: () => 7, api });
  const [body] = received;
  if (body === undefined) throw new Error('nothing was handed in');
  const bytes = (text: string) => fromBase64Url(text);
  const kiosk = await ok(protocol.verifyKioskCertificate(bytes(body.kioskCertificate), shop.trust.issuers));
  const allowance = await ok(
    protocol.verifyAllowanceCertificate(bytes(body.allowanceCertificate), shop.trust.issuers),
  );
  const sale = {
    kioskCertificateHash: kiosk.hash,
    request: bytes(body.request),
    allowanceCertificateHash: allowance.hash,
    payment: bytes(body.payment),
    tier: 'reserved',
    checks: 0,
  } as const;
  const verified = await ok(protocol.verifySale(sale, { kiosk, allowance }));
  expect(toHex(verified.payment.hash)).toBe(payment.id);
  const about = { paymentHash: verified.payment.hash, amountMinor: 500n };
  const receipt = await protocol.runAsync(
    protocol.verifyReceipt(bytes(body.receipt), kiosk, about),
    primitives,
  );
  expect(receipt.ok).toBe(true);
  expect(await onlyPayment(phone)).toMatchObject({
    state: 'settled',
    handedIn: { state: 'paid', atMs: 7 },
  });
});

test('without an answer nothing is written and the same bytes go again; after one, never', async () => {
  const phone = await paid();
  const late = await facts(phone, { nowSeconds: NOW + 2 * HAND_IN_AFTER_SECONDS });
  const { received, api } = cloud('paid', [new ApiError('network_unreachable', { status: 0 })]);
  const needs = { database: phone.database, nowMs: () => 7, api };
  const round = async () => handInReceipts(await phone.database.getAll('payments'), late, needs);
  await expect(round()).rejects.toMatchObject({ code: 'network_unreachable' });
  expect((await onlyPayment(phone)).handedIn).toBeNull();
  await round();
  await round();
  expect(received).toHaveLength(2);
  expect(received[1]).toEqual(received[0]);
});

test('a receipt that the cloud cannot use is told and does not hold up the next one', async () => {
  const phone = await paid([0x44, 0x54]);
  const late = await facts(phone, { nowSeconds: NOW + 2 * HAND_IN_AFTER_SECONDS });
  const { api } = cloud('paid', [new ApiError('claim_invalid', { status: 422 })]);
  const needs = { database: phone.database, nowMs: () => 7, api };
  await handInReceipts(await phone.database.getAll('payments'), late, needs);
  const states = (await phone.database.getAll('payments')).map((one) => one.handedIn?.state);
  expect(new Set(states)).toEqual(new Set(['invalid', 'paid']));
});
