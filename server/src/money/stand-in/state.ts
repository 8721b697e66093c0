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

export const EventRecord = z.object({
  id: z.string(),
  type: z.string(),
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
});
export type StripeState = z.infer<typeof StripeState>;

export const EMPTY_STATE: StripeState = { checkouts: [], intents: [], events: [], keys: [] };

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
