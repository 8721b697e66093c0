/** How amounts are written: by the decimals of their currency, exactly, in the manner of each language. */
import { describe, expect, it } from 'vitest';
import { formatSpan } from './moments.ts';
import { formatMoney, toDecimal } from './money.ts';

const plain = (text: string): string =>
  text.replaceAll(/[\u00a0\u202f]/g, ' ').replaceAll(/[\u200e\u200f\u061c]/g, '');

describe('an amount', () => {
  it.each([
    ['1250', 'USD', 'en', 'USD 12.50'],
    ['5', 'USD', 'en', 'USD 0.05'],
    ['0', 'USD', 'en', 'USD 0.00'],
    ['-5', 'USD', 'en', '-USD 0.05'],
    ['42750', 'VND', 'en', 'VND 42,750'],
    ['42750', 'VND', 'vi', '42.750 VND'],
    ['1500', 'KWD', 'en', 'KWD 1.500'],
    ['4275000', 'IDR', 'id', 'IDR 42.750,00'],
  ])('%s %s in %s is %s', (minor, currency, language, text) => {
    expect(plain(formatMoney(minor, currency, language))).toBe(text);
  });

  it('is exact beyond what a float holds', () => {
    expect(plain(formatMoney('999999999999999', 'USD', 'en'))).toBe('USD 9,999,999,999,999.99');
  });

  it('has Western digits in Arabic', () => {
    expect(plain(formatMoney('123456', 'EGP', 'ar'))).toContain('1,234.56');
  });
});

it('a decimal is cut at the exponent', () => {
  expect([toDecimal('7', 3), toDecimal('7', 0), toDecimal('12345', 2)]).toEqual(['0.007', '7', '123.45']);
});

it('a span is never negative', () => {
  expect([formatSpan(-5), formatSpan(0), formatSpan(1), formatSpan(61_000)]).toEqual([
    '0:00',
    '0:00',
    '0:01',
    '1:01',
  ]);
});
