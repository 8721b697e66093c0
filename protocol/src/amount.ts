/**
 * Money: whole minor units as bigint with an ISO 4217 code, immutable, bounded, never a float. The one place that
 * knows how many decimals a currency has and how a person writes an amount.
 */
import { refuse } from './errors.ts';
import { MAX_AMOUNT_MINOR } from './limits.ts';

/** ISO 4217 minor-unit exponents other than 2. Intl rounds a few of these for display, so they are written out. */
const EXPONENTS: ReadonlyMap<string, number> = new Map([
  ...[
    'BIF',
    'CLP',
    'DJF',
    'GNF',
    'ISK',
    'JPY',
    'KMF',
    'KRW',
    'PYG',
    'RWF',
    'UGX',
    'VND',
    'VUV',
    'XAF',
    'XOF',
    'XPF',
  ].map((currency) => [currency, 0] as const),
  ...['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'].map((currency) => [currency, 3] as const),
]);

/** Decimals of a currency: 0, 2 or 3. */
export function currencyExponent(currency: string): number {
  return EXPONENTS.get(currency) ?? 2;
}

export class Amount {
  readonly minor: bigint;
  readonly currency: string;

  private constructor(minor: bigint, currency: string) {
    this.minor = minor;
    this.currency = currency;
    Object.freeze(this);
  }

  /** @throws Refusal `field_out_of_range` outside 0..10^15 minor units or without a three-letter currency. */
  static of(minor: bigint, currency: string): Amount {
    if (minor < 0n || minor > MAX_AMOUNT_MINOR || !/^[A-Z]{3}$/.test(currency)) refuse('field_out_of_range');
    return new Amount(minor, currency);
  }

  /** Reads what a person typed with a decimal point, e.g. `12.50`. @throws Refusal `field_out_of_range`. */
  static parse(text: string, currency: string): Amount {
    const exponent = currencyExponent(currency);
    const match = /^(\d{1,16})(?:\.(\d*))?$/.exec(text);
    const fraction = match?.[2] ?? '';
    if (match?.[1] === undefined || fraction.length > exponent) refuse('field_out_of_range');
    return Amount.of(BigInt(match[1] + fraction.padEnd(exponent, '0')), currency);
  }

  /** The wire form: minor units in decimal digits. */
  toString(): string {
    return this.minor.toString();
  }

  /** `12.50`: plain decimal with the currency's decimals, for `Intl.NumberFormat` and for files. */
  toDecimal(): string {
    const exponent = currencyExponent(this.currency);
    const digits = this.minor.toString().padStart(exponent + 1, '0');
    return exponent === 0 ? digits : `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
  }

  plus(other: Amount): Amount {
    this.#sameCurrency(other);
    return Amount.of(this.minor + other.minor, this.currency);
  }

  /** @throws Refusal `field_out_of_range` when the result would be negative. */
  minus(other: Amount): Amount {
    this.#sameCurrency(other);
    return Amount.of(this.minor - other.minor, this.currency);
  }

  equals(other: Amount): boolean {
    return this.currency === other.currency && this.minor === other.minor;
  }

  #sameCurrency(other: Amount): void {
    if (other.currency !== this.currency) throw new TypeError('amounts of two currencies do not add');
  }
}
