/** The shared shapes of the back-office screens: a page with a heading, a panel, a row of facts, a problem. */
import { Button } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { useLanguage } from '../language/use-language.ts';
import { Icon, type IconName } from './icons.tsx';
import classes from './panel.module.css';

export function Page({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}): ReactElement {
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <h1 className={classes.title}>{title}</h1>
        {aside}
      </header>
      {children}
    </div>
  );
}

export function Panel({
  title,
  icon,
  children,
  testId,
}: {
  title: string;
  icon?: IconName;
  children: ReactNode;
  testId?: string;
}): ReactElement {
  return (
    <section className={classes.panel} data-testid={testId} aria-label={title}>
      <h2 className={classes.panelTitle}>
        {icon !== undefined && <Icon name={icon} size={20} />}
        {title}
      </h2>
      {children}
    </section>
  );
}

export function Fact({
  label,
  children,
  hint,
}: {
  label: string;
  children: ReactNode;
  hint?: ReactNode;
}): ReactElement {
  return (
    <div className={classes.fact}>
      <dt className={classes.factLabel}>{label}</dt>
      <dd className={classes.factValue}>
        {children}
        {hint !== undefined && <span className={classes.factHint}>{hint}</span>}
      </dd>
    </div>
  );
}

export function Facts({ children }: { children: ReactNode }): ReactElement {
  return <dl className={classes.facts}>{children}</dl>;
}

export type Tone = 'good' | 'calm' | 'warn' | 'bad';

/** A state in words with its icon; the colour only repeats it. */
export function StateWord({
  tone,
  icon,
  children,
  testId,
}: {
  tone: Tone;
  icon: IconName;
  children: ReactNode;
  testId?: string;
}): ReactElement {
  return (
    <span className={classes.stateWord} data-tone={tone} data-testid={testId}>
      <Icon name={icon} size={18} strokeWidth={2.4} />
      {children}
    </span>
  );
}

/** An error as a sentence, its code small for support, and a way on. Announced when it appears. */
export function Problem({
  code,
  onRetry,
  kind = 'error',
  tone = 'bad',
}: {
  code: string;
  onRetry?: () => void;
  kind?: 'error' | 'refusal';
  /** `warn` for what passes by itself, such as a missing internet. */
  tone?: 'warn' | 'bad';
}): ReactElement {
  const language = useLanguage();
  return (
    <div className={classes.problem} role="alert" data-testid="problem" data-code={code} data-tone={tone}>
      <Icon name="alert" size={22} />
      <div className={classes.problemText}>
        <p>{kind === 'error' ? language.error(code) : language.refusal(code)}</p>
        <small className={classes.code} data-selectable>
          {language.t('common.support', { code })}
        </small>
      </div>
      {onRetry !== undefined && (
        <Button variant="default" size="md" onClick={onRetry}>
          {language.t('common.retry')}
        </Button>
      )}
    </div>
  );
}
