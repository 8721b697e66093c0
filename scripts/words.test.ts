/** One word for one thing, in every sentence that people read: the code says kiosk, people read "till". */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const FOLDERS = {
  wallet: 'wallet/src/i18n/locales',
  office: 'office/src/i18n/locales',
  window: 'desktop/renderer/language/locales',
} as const;

/** What must not stand in a sentence, and what stands there instead. */
const RIVALS = [
  ['en', /kiosk/i, 'till'],
  ['id', /\bkios/i, 'kasir'],
  ['vi', /kiosk|ki ốt/i, 'quầy'],
  ['vi', /biên lai/i, 'biên nhận'],
  ['ar', /كشك|أكشاك|نقط[ةه] (ال)?بيع|نقاط (ال)?بيع|هذه النقطة/, 'صندوق'],
  ['sw', /kiosk|\b[kv]ioski|\b[kv]ituo|kaunta (hii|zote|nyingine|moja)/i, 'tili'],
] as const;

function sentencesOf(value: unknown, path: readonly string[] = []): [string, string][] {
  if (typeof value === 'string') return [[path.join('.'), value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => sentencesOf(inner, [...path, key]));
}

const read = (room: keyof typeof FOLDERS, locale: string) =>
  sentencesOf(
    JSON.parse(readFileSync(join(import.meta.dirname, '..', FOLDERS[room], `${locale}.json`), 'utf8')),
  );

test.each(RIVALS)('people who read %s never meet %s where others say %s', (locale, rival, word) => {
  for (const room of ['wallet', 'office', 'window'] as const) {
    const sentences = read(room, locale);
    expect(
      sentences.filter(([, sentence]) => rival.test(sentence)),
      room,
    ).toEqual([]);
    expect(
      sentences.filter(([, sentence]) => sentence.toLowerCase().includes(word)).length,
      room,
    ).toBeGreaterThan(2);
  }
});
