/** Every language says everything: same keys, same placeholders, nothing left in English, nothing that the wallet says already. */
import { expect, test } from 'vitest';
import { LOCALES } from '@tikiwallet/wallet/look';
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
/** The same word in both languages, or a name. */
const SAME_AS_ENGLISH: readonly string[] = [];
const placeholders = (text: string) => (text.match(/\{\{\w+\}\}/g) ?? []).toSorted();

test.each(LOCALES)(
  '%s has exactly the keys and the placeholders of English, and no empty sentence',
  (locale) => {
    const sentences = FILES[locale];
    expect(Object.keys(sentences)).toEqual(Object.keys(en));
    for (const [key, english] of Object.entries(en)) {
      expect(placeholders(sentences[key] ?? ''), key).toEqual(placeholders(english));
      expect(sentences[key]?.trim(), key).toBe(sentences[key]);
      expect(sentences[key], key).not.toBe('');
    }
  },
);

test.each(LOCALES.filter((locale) => locale !== 'en'))('%s leaves nothing in English', (locale) => {
  const same = Object.entries(en).filter(
    ([key, english]) => FILES[locale][key] === english && !SAME_AS_ENGLISH.includes(key),
  );
  expect(same).toEqual([]);
});
