/** R29: what an attacker can have signed as a name, and what the customer sees of it. */
import { expect, test } from 'vitest';
import { fc, test as property } from '@fast-check/vitest';
import { displayName, displayPhone, mixesAlphabets } from './display-name.ts';

test.each([
  'Warung Sari',
  '7-Eleven #24 (Jl. Merdeka)',
  'Bánh mì Huỳnh Hoa',
  'مطعم السلام',
  'مخبز ۲۴',
  'Mama Ng’ombe & Sons',
  'ร้านอาหาร',
  '珍珠奶茶 · Bubble+',
  'क्षत्रिय भोजनालय',
  'ሱቅ',
])('R29: the honest name %s is shown as it is', (name) => {
  expect(displayName(name)).toBe(name.normalize('NFKC'));
});

test.each([
  ['turned around', 'Sari \u202Egnuraw\u202C', 'Sari gnuraw'],
  ['isolated', '\u2067Sari\u2069', 'Sari'],
  ['with nothing between', 'Sa\u200Bri\u2060 \u00ADWa\uFEFFrung', 'Sari Warung'],
  ['with fillers of other scripts', 'Sari\u115F\u1160\u3164\uFFA0\u17B4\u180B\u2800\u034F', 'Sari'],
  ['with tags and variation selectors', 'Sari\u{E0041}\u{E007F}\uFE0F\u{E0101}', 'Sari'],
  ['on two lines', 'Sari\r\nPaid\u2028SGD', 'Sari Paid SGD'],
  ['as the wallet’s own tick', '✓ Paid ✔ ✅ ☑', 'Paid'],
  ['as another amount', 'Sari €0.01 ＄1', 'Sari 0.01 1'],
  ['with pictures and arrows', '🟢 Sari ⬅ ← ⚠️ 👍🏽', 'Sari'],
  ['as a box or a bar', '▓▓█ Sari │', 'Sari'],
  ['huge', '\u{12219}\u{102A1}﷽Sari', 'Sari'],
  ['in letters that are styled', '𝐖𝐚𝐫𝐮𝐧𝐠 Ⓢⓐⓡⓘ ｐａｙ', 'Warung Sari pay'],
  ['behind marks of its own', '\u0301\u0489Sari', 'Sari'],
  ['crossed out and boxed in', 'S\u0336\u20DDa\u20E3ri', 'S\u0336ari'],
  ['empty in many ways', '\u3000\u200B\u2800✓', ''],
])('R29: a name %s is shown without it', (_how, name, shown) => {
  expect(displayName(name)).toBe(shown.normalize('NFKC'));
});

test('R29: marks that pile up over other lines are cut to two a letter, however they are interrupted', () => {
  for (const between of ['', '\u200B', '\u034F', '\uFE0F']) {
    const pile = Array.from({ length: 40 }, () => '\u0316').join(between);
    expect(displayName(`S${pile}ari`)).toBe('S\u0316\u0316ari');
  }
});

test('R29: a long name is cut where it can be seen', () => {
  const honest = 'W'.repeat(48);
  expect(displayName(honest)).toBe(honest);
  expect(displayName(`${honest}ry`)).toBe(`${honest}…`);
  expect(displayName('…')).toBe('...');
});

test.each([
  ['Wаrung Sari', true], // Cyrillic а
  ['Warung Ѕаrі', true],
  ['Ρaid', true], // Greek Ρ
  ['Сосо', true], // all Cyrillic, all drawn as Latin
  ['ΑΒΒΑ', true],
  ['Кафе Ромашка', false],
  ['Ταβέρνα', false],
  ['Warung Sari', false],
  ['مطعم Sari', false],
  ['珍珠 Sari', false],
])('R29: %s mixes alphabets that look alike: %s', (name, mixes) => {
  expect(mixesAlphabets(displayName(name))).toBe(mixes);
});

test('a number is digits', () => {
  expect(displayPhone('+65\u202E91\u200B23✓4567 ext')).toBe('+6591234567');
});

const nasty = fc.string({ unit: 'binary', maxLength: 96 });

property.prop([nasty])(
  'R29: whatever is signed, what is shown has one line, one direction, no sign of ours',
  (name) => {
    const shown = displayName(name);
    expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\p{So}\p{Sc}\p{Sk}\p{Me}]/u);
    expect(shown).not.toMatch(/\p{M}{3}/u);
    expect([...shown].length).toBeLessThanOrEqual(49);
    expect(shown.trim()).toBe(shown);
    // Cleaning twice cleans nothing more, except the sign of the cut.
    expect(displayName(shown.replace('…', ''))).toBe(shown.replace('…', '').trimEnd());
  },
);
