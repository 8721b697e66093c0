/**
 * The rules for money in and out, from the environment, validated once.
 *
 * Owns: names and defaults of these settings, and the fee. Never: read anywhere else than at start.
 */
import { z } from 'zod';
import { ConfigError } from '../config-error.ts';

export interface WithdrawalRules {
  readonly minMinor: bigint;
  /** What one person may withdraw in 24 hours. */
  readonly dayMaxMinor: bigint;
  /** Above this a code is asked for, whatever the bank account. */
  readonly codeAboveMinor: bigint;
  readonly feeFixedMinor: bigint;
  /** Hundredths of a percent. */
  readonly feeBasisPoints: number;
}

export interface MoneyPolicy {
  readonly customer: WithdrawalRules;
  readonly merchant: WithdrawalRules;
  /** How long money that came by card, or from another person, counts as fresh. */
  readonly holdSeconds: number;
  /** How much fresh money may be offline, or have been spent offline, within that time. */
  readonly freshOfflineMinor: bigint;
  /** How much of it may have gone to a bank. */
  readonly freshWithdrawalMinor: bigint;
  /** ISO 3166: where people's bank accounts are. */
  readonly country: string;
}

const Minor = z
  .string()
  .regex(/^[1-9][0-9]{0,15}$/)
  .transform(BigInt);
const MinorOrZero = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,15})$/)
  .transform(BigInt);
const BasisPoints = z.coerce.number().int().min(0).max(2_000);

const Environment = z.object({
  TIKI_WITHDRAWAL_MIN_MINOR: Minor.default(500n),
  TIKI_WITHDRAWAL_DAY_MAX_MINOR: Minor.default(100_000n),
  TIKI_WITHDRAWAL_CODE_ABOVE_MINOR: MinorOrZero.default(20_000n),
  TIKI_WITHDRAWAL_FEE_FIXED_MINOR: MinorOrZero.default(50n),
  TIKI_WITHDRAWAL_FEE_BASIS_POINTS: BasisPoints.default(0),
  TIKI_PAY_OUT_MIN_MINOR: Minor.default(1_000n),
  TIKI_PAY_OUT_DAY_MAX_MINOR: Minor.default(2_000_000n),
  TIKI_PAY_OUT_CODE_ABOVE_MINOR: MinorOrZero.default(500_000n),
  TIKI_PAY_OUT_FEE_FIXED_MINOR: MinorOrZero.default(0n),
  TIKI_PAY_OUT_FEE_BASIS_POINTS: BasisPoints.default(50),
  TIKI_HOLD_HOURS: z.coerce
    .number()
    .min(0)
    .max(24 * 120)
    .default(72),
  /** As much as one person may have offline at all (TIKI_ALLOWANCE_OUTSTANDING_MAX_MINOR): see decisions/0011. */
  TIKI_FRESH_OFFLINE_MINOR: MinorOrZero.default(50_000n),
  TIKI_FRESH_WITHDRAWAL_MINOR: MinorOrZero.default(5_000n),
});

/** @throws ConfigError naming the settings, never their values. */
export function readMoneyPolicy(
  environment: Readonly<Record<string, string | undefined>>,
  country: string,
): MoneyPolicy {
  const present = Object.entries(environment).filter(([, value]) => value !== undefined && value !== '');
  const parsed = Environment.safeParse(Object.fromEntries(present));
  if (!parsed.success) {
    const what = parsed.error.issues.map((issue) => `${issue.path.join('.')} (${issue.message})`).join(', ');
    throw new ConfigError(`These settings are not usable: ${what}.`);
  }
  const env = parsed.data;
  const policy: MoneyPolicy = {
    customer: {
      minMinor: env.TIKI_WITHDRAWAL_MIN_MINOR,
      dayMaxMinor: env.TIKI_WITHDRAWAL_DAY_MAX_MINOR,
      codeAboveMinor: env.TIKI_WITHDRAWAL_CODE_ABOVE_MINOR,
      feeFixedMinor: env.TIKI_WITHDRAWAL_FEE_FIXED_MINOR,
      feeBasisPoints: env.TIKI_WITHDRAWAL_FEE_BASIS_POINTS,
    },
    merchant: {
      minMinor: env.TIKI_PAY_OUT_MIN_MINOR,
      dayMaxMinor: env.TIKI_PAY_OUT_DAY_MAX_MINOR,
      codeAboveMinor: env.TIKI_PAY_OUT_CODE_ABOVE_MINOR,
      feeFixedMinor: env.TIKI_PAY_OUT_FEE_FIXED_MINOR,
      feeBasisPoints: env.TIKI_PAY_OUT_FEE_BASIS_POINTS,
    },
    holdSeconds: Math.round(env.TIKI_HOLD_HOURS * 3600),
    freshOfflineMinor: env.TIKI_FRESH_OFFLINE_MINOR,
    freshWithdrawalMinor: env.TIKI_FRESH_WITHDRAWAL_MINOR,
    country,
  };
  for (const [smallest, rules] of [
    ['TIKI_WITHDRAWAL_MIN_MINOR', policy.customer],
    ['TIKI_PAY_OUT_MIN_MINOR', policy.merchant],
  ] as const) {
    if (feeOf(rules.minMinor, rules) >= rules.minMinor)
      throw new ConfigError(`The fee eats up the smallest amount: raise ${smallest}.`);
  }
  return policy;
}

/** Rounded up, so that a fee is never less than its rule says. */
export function feeOf(
  amountMinor: bigint,
  rules: Pick<WithdrawalRules, 'feeFixedMinor' | 'feeBasisPoints'>,
): bigint {
  return rules.feeFixedMinor + (amountMinor * BigInt(rules.feeBasisPoints) + 9_999n) / 10_000n;
}
