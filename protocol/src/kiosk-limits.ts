/**
 * The limits of money at a kiosk and the check of one payment against them: pure, on facts that the kiosk's store
 * gathers. Three owners set limits: the issuer (policy of the trust bundle), the merchant and the kiosk; the lowest wins.
 * Each limit has a code of its own, so that the cashier is told which.
 */
import { STANDING, type AllowanceCertificate, type KioskCertificate } from './certificates.ts';
import { refuse } from './errors.ts';
import type { Payment } from './payment.ts';
import type { FreshnessLevel } from './trust-bundle.ts';
import type { Policy } from './trust-policy.ts';

/** What a merchant or a kiosk may set below the issuer's. The window of split sales is the issuer's alone. */
export type LimitSettings = Partial<Omit<Policy, 'splitWindowSeconds'>>;

export const HOUR_SECONDS = 3_600;
export const DAY_SECONDS = 86_400;

/** An accepted payment of this payer at this kiosk. */
export interface RecentPayment {
  readonly acceptedAt: number;
  readonly amountMinor: bigint;
}

/** What this kiosk knows of who pays: by the phone's key, whatever allowance it uses. */
export interface PayerFacts {
  /** True when this phone has ever paid here. */
  readonly hasPaidHere: boolean;
  /** Accepted from this phone within a day and within the window of split sales, in any order. */
  readonly recent: readonly RecentPayment[];
  /** Accepted here under this allowance so far. */
  readonly allowanceSumMinor: bigint;
}

export interface LimitFacts {
  /** Trusted time, seconds since 1970. */
  readonly nowSeconds: number;
  readonly payer: PayerFacts;
  /** Accepted and not yet acknowledged by the cloud. */
  readonly stored: { readonly sumMinor: bigint; readonly count: number };
}

interface Asked {
  readonly level: FreshnessLevel;
  readonly perPaymentMinor: bigint;
  readonly settings: readonly LimitSettings[];
  readonly limits: Policy;
}
/** What was asked last of a policy: one payment after the other asks the same until an owner changes something. */
const askedLast = new WeakMap<Policy, Asked>();
const NO_SETTINGS: readonly LimitSettings[] = [];

/** The limits of all owners at a level of freshness: the lowest of each, money halved when the bundle is not fresh. */
export function limitsAt(
  level: FreshnessLevel,
  policy: Policy,
  kiosk: Pick<KioskCertificate, 'perPaymentMinor'>,
  settings: readonly LimitSettings[] = NO_SETTINGS,
): Policy {
  const { perPaymentMinor } = kiosk;
  const last = askedLast.get(policy);
  if (last?.level === level && last.perPaymentMinor === perPaymentMinor && last.settings === settings)
    return last.limits;
  const limits = lowestAt(level, policy, kiosk, settings);
  askedLast.set(policy, { level, perPaymentMinor, settings, limits });
  return limits;
}

function lowestAt(
  level: FreshnessLevel,
  policy: Policy,
  kiosk: Pick<KioskCertificate, 'perPaymentMinor'>,
  settings: readonly LimitSettings[],
): Policy {
  const limits = settings.reduce<Policy>(lowest, lowest(policy, { perPaymentMinor: kiosk.perPaymentMinor }));
  if (level === 'full') return limits;
  return {
    ...limits,
    perPaymentMinor: limits.perPaymentMinor / 2n,
    storedSumMinor: limits.storedSumMinor / 2n,
  };
}

function lowest(limits: Policy, other: LimitSettings): Policy {
  const money = (name: MoneyLimit) => minMinor(limits[name], other[name]);
  const number = (name: NumberLimit) => Math.min(limits[name], other[name] ?? limits[name]);
  return {
    perPaymentMinor: money('perPaymentMinor'),
    storedSumMinor: money('storedSumMinor'),
    storedCount: number('storedCount'),
    maxOfflineSeconds: number('maxOfflineSeconds'),
    perAllowanceMinor: money('perAllowanceMinor'),
    firstPaymentMinor: money('firstPaymentMinor'),
    newStandingMinor: money('newStandingMinor'),
    splitWindowSeconds: limits.splitWindowSeconds,
    splitCount: number('splitCount'),
    splitSumMinor: money('splitSumMinor'),
    hourCount: number('hourCount'),
    hourSumMinor: money('hourSumMinor'),
    dayCount: number('dayCount'),
    daySumMinor: money('daySumMinor'),
  };
}

type NamesOf<T> = { [K in keyof Policy]: Policy[K] extends T ? K : never }[keyof Policy];
type MoneyLimit = NamesOf<bigint>;
type NumberLimit = Exclude<NamesOf<number>, 'splitWindowSeconds'>;

function minMinor(a: bigint, b: bigint | undefined): bigint {
  return b === undefined || a < b ? a : b;
}

/** Names that a merchant's or a kiosk's setting may have. */
export const MONEY_LIMITS = [
  'perPaymentMinor',
  'storedSumMinor',
  'perAllowanceMinor',
  'firstPaymentMinor',
  'newStandingMinor',
  'splitSumMinor',
  'hourSumMinor',
  'daySumMinor',
] as const satisfies readonly MoneyLimit[];
export const NUMBER_LIMITS = [
  'storedCount',
  'maxOfflineSeconds',
  'splitCount',
  'hourCount',
  'dayCount',
] as const satisfies readonly NumberLimit[];

/** One payment against the limits, in the order of page 05. @throws Refusal with the code of the first that it passes. */
export function checkLimits(
  payment: Pick<Payment, 'amountMinor'>,
  allowance: Pick<AllowanceCertificate, 'perPaymentMinor' | 'standing'>,
  facts: LimitFacts,
  limits: Policy,
): void {
  const { amountMinor } = payment;
  const { payer, stored } = facts;
  if (amountMinor > allowance.perPaymentMinor) refuse('payment_exceeds_limit');
  if (amountMinor > limits.perPaymentMinor) refuse('payment_exceeds_kiosk_limit');
  if (!payer.hasPaidHere && amountMinor > limits.firstPaymentMinor) refuse('first_payment_exceeds_limit');
  if (allowance.standing <= STANDING.new && amountMinor > limits.newStandingMinor)
    refuse('payment_exceeds_standing_limit');
  if (payer.allowanceSumMinor + amountMinor > limits.perAllowanceMinor) refuse('allowance_sum_exceeded_here');
  checkWindows(amountMinor, facts, limits);
  if (stored.count + 1 > limits.storedCount) refuse('kiosk_stored_count_exceeded');
  if (stored.sumMinor + amountMinor > limits.storedSumMinor) refuse('kiosk_stored_sum_exceeded');
}

function checkWindows(amountMinor: bigint, { nowSeconds, payer }: LimitFacts, limits: Policy): void {
  const within = (seconds: number, narrower: Total | null = null): Total =>
    // What is all in a narrower window already is all in this one.
    narrower?.count === payer.recent.length ? narrower : totalSince(payer.recent, nowSeconds - seconds);
  const split = within(limits.splitWindowSeconds);
  if (split.count + 1 > limits.splitCount || split.sumMinor + amountMinor > limits.splitSumMinor)
    refuse('split_sale_suspected');
  const hour = within(HOUR_SECONDS, limits.splitWindowSeconds <= HOUR_SECONDS ? split : null);
  if (hour.count + 1 > limits.hourCount) refuse('payer_count_per_hour_exceeded');
  if (hour.sumMinor + amountMinor > limits.hourSumMinor) refuse('payer_sum_per_hour_exceeded');
  const day = within(DAY_SECONDS, hour);
  if (day.count + 1 > limits.dayCount) refuse('payer_count_per_day_exceeded');
  if (day.sumMinor + amountMinor > limits.daySumMinor) refuse('payer_sum_per_day_exceeded');
}

interface Total {
  readonly count: number;
  readonly sumMinor: bigint;
}

/** Payments later than `since`: one that is exactly a window old is out of it. */
function totalSince(payments: readonly RecentPayment[], since: number): Total {
  let count = 0;
  let sumMinor = 0n;
  for (const payment of payments) {
    if (payment.acceptedAt <= since) continue;
    count += 1;
    sumMinor += payment.amountMinor;
  }
  return { count, sumMinor };
}

/** LCOL: the payment is good, and the phone should meet the internet before many more. */
export function needsInternetSoon(
  allowance: Pick<AllowanceCertificate, 'firstCounter' | 'softCounterLimit'>,
  counter: number,
): boolean {
  return counter - allowance.firstCounter + 1 >= allowance.softCounterLimit;
}
