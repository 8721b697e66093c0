/** Stripe's events and objects in our words. Pure. */
import type Stripe from 'stripe';
import { Uuid } from '../../contract/index.ts';
import type { DisputeState } from '../db/schema/money.ts';
import type { CardRefund, ConnectedAccount, EventOf, MoneyEvent } from './port.ts';
import { fromStripe } from './stripe-amounts.ts';
import type { WithdrawalFact } from './withdrawals/facts.ts';

interface EventName {
  readonly eventId: string;
  readonly eventType: string;
}

/** What `translate` understands of our own account's events, for asking about those that were lost. */
export const EVENT_TYPES = [
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'checkout.session.expired',
  'charge.refunded',
  'refund.created',
  'refund.updated',
  'refund.failed',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
  'transfer.created',
  'transfer.reversed',
] as const;

export function translate(event: Stripe.Event): MoneyEvent {
  const name = { eventId: event.id, eventType: event.type };
  return event.account === undefined ? ofOurs(event, name) : ofSomebodys(event, event.account, name);
}

/** What happened in our own account: money paid to us, and sent by us. */
function ofOurs(event: Stripe.Event, name: EventName): MoneyEvent {
  switch (event.type) {
    case 'checkout.session.completed':
    case 'checkout.session.async_payment_succeeded':
      return paidEvent(event.data.object, name);
    case 'checkout.session.async_payment_failed':
      return closedEvent('checkout_failed', event.data.object, name);
    case 'checkout.session.expired':
      return closedEvent('checkout_expired', event.data.object, name);
    case 'charge.refunded':
      return refundedEvent(event.data.object, [], name);
    case 'refund.created':
    case 'refund.updated':
    case 'refund.failed':
      return refundedEvent(event.data.object, [cardRefund(event.data.object)], name);
    case 'charge.dispute.created':
    case 'charge.dispute.updated':
    case 'charge.dispute.closed':
    case 'charge.dispute.funds_withdrawn':
    case 'charge.dispute.funds_reinstated':
      return disputedEvent(event.data.object, name, saidAt(event));
    case 'transfer.created':
      return factEvent(event.data.object.metadata, transferFact(event.data.object), name);
    case 'transfer.reversed':
      return factEvent(event.data.object.metadata, reversalFact(event.data.object), name);
    case 'account.updated':
      return { kind: 'account_changed', account: readConnected(event.data.object), ...name };
    default:
      // A pay-out, too: it is our own, to our own bank.
      return { kind: 'other', ...name };
  }
}

/** What happened in a person's account. What was paid there, or sent from there, is none of our money, whatever it refers to. */
function ofSomebodys(event: Stripe.Event, accountId: string, name: EventName): MoneyEvent {
  switch (event.type) {
    case 'payout.created':
    case 'payout.updated':
    case 'payout.paid':
    case 'payout.failed':
    case 'payout.canceled':
      return factEvent(event.data.object.metadata, payoutFact(event.data.object, accountId), name);
    case 'account.updated':
      return { kind: 'account_changed', account: readConnected(event.data.object), ...name };
    default:
      return { kind: 'other', ...name };
  }
}

export function paidEvent(session: Stripe.Checkout.Session, name: EventName): MoneyEvent {
  const { amount_total: amount, currency } = session;
  const topUpId = topUpOf(session);
  // Bank debits complete first and are paid, or not, days later.
  if (session.payment_status !== 'paid' || topUpId === null || amount === null || currency === null) {
    return { kind: 'other', ...name };
  }
  return {
    kind: 'checkout_paid',
    ...name,
    checkoutId: session.id,
    topUpId,
    amountMinor: fromStripe(amount, currency),
    currency: currency.toUpperCase(),
    paymentId: idOf(session.payment_intent),
  };
}

export function closedEvent(
  kind: 'checkout_failed' | 'checkout_expired',
  session: Stripe.Checkout.Session,
  name: EventName,
): MoneyEvent {
  const topUpId = topUpOf(session);
  if (topUpId === null) return { kind: 'other', ...name };
  return { kind, ...name, checkoutId: session.id, topUpId };
}

/** Null for a checkout that another system on the same Stripe account made: its references are not our ids. */
function topUpOf(session: Stripe.Checkout.Session): string | null {
  return Uuid.safeParse(session.client_reference_id).data ?? null;
}

function saidAt(event: Stripe.Event): Date {
  return new Date(event.created * 1000);
}

/** Which of its refunds stand, a charge does not say; and a refund's own event says nothing of the others. */
function refundedEvent(
  about: Pick<Stripe.Charge | Stripe.Refund, 'payment_intent' | 'currency'>,
  refunds: readonly CardRefund[],
  name: EventName,
): MoneyEvent {
  const paymentId = idOf(about.payment_intent);
  if (paymentId === null) return { kind: 'other', ...name };
  return { kind: 'payment_refunded', ...name, paymentId, currency: about.currency.toUpperCase(), refunds };
}

/** One that waits, for the bank or for its customer, has left our balance already. */
export function cardRefund({ id, amount, currency, status }: Stripe.Refund): CardRefund {
  const hasFailed = status === 'failed' || status === 'canceled';
  return { refundId: id, amountMinor: fromStripe(amount, currency), hasFailed };
}

function disputedEvent(dispute: Stripe.Dispute, name: EventName, at: Date): MoneyEvent {
  const paymentId = idOf(dispute.payment_intent);
  const state = disputeState(dispute.status);
  if (paymentId === null || state === null) return { kind: 'other', ...name };
  const event: EventOf<'payment_disputed'> = {
    kind: 'payment_disputed',
    ...name,
    paymentId,
    disputeId: dispute.id,
    amountMinor: fromStripe(dispute.amount, dispute.currency),
    currency: dispute.currency.toUpperCase(),
    state,
    saidAt: at,
  };
  return event;
}

/** Null for an inquiry and the like: the bank asks, and no money has been taken. */
function disputeState(status: Stripe.Dispute['status']): DisputeState | null {
  switch (status) {
    case 'needs_response':
    case 'under_review':
    case 'appeal_needs_response':
    case 'appeal_under_review':
      return 'open';
    case 'won':
      return 'won';
    case 'lost':
      return 'lost';
    default:
      return null;
  }
}

function factEvent(
  metadata: Stripe.Metadata | null,
  fact: WithdrawalFact | null,
  name: EventName,
): MoneyEvent {
  const withdrawalId = Uuid.safeParse(metadata?.['withdrawalId']).data;
  if (withdrawalId === undefined || fact === null) return { kind: 'other', ...name };
  return { kind: 'withdrawal_fact', ...name, withdrawalId, fact };
}

export function transferFact(transfer: Stripe.Transfer): WithdrawalFact | null {
  const accountId = idOf(transfer.destination);
  if (accountId === null) return null;
  return {
    type: 'transferred',
    transferId: transfer.id,
    accountId,
    amountMinor: fromStripe(transfer.amount, transfer.currency),
    currency: transfer.currency.toUpperCase(),
  };
}

/** Null unless all of it came back: we never recall a part. */
export function reversalFact(transfer: Stripe.Transfer): WithdrawalFact | null {
  return transfer.reversed ? { type: 'transfer_reversed', transferId: transfer.id } : null;
}

export function payoutFact(payout: Stripe.Payout, accountId: string): WithdrawalFact | null {
  const about = { payoutId: payout.id, accountId, amountMinor: fromStripe(payout.amount, payout.currency) };
  switch (payout.status) {
    case 'pending':
    case 'in_transit':
      return { type: 'paying', ...about };
    case 'paid':
      return { type: 'paid', ...about };
    case 'failed':
    case 'canceled':
      return { type: 'payout_failed', ...about, reason: payout.failure_code ?? payout.status };
    default:
      return null;
  }
}

export function readConnected(account: Stripe.Account): ConnectedAccount {
  const [bank] = account.external_accounts?.data ?? [];
  return {
    providerId: account.id,
    payoutsEnabled: account.payouts_enabled === true,
    detailsSubmitted: account.details_submitted === true,
    bank:
      bank?.object === 'bank_account'
        ? {
            id: bank.id,
            name: bank.bank_name ?? '',
            last4: bank.last4,
            fingerprint: bank.fingerprint ?? bank.id,
          }
        : null,
  };
}

/** Stripe names an object by its id, or puts it whole into the place. */
function idOf(value: string | { readonly id: string } | null | undefined): string | null {
  return typeof value === 'string' ? value : (value?.id ?? null);
}
