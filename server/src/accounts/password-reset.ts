/**
 * A forgotten password: a code by SMS to the account's number, then a new one (R53).
 *
 * Owns: the table `password_resets`. Never: lets a stranger tell whether a number has an account - the answer, the row and the
 * time they take are the same, and the SMS is sent after the answer. Never: for operators, for whom one proof is too few.
 */
import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import type { PasswordResetStarted } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import { passwordResets, users } from '../db/schema/accounts.ts';
import { ApiProblem, problem } from '../http/problem.ts';
import { inTransaction } from '../db/retry.ts';
import { writeEvent } from './account-events.ts';
import { type OpenedBy, openSession, type SessionGrant } from './log-in.ts';
import { assertPasswordFit, hashPassword } from './password.ts';
import { normalisePhone } from './phone.ts';
import {
  checkCode,
  MAX_CHECKS,
  OTP_LIFE_MS,
  RESEND_AFTER_MS,
  sendWithinDay,
  takeStrangersBudget,
} from './sms-codes.ts';
import type { KnownDevice } from './tokens.ts';
import { findUserById, findUserByPhone } from './users.ts';

type Needs = Pick<
  ServerContext,
  'db' | 'clock' | 'config' | 'limits' | 'notify' | 'tokens' | 'sessions' | 'log'
>;

export interface ResetRequest {
  readonly phone: string;
  readonly address: string;
  readonly device: KnownDevice | null;
}

/** @throws ApiProblem `phone_number_invalid`, `rate_limited` */
export async function startPasswordReset(needs: Needs, request: ResetRequest): Promise<PasswordResetStarted> {
  const { db, clock, config, limits } = needs;
  await limits.take('password_reset_by_address', request.address);
  const phone = normalisePhone(request.phone, config.region);
  const found = await findUserByPhone(db, phone);
  const user = found === undefined || found.role === 'operator' ? null : found;
  // From a device that has been theirs, a person's codes are their own: strangers neither use them up nor end them.
  const isKnownDevice = user !== null && request.device?.userId === user.id;
  if (isKnownDevice) await limits.take('step_up_sms_by_user', user.id);
  else await takeStrangersBudget(needs, { phone, address: request.address });
  const createdAt = new Date(clock.nowMs());
  const expiresAt = new Date(createdAt.getTime() + OTP_LIFE_MS);
  const id = randomUUIDv7();
  await db
    .insert(passwordResets)
    .values({ id, userId: user?.id ?? null, isKnownDevice, expiresAt, createdAt });
  if (user !== null) sendLater(needs, { id, phone, isKnownDevice });
  return { resetId: id, expiresAt: expiresAt.toISOString(), resendAfterMs: RESEND_AFTER_MS };
}

/** After the answer, so that the provider's time tells nothing. What goes wrong is logged, and the person asks again. */
function sendLater(needs: Needs, reset: { id: string; phone: string; isKnownDevice: boolean }): void {
  const send = async () => {
    const audience = reset.isKnownDevice ? 'owner' : 'stranger';
    const verificationId = await sendWithinDay(needs, reset.phone, audience);
    await needs.db.update(passwordResets).set({ verificationId }).where(eq(passwordResets.id, reset.id));
  };
  send().catch((error: unknown) => {
    const code = error instanceof ApiProblem ? error.code : undefined;
    needs.log.warn(
      { err: code === undefined ? error : undefined, problem: code },
      'a reset code was not sent',
    );
  });
}

export interface ResetProof extends OpenedBy {
  readonly resetId: string;
  readonly code: string;
  readonly password: string;
  readonly address: string;
}

/** @throws ApiProblem `password_too_weak`, `otp_incorrect`, `otp_expired`, `otp_too_many_attempts`, `rate_limited` */
export async function finishPasswordReset(needs: Needs, proof: ResetProof): Promise<SessionGrant> {
  const { db, clock, limits, sessions } = needs;
  await limits.take('verify_by_address', proof.address);
  assertPasswordFit(proof.password, { phone: '', username: '' });
  const now = new Date(clock.nowMs());
  const unused = and(eq(passwordResets.id, proof.resetId), isNull(passwordResets.usedAt));
  // Counted before the provider is asked, so that parallel guesses cannot share one count.
  const [row] = await db
    .update(passwordResets)
    .set({ checkCount: sql`${passwordResets.checkCount} + 1` })
    .where(and(unused, lt(passwordResets.checkCount, MAX_CHECKS)))
    .returning();
  if (row === undefined) {
    const [spent] = await db.select({ id: passwordResets.id }).from(passwordResets).where(unused);
    throw problem(spent === undefined ? 'otp_expired' : 'otp_too_many_attempts');
  }
  if (row.expiresAt <= now) throw problem('otp_expired');
  await checkResetCode(needs, row, proof.code);
  const user = row.userId === null ? undefined : await findUserById(db, row.userId);
  if (user === undefined) throw problem('otp_incorrect');
  const passwordHash = await hashPassword(proof.password);
  await inTransaction(db, async (tx) => {
    const used = await tx.update(passwordResets).set({ usedAt: now }).where(unused).returning();
    // Two with the right code at once: the first one's password counts.
    if (used.length === 0) throw problem('otp_expired');
    await tx.update(users).set({ passwordHash }).where(eq(users.id, user.id));
    await sessions.endAll(user.id, 'credentials_changed', { executor: tx });
    await writeEvent({ db: tx, clock }, { userId: user.id, kind: 'password_reset', proof: 'code' });
  });
  return openSession(needs, { ...user, passwordHash }, proof);
}

/** A number without an account costs a question to the provider, too, and is answered like a wrong code. */
async function checkResetCode(
  needs: Needs,
  row: typeof passwordResets.$inferSelect,
  code: string,
): Promise<void> {
  const audience = row.isKnownDevice ? 'owner' : 'stranger';
  const none = `VE${randomBytes(16).toString('hex')}`;
  const typed = { verificationId: row.verificationId ?? none, code, audience } as const;
  try {
    await checkCode(needs, typed);
  } catch (error) {
    const isNone = error instanceof ApiProblem && error.code === 'otp_expired' && row.verificationId === null;
    throw isNone ? problem('otp_incorrect', { cause: error }) : error;
  }
}
