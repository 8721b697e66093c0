/** The steps of a payment as the person sees them: confirm, sending, paid, not confirmed, refused. */
import { useEffect, useState } from 'preact/hooks';
import { dateTime, money } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import type { ErrorCode } from '../pay/codes.ts';
import { FALL_AFTER_MS, GRACE_SECONDS } from '../pay/timing.ts';
import { mixesAlphabets } from '../pay/display-name.ts';
import type { PaymentOffer } from '../pay/read-request.ts';
import { mayBeDecidedAtShop } from '../pay/await-manager.ts';
import type { StoredPayment } from '../store/schema.ts';
import { useNow, useWallet } from './parts/context.ts';
import { Digits } from './parts/digits.tsx';
import { Icon } from './parts/icons.tsx';
import { lazy } from './parts/lazy.tsx';
import { ShopName } from './parts/shop-name.tsx';
import { Bdi, Button, ErrorNotice, LinkButton, Money, Notice, Row, Screen, Spinner } from './parts/ui.tsx';

const loadPaymentCode = () => import('./parts/payment-code.tsx');
const PaymentCode = lazy(loadPaymentCode, (module) => module.PaymentCode);

type ConfirmProps = {
  readonly offer: PaymentOffer;
  readonly busy: boolean;
  readonly code: ErrorCode | null;
  readonly onPay: () => void;
  readonly onAgain: () => void;
};

export function ConfirmOffer({ offer, busy, code, onPay, onAgain }: ConfirmProps) {
  const { wallet } = useWallet();
  const now = useNow(wallet, 500);
  const { request } = offer;
  const leftSeconds = Math.max(0, Math.ceil(offer.expiresAt - now / 1000));
  const isOver = leftSeconds === 0;
  const sum = money(request.amountMinor, request.currency);
  return (
    <Screen title={t('confirm.title')} testId="confirm">
      <div class="confirm" data-testid="pay-state" data-state={busy ? 'signing' : 'confirm'}>
        <p class="confirm-label">{t('confirm.pay_to')}</p>
        <p class="confirm-merchant" data-testid="confirm-merchant">
          <ShopName name={offer.merchantName} />
        </p>
        <Bdi class="muted confirm-phone">{offer.merchantPhone}</Bdi>
        {mixesAlphabets(offer.merchantName) && (
          <p class="confirm-warning" data-testid="confirm-mixed">
            {t('confirm.mixed')}
          </p>
        )}
        <Money
          minor={request.amountMinor}
          currency={request.currency}
          testId="confirm-amount"
          class="confirm-amount"
        />
        <div class="confirm-code-box">
          <span>{t('confirm.code')}</span>
          <Digits value={offer.comparisonCode} testId="confirm-code" />
          <span class="muted">{t('confirm.code_hint')}</span>
        </div>
        <dl class="rows">
          <Row label={t('confirm.from')}>{t('home.offline_wallet')}</Row>
          <Row label={t('confirm.left_after')} testId="confirm-left">
            <Bdi>{money(offer.leftAfterMinor, request.currency)}</Bdi>
          </Row>
        </dl>
        <Countdown leftSeconds={leftSeconds} ofSeconds={request.ttlSeconds} />
      </div>
      {code !== null && (
        <ErrorNotice code={code}>
          <p>{t('scan.nothing_taken')}</p>
        </ErrorNotice>
      )}
      <div class="actions actions-sticky">
        {isOver || code === 'request_expired' ? (
          <Button icon="scan" onClick={onAgain} testId="scan-again">
            {t('scan.again')}
          </Button>
        ) : (
          <Button busy={busy} onClick={onPay} testId="confirm-pay">
            {t('confirm.pay', { amount: sum })}
          </Button>
        )}
        {!busy && (
          <LinkButton to="" kind="quiet" testId="confirm-cancel">
            {t('common.cancel')}
          </LinkButton>
        )}
      </div>
    </Screen>
  );
}

/** A bar for the eyes, and words that a screen reader hears when it matters. */
function Countdown({ leftSeconds, ofSeconds }: { leftSeconds: number; ofSeconds: number }) {
  const text = leftSeconds === 0 ? t('confirm.expired') : t('confirm.expires_in', { seconds: leftSeconds });
  return (
    <div class={leftSeconds <= 15 ? 'countdown countdown-short' : 'countdown'} data-testid="confirm-expiry">
      <progress max={ofSeconds} value={leftSeconds} aria-label={t('confirm.time_left')} />
      <span role="timer">{text}</span>
    </div>
  );
}

type SendingProps = {
  readonly payment: StoredPayment;
  readonly round: number;
  readonly way: 'radio' | 'page';
  readonly onStop: () => void;
  readonly onPage: () => void;
};

/** When the kiosk is silent the code is on the screen in time (R5); the radio goes on being tried beside it. */
export function Sending({ payment, round, way, onStop, onPage }: SendingProps) {
  const hasFallen = useLater(FALL_AFTER_MS);
  useEffect(() => {
    // Now, not when it is needed: giving up a navigation stops every other loading of this page as well.
    loadPaymentCode().catch(console.error);
  }, []);
  return (
    <Screen title={t('sending.title')} back={null} testId="sending">
      <div
        class={hasFallen ? 'stack' : 'verdict-page'}
        data-testid="pay-state"
        data-state="sending"
        data-way={hasFallen ? 'code' : way}
        role="status"
      >
        {hasFallen ? (
          <PaymentCode payment={payment}>
            <div class="button-row button-row-even">
              <ByPage payment={payment} onPage={onPage} />
              <Button kind="plain" onClick={onStop} testId="sending-stop">
                {t('common.stop')}
              </Button>
            </div>
            <Asking payment={payment} round={round} />
          </PaymentCode>
        ) : (
          <Handing payment={payment} way={way} />
        )}
      </div>
      {hasFallen && (
        <div class="actions actions-sticky">
          <LinkButton to={`show-code/${payment.id}~receipt`} kind="primary" icon="scan" testId="scan-receipt">
            {t('code.scan_receipt')}
          </LinkButton>
        </div>
      )}
    </Screen>
  );
}

/** The kiosk's page, for whoever wants it: where the shop's camera does not read the code, or there is none. */
function ByPage({ payment, onPage }: { payment: StoredPayment; onPage: () => void }) {
  const { wallet } = useWallet();
  if (wallet.pageOf(payment) === null) return null;
  return (
    <Button kind="plain" icon="shop" onClick={onPage} testId="page-way">
      {t('sending.by_page')}
    </Button>
  );
}

function Handing({ payment, way }: { payment: StoredPayment; way: 'radio' | 'page' }) {
  return (
    <>
      <span class="verdict-mark verdict-wait">
        <Spinner />
      </span>
      <Money minor={payment.amountMinor} currency={payment.currency} class="balance" />
      <p class="receipt-shop">
        <ShopName name={payment.merchantName} />
      </p>
      <p class="lead">{t(way === 'page' ? 'sending.page' : 'sending.first')}</p>
      {way === 'page' && <p class="muted">{t('sending.page_text')}</p>}
    </>
  );
}

function Asking({ payment, round }: { payment: StoredPayment; round: number }) {
  const { wallet } = useWallet();
  const now = useNow(wallet, 500);
  const untilSeconds = Math.max(0, Math.ceil(payment.requestExpiresAt + GRACE_SECONDS - now / 1000));
  return (
    <Notice tone="info" icon="online">
      <p>{t('sending.round', { round })}</p>
      <p>{t('sending.check_wifi')}</p>
      <p class={untilSeconds > 0 ? 'muted' : 'muted place-kept'}>
        {t('sending.until', { seconds: untilSeconds })}
      </p>
    </Notice>
  );
}

function useLater(afterMs: number): boolean {
  const [isLater, setIsLater] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsLater(true), afterMs);
    return () => clearTimeout(timer);
  }, [afterMs]);
  return isLater;
}

export function Paid({ payment }: { payment: StoredPayment }) {
  useBuzz();
  return (
    <Screen title={t('paid.title')} back={null} testId="paid">
      <div class="paid" data-testid="pay-state" data-state="paid" role="status">
        <span class="paid-mark">
          <Icon name="check" size={64} />
        </span>
        <p class="paid-word">{t('paid.word')}</p>
        <Money
          minor={payment.amountMinor}
          currency={payment.currency}
          testId="paid-amount"
          class="paid-amount"
        />
        <p class="receipt-shop" data-testid="paid-merchant">
          <ShopName name={payment.merchantName} />
        </p>
        <dl class="rows paid-rows">
          {payment.receiptNumber !== null && (
            <Row label={t('receipt.number')} testId="paid-number">
              <Bdi>{payment.receiptNumber}</Bdi>
            </Row>
          )}
          <Row label={t('receipt.time')} testId="paid-time">
            {dateTime((payment.acceptedAt ?? payment.signedAt) * 1000)}
          </Row>
        </dl>
        <div class="confirm-code-box">
          <span>{t('paid.code')}</span>
          <Digits value={payment.paidCode} testId="paid-code" />
          <span class="muted">{t('confirm.code_hint')}</span>
        </div>
      </div>
      <div class="actions">
        <LinkButton to="" kind="primary" testId="paid-done">
          {t('common.done')}
        </LinkButton>
        <LinkButton to={`activity/${payment.id}`} testId="paid-receipt">
          {t('paid.receipt')}
        </LinkButton>
      </div>
    </Screen>
  );
}

/** A short buzz where the phone can; the screen alone says it all. */
function useBuzz(): void {
  useEffect(() => {
    if ('vibrate' in navigator) navigator.vibrate(80);
  }, []);
}

type UnconfirmedProps = {
  readonly payment: StoredPayment;
  readonly code: ErrorCode | null;
  readonly busy: boolean;
  readonly onSend: () => void;
  readonly onPage: () => void;
};

export function Unconfirmed({ payment, code, busy, onSend, onPage }: UnconfirmedProps) {
  return (
    <Screen title={t('unconfirmed.title')} testId="unconfirmed">
      <div class="stack" data-testid="pay-state" data-state="unconfirmed">
        <div class="card card-online">
          <p class="receipt-shop">
            <ShopName name={payment.merchantName} />
          </p>
          <Money minor={payment.amountMinor} currency={payment.currency} class="balance" />
          <span class="chip state-unconfirmed">{t('state.unconfirmed')}</span>
        </div>
        <Notice tone="warn" icon="clock" role="alert" title={t('unconfirmed.ask_cashier')}>
          <p>{t('unconfirmed.text')}</p>
        </Notice>
        {code !== null && <ErrorNotice code={code} />}
      </div>
      <div class="actions">
        <Button busy={busy} onClick={onSend} testId="try-again">
          {t('held.ask_again')}
        </Button>
        <LinkButton to={`show-code/${payment.id}`} icon="code" testId="show-code-link">
          {t('code.show')}
        </LinkButton>
        <ByPage payment={payment} onPage={onPage} />
        <p class="aside">{t('unconfirmed.safe')}</p>
        <LinkButton to="" kind="quiet">
          {t('common.to_home')}
        </LinkButton>
      </div>
    </Screen>
  );
}

export function Refused({
  payment,
  code,
  onAgain,
}: {
  payment: StoredPayment;
  code: ErrorCode;
  onAgain: () => void;
}) {
  return (
    <Screen title={t('refused.title')} testId="refused">
      <div class="stack" data-testid="pay-state" data-state="refused">
        <div class="card card-online">
          <p class="receipt-shop">
            <ShopName name={payment.merchantName} />
          </p>
          <Money minor={payment.amountMinor} currency={payment.currency} class="balance" />
          <span class="chip state-refused">{t('state.refused')}</span>
        </div>
        <ErrorNotice code={code} />
        {mayBeDecidedAtShop(code) && (
          <Notice tone="warn" icon="shop" testId="shop-may-decide">
            <p>{t('refused.shop_may_decide')}</p>
          </Notice>
        )}
        <Notice tone="warn" icon="lock" title={t('held.title')}>
          <p>{t('held.text')}</p>
        </Notice>
      </div>
      <div class="actions">
        <Button icon="scan" onClick={onAgain} testId="scan-again">
          {t('scan.again')}
        </Button>
        <LinkButton to="" kind="quiet">
          {t('common.to_home')}
        </LinkButton>
      </div>
    </Screen>
  );
}
