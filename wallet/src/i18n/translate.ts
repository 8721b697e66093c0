/**
 * Sentences in the person's language. Owns: the current locale, `lang` and `dir` of the document. Never: holds a
 * sentence itself.
 */
import i18next, { type i18n } from 'i18next';
import { Observable } from '../wallet-state.ts';
import { directionOf, LOCALES, pickLocale, type Key, type Locale } from './locales.ts';

/** One chunk for each language; all are precached, so that the language can be changed without a network. */
type Loaders = Readonly<Record<Locale, () => Promise<{ default: Readonly<Record<string, string>> }>>>;
const LOADERS: Loaders = {
  en: () => import('./locales/en.json'),
  id: () => import('./locales/id.json'),
  vi: () => import('./locales/vi.json'),
  ar: () => import('./locales/ar.json'),
  sw: () => import('./locales/sw.json'),
};

/** Sentences of other pages that are made of the wallet's parts; keys that are the wallet's too take its sentences' place. */
const more: Loaders[] = [];
export function alsoSay(loaders: Loaders): void {
  more.push(loaders);
}

const STORAGE_NAME = 'tiki.locale';
export const localeState = new Observable<{
  locale: Locale;
  /** Wished for last, and its file did not load: whoever wished it is told. */
  missing: Locale | null;
}>({ locale: 'en', missing: null });

/** What is said when no language's file loads: the only sentence in the code, because there is no other. */
const NO_WORDS =
  'TikiWallet could not load its sentences. Check the internet connection and open this page again.';

let instance: i18n | null = null;

/** What the person chose, or what their browser wishes for. */
export function initialLocale(storage: Pick<Storage, 'getItem'>, wished: readonly string[]): Locale {
  const chosen = storage.getItem(STORAGE_NAME);
  return LOCALES.find((locale) => locale === chosen) ?? pickLocale(wished);
}

export async function setLocale(locale: Locale): Promise<void> {
  const files = await Promise.all([LOADERS, ...more].map((loaders) => loaders[locale]()));
  const sentences: Readonly<Record<string, string>> = Object.assign({}, ...files.map((file) => file.default));
  if (instance === null) {
    instance = i18next.createInstance();
    await instance.init({
      lng: locale,
      resources: { [locale]: { translation: sentences } },
      fallbackLng: false,
      keySeparator: false,
      nsSeparator: false,
      // Preact escapes; escaping here as well would show entities.
      interpolation: { escapeValue: false },
    });
  } else {
    instance.addResourceBundle(locale, 'translation', sentences);
    await instance.changeLanguage(locale);
  }
  document.documentElement.lang = locale;
  document.documentElement.dir = directionOf(locale);
  localeState.change({ locale, missing: null });
}

/** The language of the start; English where its file does not load. @throws when English does not load either */
export async function startLocale(wished: Locale): Promise<void> {
  try {
    await setLocale(wished);
  } catch (error) {
    if (wished === 'en') throw error;
    console.error(error);
    await setLocale('en');
    localeState.change({ missing: wished });
  }
}

/** Remembered once its sentences are there; when they do not load, all stays as it is and `missing` says which. */
export async function chooseLocale(locale: Locale): Promise<void> {
  try {
    await setLocale(locale);
    localStorage.setItem(STORAGE_NAME, locale);
  } catch (error) {
    console.error(error);
    localeState.change({ missing: locale });
  }
}

/** Whether any language's file has loaded. */
export function hasWords(): boolean {
  return instance !== null;
}

export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  return speak(key, values);
}

/** For pages that say more than the wallet does (`alsoSay`): they know their own keys. */
export function speak(key: string, values: Readonly<Record<string, string | number>> = {}): string {
  return instance?.t(key, values) ?? key;
}

/** The sentence for a code; an unknown code (a newer server or kiosk) has a general one. */
export function sentenceFor(code: string): string {
  if (instance === null) return NO_WORDS;
  const key = `error.${code}`;
  return instance?.exists(key) === true ? instance.t(key) : t('error.unknown');
}
