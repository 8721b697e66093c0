/** What the Stripe stand-in remembers between two starts, and its ids. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';

export const CheckoutRecord = z.object({
  id: z.string(),
  amount: z.number().int(),
  currency: z.string(),
  title: z.string(),
  status: z.enum(['open', 'complete', 'expired']),
  paid: z.boolean(),
  successUrl: z.string(),
  cancelUrl: z.string().nullable(),
  clientReferenceId: z.string().nullable(),
  customerEmail: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  intentMetadata: z.record(z.string(), z.string()),
  paymentIntentId: z.string().nullable(),
  created: z.number().int(),
  expiresAt: z.number().int(),
});
export type CheckoutRecord = z.infer<typeof CheckoutRecord>;

export const IntentRecord = z.object({
  id: z.string(),
  checkoutId: z.string(),
  amount: z.number().int(),
  currency: z.string(),
  status: z.enum(['requires_payment_method', 'succeeded']),
  chargeId: z.string().nullable(),
  lastError: z.object({ code: z.string(), declineCode: z.string(), message: z.string() }).nullable(),
  metadata: z.record(z.string(), z.string()),
  created: z.number().int(),
});
export type IntentRecord = z.infer<typeof IntentRecord>;

const Metadata = z.record(z.string(), z.string());

export const AccountRecord = z.object({
  id: z.string(),
  country: z.string(),
  businessType: z.string().nullable(),
  detailsSubmitted: z.boolean(),
  payoutsEnabled: z.boolean(),
  bank: z
    .object({
      id: z.string(),
      holder: z.string(),
      name: z.string(),
      number: z.string(),
      fingerprint: z.string(),
    })
    .nullable(),
  metadata: Metadata,
  created: z.number().int(),
});
export type AccountRecord = z.infer<typeof AccountRecord>;

/** An onboarding page that somebody was sent to. */
export const LinkRecord = z.object({
  token: z.string(),
  accountId: z.string(),
  returnUrl: z.string(),
  refreshUrl: z.string(),
  expiresAt: z.number().int(),
  isUsed: z.boolean(),
});
export type LinkRecord = z.infer<typeof LinkRecord>;

export const TransferRecord = z.object({
  id: z.string(),
  amount: z.number().int(),
  currency: z.string(),
  destination: z.string(),
  transferGroup: z.string().nullable(),
  /** Transfers are reversed whole or not at all here. */
  reversalId: z.string().nullable(),
  metadata: Metadata,
  created: z.number().int(),
});
export type TransferRecord = z.infer<typeof TransferRecord>;

export const PayoutRecord = z.object({
  id: z.string(),
  accountId: z.string(),
  amount: z.number().int(),
  currency: z.string(),
  destination: z.string(),
  status: z.enum(['pending', 'paid', 'failed']),
  failureCode: z.string().nullable(),
  settlesAtMs: z.number(),
  metadata: Metadata,
  created: z.number().int(),
});
export type PayoutRecord = z.infer<typeof PayoutRecord>;

export const RefundRecord = z.object({
  id: z.string(),
  intentId: z.string(),
  chargeId: z.string(),
  amount: z.number().int(),
  currency: z.string(),
  hasFailed: z.boolean().default(false),
  /** It ended so because it was called off. */
  isCanceled: z.boolean().default(false),
  failureReason: z.string().nullable().default(null),
  /** The movement that brought its money back. */
  failureMovementId: z.string().nullable().default(null),
  created: z.number().int(),
});
export type RefundRecord = z.infer<typeof RefundRecord>;

export const DisputeRecord = z.object({
  id: z.string(),
  intentId: z.string(),
  chargeId: z.string(),
  amount: z.number().int(),
  currency: z.string(),
  status: z.enum(['needs_response', 'won', 'lost']),
  created: z.number().int(),
});
export type DisputeRecord = z.infer<typeof DisputeRecord>;

/** A line of a balance: the platform's own, or a connected account's. */
export const MovementRecord = z.object({
  id: z.string(),
  accountId: z.string().nullable(),
  amount: z.number().int(),
  currency: z.string(),
  category: z.string(),
  source: z.string(),
  created: z.number().int(),
});
export type MovementRecord = z.infer<typeof MovementRecord>;

export const EventRecord = z.object({
  id: z.string(),
  type: z.string(),
  account: z.string().nullable().default(null),
  created: z.number().int(),
  /** The event document as it was made; deliveries send exactly this. */
  document: z.string(),
  pendingDeliveries: z.number().int(),
  attempts: z.number().int(),
  nextAttemptMs: z.number(),
});
export type EventRecord = z.infer<typeof EventRecord>;

export const KeyRecord = z.object({
  key: z.string(),
  fingerprint: z.string(),
  status: z.number().int(),
  body: z.string(),
  createdMs: z.number(),
});

export const StripeState = z.object({
  checkouts: z.array(CheckoutRecord),
  intents: z.array(IntentRecord),
  events: z.array(EventRecord),
  keys: z.array(KeyRecord),
  accounts: z.array(AccountRecord).default([]),
  links: z.array(LinkRecord).default([]),
  transfers: z.array(TransferRecord).default([]),
  payouts: z.array(PayoutRecord).default([]),
  refunds: z.array(RefundRecord).default([]),
  disputes: z.array(DisputeRecord).default([]),
  movements: z.array(MovementRecord).default([]),
});
export type StripeState = z.infer<typeof StripeState>;

export const EMPTY_STATE: z.input<typeof StripeState> = { checkouts: [], intents: [], events: [], keys: [] };

const KEPT = 2_000;

/** Forgets the oldest, so that a development folder does not grow for ever. */
export function forgetOldest(state: StripeState): void {
  for (const list of [state.checkouts, state.intents, state.events, state.keys]) {
    list.splice(0, Math.max(0, list.length - KEPT));
  }
}

export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(24).toString('base64url').replaceAll(/[-_]/g, '0').slice(0, 24)}`;
}
