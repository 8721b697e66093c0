/**
 * Back from the kiosk's page: its answer is checked, and the payment is shown as it stands. Works without a network, in
 * a wallet that was closed meanwhile, and in one that never knew the payment.
 */
import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n/translate.ts';
import type { ErrorCode } from '../pay/codes.ts';
import { WalletError } from '../pay/codes.ts';
import { takeArrival } from '../return-address.ts';
import { useWallet } from './parts/context.ts';
import { replace } from './parts/router.ts';
import { Empty, ErrorNotice, LinkButton, Notice, Screen, Spinner } from './parts/ui.tsx';
import { PayingPayment } from './pay.tsx';

type Arrival =
  | { readonly kind: 'reading' }
  | { readonly kind: 'payment'; readonly id: string; readonly code: ErrorCode | null }
  | { readonly kind: 'unknown'; readonly code: ErrorCode };

/** The kiosk never got it, as far as anybody knows: the next way is the code. */
const FALLS_TO_CODE: readonly ErrorCode[] = ['kiosk_unreachable'];

export function ReturnScreen() {
  const { wallet, state } = useWallet();
  const [arrival, setArrival] = useState<Arrival>({ kind: 'reading' });
  useEffect(() => {
    const fragment = takeArrival();
    // Drawn again, or opened by hand: everything that is known of payments is in the activity.
    if (fragment === null || fragment === '') return replace('activity');
    wallet.takeAnswer(fragment).then(
      ({ paymentId, code }) => {
        if (code !== null && FALLS_TO_CODE.includes(code)) return replace(`show-code/${paymentId}~page`);
        setArrival({ kind: 'payment', id: paymentId, code });
      },
      (error: unknown) => {
        setArrival({ kind: 'unknown', code: error instanceof WalletError ? error.code : 'unknown' });
        if (!(error instanceof WalletError)) console.error(error);
      },
    );
  }, [wallet]);
  if (arrival.kind === 'payment') {
    const payment = state.payments.find((one) => one.id === arrival.id);
    if (payment !== undefined) return <PayingPayment payment={payment} code={arrival.code} />;
  }
  if (arrival.kind === 'reading') {
    return (
      <Screen title={t('return.title')} back={null} testId="return">
        <div class="verdict-page" role="status">
          <span class="verdict-mark verdict-wait">
            <Spinner />
          </span>
          <p class="lead">{t('return.reading')}</p>
        </div>
      </Screen>
    );
  }
  return (
    <Screen title={t('return.title')} back={null} testId="return-unknown">
      <Empty icon="shop" title={t('return.elsewhere')}>
        {t('return.elsewhere_text')}
      </Empty>
      {arrival.kind === 'unknown' && arrival.code !== 'hand_off_unknown' ? (
        <ErrorNotice code={arrival.code} />
      ) : (
        <Notice tone="info" icon="lock">
          <p>{t('return.safe')}</p>
        </Notice>
      )}
      <div class="actions">
        <LinkButton to="" kind="primary" testId="return-home">
          {t('common.to_home')}
        </LinkButton>
      </div>
    </Screen>
  );
}
