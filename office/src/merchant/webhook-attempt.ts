/** What came of an attempt to tell somebody, in words. A status keeps its own direction inside a sentence. */
import { type Key, t } from '../i18n/words.ts';

const ERRORS: Readonly<Record<string, Key>> = {
  address_not_allowed: 'webhooks.error_address',
  name_not_found: 'webhooks.error_name',
  no_answer: 'webhooks.error_silence',
  answer_too_large: 'webhooks.error_large',
};

export function attemptText({
  lastStatus,
  lastError,
}: {
  readonly lastStatus: number | null;
  readonly lastError: string | null;
}): string {
  if (lastStatus !== null) return t('webhooks.answered', { status: `\u2068${String(lastStatus)}\u2069` });
  if (lastError === null) return t('webhooks.not_tried');
  // A newer server may know more ways to fail.
  return t(ERRORS[lastError] ?? 'webhooks.error_silence');
}
