/** `POST /v1/stripe/webhook`: Stripe's signed events, read from the raw body. */
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { RegisterRoutes } from '../context.ts';
import { problem } from '../http/problem.ts';
import { answers, refusals } from '../http/router.ts';
import { handleMoneyEvent } from '../money/events.ts';
import { type MoneyEvent, type MoneyPort, WebhookRefused } from '../money/port.ts';
import { tryAgain } from '../money/try-again.ts';

const route = createRoute({
  method: 'post',
  path: '/v1/stripe/webhook',
  tags: ['providers'],
  summary: "Stripe's events, signed",
  responses: { 200: answers(z.object({ received: z.literal(true) }), 'Handled, now or before'), ...refusals },
});

function readEvent(money: MoneyPort, rawBody: string, signature: string | undefined): MoneyEvent {
  try {
    return money.readWebhook(rawBody, signature);
  } catch (cause) {
    throw cause instanceof WebhookRefused ? problem('webhook_signature_invalid', { cause }) : cause;
  }
}

export const registerStripeWebhook: RegisterRoutes = (router, context) => {
  router.openapi(route, async (c) => {
    // The signature is over the bytes as they came: nothing may parse them before.
    const event = readEvent(context.money, await c.req.text(), c.req.header('stripe-signature'));
    const outcome = await handleMoneyEvent({ ...context, db: context.worker }, event).catch(tryAgain);
    context.log.info({ eventId: event.eventId, eventType: event.eventType, outcome }, 'provider event');
    return c.json({ received: true as const }, 200);
  });
};
