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

let missing: Language | null = null;
const listeners = new Set<() => void>();

/** The language that was wanted last and whose file did not load, else null: for `useSyncExternalStore`. */
export const missingLanguage = {
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
  get: (): Language | null => missing,
  putAway: (): void => noteMissing(null),
};

function noteMissing(language: Language | null): void {
  missing = language;
  for (const listener of [...listeners]) listener();
}

/** @returns whether its sentences are there. */
async function load(language: Language): Promise<boolean> {
  if (i18next.hasResourceBundle(language, 'translation')) return true;
  try {
    const { default: sentences } = await loaders[language]();
    i18next.addResourceBundle(language, 'translation', sentences);
    return true;
  } catch (error) {
    console.error(`the sentences of ${language} did not load`, error);
    return false;
  }
}

function markDocument(language: Language): void {
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
}

/**
 * With English where the wanted language does not load; `missingLanguage` then says which.
 * @returns false when English did not load either: there are no words for any screen.
 */
export async function startLanguage(remembered: string | undefined, systemLocale: string): Promise<boolean> {
  const wanted = chooseLanguage(remembered, systemLocale);
  await i18next.use(initReactI18next).init({
    lng: wanted,
    fallbackLng: 'en',
    partialBundledLanguages: true,
    resources: {},
    interpolation: { escapeValue: false },
    returnNull: false,
    react: { useSuspense: false },
  });
  const [isWanted, isEnglish] = await Promise.all([load(wanted), load('en')]);
  if (!isWanted && !isEnglish) return false;
  noteMissing(isWanted ? null : wanted);
  await speak(isWanted ? wanted : 'en');
  return true;
}

/** When its file does not load, the screens stay as they are and `missingLanguage` says so. @returns whether it is on. */
export async function changeLanguage(language: Language): Promise<boolean> {
  const isThere = await load(language);
  noteMissing(isThere ? null : language);
  if (isThere) await speak(language);
  return isThere;
}

async function speak(language: Language): Promise<void> {
  markDocument(language);
  await i18next.changeLanguage(language);
}
