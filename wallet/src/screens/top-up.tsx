/** Money into the online wallet: choose the amount, pay at the provider, come back and see it arrive. */
import type { TopUp } from '@tikiwallet/server/contract';
import { useEffect, useState } from 'preact/hooks';
import { money } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import { WalletError, type ErrorCode } from '../pay/codes.ts';
import { AmountField, quickPicks, useAmount } from './parts/amount-field.tsx';
import { currencyOf, useWallet } from './parts/context.ts';
import { Icon } from './parts/icons.tsx';
import { NeedsOnline } from './parts/needs-online.tsx';
import { TOP_UP_STATE } from './parts/order-entries.tsx';
import { Bdi, Button, ErrorNotice, LinkButton, Notice, Screen, Spinner, useAction } from './parts/ui.tsx';

export function TopUpScreen() {
  const { wallet, state } = useWallet();
  const currency = currencyOf(state);
  const limits =
    state.config === null
      ? null
      : {
          minMinor: BigInt(state.config.limits.topUpMinMinor),
          maxMinor: BigInt(state.config.limits.topUpMaxMinor),
        };
  const amount = useAmount(currency, limits);
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    const { minor } = amount;
    if (minor === null) return;
    action.run(async () => {
      const order = await wallet.online.startTopUp(minor, currency);
      if (order.checkoutUrl === null) return location.assign(`/?topup=${encodeURIComponent(order.id)}`);
      location.assign(order.checkoutUrl);
    });
  };
  return (
    <Screen title={t('topup.title')} testId="topup">
      <NeedsOnline>
        <form class="form" onSubmit={submit}>
          <p class="lead">{t('topup.lead')}</p>
          <AmountField
            amount={amount}
            currency={currency}
            label={t('amount.label')}
            testId="topup-amount"
            picks={limits === null ? [] : quickPicks(limits, 100n)}
            {...(limits === null
              ? {}
              : {
                  hint: t('amount.between', {
                    min: money(limits.minMinor, currency),
                    max: money(limits.maxMinor, currency),
                  }),
                })}
          />
          {state.config?.standIns.stripe === true && (
            <Notice tone="info" icon="shop">
              <p>{t('topup.stand_in')}</p>
            </Notice>
          )}
          {action.code !== null && <ErrorNotice code={action.code} />}
          <div class="actions">
            <Button type="submit" busy={action.busy} disabled={amount.minor === null} testId="topup-submit">
              {amount.minor === null
                ? t('topup.submit_empty')
                : t('topup.submit', { amount: money(amount.minor, currency) })}
            </Button>
          </div>
        </form>
      </NeedsOnline>
    </Screen>
  );
}

type Progress =
  | { readonly kind: 'asking'; readonly topUp: TopUp | null; readonly waitedMs: number }
  | { readonly kind: 'done'; readonly topUp: TopUp }
  | { readonly kind: 'error'; readonly code: ErrorCode };

const POLL_MS = 1_200;
/** After this the screen stops asking and says that the money still comes by itself. */
const PATIENCE_MS = 60_000;

/** Asks until the provider's word has arrived; a lost connection in between is only a pause. */
function useTopUp(id: string): Progress {
  const { wallet } = useWallet();
  const [progress, setProgress] = useState<Progress>({ kind: 'asking', topUp: null, waitedMs: 0 });
  useEffect(() => {
    let isOver = false;
    let waitedMs = 0;
    const ask = async (): Promise<void> => {
      try {
        const topUp = await wallet.online.topUp(id);
        if (isOver) return;
        if (topUp.status !== 'awaiting_payment') {
          setProgress({ kind: 'done', topUp });
          await wallet.sync().catch(() => undefined);
          return;
        }
        setProgress({ kind: 'asking', topUp, waitedMs });
      } catch (error) {
        if (!(error instanceof WalletError)) throw error;
        if (isOver) return;
        if (error.code !== 'network_unreachable') return setProgress({ kind: 'error', code: error.code });
      }
      waitedMs += POLL_MS;
      setTimeout(() => isOver || void ask(), POLL_MS);
    };
    void ask();
    return () => {
      isOver = true;
    };
  }, [wallet, id]);
  return progress;
}

/** `?cancelled=1` is the provider's page saying that the person came back without paying. */
export function TopUpReturn({ id, wasCancelled }: { id: string; wasCancelled: boolean }) {
  const { wallet } = useWallet();
  const progress = useTopUp(id);
  const giving = useAction();
  const topUp = progress.kind === 'error' ? null : progress.topUp;
  const sum = topUp === null ? null : <Bdi class="strong">{money(topUp.amountMinor, topUp.currency)}</Bdi>;
  const status = progress.kind === 'done' ? progress.topUp.status : progress.kind;
  return (
    <Screen title={t('topup.title')} testId="topup-return">
      <div class="verdict-page" data-testid="topup-state" data-state={status} role="status">
        {progress.kind === 'error' && <ErrorNotice code={progress.code} />}
        {progress.kind === 'done' && progress.topUp.status === 'succeeded' && (
          <>
            <span class="verdict-mark verdict-ok">
              <Icon name="check" size={44} />
            </span>
            <h2>{t('topup.succeeded')}</h2>
            <p class="lead">{sum}</p>
          </>
        )}
        {progress.kind === 'done' && progress.topUp.status !== 'succeeded' && (
          <>
            <span class="verdict-mark verdict-bad">
              <Icon name="close" size={44} />
            </span>
            <h2>{t(TOP_UP_STATE[progress.topUp.status])}</h2>
            {sum !== null && <p class="lead">{sum}</p>}
            {progress.topUp.takenBackMinor === '0' && <p class="lead">{t('topup.nothing_taken')}</p>}
          </>
        )}
        {progress.kind === 'asking' && wasCancelled && (
          <>
            <span class="verdict-mark verdict-wait">
              <Icon name="clock" size={44} />
            </span>
            <h2>{t('topup.cancelled')}</h2>
            <p class="lead">{t('topup.nothing_taken')}</p>
            {topUp !== null && topUp.checkoutUrl !== null && (
              <>
                <a class="button button-plain" href={topUp.checkoutUrl}>
                  {t('topup.resume')}
                </a>
                <Button
                  kind="quiet"
                  busy={giving.busy}
                  testId="topup-give-up"
                  onClick={() => giving.run(async () => void (await wallet.online.cancelTopUp(id)))}
                >
                  {t('topup.give_up')}
                </Button>
                {giving.code !== null && <ErrorNotice code={giving.code} />}
              </>
            )}
          </>
        )}
        {progress.kind === 'asking' && !wasCancelled && (
          <>
            <span class="verdict-mark verdict-wait">
              <Spinner />
            </span>
            <h2>{t('topup.waiting')}</h2>
            <p class="lead">
              {progress.waitedMs < PATIENCE_MS ? t('topup.waiting_text') : t('topup.waiting_long')}
            </p>
          </>
        )}
      </div>
      <div class="actions">
        <LinkButton to="" kind={status === 'succeeded' ? 'primary' : 'plain'} testId="topup-done">
          {t('common.to_home')}
        </LinkButton>
        {status === 'succeeded' && (
          <LinkButton to="load" icon="down">
            {t('load.title')}
          </LinkButton>
        )}
      </div>
    </Screen>
  );
}
