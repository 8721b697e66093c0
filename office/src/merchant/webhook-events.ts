/** What a program can be told, by the names that people read. */
import type { Key } from '../i18n/words.ts';

export const EVENT_NAMES: Readonly<Record<string, Key>> = {
  'payment.settled': 'webhooks.payment_settled',
  'payment.double_spent': 'webhooks.payment_double_spent',
  'payout.paid': 'webhooks.payout_paid',
  'payout.failed': 'webhooks.payout_failed',
  'refund.booked': 'webhooks.refund_booked',
  'kiosk.denied': 'webhooks.kiosk_denied',
  'kiosk.suspended': 'webhooks.kiosk_suspended',
  'kiosk.resumed': 'webhooks.kiosk_resumed',
};
