/** One word for one thing, in every sentence that people read: the code says kiosk, people read "till". */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PAGE_WORDS } from '../desktop/agent/pairing/hand-off/words.ts';

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

test('the page of a till, to which a phone is handed over, says it as the screens do', () => {
  const words = new Map<string, object>(Object.entries(PAGE_WORDS));
  for (const [locale, rival] of RIVALS)
    for (const [, sentence] of sentencesOf(words.get(locale))) expect(sentence, locale).not.toMatch(rival);
});

const textOf = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8');

test('who reads the README meets tills only, but for the one line that says what code calls them', () => {
  const told = textOf('README.md')
    .replaceAll(/`[^`\n]*`/g, '')
    .split('\n')
    .filter((line) => /kiosk/i.test(line));
  expect(told).toEqual([]);
});

test('who runs the product or the demo in a terminal is told of tills only', () => {
  for (const path of ['scripts/start.ts', 'scripts/stack/stack.ts', 'e2e/demo.ts']) {
    const code = textOf(path).replaceAll(/^\s*(?:\/\/|\/?\*).*$|^import .*$/gm, '');
    const strings = code.match(/'[^'\n]*'|"[^"\n]*"|`[^`]*`/g) ?? [];
    const spoken = strings
      // What is in braces or names a part of a screen is code.
      .map((text) => text.replaceAll(/\$\{[^}]*\}|\[data-[^\]]*\]/g, ''))
      .filter((text) => /\bkiosk\b/i.test(text) && /\s/.test(text));
    expect(spoken, path).toEqual([]);
  }
});
