/** What wrong PINs cost (R35), and which PINs are none. */
import { expect, test } from 'vitest';
import { defaultLimitMinor, isPin, isTooSimple, MOST_FAILURES, waitAfter } from './pin-rules.ts';

test('R35: four wrong tries cost nothing, the fifth a pause, and each pause is longer than the one before', () => {
  const waits = Array.from({ length: MOST_FAILURES - 1 }, (_, index) => waitAfter(index + 1));
  expect(waits.slice(0, 4)).toEqual([0, 0, 0, 0]);
  const pauses = waits.slice(4);
  expect(pauses).toHaveLength(5);
  expect(pauses.every((wait, index) => wait > (pauses[index - 1] ?? 0))).toBe(true);
});

test('what a thief tries first is no PIN', () => {
  const simple = ['000000', '777777', '123456', '654321', '890123', '121212', '123123', '012345', '987654'];
  expect(simple.filter((pin) => !isTooSimple(pin))).toEqual([]);
  expect(['482915', '112233', '135792'].filter(isTooSimple)).toEqual([]);
});

test('a PIN is six Latin digits and nothing else', () => {
  expect(isPin('048291')).toBe(true);
  for (const text of ['', '04829', '0482911', '04829a', '٠٤٨٢٩١', ' 48291', '048291\n'])
    expect(isPin(text), JSON.stringify(text)).toBe(false);
});

test('without a word from the issuer everything asks for the PIN', () => {
  expect(defaultLimitMinor(null)).toBe(0n);
  expect(defaultLimitMinor(10_000n)).toBe(1_000n);
});
