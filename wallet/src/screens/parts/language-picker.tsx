/** Choosing the language, each under its own name. */
import { LOCALE_NAMES, LOCALES, type Locale } from '../../i18n/locales.ts';
import { chooseLocale, localeState, t } from '../../i18n/translate.ts';
import { useObservable } from '../../wallet-state.ts';

export function LanguagePicker({ compact = false }: { compact?: boolean }) {
  const { locale, missing } = useObservable(localeState);
  return (
    <>
      <label class={compact ? 'select select-compact' : 'select'}>
        <span class={compact ? 'sr-only' : ''}>{t('settings.language')}</span>
        <select
          value={locale}
          data-testid="language"
          onChange={(event) => {
            const chosen = LOCALES.find((one) => one === event.currentTarget.value);
            // What is on stays chosen until the other one is there.
            event.currentTarget.value = locale;
            if (chosen !== undefined) void chooseLocale(chosen satisfies Locale);
          }}
        >
          {LOCALES.map((one) => (
            <option key={one} value={one} lang={one}>
              {LOCALE_NAMES[one]}
            </option>
          ))}
        </select>
      </label>
      {missing !== null && (
        <p class="language-missing" role="alert" data-testid="language-missing">
          {t('settings.language_missing', { name: `\u2068${LOCALE_NAMES[missing]}\u2069` })}
        </p>
      )}
    </>
  );
}
