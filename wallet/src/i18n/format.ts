/**
 * Numbers, money and times as the person reads them. Digits are Latin everywhere: the kiosk's screen, the SMS and the
 * phone must show the same figures.
 */
import {
  Amount,
  attempt,
  currencyExponent,
  type MoneyPiece,
  moneyPieces,
  moneyText,
} from '@tikiwallet/protocol';
import { localeState } from './translate.ts';

function tag(): string {
  return `${localeState.value.locale}-u-nu-latn`;
}

/** Without its sign: what came and what went is said by other means. */
export function money(minor: bigint | string, currency: string): string {
  const signed = BigInt(minor);
  return moneyText(signed < 0n ? -signed : signed, currency, localeState.value.locale);
}

/** With its sign, where below nothing is a finding: in books that are counted. */
export function signedMoney(minor: bigint | string, currency: string): string {
  return moneyText(BigInt(minor), currency, localeState.value.locale);
}

/** An amount in pieces, so that a screen can draw the figure large and the code small. */
export function moneyParts(minor: bigint, currency: string): readonly MoneyPiece[] {
  return moneyPieces(minor, currency, localeState.value.locale);
}

/** The clock and its half of the day stay on one line. */
function unbroken(text: string): string {
  return text.replace(/(\d) (\p{L}+)$/u, '$1\u00A0$2');
}

export function time(ms: number): string {
  return unbroken(new Intl.DateTimeFormat(tag(), { hour: 'numeric', minute: '2-digit' }).format(ms));
}

export function dateTime(ms: number): string {
  const form = new Intl.DateTimeFormat(tag(), {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
  });
  return unbroken(form.format(ms));
}

/** For lists: the time today, otherwise the day. */
export function shortWhen(ms: number, nowMs: number): string {
  const isToday = new Date(ms).toDateString() === new Date(nowMs).toDateString();
  if (isToday) return time(ms);
  return new Intl.DateTimeFormat(tag(), { day: 'numeric', month: 'short' }).format(ms);
}

/** A moment within days, with its weekday. */
export function deadline(ms: number): string {
  const form = new Intl.DateTimeFormat(tag(), {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: 'numeric',
    minute: '2-digit',
  });
  return unbroken(form.format(ms));
}

export function dayHeading(ms: number): string {
  return new Intl.DateTimeFormat(tag(), { weekday: 'long', day: 'numeric', month: 'long' }).format(ms);
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** "3 minutes ago", "in 2 days"; less than a minute is "now". */
export function relative(ms: number, nowMs: number): string {
  const formatter = new Intl.RelativeTimeFormat(tag(), { numeric: 'auto' });
  const difference = ms - nowMs;
  for (const [unit, size] of STEPS) {
    if (Math.abs(difference) >= size) return formatter.format(Math.trunc(difference / size), unit);
  }
  return formatter.format(0, 'second');
}

/** A short span as `4:05`, rounded up: at `0:00` it is over. */
export function minutes(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  return `${String(Math.floor(seconds / 60))}:${String(seconds % 60).padStart(2, '0')}`;
}

/** What stands between whole and fraction in this language. */
function decimalSign(): string {
  return (
    new Intl.NumberFormat(tag()).formatToParts(1.5).find((part) => part.type === 'decimal')?.value ?? '.'
  );
}

const ARABIC_DIGITS = /[\u0660-\u0669\u06F0-\u06F9]/g;

/**
 * Reads what a person typed: any digits, with the separators of their language or of their keyboard. A single
 * separator followed by three digits could be a thousands sign; it counts as the language says. Null when it
 * cannot be read with certainty.
 */
export function parseTyped(text: string, currency: string): Amount | null {
  const plain = text
    .replace(ARABIC_DIGITS, (digit) => String((digit.codePointAt(0) ?? 0) & 0xf))
    .replace(/[\s\u00A0\u202F'’]/g, '')
    .replace('٫', '.')
    .replaceAll('٬', ',');
  const exponent = currencyExponent(currency);
  const normal = toPlainDecimal(plain, exponent);
  if (normal === null) return null;
  const amount = attempt(() => Amount.parse(normal, currency));
  return amount.ok && amount.value.minor > 0n ? amount.value : null;
}

function toPlainDecimal(text: string, exponent: number): string | null {
  if (/^\d+$/.test(text)) return text;
  const separators = text.replace(/\d/g, '');
  if (!/^\d[\d.,]*\d$/.test(text)) return null;
  const lastAt = Math.max(text.lastIndexOf('.'), text.lastIndexOf(','));
  const fraction = text.slice(lastAt + 1);
  const sign = text[lastAt] ?? '';
  const signIsUnique = [...separators].filter((one) => one === sign).length === 1;
  const looksGrouped = fraction.length === 3 && /^\d{1,3}(?:[.,]\d{3})+$/.test(text);
  const isFraction =
    signIsUnique && exponent > 0 && fraction.length <= exponent && (!looksGrouped || sign === decimalSign());
  if (isFraction) {
    const whole = text.slice(0, lastAt);
    if (!/^\d+$|^\d{1,3}(?:[.,]\d{3})+$/.test(whole)) return null;
    return `${whole.replace(/[.,]/g, '')}.${fraction}`;
  }
  // `12.505` where the point is the decimal sign: one digit too many or a thousands sign, nobody can tell.
  if (exponent > 0 && signIsUnique && sign === decimalSign()) return null;
  // Only thousands signs, all of one kind and three digits apart.
  return looksGrouped && new Set(separators).size === 1 ? text.replace(/[.,]/g, '') : null;
}
