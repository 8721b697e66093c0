/**
 * People, as an operator may know them: found by the whole number, shown masked; suspended and restored with a reason. Never: shows a
 * number or a name in full, or touches anybody's money.
 */
import { and, count, eq, gt, isNull, sql } from 'drizzle-orm';
import type { OperatorUserView } from '../../contract/index.ts';
import {
  findStoredPerson,
  findSuspension,
  maskName,
  maskPhone,
  restore,
  suspend,
} from '../accounts/index.ts';
import type { ServerContext } from '../context.ts';
import { inTransaction } from '../db/retry.ts';
import { sessions, users } from '../db/schema/accounts.ts';
import { debts } from '../db/schema/settlement.ts';
import { problem } from '../http/problem.ts';
import { type ActBy, writeDown } from './audit.ts';

type Needs = Pick<ServerContext, 'db' | 'clock' | 'config' | 'sessions'>;

/** Who looked whom up is written down before it is answered. @throws ApiProblem `recipient_not_found` */
export async function findPerson(
  needs: Needs,
  { phone, operatorId }: { readonly phone: string; readonly operatorId: string },
): Promise<OperatorUserView> {
  const user = await findStoredPerson(needs.db, { phone });
  if (user === undefined) throw problem('recipient_not_found');
  const at = new Date(needs.clock.nowMs());
  await inTransaction(needs.db, (tx) =>
    writeDown(tx, { operatorId, reason: '' }, { act: 'user_found', subjectId: user.id, at }),
  );
  return viewOf(needs, user.id);
}

/** Signed out everywhere, and not let in again. @throws ApiProblem `recipient_not_found`, `not_permitted` for oneself */
export async function suspendPerson(needs: Needs, userId: string, by: ActBy): Promise<OperatorUserView> {
  // Who locks out the last operator has nobody left to undo it.
  if (userId === by.operatorId) throw problem('not_permitted');
  await mustExist(needs, userId);
  const at = new Date(needs.clock.nowMs());
  await inTransaction(needs.db, async (tx) => {
    if (await suspend(tx, { userId, reason: by.reason, since: at }))
      await writeDown(tx, by, { act: 'user_suspended', subjectId: userId, at });
  });
  // After the commit, so that no session opens between the two.
  await needs.sessions.revokeAll(userId);
  return viewOf(needs, userId);
}

/** @throws ApiProblem `recipient_not_found` */
export async function restorePerson(needs: Needs, userId: string, by: ActBy): Promise<OperatorUserView> {
  await mustExist(needs, userId);
  const at = new Date(needs.clock.nowMs());
  await inTransaction(needs.db, async (tx) => {
    if (await restore(tx, userId, at))
      await writeDown(tx, by, { act: 'user_restored', subjectId: userId, at });
  });
  return viewOf(needs, userId);
}

/** A stolen phone that is signed in: whoever it is has to sign in again. @throws ApiProblem `recipient_not_found` */
export async function endSessions(needs: Needs, userId: string, by: ActBy): Promise<OperatorUserView> {
  await mustExist(needs, userId);
  const at = new Date(needs.clock.nowMs());
  await inTransaction(needs.db, (tx) => writeDown(tx, by, { act: 'sessions_ended', subjectId: userId, at }));
  await needs.sessions.revokeAll(userId);
  return viewOf(needs, userId);
}

async function mustExist({ db }: Needs, userId: string): Promise<void> {
  if ((await findStoredPerson(db, { id: userId })) === undefined) throw problem('recipient_not_found');
}

async function viewOf({ db, clock, config }: Needs, userId: string): Promise<OperatorUserView> {
  const now = new Date(clock.nowMs());
  const user = await findStoredPerson(db, { id: userId });
  if (user === undefined) throw problem('recipient_not_found');
  const [row] = await db.select({ createdAt: users.createdAt }).from(users).where(eq(users.id, userId));
  const [open] = await db
    .select({ count: count() })
    .from(sessions)
    .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt), gt(sessions.expiresAt, now)));
  const [owed] = await db
    .select({ minor: sql<string>`coalesce(sum(${debts.amountMinor} - ${debts.recoveredMinor}), 0)` })
    .from(debts)
    .where(eq(debts.userId, userId));
  const suspension = await findSuspension(db, userId);
  return {
    id: user.id,
    role: user.role,
    maskedName: maskName(user.username),
    maskedPhone: maskPhone(user.phone),
    createdAt: (row?.createdAt ?? now).toISOString(),
    businessName: user.merchant?.businessName ?? null,
    openSessionCount: open?.count ?? 0,
    openDebtMinor: owed?.minor ?? '0',
    currency: config.currency,
    suspension:
      suspension === undefined ? null : { since: suspension.since.toISOString(), reason: suspension.reason },
  };
}
