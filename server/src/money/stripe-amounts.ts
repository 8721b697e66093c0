/**
 * Minor units as ISO 4217 counts them, and as Stripe does: mostly the same, and where not, the difference is a factor of
 * ten to some power. The one place where money becomes a number, because Stripe's JSON has numbers.
 */
import { currencyExponent } from '@tikiwallet/protocol';

/** Of Stripe's `docs/currencies`: amounts are in whole units. */
const ZERO_DECIMAL = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
/** Three decimals, of which the last must be zero. */
const THREE_DECIMAL = new Set('BHD JOD KWD OMR TND'.split(' '));
/** Charged with two decimals, paid out in whole units only. */
const WHOLE_PAY_OUTS = new Set('HUF TWD'.split(' '));

/** Stripe's limit of eight digits; beyond it no checkout can be made. */
const MAX_CHARGE = 99_999_999n;

function stripeExponent(currency: string): number {
  if (ZERO_DECIMAL.has(currency)) return 0;
  // Two also for ISK and UGX, of which nothing smaller than a unit exists any more: always a hundred of them.
  return THREE_DECIMAL.has(currency) ? 3 : 2;
}

/** What Stripe's own smallest step is, in our minor units: 1 for most currencies. */
export function stepMinor(currency: string, direction: 'charge' | 'pay_out'): bigint {
  const finer = 10n ** BigInt(Math.max(0, currencyExponent(currency) - stripeExponent(currency)));
  if (THREE_DECIMAL.has(currency)) return 10n;
  return direction === 'pay_out' && WHOLE_PAY_OUTS.has(currency) ? 100n : finer;
}

/** @throws RangeError for what Stripe cannot move: rooms ask {@link stepMinor} before. */
export function toStripe(amountMinor: bigint, currency: string, direction: 'charge' | 'pay_out'): number {
  if (amountMinor % stepMinor(currency, direction) !== 0n)
    throw new RangeError(`${amountMinor} ${currency} is finer than Stripe's amounts`);
  const difference = stripeExponent(currency) - currencyExponent(currency);
  const amount =
    difference >= 0 ? amountMinor * 10n ** BigInt(difference) : amountMinor / 10n ** BigInt(-difference);
  if (amount > (direction === 'charge' ? MAX_CHARGE : BigInt(Number.MAX_SAFE_INTEGER)))
    throw new RangeError(`${amountMinor} ${currency} is more than Stripe moves at once`);
  return Number(amount);
}

/** @throws RangeError for an amount that is none in our minor units, or no whole number */
export function fromStripe(amount: number, currency: string): bigint {
  const code = currency.toUpperCase();
  const difference = stripeExponent(code) - currencyExponent(code);
  const whole = BigInt(amount);
  if (difference <= 0) return whole * 10n ** BigInt(-difference);
  const factor = 10n ** BigInt(difference);
  if (whole % factor !== 0n) throw new RangeError(`${amount} ${code} is finer than the currency`);
  return whole / factor;
}
