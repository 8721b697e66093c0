/** The way between the screens: four large targets with their words, the current one marked. */
import { UnstyledButton } from '@mantine/core';
import type { ReactElement } from 'react';
import { useLanguage } from '../language/use-language.ts';
import { Icon, type IconName } from '../look/icons.tsx';
import classes from './side-rail.module.css';

export const VIEWS = ['sell', 'activity', 'status', 'settings'] as const;
export type View = (typeof VIEWS)[number];
const icons: Record<View, IconName> = {
  sell: 'sell',
  activity: 'activity',
  status: 'status',
  settings: 'settings',
};

export function SideRail({
  view,
  onChange,
  saleOpen,
}: {
  view: View;
  onChange: (view: View) => void;
  saleOpen: boolean;
}): ReactElement {
  const { t } = useLanguage();
  return (
    <nav className={classes.rail} aria-label={t('nav.label')}>
      {VIEWS.map((name) => (
        <UnstyledButton
          key={name}
          className={classes.item}
          data-testid={`nav-${name}`}
          aria-current={view === name ? 'page' : undefined}
          onClick={() => onChange(name)}
        >
          <span className={classes.icon}>
            <Icon name={icons[name]} size={26} />
            {name === 'sell' && saleOpen && view !== 'sell' && (
              <span className={classes.dot} aria-hidden="true" />
            )}
          </span>
          <span className={classes.word}>{t(`nav.${name}`)}</span>
          {name === 'sell' && saleOpen && view !== 'sell' && (
            <span className="tiki-hidden">{t('waiting.title')}</span>
          )}
        </UnstyledButton>
      ))}
    </nav>
  );
}
