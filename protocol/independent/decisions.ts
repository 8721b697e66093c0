// The rules between objects: the kiosk's decision (page 05), the trust bundle (09), double spend (10).

import { readCbor } from './cbor.ts';
import { demandSignature, openSigned } from './cose.ts';
import { fromHex, type Hex } from './fields.ts';
import * as layouts from './layouts.ts';
import { limits } from './limits.ts';
import * as objects from './objects.ts';
import { demand, refuse } from './refusal.ts';

export type TrustBundle = ReturnType<typeof verifyTrustBundle>;

export function verifyTrustBundle(message: Hex, rootPublicKey: Hex) {
  const maxBytes = limits.MAX_TRUST_BUNDLE_BYTES;
  const signed = openSigned(message, { payload: layouts.trustBundle, header: 'keyed', maxBytes });
  const { issuerCertificates, ...fields } = signed.fields;
  const issuers = issuerCertificates.map((one) => objects.verifyIssuerCertificate(one, rootPublicKey));
  const signing = { at: fields.issuedAt, use: objects.use.trustBundles };
  const signer = objects.findIssuer(signed.keyId, signing, issuers);
  demand(signer !== undefined, 'trust_bundle_signature_invalid');
  demandSignature(signed, signer.publicKey, 'trust_bundle_signature_invalid');
  return { ...fields, issuers, signer };
}

export function checkNotOlder(candidate: TrustBundle, known: TrustBundle, clockSeconds: number): void {
  const nowSeconds = Math.max(clockSeconds, known.issuedAt);
  demand(nowSeconds < candidate.signer.notAfter, 'certificate_expired');
  demand(candidate.signer.generation >= known.signer.generation, 'issuer_key_superseded');
  const latest = nowSeconds + limits.MAX_TIME_STEP_SECONDS;
  demand(candidate.issuedAt <= latest, 'trust_bundle_from_the_future');
  if (candidate.signer.generation > known.signer.generation) return;
  const isLower =
    candidate.version < known.version ||
    candidate.denyListVersion < known.denyListVersion ||
    (candidate.version === known.version && candidate.issuedAt < known.issuedAt);
  demand(!isLower, 'trust_bundle_older_than_known');
  const reach = limits.MAX_VERSION_JUMP;
  demand(candidate.version <= known.version + reach, 'trust_bundle_version_jumps');
  demand(candidate.denyListVersion <= known.denyListVersion + reach, 'trust_bundle_version_jumps');
}

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
};

const alwaysChecked = 1 | 2 | 4 | 8 | 16 | 32 | 64;
const trustFresh = 128;
const payerKnown = 256;
const needsInternetSoon = 512;
const payerPhone = 1024;
const stateRefusals = {
  paid: 'request_already_paid',
  expired: 'request_expired',
  cancelled: 'request_not_open',
} as const;

export function acceptPayment(message: Hex, facts: Facts) {
  const { nowSeconds, kiosk, trustBundle, request, history } = facts;
  const delivery = objects.decodeDelivery(message);
  const certificate = objects.openAllowanceCertificate(delivery.allowanceCertificate);
  const { allowance } = certificate;
  const signed = objects.openPayment(delivery.payment, allowance.hash);
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
  objects.checkValidity(kiosk, nowSeconds);
  objects.checkValidity(allowance, nowSeconds);
  demand(!trustBundle.deniedKiosks.includes(kiosk.kioskId), 'kiosk_denied');
  demand(!trustBundle.deniedAllowances.includes(allowance.allowanceId), 'allowance_denied');
  checkCounters(payment, allowance, history);
  checkLimits(payment, allowance, facts, age);
  checkPhone(delivery.phoneSalt, allowance, facts.expectedPhone);
  objects.checkIssuer(certificate.signed, trustBundle.issuers);
  demandSignature(signed, allowance.devicePublicKey, 'payment_signature_invalid');

  const used = payment.counter - allowance.firstCounter + 1;
  const fresh = freshness(age) === 'full' ? trustFresh : 0;
  return {
    requestId: request.requestId,
    paymentHash: signed.hash,
    tier: payeeLock?.kioskId === kiosk.kioskId ? 'locked' : 'reserved',
    checks:
      alwaysChecked |
      fresh |
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
  age: number,
): void {
  const { policy } = facts.trustBundle;
  const { amountMinor } = payment;
  const { payer, stored } = facts;
  const level = freshness(age);
  const halved = (sum: bigint): bigint => (level === 'full' ? sum : sum / 2n);
  const owners: readonly Settings[] = [policy, ...facts.settings];
  const money = (name: Money): bigint => owners.reduce((least, one) => lower(least, one[name]), policy[name]);
  const count = (name: Count): number => Math.min(...owners.map((one) => one[name] ?? policy[name]));
  const isLocked = allowance.payeeLock?.kioskId === facts.kiosk.kioskId;
  demand(age <= count('maxOfflineSeconds'), 'kiosk_offline_too_long');
  demand(level !== 'known_only' || facts.history !== null || isLocked, 'trust_bundle_too_old');
  demand(level !== 'locked_only' || isLocked, 'trust_bundle_too_old');
  demand(amountMinor <= allowance.perPaymentMinor, 'payment_exceeds_limit');
  demand(amountMinor <= halved(money('perPaymentMinor')), 'payment_exceeds_kiosk_limit');
  demand(amountMinor <= halved(facts.kiosk.perPaymentMinor), 'payment_exceeds_kiosk_limit');
  demand(payer.hasPaidHere || amountMinor <= money('firstPaymentMinor'), 'first_payment_exceeds_limit');
  demand(
    allowance.standing > 1 || amountMinor <= money('newStandingMinor'),
    'payment_exceeds_standing_limit',
  );
  const ofAllowance = payer.allowanceSumMinor + amountMinor;
  demand(ofAllowance <= money('perAllowanceMinor'), 'allowance_sum_exceeded_here');
  const within = (seconds: number) => {
    const recent = payer.recent.filter((one) => facts.nowSeconds - one.acceptedAt < seconds);
    const sum = recent.reduce((all, one) => all + one.amountMinor, amountMinor);
    return { count: recent.length + 1, sum };
  };
  const split = within(policy.splitWindowSeconds);
  demand(split.count <= count('splitCount'), 'split_sale_suspected');
  demand(split.sum <= money('splitSumMinor'), 'split_sale_suspected');
  const hour = within(3_600);
  demand(hour.count <= count('hourCount'), 'payer_count_per_hour_exceeded');
  demand(hour.sum <= money('hourSumMinor'), 'payer_sum_per_hour_exceeded');
  const day = within(86_400);
  demand(day.count <= count('dayCount'), 'payer_count_per_day_exceeded');
  demand(day.sum <= money('daySumMinor'), 'payer_sum_per_day_exceeded');
  demand(stored.count + 1 <= count('storedCount'), 'kiosk_stored_count_exceeded');
  demand(stored.sumMinor + amountMinor <= halved(money('storedSumMinor')), 'kiosk_stored_sum_exceeded');
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

/** Whether two payments under one certificate prove a fraud; one that the phone did not sign proves nothing. */
export function findContradiction(messages: readonly [Hex, Hex], allowance: objects.Allowance) {
  const [one, two] = [
    objects.verifyPayment(messages[0], allowance),
    objects.verifyPayment(messages[1], allowance),
  ];
  return { contradicts: areContradicting(one, two), hashes: [one.hash, two.hash] };
}

type SignedPayment = ReturnType<typeof objects.verifyPayment>;

function areContradicting(one: SignedPayment, two: SignedPayment): boolean {
  const [lower, higher] = one.counter <= two.counter ? [one, two] : [two, one];
  const sumsContradict = higher.cumulativeMinor < lower.cumulativeMinor + higher.amountMinor;
  return one.hash !== two.hash && (one.counter === two.counter || sumsContradict);
}

/** The proof file, from the root's key alone. */
export function verifyDoubleSpendProof(message: Hex, rootPublicKey: Hex) {
  const parts = layouts.doubleSpendProof(readCbor(fromHex(message), limits.MAX_PROOF_BYTES));
  const issuer = objects.verifyIssuerCertificate(parts.issuerCertificate, rootPublicKey);
  const allowance = objects.verifyAllowanceCertificate(parts.allowanceCertificate, [issuer]);
  const { allowanceId } = allowance;
  const second = objects.verifyPayment(parts.second, allowance);
  if (objects.purposeOf(parts.first) === closingStatementPurpose) {
    const first = objects.verifyClosingStatement(parts.first, allowance);
    const isBeyond = second.counter > first.lastCounter || second.cumulativeMinor > first.cumulativeMinor;
    demand(isBeyond, 'payments_do_not_contradict');
    return { rule: 'closing_statement', allowanceId, first, second };
  }
  const first = objects.verifyPayment(parts.first, allowance);
  demand(areContradicting(first, second), 'payments_do_not_contradict');
  const rule = first.counter === second.counter ? 'same_counter' : 'cumulative_sum';
  return { rule, allowanceId, first, second };
}

const closingStatementPurpose = 12;
