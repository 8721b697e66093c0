/** The arithmetic of the keypad, for currencies with no, two and three decimals. */
import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { formatMoney } from '../language/money.ts';
import { isOver, type KeypadKey, keyOfKeyboard, MAX_DIGITS, pressKey, zerosKey } from './keypad-amount.ts';

const press = (...keys: KeypadKey[]): string =>
  keys.reduce<string>((minor, key) => pressKey(minor, key), '0');
const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ');

describe('keys', () => {
  it('fill an amount from the right', () => {
    expect(press('1', '2', '5', '0')).toBe('1250');
    expect(plain(formatMoney(press('1', '2', '5', '0'), 'USD', 'en'))).toBe('USD 12.50');
    expect(plain(formatMoney(press('1', '2', '5', '0'), 'JPY', 'en'))).toBe('JPY 1,250');
    expect(plain(formatMoney(press('1', '2', '5', '0'), 'KWD', 'en'))).toBe('KWD 1.250');
  });

  it('leave no leading zero', () => {
    expect(press('0', '00', '000', '5')).toBe('5');
    expect(press('0', '00')).toBe('0');
  });

  it('go back to zero and not beyond', () => {
    expect(press('1', 'backspace', 'backspace', '7')).toBe('7');
    expect(press('9', '9', 'clear')).toBe('0');
  });

  it('stop at the longest amount, the zeros key as a whole', () => {
    const full = press(...Array.from({ length: 20 }, () => '9' as const));
    expect(full).toHaveLength(MAX_DIGITS);
    expect(pressKey('9'.repeat(MAX_DIGITS - 1), '00')).toHaveLength(MAX_DIGITS - 1);
  });

  it('of zeros stand for a unit', () => {
    expect([zerosKey(0), zerosKey(2), zerosKey(3)]).toEqual(['000', '00', '000']);
  });
});

const anyKey = fc.constantFrom<KeypadKey>('0', '1', '5', '9', '00', '000', 'backspace', 'clear');
test.prop([fc.array(anyKey, { maxLength: 60 })])(
  'whatever is pressed, the amount is one that the contract accepts or zero',
  (keys) => {
    expect(press(...keys)).toMatch(/^(0|[1-9][0-9]{0,11})$/);
  },
);

describe('a keyboard', () => {
  it('does what the keypad does', () => {
    expect(['5', '٥', 'Backspace', 'Escape', 'Delete', 'Enter', 'a', ''].map(keyOfKeyboard)).toEqual([
      '5',
      '5',
      'backspace',
      'clear',
      'clear',
      'charge',
      undefined,
      undefined,
    ]);
  });
});

it('a limit is compared as whole numbers', () => {
  expect(isOver('1000000000000001', '1000000000000000')).toBe(true);
  expect(isOver('20000', '20000')).toBe(false);
});
