/**
 * Stripe Connect behind our port: people's accounts, transfers to them, pay-outs to banks, and the way back.
 *
 * Owns: which of Stripe's answers are a definite refusal. Never: takes an unclear answer for one; whoever does pays twice.
 */
import Stripe from 'stripe';
import { type MoneyPort, type Ordered, ProviderUnavailable } from './port.ts';
import { payoutFact, readConnected, reversalFact, transferFact } from './stripe-events.ts';
import { asUnavailable } from './stripe-errors.ts';
import type { WithdrawalFact } from './withdrawals/facts.ts';
import { fromStripe, toStripe } from './stripe-amounts.ts';

type ConnectPort = Pick<
  MoneyPort,
  | 'openAccount'
  | 'onboardingLink'
  | 'readAccount'
  | 'sendToAccount'
  | 'payOut'
  | 'recall'
  | 'findFacts'
  | 'readOwnBalance'
  | 'readAccountBalance'
>;

const PAGE = 100;
/** Movements of our own balance that our ledger books, too. Fees and our own pay-outs are not among them. */
const BOOKED = new Set([
  'charge',
  'refund',
  'refund_failure',
  'dispute',
  'dispute_reversal',
  'transfer',
  'transfer_reversal',
]);

export function createStripeConnect(stripe: Stripe): ConnectPort {
  return {
    openAccount: ({ userId, isBusiness, country }) =>
      asking(async () => {
        const account = await stripe.accounts.create(
          {
            type: 'express',
            country,
            ...(isBusiness ? {} : { business_type: 'individual' as const }),
            capabilities: { transfers: { requested: true } },
            // Stripe pays out on its own schedule unless told otherwise: each of our withdrawals is one pay-out.
            settings: { payouts: { schedule: { interval: 'manual' } } },
            metadata: { userId },
          },
          { idempotencyKey: `account:${userId}` },
        );
        return readConnected(account);
      }),
    onboardingLink: ({ accountId, returnUrl, refreshUrl }) =>
      asking(async () => {
        const link = await stripe.accountLinks.create({
          account: accountId,
          type: 'account_onboarding',
          return_url: returnUrl,
          refresh_url: refreshUrl,
        });
        return { url: link.url, expiresAt: new Date(link.expires_at * 1000) };
      }),
    readAccount: (accountId) => asking(async () => readConnected(await stripe.accounts.retrieve(accountId))),
    sendToAccount: (order) =>
      ordering(async () =>
        transferFact(
          await stripe.transfers.create(
            {
              amount: toStripe(order.amountMinor, order.currency, 'pay_out'),
              currency: order.currency.toLowerCase(),
              destination: order.accountId,
              transfer_group: order.withdrawalId,
              metadata: { withdrawalId: order.withdrawalId },
            },
            { idempotencyKey: order.idempotencyKey },
          ),
        ),
      ),
    payOut: (order) =>
      ordering(async () =>
        payoutFact(
          await stripe.payouts.create(
            {
              amount: toStripe(order.amountMinor, order.currency, 'pay_out'),
              currency: order.currency.toLowerCase(),
              destination: order.bankId,
              metadata: { withdrawalId: order.withdrawalId },
            },
            { idempotencyKey: order.idempotencyKey, stripeAccount: order.accountId },
          ),
          order.accountId,
        ),
      ),
    recall: ({ transferId, amountMinor, currency, idempotencyKey }) =>
      ordering(async () => {
        await stripe.transfers.createReversal(
          transferId,
          { amount: toStripe(amountMinor, currency, 'pay_out') },
          { idempotencyKey },
        );
        return reversalFact(await stripe.transfers.retrieve(transferId));
      }),
    findFacts: (order) => asking(() => findFacts(stripe, order)),
    readOwnBalance: (currency) =>
      asking(async () => {
        let sum = 0n;
        const movements = stripe.balanceTransactions.list({
          currency: currency.toLowerCase(),
          limit: PAGE,
        });
        for await (const movement of movements)
          if (BOOKED.has(movement.reporting_category)) sum += fromStripe(movement.amount, currency);
        return sum;
      }),
    readAccountBalance: (accountId, currency) =>
      asking(async () => {
        const at = { stripeAccount: accountId };
        const { available, pending } = await stripe.balance.retrieve({}, at);
        let sum = 0n;
        for (const part of [...available, ...pending])
          if (part.currency.toUpperCase() === currency) sum += fromStripe(part.amount, currency);
        for (const status of ['pending', 'in_transit'] as const)
          for await (const payout of stripe.payouts.list({ status, limit: PAGE }, at))
            if (payout.currency.toUpperCase() === currency) sum += fromStripe(payout.amount, currency);
        return sum;
      }),
  };
}

async function findFacts(
  stripe: Stripe,
  { withdrawalId, accountId }: { readonly withdrawalId: string; readonly accountId: string },
): Promise<WithdrawalFact[]> {
  const transfers = await stripe.transfers.list({ transfer_group: withdrawalId, limit: PAGE });
  const facts = transfers.data.flatMap((transfer) => [transferFact(transfer), reversalFact(transfer)]);
  if (transfers.data.length === 0) return [];
  const since = Math.min(...transfers.data.map(({ created }) => created));
  const payouts = stripe.payouts.list({ created: { gte: since }, limit: PAGE }, { stripeAccount: accountId });
  for await (const payout of payouts)
    if (payout.metadata?.['withdrawalId'] === withdrawalId) facts.push(payoutFact(payout, accountId));
  return facts.filter((fact) => fact !== null);
}

async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw asUnavailable(cause);
  }
}

async function ordering(order: () => Promise<WithdrawalFact | null>): Promise<Ordered> {
  try {
    const fact = await order();
    if (fact === null) throw new ProviderUnavailable('Stripe answered something that says nothing');
    return { status: 'done', fact };
  } catch (cause) {
    if (
      cause instanceof Stripe.errors.StripeInvalidRequestError ||
      cause instanceof Stripe.errors.StripePermissionError
    ) {
      const reason = cause.code ?? 'refused';
      return { status: 'refused', reason, isPassing: reason === 'balance_insufficient' };
    }
    throw asUnavailable(cause);
  }
}
