/**
 * The languages of the screens: which there are, which one is on, and loading only that one.
 * Owns direction and `lang` of the document; never a sentence (those stand in locales/*.json).
 */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

export const LANGUAGES = [
  { code: 'en', name: 'English', direction: 'ltr' },
  { code: 'id', name: 'Bahasa Indonesia', direction: 'ltr' },
  { code: 'vi', name: 'Tiếng Việt', direction: 'ltr' },
  { code: 'ar', name: 'العربية', direction: 'rtl' },
  { code: 'sw', name: 'Kiswahili', direction: 'ltr' },
] as const;
export type Language = (typeof LANGUAGES)[number]['code'];

const loaders: Record<Language, () => Promise<{ default: object }>> = {
  en: () => import('./locales/en.json'),
  id: () => import('./locales/id.json'),
  vi: () => import('./locales/vi.json'),
  ar: () => import('./locales/ar.json'),
  sw: () => import('./locales/sw.json'),
};

export function isLanguage(code: string): code is Language {
  return LANGUAGES.some((language) => language.code === code);
}

/** The remembered language, else the system's if we speak it, else English. */
export function chooseLanguage(remembered: string | undefined, systemLocale: string): Language {
  if (remembered !== undefined && isLanguage(remembered)) return remembered;
  const wanted = systemLocale.toLowerCase().split(/[-_]/)[0] ?? '';
  // Old systems call Indonesian "in".
  const known = wanted === 'in' ? 'id' : wanted;
  return isLanguage(known) ? known : 'en';
}

export function directionOf(language: string): 'ltr' | 'rtl' {
  return LANGUAGES.find((known) => known.code === language)?.direction ?? 'ltr';
}

/**
 * For Intl. Digits stay Western in every language: amounts and codes are compared with a phone that may speak another.
 */
export function localeOf(language: string): string {
  return language === 'ar' ? 'ar-u-nu-latn' : language;
}

async function load(language: Language): Promise<void> {
  if (i18next.hasResourceBundle(language, 'translation')) return;
  const { default: sentences } = await loaders[language]();
  i18next.addResourceBundle(language, 'translation', sentences);
}

function markDocument(language: Language): void {
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
}

export async function startLanguage(remembered: string | undefined, systemLocale: string): Promise<void> {
  const language = chooseLanguage(remembered, systemLocale);
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: 'en',
    partialBundledLanguages: true,
    resources: {},
    interpolation: { escapeValue: false },
    returnNull: false,
    react: { useSuspense: false },
  });
  await load(language);
  if (language !== 'en') await load('en');
  markDocument(language);
  await i18next.changeLanguage(language);
}

export async function changeLanguage(language: Language): Promise<void> {
  await load(language);
  markDocument(language);
  await i18next.changeLanguage(language);
}
