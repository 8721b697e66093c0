/** The two wallets at a glance, and the way to pay. Everything here draws from what is on the phone. */
import { deadline, money, relative } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import { fewPaymentsLeft, offlineFunds } from '../pay/allowance-choice.ts';
import { denialNews } from '../pay/other-phones.ts';
import type { WalletState } from '../wallet-state.ts';
import { ActivityList } from './parts/activity-list.tsx';
import { currencyOf, useNow, useWallet } from './parts/context.ts';
import { DenialNews } from './parts/denial-news.tsx';
import { Icon } from './parts/icons.tsx';
import { mergeActivity } from './parts/merge-activity.ts';
import { Bdi, Button, Empty, ErrorNotice, LinkButton, Money, Notice, useAction } from './parts/ui.tsx';

export function Home() {
  const { wallet, state } = useWallet();
  const now = useNow(wallet, 15_000);
  const activity = mergeActivity(state).slice(0, 4);
  return (
    <section class="screen home" data-testid="home">
      <h1 class="sr-only">{t('home.title')}</h1>
      <Greeting state={state} now={now} />
      <Banners />
      <div class="wallets">
        <OfflineCard state={state} nowMs={now} />
        <OnlineCard state={state} />
      </div>
      <section class="section">
        <div class="section-head">
          <h2>{t('activity.recent')}</h2>
          {activity.length > 0 && <a href="#/activity">{t('activity.all')}</a>}
        </div>
        {activity.length === 0 ? (
          <Empty icon="activity" title={t('activity.empty_title')}>
            {t('activity.empty')}
          </Empty>
        ) : (
          <ActivityList items={activity} grouped={false} />
        )}
      </section>
    </section>
  );
}

function Greeting({ state, now }: { state: WalletState; now: number }) {
  const asOf = state.view === null ? null : Date.parse(state.view.asOf);
  const isOnline = state.reachable && state.session !== 'none';
  return (
    <div class="greeting">
      <p class="greeting-name">
        <bdi>{state.profile?.username}</bdi>
      </p>
      <p class="connection" role="status" data-testid="connection" data-online={isOnline}>
        <Icon name={state.reachable ? 'online' : 'offline'} size={18} />
        {state.reachable ? t('home.online') : t('home.offline')}
        {asOf !== null && (
          <span class="muted"> · {t('home.updated', { when: relative(Math.min(asOf, now), now) })}</span>
        )}
      </p>
    </div>
  );
}

function Banners() {
  const { wallet, state } = useWallet();
  const action = useAction();
  const loading = state.intents.find((intent) => intent.kind === 'load');
  const unfinished = state.intents.find((intent) => intent.kind === 'transfer');
  return (
    <div class="banners">
      {state.integrity !== 'intact' && (
        <ErrorNotice code={state.integrity === 'lost' ? 'store_lost' : 'store_rolled_back'}>
          <Button
            kind="plain"
            busy={action.busy}
            testId="start-over"
            onClick={() => action.run(() => wallet.startOver())}
          >
            {t('home.start_over')}
          </Button>
        </ErrorNotice>
      )}
      {state.vault.kind === 'wiped' && (
        <Notice
          tone={state.vault.why === 'asked' ? 'info' : 'warn'}
          icon="lock"
          title={t('wiped.title')}
          testId="wiped-banner"
        >
          <p>{t('wiped.safe_text')}</p>
        </Notice>
      )}
      {denialNews(state.view, state.denialsRead).map((denied) => (
        <DenialNews key={denied.id} denied={denied} />
      ))}
      {!state.reachable && (
        <Notice tone="warn" icon="offline" testId="offline-banner" role="status">
          <p>{t('home.offline_banner')}</p>
        </Notice>
      )}
      {state.reachable && state.session === 'none' && (
        <Notice tone="info" icon="lock" testId="session-banner">
          <p>{t('home.session_ended')}</p>
          <LinkButton to="login">{t('login.submit')}</LinkButton>
        </Notice>
      )}
      {unfinished?.kind === 'transfer' && (
        <Notice tone="warn" icon="alert" title={t('transfer.unfinished')} testId="unfinished-transfer">
          <p>
            {t('transfer.unfinished_text', {
              amount: money(unfinished.amountMinor, unfinished.currency),
              name: unfinished.recipient.maskedName,
            })}
          </p>
          {action.code !== null && <ErrorNotice code={action.code} />}
          <div class="button-row">
            <Button
              kind="plain"
              busy={action.busy}
              onClick={() => action.run(async () => void (await wallet.online.finishTransfer(unfinished)))}
            >
              {t('transfer.finish')}
            </Button>
            <Button
              kind="quiet"
              disabled={action.busy}
              onClick={() => action.run(() => wallet.online.forgetIntent(unfinished.key))}
            >
              {t('transfer.forget')}
            </Button>
          </div>
        </Notice>
      )}
      {loading !== undefined && !state.syncing && (
        <Notice tone="info" icon="clock" title={t('load.unfinished')} testId="unfinished-load">
          <p>{t('load.unfinished_text', { amount: money(loading.amountMinor, loading.currency) })}</p>
        </Notice>
      )}
      {state.applyUpdate !== null && (
        <Notice tone="info" icon="down" testId="update-banner">
          <p>{t('home.update_ready')}</p>
          <Button kind="plain" onClick={state.applyUpdate}>
            {t('home.update')}
          </Button>
        </Notice>
      )}
    </div>
  );
}

function OfflineCard({ state, nowMs }: { state: WalletState; nowMs: number }) {
  const currency = currencyOf(state);
  // What cannot be signed with is not shown as money that can be spent.
  const isWhole = state.integrity === 'intact';
  const funds = offlineFunds(isWhole ? state.allowances : [], state.payments, Math.floor(nowMs / 1000));
  const elsewhere = state.view?.allowances.some(
    (cloud) =>
      cloud.status === 'active' &&
      BigInt(cloud.reservedMinor) > 0n &&
      !state.allowances.some((own) => own.id === cloud.id),
  );
  const paymentsLeft = fewPaymentsLeft(funds.spendable);
  const firstEnd = Math.min(...funds.spendable.map((one) => one.notAfter));
  return (
    <article class="card card-offline" aria-label={t('home.offline_wallet')}>
      <header>
        <h2>{t('home.offline_wallet')}</h2>
        <span class="chip">{t(isWhole ? 'home.works_offline' : 'offline.state_frozen')}</span>
      </header>
      <Money minor={funds.spendableMinor} currency={currency} testId="offline-balance" class="balance" />
      <p class="card-note">
        {funds.spendable.length === 0
          ? t('home.offline_empty')
          : t(funds.spendable.length === 1 ? 'home.usable_until' : 'home.first_ends', {
              when: deadline(firstEnd * 1000),
            })}
      </p>
      {paymentsLeft !== null && (
        <p class="card-note" data-testid="few-payments">
          {t('home.few_payments', { left: String(paymentsLeft) })}
        </p>
      )}
      {funds.heldMinor > 0n && (
        <p class="card-note" data-testid="held">
          {t('home.held')} <Bdi>{money(funds.heldMinor, currency)}</Bdi>
        </p>
      )}
      {funds.returningMinor > 0n && (
        <p class="card-note" data-testid="returning">
          {t('home.returning')} <Bdi>{money(funds.returningMinor, currency)}</Bdi>
        </p>
      )}
      {elsewhere === true && (
        <p class="card-note">
          {t('home.elsewhere')} <a href="#/phones">{t('home.elsewhere_link')}</a>
        </p>
      )}
      <div class="card-actions">
        <LinkButton to="load" kind="card" icon="down" testId="load-link">
          {t('home.load')}
        </LinkButton>
        <LinkButton to="offline" kind="card" icon="up" testId="offline-link">
          {t('home.manage')}
        </LinkButton>
      </div>
    </article>
  );
}

function OnlineCard({ state }: { state: WalletState }) {
  const currency = currencyOf(state);
  return (
    <article class="card card-online" aria-label={t('home.online_wallet')}>
      <header>
        <h2>{t('home.online_wallet')}</h2>
        <span class="chip">{t('home.needs_internet')}</span>
      </header>
      {state.view === null ? (
        <p class="balance balance-unknown" data-testid="online-balance">
          {state.syncing ? <span class="skeleton" aria-label={t('common.loading')} /> : '—'}
        </p>
      ) : (
        <Money
          minor={BigInt(state.view.onlineMinor)}
          currency={currency}
          testId="online-balance"
          class="balance"
        />
      )}
      <p class="card-note">{t('home.online_note')}</p>
      <div class="card-actions">
        <LinkButton to="topup" icon="plus" testId="topup-link">
          {t('home.top_up')}
        </LinkButton>
        <LinkButton to="transfer" icon="send" testId="transfer-link">
          {t('home.send')}
        </LinkButton>
        <LinkButton to="withdraw" icon="up" testId="withdraw-link">
          {t('home.withdraw')}
        </LinkButton>
      </div>
    </article>
  );
}
