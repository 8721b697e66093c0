/** The laws of the languages: the same sentences in each, with the same blanks, and one for every code there is. */
import { REFUSAL_CODES } from '@tikiwallet/protocol';
import { describe, expect, it } from 'vitest';
import { AgentProblem } from '../../ipc/agent-contract.ts';
import { IPC_ERROR_CODES } from '../../ipc/errors.ts';
import { chooseLanguage, LANGUAGES, localeOf } from './i18n.ts';
import ar from './locales/ar.json';
import en from './locales/en.json';
import id from './locales/id.json';
import sw from './locales/sw.json';
import vi from './locales/vi.json';

const files: Record<string, object> = { en, id, vi, ar, sw };
const PLURAL = /_(zero|one|two|few|many|other)$/;

function flatten(value: object, prefix = ''): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, inner] of Object.entries(value)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (typeof inner === 'string') flat.set(path, inner);
    else if (typeof inner === 'object' && inner !== null)
      for (const [name, text] of flatten(inner, path)) flat.set(name, text);
  }
  return flat;
}
const keysOf = (sentences: Map<string, string>): string[] =>
  [...new Set([...sentences.keys()].map((key) => key.replace(PLURAL, '')))].toSorted();
const blanksOf = (text: string): string[] =>
  [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '').toSorted();
const english = flatten(en);

describe.each(LANGUAGES.map((language) => language.code))('%s', (code) => {
  const sentences = flatten(files[code] ?? {});

  it('has the keys of English and no other', () => {
    expect(keysOf(sentences)).toEqual(keysOf(english));
  });

  it('has every plural form that its grammar asks for', () => {
    const forms = new Intl.PluralRules(code).resolvedOptions().pluralCategories.toSorted();
    const plurals = new Set(
      [...english.keys()].filter((key) => PLURAL.test(key)).map((key) => key.replace(PLURAL, '')),
    );
    for (const key of plurals) {
      const has = [...sentences.keys()]
        .filter((name) => name.replace(PLURAL, '') === key && PLURAL.test(name))
        .map((name) => name.slice(key.length + 1));
      expect(has.toSorted(), key).toEqual(forms);
    }
  });

  it('has the same blanks in every sentence', () => {
    for (const [key, text] of sentences) {
      const original = english.get(key) ?? english.get(`${key.replace(PLURAL, '')}_other`) ?? '';
      // A language may say "one sale" without a digit.
      if (PLURAL.test(key) && !key.endsWith('_other')) continue;
      expect(blanksOf(text), key).toEqual(blanksOf(original));
    }
  });

  it('has a sentence for every error code and every refusal code', () => {
    for (const errorCode of IPC_ERROR_CODES)
      expect(sentences.get(`error.${errorCode}`), errorCode).toMatch(/\S{2}/);
    for (const refusalCode of REFUSAL_CODES)
      expect(sentences.get(`refusal.${refusalCode}`), refusalCode).toMatch(/\S{2}/);
    for (const problem of AgentProblem.options)
      expect(sentences.get(`problem.${problem}`), problem).toMatch(/\S{2}/);
  });

  it('has no sentence for a code that no longer exists', () => {
    const known = new Set<string>([
      ...IPC_ERROR_CODES.map((name) => `error.${name}`),
      ...REFUSAL_CODES.map((name) => `refusal.${name}`),
      'error.fallback',
      'refusal.fallback',
    ]);
    for (const key of sentences.keys()) if (/^(error|refusal)\./.test(key)) expect(known, key).toContain(key);
  });

  it('leaves no English sentence behind', () => {
    if (code === 'en') return;
    // Names of things are the same everywhere.
    const same = [...sentences].filter(
      ([key, text]) =>
        english.get(key) === text &&
        /[A-Za-z]{3}.*\s.*[A-Za-z]{3}/.test(text.replaceAll(/\{\{\w+\}\}|Wi-Fi Direct|TikiWallet/g, '')),
    );
    expect(same).toEqual([]);
  });
});

it('every sentence that a screen asks for exists', async () => {
  const sources = import.meta.glob<string>('../**/*.{ts,tsx}', { query: '?raw', import: 'default' });
  const base = new Set(keysOf(english));
  for (const [path, load] of Object.entries(sources)) {
    if (path.includes('.test.')) continue;
    const text = await load();
    for (const match of text.matchAll(/\bt\(\s*'([a-zA-Z0-9_.]+)'/g))
      expect(base, `${path}: ${match[1]}`).toContain(match[1]);
  }
});

describe('the choice of a language', () => {
  it('follows what was remembered, then the system, then English', () => {
    expect(chooseLanguage('vi', 'ar-EG')).toBe('vi');
    expect(chooseLanguage('xx', 'ar-EG')).toBe('ar');
    expect(chooseLanguage(undefined, 'in_ID')).toBe('id');
    expect(chooseLanguage(undefined, 'sw')).toBe('sw');
    expect(chooseLanguage(undefined, 'fr-FR')).toBe('en');
  });

  it('keeps Western digits in Arabic', () => {
    expect(new Intl.NumberFormat(localeOf('ar')).format(1234)).toMatch(/^1.?234$/);
  });
});
