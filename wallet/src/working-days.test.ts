/** When money is expected at a bank: weekends do not count. */
import { expect, test } from 'vitest';
import { endOfDay, workingDaysAfter } from './working-days.ts';

const at = (day: number) => new Date(2026, 10, day, 15, 30).getTime();

test.each([
  ['a Monday', 2, 5],
  ['a Wednesday', 4, 9],
  ['a Friday', 6, 11],
  ['a Saturday', 7, 11],
  ['a Sunday', 8, 11],
])('three working days after %s no weekend is counted', (_name, from, to) => {
  expect(workingDaysAfter(at(from), 3)).toBe(at(to));
});

test('a day is over at the midnight after it', () => {
  expect(endOfDay(at(5))).toBe(new Date(2026, 10, 6).getTime());
});
