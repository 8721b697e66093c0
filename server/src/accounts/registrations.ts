/**
 * Registration: a code by SMS first, an account only after it came back.
 *
 * Owns: the table `registrations` and the making of users, merchants and their first ledger account.
 * Never: tells a stranger whether a number has an account. That is said only after the code proved the phone.
 */
import { randomUUIDv7 } from 'node:crypto';
import { and, eq, isNull, lt, lte, sql } from 'drizzle-orm';
import type { RegisterResult, RegisterRole } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import { merchants, registrations, teamMembers, users } from '../db/schema/accounts.ts';
import { inTransaction, violatedConstraint } from '../db/retry.ts';
import { problem } from '../http/problem.ts';
import { openAccount } from '../ledger/index.ts';
import { assertPasswordFit, hashPassword } from './password.ts';
import { normalisePhone } from './phone.ts';
import { checkCode, MAX_CHECKS, OTP_LIFE_MS, RESEND_AFTER_MS, sendCode } from './sms-codes.ts';
import { findUserById, type StoredUser } from './users.ts';

/** SMS per registration; a person who needs more starts again. */
const MAX_SENDS = 5;

type Row = typeof registrations.$inferSelect;
type Needs = Pick<ServerContext, 'db' | 'clock' | 'config' | 'limits' | 'notify'>;

export interface RegistrationRequest {
  readonly role: RegisterRole;
  readonly phone: string;
  readonly username: string;
  readonly password: string;
  readonly businessName?: string | undefined;
  readonly address: string;
}

export class Registrations {
  readonly #needs: Needs;
  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** @throws ApiProblem `phone_number_invalid`, `password_too_weak`, `username_taken`, `sms_not_sent`, `rate_limited` */
  async start(request: RegistrationRequest): Promise<RegisterResult> {
    const { db, clock, config, limits } = this.#needs;
    const phone = normalisePhone(request.phone, config.region);
    const { role, username, businessName = null } = request;
    if (role === 'merchant' && businessName === null)
      throw problem('request_invalid', { detail: 'businessName: required' });
    assertPasswordFit(request.password, { phone, username });
    await limits.take('register_by_address', request.address);
    await this.#assertUsernameFree(username);
    const passwordHash = await hashPassword(request.password);
    const id = randomUUIDv7();
    const now = new Date(clock.nowMs());
    const expiresAt = new Date(now.getTime() + OTP_LIFE_MS);
    const merchantName = role === 'merchant' ? businessName : null;
    const [row] = await db
      .insert(registrations)
      .values({
        id,
        role,
        phone,
        username,
        passwordHash,
        businessName: merchantName,
        sentCount: 1,
        lastSentAt: now,
        expiresAt,
        createdAt: now,
      })
      .returning();
    if (row === undefined) throw new Error('the registration was not stored');
    return this.#send(row, request.address);
  }

  /** @throws ApiProblem `registration_not_found`, `rate_limited` with the time to wait, `sms_not_sent` */
  async resend(registrationId: string, address: string): Promise<RegisterResult> {
    const { db, clock } = this.#needs;
    const now = new Date(clock.nowMs());
    // Claimed before it is sent, so that many requests at once cause one SMS.
    const [claimed] = await db
      .update(registrations)
      .set({ sentCount: sql`${registrations.sentCount} + 1`, lastSentAt: now })
      .where(
        and(
          eq(registrations.id, registrationId),
          isNull(registrations.completedAt),
          lt(registrations.sentCount, MAX_SENDS),
          lte(registrations.lastSentAt, new Date(now.getTime() - RESEND_AFTER_MS)),
        ),
      )
      .returning();
    if (claimed !== undefined) return this.#send(claimed, address);
    const { sentCount, lastSentAt } = await this.#find(registrationId);
    if (sentCount >= MAX_SENDS) throw problem('otp_too_many_attempts');
    const sinceLastMs = now.getTime() - (lastSentAt?.getTime() ?? 0);
    throw problem('rate_limited', { retryAfterMs: Math.max(0, RESEND_AFTER_MS - sinceLastMs) });
  }

  /**
   * Makes the account once the code is right.
   * @throws ApiProblem `otp_incorrect`, `otp_expired`, `otp_too_many_attempts`, `phone_number_taken`, `username_taken`
   */
  async verify(registrationId: string, code: string, address: string): Promise<StoredUser> {
    const { db, clock, limits } = this.#needs;
    await limits.take('verify_by_address', address);
    const row = await this.#find(registrationId);
    if (row.expiresAt.getTime() <= clock.nowMs() || row.verificationId === null) throw problem('otp_expired');
    // Counted before the provider is asked, so that parallel guesses cannot share one count.
    const [counted] = await db
      .update(registrations)
      .set({ checkCount: sql`${registrations.checkCount} + 1` })
      .where(and(eq(registrations.id, row.id), lt(registrations.checkCount, MAX_CHECKS)))
      .returning({ id: registrations.id });
    if (counted === undefined) throw problem('otp_too_many_attempts');
    await checkCode(this.#needs, { verificationId: row.verificationId, code, audience: 'stranger' });
    return this.#complete(row);
  }

  async #find(registrationId: string): Promise<Row> {
    const open = and(eq(registrations.id, registrationId), isNull(registrations.completedAt));
    const [row] = await this.#needs.db.select().from(registrations).where(open);
    if (row === undefined) throw problem('registration_not_found');
    return row;
  }

  async #send(row: Row, address: string): Promise<RegisterResult> {
    const { db, clock } = this.#needs;
    const verificationId = await sendCode(this.#needs, { phone: row.phone, address });
    const expiresAt = new Date(clock.nowMs() + OTP_LIFE_MS);
    await db
      .update(registrations)
      .set({
        verificationId,
        expiresAt,
        // A new code at the provider has new attempts; a repeated one keeps its count, as it stands now.
        checkCount: sql`case when ${registrations.verificationId} = ${verificationId}
          then ${registrations.checkCount} else 0 end`,
      })
      .where(eq(registrations.id, row.id));
    return {
      registrationId: row.id,
      phone: row.phone,
      expiresAt: expiresAt.toISOString(),
      resendAfterMs: RESEND_AFTER_MS,
    };
  }

  async #assertUsernameFree(username: string): Promise<void> {
    const same = sql`lower(${users.username}) = lower(${username})`;
    const [taken] = await this.#needs.db.select({ id: users.id }).from(users).where(same);
    if (taken !== undefined) throw problem('username_taken');
  }

  async #complete(row: Row): Promise<StoredUser> {
    const { db, clock, config } = this.#needs;
    const userId = randomUUIDv7();
    const createdAt = new Date(clock.nowMs());
    try {
      return await inTransaction(db, async (tx) => {
        const { role, phone, username, passwordHash } = row;
        await tx.insert(users).values({ id: userId, role, phone, username, passwordHash, createdAt });
        if (row.businessName === null) {
          await openAccount(tx, {
            kind: 'user_online',
            ownerId: userId,
            holderId: userId,
            currency: config.currency,
          });
        } else {
          const merchantId = randomUUIDv7();
          await tx
            .insert(merchants)
            .values({ id: merchantId, ownerUserId: userId, businessName: row.businessName, createdAt });
          await tx
            .insert(teamMembers)
            .values({ id: randomUUIDv7(), merchantId, userId, role: 'owner', addedAt: createdAt });
          const account = { kind: 'merchant_available', ownerId: merchantId, holderId: userId } as const;
          await openAccount(tx, { ...account, currency: config.currency });
        }
        // The password stands with the user now; the copy of it here has no further use.
        const done = { completedAt: createdAt, passwordHash: '' };
        await tx.update(registrations).set(done).where(eq(registrations.id, row.id));
        const user = await findUserById(tx, userId);
        if (user === undefined) throw new Error('the user was not stored');
        return user;
      });
    } catch (error) {
      const constraint = violatedConstraint(error);
      if (constraint === 'users_phone') throw problem('phone_number_taken', { cause: error });
      if (constraint === 'users_username') throw problem('username_taken', { cause: error });
      throw error;
    }
  }
}
