/** What a manager may let through, and that no consent, however wide, lets through anything else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldsOf, resigned } from '../scripts/tamper.ts';
import {
  CHECK,
  decodeOverrideBody,
  encodeOverrideBody,
  EVERY_OVERRIDABLE,
  isOverridable,
  OVERRIDABLE_CODES,
  OVERRIDE_REASONS,
  REFUSAL_CODES,
  identifyPayment,
  linkOf,
  runSync,
  verifyPayment,
  verifyUnderOverride,
  type AcceptanceFacts,
  type OverridableCode,
  type OverrideBody,
} from '../src/index.ts';
import {
  crypto,
  makeDelivery,
  makeFacts,
  makePayment,
  makeRequest,
  makeWorld,
  newKey,
  NOW,
  ok,
} from './world.ts';

const world = makeWorld();
const request = makeRequest(world);
const honest = makePayment(world, request);
const HUGE = 1_000_000n;

function decide(
  facts: Partial<AcceptanceFacts>,
  consented: Iterable<OverridableCode> = EVERY_OVERRIDABLE,
  payment = honest,
) {
  const identified = ok(runSync(identifyPayment(makeDelivery(world, payment)), crypto));
  const all = makeFacts(world, request, facts);
  return {
    plain: runSync(verifyPayment(identified, all), crypto),
    overridden: runSync(verifyUnderOverride(identified, all, new Set(consented)), crypto),
  };
}

describe("an override's entry", () => {
  const body: OverrideBody = {
    paymentHash: honest.hash,
    reason: 'small_risk',
    codes: ['trust_bundle_too_old', 'split_sale_suspected'],
  };

  it('is read as it was written, its codes in the order of the table', () => {
    expect(decodeOverrideBody(encodeOverrideBody(body))).toEqual(body);
    expect(encodeOverrideBody({ ...body, codes: body.codes.toReversed() })).toEqual(encodeOverrideBody(body));
    for (const code of OVERRIDABLE_CODES)
      expect(decodeOverrideBody(encodeOverrideBody({ ...body, codes: [code] })).codes).toEqual([code]);
    for (const reason of OVERRIDE_REASONS)
      expect(decodeOverrideBody(encodeOverrideBody({ ...body, reason })).reason).toBe(reason);
  });
});

it('an override hides no fault of the program', () => {
  const identified = ok(runSync(identifyPayment(makeDelivery(world, honest)), crypto));
  const broken = {
    ...crypto,
    verify: () => {
      throw new RangeError('broken');
    },
  };
  const steps = verifyUnderOverride(identified, makeFacts(world, request), EVERY_OVERRIDABLE);
  expect(() => runSync(steps, broken)).toThrow(RangeError);
});

const policy = (changes: object) => ({
  trust: { ...world.trust, policy: { ...world.trust.policy, ...changes } },
});
const recent = (count: number, ago: number, amountMinor = 1n) => ({
  payer: {
    hasPaidHere: true,
    allowanceSumMinor: 0n,
    recent: Array.from({ length: count }, () => ({ acceptedAt: NOW + 30 - ago, amountMinor })),
  },
});
const oldBundle = (seconds: number) => ({ trust: { ...world.trust, issuedAt: NOW + 30 - seconds } });

/** Facts under which exactly this code stands in the way. */
const IN_THE_WAY: Readonly<Record<OverridableCode, Partial<AcceptanceFacts>>> = {
  clock_behind_trusted_time: { clockIsBehind: true },
  kiosk_offline_too_long: { settings: [{ maxOfflineSeconds: 10 }] },
  trust_bundle_too_old: oldBundle(3 * 86_400 + 1),
  payment_exceeds_kiosk_limit: { settings: [{ perPaymentMinor: 1_249n }] },
  first_payment_exceeds_limit: policy({ firstPaymentMinor: 1_249n }),
  payment_exceeds_standing_limit: policy({ newStandingMinor: 1_249n }),
  allowance_sum_exceeded_here: policy({ perAllowanceMinor: 1_249n }),
  split_sale_suspected: { ...policy({ splitCount: 1 }), ...recent(1, 5) },
  payer_count_per_hour_exceeded: { ...policy({ hourCount: 1 }), ...recent(1, 600) },
  payer_sum_per_hour_exceeded: { ...policy({ hourSumMinor: 1_250n }), ...recent(1, 600) },
  payer_count_per_day_exceeded: { ...policy({ dayCount: 1 }), ...recent(1, 7_200) },
  payer_sum_per_day_exceeded: { ...policy({ daySumMinor: 1_250n }), ...recent(1, 7_200) },
  kiosk_stored_count_exceeded: { settings: [{ storedCount: 1 }], stored: { count: 1, sumMinor: 1n } },
  kiosk_stored_sum_exceeded: { settings: [{ storedSumMinor: 1_250n }], stored: { count: 1, sumMinor: 1n } },
};

describe.each(OVERRIDABLE_CODES)('%s', (code) => {
  const facts = IN_THE_WAY[code];

  it('refuses, and is let through at risk by consent to exactly it', () => {
    const { plain, overridden } = decide(facts, [code]);
    expect(plain).toEqual({ ok: false, code });
    const verified = ok(overridden);
    expect([verified.tier, verified.overridden]).toEqual(['at_risk', [code]]);
  });

  it('stands against consent to everything else', () => {
    const others = OVERRIDABLE_CODES.filter((other) => other !== code);
    expect(decide(facts, others).overridden).toEqual({ ok: false, code });
  });

  it('leaves its bit of the receipt unset', () => {
    const { checks } = ok(decide(facts, [code]).overridden);
    const isTrust = code === 'clock_behind_trusted_time' || code === 'trust_bundle_too_old';
    expect(checks & (isTrust ? CHECK.trustFresh : CHECK.limits)).toBe(0);
  });
});

describe("the issuer's own bounds", () => {
  it.each([
    ['payment_exceeds_kiosk_limit', policy({ perPaymentMinor: 1_249n })],
    ['payment_exceeds_kiosk_limit', { kiosk: { ...world.kiosk, perPaymentMinor: 1_249n } }],
    ['kiosk_stored_sum_exceeded', policy({ storedSumMinor: 1_249n })],
    ['kiosk_stored_count_exceeded', { ...policy({ storedCount: 1 }), stored: { count: 1, sumMinor: 0n } }],
    ['kiosk_offline_too_long', { ...oldBundle(86_401), ...policy({ maxOfflineSeconds: 10 }) }],
  ] as const)('%s: stand behind every consent', (code, facts) => {
    expect(decide(facts).overridden).toEqual({ ok: false, code });
  });
});

it('consent where nothing stands in the way leaves an ordinary acceptance', () => {
  const verified = ok(decide({}).overridden);
  expect([verified.tier, verified.overridden, verified.checks & CHECK.limits]).toEqual([
    'reserved',
    [],
    CHECK.limits,
  ]);
});

it('several codes at once are all named, in the order of the checks', () => {
  const facts = {
    ...IN_THE_WAY.trust_bundle_too_old,
    settings: [{ firstPaymentMinor: 1n, perPaymentMinor: 1n }],
  };
  expect(ok(decide(facts).overridden).overridden).toEqual([
    'trust_bundle_too_old',
    'payment_exceeds_kiosk_limit',
    'first_payment_exceeds_limit',
  ]);
});

/** What makes a payment bad whoever consents, each with the code that must come out. */
const denied = { ...world.trust, deniedAllowances: new Set([world.allowance.allowanceId]) };
const NEVER: readonly [string, Partial<AcceptanceFacts>, typeof honest?][] = [
  ['request_not_open', { request: null }],
  ['request_expired', { request: { ...request, state: 'expired' } }],
  ['request_already_paid', { request: { ...request, state: 'paid' } }],
  ['payment_is_for_another_request', {}, makePayment(world, request, { requestHash: new Uint8Array(32) })],
  [
    'payment_amount_differs_from_request',
    {},
    makePayment(world, request, { amountMinor: 1n, cumulativeMinor: 1n }),
  ],
  ['payment_currency_differs_from_request', { kiosk: { ...world.kiosk, currency: 'IDR' } }],
  ['certificate_expired', { nowSeconds: world.allowance.notAfter }],
  ['kiosk_denied', { trust: { ...world.trust, deniedKiosks: new Set([world.kiosk.kioskId]) } }],
  ['allowance_denied', { trust: denied }],
  [
    'payment_counter_not_increasing',
    { history: { lastCounter: 1, lastCumulativeMinor: 1n, lastHash: honest.hash } },
  ],
  ['payment_exceeds_allowance', {}, makePayment(world, request, { counter: 2, cumulativeMinor: HUGE })],
  ['payment_cumulative_inconsistent', {}, makePayment(world, request, { cumulativeMinor: 1_251n })],
  ['payment_chain_broken', {}, makePayment(world, request, { previousLink: linkOf(new Uint8Array(32)) })],
  ['payer_phone_differs', { expectedPhone: '+6500000000' }],
];

describe('R26 R27 R31 an override never lets through what no one may override', () => {
  const anyCodes = fc.subarray([...OVERRIDABLE_CODES]);

  it('the two lists do not meet', () => {
    for (const [code] of NEVER) expect([code, isOverridable(code)]).toEqual([code, false]);
    expect(REFUSAL_CODES.filter(isOverridable)).toHaveLength(OVERRIDABLE_CODES.length);
  });

  it('whatever else stands in the way, and whatever is consented to', () => {
    fc.assert(
      fc.property(fc.constantFrom(...NEVER), anyCodes, anyCodes, ([, bad, payment], others, consented) => {
        const facts = Object.assign(
          {},
          ...others.map((code) => IN_THE_WAY[code]),
          bad,
        ) as Partial<AcceptanceFacts>;
        const { plain, overridden } = decide(facts, consented, payment ?? honest);
        expect([plain.ok, overridden.ok]).toEqual([false, false]);
        if (!overridden.ok)
          expect(isOverridable(overridden.code) && consented.includes(overridden.code)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it.each(NEVER)('%s is the answer to every consent', (code, facts, payment) => {
    expect(decide(facts, EVERY_OVERRIDABLE, payment ?? honest).overridden).toEqual({ ok: false, code });
  });

  it('a signature of another phone stays one, whatever is overridden', () => {
    const key = { sign: newKey().sign, externalAad: world.allowance.hash };
    const forged = { ...honest, bytes: resigned(honest.bytes, fieldsOf(honest.bytes), key) };
    for (const code of OVERRIDABLE_CODES)
      expect(decide(IN_THE_WAY[code], EVERY_OVERRIDABLE, forged).overridden).toEqual({
        ok: false,
        code: 'payment_signature_invalid',
      });
  });
});
