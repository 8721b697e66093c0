/**
 * A forgotten PIN: password and a code by SMS, both, before the phone may give up its keys and choose a new one.
 *
 * Owns: the token between the two steps: whom the password proved, and which verification was started for it. It is
 * under a MAC and kept by the phone, so that nothing is stored here; the provider ends a code that was used.
 * Never: opens a session for the password alone.
 */
import type { PinResetStarted } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import { problem } from '../http/problem.ts';
import {
  type OpenedBy,
  openSession,
  type PasswordAttempt,
  provePassword,
  type SessionGrant,
} from './log-in.ts';
import { checkCode, OTP_LIFE_MS, RESEND_AFTER_MS, sendCode } from './sms-codes.ts';
import { findUserById } from './users.ts';

type Needs = Pick<ServerContext, 'db' | 'clock' | 'config' | 'limits' | 'notify' | 'tokens' | 'sessions'>;

/** @throws ApiProblem `credentials_incorrect`, `rate_limited` with the time to wait, `sms_not_sent` */
export async function startPinReset(needs: Needs, attempt: PasswordAttempt): Promise<PinResetStarted> {
  const user = await provePassword(needs, attempt);
  await needs.limits.take('step_up_sms_by_user', user.id);
  const verificationId = await sendCode(needs, { phone: user.phone, address: attempt.address });
  const expiresAtMs = needs.clock.nowMs() + OTP_LIFE_MS;
  return {
    resetToken: needs.tokens.makePinReset({ userId: user.id, verificationId, expiresAtMs }),
    phone: user.phone,
    expiresAt: new Date(expiresAtMs).toISOString(),
    resendAfterMs: RESEND_AFTER_MS,
  };
}

/** @throws ApiProblem `not_authenticated`, `otp_incorrect`, `otp_expired`, `otp_too_many_attempts`, `rate_limited` */
export async function finishPinReset(
  needs: Needs,
  attempt: OpenedBy & { resetToken: string; code: string; address: string },
): Promise<SessionGrant> {
  await needs.limits.take('verify_by_address', attempt.address);
  const claim = needs.tokens.readPinReset(attempt.resetToken);
  if (claim === null) throw problem('not_authenticated');
  if (claim.expiresAtMs <= needs.clock.nowMs()) throw problem('otp_expired');
  // Counted before the provider is asked; asking for another code gives no new guesses.
  await needs.limits.take('step_up_check_by_user', claim.userId);
  await checkCode(needs, { verificationId: claim.verificationId, code: attempt.code });
  await needs.limits.forgive('step_up_check_by_user', claim.userId);
  const user = await findUserById(needs.db, claim.userId);
  if (user === undefined) throw problem('not_authenticated');
  return openSession(needs, user, attempt);
}
