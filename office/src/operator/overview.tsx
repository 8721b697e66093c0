/** How the installation is: what needs a person, the providers, and the books counted anew on request. */
import type {
  DamageView,
  DifferenceView,
  OperatorOverview,
  ReconciliationView,
} from '@tikiwallet/server/contract';
import {
  Bdi,
  Button,
  dateTime,
  ErrorNotice,
  money,
  Notice,
  relative,
  useAction,
} from '@tikiwallet/wallet/look';
import { useState } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import type { Page } from '../endpoints.ts';
import { useOffice } from '../office.ts';
import { grouped } from '../parts/figures.ts';
import { isThere, Shown, useLoad } from '../parts/load.tsx';
import { Area, Chip, Figure, Panel, Sum } from '../parts/pieces.tsx';

export function Overview() {
  const { office } = useOffice();
  const overview = useLoad('overview', () => office.api.operator.overview());
  return (
    <Area
      title={t('overview.title')}
      testId="overview"
      actions={
        <Button kind="plain" busy={overview.busy && overview.value !== null} onClick={overview.reload}>
          {t('office.look_again')}
        </Button>
      }
    >
      <Shown of={overview} lines={6}>
        {(view) => (
          <>
            <Attention view={view} />
            <dl class="figures">
              <Figure label={t('overview.customers')} value={grouped(view.customerCount)}>
                {t('overview.suspended', { count: view.suspendedCount })}
              </Figure>
              <Figure label={t('overview.merchants')} value={grouped(view.merchantCount)} />
              <Figure label={t('overview.kiosks')} value={grouped(view.kiosks.active)}>
                {t('overview.kiosks_note', {
                  silent: view.kiosks.silent,
                  suspended: view.kiosks.suspended,
                  awaiting: view.kiosks.awaiting,
                  denied: view.kiosks.denied,
                })}
              </Figure>
              <Figure
                label={t('overview.guarantee')}
                value={<Sum minor={view.guarantee.usedMonthMinor} currency={view.currency} />}
              >
                {t('overview.of', { amount: money(view.guarantee.monthMinor, view.currency) })}
              </Figure>
            </dl>
            <div class="two-panels">
              <Stripe view={view.stripe} />
              <Sms view={view.sms} />
            </div>
          </>
        )}
      </Shown>
      {isThere(overview) && <Reconciliation />}
    </Area>
  );
}

/** What a person has to look at, first and in one place. */
function Attention({ view }: { view: OperatorOverview }) {
  const items = [
    { count: view.kiosks.quarantined, text: t('overview.quarantined', { count: view.kiosks.quarantined }) },
    { count: view.kiosks.cannotSeal, text: t('overview.cannot_seal', { count: view.kiosks.cannotSeal }) },
    { count: view.openCaseCount, text: t('overview.open_cases', { count: view.openCaseCount }) },
    {
      count: view.claimsNotCoveredCount,
      text: t('overview.not_covered', { count: view.claimsNotCoveredCount }),
    },
  ].filter(({ count }) => count > 0);
  if (items.length === 0) {
    return (
      <Notice tone="ok" icon="check" testId="attention">
        <p>{t('overview.all_well')}</p>
      </Notice>
    );
  }
  return (
    <Notice tone="warn" icon="alert" title={t('overview.attention')} testId="attention">
      <ul class="bullets">
        {items.map(({ text }) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      <a href="#/cases">{t('overview.to_cases')}</a>
    </Notice>
  );
}

function Stripe({ view }: { view: OperatorOverview['stripe'] }) {
  return (
    <Panel title="Stripe" testId="stripe">
      <Chip tone={view.isReachable ? 'ok' : 'bad'}>
        {view.isReachable ? t('overview.answers') : t('overview.silent')}
      </Chip>
      <dl class="rows">
        <div class="row">
          <dt>{t('overview.last_event')}</dt>
          <dd>
            {view.lastEventAt === null
              ? t('kiosks.never')
              : relative(Date.parse(view.lastEventAt), Date.now())}
          </dd>
        </div>
        <div class="row">
          <dt>{t('overview.open_top_ups')}</dt>
          <dd>{grouped(view.openTopUpCount)}</dd>
        </div>
        <div class="row">
          <dt>{t('overview.open_withdrawals')}</dt>
          <dd>{grouped(view.openWithdrawalCount)}</dd>
        </div>
      </dl>
      {view.isStandIn && <p class="muted">{t('overview.stand_in_money')}</p>}
    </Panel>
  );
}

function Sms({ view }: { view: OperatorOverview['sms'] }) {
  const share = view.sentCount / view.dayBudget;
  return (
    <Panel title="SMS" testId="sms">
      <Chip tone={share < 0.8 ? 'ok' : share < 1 ? 'warn' : 'bad'}>
        {t(
          share < 0.8
            ? 'overview.within_budget'
            : share < 1
              ? 'overview.near_budget'
              : 'overview.budget_used',
        )}
      </Chip>
      <dl class="rows">
        <div class="row">
          <dt>{t('overview.sms_sent')}</dt>
          <dd>
            <Bdi>
              {grouped(view.sentCount)} / {grouped(view.dayBudget)}
            </Bdi>
          </dd>
        </div>
      </dl>
      <progress
        class="meter"
        max={view.dayBudget}
        value={Math.min(view.sentCount, view.dayBudget)}
        aria-label={t('overview.sms_sent')}
      />
      {view.isStandIn && <p class="muted">{t('overview.stand_in_sms')}</p>}
    </Panel>
  );
}

function Reconciliation() {
  const { office } = useOffice();
  const [result, setResult] = useState<ReconciliationView | null>(null);
  const action = useAction();
  return (
    <Panel title={t('books.title')} lead={t('books.lead')} testId="books">
      {action.code !== null && <ErrorNotice code={action.code} />}
      {result !== null && <Result result={result} />}
      <Button
        kind="plain"
        busy={action.busy}
        testId="reconcile"
        onClick={() => action.run(async () => setResult(await office.api.operator.reconcile()))}
      >
        {t('books.count')}
      </Button>
    </Panel>
  );
}

const DAMAGE_WORDS = {
  kiosk_certificate: 'books.damage_kiosk',
  sale: 'books.damage_sale',
  refund: 'books.damage_refund',
} as const;

/** Which till and which sale, and what a person does about it. */
function Damage({ result }: { result: ReconciliationView }) {
  const { office } = useOffice();
  const [later, setLater] = useState<Page<DamageView> | null>(null);
  const action = useAction();
  const damage = [...result.damage, ...(later?.items ?? [])];
  const cursor = later === null ? result.nextDamageCursor : later.nextCursor;
  const more = () =>
    action.run(async () => {
      const page = await office.api.operator.damage(cursor);
      setLater({ items: [...(later?.items ?? []), ...page.items], nextCursor: page.nextCursor });
    });
  return (
    <Notice tone="bad" icon="alert" title={t('books.damage')} testId="damage">
      <p>{t('books.damage_text')}</p>
      <ul class="bullets">
        {damage.map((one) => (
          <li
            key={`${one.what} ${one.kioskId} ${one.receipt}`}
            data-testid="damage-item"
            data-what={one.what}
          >
            <p class="strong">{t(DAMAGE_WORDS[one.what])}</p>
            <p>
              <bdi>{one.kioskName}</bdi> · <bdi>{one.businessName}</bdi>
              {one.receipt !== null && <> · {t('sales.receipt', { number: one.receipt })}</>}
            </p>
            <p class="muted">
              <Bdi class="line-hash">{one.paymentHash ?? one.allowanceId ?? one.kioskId}</Bdi>
            </p>
          </li>
        ))}
      </ul>
      {action.code !== null && <ErrorNotice code={action.code} />}
      {cursor !== null && (
        <Button kind="plain" busy={action.busy} onClick={more} testId="damage-more">
          {t('office.more')}
        </Button>
      )}
      <p>
        {t('books.damage_runbook')} <Bdi class="line-hash">docs/runbooks/reconcile-differs.md</Bdi>
      </p>
    </Notice>
  );
}

const DIFFERENCE_WORDS = {
  pay_outs_in_transit: 'books.differ_transit',
  on_the_way_to_banks: 'books.differ_banks',
  held_for_us: 'books.differ_held',
  account_at_stripe: 'books.differ_account',
} as const;

/** What was compared, and the two sums that ought to be one. */
export function Differences({
  differences,
  currency,
}: {
  differences: readonly DifferenceView[];
  currency: string;
}) {
  return (
    <ul class="bullets bad-line" data-testid="differences">
      {differences.map(({ code, accountId, expectedMinor, foundMinor }) => (
        <li key={`${code} ${accountId}`} data-code={code}>
          {t(DIFFERENCE_WORDS[code])}
          {accountId !== null && (
            <>
              {' '}
              <Bdi class="line-hash">{accountId}</Bdi>
            </>
          )}
          : <Sum minor={expectedMinor} currency={currency} /> ≠ <Sum minor={foundMinor} currency={currency} />
        </li>
      ))}
    </ul>
  );
}

function Result({ result }: { result: ReconciliationView }) {
  const { currency, differences } = result;
  const rows = [
    [t('books.transfers'), result.transferCount],
    [t('books.entries'), result.entryCount],
    [t('books.wrong_balances'), result.wrongBalanceCount],
    [t('books.unbalanced'), result.unbalancedTransferCount],
    [t('books.orphans'), result.orphanEntryCount],
    [t('books.refund_faults'), result.refundFaultCount],
  ] as const;
  return (
    <div class="stack" role="status" data-testid="books-result" data-sound={result.isSound}>
      <Chip tone={result.isSound ? 'ok' : 'bad'}>
        {result.isSound ? t('books.sound') : t('books.not_sound')}
      </Chip>
      <dl class="rows">
        {rows.map(([name, count]) => (
          <div key={name} class="row">
            <dt>{name}</dt>
            <dd>{grouped(count)}</dd>
          </div>
        ))}
        {result.sums.map((sum) => (
          <div key={sum.currency} class="row">
            <dt>{t('books.sum')}</dt>
            <dd>
              <Sum minor={sum.sumMinor} currency={sum.currency} />
            </dd>
          </div>
        ))}
      </dl>
      {differences === null && <p class="warn-text">{t('books.no_answer')}</p>}
      {differences?.length === 0 && <p>{t('books.agrees')}</p>}
      {differences !== null && differences.length > 0 && (
        <Differences differences={differences} currency={currency} />
      )}
      {result.damage.length > 0 && <Damage key={result.at} result={result} />}
      <p class="muted">{dateTime(Date.parse(result.at))}</p>
    </div>
  );
}
