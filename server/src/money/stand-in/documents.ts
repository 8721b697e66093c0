/** Stripe's objects in Stripe's own shapes, typed by Stripe's SDK. Pure. */
import type Stripe from 'stripe';
import type { CheckoutRecord, IntentRecord } from './state.ts';

/** A Checkout Session as the API answers it. `origin` is where its page is served. */
export function checkoutDocument(record: CheckoutRecord, origin: string): Stripe.Checkout.Session {
  const isComplete = record.status === 'complete';
  return {
    id: record.id,
    object: 'checkout.session',
    adaptive_pricing: { enabled: false },
    after_expiration: null,
    allow_promotion_codes: null,
    allowed_payment_method_types: null,
    amount_subtotal: record.amount,
    amount_total: record.amount,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: null,
    cancel_url: record.cancelUrl,
    client_reference_id: record.clientReferenceId,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created: record.created,
    currency: record.currency,
    currency_conversion: null,
    custom_fields: [],
    custom_text: {
      after_submit: null,
      shipping_address: null,
      submit: null,
      terms_of_service_acceptance: null,
    },
    customer: null,
    customer_account: null,
    customer_creation: 'if_required',
    customer_details: null,
    customer_email: record.customerEmail,
    discounts: [],
    expires_at: record.expiresAt,
    integration_identifier: null,
    invoice: null,
    invoice_creation: null,
    livemode: false,
    locale: null,
    managed_payments: null,
    metadata: record.metadata,
    mode: 'payment',
    origin_context: null,
    payment_intent: record.paymentIntentId,
    payment_link: null,
    payment_method_collection: 'if_required',
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: ['card'],
    payment_status: record.paid ? 'paid' : 'unpaid',
    permissions: null,
    phone_number_collection: { enabled: false },
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: record.status,
    submit_type: null,
    subscription: null,
    success_url: record.successUrl,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: isComplete || record.status === 'expired' ? null : `${origin}/c/pay/${record.id}`,
    wallet_options: null,
  };
}

/** A PaymentIntent as the API answers it. */
export function intentDocument(record: IntentRecord): Record<string, unknown> {
  const succeeded = record.status === 'succeeded';
  const lastError =
    record.lastError === null
      ? null
      : {
          code: record.lastError.code,
          decline_code: record.lastError.declineCode,
          doc_url: 'https://stripe.com/docs/error-codes/card-declined',
          message: record.lastError.message,
          type: 'card_error',
        };
  return {
    id: record.id,
    object: 'payment_intent',
    amount: record.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: succeeded ? record.amount : 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async',
    client_secret: null,
    confirmation_method: 'automatic',
    created: record.created,
    currency: record.currency,
    customer: null,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    hooks: null,
    last_payment_error: lastError,
    latest_charge: record.chargeId,
    livemode: false,
    metadata: record.metadata,
    managed_payments: null,
    next_action: null,
    on_behalf_of: null,
    payment_details: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: { card: { request_three_d_secure: 'automatic' } },
    payment_method_types: ['card'],
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: record.status,
    transfer_data: null,
    transfer_group: null,
  };
}

export interface EventInput {
  readonly id: string;
  readonly type: string;
  readonly created: number;
  readonly apiVersion: string;
  readonly object: unknown;
}

export function eventDocument(input: EventInput): Record<string, unknown> {
  return {
    id: input.id,
    object: 'event',
    api_version: input.apiVersion,
    created: input.created,
    data: { object: input.object },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type: input.type,
  };
}
