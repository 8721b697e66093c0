/**
 * A shop gives money back: who, how much of which payment, and where it goes; confirm, and an answer that nobody can
 * mistake. Draws the states of a refund; every figure and name comes from signed bytes.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { dateTime, money } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import type { ErrorCode } from '../pay/codes.ts';
import type { OfferedRefund, RefundOutcome } from '../pay/read-refund.ts';
import type { RefundEvent } from '../pay/run-refund.ts';
import type { StoredRefund } from '../store/schema.ts';
import { useNow, useWallet } from './parts/context.ts';
import { PinGate } from './parts/pin-gate.tsx';
import { RefundCodeSteps, RefundReceipt } from './parts/refund-parts.tsx';
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

/** After this long without an answer the code for the shop's camera is shown beside the trying. */
const CODE_AFTER_MS = 2_500;

/** From the code on the shop's screen. */
export function RefundFlow({ text, onAgain }: { text: string; onAgain: () => void }) {
  const { wallet } = useWallet();
  const [outcome, setOutcome] = useState<RefundOutcome | null>(null);
  const { code, fail } = useAction();
  const [asked] = useState(() => wallet.readRefund(text));
  useEffect(() => {
    asked.then(setOutcome, (error: unknown) => {
      fail('unknown');
      console.error(error);
    });
  }, [asked, fail]);
  if (code !== null) return <NotPossible code={code} subject={null} onAgain={onAgain} />;
  if (outcome === null)
    return (
      <Screen title={t('refund.title')} testId="refund">
        <Skeleton lines={5} />
      </Screen>
    );
  switch (outcome.kind) {
    case 'refused':
      return <NotPossible code={outcome.code} subject={outcome.subject} onAgain={onAgain} />;
    case 'known':
      return <RefundSteps offered={null} stored={outcome.refund} />;
    case 'offer':
      return <RefundSteps offered={outcome.offer} stored={null} />;
  }
}

/** A refund that was countersigned before: how it stands, and every way to bring it to an end. */
export function RefundScreen({ id }: { id: string }) {
  const { state } = useWallet();
  const refund = state.refunds.find((one) => one.id === id);
  if (refund === undefined)
    return (
      <Screen title={t('refund.title')} back="activity">
        <Empty icon="activity" title={t('activity.not_here')}>
          {t('activity.not_here_text')}
        </Empty>
      </Screen>
    );
  return <RefundSteps offered={null} stored={refund} />;
}

type View =
  | { readonly step: 'confirm'; readonly code: ErrorCode | null }
  | { readonly step: 'pin' }
  | { readonly step: 'signing' }
  | { readonly step: 'sending'; readonly refund: StoredRefund; readonly round: number }
  | { readonly step: 'stored'; readonly refund: StoredRefund; readonly code: ErrorCode | null };

function advance(view: View, event: RefundEvent): View {
  switch (event.event) {
    case 'signing':
      return { step: 'signing' };
    case 'failed':
      return { step: 'confirm', code: event.code };
    case 'sending':
      // A receipt that came by light is the last word.
      return view.step === 'stored' && view.refund.receipt !== null
        ? view
        : { step: 'sending', refund: event.refund, round: event.round };
    case 'ended':
      return { step: 'stored', refund: event.refund, code: event.code };
  }
}

function RefundSteps({ offered, stored }: { offered: OfferedRefund | null; stored: StoredRefund | null }) {
  const { wallet, state } = useWallet();
  const [view, setView] = useState<View>(
    stored === null ? { step: 'confirm', code: null } : { step: 'stored', refund: stored, code: null },
  );
  const stopRef = useRef(new AbortController());
  useEffect(() => () => stopRef.current.abort(), []);
  const action = useAction();
  const emit = (event: RefundEvent) => setView((now) => advance(now, event));
  const confirm = (one: OfferedRefund) =>
    action.run(() => wallet.confirmRefund(one, emit, stopRef.current.signal));
  const send = (refund: StoredRefund) =>
    action.run(async () => {
      stopRef.current = new AbortController();
      await wallet.sendRefund(refund, emit, stopRef.current.signal);
    });
  const needsPin = (one: OfferedRefund): boolean => {
    const allowance = state.allowances.find(({ id }) => id === one.payment.allowanceId);
    return allowance !== undefined && wallet.unlocking.needFor(allowance, 0n) !== null;
  };
  // What the wallet has learnt meanwhile - a receipt by light, the cloud's word - is in its memory.
  const current = (refund: StoredRefund) => state.refunds.find(({ id }) => id === refund.id) ?? refund;
  switch (view.step) {
    case 'confirm':
    case 'signing':
      if (offered === null) return null;
      return (
        <ConfirmRefund
          offered={offered}
          busy={view.step === 'signing'}
          code={view.step === 'confirm' ? view.code : null}
          onConfirm={() => (needsPin(offered) ? setView({ step: 'pin' }) : confirm(offered))}
        />
      );
    case 'pin':
      if (offered === null) return null;
      return (
        <PinGate
          need="unlock"
          reason={<WhatFor offered={offered} />}
          onOpen={() => confirm(offered)}
          onCancel={() => setView({ step: 'confirm', code: null })}
        />
      );
    case 'sending':
      return current(view.refund).receipt === null ? (
        <Sending refund={view.refund} round={view.round} onStop={() => stopRef.current.abort()} />
      ) : (
        <RefundReceipt refund={current(view.refund)} />
      );
    case 'stored': {
      const refund = current(view.refund);
      const isOver = refund.receipt !== null || refund.state === 'settled' || refund.state === 'waiting';
      if (isOver) return <RefundReceipt refund={refund} />;
      return <Open refund={refund} code={view.code} busy={action.busy} onSend={() => send(refund)} />;
    }
  }
}

/** A PIN is asked for payments above all: here the money comes back, and that is said. */
function WhatFor({ offered }: { offered: OfferedRefund }) {
  return (
    <>
      <p class="receipt-shop">
        <ShopName name={offered.merchantName} />
      </p>
      <Money minor={offered.offer.amountMinor} currency={offered.payment.currency} class="balance" />
      <p data-testid="refund-pin-reason">{t('refund.pin_reason')}</p>
    </>
  );
}

type ConfirmProps = {
  readonly offered: OfferedRefund;
  readonly busy: boolean;
  readonly code: ErrorCode | null;
  readonly onConfirm: () => void;
};

function ConfirmRefund({ offered, busy, code, onConfirm }: ConfirmProps) {
  const { wallet } = useWallet();
  const now = useNow(wallet, 1_000);
  const { offer, payment } = offered;
  const secondsLeft = Math.max(0, offered.expiresAt - Math.floor(now / 1000));
  const isWhole = offer.amountMinor === payment.amountMinor;
  return (
    <Screen title={t('refund.confirm_title')} testId="refund">
      <div class="stack" data-testid="refund-state" data-state={busy ? 'signing' : 'confirm'}>
        <div class="card card-online receipt">
          <p class="muted">{t('refund.from')}</p>
          <p class="receipt-shop" data-testid="refund-merchant">
            <ShopName name={offered.merchantName} />
          </p>
          <Bdi class="muted">{offered.merchantPhone}</Bdi>
          <Money
            minor={offer.amountMinor}
            currency={payment.currency}
            class="balance"
            testId="refund-amount"
          />
          <dl class="rows">
            <Row label={t('refund.of_payment')} testId="refund-of">
              {isWhole ? t('refund.whole') : money(payment.amountMinor, payment.currency)}
            </Row>
            <Row label={t('refund.paid_at')}>{dateTime((payment.acceptedAt ?? payment.signedAt) * 1000)}</Row>
            {offered.refundedMinor > 0n && (
              <Row label={t('refund.before')}>{money(offered.refundedMinor, payment.currency)}</Row>
            )}
            <Row label={t('refund.to')}>{t('home.online_wallet')}</Row>
          </dl>
        </div>
        <Notice tone="info" icon="clock">
          <p>{t('refund.when')}</p>
        </Notice>
        {code !== null && <ErrorNotice code={code} />}
      </div>
      <div class="actions">
        {secondsLeft === 0 ? (
          <Notice tone="warn" icon="clock" role="status">
            <p>{t('error.refund_offer_expired')}</p>
          </Notice>
        ) : (
          <Button busy={busy} testId="refund-confirm" onClick={onConfirm}>
            {t('refund.confirm', { amount: money(offer.amountMinor, payment.currency) })}
          </Button>
        )}
        <LinkButton to="" kind="quiet">
          {t('common.cancel')}
        </LinkButton>
      </div>
    </Screen>
  );
}

function Sending({ refund, round, onStop }: { refund: StoredRefund; round: number; onStop: () => void }) {
  const [showsCode, setShowsCode] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShowsCode(true), CODE_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <Screen title={t('refund.sending_title')} back={null} testId="refund">
      <div class="stack" data-testid="refund-state" data-state="sending">
        <p class="progress-note" role="status">
          {/* A line anew: words in the middle would step aside for every longer figure. */}
          <span key={round}>{round === 1 ? t('refund.sending') : t('sending.round', { round })}</span>
        </p>
        {showsCode && <RefundCodeSteps refund={refund} />}
      </div>
      {showsCode && (
        <div class="actions">
          <Button kind="quiet" onClick={onStop} testId="refund-stop">
            {t('common.stop')}
          </Button>
        </div>
      )}
    </Screen>
  );
}

type OpenProps = {
  readonly refund: StoredRefund;
  readonly code: ErrorCode | null;
  readonly busy: boolean;
  readonly onSend: () => void;
};

/** Countersigned, and without the shop's receipt: nothing is certain, and sending again is safe. */
function Open({ refund, code, busy, onSend }: OpenProps) {
  const [showsCode, setShowsCode] = useState(false);
  const isRefused = refund.state === 'refused';
  return (
    <Screen
      title={t(isRefused ? 'refund.refused_title' : 'refund.open_title')}
      back="activity"
      testId="refund"
    >
      <div class="stack" data-testid="refund-state" data-state={isRefused ? 'refused' : 'unconfirmed'}>
        <div class="card card-online">
          <p class="receipt-shop">
            <ShopName name={refund.merchantName} />
          </p>
          <Money minor={refund.amountMinor} currency={refund.currency} class="balance" />
        </div>
        {isRefused ? (
          <ErrorNotice code={refund.refusalCode ?? 'kiosk_refused_unknown'}>
            <p>{t('refund.refused_text')}</p>
          </ErrorNotice>
        ) : (
          <>
            <Notice tone="warn" icon="clock" title={t('refund.open')}>
              <p>{t('refund.open_text')}</p>
            </Notice>
            {code !== null && <ErrorNotice code={code} />}
          </>
        )}
        {showsCode && <RefundCodeSteps refund={refund} />}
      </div>
      <div class="actions">
        <Button busy={busy} testId="refund-again" onClick={onSend}>
          {t('held.ask_again')}
        </Button>
        {!showsCode && (
          <Button kind="plain" icon="code" testId="refund-show-code" onClick={() => setShowsCode(true)}>
            {t('code.show')}
          </Button>
        )}
      </div>
    </Screen>
  );
}

type NotPossibleProps = {
  readonly code: ErrorCode;
  readonly subject: Extract<RefundOutcome, { kind: 'refused' }>['subject'];
  readonly onAgain: () => void;
};

function NotPossible({ code, subject, onAgain }: NotPossibleProps) {
  return (
    <Screen title={t('refund.not_possible')} testId="refund">
      <div class="stack" data-testid="refund-state" data-state="not_possible">
        {subject !== null && (
          <div class="card card-online">
            <p class="receipt-shop">
              <ShopName name={subject.merchantName} />
            </p>
            <Money minor={subject.amountMinor} currency={subject.currency} class="balance" />
          </div>
        )}
        <ErrorNotice code={code}>
          <p>{t('refund.nothing_signed')}</p>
        </ErrorNotice>
      </div>
      <div class="actions">
        <Button icon="scan" onClick={onAgain} testId="scan-again">
          {t('scan.again')}
        </Button>
      </div>
    </Screen>
  );
}
