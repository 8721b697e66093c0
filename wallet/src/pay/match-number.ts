/**
 * The customer types the merchant's number instead of scanning: which of the shops that answered is that? Compared with the number
 * in the signed certificate, never with what a kiosk says of itself. Pure.
 */
import type { ReadOutcome } from './read-request.ts';

/** As few as tell shops on one network apart; a local number without its country code has more. */
const LEAST_DIGITS = 6;

/** True when `typed` is the whole number, or its end as people write it at home: `0812 345 678` for `+62812345678`. */
export function isNumberOf(certified: string, typed: string): boolean {
  // Digits of any script, as keyboards type them.
  const digits = [...typed.normalize('NFKC')]
    .map((one) => (/[\u0660-\u0669\u06F0-\u06F9]/.test(one) ? String((one.codePointAt(0) ?? 0) & 0xf) : one))
    .filter((one) => /[0-9]/.test(one))
    .join('');
  const whole = certified.replace(/[^0-9]/g, '');
  if (typed.trim().startsWith('+') || digits.startsWith('00')) return digits.replace(/^00/, '') === whole;
  const local = digits.replace(/^0+/, '');
  return local.length >= LEAST_DIGITS && whole.endsWith(local);
}

/** Those of the outcomes that are asked for by the shop with this number. */
export function askedBy(outcomes: readonly ReadOutcome[], typed: string): readonly ReadOutcome[] {
  return outcomes.filter((outcome) => {
    switch (outcome.kind) {
      case 'offer':
        return isNumberOf(outcome.offer.merchantPhone, typed);
      case 'known':
        return isNumberOf(outcome.payment.merchantPhone, typed);
      case 'refused':
        return outcome.subject !== null && isNumberOf(outcome.subject.merchantPhone, typed);
    }
  });
}
