/** A sale that ended because its till was stopped: nothing was paid, nobody can try again, and why. */
import { Button } from '@mantine/core';
import { type ReactElement, useEffect, useRef } from 'react';
import type { AgentState, Sale } from '../../ipc/agent-contract.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Problem } from '../look/panel.tsx';
import classes from './expired-screen.module.css';

/** Pure: why this till may not take this sale's money; null while it may, and for a sale that ended otherwise. */
export function stopOf(
  { state, lastRefusal }: Pick<Sale, 'state' | 'lastRefusal'>,
  problems: AgentState['problems'],
): string | null {
  // The word is there before the sale is closed: for no moment may a code be shown that nobody can pay. One that ran out
  // gets no new code while it holds.
  if (state === 'open' || state === 'expired') return tillStop(problems);
  const code = lastRefusal?.code;
  return state === 'cancelled' && code !== undefined && isStop(code) ? code : null;
}

/** Pure: why this till takes and gives nothing for now; null while it works. */
export function tillStop(problems: AgentState['problems']): string | null {
  return problems.find(isStop) ?? null;
}

function isStop(code: string): boolean {
  return code === 'kiosk_denied' || code === 'kiosk_suspended';
}

interface StoppedScreenProps {
  sale: Sale;
  code: string;
  onClose: () => void;
}

export function StoppedScreen({ sale, code, onClose }: StoppedScreenProps): ReactElement {
  const { t, money } = useLanguage();
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <div className={classes.expired} data-testid="screen-stopped">
      <span className={classes.icon}>
        <Icon name="stop" size={64} strokeWidth={1.7} />
      </span>
      <h1 className={classes.title}>{t('stopped.title')}</h1>
      <p className={`${classes.amount} tiki-number`}>{money(sale.amountMinor, sale.currency)}</p>
      <p className={classes.body} role="status">
        {t('stopped.body')}
      </p>
      <Problem code={code} />
      <div className={classes.actions}>
        <Button ref={first} data-testid="stopped-close" onClick={onClose}>
          {t('common.close')}
        </Button>
      </div>
    </div>
  );
}
