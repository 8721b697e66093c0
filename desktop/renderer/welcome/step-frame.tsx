/** The frame of every step behind a choice: a way back, a heading, a sentence. */
import { UnstyledButton } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import classes from './welcome.module.css';

export function StepFrame({
  title,
  body,
  onBack,
  children,
}: {
  title: string;
  body?: ReactNode;
  onBack?: () => void;
  children: ReactNode;
}): ReactElement {
  const { t } = useLanguage();
  return (
    <div className={classes.step}>
      {onBack !== undefined && (
        <UnstyledButton className={classes.back} data-testid="step-back" onClick={onBack}>
          <Icon name="back" size={22} />
          {t('common.back')}
        </UnstyledButton>
      )}
      <h1 className={classes.title}>{title}</h1>
      {body !== undefined && <p className={classes.body}>{body}</p>}
      {children}
    </div>
  );
}
