/**
 * What money in and out needs from a payment provider. Amounts are minor units of the currency; neither cards nor bank
 * accounts ever reach us.
 */
import type { DisputeState } from '../db/schema/money.ts';
import type { WithdrawalFact } from './withdrawals/facts.ts';

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

/** A person's account at the provider, as the provider describes it. */
export interface ConnectedAccount {
  readonly providerId: string;
  readonly payoutsEnabled: boolean;
  readonly detailsSubmitted: boolean;
  readonly bank: {
    readonly id: string;
    readonly name: string;
    readonly last4: string;
    readonly fingerprint: string;
  } | null;
}

/** A refund of a card payment, as the provider describes it. */
export interface CardRefund {
  readonly refundId: string;
  readonly amountMinor: bigint;
  /** The card's bank did not take it, or it was called off: its money is ours again, for good. */
  readonly hasFailed: boolean;
}

interface EventName {
  readonly eventId: string;
  readonly eventType: string;
}

/** What the provider tells us afterwards, already verified as its own words. */
export type MoneyEvent = EventName &
  (
    | {
        readonly kind: 'checkout_paid';
        readonly checkoutId: string;
        readonly topUpId: string;
        readonly amountMinor: bigint;
        /** ISO 4217, upper case. */
        readonly currency: string;
        /** Refunds and disputes name it. */
        readonly paymentId: string | null;
      }
    | {
        readonly kind: 'checkout_failed' | 'checkout_expired';
        readonly checkoutId: string;
        readonly topUpId: string;
      }
    | {
        /** Something happened to a payment's refunds. */
        readonly kind: 'payment_refunded';
        readonly paymentId: string;
        readonly currency: string;
        /** Those that the event itself describes: one, or none. */
        readonly refunds: readonly CardRefund[];
      }
    | {
        readonly kind: 'payment_disputed';
        readonly paymentId: string;
        readonly disputeId: string;
        readonly amountMinor: bigint;
        readonly currency: string;
        readonly state: DisputeState;
        readonly saidAt: Date;
      }
    | { readonly kind: 'withdrawal_fact'; readonly withdrawalId: string; readonly fact: WithdrawalFact }
    | { readonly kind: 'account_changed'; readonly account: ConnectedAccount }
    | { readonly kind: 'other' }
  );
export type EventOf<K extends MoneyEvent['kind']> = Extract<MoneyEvent, { kind: K }>;

/** The provider could not be reached, or failed, or refused for reasons of ours: nobody knows what came of it. */
export class ProviderUnavailable extends Error {
  readonly code = 'payment_provider_unavailable';
}

/** The webhook's signature or time is wrong. */
export class WebhookRefused extends Error {
  readonly code = 'webhook_signature_invalid';
}

/** An order to the provider that moves money. Only a definite refusal is one; anything unclear throws. */
export type Ordered =
  | { readonly status: 'done'; readonly fact: WithdrawalFact }
  /** `isPassing`: our balance there is short for the moment; the same order may do later, under another key. */
  | { readonly status: 'refused'; readonly reason: string; readonly isPassing: boolean };

export interface SendOrder {
  readonly withdrawalId: string;
  readonly accountId: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly idempotencyKey: string;
}

export interface MoneyPort {
  /** @throws ProviderUnavailable */
  readonly createCheckout: (request: CheckoutRequest) => Promise<Checkout>;
  /** Closes a checkout that nobody has paid; one that is over stays what it is. @throws ProviderUnavailable */
  readonly closeCheckout: (checkoutId: string) => Promise<void>;
  /**
   * What a checkout has come to, in the words of the event that should have told it; null while it is open or a bank
   * debit is on its way.
   * @throws ProviderUnavailable
   */
  readonly askAbout: (checkoutId: string) => Promise<MoneyEvent | null>;
  /** The same, for the checkout that a payment came by; null when that is none of ours. @throws ProviderUnavailable */
  readonly askAboutPayment: (paymentId: string) => Promise<MoneyEvent | null>;
  /** Every refund of a payment, whatever became of it, oldest first. @throws ProviderUnavailable */
  readonly refundsOf: (paymentId: string) => Promise<readonly CardRefund[]>;
  /** What it told, or should have told, since then, oldest first, under the names of its own events. @throws ProviderUnavailable */
  readonly eventsSince: (since: Date) => Promise<readonly MoneyEvent[]>;
  /** @throws WebhookRefused */
  readonly readWebhook: (rawBody: string, signature: string | undefined) => MoneyEvent;

  /** @throws ProviderUnavailable */
  readonly openAccount: (request: {
    readonly userId: string;
    readonly isBusiness: boolean;
    readonly country: string;
  }) => Promise<ConnectedAccount>;
  /** @throws ProviderUnavailable */
  readonly onboardingLink: (request: {
    readonly accountId: string;
    readonly returnUrl: string;
    readonly refreshUrl: string;
  }) => Promise<{ readonly url: string; readonly expiresAt: Date }>;
  /** @throws ProviderUnavailable */
  readonly readAccount: (accountId: string) => Promise<ConnectedAccount>;

  /** From our balance to the person's account. @throws ProviderUnavailable */
  readonly sendToAccount: (order: SendOrder) => Promise<Ordered>;
  /** From the person's account to their bank. @throws ProviderUnavailable */
  readonly payOut: (order: SendOrder & { readonly bankId: string }) => Promise<Ordered>;
  /** From the person's account back to ours, the whole of one transfer. @throws ProviderUnavailable */
  readonly recall: (order: {
    readonly transferId: string;
    readonly amountMinor: bigint;
    readonly currency: string;
    readonly idempotencyKey: string;
  }) => Promise<Ordered>;
  /** Everything that the provider knows of a withdrawal, whoever has forgotten it. @throws ProviderUnavailable */
  readonly findFacts: (
    order: Pick<SendOrder, 'withdrawalId' | 'accountId'>,
  ) => Promise<readonly WithdrawalFact[]>;

  /**
   * What lies at the provider for us, counted from its own book of movements: what payments brought, less refunds, disputes
   * and what went to people's accounts. Its own fees, and what we moved to our own bank, are not in it.
   * @throws ProviderUnavailable
   */
  readonly readOwnBalance: (currency: string) => Promise<bigint>;
  /** What lies in a person's account and is on its way from there to their bank. @throws ProviderUnavailable */
  readonly readAccountBalance: (accountId: string, currency: string) => Promise<bigint>;
}
