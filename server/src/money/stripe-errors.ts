/** Whatever Stripe's SDK throws is one thing to us: it could not be asked. */
import Stripe from 'stripe';
import { ProviderUnavailable } from './port.ts';

export function asUnavailable(cause: unknown): unknown {
  return cause instanceof Stripe.errors.StripeError
    ? new ProviderUnavailable(`Stripe: ${cause.type}`, { cause })
    : cause;
}
