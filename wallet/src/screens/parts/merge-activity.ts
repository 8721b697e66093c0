/** One list out of two: what the cloud booked and what this phone signed. An offline payment stands in it once. */
import type { HistoryItem } from '@tikiwallet/server/contract';
import type { StoredPayment, StoredRefund } from '../../store/schema.ts';

export type ActivityItem =
  | { readonly source: 'phone'; readonly id: string; readonly atMs: number; readonly payment: StoredPayment }
  | { readonly source: 'refund'; readonly id: string; readonly atMs: number; readonly refund: StoredRefund }
  | { readonly source: 'cloud'; readonly id: string; readonly atMs: number; readonly item: HistoryItem };

/** Newest first. */
export function mergeActivity(
  payments: readonly StoredPayment[],
  refunds: readonly StoredRefund[],
  history: readonly HistoryItem[],
): readonly ActivityItem[] {
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
  for (const item of history) {
    // The phone knows more of its own payment: the shop's name, the receipt.
    if (item.kind === 'offline_payment' && item.paymentHash !== null && onPhone.has(item.paymentHash))
      continue;
    merged.push({ source: 'cloud', id: item.id, atMs: Date.parse(item.at), item });
  }
  return merged.toSorted((a, b) => b.atMs - a.atMs);
}
