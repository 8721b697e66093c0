/** Amounts as people type and read them, with 0, 2 and 3 decimals, in every language. */
// @vitest-environment jsdom
import { afterEach, expect, test } from 'vitest';
import { money, parseTyped } from './format.ts';
import { localeState } from './translate.ts';

afterEach(() => localeState.change({ locale: 'en' }));

test.each([
  ['12.50', 'SGD', 1_250n],
  ['12,50', 'SGD', 1_250n],
  ['12', 'SGD', 1_200n],
  ['1,234.5', 'SGD', 123_450n],
  ['1.234,5', 'SGD', 123_450n],
  ['1,000', 'SGD', 100_000n],
  ['1 000,25', 'SGD', 100_025n],
  ['١٢٫٥٠', 'SGD', 1_250n],
  ['۱۲۵۰', 'VND', 1_250n],
  ['1.250.000', 'VND', 1_250_000n],
  ['1.250', 'VND', 1_250n],
  ['1.250', 'KWD', 1_250n],
  ['0.005', 'BHD', 5n],
])('%s in %s is %s minor units', (text, currency, minor) => {
  expect(parseTyped(text, currency)?.minor).toBe(minor);
});

test.each([
  '',
  'abc',
  '-5',
  '1.2.3',
  '12.505',
  '1e3',
  '0',
  '0.00',
  '.5',
  '5.',
  '1,23,4',
  '99999999999999999',
  '1..5',
])('%j is not an amount', (text) => {
  expect(parseTyped(text, 'SGD')).toBeNull();
});

test('where a group sign and a decimal sign could both be meant, the language decides', () => {
  expect(parseTyped('1.250', 'KWD')?.minor).toBe(1_250n);
  expect(parseTyped('1.000', 'SGD')).toBeNull();
  localeState.change({ locale: 'id' });
  expect(parseTyped('1.000', 'SGD')?.minor).toBe(100_000n);
  expect(parseTyped('12.50', 'SGD')?.minor).toBe(1_250n);
  expect(parseTyped('1.250', 'KWD')?.minor).toBe(1_250_000n);
});

test('money keeps every digit, its decimals and Latin figures in every language', () => {
  for (const locale of ['en', 'id', 'vi', 'ar', 'sw'] as const) {
    localeState.change({ locale });
    const digits = (text: string) => text.replace(/[^0-9]/g, '');
    expect(digits(money('999999999999999', 'SGD'))).toBe('999999999999999');
    expect(digits(money(1_250n, 'KWD'))).toBe('1250');
    expect(digits(money(1_250n, 'VND'))).toBe('1250');
    expect(money(5n, 'KWD')).toMatch(/0[.,٫]005/);
  }
});
