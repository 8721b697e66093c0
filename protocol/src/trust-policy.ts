/** The issuer's limits for a kiosk as a trust bundle carries them: fourteen numbers in a fixed order. */
import { FieldReader, type CborValue } from './cbor.ts';
import { MAX_COUNTER } from './limits.ts';

/** The issuer's limits for a kiosk, in the kiosk's currency. The lowest of issuer, merchant and kiosk wins. */
export interface Policy {
  readonly perPaymentMinor: bigint;
  /** Sum of accepted payments that a kiosk may hold unsettled. */
  readonly storedSumMinor: bigint;
  readonly storedCount: number;
  /** Longest time without contact before a kiosk stops accepting. */
  readonly maxOfflineSeconds: number;
  /** Sum of the payments of one allowance at one kiosk: what a copied phone can cost this kiosk. */
  readonly perAllowanceMinor: bigint;
  /** Largest payment of a phone that has never paid at this kiosk. */
  readonly firstPaymentMinor: bigint;
  /** Largest payment of a payer of whom the issuer knows little ({@link STANDING}.new). */
  readonly newStandingMinor: bigint;
  /** One payer at one kiosk within this window: more payments or more money look like one sale cut into pieces. */
  readonly splitWindowSeconds: number;
  readonly splitCount: number;
  readonly splitSumMinor: bigint;
  /** One payer at one kiosk within an hour and a day. */
  readonly hourCount: number;
  readonly hourSumMinor: bigint;
  readonly dayCount: number;
  readonly daySumMinor: bigint;
}

export function policyFields(policy: Policy): readonly CborValue[] {
  return [
    policy.perPaymentMinor,
    policy.storedSumMinor,
    policy.storedCount,
    policy.maxOfflineSeconds,
    policy.perAllowanceMinor,
    policy.firstPaymentMinor,
    policy.newStandingMinor,
    policy.splitWindowSeconds,
    policy.splitCount,
    policy.splitSumMinor,
    policy.hourCount,
    policy.hourSumMinor,
    policy.dayCount,
    policy.daySumMinor,
  ];
}

export function readPolicy(values: readonly unknown[]): Policy {
  const fields = new FieldReader(values);
  const policy = {
    perPaymentMinor: fields.amountMinor(1n),
    storedSumMinor: fields.amountMinor(1n),
    storedCount: fields.uint(MAX_COUNTER, 1),
    maxOfflineSeconds: fields.uint(MAX_COUNTER, 1),
    perAllowanceMinor: fields.amountMinor(1n),
    firstPaymentMinor: fields.amountMinor(1n),
    newStandingMinor: fields.amountMinor(1n),
    splitWindowSeconds: fields.uint(MAX_COUNTER, 1),
    splitCount: fields.uint(MAX_COUNTER, 1),
    splitSumMinor: fields.amountMinor(1n),
    hourCount: fields.uint(MAX_COUNTER, 1),
    hourSumMinor: fields.amountMinor(1n),
    dayCount: fields.uint(MAX_COUNTER, 1),
    daySumMinor: fields.amountMinor(1n),
  };
  fields.end();
  return policy;
}
