/**
 * A code by SMS: sending one within the budgets, and what a typed one is worth.
 *
 * Owns: which of the provider's answers is which problem. Never: sees a code before the person typed it.
 */
import type { ServerContext } from '../context.ts';
import { problem } from '../http/problem.ts';

/** R53: a code lives ten minutes, five wrong ones end it. */
export const OTP_LIFE_MS = 10 * 60_000;
export const MAX_CHECKS = 5;
export const RESEND_AFTER_MS = 30_000;

/**
 * @returns the provider's id of the verification.
 * @throws ApiProblem `rate_limited`, `phone_number_invalid`, `sms_not_sent`
 */
export async function sendCode(
  { limits, notify }: Pick<ServerContext, 'limits' | 'notify'>,
  to: { readonly phone: string; readonly address: string },
): Promise<string> {
  await limits.take('sms_by_address', to.address);
  await limits.take('sms_by_phone', to.phone);
  await limits.take('sms_by_range', to.phone.slice(0, -3));
  await limits.take('sms_in_all', 'all');
  const started = await notify.startVerification(to.phone);
  switch (started.status) {
    case 'sent':
      return started.verificationId;
    case 'number_refused':
      throw problem('phone_number_invalid');
    case 'too_many_sends':
      throw problem('rate_limited', { retryAfterMs: OTP_LIFE_MS });
    case 'unavailable':
      throw problem('sms_not_sent', { cause: started.cause, retryAfterMs: 5000 });
  }
}

/**
 * Returns when the code is right. Count the try before asking here: parallel guesses must not share one count.
 * @throws ApiProblem `otp_incorrect`, `otp_expired`, `otp_too_many_attempts`, `service_unavailable`
 */
export async function checkCode(
  { notify }: Pick<ServerContext, 'notify'>,
  typed: { readonly verificationId: string; readonly code: string },
): Promise<void> {
  const check = await notify.checkVerification(typed.verificationId, typed.code);
  switch (check.status) {
    case 'approved':
      return;
    case 'incorrect':
      throw problem('otp_incorrect');
    case 'expired':
      throw problem('otp_expired');
    case 'too_many_attempts':
      throw problem('otp_too_many_attempts');
    case 'unavailable':
      throw problem('service_unavailable', { cause: check.cause, retryAfterMs: 2000 });
  }
}
