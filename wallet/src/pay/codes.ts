/**
 * Why the phone itself says no, beside the protocol's refusal codes and the cloud's problem codes. Each has a sentence in every
 * language under `error.<code>` (locales.test.ts).
 */
import type { RefusalCode } from '@tikiwallet/protocol';
import type { ProblemCode } from '@tikiwallet/server/contract';

export const PHONE_CODES = [
  'qr_not_recognised',
  'qr_not_a_request',
  'qr_not_a_receipt',
  'trust_missing',
  'trust_root_changed',
  'no_offline_money',
  'offline_money_expired',
  'offline_money_too_little',
  'offline_money_split',
  'device_key_missing',
  'unlock_needed',
  'pin_missing',
  'pin_wrong',
  'pin_wait',
  'pin_wiped',
  'pin_too_simple',
  'pin_differs',
  'passkey_cancelled',
  'passkey_not_possible',
  'store_unavailable',
  'store_from_newer_version',
  'store_lost',
  'store_rolled_back',
  'certificate_differs_from_order',
  'kiosk_unreachable',
  'kiosk_permission_denied',
  'no_sale_nearby',
  'no_shop_with_number',
  'hand_off_unknown',
  'kiosk_busy',
  'kiosk_refused_unknown',
  'kiosk_not_enrolled',
  'journal_quarantined',
  'storage_full',
  'storage_failed',
  'origin_not_allowed',
  'host_not_allowed',
  'network_unreachable',
  'answer_not_understood',
  'camera_denied',
  'camera_missing',
  'amount_not_understood',
  'unknown',
] as const;
export type PhoneCode = (typeof PHONE_CODES)[number];
export type ErrorCode = RefusalCode | ProblemCode | PhoneCode;

/** An operating error that ends what the person was doing; screens show its sentence and its code. */
export class WalletError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, options?: ErrorOptions) {
    super(code, options);
    this.name = 'WalletError';
    this.code = code;
  }
}
