/** Refunds on the phone: read, countersigned once, sent until answered, kept whatever happens. */
import { describe, expect, test } from 'vitest';
import * as protocol from '@tikiwallet/protocol';
import type { ClaimBody, ClaimView } from '@tikiwallet/server/contract';
import type { StoredPayment, StoredRefund } from '../store/schema.ts';
import { checkIntegrity } from '../store/integrity.ts';
import {
  FakeKiosk,
  id,
  makeDelivery,
  makeOffer,
  makePhone,
  makeShop,
  newKey,
  NOW,
  ok,
  primitives,
  refusal,
  runNeeds,
  USER,
  type PhoneUnderTest,
} from '../test/world.ts';
import { acceptOnce } from './accept-refund.ts';
import { HAND_IN_AFTER_SECONDS, handInRefunds } from './hand-in.ts';
import { refundsWaiting } from './nearby-refunds.ts';
import { readRefund, type OfferedRefund, type RefundFacts, type RefundOutcome } from './read-refund.ts';
import { hasOpenRefund, reconcileRefunds } from './reconcile.ts';
import { confirmAndSend } from './run-payment.ts';
import { confirmRefund, sendRefund, takeRefundReceipt, type RefundRunNeeds } from './run-refund.ts';

const shop = await makeShop();
const never = new AbortController().signal;

async function paid(): Promise<{ phone: PhoneUnderTest; payment: StoredPayment }> {
  const phone = await makePhone(shop);
  const offer = await makeOffer(shop, phone, { amountMinor: 1_250n });
  await confirmAndSend(offer, runNeeds(shop, phone, new FakeKiosk(shop)), () => undefined, never);
  const [payment] = await phone.database.getAll('payments');
  if (payment === undefined || payment.receipt === null) throw new Error('nothing was paid');
  return { phone, payment };
}

interface OfferChanges {
  readonly amountMinor?: bigint;
  readonly kind?: protocol.RefundKind;
  readonly fill?: number;
  readonly sequence?: number;
  readonly issuedAt?: number;
  readonly paymentHash?: Uint8Array;
}

async function offerText(payment: StoredPayment, changes: OfferChanges = {}, sign = shop.kioskKey.sign) {
  const { fill, ...fields } = changes;
  const draft = {
    refundIdBytes: id(fill ?? 0x66),
    paymentHash: protocol.fromHex(payment.id),
    kind: 'refund' as const,
    amountMinor: 500n,
    sequence: payment.receiptNumber ?? 1,
    issuedAt: NOW + 10,
    ttlSeconds: 300,
    addresses: ['http://192.168.49.1:7070'],
    ...fields,
  };
  const bytes = await ok(protocol.signRefundOffer(draft, shop.kiosk.hash), sign);
  return protocol.toQrText('refundOffer', protocol.encodeRefundEnvelope(shop.kioskCertificate, bytes));
}

function read(
  text: string,
  phone: PhoneUnderTest,
  changes: Partial<RefundFacts> = {},
): Promise<RefundOutcome> {
  return readRefund(text, {
    crypto: primitives,
    trust: shop.trust,
    nowSeconds: NOW + 20,
    clockIsPlausible: true,
    findPayment: (paymentId) => phone.database.get('payments', paymentId),
    refundsOf: (paymentId) => phone.database.getAllFromIndex('refunds', 'paymentId', paymentId),
    ...changes,
  });
}

async function offerOf(phone: PhoneUnderTest, payment: StoredPayment, changes: OfferChanges = {}) {
  const outcome = await read(await offerText(payment, changes), phone);
  if (outcome.kind !== 'offer') throw new Error(JSON.stringify(outcome));
  return outcome.offer;
}

const codeOf = (outcome: RefundOutcome) => (outcome.kind === 'refused' ? outcome.code : outcome.kind);

/** A kiosk that gives back what it is sent, checking the countersignature with the protocol's own rules. */
class RefundingKiosk {
  readonly received: Uint8Array[] = [];
  faults: ('lost_before' | 'lost_after' | Response)[] = [];
  readonly #offered: OfferedRefund;
  constructor(offered: OfferedRefund) {
    this.#offered = offered;
  }
  readonly fetch: typeof fetch = async (input, init) => {
    expect(input).toBe('http://192.168.49.1:7070/v1/refunds');
    const fault = this.faults.shift();
    if (fault instanceof Response) return fault;
    if (fault === 'lost_before') throw new TypeError('Failed to fetch');
    if (!(init?.body instanceof Uint8Array)) throw new Error('an acceptance is bytes');
    const opened = await protocol.openSealed(init.body, {
      privateKey: shop.sealingKey.scalar,
      kioskCertificateHash: shop.kiosk.hash,
    });
    if (!opened.ok) return refusal(opened.code);
    this.received.push(opened.value);
    if (fault === 'lost_after') throw new TypeError('Failed to fetch');
    return new Response(new Uint8Array(await this.receipt()));
  };
  async receipt(changes: Partial<protocol.RefundReceipt> = {}): Promise<Uint8Array> {
    const { offer } = this.#offered;
    const receipt = {
      refundId: offer.refundId,
      paymentHash: offer.paymentHash,
      amountMinor: offer.amountMinor,
      refundedMinor: offer.amountMinor,
      sequence: 9,
      journalHash: new Uint8Array(32).fill(1),
      at: NOW + 40,
      ...changes,
    };
    return await ok(protocol.signRefundReceipt(receipt, shop.kiosk.hash), shop.kioskKey.sign);
  }
}

function needsOf(phone: PhoneUnderTest, kiosk: RefundingKiosk): RefundRunNeeds {
  return { ...phone.needs, issuers: shop.trust.issuers, delivery: makeDelivery(kiosk.fetch) };
}

async function stored(phone: PhoneUnderTest): Promise<StoredRefund> {
  const [refund] = await phone.database.getAll('refunds');
  if (refund === undefined) throw new Error('nothing was countersigned');
  return refund;
}

describe('what a phone countersigns', () => {
  test('its own payment at the kiosk that it paid, whole or in part', async () => {
    const { phone, payment } = await paid();
    const offer = await offerOf(phone, payment);
    expect(offer).toMatchObject({
      merchantName: 'Warung Sari',
      refundedMinor: 0n,
      payment: { id: payment.id },
    });
    expect((await offerOf(phone, payment, { kind: 'void', amountMinor: 1_250n })).offer.kind).toBe('void');
  });

  test('and nothing else', async () => {
    const { phone, payment } = await paid();
    const thief = await newKey();
    const at = async (changes: OfferChanges, facts: Partial<RefundFacts> = {}, sign = shop.kioskKey.sign) =>
      codeOf(await read(await offerText(payment, changes, sign), phone, facts));
    expect(await at({}, {}, thief.sign)).toBe('refund_offer_signature_invalid');
    expect(await at({ paymentHash: new Uint8Array(32) })).toBe('refund_is_for_another_payment');
    expect(await at({ sequence: 99 })).toBe('refund_is_for_another_payment');
    expect(await at({ amountMinor: 1_251n })).toBe('refund_exceeds_sale');
    expect(await at({ kind: 'void' })).toBe('void_is_not_whole');
    expect(await at({}, { nowSeconds: NOW + 10 + 300 + 301 })).toBe('refund_offer_expired');
    expect(await at({}, { clockIsPlausible: false })).toBe('clock_behind_trusted_time');
    expect(await at({}, { trust: null })).toBe('trust_missing');
    const denied = { ...shop.trust, deniedKiosks: new Set([shop.kiosk.kioskId]) };
    expect(await at({}, { trust: denied })).toBe('kiosk_denied');
    const revokedAt = (honouredUntil: number) => ({
      trust: { ...shop.trust, revokedIssuers: [{ generation: 1, honouredUntil }] },
    });
    expect(await at({}, revokedAt(NOW + 20))).toBe('issuer_key_revoked');
    expect(await at({}, revokedAt(NOW + 21))).toBe('offer');
    expect(await at({}, { findPayment: () => Promise.resolve({ ...payment, kioskId: 'another' }) })).toBe(
      'refund_is_for_another_kiosk',
    );
  });

  test('also with a clock ahead of the kiosk’s by what page 14 grants: what is shown can be confirmed', async () => {
    // The phone stands at NOW + 20; the offer is good for 300 seconds and 300 more.
    for (const [ahead, leftSeconds] of [
      [-200, 300],
      [0, 300],
      [300, 300],
      [301, 299],
      [599, 1],
    ] as const) {
      const { phone, payment } = await paid();
      const offer = await offerOf(phone, payment, { issuedAt: NOW + 20 - ahead });
      expect(offer.expiresAt).toBe(NOW + 20 + leftSeconds);
      expect(await acceptOnce(offer, phone.needs)).toMatchObject({ state: 'signed' });
    }
  });

  test('the same code again shows what was countersigned', async () => {
    const { phone, payment } = await paid();
    const text = await offerText(payment);
    const outcome = await read(text, phone);
    if (outcome.kind !== 'offer') throw new Error('no offer');
    const refund = await acceptOnce(outcome.offer, phone.needs);
    expect(await read(text, phone)).toEqual({ kind: 'known', refund });
  });

  test('receipts count: two parts may not exceed the payment', async () => {
    const { phone, payment } = await paid();
    const first = await offerOf(phone, payment, { amountMinor: 800n });
    await confirmRefund(first, needsOf(phone, new RefundingKiosk(first)), () => undefined, never);
    expect(codeOf(await read(await offerText(payment, { fill: 0x67 }), phone))).toBe('refund_exceeds_sale');
  });
});

describe('what kiosks on the network answer', () => {
  const found = async (text: string, phone: PhoneUnderTest, facts: Partial<RefundFacts> = {}) =>
    await refundsWaiting([text], (one) => read(one, phone, facts));

  test('waits until its receipt is here, and is told by its signed name and amount', async () => {
    const { phone, payment } = await paid();
    const text = await offerText(payment);
    const waiting = [{ text, merchantName: 'Warung Sari', amountMinor: 500n, currency: 'SGD' }];
    expect(await found(text, phone)).toEqual(waiting);
    const offer = await offerOf(phone, payment);
    await acceptOnce(offer, phone.needs);
    expect(await found(text, phone)).toEqual(waiting);
    await sendRefund(await stored(phone), needsOf(phone, new RefundingKiosk(offer)), () => undefined, never);
    expect(await found(text, phone)).toEqual([]);
  });

  test('is nothing where it cannot be read, is not signed by a kiosk in good standing, or is for another payment', async () => {
    const { phone, payment } = await paid();
    const thief = await newKey();
    const bytes = (...values: number[]) => protocol.toQrText('refundOffer', Uint8Array.from(values));
    for (const junk of [bytes(), bytes(0x82, 1, 2), bytes(0xff), 'TIKI1:B:', ':'])
      expect(await found(junk, phone)).toEqual([]);
    expect(await found(await offerText(payment, {}, thief.sign), phone)).toEqual([]);
    expect(await found(await offerText(payment, { paymentHash: new Uint8Array(32) }), phone)).toEqual([]);
    const text = await offerText(payment);
    const denied = { ...shop.trust, deniedKiosks: new Set([shop.kiosk.kioskId]) };
    expect(await found(text, phone, { trust: denied })).toEqual([]);
    expect(await found(text, phone, { trust: null })).toEqual([]);
    expect(await found(text, phone, { findPayment: () => Promise.resolve(undefined) })).toEqual([]);
  });
});

describe('R33 the countersignature', () => {
  test('is on disk, with the marker, before a byte leaves, and is made once for an offer', async () => {
    const { phone, payment } = await paid();
    const offer = await offerOf(phone, payment);
    const before = phone.mirrors[0].value;
    const [first, second] = await Promise.all([
      acceptOnce(offer, phone.needs),
      acceptOnce(offer, phone.needs),
    ]);
    expect(second.acceptance).toEqual(first.acceptance);
    expect(phone.mirrors[0].value?.count).toBe((before?.count ?? 0) + 1);
    expect((await phone.database.get('allowances', payment.allowanceId))?.lastCounter).toBe(1);
    expect(await phone.database.count('refunds')).toBe(1);
  });

  test('is made by the key of a load that was closed, ended or denied', async () => {
    const { phone, payment } = await paid();
    const allowance = await phone.database.get('allowances', payment.allowanceId);
    if (allowance === undefined) throw new Error('no allowance');
    await phone.database.put('allowances', {
      ...allowance,
      state: 'closing',
      cloudStatus: 'denied',
      notAfter: NOW - 1,
    });
    const offer = await offerOf(phone, payment);
    const kiosk = new RefundingKiosk(offer);
    await confirmRefund(offer, needsOf(phone, kiosk), () => undefined, never);
    const certificate = await ok(
      protocol.verifyAllowanceCertificate(allowance.certificate, shop.trust.issuers),
    );
    const acceptance = protocol.readRefundAcceptance(kiosk.received[0] ?? new Uint8Array());
    expect(await ok(protocol.signedRefundAcceptance(acceptance, certificate))).not.toBeNull();
    expect(acceptance.offerHash).toEqual(offer.offer.hash);
  });

  test('R34 a memory that went back behind it is noticed, and signs nothing', async () => {
    const { phone, payment } = await paid();
    const offer = await offerOf(phone, payment);
    const marker = await phone.database.get('meta', 'marker');
    await acceptOnce(offer, phone.needs);
    await phone.database.clear('refunds');
    await phone.database.put('meta', marker ?? { epoch: 1, count: 0 }, 'marker');
    expect(await checkIntegrity(phone.database, phone.mirrors)).toBe('rolled_back');
    await expect(acceptOnce(offer, phone.needs)).rejects.toMatchObject({ code: 'store_rolled_back' });
  });

  test('is not made for an offer that ended while the person thought', async () => {
    const { phone, payment } = await paid();
    const offer = await offerOf(phone, payment);
    await expect(acceptOnce({ ...offer, expiresAt: NOW }, phone.needs)).rejects.toMatchObject({
      code: 'refund_offer_expired',
    });
  });
});

describe('the answer', () => {
  test('lost before or after the kiosk stored it: the same bytes go again until the receipt comes', async () => {
    const { phone, payment } = await paid();
    const offer = await offerOf(phone, payment);
    const kiosk = new RefundingKiosk(offer);
    kiosk.faults = ['lost_before', 'lost_after'];
    await confirmRefund(offer, needsOf(phone, kiosk), () => undefined, never);
    expect(kiosk.received).toHaveLength(2);
    expect(kiosk.received[1]).toEqual(kiosk.received[0]);
    expect(await stored(phone)).toMatchObject({ state: 'refunded', receiptNumber: 9, refundedAt: NOW + 40 });
  });

  test('that is no receipt for this refund is none; a refusal is told and a later receipt overrules it', async () => {
    const { phone, payment } = await paid();
    const offer = await offerOf(phone, payment);
    const kiosk = new RefundingKiosk(offer);
    const needs = needsOf(phone, kiosk);
    kiosk.faults = [refusal('refund_not_open')];
    await confirmRefund(offer, needs, () => undefined, never);
    expect(await stored(phone)).toMatchObject({ state: 'refused', refusalCode: 'refund_not_open' });
    const wrong = protocol.toQrText('refundReceipt', await kiosk.receipt({ amountMinor: 499n }));
    await expect(takeRefundReceipt(await stored(phone), wrong, needs)).rejects.toMatchObject({
      code: 'refund_receipt_is_for_another_refund',
    });
    await expect(takeRefundReceipt(await stored(phone), 'TIKI1:C:00', needs)).rejects.toMatchObject({
      code: 'qr_not_a_receipt',
    });
    const text = protocol.toQrText('refundReceipt', await kiosk.receipt());
    expect(await takeRefundReceipt(await stored(phone), text, needs)).toMatchObject({ state: 'refunded' });
    kiosk.faults = [refusal('refund_not_open')];
    await sendRefund(await stored(phone), needs, () => undefined, never);
    expect(await stored(phone)).toMatchObject({ state: 'refunded', refusalCode: null });
  });
});

describe('with the cloud', () => {
  test('what it knows counts, also without a receipt, and never goes back', async () => {
    const { phone, payment } = await paid();
    const { id: offerHash } = await acceptOnce(await offerOf(phone, payment), phone.needs);
    await reconcileRefunds(phone.database, [{ offerHash, state: 'waiting' }]);
    expect(await stored(phone)).toMatchObject({ state: 'waiting' });
    await reconcileRefunds(phone.database, [{ offerHash, state: 'settled' }]);
    await reconcileRefunds(phone.database, [{ offerHash, state: 'waiting' }]);
    const refund = await stored(phone);
    expect(refund).toMatchObject({ state: 'settled' });
    const asks = (state: StoredRefund['state'], afterDays: number) =>
      hasOpenRefund([{ ...refund, state }], refund.signedAt + afterDays * 24 * 3600);
    expect([asks('settled', 0), asks('unconfirmed', 99), asks('refused', 13), asks('refused', 14)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('a receipt for a refund is handed in with its sale after a day, once', async () => {
    const { phone, payment } = await paid();
    const offer = await offerOf(phone, payment);
    await confirmRefund(offer, needsOf(phone, new RefundingKiosk(offer)), () => undefined, never);
    const received: ClaimBody[] = [];
    const claim = (body: ClaimBody): Promise<ClaimView> => {
      received.push(body);
      const view: Partial<ClaimView> = { state: 'paid', refund: { state: 'settled', code: null } };
      return Promise.resolve(view as ClaimView);
    };
    const round = async (nowSeconds: number) => {
      const facts = {
        nowSeconds,
        allowances: await phone.database.getAll('allowances'),
        deniedKiosks: new Set<string>(),
      };
      const needs = { database: phone.database, nowMs: () => 7, api: { claim } };
      await handInRefunds(
        await phone.database.getAll('refunds'),
        await phone.database.getAll('payments'),
        facts,
        needs,
      );
    };
    await round(NOW + 40 + HAND_IN_AFTER_SECONDS - 1);
    expect(received).toHaveLength(0);
    await round(NOW + 40 + HAND_IN_AFTER_SECONDS);
    await round(NOW + 40 + HAND_IN_AFTER_SECONDS);
    expect(received).toHaveLength(1);
    expect(received[0]?.refund?.offer).toBe(protocol.toBase64Url(offer.offer.bytes));
    expect(await stored(phone)).toMatchObject({ state: 'settled', handedIn: { state: 'settled', atMs: 7 } });
    expect(payment.userId).toBe(USER);
  });

  test('refunds that only their kiosk can bring do not stand before the one that can be handed in', async () => {
    const { phone, payment } = await paid();
    const offer = await offerOf(phone, payment);
    await confirmRefund(offer, needsOf(phone, new RefundingKiosk(offer)), () => undefined, never);
    const refund = await stored(phone);
    const unpaid: StoredPayment = { ...payment, id: 'ab'.repeat(32), receipt: null };
    const stuck = Array.from({ length: 20 }, (_, n) => ({ ...refund, id: `${n}`, paymentId: unpaid.id }));
    const received: ClaimBody[] = [];
    const claim = (body: ClaimBody): Promise<ClaimView> => {
      received.push(body);
      const view: Partial<ClaimView> = { state: 'paid', refund: { state: 'settled', code: null } };
      return Promise.resolve(view as ClaimView);
    };
    const facts = {
      nowSeconds: NOW + 40 + HAND_IN_AFTER_SECONDS,
      allowances: await phone.database.getAll('allowances'),
      deniedKiosks: new Set<string>(),
    };
    const needs = { database: phone.database, nowMs: () => 7, api: { claim } };
    await handInRefunds([...stuck, refund], [unpaid, payment], facts, needs);
    expect(received.map(({ refund: claimed }) => claimed?.offer)).toEqual([
      protocol.toBase64Url(offer.offer.bytes),
    ]);
    expect(await stored(phone)).toMatchObject({ state: 'settled' });
  });
});
