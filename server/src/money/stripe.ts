/**
 * Stripe behind our port: Checkout Sessions and signed events.
 *
 * Owns: the translation both ways. Never: decides what an event does to anybody's money.
 */
import Stripe from 'stripe';
import { Uuid } from '../../contract/index.ts';
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
        throw asUnavailable(cause);
      }
    },
    askAbout: async (checkoutId) => {
      try {
        const session = await stripe.checkout.sessions.retrieve(checkoutId);
        // One id for one answer, so that asking twice is the same event twice.
        const id = { eventId: `asked:${session.id}:${session.status}`, eventType: 'checkout.session.asked' };
        if (session.status === 'expired') return closedEvent('checkout_expired', session, id);
        const paid = paidEvent(session, id);
        return paid.kind === 'other' ? null : paid;
      } catch (cause) {
        throw asUnavailable(cause);
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
    case 'checkout.session.async_payment_succeeded':
      return paidEvent(event.data.object, id);
    case 'checkout.session.async_payment_failed':
      return closedEvent('checkout_failed', event.data.object, id);
    case 'checkout.session.expired':
      return closedEvent('checkout_expired', event.data.object, id);
    default:
      return { kind: 'other', ...id };
  }
}

interface EventId {
  readonly eventId: string;
  readonly eventType: string;
}

function paidEvent(session: Stripe.Checkout.Session, id: EventId): MoneyEvent {
  const { amount_total: amount, currency } = session;
  const topUpId = topUpOf(session);
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

function closedEvent(
  kind: 'checkout_failed' | 'checkout_expired',
  session: Stripe.Checkout.Session,
  id: EventId,
): MoneyEvent {
  const topUpId = topUpOf(session);
  if (topUpId === null) return { kind: 'other', ...id };
  return { kind, ...id, checkoutId: session.id, topUpId };
}

/** Null for a checkout that another system on the same Stripe account made: its references are not our ids. */
function topUpOf(session: Stripe.Checkout.Session): string | null {
  return Uuid.safeParse(session.client_reference_id).data ?? null;
}

function asUnavailable(cause: unknown): unknown {
  return cause instanceof Stripe.errors.StripeError
    ? new ProviderUnavailable(`Stripe: ${cause.type}`, { cause })
    : cause;
}
