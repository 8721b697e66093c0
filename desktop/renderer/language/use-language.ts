/** One hook for everything that a screen needs to speak: sentences, money, counts, times. */
import { useTranslation } from 'react-i18next';
import { errorSentence, refusalSentence } from './codes.ts';
import { formatCount, formatMoney } from './money.ts';
import { formatDay, formatMoment, formatTime, formatWhen } from './moments.ts';

export function useLanguage() {
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  const exists = (key: string): boolean => i18n.exists(key);
  return {
    t,
    language,
    money: (minor: string, currency: string) => formatMoney(minor, currency, language),
    count: (count: number) => formatCount(count, language),
    time: (iso: string) => formatTime(iso, language),
    day: (iso: string) => formatDay(iso, language),
    moment: (iso: string) => formatMoment(iso, language),
    when: (iso: string) => formatWhen(iso, language, new Date()),
    error: (code: string) => errorSentence(t, exists, code),
    refusal: (code: string) => refusalSentence(t, exists, code),
  };
}

export type Language = ReturnType<typeof useLanguage>;
