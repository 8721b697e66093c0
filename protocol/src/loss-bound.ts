/**
 * The worst case of one copied phone (page 10): what kiosks that share nothing can accept of an allowance beyond what
 * it holds. Arithmetic on limits; nothing is read or decided here.
 */

export interface ExposureLimits {
  /** What the reserve holds. */
  readonly capMinor: bigint;
  /** The lowest of allowance certificate, policy and kiosk certificate. */
  readonly perPaymentMinor: bigint;
  /** UCOL of the allowance certificate. */
  readonly hardCounterLimit: number;
  /** What a kiosk may hold unsettled. */
  readonly storedSumMinor: bigint;
  /** Kiosks that neither talk to each other nor settle meanwhile. */
  readonly kiosks: number;
}

const lowest = (...values: readonly bigint[]): bigint =>
  values.reduce((least, value) => (value < least ? value : least));

/** The most that one kiosk accepts of one allowance: c. Every kiosk refuses what adds up to more. */
export function mostAtOneKiosk(limits: Omit<ExposureLimits, 'kiosks'>): bigint {
  const byPayments = limits.perPaymentMinor * BigInt(limits.hardCounterLimit);
  return lowest(limits.capMinor, byPayments, limits.storedSumMinor);
}

/** max(0, M x c - A), in minor units: accepted in all, less what the reserve holds. Tight. */
export function lossBound(limits: ExposureLimits): bigint {
  const loss = BigInt(limits.kiosks) * mostAtOneKiosk(limits) - limits.capMinor;
  return loss > 0n ? loss : 0n;
}
