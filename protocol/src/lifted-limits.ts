/**
 * Which refusals a manager may set aside, and what each of them lifts. Pure data and one function on limits; a
 * refusal that is not in the table is never set aside by anybody.
 */
import type { RefusalCode } from './errors.ts';
import type { Policy } from './trust-policy.ts';

/** In the order of the checks of page 05. */
export const OVERRIDABLE_CODES = [
  'clock_behind_trusted_time',
  'kiosk_offline_too_long',
  'trust_bundle_too_old',
  'payment_exceeds_kiosk_limit',
  'first_payment_exceeds_limit',
  'payment_exceeds_standing_limit',
  'allowance_sum_exceeded_here',
  'split_sale_suspected',
  'payer_count_per_hour_exceeded',
  'payer_sum_per_hour_exceeded',
  'payer_count_per_day_exceeded',
  'payer_sum_per_day_exceeded',
  'kiosk_stored_count_exceeded',
  'kiosk_stored_sum_exceeded',
] as const satisfies readonly RefusalCode[];
export type OverridableCode = (typeof OVERRIDABLE_CODES)[number];

type LimitName = Exclude<keyof Policy, 'splitWindowSeconds'>;

/** `issuer`: only what merchant and kiosk set is lifted, the issuer's bound stays. `none`: the limit is lifted. */
interface Lift {
  readonly names: readonly LimitName[];
  readonly to: 'issuer' | 'none';
}

const LIFTS: Readonly<Record<OverridableCode, Lift>> = {
  // Not limits of money: acceptance.ts passes over these two itself.
  clock_behind_trusted_time: { names: [], to: 'none' },
  trust_bundle_too_old: { names: [], to: 'none' },
  // How much the shop exposes: the issuer's word is the issuer's.
  kiosk_offline_too_long: { names: ['maxOfflineSeconds'], to: 'issuer' },
  payment_exceeds_kiosk_limit: { names: ['perPaymentMinor'], to: 'issuer' },
  kiosk_stored_count_exceeded: { names: ['storedCount'], to: 'issuer' },
  kiosk_stored_sum_exceeded: { names: ['storedSumMinor'], to: 'issuer' },
  // Prudence about one payer, whom the manager may know better than any rule does.
  first_payment_exceeds_limit: { names: ['firstPaymentMinor'], to: 'none' },
  payment_exceeds_standing_limit: { names: ['newStandingMinor'], to: 'none' },
  allowance_sum_exceeded_here: { names: ['perAllowanceMinor'], to: 'none' },
  split_sale_suspected: { names: ['splitCount', 'splitSumMinor'], to: 'none' },
  payer_count_per_hour_exceeded: { names: ['hourCount'], to: 'none' },
  payer_sum_per_hour_exceeded: { names: ['hourSumMinor'], to: 'none' },
  payer_count_per_day_exceeded: { names: ['dayCount'], to: 'none' },
  payer_sum_per_day_exceeded: { names: ['daySumMinor'], to: 'none' },
};

/** Above every sum and count that a kiosk can hold. */
const NO_LIMIT: Readonly<Record<LimitName, bigint | number>> = {
  perPaymentMinor: 2n ** 63n,
  storedSumMinor: 2n ** 63n,
  storedCount: Number.MAX_SAFE_INTEGER,
  maxOfflineSeconds: Number.MAX_SAFE_INTEGER,
  perAllowanceMinor: 2n ** 63n,
  firstPaymentMinor: 2n ** 63n,
  newStandingMinor: 2n ** 63n,
  splitCount: Number.MAX_SAFE_INTEGER,
  splitSumMinor: 2n ** 63n,
  hourCount: Number.MAX_SAFE_INTEGER,
  hourSumMinor: 2n ** 63n,
  dayCount: Number.MAX_SAFE_INTEGER,
  daySumMinor: 2n ** 63n,
};

/** `limits` of all owners, `issuer` of the issuer alone at the same level of freshness. */
export function liftedLimits(limits: Policy, issuer: Policy, override: ReadonlySet<OverridableCode>): Policy {
  const lifted = [...override].flatMap((code) => {
    const { names, to } = LIFTS[code];
    return names.map((name) => [name, to === 'issuer' ? issuer[name] : NO_LIMIT[name]] as const);
  });
  return { ...limits, ...Object.fromEntries(lifted) };
}
