/**
 * The kiosk's decision on a delivered payment: pure, cheap checks first, closed codes, no exception on hostile
 * bytes (the drivers of crypto.ts turn refusals into values). Everything it knows is handed in as facts; it touches
 * no clock, no store and no network. Only this file makes a {@link VerifiedPayment}.
 */
import { equalBytes } from './bytes.ts';
import { checkValidity, type AllowanceCertificate, type KioskCertificate } from './certificates.ts';
import type { Steps } from './crypto.ts';
import type { IdentifiedPayment } from './delivery.ts';
import { refuse } from './errors.ts';
import { checkIssuerNotRevoked, requireIssuerSignature } from './issuer-certificate.ts';
import {
  checkLimits,
  limitsAt,
  needsInternetSoon,
  type LimitFacts,
  type LimitSettings,
} from './kiosk-limits.ts';
import { liftedLimits, type OverridableCode } from './lifted-limits.ts';
import { CLOCK_TOLERANCE_SECONDS } from './limits.ts';
import { canPay, isLockedTo } from './payee-lock.ts';
import { hasPaymentSignature, isLinkTo, type Payment } from './payment.ts';
import { opensPhoneCommitment } from './phone-commitment.ts';
import { freshnessLevel, type FreshnessLevel, type TrustBundle } from './trust-bundle.ts';
import type { Policy } from './trust-policy.ts';

/** How sure the merchant can be of the money. */
export type GuaranteeTier = 'locked' | 'reserved' | 'at_risk';

/** What was checked, as a bit set that the receipt carries (like EMV's TVR, set bits are checks that were made). */
export const CHECK = {
  form: 1,
  requestOpen: 2,
  certificate: 4,
  denyList: 8,
  paymentSignature: 16,
  counters: 32,
  limits: 64,
  trustFresh: 128,
  payerKnown: 256,
  /** No check but a word to the phone: its soft counter limit is reached. */
  needsInternetSoon: 512,
  payerPhone: 1024,
} as const;

declare const verifiedBrand: unique symbol;
/** A payment that passed every check. The store takes nothing else. */
export interface VerifiedPayment {
  readonly [verifiedBrand]: true;
  readonly requestId: string;
  readonly allowance: AllowanceCertificate;
  readonly payment: Payment;
  readonly tier: GuaranteeTier;
  readonly checks: number;
  /** What a person set aside; empty for an ordinary acceptance. */
  readonly overridden: readonly OverridableCode[];
}

/** What the kiosk last saw of an allowance. */
export interface AllowanceHistory {
  readonly lastCounter: number;
  readonly lastCumulativeMinor: bigint;
  readonly lastHash: Uint8Array;
}

export interface AcceptanceFacts extends LimitFacts {
  readonly kiosk: KioskCertificate;
  readonly trust: TrustBundle;
  /** The request that the payment signs, if this kiosk has it. */
  readonly request: {
    readonly requestId: string;
    readonly hash: Uint8Array;
    readonly amountMinor: bigint;
    readonly currency: string;
    readonly state: 'open' | 'paid' | 'expired' | 'cancelled';
  } | null;
  /** E.164: what the cashier typed for this request, or null when the payer's number is not asked for. */
  readonly expectedPhone: string | null;
  readonly history: AllowanceHistory | null;
  /** Limits of the merchant and of this kiosk; the lowest of all owners wins. */
  readonly settings: readonly LimitSettings[];
  /** True when the wall clock lies below what is known to have passed; `nowSeconds` is then that bound. */
  readonly clockIsBehind?: boolean;
  /** What a person sets aside, at the shop's risk (override.ts); absent in an ordinary decision. */
  readonly override?: ReadonlySet<OverridableCode>;
  /** True when the issuer's signature on exactly these certificate bytes was checked before (cache). */
  readonly certificateIsKnownGood: boolean;
  /** True when the phone's signature on exactly this payment was checked before, by whoever gathered these facts. */
  readonly paymentSignatureIsKnownGood?: boolean;
}

/** All checks, cheap ones first. A repeat of a stored payment must have been answered before this is asked. */
export function* verifyPayment(
  identified: IdentifiedPayment,
  facts: AcceptanceFacts,
): Steps<VerifiedPayment> {
  const { allowance, payment } = identified;
  const { requestId } = checkRequest(payment, facts);
  if (!canPay(allowance.payeeLock, facts.kiosk)) refuse('payment_is_for_another_shop');
  if (allowance.currency !== facts.kiosk.currency) refuse('payment_currency_differs_from_request');
  // A clock below the bundle's signed time would make an old bundle look fresh and an expired certificate good.
  if (facts.nowSeconds < facts.trust.issuedAt - CLOCK_TOLERANCE_SECONDS) refuse('clock_behind_trusted_time');
  if (facts.clockIsBehind === true && !isSetAside('clock_behind_trusted_time', facts))
    refuse('clock_behind_trusted_time');
  checkValidity(facts.kiosk, facts.nowSeconds);
  checkValidity(allowance, facts.nowSeconds);
  checkIssuerNotRevoked(facts.kiosk.bytes, facts.trust, facts.nowSeconds);
  checkIssuerNotRevoked(identified.allowanceObject, facts.trust, facts.nowSeconds);
  if (facts.trust.deniedKiosks.has(facts.kiosk.kioskId)) refuse('kiosk_denied');
  if (facts.trust.deniedAllowances.has(allowance.allowanceId)) refuse('allowance_denied');
  checkCounters(payment, allowance, facts.history);
  const age = facts.nowSeconds - facts.trust.issuedAt;
  const level = freshnessLevel(age);
  const limits = limitsOf(facts, level);
  if (age > limits.maxOfflineSeconds) refuse('kiosk_offline_too_long');
  checkContact(allowance, facts, level);
  checkLimits(payment, allowance, facts, limits);
  yield* checkPayerPhone(identified, facts.expectedPhone);
  if (!facts.certificateIsKnownGood) {
    const signed = { at: allowance.notBefore, as: 'certificates' } as const;
    yield* requireIssuerSignature(identified.allowanceObject, facts.trust.issuers, signed);
  }
  const isSigned =
    facts.paymentSignatureIsKnownGood === true || (yield* hasPaymentSignature(payment, allowance));
  if (!isSigned) refuse('payment_signature_invalid');
  const overridden = [...(facts.override ?? [])];
  const verified: Omit<VerifiedPayment, typeof verifiedBrand> = {
    requestId,
    allowance,
    payment,
    tier: tierFor(allowance, facts.kiosk, overridden),
    overridden,
    checks:
      checksMade(facts, level) |
      (needsInternetSoon(allowance, payment.counter) ? CHECK.needsInternetSoon : 0),
  };
  return verified as VerifiedPayment;
}

function isSetAside(code: OverridableCode, facts: Pick<AcceptanceFacts, 'override'>): boolean {
  return facts.override?.has(code) ?? false;
}

/** Of all owners, and above them what a person lifted. */
function limitsOf(facts: AcceptanceFacts, level: FreshnessLevel): Policy {
  const { policy } = facts.trust;
  const limits = limitsAt(level, policy, facts.kiosk, facts.settings);
  if (facts.override === undefined || facts.override.size === 0) return limits;
  return liftedLimits(limits, limitsAt(level, policy, facts.kiosk), facts.override);
}

/** What a person let through is the shop's risk, whatever the allowance promises. */
function tierFor(
  allowance: AllowanceCertificate,
  kiosk: KioskCertificate,
  overridden: readonly OverridableCode[],
): GuaranteeTier {
  if (overridden.length > 0) return 'at_risk';
  return isLockedTo(allowance.payeeLock, kiosk) ? 'locked' : 'reserved';
}

/** The number that the cashier typed against the issuer's commitment to the holder's, opened by the phone. */
function* checkPayerPhone(
  { allowance, phoneSalt }: IdentifiedPayment,
  expectedPhone: string | null,
): Steps<void> {
  if (expectedPhone === null) return;
  if (phoneSalt === null) refuse('payer_phone_differs');
  if (!(yield* opensPhoneCommitment(allowance.phoneCommitment, expectedPhone, phoneSalt)))
    refuse('payer_phone_differs');
}

function checksMade(facts: AcceptanceFacts, level: FreshnessLevel): number {
  const always =
    CHECK.form |
    CHECK.requestOpen |
    CHECK.certificate |
    CHECK.denyList |
    CHECK.paymentSignature |
    CHECK.counters;
  const clockIsTrusted = !isSetAside('clock_behind_trusted_time', facts);
  return (
    always |
    (limitsHold(facts) ? CHECK.limits : 0) |
    (level === 'full' && clockIsTrusted ? CHECK.trustFresh : 0) |
    (facts.history === null ? 0 : CHECK.payerKnown) |
    (facts.expectedPhone === null ? 0 : CHECK.payerPhone)
  );
}

/** Freshness and the clock have a bit of their own. */
function limitsHold({ override }: Pick<AcceptanceFacts, 'override'>): boolean {
  return [...(override ?? [])].every(
    (code) => code === 'clock_behind_trusted_time' || code === 'trust_bundle_too_old',
  );
}

function checkRequest(payment: Payment, facts: AcceptanceFacts): NonNullable<AcceptanceFacts['request']> {
  const { request } = facts;
  if (request === null) refuse('request_not_open');
  if (!equalBytes(payment.requestHash, request.hash)) refuse('payment_is_for_another_request');
  switch (request.state) {
    case 'open':
      break;
    case 'paid':
      refuse('request_already_paid');
    case 'expired':
      refuse('request_expired');
    case 'cancelled':
      refuse('request_not_open');
  }
  if (payment.amountMinor !== request.amountMinor) refuse('payment_amount_differs_from_request');
  if (request.currency !== facts.kiosk.currency) refuse('payment_currency_differs_from_request');
  return request;
}

/** Counter and cumulative sum against the certificate and against what this kiosk saw before. Gaps are allowed. */
export function checkCounters(
  payment: Payment,
  allowance: AllowanceCertificate,
  history: AllowanceHistory | null,
): void {
  const used = payment.counter - allowance.firstCounter + 1;
  if (used < 1) refuse('payment_counter_not_increasing');
  if (used > allowance.hardCounterLimit) refuse('allowance_counter_limit_reached');
  if (payment.cumulativeMinor < payment.amountMinor) refuse('payment_cumulative_inconsistent');
  if (used === 1) {
    if (payment.cumulativeMinor !== payment.amountMinor) refuse('payment_cumulative_inconsistent');
    if (!isLinkTo(payment.previousLink, allowance.hash)) refuse('payment_chain_broken');
  }
  if (payment.cumulativeMinor > allowance.capMinor) refuse('payment_exceeds_allowance');
  if (history === null) return;
  if (payment.counter <= history.lastCounter) refuse('payment_counter_not_increasing');
  if (payment.cumulativeMinor < history.lastCumulativeMinor + payment.amountMinor)
    refuse('payment_cumulative_inconsistent');
  if (payment.counter === history.lastCounter + 1) {
    if (payment.cumulativeMinor !== history.lastCumulativeMinor + payment.amountMinor)
      refuse('payment_cumulative_inconsistent');
    if (!isLinkTo(payment.previousLink, history.lastHash)) refuse('payment_chain_broken');
  }
}

/** What the age of the bundle still allows, before the limits of money. */
function checkContact(allowance: AllowanceCertificate, facts: AcceptanceFacts, level: FreshnessLevel): void {
  const isLockedToUs = isLockedTo(allowance.payeeLock, facts.kiosk);
  if (isSetAside('trust_bundle_too_old', facts)) return;
  if (level === 'known_only' && facts.history === null && !isLockedToUs) refuse('trust_bundle_too_old');
  if (level === 'locked_only' && !isLockedToUs) refuse('trust_bundle_too_old');
}
