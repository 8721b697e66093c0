/** The list of what came and went, each with its state in words and not by colour alone. */
import type { HistoryItem } from '@tikiwallet/server/contract';
import { dayHeading, money, shortWhen, time } from '../../i18n/format.ts';
import type { Key } from '../../i18n/locales.ts';
import { t } from '../../i18n/translate.ts';
import type { PaymentState } from '../../store/schema.ts';
import { shownState } from '../../pay/allowance-choice.ts';
import { useWallet } from './context.ts';
import { Icon, type IconName } from './icons.tsx';
import type { ActivityItem } from './merge-activity.ts';
import { TopUpEntry, WithdrawalEntry } from './order-entries.tsx';
import { RefundEntry } from './refund-parts.tsx';
import { ShopName } from './shop-name.tsx';
import { Bdi } from './ui.tsx';

export const STATE_LABEL: Readonly<Record<PaymentState | 'released', Key>> = {
  signed: 'state.signed',
  unconfirmed: 'state.unconfirmed',
  refused: 'state.refused',
  paid: 'state.paid',
  settled: 'state.settled',
  released: 'state.released',
};

const KIND: Readonly<Record<string, { readonly label: Key; readonly icon: IconName }>> = {
  top_up: { label: 'kind.top_up', icon: 'plus' },
  transfer_in: { label: 'kind.transfer_in', icon: 'down' },
  transfer_out: { label: 'kind.transfer_out', icon: 'send' },
  allowance_loaded: { label: 'kind.allowance_loaded', icon: 'down' },
  allowance_returned: { label: 'kind.allowance_returned', icon: 'up' },
  offline_payment: { label: 'kind.offline_payment', icon: 'shop' },
  sale: { label: 'kind.sale', icon: 'shop' },
  debt_recovered: { label: 'kind.debt_recovered', icon: 'shop' },
  refund_received: { label: 'kind.refund_received', icon: 'down' },
  refund_given: { label: 'kind.refund_given', icon: 'up' },
  top_up_refunded: { label: 'kind.top_up_refunded', icon: 'up' },
  top_up_disputed: { label: 'kind.top_up_disputed', icon: 'lock' },
  dispute_won: { label: 'kind.dispute_won', icon: 'down' },
  withdrawal: { label: 'kind.withdrawal', icon: 'up' },
  withdrawal_returned: { label: 'kind.withdrawal_returned', icon: 'down' },
  correction: { label: 'kind.correction', icon: 'activity' },
};

/** What is booked has settled. */
const BOOKED_STATE: Readonly<Record<string, string>> = {
  offline_payment: 'settled',
  refund_received: 'refund_settled',
};

export function kindOf({ kind, reason }: Pick<HistoryItem, 'kind' | 'reason'>): {
  readonly label: Key;
  readonly icon: IconName;
} {
  if (kind === 'correction' && reason === 'refund_failed')
    return { label: 'kind.top_up_refund_failed', icon: 'down' };
  return KIND[kind] ?? { label: 'kind.correction', icon: 'activity' };
}

export function ActivityList({ items, grouped }: { items: readonly ActivityItem[]; grouped: boolean }) {
  if (!grouped)
    return (
      <ul class="list">
        {items.map((item) => (
          <Entry key={item.id} item={item} withDay />
        ))}
      </ul>
    );
  const days = new Map<string, ActivityItem[]>();
  for (const item of items) {
    const day = dayHeading(item.atMs);
    days.set(day, [...(days.get(day) ?? []), item]);
  }
  return (
    <>
      {[...days].map(([day, entries]) => (
        <section key={day}>
          <h2 class="day">{day}</h2>
          <ul class="list">
            {entries.map((item) => (
              <Entry key={item.id} item={item} withDay={false} />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function Entry({ item, withDay }: { item: ActivityItem; withDay: boolean }) {
  const { state } = useWallet();
  const when = withDay ? shortWhen(item.atMs, Date.now()) : time(item.atMs);
  if (item.source === 'phone') {
    const { payment } = item;
    const shown = shownState(payment, state.allowances);
    return (
      <li>
        <a
          class="entry"
          href={`#/activity/${item.id}`}
          data-testid="history-item"
          data-state={shown}
          data-kind="offline_payment"
        >
          <span class={`entry-icon entry-${shown}`}>
            <Icon name="shop" size={22} />
          </span>
          <span class="entry-main">
            <ShopName class="entry-title" name={payment.merchantName} />
            <span class={`entry-state state-${shown}`}>{t(STATE_LABEL[shown])}</span>
          </span>
          <span class="entry-end">
            <Bdi class="entry-amount">−{money(payment.amountMinor, payment.currency)}</Bdi>
            <span class="muted">{when}</span>
          </span>
        </a>
      </li>
    );
  }
  if (item.source === 'refund') return <RefundEntry refund={item.refund} when={when} />;
  if (item.source === 'top_up') return <TopUpEntry topUp={item.topUp} when={when} />;
  if (item.source === 'withdrawal') return <WithdrawalEntry withdrawal={item.withdrawal} when={when} />;
  const { item: booked } = item;
  const isIn = !booked.amountMinor.startsWith('-');
  const { label, icon } = kindOf(booked);
  return (
    <li>
      <a
        class="entry"
        href={`#/activity/${encodeURIComponent(item.id)}`}
        data-testid="history-item"
        data-state={BOOKED_STATE[booked.kind] ?? 'done'}
        data-kind={booked.kind}
      >
        <span class="entry-icon">
          <Icon name={icon} size={22} />
        </span>
        <span class="entry-main">
          <span class="entry-title">{t(label)}</span>
          <span class="entry-state muted">
            {booked.counterparty === null ? booked.note : <bdi>{booked.counterparty}</bdi>}
          </span>
        </span>
        <span class="entry-end">
          <Bdi class={isIn ? 'entry-amount entry-in' : 'entry-amount'}>
            {isIn ? '+' : '−'}
            {money(booked.amountMinor, booked.currency)}
          </Bdi>
          <span class="muted">{when}</span>
        </span>
      </a>
    </li>
  );
}
