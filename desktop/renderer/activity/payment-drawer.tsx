/** One payment in full, for the customer who asks and for support. */
import { Button, Drawer } from '@mantine/core';
import { type ReactElement, useEffect, useState } from 'react';
import type { Payment } from '../../ipc/agent-contract.ts';
import { GivenBack } from '../give-back/given-back.tsx';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Fact, Facts, Problem } from '../look/panel.tsx';
import { isRiskOver } from '../sell/paid-screen.tsx';
import { SettlementWord } from './settlement-word.tsx';
import classes from './activity.module.css';

export function PaymentDrawer({
  payment,
  onClose,
  onClosed,
  onGiveBack,
}: {
  payment: Payment | undefined;
  onClose: () => void;
  /** It has gone, and what it took the focus from has it again, if that is still there. */
  onClosed: () => void;
  onGiveBack: (payment: Payment) => void;
}): ReactElement {
  const { t } = useLanguage();
  return (
    <Drawer
      opened={payment !== undefined}
      onClose={onClose}
      onExitTransitionEnd={onClosed}
      position="right"
      size="min(560px, 92vw)"
      title={t('activity.detail')}
      closeButtonProps={{ 'aria-label': t('common.close'), size: 48, iconSize: 26 }}
      classNames={{ title: classes.drawerTitle }}
    >
      {payment !== undefined && <Detail payment={payment} onGiveBack={() => onGiveBack(payment)} />}
    </Drawer>
  );
}

function Detail({ payment, onGiveBack }: { payment: Payment; onGiveBack: () => void }): ReactElement {
  const { t, money, count, moment } = useLanguage();
  return (
    <div className={classes.detail} data-testid="payment-detail">
      <p className={`${classes.detailAmount} tiki-number`}>{money(payment.amountMinor, payment.currency)}</p>
      <SettlementWord state={payment.settlement} />
      {payment.refusalCode !== null && <Problem kind="refusal" code={payment.refusalCode} />}
      <WhatNext settlement={payment.settlement} />
      <Facts>
        <Fact label={t('activity.customer')} hint={payment.phoneChecked ? t('payer.checked') : undefined}>
          <span dir="ltr" className="tiki-number">
            {payment.maskedPhone}
          </span>
        </Fact>
        <Fact label={t('activity.receipt')}>{count(payment.sequence)}</Fact>
        <Fact label={t('activity.accepted')}>{moment(payment.acceptedAt)}</Fact>
        <Fact label={t('activity.settled')}>
          {payment.settledAt === null ? t('activity.notYet') : moment(payment.settledAt)}
        </Fact>
        <Fact
          label={t('activity.guarantee')}
          hint={isRiskOver(payment) ? t('paid.riskOver') : t(`tier.${payment.tier}Hint`)}
        >
          {t(`tier.${payment.tier}`)}
        </Fact>
      </Facts>
      <GivenBack payment={payment} onGiveBack={onGiveBack} />
      <div className={classes.hash}>
        <span>
          {t('activity.hash')} <small>{t('activity.hashHint')}</small>
        </span>
        <code dir="ltr" data-selectable data-testid="payment-hash">
          {payment.paymentHash}
        </code>
        <CopyButton text={payment.paymentHash} />
      </div>
    </div>
  );
}

/** News that a merchant cannot leave as they are: what it means, and what happens with the money. */
function WhatNext({ settlement }: { settlement: Payment['settlement'] }): ReactElement | null {
  const { t } = useLanguage();
  switch (settlement) {
    case 'refused':
    case 'disputed':
    case 'settled_by_guarantee':
      return (
        <p className={classes.next} data-testid="payment-next" data-settlement={settlement}>
          {t(`settlement.next.${settlement}`)}
        </p>
      );
    case 'on_this_device':
    case 'sent':
    case 'settled':
      return null;
  }
}

function CopyButton({ text }: { text: string }): ReactElement {
  const { t } = useLanguage();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      // The text can still be marked by hand.
      () => setCopied(false),
    );
  };
  return (
    <Button
      variant="default"
      leftSection={<Icon name={copied ? 'check' : 'copy'} size={20} />}
      data-testid="copy-hash"
      onClick={copy}
    >
      <span aria-live="polite">{copied ? t('common.copied') : t('common.copy')}</span>
    </Button>
  );
}
