import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromStripe, stepMinor, toStripe } from './stripe-amounts.ts';

test.each([
  // Ours, currency, Stripe's.
  [1250n, 'SGD', 1250],
  [1250n, 'JPY', 1250],
  [1250n, 'UGX', 125_000],
  [500n, 'ISK', 50_000],
  [12_340n, 'KWD', 12_340],
  [200n, 'MGA', 2],
  [100_000n, 'HUF', 100_000],
])('R51: %s minor units of %s are %s at Stripe, and back', (minor, currency, amount) => {
  expect(toStripe(minor, currency, 'charge')).toBe(amount);
  expect(fromStripe(amount, currency.toLowerCase())).toBe(minor);
});

test.each([
  [12_345n, 'KWD', 'charge'],
  [150n, 'HUF', 'pay_out'],
  [150n, 'TWD', 'pay_out'],
  [150n, 'MGA', 'charge'],
  [100_000_000n, 'SGD', 'charge'],
  [1_000_000n, 'UGX', 'charge'],
] as const)(
  'R51: %s minor units of %s cannot be a %s: refused, never rounded',
  (minor, currency, direction) => {
    expect(() => toStripe(minor, currency, direction)).toThrow(RangeError);
  },
);

test('R51: what is a multiple of the step comes back as it went, in every kind of currency', () => {
  const currency = fc.constantFrom('SGD', 'JPY', 'UGX', 'ISK', 'KWD', 'TND', 'MGA', 'HUF', 'TWD', 'VND');
  const direction = fc.constantFrom('charge', 'pay_out');
  fc.assert(
    fc.property(fc.bigInt(0n, 99_999n), currency, direction, (steps, code, way) => {
      const minor = steps * stepMinor(code, way);
      expect(fromStripe(toStripe(minor, code, way), code)).toBe(minor);
    }),
    { numRuns: 300 },
  );
});
