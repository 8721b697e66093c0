/**
 * Operators: appointed in a terminal beside the database, never by the API, and signed in by password and code, always.
 *
 * Owns: users of the role `operator`.
 */
import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/client.ts';
import { inTransaction, violatedConstraint } from '../db/retry.ts';
import { sessions, users } from '../db/schema/accounts.ts';
import { problem } from '../http/problem.ts';
import { writeEvent } from './account-events.ts';
import { hashPassword } from './password.ts';

export interface Appointment {
  /** E.164. */
  readonly phone: string;
  readonly username: string;
}

/**
 * Makes an operator, or gives one a new password and ends their sessions.
 * @returns the password, which is nowhere else. @throws ApiProblem `phone_number_taken`, `username_taken`
 */
export async function appointOperator(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  { phone, username }: Appointment,
): Promise<string> {
  const password = randomBytes(15).toString('base64url');
  const passwordHash = await hashPassword(password);
  const now = new Date(clock.nowMs());
  try {
    await inTransaction(db, async (tx) => {
      const [known] = await tx
        .update(users)
        .set({ username, passwordHash })
        .where(and(eq(users.phone, phone), eq(users.role, 'operator')))
        .returning({ id: users.id });
      const userId = known?.id ?? randomUUIDv7();
      if (known === undefined)
        await tx
          .insert(users)
          .values({ id: userId, role: 'operator', phone, username, passwordHash, createdAt: now });
      await tx
        .update(sessions)
        .set({ revokedAt: now, revokedReason: 'credentials_changed' })
        .where(eq(sessions.userId, userId));
      await writeEvent({ db: tx, clock }, { userId, kind: 'operator_appointed' });
    });
  } catch (error) {
    const constraint = violatedConstraint(error);
    if (constraint === 'users_phone') throw problem('phone_number_taken', { cause: error });
    if (constraint === 'users_username') throw problem('username_taken', { cause: error });
    throw error;
  }
  return password;
}
