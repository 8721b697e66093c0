/** The language that somebody wanted did not load: said over whatever screen there is, with the way to try again. */
import { UnstyledButton } from '@mantine/core';
import { type ReactElement, useSyncExternalStore } from 'react';
import { LANGUAGES, missingLanguage } from '../language/i18n.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { takeLanguage } from '../settings/take-language.ts';
import classes from './language-note.module.css';

export function LanguageNote(): ReactElement | null {
  const { t } = useLanguage();
  const missing = useSyncExternalStore(missingLanguage.subscribe, missingLanguage.get);
  if (missing === null) return null;
  const name = LANGUAGES.find(({ code }) => code === missing)?.name ?? missing;
  return (
    <div className={classes.note} role="alert" data-testid="language-missing" data-language={missing}>
      <Icon name="language" size={26} />
      <p>
        {t('settings.languageMissing', { name: `\u2068${name}\u2069` })}{' '}
        <small data-selectable>{t('common.support', { code: 'language_not_loaded' })}</small>
      </p>
      <UnstyledButton data-testid="language-retry" onClick={() => void takeLanguage(missing)}>
        {t('common.retry')}
      </UnstyledButton>
      <UnstyledButton data-testid="language-put-away" onClick={missingLanguage.putAway}>
        {t('common.close')}
      </UnstyledButton>
    </div>
  );
}
