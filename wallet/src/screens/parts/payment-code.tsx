/** A signed payment as a code for the kiosk's camera, with what it pays. The bytes are those that the radio carries. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../../i18n/translate.ts';
import { WalletError } from '../../pay/codes.ts';
import type { StoredPayment } from '../../store/schema.ts';
import { useWallet } from './context.ts';
import { QrCode } from './qr.tsx';
import { ShopName } from './shop-name.tsx';
import { Button, ErrorNotice, Money, Skeleton, useAction } from './ui.tsx';

type PaymentCodeProps = {
  readonly payment: StoredPayment;
  /** Under the code and its sum. Drawn with it, so that a code that comes late moves nothing. */
  readonly children?: ComponentChildren;
};

export function PaymentCode({ payment, children }: PaymentCodeProps) {
  const { wallet, state } = useWallet();
  const action = useAction();
  // What the kiosk has said of the certificate meanwhile is in the wallet's memory, not in what the caller holds.
  const current = state.payments.find(({ id }) => id === payment.id) ?? payment;
  const isRepeat = current.repeatDelivery !== null;
  useWakefulScreen();
  return (
    <>
      {/* First of all: on the shortest phone, too, the whole of it stands above what is fixed at the bottom. */}
      <CodeCard key={isRepeat ? 'repeat' : 'whole'} payment={current} />
      <p class="lead center">{t('code.hint')}</p>
      <p class="center code-sum">
        <Money minor={payment.amountMinor} currency={payment.currency} class="balance" />
        <ShopName class="receipt-shop" name={payment.merchantName} />
      </p>
      {children}
      {/* Comes and goes with what the kiosk says: below what is being read. */}
      {isRepeat && (
        <Button
          kind="plain"
          icon="code"
          busy={action.busy}
          onClick={() => action.run(() => wallet.needWhole(current))}
          testId="larger-code"
        >
          {t('code.larger')}
        </Button>
      )}
      {action.code !== null && <ErrorNotice code={action.code} />}
    </>
  );
}

function CodeCard({ payment }: { payment: StoredPayment }) {
  const { wallet } = useWallet();
  const { code, fail } = useAction();
  const [text, setText] = useState<string | null>(null);
  // The signed bytes of a payment never change: one look is enough.
  const [asked] = useState(() => wallet.codeOf(payment));
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
        <QrCode text={text} label={t('code.label')} testId="payment-code" />
      )}
    </div>
  );
}

/** A screen that goes dark in front of the kiosk's camera is no code. */
function useWakefulScreen(): void {
  useEffect(() => {
    if (!('wakeLock' in navigator)) return;
    let lock: WakeLockSentinel | null = null;
    let isOver = false;
    navigator.wakeLock.request('screen').then(
      (taken) => {
        lock = taken;
        if (isOver) void taken.release();
      },
      // Battery saver, or a hidden page: a touch keeps the screen on as well.
      () => undefined,
    );
    return () => {
      isOver = true;
      void lock?.release();
    };
  }, []);
}
