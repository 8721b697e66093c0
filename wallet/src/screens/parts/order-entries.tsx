/** What was ordered at the payment provider, with how it stands: top-ups that brought nothing, and withdrawals. */
import type { TopUp, TopUpStatus, Withdrawal, WithdrawalStatus } from '@tikiwallet/server/contract';
import { money } from '../../i18n/format.ts';
import type { Key } from '../../i18n/locales.ts';
import { t } from '../../i18n/translate.ts';
import { Icon, type IconName } from './icons.tsx';
import { Bdi } from './ui.tsx';

export const TOP_UP_STATE: Readonly<Record<TopUpStatus, Key>> = {
  awaiting_payment: 'topup.state_open',
  succeeded: 'topup.succeeded',
  failed: 'topup.failed',
  expired: 'topup.expired',
  cancelled: 'topup.given_up',
  refunded: 'kind.top_up_refunded',
  disputed: 'kind.top_up_disputed',
  charged_back: 'topup.charged_back',
};

export const WITHDRAWAL_STATE: Readonly<Record<WithdrawalStatus, Key>> = {
  awaiting_code: 'withdraw.awaiting_code',
  expired: 'withdraw.expired',
  on_its_way: 'withdraw.on_its_way',
  paid: 'withdraw.paid',
  coming_back: 'withdraw.coming_back',
  returned: 'withdraw.returned',
};

interface EntryProps {
  readonly href: string;
  readonly icon: IconName;
  readonly kind: string;
  readonly state: string;
  readonly title: string;
  readonly text: string;
  readonly amount: string;
  readonly when: string;
}

function OrderEntry({ href, icon, kind, state, title, text, amount, when }: EntryProps) {
  return (
    <li>
      <a class="entry" href={href} data-testid="history-item" data-state={state} data-kind={kind}>
        <span class="entry-icon">
          <Icon name={icon} size={22} />
        </span>
        <span class="entry-main">
          <span class="entry-title">{title}</span>
          <span class="entry-state muted">{text}</span>
        </span>
        <span class="entry-end">
          <Bdi class="entry-amount">{amount}</Bdi>
          <span class="muted">{when}</span>
        </span>
      </a>
    </li>
  );
}

export function TopUpEntry({ topUp, when }: { topUp: TopUp; when: string }) {
  const isOpen = topUp.status === 'awaiting_payment';
  const id = encodeURIComponent(topUp.id);
  return (
    <OrderEntry
      href={`#/topup-return/${id}${isOpen ? '~cancelled' : ''}`}
      icon={isOpen ? 'clock' : 'close'}
      kind="top_up"
      state={topUp.status}
      title={t('kind.top_up')}
      text={t(TOP_UP_STATE[topUp.status])}
      // Without a sign: nothing came.
      amount={money(topUp.amountMinor, topUp.currency)}
      when={when}
    />
  );
}

const MOVED: ReadonlySet<WithdrawalStatus> = new Set(['on_its_way', 'paid', 'coming_back', 'returned']);

export function WithdrawalEntry({ withdrawal, when }: { withdrawal: Withdrawal; when: string }) {
  const amount = money(withdrawal.amountMinor, withdrawal.currency);
  return (
    <OrderEntry
      href={`#/withdraw/${encodeURIComponent(withdrawal.id)}`}
      icon={withdrawal.status === 'paid' ? 'check' : 'up'}
      kind="withdrawal"
      state={withdrawal.status}
      title={t('kind.withdrawal')}
      text={t(WITHDRAWAL_STATE[withdrawal.status])}
      amount={MOVED.has(withdrawal.status) ? `−${amount}` : amount}
      when={when}
    />
  );
}
