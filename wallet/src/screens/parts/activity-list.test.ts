import { expect, test } from 'vitest';
import { kindOf } from './activity-list.tsx';

test('a refund that the bank of the card did not take has words of its own, and a reason that nobody knows yet those of its kind', () => {
  expect(kindOf({ kind: 'correction', reason: 'refund_failed' }).label).toBe('kind.top_up_refund_failed');
  expect(kindOf({ kind: 'correction', reason: 'of_tomorrow' }).label).toBe('kind.correction');
  expect(kindOf({ kind: 'top_up', reason: 'refund_failed' }).label).toBe('kind.top_up');
});
