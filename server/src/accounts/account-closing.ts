/**
 * The end of an account.
 *
 * Owns: whether one may be closed, and what is erased then. It may when nothing is owed either way. What the law of ledgers needs
 * stays, under an id that names nobody: transfers with their masked texts, signed payments as evidence, who was in which team, the
 * trail of account events. Number, name, password, devices, bank account and invitations go, of an owner the business's name and its
 * programs' addresses, too; the number is free again at once.
 */
import { and, eq, isNull, ne, sql } from 'drizzle-orm';
import type { ClosingBlocker } from '../../contract/index.ts';
import type { ServerContext } from '../context.ts';
import type { Executor, Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import {
  ownerCodes,
  merchants,
  passwordResets,
  phoneChanges,
  registrations,
  sessions as sessionRows,
  teamInvitations,
  teamMembers,
  users,
} from '../db/schema/accounts.ts';
import { allowances } from '../db/schema/allowances.ts';
import { idempotencyKeys } from '../db/schema/http.ts';
import { bankAccounts } from '../db/schema/money.ts';
import { webhookEndpoints } from '../db/schema/webhooks.ts';
import { problem } from '../http/problem.ts';
import { lockBalances } from '../ledger/index.ts';
import { writeEvent } from './account-events.ts';
import type { SignedIn } from './authenticate.ts';
import { assertPassword } from './phone-change.ts';
import { requireStepUp } from './risky-acts.ts';

type Needs = Pick<ServerContext, 'db' | 'clock' | 'limits' | 'sessions' | 'config'>;

/** Each is a matter that only the person, or time, can end. */
export async function closingBlockers(executor: Executor, userId: string): Promise<ClosingBlocker[]> {
  const rows = await executor.execute<{ blocker: ClosingBlocker }>(sql`
    with mine as (select id from merchants where owner_user_id = ${userId})
    select 'balance' as blocker where exists (
      select from ledger_accounts where holder_id = ${userId} and kind in ('user_online', 'merchant_available')
        and balance_minor <> 0)
    union all select 'offline_money' where exists (
      select from allowances where user_id = ${userId} and status <> 'closed')
    union all select 'debt' where exists (
      select from debts where user_id = ${userId} and recovered_minor < amount_minor)
    union all select 'withdrawal' where exists (
      select from withdrawals where user_id = ${userId} and state in ('requested', 'sent', 'paying', 'returning'))
    union all select 'top_up' where exists (
      select from top_ups where user_id = ${userId} and status = 'awaiting_payment')
    union all select 'dispute' where exists (
      select from top_up_disputes d join top_ups t on t.id = d.top_up_id
        where t.user_id = ${userId} and d.state = 'open')
    union all select 'refunds_waiting' where exists (
      select from refunds where merchant_id in (select id from mine) and state = 'waiting')
    union all select 'kiosks' where exists (
      select from kiosks where merchant_id in (select id from mine) and status <> 'denied')`);
  return rows.map(({ blocker }) => blocker);
}

/** @throws ApiProblem `step_up_required`, `password_incorrect`, `account_not_empty`, `not_permitted` */
export async function closeAccount(needs: Needs, person: SignedIn, password: string): Promise<void> {
  const { db, clock, sessions } = needs;
  const { userId, sessionId } = person;
  // An operator is dismissed by who appointed them.
  if (person.role === 'operator') throw problem('not_permitted');
  if ((await closingBlockers(db, userId)).length > 0) throw problem('account_not_empty');
  await assertPassword(needs, userId, password);
  await requireStepUp(needs, person, 'account_closing');
  await inTransaction(db, async (tx) => {
    const [user] = await tx
      .select()
      .from(users)
      .where(and(eq(users.id, userId), isNull(users.closedAt)))
      .for('update');
    if (user === undefined) throw problem('not_authenticated');
    await lockPockets(tx, userId);
    // Again, now that no more money can come in or go out meanwhile.
    if ((await closingBlockers(tx, userId)).length > 0) throw problem('account_not_empty');
    await erase(tx, { userId, phone: user.phone, closedAt: new Date(clock.nowMs()) });
    await sessions.endAll(userId, 'account_closed', { executor: tx });
    await writeEvent(
      { db: tx, clock },
      { userId, kind: 'account_closed', proof: 'password_and_code', sessionId },
    );
  });
}

async function lockPockets(tx: Tx, userId: string): Promise<void> {
  const held = await tx.execute<{ id: string }>(
    sql`select id from ledger_accounts where holder_id = ${userId} and kind in ('user_online', 'merchant_available')`,
  );
  await lockBalances(
    tx,
    held.map(({ id }) => id),
  );
}

/** As customers whose history names the shop see it. */
const NAME_OF_NOBODY = '-';
/** Of a domain that never exists (RFC 2606). */
const ADDRESS_OF_NOBODY = 'https://closed.invalid/';

interface Closed {
  readonly userId: string;
  readonly phone: string;
  readonly closedAt: Date;
}

async function erase(tx: Tx, { userId, phone, closedAt }: Closed): Promise<void> {
  const nobody = `closed:${userId}`;
  await tx
    .update(users)
    .set({ phone: nobody, username: nobody, passwordHash: '', closedAt })
    .where(eq(users.id, userId));
  await tx.delete(bankAccounts).where(eq(bankAccounts.userId, userId));
  await tx.delete(ownerCodes).where(eq(ownerCodes.userId, userId));
  await tx.delete(phoneChanges).where(eq(phoneChanges.userId, userId));
  await tx.delete(passwordResets).where(eq(passwordResets.userId, userId));
  await tx.delete(registrations).where(eq(registrations.phone, phone));
  await tx.delete(idempotencyKeys).where(eq(idempotencyKeys.userId, userId));
  await tx
    .update(sessionRows)
    .set({ deviceName: null, proofKey: null })
    .where(eq(sessionRows.userId, userId));
  await tx
    .update(allowances)
    .set({ maskedPhone: '', phoneSalt: new Uint8Array(16) })
    .where(eq(allowances.userId, userId));
  const withdrawn = { endedAt: closedAt, endedReason: 'withdrawn' } as const;
  await tx
    .update(teamInvitations)
    .set(withdrawn)
    .where(
      and(
        // Of an owner all of the business's, of a manager what they offered themselves.
        sql`(${teamInvitations.merchantId} in (select id from merchants where owner_user_id = ${userId})
          or ${teamInvitations.invitedBy} = ${userId})`,
        isNull(teamInvitations.endedAt),
      ),
    );
  await tx
    .update(teamInvitations)
    .set({ phone: nobody, ...withdrawn })
    .where(and(eq(teamInvitations.phone, phone), isNull(teamInvitations.endedAt)));
  await tx.update(teamInvitations).set({ phone: nobody }).where(eq(teamInvitations.phone, phone));
  await endTeam(tx, userId, closedAt);
  await eraseBusiness(tx, userId, closedAt);
}

/** Of an owner: the business is closed with them, and often bears their name. */
async function eraseBusiness(tx: Tx, userId: string, closedAt: Date): Promise<void> {
  const closed = await tx
    .update(merchants)
    .set({ businessName: NAME_OF_NOBODY })
    .where(eq(merchants.ownerUserId, userId))
    .returning({ id: merchants.id });
  for (const { id } of closed)
    await tx
      .update(webhookEndpoints)
      .set({ url: ADDRESS_OF_NOBODY, disabledAt: closedAt })
      .where(eq(webhookEndpoints.merchantId, id));
}

/** Their own place, and, of an owner, everybody's: the business is closed with them. */
async function endTeam(tx: Tx, userId: string, endedAt: Date): Promise<void> {
  const end = { endedAt, endedBy: userId };
  await tx
    .update(teamMembers)
    .set(end)
    .where(and(eq(teamMembers.userId, userId), isNull(teamMembers.endedAt)));
  await tx
    .update(teamMembers)
    .set(end)
    .where(
      and(
        sql`${teamMembers.merchantId} in (select id from merchants where owner_user_id = ${userId})`,
        ne(teamMembers.userId, userId),
        isNull(teamMembers.endedAt),
      ),
    );
}
