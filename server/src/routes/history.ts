/** `GET /v1/history`: what came in and went out, newest first, read from the ledger. */
import { createRoute } from '@hono/zod-openapi';
import { shownMask } from '@tikiwallet/protocol';
import { HistoryItem, pageOf, PageQuery } from '../../contract/index.ts';
import type { RegisterRoutes } from '../context.ts';
import { problem } from '../http/problem.ts';
import { answers, bearer, refusals } from '../http/router.ts';
import { type HistoryEntry, type HistoryPlace, readHistory } from '../ledger/index.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/history',
  tags: ['wallet'],
  summary: 'Incoming and outgoing transactions',
  security: bearer,
  request: { query: PageQuery },
  responses: { 200: answers(pageOf(HistoryItem), 'A page, newest first'), ...refusals },
});

function kindOf(entry: HistoryEntry): HistoryItem['kind'] {
  switch (entry.kind) {
    case 'top_up':
      return 'top_up';
    case 'user_transfer':
      return entry.amountMinor > 0n ? 'transfer_in' : 'transfer_out';
    case 'allowance_load':
      return 'allowance_loaded';
    case 'allowance_return':
      return 'allowance_returned';
    case 'offline_payment':
    case 'offline_payments':
      return entry.accountKind === 'merchant_available' ? 'sale' : 'offline_payment';
    case 'offline_refund':
      return entry.accountKind === 'merchant_available' ? 'refund_given' : 'refund_received';
    case 'debt_recovery':
      return 'debt_recovered';
    case 'top_up_reversal':
      return entry.reference['reason'] === 'disputed' ? 'top_up_disputed' : 'top_up_refunded';
    case 'dispute_return':
      return 'dispute_won';
    case 'pay_out':
      return entry.accountKind === 'merchant_available' ? 'pay_out' : 'withdrawal';
    case 'pay_out_return':
      return entry.accountKind === 'merchant_available' ? 'pay_out_returned' : 'withdrawal_returned';
    // These four touch our own accounts only.
    case 'pay_out_sent':
    case 'pay_out_recalled':
    case 'pay_out_paid':
    case 'pay_out_unpaid':
    case 'opening':
    case 'fee':
    case 'correction':
      return 'correction';
  }
}

/** Kinds are a closed list to clients in the field; why is not. */
function isFailedRefund({ kind, reference }: HistoryEntry): boolean {
  return kind === 'correction' && reference['reason'] === 'refund_failed';
}

/**
 * References are written by whoever posts, one text for each side: `payerText` is how the payer appears to the payee,
 * `payeeText` the other way round.
 */
function toItem(entry: HistoryEntry): HistoryItem {
  const text = (name: string) => {
    const value = entry.reference[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const counterparty = text(entry.amountMinor > 0n ? 'payerText' : 'payeeText');
  return {
    id: nameOf(entry),
    kind: kindOf(entry),
    amountMinor: entry.amountMinor.toString(),
    currency: entry.currency,
    counterparty: counterparty === null ? null : shownMask(counterparty),
    note: text('note'),
    at: entry.createdAt.toISOString(),
    paymentHash: text('paymentHash'),
    orderId: text('withdrawalId') ?? text('topUpId'),
    ...(isFailedRefund(entry) ? { reason: 'refund_failed' } : {}),
  };
}

/** `123`, or `123-45` of an entry with many lines: the item's id, and the cursor behind it. Clients take both as they are. */
const nameOf = ({ entryId, place }: HistoryPlace) =>
  place === null ? entryId.toString() : `${entryId}-${place}`;

function readCursor(cursor: string | undefined): HistoryPlace | undefined {
  if (cursor === undefined) return undefined;
  if (!/^[1-9][0-9]{0,17}(-[1-9][0-9]{0,8})?$/.test(cursor))
    throw problem('request_invalid', { detail: 'cursor: not one of ours' });
  const [entryId = '', place] = cursor.split('-');
  return { entryId: BigInt(entryId), place: place === undefined ? null : Number(place) };
}

export const registerHistory: RegisterRoutes = (router, { asTenant, auth }) => {
  router.openapi(route, async (c) => {
    // A merchant's lines are its sales, which are the shop's rows.
    const { userId, merchantId } = await auth.requireUser(c);
    const { limit, cursor } = c.req.valid('query');
    const before = readCursor(cursor);
    const query = { holderId: userId, limit, ...(before === undefined ? {} : { before }) };
    const page = await asTenant({ userId, merchantId }, (tx) => readHistory(tx, query));
    const nextCursor = page.nextBefore === null ? null : nameOf(page.nextBefore);
    return c.json({ items: page.entries.map(toItem), nextCursor }, 200);
  });
};
