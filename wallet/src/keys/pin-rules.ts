/** What a PIN is, and what wrong ones cost: pure. */

export const PIN_LENGTH = 6;
/** The tenth wrong try deletes the offline keys (R35). */
export const MOST_FAILURES = 10;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** After the fifth, sixth, ... ninth wrong try. */
const WAITS_MS = [30 * SECOND, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE];
const FIRST_WAIT = 5;

/** How long nothing can be tried after so many wrong ones in a row; counted only while the wallet is open. */
export function waitAfter(failures: number): number {
  if (failures < FIRST_WAIT) return 0;
  return WAITS_MS[Math.min(failures - FIRST_WAIT, WAITS_MS.length - 1)] ?? 0;
}

/** Wrong tries left before the first pause; 0 once there are pauses. */
export function triesBeforeWait(failures: number): number {
  return Math.max(0, FIRST_WAIT - failures);
}

export function isPin(text: string): boolean {
  return new RegExp(`^[0-9]{${String(PIN_LENGTH)}}$`).test(text);
}

/** What is tried first: one digit six times, two or three digits over and over, a run up or down. */
export function isTooSimple(pin: string): boolean {
  const digits = [...pin].map(Number);
  const repeats = (length: number) => digits.every((digit, index) => digit === digits[index % length]);
  const steps = digits.slice(1).map((digit, index) => (digit - (digits[index] ?? 0) + 10) % 10);
  const runs = (step: number) => steps.every((one) => one === step);
  return repeats(1) || repeats(2) || repeats(3) || runs(1) || runs(9);
}

/**
 * What may be paid without a PIN when the person chose nothing: a tenth of the largest payment that the issuer allows.
 * @param perPaymentMinor the issuer's limit; null before the cloud was met
 */
export function defaultLimitMinor(perPaymentMinor: bigint | null): bigint {
  return (perPaymentMinor ?? 0n) / 10n;
}
