/**
 * The sales on the counter where several customers are served at once: each with its amount, its digits, its state and
 * its time; a tap brings one to the front. Shows all of them, always: what is paid never hides what still waits.
 */
import { UnstyledButton } from '@mantine/core';
import { type ReactElement, useEffect, useRef } from 'react';
import type { Sale } from '../../ipc/agent-contract.ts';
import { formatSpan } from '../language/moments.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon, type IconName } from '../look/icons.tsx';
import { useNow } from '../look/use-now.ts';
import classes from './counter.module.css';

/** What the cashier has to know of a sale that is not in front. */
export type Standing = 'waiting' | 'manager' | 'refused' | 'paid' | 'expired';

/** Pure. A cancelled sale has left the counter; one that lingers is over. */
export function standingOf({ state, lastRefusal }: Pick<Sale, 'state' | 'lastRefusal'>): Standing {
  switch (state) {
    case 'open':
      return lastRefusal === null ? 'waiting' : lastRefusal.override === null ? 'refused' : 'manager';
    case 'paid':
      return 'paid';
    case 'expired':
    case 'cancelled':
      return 'expired';
  }
}

const ICONS: Readonly<Record<Standing, IconName>> = {
  waiting: 'clock',
  manager: 'key',
  refused: 'alert',
  paid: 'check',
  expired: 'clock',
};

interface CounterProps {
  sales: readonly Sale[];
  frontId: string | null;
  receivedAtMs: number;
  /** Null: the keypad. */
  onFront: (saleId: string | null) => void;
}

export function Counter({ sales, frontId, receivedAtMs, onFront }: CounterProps): ReactElement {
  const { t } = useLanguage();
  const now = useNow(250);
  return (
    <nav className={classes.counter} aria-label={t('several.title')} data-testid="counter">
      <UnstyledButton
        className={classes.next}
        data-testid="counter-new"
        aria-current={frontId === null ? 'true' : undefined}
        onClick={() => onFront(null)}
      >
        <Icon name="plus" size={22} />
        {t('several.newSale')}
      </UnstyledButton>
      {sales.map((sale) => (
        <Card
          key={sale.saleId}
          sale={sale}
          leftMs={Math.max(0, sale.remainingMs - (now - receivedAtMs))}
          isFront={sale.saleId === frontId}
          onFront={() => onFront(sale.saleId)}
        />
      ))}
    </nav>
  );
}

function Card({
  sale,
  leftMs,
  isFront,
  onFront,
}: {
  sale: Sale;
  leftMs: number;
  isFront: boolean;
  onFront: () => void;
}): ReactElement {
  const { t, money } = useLanguage();
  const standing = standingOf(sale);
  const card = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isFront) card.current?.scrollIntoView?.({ block: 'nearest', inline: 'nearest' });
  }, [isFront]);
  return (
    <UnstyledButton
      ref={card}
      className={classes.card}
      data-testid="counter-sale"
      data-sale={sale.saleId}
      data-standing={standing}
      aria-current={isFront ? 'true' : undefined}
      onClick={onFront}
    >
      <span className={classes.line}>
        <strong className="tiki-number">{money(sale.amountMinor, sale.currency)}</strong>
        <bdi className={`${classes.digits} tiki-number`} dir="ltr">
          {sale.shortCode}
        </bdi>
      </span>
      <span className={classes.line}>
        <span className={classes.state}>
          <Icon name={ICONS[standing]} size={16} strokeWidth={2.4} />
          <span>{t(`several.state.${standing}`)}</span>
        </span>
        {sale.state === 'open' && <bdi className="tiki-number">{formatSpan(leftMs)}</bdi>}
      </span>
    </UnstyledButton>
  );
}
