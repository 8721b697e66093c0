/**
 * Who may not sign in. Owns: the table `suspensions`. Never: touches money, or what was signed offline; that is settled as always.
 */
import { randomUUIDv7 } from 'node:crypto';
import { and, eq, isNull } from 'drizzle-orm';
import type { Executor, Tx } from '../db/client.ts';
import { suspensions } from '../db/schema/operator.ts';
import { problem } from '../http/problem.ts';

const living = (userId: string) => and(eq(suspensions.userId, userId), isNull(suspensions.endedAt));

export async function findSuspension(
  executor: Executor,
  userId: string,
): Promise<{ readonly since: Date; readonly reason: string } | undefined> {
  const [found] = await executor
    .select({ since: suspensions.since, reason: suspensions.reason })
    .from(suspensions)
    .where(living(userId));
  return found;
}

/** @throws ApiProblem `account_suspended` */
export async function refuseSuspended(executor: Executor, userId: string): Promise<void> {
  if ((await findSuspension(executor, userId)) !== undefined) throw problem('account_suspended');
}

/** @returns false when the person was suspended already. */
export async function suspend(
  tx: Tx,
  { userId, reason, since }: { readonly userId: string; readonly reason: string; readonly since: Date },
): Promise<boolean> {
  const made = await tx
    .insert(suspensions)
    .values({ id: randomUUIDv7(), userId, reason, since })
    .onConflictDoNothing()
    .returning({ id: suspensions.id });
  return made.length > 0;
}

/** @returns false when there was nothing to end. */
export async function restore(tx: Tx, userId: string, endedAt: Date): Promise<boolean> {
  const ended = await tx
    .update(suspensions)
    .set({ endedAt })
    .where(living(userId))
    .returning({ id: suspensions.id });
  return ended.length > 0;
}
