/** The kiosk's decision: the order of its checks, every boundary of every limit, and the codes (R25, R26, R30, R31). */
import { describe, expect, expectTypeOf, it } from 'vitest';
import { fieldsOf, resigned } from '../scripts/tamper.ts';
import {
  crypto,
  id,
  makeDelivery,
  makeFacts,
  makePayment,
  makeRequest,
  makeWorld,
  newKey,
  NOW,
  ok,
  PHONE,
  type PaymentDraft,
  type WorldOptions,
} from '../test/world.ts';
import {
  CHECK,
  CLOCK_TOLERANCE_SECONDS,
  FRESH_FULL_SECONDS,
  FRESH_HALF_SECONDS,
  FRESH_KNOWN_SECONDS,
  identifyPayment,
  limitsAt,
  linkOf,
  readAllowanceCertificate,
  runSync,
  toUuid,
  verifyPayment,
  type AcceptanceFacts,
  type Result,
  type VerifiedPayment,
} from './index.ts';

const world = makeWorld();
const DAY = 24 * 3_600;

interface Attempted {
  readonly world?: ReturnType<typeof makeWorld>;
  readonly amountMinor?: bigint;
  readonly payment?: Partial<PaymentDraft>;
  readonly facts?: Partial<AcceptanceFacts>;
}

/** `accepted`, or the code of the refusal. */
function decide(given: Attempted = {}): string {
  const answer = decided(given);
  return answer.ok ? 'accepted' : answer.code;
}

function decided(given: Attempted) {
  const here = given.world ?? world;
  const request = makeRequest(
    here,
    given.amountMinor === undefined ? {} : { amountMinor: given.amountMinor },
  );
  const payment = makePayment(here, request, given.payment);
  const identified = ok(runSync(identifyPayment(makeDelivery(here, payment)), crypto));
  return runSync(verifyPayment(identified, makeFacts(here, request, given.facts)), crypto);
}

const TO_THIS_KIOSK = { merchantId: toUuid(id(0x11)), kioskId: toUuid(id(0x22)) };
const TO_THIS_MERCHANT = { ...TO_THIS_KIOSK, kioskId: null };

const inWorld = (options: WorldOptions, given: Attempted = {}) =>
  decide({ ...given, world: makeWorld(options) });

describe('an honest first payment', () => {
  it('is accepted as reserved, with the checks that were made', () => {
    const verified = ok(decided({}));
    expect(verified.tier).toBe('reserved');
    const all = Object.values(CHECK).reduce((sum, bit) => sum | bit, 0);
    expect(verified.checks).toBe(all & ~CHECK.payerKnown & ~CHECK.needsInternetSoon & ~CHECK.payerPhone);
    expect(verified.requestId).toBe(toUuid(id(0x44)));
  });

  it('under a payee lock to this kiosk is locked', () => {
    expect(ok(decided({ world: makeWorld({ payeeLock: TO_THIS_KIOSK }) })).tier).toBe('locked');
  });

  it('under a lock on the merchant alone is reserved: its other tills may take the same money', () => {
    expect(ok(decided({ world: makeWorld({ payeeLock: TO_THIS_MERCHANT }) })).tier).toBe('reserved');
  });

  it('is no VerifiedPayment before it was verified', () => {
    const request = makeRequest(world);
    const identified = ok(runSync(identifyPayment(makeDelivery(world, makePayment(world, request))), crypto));
    const looksVerified = { ...identified, tier: 'reserved', checks: 511 } as const;
    expectTypeOf(looksVerified).not.toExtend<VerifiedPayment>();
    expectTypeOf(decided({})).toEqualTypeOf<Result<VerifiedPayment>>();
  });
});

describe('the request', () => {
  it.each([
    ['open', 'accepted'],
    ['paid', 'request_already_paid'],
    ['expired', 'request_expired'],
    ['cancelled', 'request_not_open'],
  ] as const)('that is %s: %s', (state, expected) => {
    const request = makeRequest(world);
    expect(decide({ facts: { request: { ...request, state } } })).toBe(expected);
  });

  it('that this kiosk does not have', () => {
    expect(decide({ facts: { request: null } })).toBe('request_not_open');
  });

  it('is the one whose hash was signed, whatever the delivery calls it', () => {
    expect(decide({ payment: { requestHash: new Uint8Array(32) } })).toBe('payment_is_for_another_request');
  });

  it.each([[1_249n], [1_251n]])('asked 1250 and was paid %s', (amountMinor) => {
    expect(decide({ payment: { amountMinor, cumulativeMinor: amountMinor } })).toBe(
      'payment_amount_differs_from_request',
    );
  });

  it("in another currency than the kiosk's", () => {
    const request = makeRequest(world);
    const facts = makeFacts(world, { ...request, currency: 'IDR' });
    expect(decide({ facts: { request: facts.request } })).toBe('payment_currency_differs_from_request');
  });
});

describe('the certificates', () => {
  it('locked to another shop', () => {
    const elsewhere = { ...TO_THIS_MERCHANT, merchantId: toUuid(id(0x12)) };
    expect(inWorld({ payeeLock: elsewhere })).toBe('payment_is_for_another_shop');
  });

  it("locked to another till of this shop, or to this till's id under another shop", () => {
    const otherTill = { ...TO_THIS_KIOSK, kioskId: toUuid(id(0x23)) };
    expect(inWorld({ payeeLock: otherTill })).toBe('payment_is_for_another_shop');
    const otherShop = { ...TO_THIS_KIOSK, merchantId: toUuid(id(0x12)) };
    expect(inWorld({ payeeLock: otherShop })).toBe('payment_is_for_another_shop');
  });

  it('R27 of a revoked generation, also when their signatures are known to be good', () => {
    const trust = { ...world.trust, revokedIssuers: [{ generation: 1, honouredUntil: NOW + 30 }] };
    expect(decide({ facts: { trust, nowSeconds: NOW + 29 } })).toBe('accepted');
    for (const certificateIsKnownGood of [true, false])
      expect(decide({ facts: { trust, nowSeconds: NOW + 30, certificateIsKnownGood } })).toBe(
        'issuer_key_revoked',
      );
    const other = { ...world.trust, revokedIssuers: [{ generation: 2, honouredUntil: NOW }] };
    expect(decide({ facts: { trust: other, nowSeconds: NOW + 30 } })).toBe('accepted');
  });

  it('in another currency than the kiosk', () => {
    expect(decide({ facts: { kiosk: { ...world.kiosk, currency: 'IDR' } } })).toBe(
      'payment_currency_differs_from_request',
    );
  });

  it.each([
    ['the allowance is young', NOW - CLOCK_TOLERANCE_SECONDS, 'accepted'],
    ['the allowance is about to end', NOW + 72 * 3_600 - 1, 'accepted'],
    ['the allowance has ended', NOW + 72 * 3_600, 'certificate_expired'],
  ])('%s', (_what, nowSeconds, expected) => {
    expect(decide({ facts: { nowSeconds } })).toBe(expected);
  });

  it('of the kiosk, expired and not yet valid (R27)', () => {
    const kiosk = { ...world.kiosk, notAfter: NOW + 30 };
    expect(decide({ facts: { kiosk } })).toBe('certificate_expired');
    expect(decide({ facts: { kiosk: { ...world.kiosk, notBefore: NOW + DAY } } })).toBe(
      'certificate_not_yet_valid',
    );
  });

  it('denied: the allowance, and the kiosk itself (R27)', () => {
    expect(inWorld({ denied: [id(0x33)] })).toBe('allowance_denied');
    expect(inWorld({ denied: [id(0x32), id(0x34)] })).toBe('accepted');
    const trust = { ...world.trust, deniedKiosks: new Set([world.kiosk.kioskId]) };
    expect(decide({ facts: { trust } })).toBe('kiosk_denied');
  });

  it('of an issuer that is not in the bundle (R27)', () => {
    expect(decide({ facts: { trust: { ...world.trust, issuers: [] } } })).toBe('issuer_unknown');
  });

  it('with the cap raised by the phone', () => {
    const request = makeRequest(world);
    const payment = makePayment(world, request);
    const forged = resigned(
      world.allowance.bytes,
      fieldsOf(world.allowance.bytes).with(4, 999_999),
      world.phoneKey,
    );
    const delivery = { ...makeDelivery(world, payment), allowanceCertificate: forged };
    const identified = ok(runSync(identifyPayment(delivery), crypto));
    const answer = runSync(verifyPayment(identified, makeFacts(world, request)), crypto);
    // The first payment's link names the certificate it was made under: that is noticed before any signature.
    expect(answer).toEqual({ ok: false, code: 'payment_chain_broken' });
  });

  it('forged as a whole, with a payment that fits it', () => {
    const forged = resigned(
      world.allowance.bytes,
      fieldsOf(world.allowance.bytes).with(4, 999_999),
      world.phoneKey,
    );
    const request = makeRequest(world);
    const allowance = {
      ...world.allowance,
      bytes: forged,
      hash: ok(runSync(readAllowanceCertificate(forged), crypto)).certificate.hash,
    };
    const payment = makePayment({ ...world, allowance }, request);
    const delivery = makeDelivery({ ...world, allowance }, payment);
    const identified = ok(runSync(identifyPayment(delivery), crypto));
    const verify = (certificateIsKnownGood: boolean) =>
      runSync(verifyPayment(identified, makeFacts(world, request, { certificateIsKnownGood })), crypto);
    expect(verify(false)).toEqual({ ok: false, code: 'certificate_signature_invalid' });
    // The cache is asked about exactly these bytes; a caller who says yes to others has no protection left.
    expect(verify(true).ok).toBe(true);
  });
});

describe("the payment's signature", () => {
  it('of another key', () => {
    expect(decide({ world: { ...world, phoneKey: newKey() } })).toBe('payment_signature_invalid');
  });

  it('is checked even when the certificate is known good', () => {
    const given = { world: { ...world, phoneKey: newKey() }, facts: { certificateIsKnownGood: true } };
    expect(decide(given)).toBe('payment_signature_invalid');
  });

  it('is not checked twice for a caller who has checked it, and only for that one', () => {
    const given = (paymentSignatureIsKnownGood: boolean) => ({
      world: { ...world, phoneKey: newKey() },
      facts: { paymentSignatureIsKnownGood },
    });
    expect(decide(given(true))).toBe('accepted');
    expect(decide(given(false))).toBe('payment_signature_invalid');
  });
});

describe('counters and sums within one certificate (R25, R26)', () => {
  const second = { counter: 2, cumulativeMinor: 2_000n, previousLink: id(9) };

  it.each([
    ['the first with another sum', { cumulativeMinor: 1_251n }, 'payment_cumulative_inconsistent'],
    ['the first with another link', { previousLink: id(9) }, 'payment_chain_broken'],
    ['a sum below the amount', { counter: 2, cumulativeMinor: 1_249n }, 'payment_cumulative_inconsistent'],
    ['the second, first seen here', second, 'accepted'],
    ['the last that the limit allows', { ...second, counter: 30 }, 'accepted'],
    ['one more than that', { ...second, counter: 31 }, 'allowance_counter_limit_reached'],
    ['the largest counter', { ...second, counter: 2 ** 31 - 1 }, 'allowance_counter_limit_reached'],
  ])('%s', (_what, payment, expected) => {
    expect(decide({ payment })).toBe(expected);
  });

  it.each([
    ['one below the cap', 4_999n, 'accepted'],
    ['the cap', 5_000n, 'accepted'],
    ['one above the cap', 5_001n, 'payment_exceeds_allowance'],
    ['far above', 10n ** 15n, 'payment_exceeds_allowance'],
  ])('a cumulative sum of %s', (_what, cumulativeMinor, expected) => {
    expect(decide({ payment: { ...second, cumulativeMinor } })).toBe(expected);
  });
});

describe('counters and sums against what the kiosk saw (R25)', () => {
  const history = { lastCounter: 4, lastCumulativeMinor: 2_000n, lastHash: new Uint8Array(32).fill(7) };
  const next = { counter: 5, cumulativeMinor: 3_250n, previousLink: linkOf(history.lastHash) };

  it.each([
    ['the next one', next, 'accepted'],
    ['the same counter again', { ...next, counter: 4 }, 'payment_counter_not_increasing'],
    ['an earlier counter', { ...next, counter: 3 }, 'payment_counter_not_increasing'],
    [
      'the next one with a sum too low',
      { ...next, cumulativeMinor: 3_249n },
      'payment_cumulative_inconsistent',
    ],
    [
      'the next one with a sum too high',
      { ...next, cumulativeMinor: 3_251n },
      'payment_cumulative_inconsistent',
    ],
    ['the next one with another link', { ...next, previousLink: id(1) }, 'payment_chain_broken'],
    [
      'a gap, spent elsewhere in between',
      { counter: 7, cumulativeMinor: 4_000n, previousLink: id(1) },
      'accepted',
    ],
    [
      'a gap with a sum too low',
      { counter: 7, cumulativeMinor: 3_249n, previousLink: id(1) },
      'payment_cumulative_inconsistent',
    ],
  ])('%s', (_what, payment, expected) => {
    expect(decide({ payment, facts: { history } })).toBe(expected);
  });

  it('the first again is a rollback', () => {
    expect(decide({ facts: { history: { ...history, lastCounter: 1 } } })).toBe(
      'payment_counter_not_increasing',
    );
  });

  it("a counter before the certificate's first", () => {
    const allowance = { ...world.allowance, firstCounter: 5 };
    const request = makeRequest(world);
    const payment = makePayment(world, request);
    const identified = ok(runSync(identifyPayment(makeDelivery(world, payment)), crypto));
    const answer = runSync(verifyPayment({ ...identified, allowance }, makeFacts(world, request)), crypto);
    expect(answer).toEqual({ ok: false, code: 'payment_counter_not_increasing' });
  });

  it('a payer seen before is marked as known', () => {
    const verified = ok(decided({ payment: next, facts: { history } }));
    expect(verified.checks & CHECK.payerKnown).toBe(CHECK.payerKnown);
  });
});

describe("the payer's number, as the cashier typed it", () => {
  const request = makeRequest(world);
  const payment = makePayment(world, request);
  const decideWith = (expectedPhone: string | null, phoneSalt: Uint8Array | null) => {
    const delivery = { ...makeDelivery(world, payment), phoneSalt };
    const identified = ok(runSync(identifyPayment(delivery), crypto));
    return runSync(verifyPayment(identified, makeFacts(world, request, { expectedPhone })), crypto);
  };
  const differs = { ok: false, code: 'payer_phone_differs' };

  it('is opened by the salt that the phone delivered, and the receipt says that it was checked', () => {
    const { checks } = ok(decideWith(PHONE, world.phoneSalt));
    expect(checks & CHECK.payerPhone).toBe(CHECK.payerPhone);
  });

  it.each([
    ['another number', '+6598765433', world.phoneSalt],
    ['the same number with a space', '+65 98765432', world.phoneSalt],
    ['the masked number', '+65****5432', world.phoneSalt],
    ['no salt', PHONE, null],
    ['another salt', PHONE, id(0x56)],
  ])('%s is refused', (_what, phone, salt) => {
    expect(decideWith(phone, salt)).toEqual(differs);
  });

  it('is not looked at when nobody asked', () => {
    expect(ok(decideWith(null, id(0x56))).checks & CHECK.payerPhone).toBe(0);
  });
});

describe('limits, one below, at and above (R26)', () => {
  it.each([
    [1_249n, 'payment_exceeds_limit'],
    [1_250n, 'accepted'],
    [1_251n, 'accepted'],
  ])('per payment, by the issuer of the allowance: %s', (perPaymentMinor, expected) => {
    expect(inWorld({ perPaymentMinor })).toBe(expected);
  });

  it.each([
    [1_249n, 'payment_exceeds_kiosk_limit'],
    [1_250n, 'accepted'],
    [1_251n, 'accepted'],
  ])(
    "per payment, by policy and by the kiosk's certificate, the lower wins: %s",
    (perPaymentMinor, expected) => {
      expect(inWorld({ policy: { perPaymentMinor } })).toBe(expected);
      expect(decide({ facts: { kiosk: { ...world.kiosk, perPaymentMinor } } })).toBe(expected);
    },
  );

  it.each([
    [8_749n, 'accepted'],
    [8_750n, 'accepted'],
    [8_751n, 'kiosk_stored_sum_exceeded'],
  ])('the sum stored at the kiosk, at most 10000: %s and 1250 more', (sumMinor, expected) => {
    expect(
      inWorld({ policy: { storedSumMinor: 10_000n } }, { facts: { stored: { sumMinor, count: 1 } } }),
    ).toBe(expected);
  });

  it.each([
    [8, 'accepted'],
    [9, 'accepted'],
    [10, 'kiosk_stored_count_exceeded'],
  ])('the number stored at the kiosk, at most 10: %i and one more', (count, expected) => {
    expect(inWorld({ policy: { storedCount: 10 } }, { facts: { stored: { sumMinor: 0n, count } } })).toBe(
      expected,
    );
  });

  it('of the cap hold for one payment of exactly the cap', () => {
    const options = { capMinor: 1_250n, perPaymentMinor: 1_250n };
    expect(inWorld(options)).toBe('accepted');
    expect(inWorld({ ...options, capMinor: 1_249n })).toBe('payment_exceeds_allowance');
  });
});

describe('time without news (R30, R31)', () => {
  /** The bundle is `age` seconds old; the certificates are good for long. */
  const aged = (age: number, given: Attempted = {}, options: WorldOptions = {}) => {
    const here = makeWorld(options);
    const trust = { ...here.trust, issuedAt: NOW + 30 - age };
    return decide({ ...given, world: here, facts: { trust, ...given.facts } });
  };
  const history = { lastCounter: 1, lastCumulativeMinor: 10n, lastHash: id(1) };
  const known = { payment: { counter: 3, cumulativeMinor: 2_000n }, facts: { history } };

  it.each([
    [0, 10_000n, 'accepted'],
    [FRESH_FULL_SECONDS, 10_000n, 'accepted'],
    [FRESH_FULL_SECONDS + 1, 10_000n, 'accepted'],
    [FRESH_FULL_SECONDS + 1, 10_001n, 'payment_exceeds_kiosk_limit'],
    [FRESH_HALF_SECONDS, 10_000n, 'accepted'],
    [FRESH_HALF_SECONDS + 1, 1n, 'trust_bundle_too_old'],
  ])('at %i seconds an unknown payer may pay %s of 20000: %s', (age, amountMinor, expected) => {
    const given = { amountMinor, payment: { amountMinor, cumulativeMinor: amountMinor } };
    expect(aged(age, given, { capMinor: 50_000n, perPaymentMinor: 50_000n })).toBe(expected);
  });

  it('known payers may pay for seven days, payers locked to the kiosk longer', () => {
    expect(aged(FRESH_KNOWN_SECONDS, known)).toBe('accepted');
    expect(aged(FRESH_KNOWN_SECONDS + 1, known)).toBe('trust_bundle_too_old');
    expect(aged(FRESH_KNOWN_SECONDS, {}, { payeeLock: TO_THIS_KIOSK })).toBe('accepted');
    expect(aged(FRESH_KNOWN_SECONDS + 1, {}, { payeeLock: TO_THIS_KIOSK })).toBe('accepted');
  });

  it('a lock on the merchant alone opens no door that only safe money may use', () => {
    expect(aged(FRESH_KNOWN_SECONDS, {}, { payeeLock: TO_THIS_MERCHANT })).toBe('trust_bundle_too_old');
    expect(aged(FRESH_KNOWN_SECONDS + 1, known, { payeeLock: TO_THIS_MERCHANT })).toBe(
      'trust_bundle_too_old',
    );
  });

  it('halves the stored sum too, and says in the receipt that trust was not fresh', () => {
    const stored = { sumMinor: 4_000n, count: 1 };
    const options = { policy: { storedSumMinor: 10_000n } };
    expect(aged(FRESH_FULL_SECONDS + 1, { facts: { stored } }, options)).toBe('kiosk_stored_sum_exceeded');
    expect(aged(FRESH_FULL_SECONDS, { facts: { stored } }, options)).toBe('accepted');
    const trust = { ...world.trust, issuedAt: NOW + 30 - FRESH_FULL_SECONDS - 1 };
    expect(ok(decided({ facts: { trust } })).checks & CHECK.trustFresh).toBe(0);
  });

  it("ends with the policy's longest time offline, whoever pays", () => {
    const options = { payeeLock: TO_THIS_KIOSK, policy: { maxOfflineSeconds: 10 * DAY } };
    expect(aged(10 * DAY, {}, options)).toBe('accepted');
    expect(aged(10 * DAY + 1, {}, options)).toBe('kiosk_offline_too_long');
  });

  it.each([
    ['five minutes', CLOCK_TOLERANCE_SECONDS, 'accepted'],
    ['a second more', CLOCK_TOLERANCE_SECONDS + 1, 'clock_behind_trusted_time'],
    ['an hour', 3_600, 'clock_behind_trusted_time'],
    ['a year', 365 * DAY, 'clock_behind_trusted_time'],
  ])('a clock that is behind the bundle by %s (R30)', (_what, behind, expected) => {
    expect(decide({ facts: { nowSeconds: NOW - behind } })).toBe(expected);
  });

  it('a clock far ahead refuses by date and is good again when it is set right (R30)', () => {
    expect(decide({ facts: { nowSeconds: NOW + 365 * DAY } })).toBe('certificate_expired');
    expect(decide({})).toBe('accepted');
  });
});

describe('limits at a level of freshness', () => {
  it("are never above what the kiosk's certificate allows", () => {
    const kiosk = { ...world.kiosk, perPaymentMinor: 7n };
    expect(limitsAt('full', world.trust.policy, kiosk).perPaymentMinor).toBe(7n);
    expect(limitsAt('half', world.trust.policy, kiosk).perPaymentMinor).toBe(3n);
    expect(limitsAt('locked_only', world.trust.policy, world.kiosk)).toMatchObject({
      perPaymentMinor: 10_000n,
      storedSumMinor: 250_000n,
      storedCount: 1_000,
    });
  });
});

it('splitting one sale does not pass the cap: the sum is in every payment', () => {
  const here = makeWorld({ capMinor: 3_000n });
  let history: AcceptanceFacts['history'] = null;
  const answers: string[] = [];
  for (let counter = 1; counter <= 3; counter += 1) {
    const request = makeRequest(here, { fill: counter });
    const previousLink = linkOf(history === null ? here.allowance.hash : history.lastHash);
    const cumulativeMinor = BigInt(counter) * 1_250n;
    const payment = makePayment(here, request, { counter, cumulativeMinor, previousLink });
    const identified = ok(runSync(identifyPayment(makeDelivery(here, payment)), crypto));
    const answer = runSync(verifyPayment(identified, makeFacts(here, request, { history })), crypto);
    answers.push(answer.ok ? 'accepted' : answer.code);
    if (answer.ok)
      history = { lastCounter: counter, lastCumulativeMinor: cumulativeMinor, lastHash: payment.hash };
  }
  expect(answers).toEqual(['accepted', 'accepted', 'payment_exceeds_allowance']);
});
