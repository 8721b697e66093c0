/** The closed set of codes with which the agent answers a call that it could not carry out. */
import { PROBLEM_CODES } from '@tikiwallet/server/contract';

/** Codes of the agent itself; the cloud's problem codes pass through unchanged beside them. */
export const AGENT_ERROR_CODES = [
  'agent_unavailable',
  'agent_version_mismatch',
  'call_invalid',
  'not_signed_in',
  'cloud_unreachable',
  'cloud_answer_invalid',
  'kiosk_not_enrolled',
  'kiosk_already_enrolled',
  'certificate_expired',
  'amount_invalid',
  'amount_exceeds_payment_limit',
  'sale_in_progress',
  'too_many_open_sales',
  'sale_not_found',
  'sale_already_paid',
  'storage_failed',
  'storage_full',
  'journal_quarantined',
  'clock_behind_trusted_time',
  'kiosk_limit_reached',
  'manager_pin_not_set',
  'manager_pin_wrong',
  'manager_pin_wait',
  'manager_pin_locked',
  'manager_pin_weak',
  'manager_pin_needed',
  'override_not_possible',
] as const;
export const IPC_ERROR_CODES = [...AGENT_ERROR_CODES, ...PROBLEM_CODES] as const;
export type IpcErrorCode = (typeof IPC_ERROR_CODES)[number];

/** Thrown by handlers and by clients of the contract; `code` survives every hop. */
export class IpcError extends Error {
  readonly code: IpcErrorCode;
  readonly retryAfterMs: number | undefined;
  constructor(code: IpcErrorCode, options: { retryAfterMs?: number | undefined; cause?: unknown } = {}) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'IpcError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}
