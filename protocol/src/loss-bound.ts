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
  /** What a kiosk takes of one allowance. */
  readonly perAllowanceMinor: bigint;
  /** Kiosks that neither talk to each other nor settle meanwhile, among those that the allowance can pay. */
  readonly kiosks: number;
}

/** Of the kiosks in the world, those that accept an allowance with this lock: M. */
export function kiosksThatAccept(
  lock: 'none' | 'merchant' | 'kiosk',
  kiosks: { readonly all: number; readonly ofMerchant: number },
): number {
  switch (lock) {
    case 'none':
      return kiosks.all;
    case 'merchant':
      return Math.min(kiosks.all, kiosks.ofMerchant);
    case 'kiosk':
      return Math.min(kiosks.all, 1);
  }
}

const lowest = (...values: readonly bigint[]): bigint =>
  values.reduce((least, value) => (value < least ? value : least));

/** The most that one kiosk accepts of one allowance: c. Every kiosk refuses what adds up to more. */
export function mostAtOneKiosk(limits: Omit<ExposureLimits, 'kiosks'>): bigint {
  const byPayments = limits.perPaymentMinor * BigInt(limits.hardCounterLimit);
  return lowest(limits.capMinor, byPayments, limits.storedSumMinor, limits.perAllowanceMinor);
}

/** max(0, M x c - A), in minor units: accepted in all, less what the reserve holds. Tight. */
export function lossBound(limits: ExposureLimits): bigint {
  const loss = BigInt(limits.kiosks) * mostAtOneKiosk(limits) - limits.capMinor;
  return loss > 0n ? loss : 0n;
}
