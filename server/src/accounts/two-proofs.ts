/**
 * Password and a code by SMS, both: for a forgotten PIN, before the phone may give up its keys and choose a new one, and for
 * whoever chooses to sign in with two proofs.
 *
 * Owns: the token between the two steps: whom the password proved, and for what. It is under a MAC and kept by the phone; the
 * code is bound to this very attempt (`sms-codes.ts`). Never: opens a session for the password alone.
 */
import { randomUUID } from 'node:crypto';
import type { SecondProofStarted } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import { problem } from '../http/problem.ts';
import { writeEvent } from './account-events.ts';
import {
  type OpenedBy,
  openSession,
  type PasswordAttempt,
  provePassword,
  type SessionGrant,
} from './log-in.ts';
import { OTP_LIFE_MS, proveOwnerCode, RESEND_AFTER_MS, sendOwnerCode, useOwnerProof } from './sms-codes.ts';
import type { FirstProofPurpose } from './tokens.ts';
import { findUserById } from './users.ts';

type Needs = Pick<ServerContext, 'db' | 'clock' | 'config' | 'limits' | 'notify' | 'tokens' | 'sessions'>;

/** @throws ApiProblem `credentials_incorrect`, `rate_limited` with the time to wait, `sms_not_sent` */
export async function startTwoProofs(
  needs: Needs,
  purpose: FirstProofPurpose,
  attempt: PasswordAttempt,
): Promise<SecondProofStarted> {
  const user = await provePassword(needs, attempt);
  const attemptId = randomUUID();
  await sendOwnerCode(needs, { userId: user.id, purpose, subject: attemptId, phone: user.phone });
  const expiresAtMs = needs.clock.nowMs() + OTP_LIFE_MS;
  return {
    resetToken: needs.tokens.makeFirstProof(purpose, { userId: user.id, attemptId, expiresAtMs }),
    phone: user.phone,
    expiresAt: new Date(expiresAtMs).toISOString(),
    resendAfterMs: RESEND_AFTER_MS,
  };
}

/** @throws ApiProblem `not_authenticated`, `otp_incorrect`, `otp_expired`, `otp_too_many_attempts`, `rate_limited` */
export async function finishTwoProofs(
  needs: Needs,
  purpose: FirstProofPurpose,
  attempt: OpenedBy & { resetToken: string; code: string; address: string },
): Promise<SessionGrant> {
  await needs.limits.take('verify_by_address', attempt.address);
  const proof = needs.tokens.readFirstProof(purpose, attempt.resetToken);
  if (proof === null) throw problem('not_authenticated');
  if (proof.expiresAtMs <= needs.clock.nowMs()) throw problem('otp_expired');
  const act = { userId: proof.userId, purpose, subject: proof.attemptId };
  await proveOwnerCode(needs, act, attempt.code);
  // Two that come together with the right code: one of them opens the session.
  if (!(await useOwnerProof(needs, act))) throw problem('otp_expired');
  const user = await findUserById(needs.db, proof.userId);
  if (user === undefined) throw problem('not_authenticated');
  if (purpose === 'pin_reset') {
    // Whoever else is signed in as this person may be why the PIN is not to be trusted any more.
    await needs.sessions.endAll(user.id, 'credentials_changed');
    await writeEvent(needs, { userId: user.id, kind: 'pin_reset', proof: 'password_and_code' });
  }
  return openSession(needs, user, attempt);
}
