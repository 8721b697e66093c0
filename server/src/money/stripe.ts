/**
 * Stripe behind our port: Checkout Sessions and signed events; Connect is `stripe-connect.ts`.
 *
 * Owns: the translation both ways. Never: decides what an event does to anybody's money.
 */
import Stripe from 'stripe';
import type { StripeConfig } from '../config.ts';
import type { Clock } from '../clock.ts';
import { publish } from '../observe/facts.ts';
import {
  type CardRefund,
  type MoneyEvent,
  type MoneyPort,
  ProviderUnavailable,
  WebhookRefused,
} from './port.ts';
import { createStripeConnect } from './stripe-connect.ts';
import { asUnavailable } from './stripe-errors.ts';
import { cardRefund, closedEvent, EVENT_TYPES, paidEvent, translate } from './stripe-events.ts';
import { toStripe } from './stripe-amounts.ts';

const TIMEOUT_MS = 10_000;
/** Older events are replays (R56); Stripe's own default. */
const TOLERANCE_SECONDS = 300;

export interface StripeMoneyOptions {
  readonly config: Pick<StripeConfig, 'secretKey' | 'apiBase'>;
  /** One for each webhook endpoint: Stripe has its own for events of connected accounts. */
  readonly webhookSecrets: readonly string[];
  readonly clock: Clock;
}

export function createStripeMoney(options: StripeMoneyOptions): MoneyPort {
  const stripe = new Stripe(options.config.secretKey, {
    timeout: TIMEOUT_MS,
    maxNetworkRetries: 2,
    telemetry: false,
    appInfo: { name: 'TikiWallet' },
    ...addressOf(options.config.apiBase),
  });
  stripe.on('response', ({ status, elapsed }: Stripe.ResponseEvent) => {
    const outcome = status >= 500 || status === 429 ? 'failed' : 'answered';
    publish('providerAsked', { provider: 'stripe', outcome, seconds: elapsed / 1000 });
  });
  return {
    createCheckout: async (request) => {
      try {
        const session = await stripe.checkout.sessions.create(
          {
            mode: 'payment',
            client_reference_id: request.topUpId,
            metadata: { topUpId: request.topUpId },
            payment_intent_data: { metadata: { topUpId: request.topUpId } },
            line_items: [
              {
                quantity: 1,
                price_data: {
                  currency: request.currency.toLowerCase(),
                  unit_amount: toStripe(request.amountMinor, request.currency, 'charge'),
                  product_data: { name: 'TikiWallet top-up' },
                },
              },
            ],
            success_url: request.successUrl,
            cancel_url: request.cancelUrl,
          },
          { idempotencyKey: request.idempotencyKey },
        );
        if (session.url === null) throw new ProviderUnavailable('the checkout has no address');
        return { checkoutId: session.id, url: session.url };
      } catch (cause) {
        throw asUnavailable(cause);
      }
    },
    closeCheckout: async (checkoutId) => {
      try {
        await stripe.checkout.sessions.expire(checkoutId);
      } catch (cause) {
        // It is over already, this way or the other: what it came to is asked next.
        if (cause instanceof Stripe.errors.StripeInvalidRequestError) return;
        throw asUnavailable(cause);
      }
    },
    askAboutPayment: async (paymentId) => {
      try {
        const { data } = await stripe.checkout.sessions.list({ payment_intent: paymentId, limit: 1 });
        const [session] = data;
        if (session === undefined) return null;
        const paid = paidEvent(session, askedName(session.id, session.status ?? 'open'));
        return paid.kind === 'other' ? null : paid;
      } catch (cause) {
        throw asUnavailable(cause);
      }
    },
    refundsOf: async (paymentId) => {
      try {
        const found: CardRefund[] = [];
        for await (const refund of stripe.refunds.list({ payment_intent: paymentId, limit: 100 }))
          found.push(cardRefund(refund));
        return found.reverse();
      } catch (cause) {
        throw asUnavailable(cause);
      }
    },
    eventsSince: async (since) => {
      try {
        const found: MoneyEvent[] = [];
        const created = { gte: Math.floor(since.getTime() / 1000) };
        for await (const event of stripe.events.list({ created, types: [...EVENT_TYPES], limit: 100 }))
          found.push(translate(event));
        return found.reverse();
      } catch (cause) {
        throw asUnavailable(cause);
      }
    },
    askAbout: async (checkoutId) => {
      try {
        const session = await stripe.checkout.sessions.retrieve(checkoutId);
        const id = askedName(session.id, session.status ?? 'open');
        if (session.status === 'expired') return closedEvent('checkout_expired', session, id);
        const paid = paidEvent(session, id);
        return paid.kind === 'other' ? null : paid;
      } catch (cause) {
        throw asUnavailable(cause);
      }
    },
    readWebhook: (rawBody, signature) => {
      if (signature === undefined) throw new WebhookRefused('no signature');
      let refusal: unknown;
      for (const secret of options.webhookSecrets) {
        try {
          const receivedAtMs = options.clock.nowMs();
          const event = stripe.webhooks.constructEvent(
            rawBody,
            signature,
            secret,
            TOLERANCE_SECONDS,
            undefined,
            receivedAtMs,
          );
          return translate(event);
        } catch (cause) {
          const isForged =
            cause instanceof Stripe.errors.StripeSignatureVerificationError || cause instanceof SyntaxError;
          if (!isForged) throw cause;
          refusal = cause;
        }
      }
      throw new WebhookRefused('the signature does not fit', { cause: refusal });
    },
    ...createStripeConnect(stripe),
  };
}

/** One id for one answer, so that asking twice is the same event twice. */
function askedName(id: string, state: string) {
  return { eventId: `asked:${id}:${state}`, eventType: 'asked' };
}

function addressOf(apiBase: string | null): { host?: string; port?: number; protocol?: 'http' | 'https' } {
  if (apiBase === null) return {};
  const url = new URL(apiBase);
  const protocol = url.protocol === 'http:' ? 'http' : 'https';
  const port = url.port === '' ? (protocol === 'http' ? 80 : 443) : Number.parseInt(url.port, 10);
  return { host: url.hostname, port, protocol };
}
