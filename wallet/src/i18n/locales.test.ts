/** Every language says everything: same keys, same placeholders, a sentence for every code, nothing left in English. */
import { describe, expect, test } from 'vitest';
import { REFUSAL_CODES } from '@tikiwallet/protocol';
import type { ProblemCode } from '@tikiwallet/server/contract';
import { PHONE_CODES } from '../pay/codes.ts';
import { directionOf, LOCALES, pickLocale, type Key } from './locales.ts';
import ar from './locales/ar.json';
import en from './locales/en.json';
import id from './locales/id.json';
import sw from './locales/sw.json';
import vi from './locales/vi.json';

const FILES: Readonly<Record<(typeof LOCALES)[number], Readonly<Record<string, string>>>> = {
  en,
  id,
  vi,
  ar,
  sw,
};
const TEXTS = import.meta.glob<string>('./locales/*.json', { query: '?raw', import: 'default', eager: true });
/** The same word in both languages, or a name. */
const SAME_AS_ENGLISH: readonly string[] = ['home.online', 'home.offline'];

const placeholders = (text: string) => (text.match(/\{\{\w+\}\}/g) ?? []).toSorted();

describe.each(LOCALES)('%s', (locale) => {
  const sentences = FILES[locale];

  test('says nothing under a key twice: the later sentence would take the place of the earlier', () => {
    const text = TEXTS[`./locales/${locale}.json`] ?? '';
    const keys = [...text.matchAll(/^ {2}"([^"]+)":/gm)].map(([, key]) => key);
    expect(keys).toHaveLength(Object.keys(sentences).length);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('has exactly the keys of English', () => {
    expect(Object.keys(sentences)).toEqual(Object.keys(en));
  });

  test('keeps every placeholder, and no sentence is empty or padded', () => {
    for (const [key, english] of Object.entries(en)) {
      expect(placeholders(sentences[key] ?? ''), key).toEqual(placeholders(english));
      expect(sentences[key]?.trim(), key).toBe(sentences[key]);
      expect(sentences[key], key).not.toBe('');
    }
  });

  test('R36: has a sentence for every refusal of the protocol and of the phone', () => {
    for (const code of [...REFUSAL_CODES, ...PHONE_CODES])
      expect(sentences, code).toHaveProperty([`error.${code}`]);
  });
});

test.each(LOCALES.filter((locale) => locale !== 'en'))('%s leaves nothing in English', (locale) => {
  const same = Object.entries(en).filter(
    ([key, english]) => FILES[locale][key] === english && !SAME_AS_ENGLISH.includes(key),
  );
  expect(same).toEqual([]);
});

test('R36: the compiler finds no problem code of the cloud without a sentence', () => {
  type Missing = Exclude<`error.${ProblemCode}`, Key>;
  const complete: [Missing] extends [never] ? true : Missing = true;
  expect(complete).toBe(true);
});

test('the browser’s wishes pick the language; Arabic reads from the right', () => {
  expect(pickLocale(['fr-FR', 'vi-VN', 'en'])).toBe('vi');
  expect(pickLocale(['ms-MY'])).toBe('id');
  expect(pickLocale(['ja'])).toBe('en');
  expect(LOCALES.filter((locale) => directionOf(locale) === 'rtl')).toEqual(['ar']);
});
