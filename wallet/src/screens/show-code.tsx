/**
 * Paying without any radio: the payment as a code for the kiosk's camera, then the receipt from the kiosk's screen.
 * Works in every browser, without a network and without a permission but the camera's.
 */
import { useState } from 'preact/hooks';
import { t } from '../i18n/translate.ts';
import type { ErrorCode } from '../pay/codes.ts';
import type { StoredPayment } from '../store/schema.ts';
import { useWallet } from './parts/context.ts';
import { lazy } from './parts/lazy.tsx';
import { PaymentCode } from './parts/payment-code.tsx';
import { Button, Empty, ErrorNotice, LinkButton, Notice, Screen, useAction } from './parts/ui.tsx';
import { Paid } from './pay-steps.tsx';

const Scanner = lazy(
  () => import('../scan/scanner.tsx'),
  (module) => module.Scanner,
);

/** `id` may end in `~receipt`: the shop has read the code already; or in `~page`: the shop's page gave no answer. */
export function ShowCodeScreen({ id: wanted }: { id: string }) {
  const [id = '', why] = wanted.split('~');
  const { state } = useWallet();
  const [step, setStep] = useState<'code' | 'receipt'>(why === 'receipt' ? 'receipt' : 'code');
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
    <CodeStep payment={payment} cameByPage={why === 'page'} onNext={() => setStep('receipt')} />
  ) : (
    <ReceiptStep payment={payment} onBack={() => setStep('code')} />
  );
}

type CodeProps = {
  readonly payment: StoredPayment;
  readonly cameByPage: boolean;
  readonly onNext: () => void;
};

function CodeStep({ payment, cameByPage, onNext }: CodeProps) {
  return (
    <Screen title={t('code.title')} testId="show-code">
      <div class="stack" data-testid="pay-state" data-state="code">
        <PaymentCode payment={payment}>
          {cameByPage && (
            <Notice tone="warn" icon="clock" role="status">
              <p>{t('code.after_page')}</p>
            </Notice>
          )}
          {cameByPage && (
            <LinkButton to={`activity/${payment.id}`} testId="code-ask-again">
              {t('held.ask_again')}
            </LinkButton>
          )}
          <p class="aside">{t('code.safe')}</p>
        </PaymentCode>
      </div>
      <div class="actions actions-sticky">
        <Button icon="scan" onClick={onNext} testId="scan-receipt">
          {t('code.scan_receipt')}
        </Button>
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
