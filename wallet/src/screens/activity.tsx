/** Everything that came and went, and each payment's receipt. Works from what is on the phone. */
import { toHex } from '@tikiwallet/protocol';
import { useRef, useState } from 'preact/hooks';
import { dateTime, money } from '../i18n/format.ts';
import { sentenceFor, t } from '../i18n/translate.ts';
import { isHeld, isTillOutOfUse, shownState } from '../pay/allowance-choice.ts';
import { advance, startOf, type PaymentView } from '../pay/payment-machine.ts';
import type { StoredPayment } from '../store/schema.ts';
import { ActivityList, kindOf, STATE_LABEL } from './parts/activity-list.tsx';
import { useWallet } from './parts/context.ts';
import { Digits } from './parts/digits.tsx';
import { HandedInNotice } from './parts/handed-in.tsx';
import { mergeActivity } from './parts/merge-activity.ts';
import { RefundsOf } from './parts/refund-parts.tsx';
import { ShopName } from './parts/shop-name.tsx';
import {
  Bdi,
  Button,
  Empty,
  ErrorNotice,
  LinkButton,
  Money,
  Notice,
  Row,
  Screen,
  Skeleton,
  useAction,
} from './parts/ui.tsx';

export function ActivityScreen() {
  const { wallet, state } = useWallet();
  const action = useAction();
  const items = mergeActivity(state);
  return (
    <Screen title={t('activity.title')} back={null} testId="activity">
      {!state.reachable && (
        <Notice tone="warn" icon="offline" role="status">
          <p>{t('activity.offline')}</p>
        </Notice>
      )}
      {items.length === 0 && state.syncing && <Skeleton lines={5} />}
      {items.length === 0 && !state.syncing && (
        <Empty icon="activity" title={t('activity.empty_title')}>
          {t('activity.empty')}
        </Empty>
      )}
      <ActivityList items={items} grouped />
      {action.code !== null && <ErrorNotice code={action.code} />}
      {state.historyCursor !== null && items.length > 0 && (
        <Button kind="plain" busy={action.busy} onClick={() => action.run(() => wallet.moreHistory())}>
          {t('activity.more')}
        </Button>
      )}
    </Screen>
  );
}

export function ActivityDetail({ id }: { id: string }) {
  const { state } = useWallet();
  const payment = state.payments.find((one) => one.id === id);
  const booked = state.history.find((one) => one.id === id);
  if (payment !== undefined) return <PaymentDetail payment={payment} />;
  if (booked === undefined) {
    return (
      <Screen title={t('activity.title')} back="activity">
        <Empty icon="activity" title={t('activity.not_here')}>
          {t('activity.not_here_text')}
        </Empty>
      </Screen>
    );
  }
  const isIn = !booked.amountMinor.startsWith('-');
  return (
    <Screen title={t(kindOf(booked).label)} back="activity" testId="activity-detail">
      <div class="card card-online">
        <p class="balance-line">
          <span aria-hidden="true">{isIn ? '+' : '−'}</span>
          <Money
            minor={BigInt(booked.amountMinor.replace('-', ''))}
            currency={booked.currency}
            class="balance"
          />
        </p>
        <dl class="rows">
          {booked.counterparty !== null && (
            <Row label={t('activity.counterparty')}>
              <bdi>{booked.counterparty}</bdi>
            </Row>
          )}
          <Row label={t('activity.when')}>{dateTime(Date.parse(booked.at))}</Row>
          {booked.note !== null && (
            <Row label={t('transfer.note')}>
              <bdi>{booked.note}</bdi>
            </Row>
          )}
          <Row label={t('receipt.reference')}>
            <Bdi class="code">{booked.id}</Bdi>
          </Row>
          {booked.paymentHash !== null && <HashRow hash={booked.paymentHash} />}
        </dl>
      </div>
    </Screen>
  );
}

function HashRow({ hash }: { hash: string }) {
  return (
    <Row label={t('receipt.payment_hash')}>
      <Bdi class="code">{hash}</Bdi>
    </Row>
  );
}

function PaymentDetail({ payment }: { payment: StoredPayment }) {
  const { state } = useWallet();
  const shown = shownState(payment, state.allowances);
  const title = payment.receipt === null ? t('receipt.payment') : t('receipt.title');
  return (
    <Screen title={title} back="activity" testId="payment-detail">
      <div class="card receipt" data-testid="receipt" data-state={shown}>
        <p class="receipt-shop">
          <ShopName name={payment.merchantName} />
        </p>
        <Bdi class="muted">{payment.merchantPhone}</Bdi>
        <Money minor={payment.amountMinor} currency={payment.currency} class="balance" />
        <span class={`chip state-${shown}`}>{t(STATE_LABEL[shown])}</span>
        {payment.handedIn?.state !== 'paid' && <p class="muted">{t(`state.${shown}_text`)}</p>}
        <dl class="rows">
          {payment.receiptNumber !== null && (
            <Row label={t('receipt.number')} testId="receipt-number">
              <Bdi>{payment.receiptNumber}</Bdi>
            </Row>
          )}
          <Row label={t('receipt.time')}>{dateTime((payment.acceptedAt ?? payment.signedAt) * 1000)}</Row>
          <Row label={t('receipt.counter')}>
            <Bdi>{payment.counter}</Bdi>
          </Row>
          {payment.receipt !== null && (
            <Row label={t('paid.code')}>
              <Digits value={payment.paidCode} testId="receipt-code" />
            </Row>
          )}
          <HashRow hash={payment.id} />
        </dl>
        {payment.state === 'refused' && payment.refusalCode !== null && (
          <Notice tone="bad" icon="alert">
            <p>{sentenceFor(payment.refusalCode)}</p>
            <p class="error-code">
              {t('common.code')} <bdi data-testid="error-code">{payment.refusalCode}</bdi>
            </p>
          </Notice>
        )}
        {payment.state !== 'refused' && <CopyButton payment={payment} />}
      </div>
      <RefundsOf
        refunds={state.refunds.filter((refund) => refund.paymentId === payment.id)}
        paidMinor={payment.amountMinor}
      />
      {payment.handedIn !== null && <HandedInNotice handedIn={payment.handedIn} />}
      {isHeld(payment) && shown !== 'released' && <HeldAmount payment={payment} />}
    </Screen>
  );
}

/** The signed halves as text: a receipt can rebuild a shop's claim, so the person can hand it to somebody. */
function CopyButton({ payment }: { payment: StoredPayment }) {
  const [copied, setCopied] = useState(false);
  const action = useAction();
  const text = [
    `${payment.merchantName} ${payment.merchantPhone}`,
    money(payment.amountMinor, payment.currency),
    `${t('receipt.number')}: ${payment.receiptNumber ?? '—'}`,
    dateTime((payment.acceptedAt ?? payment.signedAt) * 1000),
    `${t('receipt.payment_hash')}: ${payment.id}`,
    ...(payment.receipt === null ? [] : [`${t('receipt.signed')}: ${toHex(payment.receipt)}`]),
  ].join('\n');
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_500);
  };
  return (
    <Button
      kind="quiet"
      icon={copied ? 'check' : 'copy'}
      testId="receipt-copy"
      onClick={() => action.run(copy)}
    >
      <span aria-live="polite">{copied ? t('common.copied') : t('receipt.copy')}</span>
    </Button>
  );
}

function HeldAmount({ payment }: { payment: StoredPayment }) {
  return (
    <div class="form">
      <Notice tone="warn" icon="clock" title={t('held.title')}>
        <p>{t('held.text')}</p>
      </Notice>
      {!isTillOutOfUse(payment) ? (
        <AskAgain payment={payment} />
      ) : (
        // It may be back in use one day; a blocked one never is.
        payment.refusalCode === 'kiosk_suspended' && <ShowCode payment={payment} />
      )}
    </div>
  );
}

function ShowCode({ payment }: { payment: StoredPayment }) {
  return (
    <LinkButton to={`show-code/${payment.id}`} icon="code" testId="show-code-link">
      {t('code.show')}
    </LinkButton>
  );
}

function AskAgain({ payment }: { payment: StoredPayment }) {
  const { wallet } = useWallet();
  const [view, setView] = useState<PaymentView>(() => startOf(payment));
  const stop = useRef<AbortController | null>(null);
  const action = useAction();
  const ask = () =>
    action.run(async () => {
      stop.current = new AbortController();
      await wallet.sendAgain(payment, (event) => setView((now) => advance(now, event)), stop.current.signal);
    });
  return (
    <>
      {view.step === 'sending' && (
        <p class="progress-note" role="status">
          {t('sending.round', { round: view.round })}
        </p>
      )}
      {view.step === 'unconfirmed' && view.code !== null && <ErrorNotice code={view.code} />}
      {action.code !== null && <ErrorNotice code={action.code} />}
      <div class="actions">
        <Button busy={action.busy} testId="ask-again" onClick={ask}>
          {t('held.ask_again')}
        </Button>
        {!action.busy && <ShowCode payment={payment} />}
        {action.busy && (
          <Button kind="quiet" onClick={() => stop.current?.abort()}>
            {t('common.stop')}
          </Button>
        )}
      </div>
    </>
  );
}
