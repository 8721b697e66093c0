/**
 * Every reason for which this package refuses bytes, as one closed union. A code reads as a sentence; callers
 * branch on it and never on a message. Refusals are values for the world outside (`Result`), and one exception
 * type inside the package, so that a decoder ten frames deep need not thread a result through each of them.
 */
export const REFUSAL_CODES = [
  // bytes and objects
  'message_too_large',
  'message_malformed',
  'object_not_canonical',
  'object_has_wrong_purpose',
  'algorithm_not_allowed',
  'field_out_of_range',
  'sealed_message_unreadable',
  'sealing_key_unknown',
  // keys and certificates
  'issuer_unknown',
  'issuer_key_not_for_this_use',
  'issuer_key_superseded',
  'issuer_key_revoked',
  'certificate_signature_invalid',
  'certificate_not_yet_valid',
  'certificate_expired',
  'allowance_certificate_unknown',
  'allowance_denied',
  'kiosk_denied',
  'proof_of_possession_invalid',
  // trust bundle and time
  'trust_bundle_signature_invalid',
  'trust_bundle_older_than_known',
  'trust_bundle_version_jumps',
  'trust_bundle_from_the_future',
  'deny_list_base_differs',
  'deny_list_result_differs',
  'merchant_limits_not_for_this_kiosk',
  'merchant_limits_older_than_known',
  'sealing_key_older_than_known',
  'trust_bundle_too_old',
  'clock_behind_trusted_time',
  // request
  'request_signature_invalid',
  'request_not_open',
  'request_expired',
  'request_already_paid',
  // payment
  'payment_signature_invalid',
  'payer_phone_differs',
  'payment_is_for_another_request',
  'payment_is_for_another_shop',
  'payment_amount_differs_from_request',
  'payment_currency_differs_from_request',
  'payment_counter_not_increasing',
  'payment_cumulative_inconsistent',
  'payment_chain_broken',
  'payment_exceeds_allowance',
  'payment_exceeds_limit',
  'payment_exceeds_kiosk_limit',
  'first_payment_exceeds_limit',
  'payment_exceeds_standing_limit',
  'allowance_sum_exceeded_here',
  'split_sale_suspected',
  'payer_count_per_hour_exceeded',
  'payer_sum_per_hour_exceeded',
  'payer_count_per_day_exceeded',
  'payer_sum_per_day_exceeded',
  'allowance_counter_limit_reached',
  'already_accepted_with_different_bytes',
  // the kiosk's own limits
  'kiosk_stored_sum_exceeded',
  'kiosk_stored_count_exceeded',
  'kiosk_offline_too_long',
  // receipt, settlement
  'receipt_signature_invalid',
  'receipt_is_for_another_payment',
  'batch_signature_invalid',
  'batch_chain_broken',
  'acknowledgement_signature_invalid',
  'acknowledgement_is_for_another_batch',
  'statement_signature_invalid',
  // refund
  'refund_offer_signature_invalid',
  'refund_offer_expired',
  'refund_not_open',
  'refund_is_for_another_payment',
  'refund_is_for_another_kiosk',
  'refund_acceptance_signature_invalid',
  'refund_acceptance_is_for_another_offer',
  'refund_exceeds_sale',
  'void_is_not_whole',
  'refund_of_unpaid_sale',
  'refund_id_used_twice',
  'refund_entry_inconsistent',
  'refund_receipt_signature_invalid',
  'refund_receipt_is_for_another_refund',
  // proof of double spend
  'payments_do_not_contradict',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** What crosses the package's door instead of an exception. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: RefusalCode };

/** Thrown inside the package only; the public functions turn it into a {@link Result}. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  constructor(code: RefusalCode, options?: ErrorOptions) {
    super(code, options);
    this.name = 'Refusal';
    this.code = code;
  }
}

/** Ends the current check with a refusal. */
export function refuse(code: RefusalCode, cause?: unknown): never {
  throw new Refusal(code, cause === undefined ? undefined : { cause });
}

/** Runs `check` and turns a {@link Refusal} into a result; any other exception is a programmer's error and passes. */
export function attempt<T>(check: () => T): Result<T> {
  try {
    return { ok: true, value: check() };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, code: error.code };
    throw error;
  }
}
