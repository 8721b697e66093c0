/** What a merchant's own program is told, and by which rules (docs/api.md, "Webhooks"). */
import { z } from 'zod';
import { IsoTime, Uuid } from './primitives.ts';

export const WEBHOOK_EVENTS = [
  'payment.settled',
  'payment.double_spent',
  'payout.paid',
  'payout.failed',
  'refund.booked',
  'kiosk.denied',
  'kiosk.suspended',
  'kiosk.resumed',
] as const;
export const WebhookEventType = z.enum(WEBHOOK_EVENTS);

export const CreateWebhookBody = z.object({
  url: z.url().max(2_000),
  events: z.array(WebhookEventType).min(1).max(WEBHOOK_EVENTS.length),
});
export const WebhookView = z.object({
  id: Uuid,
  url: z.string(),
  /** Strings, not the closed list: a newer server may know more. */
  events: z.array(z.string()),
  createdAt: IsoTime,
  /** Null while it is told. */
  disabledAt: IsoTime.nullable(),
});
export type WebhookView = z.infer<typeof WebhookView>;
export const WebhookList = z.object({ items: z.array(WebhookView) });
/** `secret` is told here and never again: `whsec_` and base64, as Standard Webhooks has it. */
export const WebhookWithSecret = WebhookView.extend({ secret: z.string() });
export type WebhookWithSecret = z.infer<typeof WebhookWithSecret>;

/**
 * `POST /v1/merchant/webhooks/{id}/test` sends an event `webhook.test` at once, once, and answers this. It is no delivery: nothing is
 * written down or tried again.
 */
export const WebhookTestResult = z.object({
  isDelivered: z.boolean(),
  /** What the receiver answered; null when it did not. */
  status: z.int().nullable(),
  error: z.string().nullable(),
});
export type WebhookTestResult = z.infer<typeof WebhookTestResult>;
/**
 * `POST /v1/merchant/webhooks/{id}/disable` pauses and `.../enable` goes on; what happened between is not told. `DELETE
 * /v1/merchant/webhooks/{id}` (204) ends it for ever.
 */

export const WebhookDeliveryView = z.object({
  id: Uuid,
  endpointId: Uuid,
  /** Also the header `webhook-id` of every attempt. */
  eventId: Uuid,
  type: z.string(),
  state: z.enum(['waiting', 'delivered', 'dead']),
  attempts: z.int().nonnegative(),
  lastStatus: z.int().nullable(),
  lastError: z.string().nullable(),
  createdAt: IsoTime,
  deliveredAt: IsoTime.nullable(),
});
export type WebhookDeliveryView = z.infer<typeof WebhookDeliveryView>;
