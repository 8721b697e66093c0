import { expect, it } from 'vitest';
import { callingCodeOf, cleanPhone, isWholePhone } from './calling-code.ts';

it.each([
  ['+6281234567890', '62'],
  ['+6591234567', '65'],
  ['+84912345678', '84'],
  ['+255712345678', '255'],
  ['+966512345678', '966'],
  ['+201012345678', '20'],
  ['+14155550123', '1'],
  ['+85291234567', '852'],
  ['+37061234567', '370'],
  ['nothing', ''],
])('%s is of country %s', (phone, code) => {
  expect(callingCodeOf(phone)).toBe(code);
});

it('takes what people say at home for a number of the country', () => {
  expect(cleanPhone('+62 0812-345 678', '62')).toBe('62812345678');
  expect(cleanPhone('+62 812 345 678', '62')).toBe('62812345678');
  expect(cleanPhone('0065 9123 4567', '62')).toBe('6591234567');
  expect(cleanPhone('1'.repeat(20), '62')).toHaveLength(15);
});

it('is whole with seven digits', () => {
  expect([isWholePhone('628123'), isWholePhone('6281234')]).toEqual([false, true]);
});
