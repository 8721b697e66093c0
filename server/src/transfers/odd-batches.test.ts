import { expect, test } from 'vitest';
import { OddBatches } from './odd-batches.ts';

/** How many of so many batches are tried, when every `nth` is usual. */
function tried(batches: number, isUsual: (n: number) => boolean): number {
  const odd = new OddBatches();
  let tries = 0;
  for (let n = 0; n < batches; n += 1) {
    if (!odd.mayTry(30)) continue;
    tries += 1;
    if (isUsual(n)) odd.wasUsual();
    else odd.wasOdd(30);
  }
  return tries;
}

test('where every batch is odd, one in thirty-two is tried, and where none is, all are', () => {
  expect(tried(3_200, () => false)).toBeLessThan(110);
  expect(tried(100, () => true)).toBe(100);
});

test('when batches are usual again all are tried soon', () => {
  expect(tried(400, (n) => n >= 200)).toBeGreaterThan(165);
});

test('one that comes alone is tried whatever came before it', () => {
  const odd = new OddBatches();
  odd.wasOdd(30);
  odd.wasOdd(1);
  expect([odd.mayTry(1), odd.mayTry(30), odd.mayTry(30)]).toEqual([true, false, true]);
});
