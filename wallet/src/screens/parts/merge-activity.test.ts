/** The list of what came and went: each thing once, and what came to nothing as what it is. */
import type { HistoryItem, TopUp, Withdrawal } from '@tikiwallet/server/contract';
import { expect, test } from 'vitest';
import { mergeActivity } from './merge-activity.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();
const entry = (changes: Partial<HistoryItem>): HistoryItem => ({
  id: '1',
  kind: 'top_up',
  amountMinor: '500',
  currency: 'SGD',
  counterparty: null,
  note: null,
  at: at(0),
  paymentHash: null,
  orderId: null,
  ...changes,
});
const topUp = (id: string, status: TopUp['status']): TopUp => ({
  id,
  status,
  amountMinor: '500',
  currency: 'SGD',
  checkoutUrl: null,
  takenBackMinor: '0',
  createdAt: at(1),
});
const withdrawal = (id: string): Withdrawal => ({
  id,
  status: 'paid',
  amountMinor: '500',
  feeMinor: '50',
  netMinor: '450',
  currency: 'SGD',
  bankName: 'Bank',
  last4: '6789',
  failure: null,
  createdAt: at(2),
  finishedAt: null,
  code: null,
});
const merge = (parts: { history?: HistoryItem[]; topUps?: TopUp[]; withdrawals?: Withdrawal[] }) =>
  mergeActivity({
    payments: [],
    refunds: [],
    history: parts.history ?? [],
    orders: { topUps: parts.topUps ?? [], withdrawals: parts.withdrawals ?? [] },
  }).map(({ source, id }) => `${source} ${id}`);

test('a withdrawal stands once: by its order, which says how it stands, else by its entry', () => {
  const history = [entry({ id: '7', kind: 'withdrawal', amountMinor: '-500', orderId: 'w' })];
  expect(merge({ history, withdrawals: [withdrawal('w')] })).toEqual(['withdrawal w']);
  expect(merge({ history })).toEqual(['cloud 7']);
});

test('top-ups that brought nothing stand beside those that did, and none stands twice', () => {
  const topUps = [
    topUp('a', 'failed'),
    topUp('b', 'expired'),
    topUp('c', 'cancelled'),
    topUp('d', 'awaiting_payment'),
    topUp('e', 'succeeded'),
    topUp('f', 'disputed'),
  ];
  const listed = merge({ topUps, history: [entry({ id: '9', orderId: 'e' })] });
  expect(listed).toEqual(['top_up a', 'top_up b', 'top_up c', 'top_up d', 'cloud 9']);
});
