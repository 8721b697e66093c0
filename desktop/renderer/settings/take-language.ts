/** A person chooses the language: remembered once its sentences are there, so that no start begins with one that is not. */
import { changeLanguage, type Language } from '../language/i18n.ts';
import { changePreferences } from './preferences.ts';

export async function takeLanguage(language: Language): Promise<void> {
  if (await changeLanguage(language)) changePreferences({ language });
}
