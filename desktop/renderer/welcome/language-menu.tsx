/** The languages in their own names: on the first screen, where nobody can be expected to find a setting. */
import { Menu, UnstyledButton } from '@mantine/core';
import type { ReactElement } from 'react';
import { LANGUAGES } from '../language/i18n.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { takeLanguage } from '../settings/take-language.ts';
import classes from './welcome.module.css';

export function LanguageMenu(): ReactElement {
  const { t, language } = useLanguage();
  const name = LANGUAGES.find((known) => known.code === language)?.name ?? '';
  return (
    // Its placeholder for the first focus is a child that no menu may have.
    <Menu position="top-start" width={220} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <UnstyledButton
          className={classes.language}
          data-testid="language-menu"
          aria-label={`${t('settings.language')}: ${name}`}
        >
          {name}
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {LANGUAGES.map((known) => (
          <Menu.Item
            key={known.code}
            lang={known.code}
            className={classes.languageItem}
            leftSection={
              known.code === language ? <Icon name="check" size={18} /> : <span className={classes.noCheck} />
            }
            data-testid={`language-${known.code}`}
            onClick={() => void takeLanguage(known.code)}
          >
            {known.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
