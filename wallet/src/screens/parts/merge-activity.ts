/**
 * One list out of three: what the cloud booked, what this phone signed, and what was ordered at the provider. An offline payment
 * and a withdrawal stand in it once.
 */
import type { HistoryItem, TopUp, Withdrawal } from '@tikiwallet/server/contract';
import type { StoredPayment, StoredRefund } from '../../store/schema.ts';
import type { WalletState } from '../../wallet-state.ts';

export type ActivityItem =
  | { readonly source: 'phone'; readonly id: string; readonly atMs: number; readonly payment: StoredPayment }
  | { readonly source: 'refund'; readonly id: string; readonly atMs: number; readonly refund: StoredRefund }
  | { readonly source: 'cloud'; readonly id: string; readonly atMs: number; readonly item: HistoryItem }
  | { readonly source: 'top_up'; readonly id: string; readonly atMs: number; readonly topUp: TopUp }
  | {
      readonly source: 'withdrawal';
      readonly id: string;
      readonly atMs: number;
      readonly withdrawal: Withdrawal;
    };

/** Top-ups that brought nothing have no entry in the history: they are shown by themselves. */
const WITHOUT_MONEY: ReadonlySet<TopUp['status']> = new Set([
  'awaiting_payment',
  'failed',
  'expired',
  'cancelled',
]);

/** Newest first. */
export function mergeActivity({
  payments,
  refunds,
  history,
  orders,
}: Pick<WalletState, 'payments' | 'refunds' | 'history' | 'orders'>): readonly ActivityItem[] {
  const onPhone = new Set(payments.map((payment) => payment.id));
  const merged: ActivityItem[] = payments.map((payment) => ({
    source: 'phone',
    id: payment.id,
    atMs: (payment.acceptedAt ?? payment.signedAt) * 1000,
    payment,
  }));
  for (const refund of refunds) {
    // Once it is booked, the cloud's entry stands for it.
    if (refund.state === 'settled') continue;
    merged.push({
      source: 'refund',
      id: refund.id,
      atMs: (refund.refundedAt ?? refund.signedAt) * 1000,
      refund,
    });
  }
  for (const topUp of orders.topUps) {
    if (!WITHOUT_MONEY.has(topUp.status)) continue;
    merged.push({ source: 'top_up', id: topUp.id, atMs: Date.parse(topUp.createdAt), topUp });
  }
  const ordered = new Set(orders.withdrawals.map(({ id }) => id));
  for (const withdrawal of orders.withdrawals) {
    const { id, createdAt } = withdrawal;
    merged.push({ source: 'withdrawal', id, atMs: Date.parse(createdAt), withdrawal });
  }
  for (const item of history) {
    // The order says how it stands; the entry says only that the money left.
    if (item.kind === 'withdrawal' && item.orderId !== null && ordered.has(item.orderId)) continue;
    // The phone knows more of its own payment: the shop's name, the receipt.
    if (item.kind === 'offline_payment' && item.paymentHash !== null && onPhone.has(item.paymentHash))
      continue;
    merged.push({ source: 'cloud', id: item.id, atMs: Date.parse(item.at), item });
  }
  return merged.toSorted((a, b) => b.atMs - a.atMs);
}
