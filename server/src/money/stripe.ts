/**
 * Stripe behind our port: Checkout Sessions and signed events.
 *
 * Owns: the translation both ways. Never: decides what an event does to anybody's money.
 */
import Stripe from 'stripe';
import type { StripeConfig } from '../config.ts';
import type { Clock } from '../clock.ts';
import { type MoneyEvent, type MoneyPort, ProviderUnavailable, WebhookRefused } from './port.ts';

const TIMEOUT_MS = 10_000;
/** Older events are replays (R56); Stripe's own default. */
const TOLERANCE_SECONDS = 300;
const MAX_STRIPE_AMOUNT = 99_999_999n;

export interface StripeMoneyOptions {
  readonly config: Pick<StripeConfig, 'secretKey' | 'apiBase'>;
  readonly webhookSecret: string;
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
  return {
    createCheckout: async (request) => {
      if (request.amountMinor > MAX_STRIPE_AMOUNT)
        throw new RangeError('above what Stripe can take in one payment');
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
                  unit_amount: Number(request.amountMinor),
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
        if (cause instanceof Stripe.errors.StripeError)
          throw new ProviderUnavailable(`Stripe: ${cause.type}`, { cause });
        throw cause;
      }
    },
    readWebhook: (rawBody, signature) => {
      if (signature === undefined) throw new WebhookRefused('no signature');
      try {
        const receivedAtMs = options.clock.nowMs();
        const event = stripe.webhooks.constructEvent(
          rawBody,
          signature,
          options.webhookSecret,
          TOLERANCE_SECONDS,
          undefined,
          receivedAtMs,
        );
        return translate(event);
      } catch (cause) {
        if (cause instanceof Stripe.errors.StripeSignatureVerificationError || cause instanceof SyntaxError) {
          throw new WebhookRefused('the signature does not fit', { cause });
        }
        throw cause;
      }
    },
  };
}

function addressOf(apiBase: string | null): { host?: string; port?: number; protocol?: 'http' | 'https' } {
  if (apiBase === null) return {};
  const url = new URL(apiBase);
  const protocol = url.protocol === 'http:' ? 'http' : 'https';
  const port = url.port === '' ? (protocol === 'http' ? 80 : 443) : Number.parseInt(url.port, 10);
  return { host: url.hostname, port, protocol };
}

function translate(event: Stripe.Event): MoneyEvent {
  const id = { eventId: event.id, eventType: event.type };
  switch (event.type) {
    case 'checkout.session.completed':
    case 'checkout.session.async_payment_succeeded': {
      const session = event.data.object;
      const { client_reference_id: topUpId, amount_total: amount, currency } = session;
      // Bank debits complete first and are paid, or not, days later.
      if (session.payment_status !== 'paid' || topUpId === null || amount === null || currency === null) {
        return { kind: 'other', ...id };
      }
      return {
        kind: 'checkout_paid',
        ...id,
        checkoutId: session.id,
        topUpId,
        amountMinor: BigInt(amount),
        currency: currency.toUpperCase(),
      };
    }
    case 'checkout.session.async_payment_failed':
    case 'checkout.session.expired': {
      const { id: checkoutId, client_reference_id: topUpId } = event.data.object;
      if (topUpId === null) return { kind: 'other', ...id };
      const kind = event.type === 'checkout.session.expired' ? 'checkout_expired' : 'checkout_failed';
      return { kind, ...id, checkoutId, topUpId };
    }
    default:
      return { kind: 'other', ...id };
  }
}
