/** Choosing the language, each under its own name. */
import { LOCALE_NAMES, LOCALES, type Locale } from '../../i18n/locales.ts';
import { chooseLocale, localeState, t } from '../../i18n/translate.ts';
import { useObservable } from '../../wallet-state.ts';

export function LanguagePicker({ compact = false }: { compact?: boolean }) {
  const { locale } = useObservable(localeState);
  return (
    <label class={compact ? 'select select-compact' : 'select'}>
      <span class={compact ? 'sr-only' : ''}>{t('settings.language')}</span>
      <select
        value={locale}
        data-testid="language"
        onChange={(event) => {
          const chosen = LOCALES.find((one) => one === event.currentTarget.value);
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
  );
}
