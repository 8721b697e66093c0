/** The full-screen words: starting, lost, quarantined. Nothing else is on the screen while one of them is. */
import { Loader } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import type { AgentProblem } from '../../ipc/agent-contract.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon, type IconName, Mark } from '../look/icons.tsx';
import classes from './notice.module.css';

export function StartingNotice(): ReactElement {
  const { t } = useLanguage();
  return (
    <main className={classes.notice} data-testid="screen-starting" aria-busy="true">
      <Mark size={88} />
      <h1 className={classes.title}>{t('app.name')}</h1>
      <p className={classes.body} role="status">
        {t('starting.body')}
      </p>
      <Loader color="pine" size="md" type="dots" aria-hidden="true" />
    </main>
  );
}

export function LostNotice({ since }: { since: string }): ReactElement {
  const { t, time } = useLanguage();
  return (
    <Alarm testId="screen-lost" icon="stop" title={t('lost.title')}>
      <p className={classes.body}>{t('lost.body')}</p>
      <p className={classes.body}>{t('lost.safe')}</p>
      <p className={classes.foot}>
        <Loader color="white" size="sm" type="oval" aria-hidden="true" />
        {t('lost.reconnecting')} {t('lost.since', { time: time(since) })}
      </p>
      <small className={classes.code}>{t('common.support', { code: 'agent_unavailable' })}</small>
    </Alarm>
  );
}

export function QuarantinedNotice({
  deviceId,
  problems,
}: {
  deviceId: string | undefined;
  problems: readonly AgentProblem[];
}): ReactElement {
  const { t } = useLanguage();
  return (
    <Alarm testId="screen-quarantined" icon="alert" title={t('quarantined.title')}>
      {problems.map((code) => (
        <p key={code} className={classes.body} data-testid="quarantine-problem" data-code={code}>
          {t(`problem.${code}`)}
        </p>
      ))}
      {problems.length === 0 && <p className={classes.body}>{t('quarantined.body')}</p>}
      <small className={classes.code} data-selectable>
        {t('common.support', { code: problems[0] ?? 'journal_quarantined' })}
        {deviceId !== undefined && <> · {t('quarantined.device', { id: deviceId })}</>}
      </small>
    </Alarm>
  );
}

function Alarm({
  testId,
  icon,
  title,
  children,
}: {
  testId: string;
  icon: IconName;
  title: string;
  children: ReactNode;
}): ReactElement {
  return (
    <main className={classes.alarm} data-testid={testId} role="alert">
      <Icon name={icon} size={112} strokeWidth={1.6} />
      <h1 className={classes.title}>{title}</h1>
      {children}
    </main>
  );
}
