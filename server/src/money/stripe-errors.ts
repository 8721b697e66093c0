/** Whatever Stripe's SDK throws is one thing to us: it could not be asked. */
import Stripe from 'stripe';
import { publish } from '../observe/facts.ts';
import { ProviderUnavailable } from './port.ts';

export function asUnavailable(cause: unknown): unknown {
  if (cause instanceof Stripe.errors.StripeConnectionError)
    publish('providerAsked', { provider: 'stripe', outcome: 'failed' });
  return cause instanceof Stripe.errors.StripeError
    ? new ProviderUnavailable(`Stripe: ${cause.type}`, { cause })
    : cause;
}
