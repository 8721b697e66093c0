/** From a code to the sentence that a cashier reads. Owns the lookup; the sentences stand in locales/*.json. */
import type { TFunction } from 'i18next';

type Translator = TFunction & { i18n?: never };
type Exists = (key: string) => boolean;

/** Why a call failed. */
export function errorSentence(t: Translator, exists: Exists, code: string): string {
  return exists(`error.${code}`)
    ? t(`error.${code}`)
    : exists(`refusal.${code}`)
      ? t(`refusal.${code}`)
      : t('error.fallback');
}

/** Why a payment was refused. The same code may mean another certificate here than in an error, so this looks here first. */
export function refusalSentence(t: Translator, exists: Exists, code: string): string {
  return exists(`refusal.${code}`)
    ? t(`refusal.${code}`)
    : exists(`error.${code}`)
      ? t(`error.${code}`)
      : t('refusal.fallback');
}
