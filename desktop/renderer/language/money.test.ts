/** Money and spans of time on the till's screen. */
import { expect, it } from 'vitest';
import { formatSpan } from './moments.ts';
import { formatMoney } from './money.ts';

it('an amount is written as on the phone, from the text of its minor units', () => {
  expect(formatMoney('1250', 'SGD', 'en')).toBe('SGD\u00A012.50');
  expect(formatMoney('-999999999999999999', 'SGD', 'ar')).toBe(
    '\u2066-SGD\u00A09,999,999,999,999,999.99\u2069',
  );
});

it('a span is never negative', () => {
  expect([formatSpan(-5), formatSpan(0), formatSpan(1), formatSpan(61_000)]).toEqual([
    '0:00',
    '0:00',
    '0:01',
    '1:01',
  ]);
});
