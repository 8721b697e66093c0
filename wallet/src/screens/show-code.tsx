/**
 * Paying without any radio: the payment as a code for the kiosk's camera, then the receipt from the kiosk's screen.
 * Works in every browser, without a network and without a permission but the camera's.
 */
import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n/translate.ts';
import type { ErrorCode } from '../pay/codes.ts';
import type { StoredPayment } from '../store/schema.ts';
import { useWallet } from './parts/context.ts';
import { lazy } from './parts/lazy.tsx';
import { QrCode } from './parts/qr.tsx';
import { Button, Empty, ErrorNotice, LinkButton, Money, Screen, Skeleton, useAction } from './parts/ui.tsx';
import { Paid } from './pay-steps.tsx';

const Scanner = lazy(
  () => import('../scan/scanner.tsx'),
  (module) => module.Scanner,
);

export function ShowCodeScreen({ id }: { id: string }) {
  const { state } = useWallet();
  const [step, setStep] = useState<'code' | 'receipt'>('code');
  const payment = state.payments.find((one) => one.id === id);
  if (payment === undefined) {
    return (
      <Screen title={t('code.title')} back="activity">
        <Empty icon="activity" title={t('activity.not_here')}>
          {t('activity.not_here_text')}
        </Empty>
      </Screen>
    );
  }
  if (payment.receipt !== null || payment.state === 'settled') return <Paid payment={payment} />;
  return step === 'code' ? (
    <CodeStep payment={payment} onNext={() => setStep('receipt')} />
  ) : (
    <ReceiptStep payment={payment} onBack={() => setStep('code')} />
  );
}

function CodeStep({ payment, onNext }: { payment: StoredPayment; onNext: () => void }) {
  const { wallet } = useWallet();
  const { code, fail } = useAction();
  const [text, setText] = useState<string | null>(null);
  // The signed bytes of a payment never change: one look is enough.
  const [asked] = useState(() => wallet.codeOf(payment));
  useEffect(() => {
    asked.then(setText, (error: unknown) => {
      fail('store_unavailable');
      console.error(error);
    });
  }, [asked, fail]);
  useWakefulScreen();
  return (
    <Screen title={t('code.title')} testId="show-code">
      <div class="stack" data-testid="pay-state" data-state="code">
        <div class="code-card">
          {text === null ? (
            <Skeleton lines={6} />
          ) : (
            <QrCode text={text} label={t('code.label')} testId="payment-code" />
          )}
        </div>
        <p class="center code-sum">
          <Money minor={payment.amountMinor} currency={payment.currency} class="balance" />
          <bdi class="receipt-shop">{payment.merchantName}</bdi>
        </p>
        <p class="lead center">{t('code.hint')}</p>
        {code !== null && <ErrorNotice code={code} />}
      </div>
      <div class="actions actions-sticky">
        <Button icon="scan" onClick={onNext} testId="scan-receipt">
          {t('code.scan_receipt')}
        </Button>
        <p class="aside">{t('code.safe')}</p>
      </div>
    </Screen>
  );
}

function ReceiptStep({ payment, onBack }: { payment: StoredPayment; onBack: () => void }) {
  const { wallet } = useWallet();
  const action = useAction();
  const [problem, setProblem] = useState<ErrorCode | null>(null);
  return (
    <Screen title={t('code.scan_receipt')} testId="scan-receipt-screen">
      {problem === null ? (
        <>
          <Scanner
            paused={action.busy}
            onText={(text: string) => action.run(() => wallet.takeReceipt(payment, text))}
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
      <div class="actions">
        <Button kind="plain" onClick={onBack} testId="code-back">
          {t('code.back')}
        </Button>
        <LinkButton to="" kind="quiet">
          {t('common.to_home')}
        </LinkButton>
      </div>
    </Screen>
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
