/** How money is written. Takes decimal strings of minor units, never a float; the decimals of a currency are the protocol's. */
import { currencyExponent } from '@tikiwallet/protocol';
import { localeOf } from './i18n.ts';

/** Cut where a reader of plain digits would: `"1250"` of two decimals is `12.50`. */
export function toDecimal(minor: string, exponent: number): string {
  if (minor.startsWith('-')) return `-${toDecimal(minor.slice(1), exponent)}`;
  if (exponent === 0) return minor;
  const digits = minor.padStart(exponent + 1, '0');
  return `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

const formats = new Map<string, Intl.NumberFormat>();

/** Built once per language and currency: a list of a hundred amounts would otherwise build a hundred. */
function moneyFormat(language: string, currency: string): Intl.NumberFormat {
  const key = `${language} ${currency}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  const exponent = currencyExponent(currency);
  const made = new Intl.NumberFormat(localeOf(language), {
    style: 'currency',
    currency,
    // As the wallet writes it: the two screens are compared, and a dollar sign is that of many currencies.
    currencyDisplay: 'code',
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
  });
  formats.set(key, made);
  return made;
}

/** `formatMoney('1250', 'SGD', 'en')` is `SGD 12.50`. Exact for any number of digits: Intl reads the decimal text. */
export function formatMoney(minor: string, currency: string, language: string): string {
  const decimal = toDecimal(minor, currencyExponent(currency));
  return moneyFormat(language, currency).format(decimal as `${number}`);
}

export function formatCount(count: number, language: string): string {
  return new Intl.NumberFormat(localeOf(language)).format(count);
}
