/** What is wrong with this till at the moment, and what to do about it: across every screen, until it is put right. */
import type { ReactElement } from 'react';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import classes from './problem-band.module.css';

export function ProblemBand(): ReactElement | null {
  const { state } = useAgent();
  const { t } = useLanguage();
  if (state.problems.length === 0) return null;
  return (
    <div className={classes.band} role="alert" data-testid="problem-band">
      {state.problems.map((code) => (
        <p key={code} className={classes.problem} data-code={code}>
          <Icon name="alert" size={24} />
          <span>{t(`problem.${code}`)}</span>
          <small data-selectable>{t('common.support', { code })}</small>
        </p>
      ))}
    </div>
  );
}
