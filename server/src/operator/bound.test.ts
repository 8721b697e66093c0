import { expect, test } from 'vitest';
import { readConfig } from '../config.ts';
import { describeBound } from './bound.ts';

const lineOf = (text: string, start: string) => text.split('\n').find((line) => line.startsWith(start));

test('the bound of the usual limits: no limit of a kiosk is below the allowance, and it says so', () => {
  const text = describeBound(readConfig({}), 10);
  expect(lineOf(text, 'One copied phone')).toBe(
    'One copied phone at 10 tills that share nothing can cost at most 4,500.00 SGD.',
  );
  expect(lineOf(text, 'One allowance:')).toBe('One allowance:  1,800.00 SGD');
  expect(text).toContain('c = A, and the bound is (M - 1) x A');
  expect(lineOf(text, "  when all are one merchant's")).toContain('1,000.00 SGD, uncovered 3,500.00 SGD');
  expect(lineOf(text, '  when each till')).toContain('4,500.00 SGD, uncovered 0.00 SGD');
});

test('a kiosk that may hold little makes the bound smaller, in the currency’s own decimals', () => {
  const settings = { TIKI_CURRENCY: 'VND', TIKI_KIOSK_STORED_SUM_MINOR: '5000' };
  const text = describeBound(readConfig(settings), 10);
  expect(text).toContain('c < A');
  expect(lineOf(text, 'One allowance:')).toBe('One allowance:  30,000 VND');
  expect(lineOf(text, 'All of a phone:')).toContain('0 VND (up to 5 allowances, 50,000 VND in all)');
});

test('people read one word for the thing that takes payments', () => {
  expect(describeBound(readConfig({}), 10)).not.toMatch(/kiosk/i);
});

test('one till alone loses nothing', () => {
  expect(describeBound(readConfig({}), 1)).toContain('can cost at most 0.00 SGD.');
});

test('a lock on a merchant leaves its own tills, a lock on a till leaves nothing to lose', () => {
  const text = describeBound(readConfig({}), 10);
  expect(lineOf(text, '  locked to a merchant with 3 tills')).toContain(' 400.00 SGD');
  expect(lineOf(text, '  locked to one till')).toContain(' 0.00 SGD');
});

test('what a kiosk takes of one allowance lowers the bound', () => {
  const text = describeBound(readConfig({ TIKI_KIOSK_PER_ALLOWANCE_MAX_MINOR: '5000' }), 10);
  expect(lineOf(text, 'One allowance:')).toBe('One allowance:  300.00 SGD');
});
