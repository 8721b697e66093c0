/**
 * The kiosk's decision on a delivered payment: pure, cheap checks first, closed codes, no exception on hostile
 * bytes (the drivers of crypto.ts turn refusals into values). Everything it knows is handed in as facts; it touches
 * no clock, no store and no network. Only this file makes a {@link VerifiedPayment}.
 */
import { equalBytes } from './bytes.ts';
import {
  checkValidity,
  readAllowanceCertificate,
  requireIssuerSignature,
  type AllowanceCertificate,
  type KioskCertificate,
} from './certificates.ts';
import type { UnverifiedObject } from './cose.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import { CLOCK_TOLERANCE_SECONDS } from './limits.ts';
import { hasPaymentSignature, linkOf, readPayment, type Delivery, type Payment } from './payment.ts';
import { freshnessLevel, type FreshnessLevel, type Policy, type TrustBundle } from './trust-bundle.ts';

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
} as const;

/** A payment whose form and identity are known and nothing else: no signature has been checked. */
export interface IdentifiedPayment {
  readonly requestId: string;
  readonly allowance: AllowanceCertificate;
  readonly allowanceObject: UnverifiedObject;
  readonly payment: Payment;
}

declare const verifiedBrand: unique symbol;
/** A payment that passed every check. The store takes nothing else. */
export interface VerifiedPayment {
  readonly [verifiedBrand]: true;
  readonly requestId: string;
  readonly allowance: AllowanceCertificate;
  readonly payment: Payment;
  readonly tier: GuaranteeTier;
  readonly checks: number;
}

/** What the kiosk last saw of an allowance. */
export interface AllowanceHistory {
  readonly lastCounter: number;
  readonly lastCumulativeMinor: bigint;
  readonly lastHash: Uint8Array;
}

export interface AcceptanceFacts {
  /** Trusted time, seconds since 1970. */
  readonly nowSeconds: number;
  readonly kiosk: KioskCertificate;
  readonly trust: TrustBundle;
  /** The request named in the delivery, if this kiosk has it. */
  readonly request: {
    readonly hash: Uint8Array;
    readonly amountMinor: bigint;
    readonly currency: string;
    readonly state: 'open' | 'paid' | 'expired' | 'cancelled';
  } | null;
  readonly history: AllowanceHistory | null;
  /** Accepted and not yet acknowledged by the cloud. */
  readonly stored: { readonly sumMinor: bigint; readonly count: number };
  /** True when the issuer's signature on exactly these certificate bytes was checked before (cache). */
  readonly certificateIsKnownGood: boolean;
  /** True when the phone's signature on exactly this payment was checked before, by whoever gathered these facts. */
  readonly paymentSignatureIsKnownGood?: boolean;
}

/** Reads a delivery down to the payment's identity, so that a repeat is recognised before anything costly. */
export function* identifyPayment(delivery: Delivery): Steps<IdentifiedPayment> {
  const { certificate, object } = yield* readAllowanceCertificate(delivery.allowanceCertificate);
  const payment = yield* readPayment(delivery.payment, certificate);
  return { requestId: delivery.requestId, allowance: certificate, allowanceObject: object, payment };
}

/** All checks, cheap ones first. A repeat of a stored payment must have been answered before this is asked. */
export function* verifyPayment(
  identified: IdentifiedPayment,
  facts: AcceptanceFacts,
): Steps<VerifiedPayment> {
  const { allowance, payment } = identified;
  checkRequest(payment, facts);
  if (allowance.payeeLock !== null && allowance.payeeLock !== facts.kiosk.merchantId)
    refuse('payment_is_for_another_shop');
  if (allowance.currency !== facts.kiosk.currency) refuse('payment_currency_differs_from_request');
  // A clock below the bundle's signed time would make an old bundle look fresh and an expired certificate good.
  if (facts.nowSeconds < facts.trust.issuedAt - CLOCK_TOLERANCE_SECONDS) refuse('clock_behind_trusted_time');
  checkValidity(facts.kiosk, facts.nowSeconds);
  checkValidity(allowance, facts.nowSeconds);
  if (facts.trust.deniedKiosks.has(facts.kiosk.kioskId)) refuse('kiosk_denied');
  if (facts.trust.deniedAllowances.has(allowance.allowanceId)) refuse('allowance_denied');
  checkCounters(payment, allowance, facts.history);
  const level = freshnessLevel(facts.nowSeconds - facts.trust.issuedAt);
  checkLimits(payment, allowance, facts, level);
  if (!facts.certificateIsKnownGood) {
    yield* requireIssuerSignature(identified.allowanceObject, facts.trust.issuers, allowance.notBefore);
  }
  const isSigned =
    facts.paymentSignatureIsKnownGood === true || (yield* hasPaymentSignature(payment, allowance));
  if (!isSigned) refuse('payment_signature_invalid');
  const tier: GuaranteeTier = allowance.payeeLock === null ? 'reserved' : 'locked';
  const verified: Omit<VerifiedPayment, typeof verifiedBrand> = {
    requestId: identified.requestId,
    allowance,
    payment,
    tier,
    checks: checksMade(facts, level),
  };
  return verified as VerifiedPayment;
}

function checksMade(facts: AcceptanceFacts, level: FreshnessLevel): number {
  const always =
    CHECK.form |
    CHECK.requestOpen |
    CHECK.certificate |
    CHECK.denyList |
    CHECK.paymentSignature |
    CHECK.counters |
    CHECK.limits;
  return always | (level === 'full' ? CHECK.trustFresh : 0) | (facts.history === null ? 0 : CHECK.payerKnown);
}

function checkRequest(payment: Payment, facts: AcceptanceFacts): void {
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
    if (!equalBytes(payment.previousLink, linkOf(allowance.hash))) refuse('payment_chain_broken');
  }
  if (payment.cumulativeMinor > allowance.capMinor) refuse('payment_exceeds_allowance');
  if (history === null) return;
  if (payment.counter <= history.lastCounter) refuse('payment_counter_not_increasing');
  if (payment.cumulativeMinor < history.lastCumulativeMinor + payment.amountMinor)
    refuse('payment_cumulative_inconsistent');
  if (payment.counter === history.lastCounter + 1) {
    if (payment.cumulativeMinor !== history.lastCumulativeMinor + payment.amountMinor)
      refuse('payment_cumulative_inconsistent');
    if (!equalBytes(payment.previousLink, linkOf(history.lastHash))) refuse('payment_chain_broken');
  }
}

/** The kiosk's limits at a level of freshness. */
export function limitsAt(level: FreshnessLevel, policy: Policy, kiosk: KioskCertificate): Policy {
  const perPaymentMinor =
    policy.perPaymentMinor < kiosk.perPaymentMinor ? policy.perPaymentMinor : kiosk.perPaymentMinor;
  if (level === 'full') return { ...policy, perPaymentMinor };
  return { ...policy, perPaymentMinor: perPaymentMinor / 2n, storedSumMinor: policy.storedSumMinor / 2n };
}

function checkLimits(
  payment: Payment,
  allowance: AllowanceCertificate,
  facts: AcceptanceFacts,
  level: FreshnessLevel,
): void {
  const age = facts.nowSeconds - facts.trust.issuedAt;
  if (age > facts.trust.policy.maxOfflineSeconds) refuse('kiosk_offline_too_long');
  const isLockedToUs = allowance.payeeLock !== null;
  if (level === 'known_only' && facts.history === null && !isLockedToUs) refuse('trust_bundle_too_old');
  if (level === 'locked_only' && !isLockedToUs) refuse('trust_bundle_too_old');
  const limits = limitsAt(level, facts.trust.policy, facts.kiosk);
  if (payment.amountMinor > allowance.perPaymentMinor || payment.amountMinor > limits.perPaymentMinor) {
    refuse('payment_exceeds_limit');
  }
  if (facts.stored.count + 1 > limits.storedCount) refuse('kiosk_stored_count_exceeded');
  if (facts.stored.sumMinor + payment.amountMinor > limits.storedSumMinor)
    refuse('kiosk_stored_sum_exceeded');
}
