/** Stripe's objects of Connect, refunds, disputes and balances, in Stripe's own shapes. Pure. */
import type {
  AccountRecord,
  DisputeRecord,
  IntentRecord,
  MovementRecord,
  PayoutRecord,
  RefundRecord,
  TransferRecord,
} from './state.ts';

export function listDocument(data: readonly unknown[], url: string, hasMore = false) {
  return { object: 'list', data, has_more: hasMore, url };
}

export function accountDocument(record: AccountRecord): Record<string, unknown> {
  const due = record.bank === null ? ['external_account'] : [];
  const requirements = {
    alternatives: [],
    current_deadline: null,
    currently_due: due,
    disabled_reason: record.payoutsEnabled ? null : 'requirements.past_due',
    errors: [],
    eventually_due: due,
    past_due: [],
    pending_verification: [],
  };
  return {
    id: record.id,
    object: 'account',
    business_profile: null,
    business_type: record.businessType,
    capabilities: { transfers: record.payoutsEnabled ? 'active' : 'inactive' },
    charges_enabled: false,
    controller: { type: 'application' },
    country: record.country,
    created: record.created,
    default_currency: 'sgd',
    details_submitted: record.detailsSubmitted,
    email: null,
    external_accounts: listDocument(
      record.bank === null ? [] : [bankDocument(record)],
      `/v1/accounts/${record.id}/external_accounts`,
    ),
    future_requirements: { ...requirements, disabled_reason: null, currently_due: [], eventually_due: [] },
    metadata: record.metadata,
    payouts_enabled: record.payoutsEnabled,
    requirements,
    settings: { payouts: { debit_negative_balances: true, schedule: { delay_days: 2, interval: 'manual' } } },
    tos_acceptance: { date: null },
    type: 'express',
  };
}

function bankDocument({ id, country, bank }: AccountRecord): Record<string, unknown> {
  return {
    id: bank?.id,
    object: 'bank_account',
    account: id,
    account_holder_name: bank?.holder,
    account_holder_type: 'individual',
    account_type: null,
    bank_name: bank?.name,
    country,
    currency: 'sgd',
    customer: null,
    fingerprint: bank?.fingerprint,
    last4: bank?.number.slice(-4),
    metadata: {},
    routing_number: null,
    status: 'new',
  };
}

export function transferDocument(record: TransferRecord): Record<string, unknown> {
  const isReversed = record.reversalId !== null;
  return {
    id: record.id,
    object: 'transfer',
    amount: record.amount,
    amount_reversed: isReversed ? record.amount : 0,
    balance_transaction: null,
    created: record.created,
    currency: record.currency,
    description: null,
    destination: record.destination,
    destination_payment: null,
    livemode: false,
    metadata: record.metadata,
    reversals: listDocument(
      isReversed ? [reversalDocument(record)] : [],
      `/v1/transfers/${record.id}/reversals`,
    ),
    reversed: isReversed,
    source_transaction: null,
    source_type: 'card',
    transfer_group: record.transferGroup,
  };
}

export function reversalDocument(record: TransferRecord): Record<string, unknown> {
  return {
    id: record.reversalId,
    object: 'transfer_reversal',
    amount: record.amount,
    balance_transaction: null,
    created: record.created,
    currency: record.currency,
    destination_payment_refund: null,
    metadata: {},
    source_refund: null,
    transfer: record.id,
  };
}

export function payoutDocument(record: PayoutRecord): Record<string, unknown> {
  return {
    id: record.id,
    object: 'payout',
    amount: record.amount,
    application_fee: null,
    application_fee_amount: null,
    arrival_date: record.created + 86_400,
    automatic: false,
    balance_transaction: null,
    created: record.created,
    currency: record.currency,
    description: null,
    destination: record.destination,
    failure_balance_transaction: null,
    failure_code: record.failureCode,
    failure_message: record.failureCode === null ? null : 'The bank could not take the money.',
    livemode: false,
    metadata: record.metadata,
    method: 'standard',
    original_payout: null,
    payout_method: null,
    reconciliation_status: 'not_applicable',
    reversed_by: null,
    source_type: 'card',
    statement_descriptor: null,
    status: record.status,
    trace_id: null,
    type: 'bank_account',
  };
}

export function chargeDocument(intent: IntentRecord, refunded: number, isDisputed: boolean) {
  return {
    id: intent.chargeId,
    object: 'charge',
    amount: intent.amount,
    amount_captured: intent.amount,
    amount_refunded: refunded,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: null,
    calculated_statement_descriptor: null,
    captured: true,
    created: intent.created,
    currency: intent.currency,
    customer: null,
    description: null,
    disputed: isDisputed,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: null,
    paid: true,
    payment_intent: intent.id,
    payment_method: null,
    payment_method_details: null,
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: refunded === intent.amount,
    refunds: null,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'succeeded',
    transfer_data: null,
    transfer_group: null,
  };
}

export function refundDocument(record: RefundRecord): Record<string, unknown> {
  return {
    id: record.id,
    object: 'refund',
    amount: record.amount,
    balance_transaction: null,
    charge: record.chargeId,
    created: record.created,
    currency: record.currency,
    customer: null,
    customer_account: null,
    destination_details: { card: { type: 'refund' }, type: 'card' },
    metadata: {},
    payment_intent: record.intentId,
    payment_method: null,
    reason: null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: record.isCanceled ? 'canceled' : record.hasFailed ? 'failed' : 'succeeded',
    ...(record.failureMovementId === null ? {} : { failure_balance_transaction: record.failureMovementId }),
    ...(record.failureReason === null ? {} : { failure_reason: record.failureReason }),
    transfer_reversal: null,
  };
}

export function disputeDocument(record: DisputeRecord): Record<string, unknown> {
  return {
    id: record.id,
    object: 'dispute',
    amount: record.amount,
    balance_transactions: [],
    charge: record.chargeId,
    created: record.created,
    currency: record.currency,
    enhanced_eligibility_types: [],
    evidence: {},
    evidence_details: {
      due_by: record.created + 7 * 86_400,
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      enhanced_eligibility: {},
    },
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: record.intentId,
    payment_method_details: null,
    reason: 'fraudulent',
    status: record.status,
  };
}

/** Ours has no fees and knows no waiting: everything is available at once. */
export function balanceDocument(amount: number, currency: string): Record<string, unknown> {
  return {
    object: 'balance',
    available: [{ amount, currency, source_types: { card: amount } }],
    connect_reserved: [{ amount: 0, currency }],
    livemode: false,
    pending: [{ amount: 0, currency, source_types: { card: 0 } }],
  };
}

export function movementDocument(record: MovementRecord): Record<string, unknown> {
  return {
    id: record.id,
    object: 'balance_transaction',
    amount: record.amount,
    available_on: record.created,
    balance_type: 'payments',
    created: record.created,
    currency: record.currency,
    description: null,
    exchange_rate: null,
    fee: 0,
    fee_details: [],
    net: record.amount,
    reporting_category: record.category,
    source: record.source,
    status: 'available',
    type: record.category,
  };
}
