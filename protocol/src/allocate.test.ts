import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allocate } from './allocate.ts';
import { Amount, currencyExponent } from './amount.ts';
import { MAX_AMOUNT_MINOR } from './limits.ts';

test.each([
  [100n, [1n, 1n, 1n], [34n, 33n, 33n]],
  [5n, [3n, 7n], [2n, 3n]],
  [0n, [1n, 2n], [0n, 0n]],
  [1n, [0n, 1n, 1n], [0n, 1n, 0n]],
  [7n, [0n, 5n], [0n, 7n]],
])('R51: %s is split by the largest remainder, ties to whoever comes first (%#)', (minor, weights, parts) => {
  expect(allocate(Amount.of(minor, 'SGD'), weights).map((part) => part.minor)).toEqual(parts);
});

test('R51: the parts of every split sum to the whole, and none is a unit away from its share (100,000 splits)', () => {
  const currency = fc.constantFrom('SGD', 'JPY', 'KWD');
  const weights = fc
    .array(fc.bigInt(0n, 1_000_000n), { minLength: 1, maxLength: 8 })
    .filter((all) => all.some((weight) => weight > 0n));
  fc.assert(
    fc.property(fc.bigInt(0n, MAX_AMOUNT_MINOR), currency, weights, (minor, code, all) => {
      const parts = allocate(Amount.of(minor, code), all);
      const total = all.reduce((sum, weight) => sum + weight, 0n);
      let sum = 0n;
      parts.forEach((part, place) => {
        sum += part.minor;
        const off = part.minor * total - minor * (all[place] ?? 0n);
        if (off <= -total || off >= total) throw new Error(`part ${place} is ${off}/${total} away`);
        if (part.currency !== code) throw new Error('another currency');
      });
      return sum === minor;
    }),
    { numRuns: 100_000 },
  );
});

test('R51: an amount of a currency with none, two or three decimals is written and read without loss', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, MAX_AMOUNT_MINOR), fc.constantFrom('JPY', 'SGD', 'KWD'), (minor, currency) => {
      const text = Amount.of(minor, currency).toDecimal();
      const [, fraction = ''] = text.split('.');
      return Amount.parse(text, currency).minor === minor && fraction.length === currencyExponent(currency);
    }),
    { numRuns: 500 },
  );
});

test('nothing is split among nobody', () => {
  for (const weights of [[], [0n], [2n, -1n]])
    expect(() => allocate(Amount.of(1n, 'SGD'), weights)).toThrow(TypeError);
});
