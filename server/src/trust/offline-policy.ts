/**
 * The issuer's rules for offline money, from the environment, validated once.
 *
 * Owns: names and defaults of these settings. Never: read anywhere else than at start.
 */
import { z } from 'zod';
import type { Policy } from '@tikiwallet/protocol';
import type { Limits } from '../config.ts';
import { ConfigError } from '../config-error.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;

export interface AllowancePolicy {
  readonly minMinor: bigint;
  readonly maxMinor: bigint;
  /** Sum of the reserves that one user may have at a time, money on its way back included. */
  readonly maxOutstandingMinor: bigint;
  readonly maxActive: number;
  readonly perPaymentMinor: bigint;
  readonly lifetimeSeconds: number;
  /** LCOL: after this many payments the phone asks for internet. */
  readonly softCounterLimit: number;
  /** UCOL: more payments than this are refused. */
  readonly hardCounterLimit: number;
  /** How long after an allowance's end a kiosk may still present its payments against the reserve. */
  readonly claimWindowSeconds: number;
  readonly establishedAfterSeconds: number;
  readonly goodAfterSeconds: number;
}

export interface OfflinePolicy {
  /** Signed into every trust bundle. */
  readonly kiosk: Policy;
  readonly allowance: AllowancePolicy;
  readonly kioskCertificateSeconds: number;
  readonly enrolmentCodeSeconds: number;
  /** What the guarantee fund pays to one merchant in a calendar month at most. */
  readonly guaranteeMonthMinor: bigint;
  /** What it pays to all merchants together in a calendar month: the most that fraud can cost. */
  readonly guaranteeAllMonthMinor: bigint;
  readonly trustBundleMaxAgeSeconds: number;
  readonly issuerCertificateSeconds: number;
  /** IANA name: whose midnight ends a merchant's day. */
  readonly timeZone: string;
}

const Minor = z
  .string()
  .regex(/^[1-9][0-9]{0,15}$/)
  .transform(BigInt);
const MinorOrZero = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,15})$/)
  .transform(BigInt);
const Count = z.coerce.number().int().min(1).max(1_000_000);
const Hours = z.coerce
  .number()
  .positive()
  .max(24 * 365);

const Environment = z.object({
  /** Without it, what a wallet pays at most: a till that takes more only asks for what no phone can pay. */
  TIKI_KIOSK_PER_PAYMENT_MAX_MINOR: Minor.optional(),
  TIKI_KIOSK_STORED_SUM_MINOR: Minor.default(500_000n),
  TIKI_KIOSK_STORED_COUNT: Count.default(1_000),
  TIKI_KIOSK_OFFLINE_HOURS: Hours.default(14 * 24),
  TIKI_KIOSK_PER_ALLOWANCE_MAX_MINOR: Minor.default(50_000n),
  TIKI_KIOSK_FIRST_PAYMENT_MAX_MINOR: Minor.default(20_000n),
  TIKI_KIOSK_NEW_STANDING_MAX_MINOR: Minor.default(20_000n),
  TIKI_SPLIT_SALE_SECONDS: Count.default(120),
  TIKI_SPLIT_SALE_COUNT: Count.default(10),
  TIKI_SPLIT_SALE_MINOR: Minor.default(40_000n),
  TIKI_PAYER_HOUR_COUNT: Count.default(30),
  TIKI_PAYER_HOUR_MINOR: Minor.default(60_000n),
  TIKI_PAYER_DAY_COUNT: Count.default(100),
  TIKI_PAYER_DAY_MINOR: Minor.default(100_000n),
  TIKI_ALLOWANCE_MIN_MINOR: Minor.default(100n),
  TIKI_ALLOWANCE_OUTSTANDING_MAX_MINOR: Minor.default(50_000n),
  TIKI_ALLOWANCE_ACTIVE_MAX: Count.default(5),
  /** 72 hours is what most phones need; up to 14 days for remote places. */
  TIKI_ALLOWANCE_HOURS: Hours.max(14 * 24).default(72),
  TIKI_ALLOWANCE_SOFT_COUNTER_LIMIT: Count.default(50),
  TIKI_ALLOWANCE_HARD_COUNTER_LIMIT: Count.default(60),
  TIKI_CLAIM_WINDOW_HOURS: Hours.default(7 * 24),
  TIKI_GUARANTEE_MONTH_MINOR: MinorOrZero.default(100_000n),
  TIKI_GUARANTEE_ALL_MONTH_MINOR: MinorOrZero.default(1_000_000n),
  TIKI_TIME_ZONE: z.string().refine(isTimeZone, 'not an IANA time zone').default('Asia/Singapore'),
});

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    // Intl says with a RangeError that it does not know the name.
    return false;
  }
}

/** @throws ConfigError naming the settings, never their values. */
export function readOfflinePolicy(
  environment: Readonly<Record<string, string | undefined>>,
  limits: Pick<Limits, 'allowanceMaxMinor' | 'perPaymentMaxMinor'>,
): OfflinePolicy {
  const present = Object.entries(environment).filter(([, value]) => value !== undefined && value !== '');
  const parsed = Environment.safeParse(Object.fromEntries(present));
  if (!parsed.success) {
    const what = parsed.error.issues.map((issue) => `${issue.path.join('.')} (${issue.message})`).join(', ');
    throw new ConfigError(`These settings are not usable: ${what}.`);
  }
  const env = parsed.data;
  if (env.TIKI_ALLOWANCE_SOFT_COUNTER_LIMIT > env.TIKI_ALLOWANCE_HARD_COUNTER_LIMIT) {
    throw new ConfigError('TIKI_ALLOWANCE_SOFT_COUNTER_LIMIT is above TIKI_ALLOWANCE_HARD_COUNTER_LIMIT.');
  }
  return {
    kiosk: {
      perPaymentMinor: env.TIKI_KIOSK_PER_PAYMENT_MAX_MINOR ?? limits.perPaymentMaxMinor,
      storedSumMinor: env.TIKI_KIOSK_STORED_SUM_MINOR,
      storedCount: env.TIKI_KIOSK_STORED_COUNT,
      maxOfflineSeconds: Math.round(env.TIKI_KIOSK_OFFLINE_HOURS * HOUR),
      perAllowanceMinor: env.TIKI_KIOSK_PER_ALLOWANCE_MAX_MINOR,
      firstPaymentMinor: env.TIKI_KIOSK_FIRST_PAYMENT_MAX_MINOR,
      newStandingMinor: env.TIKI_KIOSK_NEW_STANDING_MAX_MINOR,
      splitWindowSeconds: env.TIKI_SPLIT_SALE_SECONDS,
      splitCount: env.TIKI_SPLIT_SALE_COUNT,
      splitSumMinor: env.TIKI_SPLIT_SALE_MINOR,
      hourCount: env.TIKI_PAYER_HOUR_COUNT,
      hourSumMinor: env.TIKI_PAYER_HOUR_MINOR,
      dayCount: env.TIKI_PAYER_DAY_COUNT,
      daySumMinor: env.TIKI_PAYER_DAY_MINOR,
    },
    allowance: {
      minMinor: env.TIKI_ALLOWANCE_MIN_MINOR,
      maxMinor: limits.allowanceMaxMinor,
      maxOutstandingMinor: env.TIKI_ALLOWANCE_OUTSTANDING_MAX_MINOR,
      maxActive: env.TIKI_ALLOWANCE_ACTIVE_MAX,
      perPaymentMinor: limits.perPaymentMaxMinor,
      lifetimeSeconds: Math.round(env.TIKI_ALLOWANCE_HOURS * HOUR),
      softCounterLimit: env.TIKI_ALLOWANCE_SOFT_COUNTER_LIMIT,
      hardCounterLimit: env.TIKI_ALLOWANCE_HARD_COUNTER_LIMIT,
      claimWindowSeconds: Math.round(env.TIKI_CLAIM_WINDOW_HOURS * HOUR),
      establishedAfterSeconds: 30 * DAY,
      goodAfterSeconds: 180 * DAY,
    },
    kioskCertificateSeconds: 90 * DAY,
    enrolmentCodeSeconds: HOUR / 2,
    guaranteeMonthMinor: env.TIKI_GUARANTEE_MONTH_MINOR,
    guaranteeAllMonthMinor: env.TIKI_GUARANTEE_ALL_MONTH_MINOR,
    trustBundleMaxAgeSeconds: HOUR,
    issuerCertificateSeconds: 730 * DAY,
    timeZone: env.TIKI_TIME_ZONE,
  };
}
