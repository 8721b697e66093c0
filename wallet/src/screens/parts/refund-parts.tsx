/** Pieces of a refund that several screens draw: its receipt, its code for the shop's camera, its line in a list. */
import { useEffect, useState } from 'preact/hooks';
import { dateTime, money } from '../../i18n/format.ts';
import type { Key } from '../../i18n/locales.ts';
import { sentenceFor, t } from '../../i18n/translate.ts';
import { WalletError, type ErrorCode } from '../../pay/codes.ts';
import type { StoredRefund } from '../../store/schema.ts';
import { useWallet } from './context.ts';
import { Icon } from './icons.tsx';
import { lazy } from './lazy.tsx';
import { QrCode } from './qr.tsx';
import { ShopName } from './shop-name.tsx';
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
} from './ui.tsx';

const Scanner = lazy(
  () => import('../../scan/scanner.tsx'),
  (module) => module.Scanner,
);

export type ShownRefund =
  | 'refund_signed'
  | 'refund_unconfirmed'
  | 'refund_refused'
  | 'refunded'
  | 'refund_waiting'
  | 'refund_settled';

/** What a person is told of it. */
export function shownRefund({ state }: StoredRefund): ShownRefund {
  return state === 'refunded' ? 'refunded' : `refund_${state}`;
}

export function refundLabel(refund: StoredRefund): Key {
  return `state.${shownRefund(refund)}`;
}

export function RefundReceipt({ refund }: { refund: StoredRefund }) {
  const shown = shownRefund(refund);
  return (
    <Screen title={t('refund.done_title')} back="activity" testId="refund">
      <div class="stack" data-testid="refund-state" data-state={shown}>
        <div class="card receipt">
          <p class="receipt-shop">
            <ShopName name={refund.merchantName} />
          </p>
          <Money
            minor={refund.amountMinor}
            currency={refund.currency}
            class="balance"
            testId="refund-amount"
          />
          <span class={`chip state-${shown}`}>{t(refundLabel(refund))}</span>
          <p class="muted">{t(`state.${shown}_text`)}</p>
          <dl class="rows">
            {refund.receiptNumber !== null && (
              <Row label={t('receipt.number')} testId="refund-number">
                <Bdi>{refund.receiptNumber}</Bdi>
              </Row>
            )}
            <Row label={t('receipt.time')}>{dateTime((refund.refundedAt ?? refund.signedAt) * 1000)}</Row>
            <Row label={t('refund.to')}>{t('home.online_wallet')}</Row>
          </dl>
        </div>
        {refund.handedIn !== null && <HandedIn handedIn={refund.handedIn} />}
      </div>
      <div class="actions">
        <LinkButton to="" kind="primary" testId="refund-done">
          {t('common.done')}
        </LinkButton>
        <LinkButton to={`activity/${refund.paymentId}`} kind="quiet">
          {t('refund.show_payment')}
        </LinkButton>
      </div>
    </Screen>
  );
}

function HandedIn({ handedIn }: { handedIn: NonNullable<StoredRefund['handedIn']> }) {
  const isRefused = handedIn.state === 'refused';
  return (
    <div data-testid="handed-in" data-state={handedIn.state}>
      <Notice tone={isRefused ? 'warn' : 'ok'} icon={isRefused ? 'alert' : 'check'} title={t('claim.title')}>
        <p>{isRefused ? sentenceFor(handedIn.code ?? 'unknown') : t('refund.handed_in')}</p>
        {isRefused && <p>{t('refund.handed_in_refused')}</p>}
        <p class="muted">{dateTime(handedIn.atMs)}</p>
      </Notice>
    </div>
  );
}

/** The acceptance as a code, then the shop's receipt by this phone's camera. */
export function RefundCodeSteps({ refund }: { refund: StoredRefund }) {
  const { wallet } = useWallet();
  const [scans, setScans] = useState(false);
  const [problem, setProblem] = useState<ErrorCode | null>(null);
  const action = useAction();
  const take = async (text: string) => {
    await wallet.takeRefundReceipt(refund, text);
  };
  if (!scans)
    return (
      <>
        <AcceptanceCode refund={refund} />
        <p class="lead center">{t('code.hint')}</p>
        <Button kind="plain" icon="scan" testId="refund-scan-receipt" onClick={() => setScans(true)}>
          {t('code.scan_receipt')}
        </Button>
      </>
    );
  return (
    <>
      {problem === null ? (
        <>
          <Scanner
            paused={action.busy}
            onText={(text: string) => action.run(() => take(text))}
            onProblem={setProblem}
          />
          <p class="lead center">{t('code.receipt_hint')}</p>
        </>
      ) : (
        <Empty icon="scan" title={t('scan.no_camera')}>
          {t(problem === 'camera_denied' ? 'error.camera_denied' : 'error.camera_missing')}
        </Empty>
      )}
      {action.code !== null && <ErrorNotice code={action.code} />}
      <Button kind="plain" onClick={() => setScans(false)}>
        {t('code.back')}
      </Button>
    </>
  );
}

function AcceptanceCode({ refund }: { refund: StoredRefund }) {
  const { wallet } = useWallet();
  const { code, fail } = useAction();
  const [text, setText] = useState<string | null>(null);
  // The signed bytes never change: one look is enough.
  const [asked] = useState(() => wallet.refundCodeOf(refund));
  useEffect(() => {
    asked.then(setText, (error: unknown) => {
      fail(error instanceof WalletError ? error.code : 'store_unavailable');
      console.error(error);
    });
  }, [asked, fail]);
  if (code !== null) return <ErrorNotice code={code} />;
  return (
    <div class="code-card">
      {text === null ? (
        <Skeleton lines={6} />
      ) : (
        <QrCode text={text} label={t('refund.code_label')} testId="refund-code" />
      )}
    </div>
  );
}

/** Under the payment that they are of: what came back, and how each stands. */
export function RefundsOf({ refunds, paidMinor }: { refunds: readonly StoredRefund[]; paidMinor: bigint }) {
  const [first] = refunds;
  if (first === undefined) return null;
  const backMinor = refunds
    .filter(({ state }) => state === 'refunded' || state === 'waiting' || state === 'settled')
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
  return (
    <section class="stack" data-testid="refunds-of">
      <h2 class="day">{t('refund.title')}</h2>
      {backMinor > 0n && (
        <p class="lead" data-testid="refunded-sum">
          {t('refund.back_of', {
            back: money(backMinor, first.currency),
            paid: money(paidMinor, first.currency),
          })}
        </p>
      )}
      <ul class="list">
        {refunds.map((refund) => (
          <RefundEntry key={refund.id} refund={refund} when={dateTime(refund.signedAt * 1000)} />
        ))}
      </ul>
    </section>
  );
}

/** A line of the activity. */
export function RefundEntry({ refund, when }: { refund: StoredRefund; when: string }) {
  const shown = shownRefund(refund);
  return (
    <li>
      <a
        class="entry"
        href={`#/refund/${refund.id}`}
        data-testid="history-item"
        data-state={shown}
        data-kind="refund_received"
      >
        <span class={`entry-icon entry-${shown}`}>
          <Icon name="down" size={22} />
        </span>
        <span class="entry-main">
          <ShopName class="entry-title" name={refund.merchantName} />
          <span class={`entry-state state-${shown}`}>{t(refundLabel(refund))}</span>
        </span>
        <span class="entry-end">
          <Bdi class={shown === 'refund_refused' ? 'entry-amount' : 'entry-amount entry-in'}>
            +{money(refund.amountMinor, refund.currency)}
          </Bdi>
          <span class="muted">{when}</span>
        </span>
      </a>
    </li>
  );
}
