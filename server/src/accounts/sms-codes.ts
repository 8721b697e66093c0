/**
 * A code by SMS: sending one within the budgets, and what a typed one is worth (R53, R54).
 *
 * Owns: which of the provider's answers is which problem; the table `owner_codes`, which says what the one running code of a
 * person is for. Never: sees a code before the person typed it, and keeps none: the provider makes and compares them.
 */
import { and, eq, gt, isNull, lt, sql } from 'drizzle-orm';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { ServerContext } from '../context.ts';
import { type CodePurpose, ownerCodes } from '../db/schema/accounts.ts';
import { EVERYBODY } from '../http/rate-limits.ts';
import { problem } from '../http/problem.ts';
import type { CodeAudience } from '../notify/port.ts';

/** R53: a code lives ten minutes, five wrong ones end it. */
export const OTP_LIFE_MS = 10 * 60_000;
export const MAX_CHECKS = 5;
export const RESEND_AFTER_MS = 30_000;

type Sending = Pick<ServerContext, 'limits' | 'notify' | 'config'>;
type OwnerNeeds = Pick<ServerContext, 'db' | 'clock' | 'limits' | 'notify'>;

/** What a code to a number costs somebody whom we do not know: refused before anything is sent. @throws ApiProblem `rate_limited` */
export async function takeStrangersBudget(
  { limits, config }: Pick<ServerContext, 'limits' | 'config'>,
  to: { readonly phone: string; readonly address: string },
): Promise<void> {
  limits.refuseIfSpent('sms_to_strangers');
  limits.refuseIfSpent('sms_in_all');
  await limits.take('sms_by_address', to.address);
  await limits.take('sms_by_phone', to.phone);
  await limits.take('sms_by_range', to.phone.slice(0, -3));
  const country = parsePhoneNumberFromString(to.phone)?.country;
  if (country !== config.region) await limits.take('sms_by_foreign_country', country ?? 'none');
}

/**
 * To a number that somebody typed. @returns the provider's id of the verification.
 * @throws ApiProblem `rate_limited`, `phone_number_invalid`, `sms_not_sent`
 */
export async function sendCode(
  needs: Sending,
  to: { readonly phone: string; readonly address: string },
): Promise<string> {
  await takeStrangersBudget(needs, to);
  return sendWithinDay(needs, to.phone, 'stranger');
}

/** @throws ApiProblem `rate_limited`, `phone_number_invalid`, `sms_not_sent` */
export async function sendWithinDay(
  { limits, notify }: Pick<ServerContext, 'limits' | 'notify'>,
  phone: string,
  audience: CodeAudience,
): Promise<string> {
  if (audience === 'stranger') await limits.take('sms_to_strangers', EVERYBODY);
  await limits.take('sms_in_all', EVERYBODY);
  const started = await notify.startVerification(phone, audience);
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
  typed: { readonly verificationId: string; readonly code: string; readonly audience: CodeAudience },
): Promise<void> {
  const check = await notify.checkVerification(typed.verificationId, typed.code, typed.audience);
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

/** Which act a code is for: it confirms this one and no other (R53: bound). */
export interface CodeFor {
  readonly userId: string;
  readonly purpose: CodePurpose;
  /** Which session, withdrawal or log-in. */
  readonly subject: string;
}

/**
 * To the number of an account, for its owner. A code that runs for another act is ended first, so that what one SMS says can
 * never confirm what another asked for; for the same act the same code comes again.
 * @returns the provider's id of the verification.
 * @throws ApiProblem `rate_limited`, `phone_number_invalid`, `sms_not_sent`
 */
export async function sendOwnerCode(
  needs: OwnerNeeds,
  act: CodeFor & { readonly phone: string },
): Promise<string> {
  const { db, clock, limits, notify } = needs;
  const { userId, purpose, subject, phone } = act;
  await limits.take('step_up_sms_by_user', userId);
  await limits.take('sms_by_user', userId);
  const nowMs = clock.nowMs();
  const [running] = await db.select().from(ownerCodes).where(eq(ownerCodes.userId, userId));
  const isSame =
    running !== undefined &&
    running.purpose === purpose &&
    running.subject === subject &&
    running.provedAt === null &&
    running.expiresAt.getTime() > nowMs;
  if (running !== undefined && !isSame && !(await notify.cancelVerification(running.verificationId, 'owner')))
    throw problem('sms_not_sent', { retryAfterMs: 5000 });
  const verificationId = await sendWithinDay(needs, phone, 'owner');
  const row = { purpose, subject, verificationId, expiresAt: new Date(nowMs + OTP_LIFE_MS), provedAt: null };
  await db
    .insert(ownerCodes)
    .values({ userId, ...row })
    .onConflictDoUpdate({
      target: ownerCodes.userId,
      set: {
        ...row,
        // Asking again, for this act or another, gives no new guesses; a right code, or ten minutes, do.
        checkCount: sql`case when ${ownerCodes.provedAt} is null and ${gt(ownerCodes.expiresAt, new Date(nowMs))}
          then ${ownerCodes.checkCount} else 0 end`,
      },
    });
  return verificationId;
}

const isRunning = ({ userId, purpose, subject }: CodeFor, nowMs: number) =>
  and(
    eq(ownerCodes.userId, userId),
    eq(ownerCodes.purpose, purpose),
    eq(ownerCodes.subject, subject),
    gt(ownerCodes.expiresAt, new Date(nowMs)),
  );

/**
 * The person typed a code. Afterwards the act is proved once: {@link useOwnerProof}.
 * @throws ApiProblem `otp_incorrect`, `otp_expired`, `otp_too_many_attempts`, `rate_limited`
 */
export async function proveOwnerCode(needs: OwnerNeeds, act: CodeFor, code: string): Promise<void> {
  const { db, clock, limits } = needs;
  const waits = and(isRunning(act, clock.nowMs()), isNull(ownerCodes.provedAt));
  const [found] = await db.select({ id: ownerCodes.userId }).from(ownerCodes).where(waits);
  if (found === undefined) throw problem('otp_expired');
  // Counted before the provider is asked, so that parallel guesses cannot share one count.
  const [counted] = await db
    .update(ownerCodes)
    .set({ checkCount: sql`${ownerCodes.checkCount} + 1` })
    .where(and(waits, lt(ownerCodes.checkCount, MAX_CHECKS)))
    .returning({ verificationId: ownerCodes.verificationId });
  if (counted === undefined) throw problem('otp_too_many_attempts');
  // Counted for the person, too: another act, or another code, gives no new guesses.
  await limits.take('step_up_check_by_user', act.userId);
  await checkCode(needs, { verificationId: counted.verificationId, code, audience: 'owner' });
  await limits.forgive('step_up_check_by_user', act.userId);
  await db
    .update(ownerCodes)
    .set({ provedAt: new Date(clock.nowMs()) })
    .where(and(waits, eq(ownerCodes.verificationId, counted.verificationId)));
}

/** Uses up the proof that a code gave. @returns false when there is none for this act. */
export async function useOwnerProof(
  { db, clock }: Pick<ServerContext, 'db' | 'clock'>,
  act: CodeFor,
): Promise<boolean> {
  const proved = and(isRunning(act, clock.nowMs()), sql`${ownerCodes.provedAt} is not null`);
  const used = await db.delete(ownerCodes).where(proved).returning({ id: ownerCodes.userId });
  return used.length > 0;
}
