/** Amounts as people compare them on two screens. */
import { expect, test } from 'vitest';
import { moneyPieces, moneyText } from './money-text.ts';

const spaced = (text: string): string => text.replaceAll('\u00A0', ' ');

test.each([
  [1_250n, 'USD', 'en', 'USD 12.50'],
  [5n, 'USD', 'en', 'USD 0.05'],
  [0n, 'USD', 'en', 'USD 0.00'],
  [-5n, 'USD', 'en', '-USD 0.05'],
  [42_750n, 'VND', 'en', 'VND 42,750'],
  [42_750n, 'VND', 'vi', '42.750 VND'],
  [1_500n, 'KWD', 'sw', 'KWD 1.500'],
  [4_275_000n, 'IDR', 'id', 'IDR 42.750,00'],
  [99_999_999_999_999_999n, 'USD', 'en', 'USD 999,999,999,999,999.99'],
  [123_456n, 'EGP', 'ar', '\u2066EGP 1,234.56\u2069'],
] as const)('%s of %s in %s is %s', (minor, currency, language, text) => {
  expect(spaced(moneyText(minor, currency, language))).toBe(text);
});

test('the code stands at the side of the figure in pieces where it stands in the text', () => {
  for (const language of ['en', 'id', 'vi', 'ar', 'sw']) {
    const pieces = moneyPieces(123_456n, 'SGD', language);
    expect(pieces).toHaveLength(2);
    const text = spaced(moneyText(123_456n, 'SGD', language)).replaceAll(/[\u2066\u2069]/g, '');
    expect(pieces.map((piece) => piece.text).join(' ')).toBe(text);
    expect(pieces.find((piece) => !piece.isFigure)?.text).toBe('SGD');
  }
  expect(moneyPieces(0n, 'VND', 'en')).toEqual([
    { isFigure: false, text: 'VND' },
    { isFigure: true, text: '0' },
  ]);
});
