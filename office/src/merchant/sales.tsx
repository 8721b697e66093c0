/** What came in: the figures of a span of days, the days as bars, and every sale. */
import type { MerchantSummary, SalesDay, SaleView } from '@tikiwallet/server/contract';
import { Bdi, Field, Icon, money, shortWhen } from '@tikiwallet/wallet/look';
import { useEffect, useState } from 'preact/hooks';
import { type Key, t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { BarChart } from '../parts/bar-chart.tsx';
import { isThere, Shown, useLoad, usePages } from '../parts/load.tsx';
import { Area, Chip, Figure, PagedList, Panel, Sum } from '../parts/pieces.tsx';
import { SALE_STATES } from '../parts/sale-states.ts';

const SPANS = [1, 7, 30] as const;
type Span = (typeof SPANS)[number];
const SPAN_NAMES: Readonly<Record<Span, Key>> = {
  1: 'sales.today',
  7: 'sales.week',
  30: 'sales.month',
};

export function Sales() {
  const { office } = useOffice();
  const [span, setSpan] = useState<Span>(7);
  const figures = useLoad('figures', async () => {
    const [summary, { days }] = await Promise.all([office.api.summary(), office.api.salesDays(30)]);
    return { summary, days };
  });
  return (
    <Area title={t('sales.title')} testId="sales">
      <fieldset class="segments spans">
        <legend class="sr-only">{t('sales.span')}</legend>
        {SPANS.map((one) => (
          <label key={one} class="segment">
            <input
              type="radio"
              name="span"
              value={one}
              checked={one === span}
              onChange={() => setSpan(one)}
            />
            <span>{t(SPAN_NAMES[one])}</span>
          </label>
        ))}
      </fieldset>
      <div class="figures-place">
        <Shown of={figures} lines={5}>
          {({ summary, days }) => <Figures summary={summary} days={days.slice(-span)} span={span} />}
        </Shown>
      </div>
      {isThere(figures) && <SaleList />}
    </Area>
  );
}

const total = (days: readonly SalesDay[], name: 'settledMinor' | 'refundedMinor' | 'unpaidMinor') =>
  days.reduce((sum, day) => sum + BigInt(day[name]), 0n);
const number = (days: readonly SalesDay[], name: 'settledCount' | 'refundedCount' | 'unpaidCount') =>
  days.reduce((sum, day) => sum + day[name], 0);

/** A picture of nothing says less than a sentence. */
const hasMoved = (day: SalesDay) => day.settledCount + day.refundedCount + day.unpaidCount > 0;

function Figures({
  summary,
  days,
  span,
}: {
  summary: MerchantSummary;
  days: readonly SalesDay[];
  span: Span;
}) {
  const { currency } = summary;
  const unpaid = number(days, 'unpaidCount');
  return (
    <>
      <dl class="figures">
        <Figure
          label={t('sales.settled')}
          testId="settled"
          value={<Sum minor={total(days, 'settledMinor')} currency={currency} />}
        >
          {t('sales.count', { count: number(days, 'settledCount') })}
        </Figure>
        <Figure
          label={t('sales.given_back')}
          testId="given-back"
          value={<Sum minor={total(days, 'refundedMinor')} currency={currency} />}
        >
          {BigInt(summary.waitingRefundsMinor) > 0n
            ? t('sales.waiting_refunds', { amount: money(summary.waitingRefundsMinor, currency) })
            : t('sales.refunds', { count: number(days, 'refundedCount') })}
        </Figure>
        <Figure
          label={t('sales.balance')}
          testId="balance"
          value={<Sum minor={summary.availableMinor} currency={currency} />}
        >
          {unpaid > 0
            ? t('sales.unpaid_count', { count: unpaid, amount: money(total(days, 'unpaidMinor'), currency) })
            : t('sales.balance_note')}
        </Figure>
      </dl>
      {span > 1 && (
        <Panel title={t('sales.by_day')} testId="chart">
          {days.some(hasMoved) ? (
            <BarChart days={days} currency={currency} />
          ) : (
            <p class="muted" data-testid="nothing-moved">
              {t('sales.none_in_days')}
            </p>
          )}
        </Panel>
      )}
    </>
  );
}

/** Letters are asked for when the fingers have come to rest. */
const TYPING_MS = 350;

function SaleList() {
  const { office } = useOffice();
  const [typed, setTyped] = useState('');
  const [search, setSearch] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const pages = usePages(`sales ${search}`, (cursor) => office.api.sales({ cursor, search }));
  return (
    <section class="stack">
      <h2>{t('sales.all')}</h2>
      <Field
        label={t('sales.search')}
        value={typed}
        onInput={setTyped}
        hint={t('sales.search_hint')}
        testId="sales-search"
        input={{ type: 'search', inputMode: 'text', autoComplete: 'off', maxLength: 64, dir: 'ltr' }}
        suffix={
          <span class="field-icon">
            <Icon name="search" size={22} />
          </span>
        }
      />
      <PagedList
        pages={pages}
        keyOf={(sale) => sale.paymentHash}
        draw={(sale) => <SaleLine sale={sale} />}
        empty={{
          icon: 'activity',
          title: search === '' ? t('sales.none') : t('sales.none_found'),
          text: search === '' ? t('sales.none_text') : t('sales.none_found_text'),
        }}
        testId="sale-list"
      />
    </section>
  );
}

function SaleLine({ sale }: { sale: SaleView }) {
  const { tone, name } = SALE_STATES[sale.state];
  const isBack = BigInt(sale.refundedMinor) > 0n;
  return (
    <div class="line" data-testid="sale" data-state={sale.state}>
      <span class="line-main">
        <span class="line-title">
          {t('sales.receipt', { number: sale.sequence })} · <bdi>{sale.kioskName}</bdi>
        </span>
        <span class="line-note">
          {shortWhen(Date.parse(sale.acceptedAt), Date.now())} · <Bdi class="whole">{sale.maskedPhone}</Bdi>
        </span>
        <Bdi class="code line-hash">{sale.paymentHash.slice(0, 16)}</Bdi>
      </span>
      <span class="line-end">
        <span class="line-amount">
          <Sum minor={sale.amountMinor} currency={sale.currency} />
        </span>
        {isBack && (
          <span class="line-note">
            {t('sales.given_back')} <Sum minor={sale.refundedMinor} currency={sale.currency} />
          </span>
        )}
        <Chip tone={tone}>{t(name)}</Chip>
      </span>
    </div>
  );
}
