/** Paid: the one screen that must be understood across the counter. Says what is certain, and what still has to happen. */
import { type CSSProperties, type ReactElement, useEffect, useRef, useState } from 'react';
import { UnstyledButton, VisuallyHidden } from '@mantine/core';
import type { Payment, Sale } from '../../ipc/agent-contract.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon, type IconName } from '../look/icons.tsx';
import { useNow } from '../look/use-now.ts';
import { usePreferences } from '../settings/preferences.ts';
import classes from './paid-screen.module.css';
import { ReceiptCode } from './receipt-code.tsx';

interface PaidScreenProps {
  sale: Sale;
  onNewSale: () => void;
}

export function PaidScreen({ sale, onNewSale }: PaidScreenProps): ReactElement {
  const { t, money, count, time } = useLanguage();
  const { state } = useAgent();
  const { newSaleAfterSeconds } = usePreferences();
  const [showsReceipt, setShowsReceipt] = useState(sale.wasScanned);
  // While the customer scans, the screen stays until a hand moves it on.
  const left = useAutoReturn(showsReceipt ? 0 : newSaleAfterSeconds, onNewSale);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  const { payment } = sale;
  const amount = money(sale.amountMinor, sale.currency);
  return (
    <div className={classes.paid} data-testid="screen-paid" data-receipt={showsReceipt || undefined}>
      {showsReceipt && payment !== null && <ReceiptCode paymentHash={payment.paymentHash} />}
      <div className={classes.body}>
        {/* Where there is little room this scrolls, and the way on stays under the hand. */}
        <div className={classes.told} tabIndex={0} data-testid="paid-told">
          <div className={classes.mark} aria-hidden="true">
            <svg viewBox="0 0 120 120" className={classes.markDrawing}>
              <circle cx="60" cy="60" r="54" />
              <path d="M34 62l18 18 35-39" />
            </svg>
          </div>
          <h1 className={classes.title}>{t('paid.title')}</h1>
          <p
            className={`${classes.amount} tiki-number`}
            data-testid="paid-amount"
            data-minor={sale.amountMinor}
            style={{ '--letters': amount.length } as CSSProperties}
          >
            {amount}
          </p>
          {payment !== null && (
            <>
              <p className={classes.who}>
                <span dir="auto">{t('paid.from', { phone: `\u2066${payment.maskedPhone}\u2069` })}</span>
                <span data-testid="paid-receipt">
                  {t('paid.receipt', { number: count(payment.sequence) })}
                </span>
                <span>{t('paid.at', { time: time(payment.acceptedAt) })}</span>
                {payment.phoneChecked && (
                  <span className={classes.checked} data-testid="paid-phone-checked">
                    <Icon name="check" size={20} />
                    {t('payer.checked')}
                  </span>
                )}
              </p>
              {sale.paidCode !== null && <PaidCode code={sale.paidCode} />}
              <div className={classes.facts}>
                <PaidState payment={payment} online={state.cloud.state === 'online'} />
                <p className={classes.fact} data-testid="paid-tier" data-tier={payment.tier}>
                  <Icon name={payment.tier === 'at_risk' ? 'alert' : 'shield'} size={26} />
                  <span>
                    <strong>{t(`tier.${payment.tier}`)}</strong>
                    {isRiskOver(payment) ? t('paid.riskOver') : t(`tier.${payment.tier}Hint`)}
                  </span>
                </p>
                {payment.needsInternetSoon && (
                  <p className={classes.fact} data-testid="paid-needs-internet" data-wide>
                    <Icon name="online" size={26} />
                    <span>{t('payer.needsInternetSoon')}</span>
                  </p>
                )}
              </div>
            </>
          )}
        </div>
        <div className={classes.actions}>
          <UnstyledButton ref={button} className={classes.next} data-testid="new-sale" onClick={onNewSale}>
            {left === undefined ? t('paid.newSale') : t('paid.auto', { seconds: left })}
          </UnstyledButton>
          {payment !== null && (
            <UnstyledButton
              className={classes.second}
              data-testid="receipt-toggle"
              aria-pressed={showsReceipt}
              onClick={() => setShowsReceipt(!showsReceipt)}
            >
              <Icon name="code" size={24} />
              {t(showsReceipt ? 'paid.hideReceipt' : 'paid.showReceipt')}
            </UnstyledButton>
          )}
        </div>
      </div>
    </div>
  );
}

/** The same digits as on the phone's receipt: large for the eyes, one by one for a screen reader. */
function PaidCode({ code }: { code: string }): ReactElement {
  const { t } = useLanguage();
  return (
    <p className={classes.compare}>
      <span>
        <strong>{t('paid.code')}</strong>
        <small>{t('paid.codeHint')}</small>
      </span>
      <bdi
        className={`${classes.digits} tiki-number`}
        data-testid="paid-code"
        data-digits={code}
        dir="ltr"
        aria-hidden="true"
      >
        {code.slice(0, 3)}
        {'\u00a0'}
        {code.slice(3)}
      </bdi>
      <VisuallyHidden>{[...code].join(' ')}</VisuallyHidden>
    </p>
  );
}

function PaidState({ payment, online }: { payment: Payment; online: boolean }): ReactElement {
  const { t, refusal } = useLanguage();
  const { icon, words } = paidWords(payment.settlement, online);
  return (
    <p className={classes.fact} data-testid="paid-state" data-settlement={payment.settlement}>
      <Icon name={icon} size={26} />
      <span>
        <strong>{t(`settlement.${payment.settlement}`)}</strong>
        {words !== undefined && t(words)}
        {payment.refusalCode !== null && refusal(payment.refusalCode)}
      </span>
    </p>
  );
}

/** Pure: what a manager let through has been paid all the same. */
export function isRiskOver({ tier, settlement }: Pick<Payment, 'tier' | 'settlement'>): boolean {
  return tier === 'at_risk' && settlement === 'settled';
}

/** Pure: the sentence under a stored payment. */
export function paidWords(
  settlement: Payment['settlement'],
  online: boolean,
): { icon: IconName; words: string | undefined } {
  switch (settlement) {
    case 'on_this_device':
      return { icon: 'clock', words: online ? 'paid.storedOnline' : 'paid.stored' };
    case 'sent':
      return { icon: 'upload', words: 'paid.sent' };
    case 'settled':
    case 'settled_by_guarantee':
      return { icon: 'checkDouble', words: 'paid.settled' };
    case 'refused':
    case 'disputed':
      return { icon: 'alert', words: undefined };
  }
}

/** Whole seconds until the next sale starts by itself, or undefined when it waits for a tap. */
function useAutoReturn(afterSeconds: number, onNewSale: () => void): number | undefined {
  const startedAt = useRef(performance.now());
  const now = useNow(250, afterSeconds > 0);
  const left = Math.ceil(afterSeconds - (now - startedAt.current) / 1000);
  const over = afterSeconds > 0 && left <= 0;
  useEffect(() => {
    if (over) onNewSale();
  }, [over, onNewSale]);
  return afterSeconds > 0 ? Math.max(0, left) : undefined;
}
