/**
 * Paying in a shop: scan, look, confirm, and an answer that nobody can mistake. Draws the states of
 * pay/payment-machine.ts; every figure and name comes from signed bytes.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { money } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import { isSpendable } from '../pay/allowance-choice.ts';
import { WalletError, type ErrorCode } from '../pay/codes.ts';
import { askedBy } from '../pay/match-number.ts';
import { lookAround, type Found } from '../pay/look-around.ts';
import { advance, startOf, SUPERSEDED, type PaymentEvent, type PaymentView } from '../pay/payment-machine.ts';
import type { PaymentOffer, ReadOutcome } from '../pay/read-request.ts';
import { isRefundText } from '../pay/refund-text.ts';
import { signedSubject } from '../pay/signed-subject.ts';
import type { StoredPayment } from '../store/schema.ts';
import { useNow, useWallet } from './parts/context.ts';
import { Icon } from './parts/icons.tsx';
import { lazy } from './parts/lazy.tsx';
import { PinGate } from './parts/pin-gate.tsx';
import { go } from './parts/router.ts';
import { ShopName } from './parts/shop-name.tsx';
import {
  Bdi,
  Button,
  Empty,
  ErrorNotice,
  Field,
  LinkButton,
  Money,
  Notice,
  Screen,
  useAction,
} from './parts/ui.tsx';
import { ConfirmOffer, Paid, Refused, Sending, Unconfirmed } from './pay-steps.tsx';

const Scanner = lazy(
  () => import('../scan/scanner.tsx'),
  (module) => module.Scanner,
);

const RefundFlow = lazy(
  () => import('./refund.tsx'),
  (module) => module.RefundFlow,
);

type Current =
  | { readonly kind: 'scanning' }
  /** The shop's code gives money back. */
  | { readonly kind: 'refund'; readonly text: string }
  | { readonly kind: 'nearby'; readonly found: Found }
  | { readonly kind: 'refused'; readonly outcome: Extract<ReadOutcome, { kind: 'refused' }> }
  | { readonly kind: 'paying'; readonly offer: PaymentOffer | null; readonly view: PaymentView };

export function PayScreen() {
  const { wallet } = useWallet();
  const [current, setCurrent] = useState<Current>({ kind: 'scanning' });
  const stopRef = useRef(new AbortController());
  // Leaving the screen stops the asking; the payment stays, with its state, in the activity.
  useEffect(() => () => stopRef.current.abort(), []);

  const show = (outcome: ReadOutcome): void => {
    if (outcome.kind === 'refused') setCurrent({ kind: 'refused', outcome });
    else if (outcome.kind === 'known')
      setCurrent({ kind: 'paying', offer: null, view: startOf(outcome.payment) });
    else setCurrent({ kind: 'paying', offer: outcome.offer, view: startOf(null) });
  };
  const read = async (text: string): Promise<void> => {
    if (isRefundText(text)) setCurrent({ kind: 'refund', text });
    else show(await wallet.readRequest(text));
  };
  const findNearby = async (number: string | null): Promise<void> => {
    stopRef.current = new AbortController();
    const { signal } = stopRef.current;
    // Who typed a shop's number wants to pay there.
    const found: Found =
      number === null
        ? await lookAround(wallet.readNearby(signal), wallet.refundsNearby(signal))
        : { sales: askedBy(await wallet.readNearby(signal), number), refunds: [] };
    const { sales, refunds } = found;
    const [[sale], [refund]] = [sales, refunds];
    if (sales.length + refunds.length > 1) setCurrent({ kind: 'nearby', found });
    else if (refund !== undefined) setCurrent({ kind: 'refund', text: refund.text });
    else if (sale !== undefined) show(sale);
    else throw new WalletError('no_shop_with_number');
  };
  const emit = (event: PaymentEvent) =>
    setCurrent((now) => (now.kind === 'paying' ? { ...now, view: advance(now.view, event) } : now));
  const restart = () => setCurrent({ kind: 'scanning' });

  switch (current.kind) {
    case 'scanning':
      return <ScanStep onText={read} onNearby={findNearby} />;
    case 'refund':
      return <RefundFlow text={current.text} onAgain={restart} />;
    case 'nearby':
      return (
        <NearbyShops
          found={current.found}
          onChoose={show}
          onRefund={(text) => setCurrent({ kind: 'refund', text })}
          onAgain={restart}
        />
      );
    case 'refused':
      return <NotPossible outcome={current.outcome} onAgain={restart} />;
    case 'paying':
      return (
        <PayingStep offer={current.offer} view={current.view} emit={emit} stop={stopRef} onAgain={restart} />
      );
  }
}

/** A payment that was signed before: how it stands, and every way to bring it to an end. */
export function PayingPayment({ payment, code }: { payment: StoredPayment; code: ErrorCode | null }) {
  const stopRef = useRef(new AbortController());
  useEffect(() => () => stopRef.current.abort(), []);
  const [view, setView] = useState<PaymentView>(() => startOf(payment, code));
  const emit = (event: PaymentEvent) => setView((now) => advance(now, event));
  return <PayingStep offer={null} view={view} emit={emit} stop={stopRef} onAgain={() => go('pay')} />;
}

type PayingProps = {
  readonly offer: PaymentOffer | null;
  readonly view: PaymentView;
  readonly emit: (event: PaymentEvent) => void;
  readonly stop: { current: AbortController };
  readonly onAgain: () => void;
};

function PayingStep({ offer, view, emit, stop, onAgain }: PayingProps) {
  const { wallet, state } = useWallet();
  const action = useAction();
  const [asksPin, setAsksPin] = useState(false);
  const visit = useAction();
  const [visits, setVisits] = useState(0);
  const send = (payment: StoredPayment) =>
    action.run(async () => {
      stop.current = new AbortController();
      await wallet.sendAgain(payment, emit, stop.current.signal);
    });
  const pay = (one: PaymentOffer) => action.run(() => wallet.pay(one, emit, stop.current.signal));
  const needsPin = (one: PaymentOffer): boolean => {
    const allowance = state.allowances.find((known) => known.id === one.allowanceId);
    return allowance !== undefined && wallet.unlocking.needFor(allowance, one.request.amountMinor) !== null;
  };
  const sendByPage = (payment: StoredPayment) =>
    visit.run(async () => {
      // What is still being tried makes room: one way at a time is on the screen.
      stop.current.abort(SUPERSEDED);
      stop.current = new AbortController();
      setVisits((count) => count + 1);
      await wallet.sendAgain(payment, emit, stop.current.signal, 'page');
    });
  switch (view.step) {
    case 'confirm':
    case 'signing':
    case 'failed':
      if (offer === null) return null;
      if (asksPin && view.step !== 'signing')
        return (
          <PinGate
            need="unlock"
            reason={<WhatFor offer={offer} />}
            onOpen={() => {
              setAsksPin(false);
              pay(offer);
            }}
            onCancel={() => setAsksPin(false)}
          />
        );
      return (
        <ConfirmOffer
          offer={offer}
          busy={view.step === 'signing'}
          code={view.step === 'failed' ? view.code : action.code}
          onPay={() => (needsPin(offer) ? setAsksPin(true) : pay(offer))}
          onAgain={onAgain}
        />
      );
    case 'sending':
      return (
        <Sending
          key={visits}
          payment={view.payment}
          round={view.round}
          way={view.way}
          onStop={() => stop.current.abort()}
          onPage={() => sendByPage(view.payment)}
        />
      );
    case 'unconfirmed':
      return (
        <Unconfirmed
          payment={view.payment}
          code={view.code ?? action.code}
          busy={action.busy}
          onSend={() => send(view.payment)}
          onPage={() => sendByPage(view.payment)}
        />
      );
    case 'refused':
      return <Refused payment={view.payment} code={view.code} onAgain={onAgain} />;
    case 'paid':
      return <Paid payment={view.payment} />;
  }
}

/** The PIN is typed for this shop and this amount, and for nothing else. */
function WhatFor({ offer }: { offer: PaymentOffer }) {
  return (
    <>
      <p class="receipt-shop">
        <ShopName name={offer.merchantName} />
      </p>
      <Money minor={offer.request.amountMinor} currency={offer.request.currency} class="balance" />
    </>
  );
}

type ScanProps = {
  readonly onText: (text: string) => Promise<void>;
  /** @param number the shop's, where the person typed it */
  readonly onNearby: (number: string | null) => Promise<void>;
};

function ScanStep({ onText, onNearby }: ScanProps) {
  const { wallet, state } = useWallet();
  const now = useNow(wallet, 5_000);
  const [typed, setTyped] = useState('');
  const [problem, setProblem] = useState<ErrorCode | null>(null);
  const [showsText, setShowsText] = useState(false);
  const action = useAction();
  const canPay = state.allowances.some((one) => isSpendable(one, Math.floor(now / 1000)));
  const submit = (event: Event) => {
    event.preventDefault();
    if (typed.trim() !== '') action.run(() => onText(typed));
  };
  return (
    <Screen title={t('scan.title')} testId="pay">
      {!canPay && state.integrity === 'intact' && (
        <Notice tone="warn" icon="alert" testId="pay-empty">
          <p>{t('error.no_offline_money')}</p>
          <LinkButton to="load">{t('load.title')}</LinkButton>
        </Notice>
      )}
      {problem === null ? (
        <>
          <Scanner
            paused={action.busy}
            onText={(text: string) => action.run(() => onText(text))}
            onProblem={setProblem}
          />
          <p class="lead center">{t('scan.hint')}</p>
        </>
      ) : (
        <Empty icon="scan" title={t('scan.no_camera')}>
          {t(problem === 'camera_denied' ? 'error.camera_denied' : 'error.camera_missing')}
        </Empty>
      )}
      {action.code !== null && <ErrorNotice code={action.code} />}
      <Button
        kind={problem === null ? 'plain' : 'primary'}
        icon="shop"
        busy={action.busy}
        onClick={() => action.run(() => onNearby(null))}
        testId="nearby-shop"
      >
        {t('nearby.find')}
      </Button>
      <ByNumber busy={action.busy} onNumber={(number) => action.run(() => onNearby(number))} />
      <details
        class="disclosure"
        open={showsText}
        onToggle={(event) => setShowsText(event.currentTarget.open)}
      >
        <summary data-testid="scan-text-toggle">{t('scan.paste')}</summary>
        <form class="form" onSubmit={submit}>
          <Field
            label={t('scan.paste_label')}
            value={typed}
            onInput={setTyped}
            hint={t('scan.paste_hint')}
            testId="scan-paste"
            input={{
              autoComplete: 'off',
              autoCapitalize: 'characters',
              spellcheck: false,
              dir: 'ltr',
              maxLength: 8_000,
            }}
          />
          <Button
            type="submit"
            kind="plain"
            busy={action.busy}
            disabled={typed.trim() === ''}
            testId="scan-submit"
          >
            {t('scan.paste_submit')}
          </Button>
        </form>
      </details>
    </Screen>
  );
}

/** The shop's number instead of its code: found on this network, then shown with its name to be confirmed. */
function ByNumber({ busy, onNumber }: { busy: boolean; onNumber: (number: string) => void }) {
  const [number, setNumber] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    if (number.trim() !== '') onNumber(number);
  };
  return (
    <details class="disclosure">
      <summary data-testid="shop-number-toggle">{t('nearby.number')}</summary>
      <form class="form" onSubmit={submit}>
        <Field
          label={t('nearby.number_label')}
          value={number}
          onInput={setNumber}
          hint={t('nearby.number_hint')}
          testId="shop-number"
          input={{ type: 'tel', inputMode: 'tel', autoComplete: 'off', dir: 'ltr', maxLength: 30 }}
        />
        <Button
          type="submit"
          kind="plain"
          busy={busy}
          disabled={number.trim() === ''}
          testId="shop-number-find"
        >
          {t('nearby.number_find')}
        </Button>
      </form>
    </details>
  );
}

type NearbyProps = {
  readonly found: Found;
  readonly onChoose: (outcome: ReadOutcome) => void;
  readonly onRefund: (text: string) => void;
  readonly onAgain: () => void;
};

/**
 * More than one request is open, at several shops or at one till: the person says which. Names and sums are signed; the digits
 * tell two customers of one till apart, and are compared again on the next screen. Money that comes back stands beside them.
 */
function NearbyShops({ found: { sales, refunds }, onChoose, onRefund, onAgain }: NearbyProps) {
  const shops = new Set(sales.map((outcome) => signedSubject(outcome)?.merchantPhone));
  const isOnlySales = refunds.length === 0;
  const choose = shops.size > 1 ? 'nearby.choose' : 'nearby.choose_sale';
  return (
    <Screen title={t(isOnlySales ? 'nearby.title' : 'nearby.found')} testId="nearby">
      <p class="lead">{t(isOnlySales ? choose : 'nearby.choose_first')}</p>
      <ul class="list">
        {refunds.map(({ text, merchantName, amountMinor, currency }) => (
          <li key={text}>
            <button
              type="button"
              class="entry entry-button"
              data-testid="nearby-refund"
              onClick={() => onRefund(text)}
            >
              <span class="entry-icon">
                <Icon name="shop" size={22} />
              </span>
              <span class="entry-main">
                <ShopName class="entry-title" name={merchantName} />
                <span class="entry-state muted">{t('refund.from')}</span>
              </span>
              <span class="entry-end">
                <Bdi class="entry-amount">{money(amountMinor, currency)}</Bdi>
              </span>
            </button>
          </li>
        ))}
        {sales.map((outcome, index) => {
          const subject = signedSubject(outcome);
          if (subject === null) return null;
          return (
            <li key={index}>
              <button
                type="button"
                class="entry entry-button"
                data-testid="nearby-choice"
                onClick={() => onChoose(outcome)}
              >
                <span class="entry-icon">
                  <Icon name="shop" size={22} />
                </span>
                <span class="entry-main">
                  <ShopName class="entry-title" name={subject.merchantName} />
                  <Bdi class="entry-phone muted">{subject.merchantPhone}</Bdi>
                </span>
                <span class="entry-end">
                  <Bdi class="entry-amount">{money(subject.amountMinor, subject.currency)}</Bdi>
                  <span class="entry-digits" data-testid="nearby-digits" data-digits={subject.comparisonCode}>
                    <span class="sr-only">{t('confirm.code')}</span>
                    <Bdi>{subject.comparisonCode}</Bdi>
                  </span>
                </span>
              </button>
            </li>
          );
        })}
      </ul>
      <div class="actions">
        <Button kind="quiet" icon="scan" onClick={onAgain} testId="scan-again">
          {t('scan.again')}
        </Button>
      </div>
    </Screen>
  );
}

/** The shop's request cannot be paid; nothing was signed and nothing was taken. */
function NotPossible({
  outcome,
  onAgain,
}: {
  outcome: Extract<ReadOutcome, { kind: 'refused' }>;
  onAgain: () => void;
}) {
  const needsMoney = [
    'no_offline_money',
    'offline_money_too_little',
    'offline_money_split',
    'offline_money_expired',
    'allowance_counter_limit_reached',
  ];
  return (
    <Screen title={t('scan.refused_title')} testId="pay-refused">
      <div class="stack" data-testid="pay-state" data-state="not_possible">
        {outcome.subject !== null && (
          <div class="card card-online">
            <p class="receipt-shop">
              <ShopName name={outcome.subject.merchantName} />
            </p>
            <Money minor={outcome.subject.amountMinor} currency={outcome.subject.currency} class="balance" />
          </div>
        )}
        <ErrorNotice code={outcome.code}>
          {outcome.limitMinor !== undefined && outcome.subject !== null && (
            <p data-testid="payment-limit">
              {t('scan.limit_is', { amount: money(outcome.limitMinor, outcome.subject.currency) })}
            </p>
          )}
          <p>{t('scan.nothing_taken')}</p>
        </ErrorNotice>
      </div>
      <div class="actions">
        <Button icon="scan" onClick={onAgain} testId="scan-again">
          {t('scan.again')}
        </Button>
        {needsMoney.includes(outcome.code) && <LinkButton to="load">{t('load.title')}</LinkButton>}
      </div>
    </Screen>
  );
}
