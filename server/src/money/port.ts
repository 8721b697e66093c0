/**
 * What top-ups need from a payment provider. Amounts are minor units of the currency; no card data ever reaches us.
 */

export interface CheckoutRequest {
  readonly topUpId: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly successUrl: string;
  readonly cancelUrl: string;
  /** Repeating a request with the same key never makes a second checkout. */
  readonly idempotencyKey: string;
}

export interface Checkout {
  readonly checkoutId: string;
  /** Where the customer pays. */
  readonly url: string;
}

/** What the provider tells us afterwards, already verified as its own words. */
export type MoneyEvent =
  | {
      readonly kind: 'checkout_paid';
      readonly eventId: string;
      readonly eventType: string;
      readonly checkoutId: string;
      readonly topUpId: string;
      readonly amountMinor: bigint;
      /** ISO 4217, upper case. */
      readonly currency: string;
    }
  | {
      readonly kind: 'checkout_failed' | 'checkout_expired';
      readonly eventId: string;
      readonly eventType: string;
      readonly checkoutId: string;
      readonly topUpId: string;
    }
  | { readonly kind: 'other'; readonly eventId: string; readonly eventType: string };

/** The provider could not be reached or refused for reasons that are not the customer's. */
export class ProviderUnavailable extends Error {
  readonly code = 'payment_provider_unavailable';
}

/** The webhook's signature or time is wrong. */
export class WebhookRefused extends Error {
  readonly code = 'webhook_signature_invalid';
}

export interface MoneyPort {
  /** @throws ProviderUnavailable */
  readonly createCheckout: (request: CheckoutRequest) => Promise<Checkout>;
  /**
   * What a checkout has come to, in the words of the event that should have told it; null while it is open or a bank
   * debit is on its way.
   * @throws ProviderUnavailable
   */
  readonly askAbout: (checkoutId: string) => Promise<MoneyEvent | null>;
  /** @throws WebhookRefused */
  readonly readWebhook: (rawBody: string, signature: string | undefined) => MoneyEvent;
}
