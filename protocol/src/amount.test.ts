/** Money: bounds, decimals of a currency, and arithmetic that never leaves the bounds (R26, R51). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Amount, attempt, currencyExponent, MAX_AMOUNT_MINOR } from './index.ts';

const refused = { ok: false, code: 'field_out_of_range' };
const minor = fc.bigInt({ min: 0n, max: MAX_AMOUNT_MINOR });
const currency = fc.constantFrom('VND', 'SGD', 'KWD');

describe('an amount', () => {
  it.each([
    [-1n, false],
    [0n, true],
    [1n, true],
    [MAX_AMOUNT_MINOR - 1n, true],
    [MAX_AMOUNT_MINOR, true],
    [MAX_AMOUNT_MINOR + 1n, false],
    [2n ** 53n, false],
    [2n ** 64n, false],
  ])('of %s minor units: %s', (value, allowed) => {
    expect(attempt(() => Amount.of(value, 'SGD')).ok).toBe(allowed);
  });

  it.each(['', 'sgd', 'SG', 'SGDD', 'S$D', '__proto__', 'constructor'])('refuses %j as currency', (code) => {
    expect(attempt(() => Amount.of(1n, code))).toEqual(refused);
    expect(attempt(() => Amount.parse('1', code))).toEqual(refused);
    expect(currencyExponent(code)).toBe(2);
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(Amount.of(1n, 'SGD'))).toBe(true);
  });
});

describe('a person writes', () => {
  it.each([
    ['12.50', 'SGD', 1_250n],
    ['12.5', 'SGD', 1_250n],
    ['12.', 'SGD', 1_200n],
    ['12', 'SGD', 1_200n],
    ['0.05', 'SGD', 5n],
    ['007', 'SGD', 700n],
    ['0', 'SGD', 0n],
    ['12500', 'VND', 12_500n],
    ['12500.', 'VND', 12_500n],
    ['1.005', 'KWD', 1_005n],
    ['1.5', 'KWD', 1_500n],
  ])('%s %s', (text, code, value) => {
    expect(Amount.parse(text, code).minor).toBe(value);
  });

  it.each([
    ['12.505', 'SGD'],
    ['12.5', 'VND'],
    ['1.0005', 'KWD'],
    ['', 'SGD'],
    ['.', 'SGD'],
    ['.5', 'SGD'],
    ['-1', 'SGD'],
    ['+1', 'SGD'],
    ['1e3', 'SGD'],
    ['1,000', 'SGD'],
    [' 1', 'SGD'],
    ['1 ', 'SGD'],
    ['1\n', 'SGD'],
    ['0x10', 'SGD'],
    ['\u0661', 'SGD'],
    ['NaN', 'SGD'],
    ['99999999999999999', 'SGD'],
    ['10000000000000.01', 'SGD'],
  ])('and %j %s is refused', (text, code) => {
    expect(attempt(() => Amount.parse(text, code))).toEqual(refused);
  });

  it('anything at all, and it is an amount or refused', () => {
    fc.assert(
      fc.property(fc.string(), currency, (text, code) => {
        const read = attempt(() => Amount.parse(text, code));
        if (read.ok) expect(Amount.parse(read.value.toDecimal(), code).equals(read.value)).toBe(true);
      }),
    );
  });
});

describe('decimals', () => {
  it.each([
    ['VND', 0],
    ['JPY', 0],
    ['XAF', 0],
    ['UGX', 0],
    ['SGD', 2],
    ['IDR', 2],
    ['KES', 2],
    ['KWD', 3],
    ['TND', 3],
  ])('%s has %i', (code, exponent) => {
    expect(currencyExponent(code)).toBe(exponent);
  });

  it('what is written out reads back', () => {
    fc.assert(
      fc.property(minor, currency, (value, code) => {
        const amount = Amount.of(value, code);
        expect(Amount.parse(amount.toDecimal(), code).minor).toBe(value);
        expect(BigInt(amount.toString())).toBe(value);
        expect(amount.toDecimal().split('.')[1]?.length ?? 0).toBe(currencyExponent(code));
      }),
    );
  });
});

describe('arithmetic', () => {
  it('adds and takes away exactly, or refuses', () => {
    fc.assert(
      fc.property(minor, minor, currency, (a, b, code) => {
        const sum = attempt(() => Amount.of(a, code).plus(Amount.of(b, code)));
        expect(sum.ok).toBe(a + b <= MAX_AMOUNT_MINOR);
        if (sum.ok) expect(sum.value.minus(Amount.of(b, code)).minor).toBe(a);
        const difference = attempt(() => Amount.of(a, code).minus(Amount.of(b, code)));
        expect(difference.ok).toBe(a >= b);
        if (difference.ok) expect(difference.value.minor).toBe(a - b);
      }),
    );
  });

  it("never mixes currencies: that is a programmer's error and throws", () => {
    const [dollars, dong] = [Amount.of(1n, 'SGD'), Amount.of(1n, 'VND')];
    expect(() => dollars.plus(dong)).toThrow(TypeError);
    expect(() => dollars.minus(dong)).toThrow(TypeError);
    expect(dollars.equals(dong)).toBe(false);
    expect(dollars.equals(Amount.of(1n, 'SGD'))).toBe(true);
    expect(dollars.equals(Amount.of(2n, 'SGD'))).toBe(false);
  });
});
