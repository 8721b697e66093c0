/** A sale whose time is over: nothing was paid, and one tap makes a new code for the same amount. */
import { Button } from '@mantine/core';
import { type ReactElement, useEffect, useRef } from 'react';
import type { Sale } from '../../ipc/agent-contract.ts';
import { codeOf } from '../agent/calls.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Problem } from '../look/panel.tsx';
import classes from './expired-screen.module.css';

interface ExpiredScreenProps {
  sale: Sale;
  onNewCode: () => void;
  renewing: boolean;
  error: unknown;
  onNewSale: () => void;
}

export function ExpiredScreen({
  sale,
  onNewCode,
  renewing,
  error,
  onNewSale,
}: ExpiredScreenProps): ReactElement {
  const { t, money } = useLanguage();
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <div className={classes.expired} data-testid="screen-expired">
      <span className={classes.icon}>
        <Icon name="clock" size={64} strokeWidth={1.7} />
      </span>
      <h1 className={classes.title}>{t('expired.title')}</h1>
      <p className={`${classes.amount} tiki-number`}>{money(sale.amountMinor, sale.currency)}</p>
      <p className={classes.body} role="status">
        {t('expired.body')}
      </p>
      {sale.lastRefusal !== null && <Problem kind="refusal" code={sale.lastRefusal.code} />}
      {error !== null && error !== undefined && <Problem code={codeOf(error)} />}
      <div className={classes.actions}>
        <Button ref={first} data-testid="new-code" loading={renewing} onClick={onNewCode}>
          {t('expired.newCode')}
        </Button>
        <Button variant="default" data-testid="new-sale" onClick={onNewSale}>
          {t('expired.newSale')}
        </Button>
      </div>
    </div>
  );
}
