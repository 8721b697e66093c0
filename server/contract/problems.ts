/** RFC 9457 problem documents and the closed set of codes that the cloud API can answer with. */
import { z } from 'zod';

export const PROBLEM_CODES = [
  'request_invalid',
  'request_too_large',
  'not_found',
  'method_not_allowed',
  'not_authenticated',
  'session_expired',
  'refresh_token_reused',
  'not_permitted',
  'rate_limited',
  'idempotency_key_required',
  'idempotency_key_reused',
  'phone_number_invalid',
  'phone_number_taken',
  'username_taken',
  'password_too_weak',
  'credentials_incorrect',
  'registration_not_found',
  'otp_incorrect',
  'otp_expired',
  'otp_too_many_attempts',
  'sms_not_sent',
  'amount_below_minimum',
  'amount_above_maximum',
  'insufficient_funds',
  'recipient_not_found',
  'recipient_is_sender',
  'currency_mismatch',
  'top_up_not_found',
  'payment_provider_unavailable',
  'webhook_signature_invalid',
  'device_key_invalid',
  'allowance_not_found',
  'allowance_limit_reached',
  'debt_unpaid',
  'allowance_not_active',
  'closing_statement_invalid',
  'kiosk_not_found',
  'double_spend_not_found',
  'claim_invalid',
  'enrolment_code_incorrect',
  'enrolment_code_expired',
  'kiosk_denied',
  'batch_malformed',
  'batch_signature_invalid',
  'batch_chain_broken',
  'batch_gap',
  'service_unavailable',
  'internal_error',
] as const;
export const ProblemCode = z.enum(PROBLEM_CODES);
export type ProblemCode = z.infer<typeof ProblemCode>;

/** `application/problem+json`. Callers branch on `code` only; `detail` is for a developer's eyes. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: ProblemCode,
  detail: z.string().optional(),
  requestId: z.string().optional(),
  retryAfterMs: z.number().int().optional(),
  /** With `batch_gap`: the highest entry that the cloud has without a gap before it. */
  highestSequence: z.int().nonnegative().optional(),
});
export type Problem = z.infer<typeof Problem>;
