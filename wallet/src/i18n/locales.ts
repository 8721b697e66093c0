/** The languages of the wallet. Each file is complete (locales.test.ts), so none falls back to another. */
import type en from './locales/en.json';

export type Key = keyof typeof en;
export const LOCALES = ['en', 'id', 'vi', 'ar', 'sw'] as const;
export type Locale = (typeof LOCALES)[number];

/** Each language by its own name, for the person who cannot read the current one. */
export const LOCALE_NAMES: Readonly<Record<Locale, string>> = {
  en: 'English',
  id: 'Bahasa Indonesia',
  vi: 'Tiếng Việt',
  ar: 'العربية',
  sw: 'Kiswahili',
};

export function directionOf(locale: Locale): 'ltr' | 'rtl' {
  return locale === 'ar' ? 'rtl' : 'ltr';
}

/** The first of the wished languages that the wallet speaks; Malay readers understand Indonesian better than English. */
export function pickLocale(wished: readonly string[]): Locale {
  for (const tag of wished) {
    const language = tag.toLowerCase().split('-')[0] ?? '';
    const found = LOCALES.find(
      (locale) => locale === (language === 'ms' || language === 'in' ? 'id' : language),
    );
    if (found !== undefined) return found;
  }
  return 'en';
}
