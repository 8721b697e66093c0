import { expect, test } from 'vitest';
import { monthsBefore } from './days.ts';

test('months go back over the end of a year, from the last day of a long month too', () => {
  expect(monthsBefore('2026-03-31', 4)).toEqual(['2026-03', '2026-02', '2026-01', '2025-12']);
});
