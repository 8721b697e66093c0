/**
 * Another phone number for an account.
 *
 * Owns: the table `phone_changes` and the column `users.phone` once it is written. The new number is always proved by a code; the
 * old one by a code as well, or, where it is lost, by the password in its place. Then money waits a day before it can go to a
 * bank, time enough for the owner of the old number to see that the session is gone.
 *
 * Never: says that a number has an account before it is proved.
 */
import { and, eq, gt, lt, ne, sql } from 'drizzle-orm';
import type { PhoneChangeStarted } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import { inTransaction, violatedConstraint } from '../db/retry.ts';
import { ownerCodes, phoneChanges, users } from '../db/schema/accounts.ts';
import { problem } from '../http/problem.ts';
import { writeEvent } from './account-events.ts';
import type { SignedIn } from './authenticate.ts';
import { verifyPassword } from './password.ts';
import { normalisePhone } from './phone.ts';
import { useStepUp } from './risky-acts.ts';
import { checkCode, MAX_CHECKS, OTP_LIFE_MS, RESEND_AFTER_MS, sendCode } from './sms-codes.ts';
import { withdrawOffersTo } from './teams.ts';
import { findUserById } from './users.ts';

type Needs = Pick<ServerContext, 'db' | 'clock' | 'config' | 'limits' | 'notify' | 'sessions'>;

/** Without the old number's proof. */
const WITHDRAWALS_WAIT_MS = 24 * 3_600_000;

export interface PhoneChangeRequest {
  readonly phone: string;
  readonly password?: string | undefined;
  readonly address: string;
}

/**
 * @throws ApiProblem `step_up_required`, `credentials_incorrect`, `phone_number_invalid`, `rate_limited`, `sms_not_sent`
 */
export async function startPhoneChange(
  needs: Needs,
  person: SignedIn,
  request: PhoneChangeRequest,
): Promise<PhoneChangeStarted> {
  const { db, clock, config, limits } = needs;
  const { userId, sessionId } = person;
  const phone = normalisePhone(request.phone, config.region);
  const provedBy = (await provedAlready(needs, person)) ?? (await prove(needs, person, request.password));
  await limits.take('phone_change_by_user', userId);
  const expiresAt = new Date(clock.nowMs() + OTP_LIFE_MS);
  // The proof is used up and stands in this row now: asking for another code, or correcting the number, needs no second one.
  const row = { sessionId, phone, provedBy, expiresAt, verificationId: null, checkCount: 0 };
  await db
    .insert(phoneChanges)
    .values({ userId, ...row })
    .onConflictDoUpdate({ target: phoneChanges.userId, set: row });
  const verificationId = await sendCode(needs, { phone, address: request.address });
  await db
    .update(phoneChanges)
    .set({ verificationId })
    .where(and(eq(phoneChanges.userId, userId), eq(phoneChanges.phone, phone)));
  return { phone, expiresAt: expiresAt.toISOString(), resendAfterMs: RESEND_AFTER_MS };
}

/** How this session proved itself for a change that is under way. */
async function provedAlready({ db, clock }: Needs, { userId, sessionId }: SignedIn) {
  const [row] = await db
    .select({ provedBy: phoneChanges.provedBy })
    .from(phoneChanges)
    .where(
      and(
        eq(phoneChanges.userId, userId),
        eq(phoneChanges.sessionId, sessionId),
        gt(phoneChanges.expiresAt, new Date(clock.nowMs())),
      ),
    );
  return row?.provedBy ?? null;
}

async function prove(
  needs: Needs,
  person: SignedIn,
  password: string | undefined,
): Promise<'old_number' | 'password'> {
  if (await useStepUp(needs, person, 'phone_change')) return 'old_number';
  if (password === undefined) throw problem('step_up_required', { members: { act: 'phone_change' } });
  await assertPassword(needs, person.userId, password);
  return 'password';
}

/** The password again, in a session. @throws ApiProblem `credentials_incorrect`, `rate_limited` */
export async function assertPassword(
  { db, limits }: Pick<ServerContext, 'db' | 'limits'>,
  userId: string,
  password: string,
): Promise<void> {
  await limits.take('password_by_user', userId);
  const user = await findUserById(db, userId);
  if (user === undefined || !(await verifyPassword(password, user.passwordHash)))
    throw problem('password_incorrect');
  await limits.forgive('password_by_user', userId);
}

/** @throws ApiProblem `otp_incorrect`, `otp_expired`, `otp_too_many_attempts`, `phone_number_taken` */
export async function finishPhoneChange(
  needs: Needs,
  { userId, sessionId }: SignedIn,
  { code, address }: { readonly code: string; readonly address: string },
): Promise<void> {
  const { db, clock, limits, sessions } = needs;
  await limits.take('verify_by_address', address);
  const now = new Date(clock.nowMs());
  const running = and(
    eq(phoneChanges.userId, userId),
    eq(phoneChanges.sessionId, sessionId),
    gt(phoneChanges.expiresAt, now),
  );
  // Counted before the provider is asked, so that parallel guesses cannot share one count.
  const [row] = await db
    .update(phoneChanges)
    .set({ checkCount: sql`${phoneChanges.checkCount} + 1` })
    .where(and(running, lt(phoneChanges.checkCount, MAX_CHECKS)))
    .returning();
  if (row === undefined) {
    const [spent] = await db.select({ userId: phoneChanges.userId }).from(phoneChanges).where(running);
    throw problem(spent === undefined ? 'otp_expired' : 'otp_too_many_attempts');
  }
  const { verificationId, phone, provedBy } = row;
  if (verificationId === null) throw problem('otp_expired');
  await checkCode(needs, { verificationId, code, audience: 'stranger' });
  try {
    await inTransaction(db, async (tx) => {
      const done = await tx
        .delete(phoneChanges)
        .where(and(running, eq(phoneChanges.phone, phone)))
        .returning({ userId: phoneChanges.userId });
      if (done.length === 0) throw problem('otp_expired');
      const [before] = await tx.select({ phone: users.phone }).from(users).where(eq(users.id, userId));
      if (before !== undefined && before.phone !== phone) await withdrawOffersTo(tx, before.phone, now);
      const held = { withdrawalsFrom: new Date(now.getTime() + WITHDRAWALS_WAIT_MS) };
      await tx
        .update(users)
        .set({ phone, ...(provedBy === 'password' ? held : {}) })
        .where(and(eq(users.id, userId), ne(users.phone, phone)));
      // A code on its way to the old number confirms nothing any more.
      await tx.delete(ownerCodes).where(eq(ownerCodes.userId, userId));
      await sessions.endAll(userId, 'credentials_changed', { executor: tx, exceptId: sessionId });
      await writeEvent({ db: tx, clock }, { userId, kind: 'phone_changed', proof: provedBy, sessionId });
    });
  } catch (error) {
    if (violatedConstraint(error) === 'users_phone') throw problem('phone_number_taken', { cause: error });
    throw error;
  }
}
