/** How an offer ended: given back with its receipt, or over without a cent moved. */
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type CSSProperties, type ReactElement, useEffect, useRef } from 'react';
import type { Refund } from '../../ipc/agent-contract.ts';
import { call } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Problem } from '../look/panel.tsx';
import { tillStop } from '../sell/stopped-screen.tsx';
import ended from '../sell/expired-screen.module.css';
import { QrCode } from '../sell/qr-code.tsx';
import receipt from '../sell/receipt-code.module.css';
import classes from './give-back.module.css';

interface EndedStepProps {
  refund: Refund;
  onNewCode: () => void;
  onClose: () => void;
}

export function EndedStep({ refund, onNewCode, onClose }: EndedStepProps): ReactElement {
  return refund.state === 'given_back' ? (
    <GivenBackStep refund={refund} onClose={onClose} />
  ) : (
    <OverStep refund={refund} onNewCode={onNewCode} onClose={onClose} />
  );
}

function GivenBackStep({ refund, onClose }: { refund: Refund; onClose: () => void }): ReactElement {
  const { t, money, count } = useLanguage();
  const isSettled = useIsSettled(refund);
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  const amount = money(refund.amountMinor, refund.currency);
  return (
    <div className={classes.done} data-testid="screen-given-back">
      <section className={classes.doneSide}>
        <p className={classes.doneTitle} role="status">
          <Icon name="check" size={34} strokeWidth={2.6} />
          {t('giveBack.done')}
        </p>
        <div className={classes.amountBox}>
          <p
            className={`${classes.amount} tiki-number`}
            data-testid="given-back-amount"
            data-minor={refund.amountMinor}
            style={{ '--letters': amount.length } as CSSProperties}
          >
            {amount}
          </p>
        </div>
        <p className={classes.doneBody}>{t(isSettled ? 'giveBack.doneSettled' : 'giveBack.doneBody')}</p>
        <p className={classes.doneFacts}>
          <span dir="ltr" className="tiki-number">
            {refund.maskedPhone}
          </span>
          {refund.refund !== null && (
            <span data-testid="given-back-number">
              {t('paid.receipt', { number: count(refund.refund.sequence) })}
            </span>
          )}
          <span>
            {t('giveBack.ofSale', {
              given: money(refund.refundedMinor, refund.currency),
              total: money(refund.saleMinor, refund.currency),
            })}
          </span>
        </p>
        <Button ref={first} data-testid="give-back-done" onClick={onClose}>
          {t('giveBack.finish')}
        </Button>
      </section>
      {refund.receiptQrText !== null && (
        <div className={receipt.card}>
          <div className={receipt.code}>
            <QrCode
              text={refund.receiptQrText}
              label={t('giveBack.receiptLabel')}
              testId="give-back-receipt-qr"
            />
          </div>
          <p className={receipt.words}>{t('paid.receiptScan')}</p>
        </div>
      )}
    </div>
  );
}

/** The offer is told once, as it ended; how its money fares is asked for when the cloud has said something new. */
function useIsSettled({ refundId, paymentHash, refundedMinor }: Refund): boolean {
  const { state } = useAgent();
  const parts = useQuery({
    queryKey: ['refund.list', paymentHash, refundedMinor, state.settlement.lastSettledAt],
    queryFn: () => call('refund.list', { paymentHash }),
    placeholderData: (before) => before,
  });
  const own = parts.data?.items.find((part) => part.refundId === refundId);
  return own?.settlement === 'settled';
}

function OverStep({ refund, onNewCode, onClose }: EndedStepProps): ReactElement {
  const { t, money } = useLanguage();
  const stop = tillStop(useAgent().state.problems);
  const first = useRef<HTMLButtonElement>(null);
  const mayAskAgain = stop === null;
  useEffect(() => first.current?.focus(), [mayAskAgain]);
  const isExpired = refund.state === 'expired';
  return (
    <div className={ended.expired} data-testid="screen-give-back-over" data-state={refund.state}>
      <span className={ended.icon}>
        <Icon name={isExpired ? 'clock' : 'close'} size={64} strokeWidth={1.7} />
      </span>
      <h1 className={ended.title}>{t(isExpired ? 'expired.title' : 'giveBack.cancelled')}</h1>
      <p className={`${ended.amount} tiki-number`}>{money(refund.amountMinor, refund.currency)}</p>
      <p className={ended.body} role="status">
        {t('giveBack.nothingGiven')}
      </p>
      {stop !== null && <Problem code={stop} />}
      {stop === null && refund.lastRefusal !== null && (
        <Problem kind="refusal" code={refund.lastRefusal.code} />
      )}
      <div className={ended.actions}>
        {mayAskAgain && (
          <Button ref={first} data-testid="give-back-again" onClick={onNewCode}>
            {t('expired.newCode')}
          </Button>
        )}
        <Button
          ref={mayAskAgain ? null : first}
          variant={mayAskAgain ? 'default' : 'filled'}
          data-testid="give-back-done"
          onClick={onClose}
        >
          {t('giveBack.finish')}
        </Button>
      </div>
    </div>
  );
}
