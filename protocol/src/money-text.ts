/**
 * An amount as people read it. The till's screen and the phone's are held side by side, so both write it here: the code at
 * one side of the figure in each language, the currency's own decimals, Western digits. Never a float on the way.
 */
import { currencyExponent } from './amount.ts';

export interface MoneyPiece {
  /** Digits with their signs; otherwise the currency's code. */
  readonly isFigure: boolean;
  readonly text: string;
}

/**
 * Read from right to left, a code changes its side with what stands around it. There the amount is written as in English, whose
 * separators Arabic's Western digits have, and kept in one piece.
 */
const fromTheRight = (language: string) => language === 'ar';

type Decimal = Parameters<Intl.NumberFormat['format']>[0];

const formats = new Map<string, Intl.NumberFormat>();

/** Built once a language and currency: a list of a hundred amounts would otherwise build a hundred. */
function formatFor(currency: string, language: string): Intl.NumberFormat {
  const name = `${language} ${currency}`;
  const known = formats.get(name);
  if (known !== undefined) return known;
  const digits = currencyExponent(currency);
  const made = new Intl.NumberFormat(`${fromTheRight(language) ? 'en' : language}-u-nu-latn`, {
    style: 'currency',
    currency,
    // A dollar sign is that of many currencies.
    currencyDisplay: 'code',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  formats.set(name, made);
  return made;
}

function decimalOf(minor: bigint, currency: string): Decimal {
  const exponent = currencyExponent(currency);
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const sign = minor < 0n ? '-' : '';
  return `${sign}${whole}${exponent === 0 ? '' : `.${digits.slice(-exponent)}`}` as `${number}`;
}

/** `moneyText(1250n, 'SGD', 'en')` is `SGD 12.50`, exact for any number of digits. */
export function moneyText(minor: bigint, currency: string, language: string): string {
  const text = formatFor(currency, language).format(decimalOf(minor, currency));
  return fromTheRight(language) ? `\u2066${text}\u2069` : text;
}

/** The same in pieces, in the order in which they are drawn from left to right; the space between is the drawer's. */
export function moneyPieces(minor: bigint, currency: string, language: string): readonly MoneyPiece[] {
  // TypeScript knows `formatToParts` for numbers only; the standard takes decimal strings as `format` does.
  const format: (value: Decimal) => Intl.NumberFormatPart[] = (value) =>
    formatFor(currency, language).formatToParts(value as bigint);
  const pieces: MoneyPiece[] = [];
  for (const { type, value } of format(decimalOf(minor, currency))) {
    if (type === 'literal') continue;
    const isFigure = type !== 'currency';
    const last = pieces.at(-1);
    if (last?.isFigure === isFigure) pieces[pieces.length - 1] = { isFigure, text: last.text + value };
    else pieces.push({ isFigure, text: value });
  }
  return pieces;
}
