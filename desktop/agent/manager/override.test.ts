/** The manager's override at the kiosk: the same bytes, one transaction, at risk, and nothing that no one may. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CHECK,
  decodeJournalEntry,
  decodeOverrideBody,
  decodePolicyChangeBody,
  decodeSaleBody,
  fromHex,
  runSync,
  toHex,
  verifyReceipt,
  type OverridableCode,
} from '@tikiwallet/protocol';
import type { AcceptOutcome } from '../accept-payment.ts';
import { codeOf, crypto, KIOSK_ID, malleate, TestIssuer, TestKiosk } from '../test/world.ts';

const issuer = new TestIssuer();
const DAY_SECONDS = 86_400;
let kiosk: TestKiosk;

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer, { policy: { firstPaymentMinor: 1_000n } });
  kiosk.setPin();
});
afterEach(() => kiosk.dispose());

function refusedSale(amountMinor = 1_250n, phone = issuer.phone()) {
  const sale = kiosk.sell(amountMinor);
  const { delivery, payment } = phone.pay(sale.envelope);
  const outcome = kiosk.acceptOne(delivery);
  if (outcome.kind !== 'refused') throw new Error(outcome.kind);
  return { sale, phone, delivery, payment, outcome, paymentHash: toHex(payment.hash) };
}

interface Decided {
  readonly saleId: string;
  readonly paymentHash: string;
  readonly codes: readonly OverridableCode[];
}

function override(decided: Decided, pinHash = kiosk.tryPin()): AcceptOutcome {
  return kiosk.desk.run('overridePayment', { ...decided, reason: 'knows_customer', pinHash });
}

function entries() {
  const { store } = kiosk.desk;
  return [...store.journal.rows(1, store.memory.head.sequence)].map(({ bytes }) => decodeJournalEntry(bytes));
}

test('a refusal that may be overridden says what would be set aside, and nothing is stored', () => {
  const { outcome, paymentHash } = refusedSale();
  expect(outcome).toMatchObject({
    code: 'first_payment_exceeds_limit',
    offer: { paymentHash, maskedPhone: '+65 •••• 5432', codes: ['first_payment_exceeds_limit'] },
  });
  expect(entries().map(({ kind }) => kind)).toEqual(['start']);
  expect(kiosk.snapshot().unsettled.count).toBe(0);
});

test('the same bytes are taken at risk: override and sale side by side, receipt of tier 3, limits not claimed', () => {
  const { sale, payment, paymentHash, delivery } = refusedSale();
  const outcome = override({ saleId: sale.saleId, paymentHash, codes: ['first_payment_exceeds_limit'] });
  if (outcome.kind !== 'accepted') throw new Error(codeOf(outcome));
  expect(outcome.payment).toMatchObject({ tier: 'at_risk', paymentHash, sequence: 3 });
  expect(outcome.payment.checks & CHECK.limits).toBe(0);
  const [, consent, sold] = entries();
  expect(decodeOverrideBody(consent?.body ?? [])).toEqual({
    paymentHash: payment.hash,
    reason: 'knows_customer',
    codes: ['first_payment_exceeds_limit'],
  });
  const body = decodeSaleBody(sold?.body ?? []);
  expect([body.tier, toHex(body.payment)]).toEqual(['at_risk', toHex(payment.bytes)]);
  const certificate = kiosk.desk.store.memory.kiosk?.certificate;
  if (certificate === undefined) throw new Error('enrolled');
  const expected = { paymentHash: fromHex(paymentHash), amountMinor: 1_250n };
  const receipt = runSync(verifyReceipt(outcome.receipt, certificate, expected), crypto);
  expect(receipt).toMatchObject({ ok: true, value: { tier: 'at_risk', sequence: 3 } });
  // The phone that asks again, with whatever signature, gets this receipt.
  const again = kiosk.acceptOne(delivery);
  expect(again).toMatchObject({ kind: 'repeated', receipt: outcome.receipt });
  const bent = issuer.phone().deliver(malleate(payment.bytes));
  expect(codeOf(kiosk.acceptOne(bent))).not.toBe('accepted');
});

test('an override is counted as unsettled and survives a restart like every sale', () => {
  const { sale, paymentHash } = refusedSale();
  override({ saleId: sale.saleId, paymentHash, codes: ['first_payment_exceeds_limit'] });
  kiosk.reopen();
  expect(kiosk.snapshot().unsettled).toEqual({ count: 1, sumMinor: 1_250n });
  expect(kiosk.desk.run('page', { before: null, limit: 5 })[0]).toMatchObject({ tier: 'at_risk' });
});

test('an override without the right PIN, for another payment, or after the request, changes nothing', () => {
  const { sale, paymentHash } = refusedSale();
  const decided = { saleId: sale.saleId, paymentHash, codes: ['first_payment_exceeds_limit'] } as const;
  expect(() => override(decided, kiosk.tryPin(false))).toThrow('manager_pin_wrong');
  // A hash without a counted try is no try.
  expect(() => override(decided, new Uint8Array(32).fill(0x77))).toThrow('manager_pin_wrong');
  expect(() => override({ ...decided, paymentHash: '00'.repeat(32) })).toThrow('override_not_possible');
  kiosk.clock.pass(121_000);
  expect(codeOf(override(decided))).toBe('request_expired');
  expect(entries().map(({ kind }) => kind)).toEqual(['start']);
});

test('what was refused is held in memory only, and for its request only', () => {
  const { sale, paymentHash } = refusedSale();
  kiosk.reopen();
  const decided = { saleId: sale.saleId, paymentHash, codes: ['first_payment_exceeds_limit'] } as const;
  expect(() => override(decided)).toThrow('override_not_possible');
  kiosk.desk.run('cancelSale', sale.saleId);
  const next = refusedSale();
  expect(() => override({ ...decided, paymentHash: next.paymentHash })).toThrow('override_not_possible');
});

test('consent covers what was shown and no more', () => {
  const { sale, paymentHash } = refusedSale();
  kiosk.desk.run('setLimits', { owner: 'kiosk', limits: { perPaymentMinor: 1_000n }, pinHash: null });
  const outcome = override({ saleId: sale.saleId, paymentHash, codes: ['first_payment_exceeds_limit'] });
  expect(outcome).toMatchObject({ kind: 'refused', code: 'payment_exceeds_kiosk_limit' });
  if (outcome.kind !== 'refused' || outcome.offer === undefined) throw new Error('a new offer');
  expect(outcome.offer.codes).toEqual(['payment_exceeds_kiosk_limit', 'first_payment_exceeds_limit']);
  expect(codeOf(override({ saleId: sale.saleId, paymentHash, codes: outcome.offer.codes }))).toBe('accepted');
});

describe('nothing is offered', () => {
  test('where the till has no PIN', () => {
    const bare = new TestKiosk();
    bare.enrol(issuer, { policy: { firstPaymentMinor: 1_000n } });
    const outcome = bare.acceptOne(issuer.phone().pay(bare.sell().envelope).delivery);
    expect(outcome).toEqual({
      kind: 'refused',
      code: 'first_payment_exceeds_limit',
      requestId: expect.any(String),
    });
    bare.dispose();
  });

  test('for a payment that another check or a signature would stop', () => {
    const phone = issuer.phone();
    const sale = kiosk.sell();
    const forged = issuer.phone({ key: issuer.phone().key });
    const stolen = phone.deliver(forged.pay(sale.envelope).payment.bytes);
    const outcome = kiosk.acceptOne(stolen);
    expect(outcome.kind === 'refused' && outcome.offer).toBeUndefined();
    const broke = issuer.phone({ capMinor: 1_000n }).pay(sale.envelope).delivery;
    const overspent = kiosk.acceptOne(broke);
    expect(overspent).toMatchObject({ code: 'payment_exceeds_allowance' });
    expect(overspent.kind === 'refused' && overspent.offer).toBeUndefined();
  });

  test('above what the issuer allows, whatever the shop set', () => {
    expect(() => kiosk.sell(20_001n)).toThrow('amount_exceeds_payment_limit');
  });
});

test('above the shop’s own limit a sale opens once there is a manager, and is refused until that manager decides', () => {
  kiosk.desk.run('setLimits', { owner: 'merchant', limits: { perPaymentMinor: 500n }, pinHash: null });
  const { outcome, sale, paymentHash } = refusedSale(900n);
  expect(outcome.code).toBe('payment_exceeds_kiosk_limit');
  expect(kiosk.snapshot().limits).toMatchObject({ perPaymentMinor: 500n, withManagerMinor: 20_000n });
  const codes = ['payment_exceeds_kiosk_limit'] as const;
  expect(codeOf(override({ saleId: sale.saleId, paymentHash, codes }))).toBe('accepted');
});

test.each([
  ['1 hour', 3_600],
  ['1 year', 365 * DAY_SECONDS],
])(
  'R30 a clock set back by %s refuses the open payment; only a manager lets it through, at risk',
  (_name, back) => {
    const sale = kiosk.sell(500n);
    const { delivery, payment } = issuer.phone().pay(sale.envelope);
    kiosk.clock.wall -= back * 1000;
    const outcome = kiosk.acceptOne(delivery);
    expect(outcome).toMatchObject({ kind: 'refused', code: 'clock_behind_trusted_time' });
    expect(kiosk.snapshot().isClockBehind).toBe(true);
    const codes = ['clock_behind_trusted_time'] as const;
    const taken = override({ saleId: sale.saleId, paymentHash: toHex(payment.hash), codes });
    expect(taken).toMatchObject({ kind: 'accepted', payment: { tier: 'at_risk' } });
    if (taken.kind === 'accepted') expect(taken.payment.checks & CHECK.trustFresh).toBe(0);
    expect(() => kiosk.sell(500n)).toThrow('clock_behind_trusted_time');
  },
);

test('R31 a bundle too old for a stranger stops the payment; a manager may let it through, a denial never', () => {
  kiosk.clock.pass(3 * DAY_SECONDS * 1000 + 1_000);
  const phone = issuer.phone({ notAfter: issuer.now + 14 * DAY_SECONDS });
  const { outcome, sale, paymentHash } = refusedSale(500n, phone);
  expect(outcome.code).toBe('trust_bundle_too_old');
  expect(codeOf(override({ saleId: sale.saleId, paymentHash, codes: ['trust_bundle_too_old'] }))).toBe(
    'accepted',
  );
  const denied = refusedSale(600n, issuer.phone({ notAfter: issuer.now + 14 * DAY_SECONDS }));
  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array();
  const id = denied.phone.allowance.allowanceId;
  kiosk.desk.run('refreshTrust', issuer.trust(certificate, { version: 2, denyListVersion: 1, denied: [id] }));
  const { saleId } = denied.sale;
  const codes = ['trust_bundle_too_old'] as const;
  expect(codeOf(override({ saleId, paymentHash: denied.paymentHash, codes }))).toBe('allowance_denied');
});

test('R31 a kiosk that the signed list denies sells nothing more, with or without internet, and says so', () => {
  const open = kiosk.sell(500n);
  const { delivery } = issuer.phone().pay(open.envelope);
  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array();
  const news = { version: 2, denyListVersion: 1, deniedKiosks: [KIOSK_ID] };
  kiosk.desk.run('refreshTrust', issuer.trust(certificate, news));
  expect(codeOf(kiosk.acceptOne(delivery))).toBe('kiosk_denied');
  expect(() => kiosk.sell(500n)).toThrow();
  kiosk.desk.run('cancelSale', open.saleId);
  expect(() => kiosk.sell(500n)).toThrow('kiosk_denied');
  kiosk.reopen();
  expect(kiosk.snapshot().trust?.kioskIsDenied).toBe(true);
  expect(() => kiosk.sell(500n)).toThrow('kiosk_denied');
});

test('R30 a clock that runs a year ahead ends certificates and not the kiosk: its own time again brings it back', () => {
  kiosk.clock.wall += 365 * DAY_SECONDS * 1000;
  expect(() => kiosk.sell(500n)).toThrow('certificate_expired');
  kiosk.clock.wall -= 365 * DAY_SECONDS * 1000;
  expect(kiosk.snapshot().isClockBehind).toBe(false);
  expect(codeOf(kiosk.acceptOne(issuer.phone().pay(kiosk.sell(500n).envelope).delivery))).toBe('accepted');
});

test('limits that were set are in the journal with their owner', () => {
  kiosk.desk.run('setLimits', { owner: 'kiosk', limits: { dayCount: 7 }, pinHash: null });
  const change = entries().at(-1);
  expect(change?.kind).toBe('policyChange');
  expect(decodePolicyChangeBody(change?.body ?? [])).toEqual({ owner: 'kiosk', limits: { dayCount: 7 } });
});
