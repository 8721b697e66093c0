// The kiosk's decision (page 05): a payment, the facts that it is held against, and what a manager has set aside.

import { demandSignature, type Signed } from './cose.ts';
import type { Hex } from './fields.ts';
import { type OverridableCode, overridableCodes } from './journal-layouts.ts';
import { limits } from './limits.ts';
import * as objects from './objects.ts';
import { demand, Refusal, refuse } from './refusal.ts';
import { checkIssuerNotRevoked, type TrustBundle } from './trust.ts';

type Policy = TrustBundle['policy'];
/** What merchant and kiosk set; the length of the split window is the issuer's alone. */
export type Settings = Partial<Omit<Policy, 'splitWindowSeconds'>>;
export type Payer = {
  readonly hasPaidHere: boolean;
  readonly recent: readonly { readonly acceptedAt: number; readonly amountMinor: bigint }[];
  readonly allowanceSumMinor: bigint;
};

export type History = {
  readonly lastCounter: number;
  readonly lastCumulativeMinor: bigint;
  readonly lastHash: Hex;
};

export type Facts = {
  readonly nowSeconds: number;
  readonly kiosk: objects.Kiosk;
  /** Key id of the issuer that certified the kiosk. */
  readonly kioskIssuerKeyId: Hex | null;
  readonly trustBundle: TrustBundle;
  readonly request:
    | (Pick<objects.PaymentRequest, 'requestId' | 'hash' | 'amountMinor' | 'currency'> & {
        readonly state: 'open' | 'paid' | 'expired' | 'cancelled';
      })
    | null;
  readonly history: History | null;
  readonly stored: { readonly sumMinor: bigint; readonly count: number };
  readonly payer: Payer;
  readonly settings: readonly Settings[];
  readonly expectedPhone: string | null;
  readonly clockIsBehind: boolean;
};

/** The codes that a manager has seen, consented to and set aside. */
type SetAside = ReadonlySet<OverridableCode>;

const alwaysChecked = 1 | 2 | 4 | 8 | 16 | 32;
const limitsKept = 64;
const trustFresh = 128;
const payerKnown = 256;
const needsInternetSoon = 512;
const payerPhone = 1024;
const stateRefusals = {
  paid: 'request_already_paid',
  expired: 'request_expired',
  cancelled: 'request_not_open',
} as const;

/** What a phone asks before it shows a request (page 03). */
export function considerRequest(envelope: Hex, trustBundle: TrustBundle, nowSeconds: number) {
  const opened = objects.openRequestEnvelope(envelope, trustBundle.issuers);
  const { kiosk, kioskIssuerKeyId } = opened;
  objects.checkValidity(kiosk, nowSeconds);
  checkIssuerNotRevoked(kioskIssuerKeyId, trustBundle, nowSeconds);
  demand(!trustBundle.deniedKiosks.includes(kiosk.kioskId), 'kiosk_denied');
  return { kiosk, request: opened.request };
}

/** A delivery of either kind, opened: form and fields only. */
type OpenedDelivery = {
  readonly certificate: ReturnType<typeof objects.openAllowanceCertificate>;
  readonly payment: Signed<objects.Payment>;
  readonly phoneSalt: Hex | null;
};

function openDelivery(message: Hex): OpenedDelivery {
  const { phoneSalt, ...parts } = objects.decodeDelivery(message);
  const certificate = objects.openAllowanceCertificate(parts.allowanceCertificate);
  return { certificate, payment: objects.openPayment(parts.payment, certificate.allowance.hash), phoneSalt };
}

/** `stored` are the certificates under which this kiosk has stored a payment. */
function openRepeatDelivery(message: Hex, stored: readonly Hex[]): OpenedDelivery {
  const { certificateReference, phoneSalt, ...parts } = objects.decodeRepeatDelivery(message);
  // Its form can be read under any certificate, and no later code may hide a fault of it.
  objects.openPayment(parts.payment, '');
  const named = new Map(
    stored
      .map(objects.openAllowanceCertificate)
      .filter(({ allowance }) => allowance.hash.startsWith(certificateReference))
      .map((one) => [one.allowance.hash, one]),
  );
  const [certificate, ...others] = named.values();
  if (certificate === undefined || others.length > 0) refuse('allowance_certificate_unknown');
  return { certificate, payment: objects.openPayment(parts.payment, certificate.allowance.hash), phoneSalt };
}

export function acceptPayment(message: Hex, facts: Facts) {
  return decide(openDelivery(message), facts, new Set());
}

export function acceptRepeat(message: Hex, facts: Facts, storedCertificates: readonly Hex[]) {
  return decide(openRepeatDelivery(message, storedCertificates), facts, new Set());
}

export function acceptUnderOverride(message: Hex, facts: Facts, consented: readonly string[]) {
  const delivery = openDelivery(message);
  const setAside = new Set<OverridableCode>();
  for (;;) {
    try {
      const decision = decide(delivery, facts, setAside);
      return { ...decision, overridden: overridableCodes.filter((code) => setAside.has(code)) };
    } catch (error) {
      const code = error instanceof Refusal && overridableCodes.find((one) => one === error.code);
      if (!code || !consented.includes(code) || setAside.has(code)) throw error;
      setAside.add(code);
    }
  }
}

/** Codes that are no limit: with only these set aside, every limit was checked. */
const notLimits: readonly OverridableCode[] = ['clock_behind_trusted_time', 'trust_bundle_too_old'];

function decide(
  { certificate, payment: signed, phoneSalt }: OpenedDelivery,
  facts: Facts,
  setAside: SetAside,
) {
  const { nowSeconds, kiosk, trustBundle, request, history } = facts;
  const { allowance } = certificate;
  const payment = signed.fields;

  if (request === null) refuse('request_not_open');
  demand(payment.requestHash === request.hash, 'payment_is_for_another_request');
  if (request.state !== 'open') refuse(stateRefusals[request.state]);
  demand(payment.amountMinor === request.amountMinor, 'payment_amount_differs_from_request');
  demand(request.currency === kiosk.currency, 'payment_currency_differs_from_request');
  const { payeeLock } = allowance;
  demand(payeeLock === null || payeeLock.merchantId === kiosk.merchantId, 'payment_is_for_another_shop');
  demand((payeeLock?.kioskId ?? kiosk.kioskId) === kiosk.kioskId, 'payment_is_for_another_shop');
  demand(allowance.currency === kiosk.currency, 'payment_currency_differs_from_request');
  const age = nowSeconds - trustBundle.issuedAt;
  demand(age >= -limits.CLOCK_TOLERANCE_SECONDS, 'clock_behind_trusted_time');
  const isClockTrusted = !facts.clockIsBehind || setAside.has('clock_behind_trusted_time');
  demand(isClockTrusted, 'clock_behind_trusted_time');
  objects.checkValidity(kiosk, nowSeconds);
  objects.checkValidity(allowance, nowSeconds);
  checkIssuerNotRevoked(facts.kioskIssuerKeyId, trustBundle, nowSeconds);
  checkIssuerNotRevoked(certificate.signed.keyId, trustBundle, nowSeconds);
  demand(!trustBundle.deniedKiosks.includes(kiosk.kioskId), 'kiosk_denied');
  demand(!trustBundle.deniedAllowances.includes(allowance.allowanceId), 'allowance_denied');
  checkCounters(payment, allowance, history);
  checkLimits(payment, allowance, facts, { age, setAside });
  checkPhone(phoneSalt, allowance, facts.expectedPhone);
  objects.checkIssuer(certificate.signed, trustBundle.issuers);
  demandSignature(signed, allowance.devicePublicKey, 'payment_signature_invalid');

  const used = payment.counter - allowance.firstCounter + 1;
  const isFresh = freshness(age) === 'full' && !setAside.has('clock_behind_trusted_time');
  const areLimitsChecked = [...setAside].every((code) => notLimits.includes(code));
  const reservedOrLocked = payeeLock?.kioskId === kiosk.kioskId ? 'locked' : 'reserved';
  return {
    requestId: request.requestId,
    paymentHash: signed.hash,
    tier: setAside.size > 0 ? 'at_risk' : reservedOrLocked,
    checks:
      alwaysChecked |
      (areLimitsChecked ? limitsKept : 0) |
      (isFresh ? trustFresh : 0) |
      (history === null ? 0 : payerKnown) |
      (used >= allowance.softCounterLimit ? needsInternetSoon : 0) |
      (facts.expectedPhone === null ? 0 : payerPhone),
  };
}

function checkPhone(salt: Hex | null, allowance: objects.Allowance, expected: string | null): void {
  if (expected === null) return;
  if (salt === null) refuse('payer_phone_differs');
  demand(objects.commitToPhone(expected, salt) === allowance.phoneCommitment, 'payer_phone_differs');
}

export function checkCounters(
  payment: objects.Payment,
  allowance: objects.Allowance,
  history: History | null,
): void {
  const { counter, amountMinor, cumulativeMinor, previousLink } = payment;
  const used = counter - allowance.firstCounter + 1;
  demand(used >= 1, 'payment_counter_not_increasing');
  demand(used <= allowance.hardCounterLimit, 'allowance_counter_limit_reached');
  demand(cumulativeMinor >= amountMinor, 'payment_cumulative_inconsistent');
  if (used === 1) {
    demand(cumulativeMinor === amountMinor, 'payment_cumulative_inconsistent');
    demand(previousLink === linkTo(allowance.hash), 'payment_chain_broken');
  }
  demand(cumulativeMinor <= allowance.capMinor, 'payment_exceeds_allowance');
  if (history === null) return;
  const least = history.lastCumulativeMinor + amountMinor;
  demand(counter > history.lastCounter, 'payment_counter_not_increasing');
  demand(cumulativeMinor >= least, 'payment_cumulative_inconsistent');
  if (counter !== history.lastCounter + 1) return;
  demand(cumulativeMinor === least, 'payment_cumulative_inconsistent');
  demand(previousLink === linkTo(history.lastHash), 'payment_chain_broken');
}

function linkTo(hash: Hex): Hex {
  return hash.slice(0, 2 * limits.LINK_BYTES);
}

function checkLimits(
  payment: objects.Payment,
  allowance: objects.Allowance,
  facts: Facts,
  { age, setAside }: { readonly age: number; readonly setAside: SetAside },
): void {
  const { policy } = facts.trustBundle;
  const { amountMinor } = payment;
  const { payer, stored } = facts;
  const level = freshness(age);
  const halved = (sum: bigint): bigint => (level === 'full' ? sum : sum / 2n);
  const everyOwner: readonly Settings[] = [policy, ...facts.settings];
  const ownersUnless = (code: OverridableCode) => (setAside.has(code) ? [policy] : everyOwner);
  const money = (name: Money, owners = everyOwner): bigint =>
    owners.reduce((least, one) => lower(least, one[name]), policy[name]);
  const count = (name: Count, owners = everyOwner): number =>
    Math.min(...owners.map((one) => one[name] ?? policy[name]));
  const prudent = (holds: boolean, code: OverridableCode): void => demand(holds || setAside.has(code), code);
  const isLocked = allowance.payeeLock?.kioskId === facts.kiosk.kioskId;
  const maxOffline = count('maxOfflineSeconds', ownersUnless('kiosk_offline_too_long'));
  demand(age <= maxOffline, 'kiosk_offline_too_long');
  prudent(level !== 'known_only' || facts.history !== null || isLocked, 'trust_bundle_too_old');
  prudent(level !== 'locked_only' || isLocked, 'trust_bundle_too_old');
  demand(amountMinor <= allowance.perPaymentMinor, 'payment_exceeds_limit');
  const perPayment = money('perPaymentMinor', ownersUnless('payment_exceeds_kiosk_limit'));
  demand(amountMinor <= halved(perPayment), 'payment_exceeds_kiosk_limit');
  demand(amountMinor <= halved(facts.kiosk.perPaymentMinor), 'payment_exceeds_kiosk_limit');
  prudent(payer.hasPaidHere || amountMinor <= money('firstPaymentMinor'), 'first_payment_exceeds_limit');
  const newStanding = money('newStandingMinor');
  prudent(allowance.standing > 1 || amountMinor <= newStanding, 'payment_exceeds_standing_limit');
  const ofAllowance = payer.allowanceSumMinor + amountMinor;
  prudent(ofAllowance <= money('perAllowanceMinor'), 'allowance_sum_exceeded_here');
  const within = (seconds: number) => {
    const recent = payer.recent.filter((one) => facts.nowSeconds - one.acceptedAt < seconds);
    const sum = recent.reduce((all, one) => all + one.amountMinor, amountMinor);
    return { count: recent.length + 1, sum };
  };
  const split = within(policy.splitWindowSeconds);
  prudent(split.count <= count('splitCount'), 'split_sale_suspected');
  prudent(split.sum <= money('splitSumMinor'), 'split_sale_suspected');
  const hour = within(3_600);
  prudent(hour.count <= count('hourCount'), 'payer_count_per_hour_exceeded');
  prudent(hour.sum <= money('hourSumMinor'), 'payer_sum_per_hour_exceeded');
  const day = within(86_400);
  prudent(day.count <= count('dayCount'), 'payer_count_per_day_exceeded');
  prudent(day.sum <= money('daySumMinor'), 'payer_sum_per_day_exceeded');
  const storedCount = count('storedCount', ownersUnless('kiosk_stored_count_exceeded'));
  demand(stored.count + 1 <= storedCount, 'kiosk_stored_count_exceeded');
  const storedSum = money('storedSumMinor', ownersUnless('kiosk_stored_sum_exceeded'));
  demand(stored.sumMinor + amountMinor <= halved(storedSum), 'kiosk_stored_sum_exceeded');
}

type Named<T> = { [K in keyof Settings]-?: Policy[K] extends T ? K : never }[keyof Settings];
type Money = Named<bigint>;
type Count = Named<number>;

function lower(one: bigint, other: bigint | undefined): bigint {
  return other === undefined || one < other ? one : other;
}

function freshness(age: number): 'full' | 'half' | 'known_only' | 'locked_only' {
  if (age <= limits.FRESH_FULL_SECONDS) return 'full';
  if (age <= limits.FRESH_HALF_SECONDS) return 'half';
  return age <= limits.FRESH_KNOWN_SECONDS ? 'known_only' : 'locked_only';
}
