/** Money into the offline wallet and back, with what that means in plain words (R36). */
import { useState } from 'preact/hooks';
import { dateTime, money } from '../i18n/format.ts';
import type { Key } from '../i18n/locales.ts';
import { t } from '../i18n/translate.ts';
import { isHeld, isSpendable, paymentsMade, remainingMinor } from '../pay/allowance-choice.ts';
import type { ErrorCode } from '../pay/codes.ts';
import type { StoredAllowance } from '../store/schema.ts';
import type { PinNeed } from '../unlocking.ts';
import { AmountField, quickPicks, useAmount } from './parts/amount-field.tsx';
import { currencyOf, useNow, useWallet } from './parts/context.ts';
import { DenialReason } from './parts/denial-news.tsx';
import { Icon } from './parts/icons.tsx';
import { NeedsOnline } from './parts/needs-online.tsx';
import { EVERY_SHOP, payeeOf, PayeeChoiceField } from './parts/payee-choice.tsx';
import { PinGate } from './parts/pin-gate.tsx';
import { go } from './parts/router.ts';
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
  useAction,
} from './parts/ui.tsx';

export function LoadScreen() {
  const { wallet, state } = useWallet();
  const currency = currencyOf(state);
  const onlineMinor = state.view === null ? 0n : BigInt(state.view.onlineMinor);
  const most = state.config === null ? onlineMinor : BigInt(state.config.limits.allowanceMaxMinor);
  const limits = { minMinor: 1n, maxMinor: most < onlineMinor ? most : onlineMinor };
  const amount = useAmount(currency, limits.maxMinor > 0n ? limits : null);
  const [choice, setChoice] = useState(EVERY_SHOP);
  const payee = payeeOf(choice);
  const action = useAction();
  const [need, setNeed] = useState<PinNeed | null>(null);
  const perPayment = state.config?.limits.perPaymentMaxMinor;
  const guard = wallet.unlocking.guardForLoad(amount.minor ?? limits.maxMinor);
  const submit = (event: Event) => {
    event.preventDefault();
    if (amount.minor === null) return;
    const pinNeed = wallet.unlocking.needForLoad(amount.minor);
    if (pinNeed === null) load();
    else setNeed(pinNeed);
  };
  const load = () => {
    setNeed(null);
    const { minor } = amount;
    if (minor === null || payee === undefined) return;
    action.run(async () => {
      await wallet.load({ amountMinor: minor, currency, payee });
      go('');
    });
  };
  if (need !== null) {
    return (
      <PinGate need={need} reason={<p>{t('pin.for_load')}</p>} onOpen={load} onCancel={() => setNeed(null)} />
    );
  }
  return (
    <Screen title={t('load.title')} testId="load">
      <NeedsOnline>
        {state.view !== null && onlineMinor === 0n ? (
          <>
            <Empty icon="plus" title={t('load.nothing_online')}>
              {t('load.nothing_online_text')}
            </Empty>
            <LinkButton to="topup" kind="primary">
              {t('home.top_up')}
            </LinkButton>
          </>
        ) : (
          <form class="form" onSubmit={submit}>
            <AmountField
              amount={amount}
              currency={currency}
              label={t('load.label')}
              hint={t('transfer.available', { amount: money(onlineMinor, currency) })}
              testId="load-amount"
              picks={quickPicks(limits, 10n)}
            />
            <p class="load-guard" data-testid="load-guard" data-guard={guard}>
              <Icon name="lock" size={20} />
              <span>{t(guard === 'open' ? 'load.without_pin' : 'load.with_pin')}</span>
            </p>
            <PayeeChoiceField choice={choice} onChange={setChoice} currency={currency} />
            <Notice tone="info" icon="shop" title={t('load.means')}>
              <ul class="bullets">
                <li>{t(choice.onlyOne ? 'load.means_pay_one' : 'load.means_pay')}</li>
                <li>{t('load.means_phone')}</li>
                <li>{t('load.means_time')}</li>
                {perPayment !== undefined && (
                  <li>{t('load.means_limit', { amount: money(perPayment, currency) })}</li>
                )}
                <li>{t('load.means_shop')}</li>
              </ul>
            </Notice>
            {action.code !== null && <ErrorNotice code={action.code} />}
            <div class="actions">
              <Button
                type="submit"
                busy={action.busy}
                disabled={amount.minor === null || payee === undefined}
                testId="load-submit"
              >
                {amount.minor === null
                  ? t('load.submit_empty')
                  : t('load.submit', { amount: money(amount.minor, currency) })}
              </Button>
            </div>
          </form>
        )}
      </NeedsOnline>
    </Screen>
  );
}

export function OfflineScreen() {
  const { wallet, state } = useWallet();
  /** The load that waits for the PIN to be closed. */
  const [closing, setClosing] = useState<StoredAllowance | null>(null);
  /** The load that was closed last: whatever went wrong is told there. */
  const [closed, setClosed] = useState('');
  const action = useAction();
  const now = useNow(wallet, 30_000);
  const shown = state.allowances
    .filter(
      (one) =>
        one.cloudStatus !== 'closed' &&
        (remainingMinor(one) > 0n ||
          state.payments.some((payment) => payment.allowanceId === one.id && payment.state !== 'settled')),
    )
    .toSorted((a, b) => a.notAfter - b.notAfter);
  const close = (allowance: StoredAllowance) => {
    setClosing(null);
    setClosed(allowance.id);
    action.run(() => wallet.unload(allowance.id));
  };
  if (closing !== null) {
    return (
      <PinGate
        need="unlock"
        reason={<p>{t('pin.for_unload')}</p>}
        onOpen={() => close(closing)}
        onCancel={() => setClosing(null)}
      />
    );
  }
  return (
    <Screen title={t('home.offline_wallet')} testId="offline">
      <p class="lead">{t('offline.lead')}</p>
      {shown.length === 0 ? (
        <Empty icon="down" title={t('offline.empty_title')}>
          {t('home.offline_empty')}
        </Empty>
      ) : (
        shown.map((allowance) => (
          <AllowanceCard
            key={allowance.id}
            allowance={allowance}
            nowSeconds={Math.floor(now / 1000)}
            busy={action.busy}
            code={closed === allowance.id ? action.code : null}
            onClose={() =>
              wallet.unlocking.needFor(allowance, 0n) === null ? close(allowance) : setClosing(allowance)
            }
          />
        ))
      )}
      <div class="actions">
        <LinkButton to="load" kind="primary" icon="down">
          {t('load.title')}
        </LinkButton>
      </div>
    </Screen>
  );
}

function stateOf(allowance: StoredAllowance, nowSeconds: number): Key {
  if (allowance.state === 'frozen') return 'offline.state_frozen';
  if (allowance.cloudStatus === 'denied') return 'offline.state_denied';
  if (allowance.state === 'closing' || allowance.cloudStatus === 'closing') return 'offline.state_closing';
  return nowSeconds >= allowance.notAfter || allowance.cloudStatus === 'expired'
    ? 'offline.state_expired'
    : 'offline.state_active';
}

function shopNameOf({ payeeName }: StoredAllowance): string {
  return payeeName === undefined || payeeName === '' ? t('confirm.no_name') : payeeName;
}

type CardProps = {
  readonly allowance: StoredAllowance;
  readonly nowSeconds: number;
  readonly busy: boolean;
  readonly code: ErrorCode | null;
  readonly onClose: () => void;
};

function AllowanceCard({ allowance, nowSeconds, busy, code, onClose }: CardProps) {
  const { state } = useWallet();
  const [asks, setAsks] = useState(false);
  const spendable = isSpendable(allowance, nowSeconds);
  const held = state.payments.filter((payment) => payment.allowanceId === allowance.id && isHeld(payment));
  const heldMinor = held.reduce((sum, payment) => sum + payment.amountMinor, 0n);
  const status = stateOf(allowance, nowSeconds);
  const isReturning =
    !spendable &&
    (allowance.state !== 'active' || (allowance.deniedFor === 'lost' && allowance.returnsBy !== null));
  return (
    <article class="card card-online" data-testid="allowance" data-state={allowance.state}>
      <header>
        <Money minor={remainingMinor(allowance)} currency={allowance.currency} class="balance" />
        <span class="chip">{t(status)}</span>
      </header>
      <dl class="rows">
        {allowance.payeeLock !== null && (
          <Row label={t(allowance.payeeLock.kioskId === null ? 'offline.only_shop' : 'offline.only_till')}>
            <bdi data-testid="allowance-payee">{shopNameOf(allowance)}</bdi>
          </Row>
        )}
        <Row label={t('offline.loaded')}>{money(allowance.capMinor, allowance.currency)}</Row>
        {/* What can be spent no more has no terms of spending. */}
        {!isReturning && status !== 'offline.state_closing' && (
          <>
            <Row label={t('offline.until')}>{dateTime(allowance.notAfter * 1000)}</Row>
            <Row label={t('offline.per_payment')}>{money(allowance.perPaymentMinor, allowance.currency)}</Row>
          </>
        )}
        <Row label={t('offline.payments')}>
          <Bdi>
            {paymentsMade(allowance)} / {allowance.hardCounterLimit}
          </Bdi>
        </Row>
        <Row label={t('pin.settings')} testId="allowance-pin">
          {t(allowance.guard === 'pin' ? 'offline.pin_asked' : 'offline.pin_not')}
        </Row>
        {heldMinor > 0n && <Row label={t('home.held')}>{money(heldMinor, allowance.currency)}</Row>}
      </dl>
      {allowance.cloudStatus === 'denied' && (
        <Notice tone="bad" icon="alert">
          <DenialReason deniedFor={allowance.deniedFor} />
        </Notice>
      )}
      {isReturning && (
        <Notice tone="info" icon="clock" testId="returning-note">
          <p>
            {allowance.returnsBy === null
              ? t('offline.returning')
              : t('offline.returning_by', { when: dateTime(Date.parse(allowance.returnsBy)) })}
          </p>
        </Notice>
      )}
      {spendable && !asks && (
        <Button kind="plain" icon="up" testId="unload-button" onClick={() => setAsks(true)}>
          {t('unload.start')}
        </Button>
      )}
      {asks && spendable && (
        <Notice tone="warn" icon="alert" title={t('unload.title')}>
          <p>{t('unload.text')}</p>
          {heldMinor > 0n && <p>{t('unload.held')}</p>}
          <div class="button-row">
            <Button busy={busy} testId="unload-submit" onClick={onClose}>
              {t('unload.submit')}
            </Button>
            <Button kind="quiet" disabled={busy} onClick={() => setAsks(false)}>
              {t('common.cancel')}
            </Button>
          </div>
        </Notice>
      )}
      {code !== null && (
        <ErrorNotice code={code}>
          {allowance.state === 'closing' && <p>{t('unload.reported_later')}</p>}
        </ErrorNotice>
      )}
    </article>
  );
}
