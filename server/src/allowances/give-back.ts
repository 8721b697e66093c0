/**
 * The way back: what an allowance did not spend returns to the online wallet, exactly once, when nothing that could
 * still claim it is missing (decisions/0002-returning-unspent-allowance.md).
 *
 * Owns: transfers of kind `allowance_return`. Never: believes the phone's word alone.
 */
import { randomUUIDv7 } from 'node:crypto';
import { and, eq, lte, type SQL, sql } from 'drizzle-orm';
import { CLOCK_TOLERANCE_SECONDS, FRESH_HALF_SECONDS } from '@tikiwallet/protocol';
import type { Clock } from '../clock.ts';
import type { Db, Tx } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { allowances } from '../db/schema/allowances.ts';
import { kioskEnrolments } from '../db/schema/kiosks.ts';
import { doubleSpendCases } from '../db/schema/settlement.ts';
import { deniedSubjects } from '../db/schema/trust.ts';
import { recoverDebts } from '../debts/recover.ts';
import { findAccount, postTransfers } from '../ledger/index.ts';
import type { OfflinePolicy } from '../trust/index.ts';
import { reservedMinor } from './views.ts';

export interface GiveBackNeeds {
  readonly db: Db;
  readonly clock: Clock;
  readonly policy: Pick<OfflinePolicy, 'kiosk'>;
}

/** Returned per round; the next round takes the rest. */
const ROUND = 200;

/**
 * Enrolments that may have accepted the allowance without saying so: those that its payee lock admits, whose journal is
 * not closed under a list that names it, and that had a bundle recent enough when it was issued. A kiosk accepts no
 * certificate before its time, so its own clock, right or wrong, has counted the bundle's age up to `notBefore` at least;
 * and a first payment of an allowance that is not locked to the very kiosk needs a bundle that is no older than
 * FRESH_HALF_SECONDS (page 09).
 */
function mayHoldMore({ policy }: GiveBackNeeds): SQL {
  const open = Math.min(policy.kiosk.maxOfflineSeconds, FRESH_HALF_SECONDS) + CLOCK_TOLERANCE_SECONDS;
  const locked = policy.kiosk.maxOfflineSeconds + CLOCK_TOLERANCE_SECONDS;
  return sql`e.reported_deny_list_version < ${allowances.deniedVersion}
    and (${allowances.payeeMerchantId} is null or e.merchant_id = ${allowances.payeeMerchantId})
    and (${allowances.payeeKioskId} is null or e.kiosk_id = ${allowances.payeeKioskId})
    and e.last_bundle_at >= ${allowances.notBefore}
      - make_interval(secs => case when ${allowances.payeeKioskId} is null then ${open}::float8 else ${locked}::float8 end)`;
}

/**
 * A closing allowance whose every reported payment has settled, and of which no machine can hold an unreported one:
 * each has closed its journal under a deny list that names it, or has had no trust bundle recent enough to accept
 * anything since it was issued.
 */
function isAccountedFor(needs: GiveBackNeeds): SQL {
  return sql`(${allowances.status} = 'closing'
    and ${allowances.settledMinor} >= ${allowances.closingCumulativeMinor}
    and not exists (
      select 1 from ${kioskEnrolments} e
      where e.ended_at is null and ${mayHoldMore(needs)}))`;
}

/**
 * One that its owner denied without a statement: nobody has said what was spent, so every machine counts that could
 * hold an unreported payment, also one that was denied or replaced since - customers' receipts may still bring its
 * claims. With a proof of double spend or a dispute a person decides.
 */
function isLostAndAccountedFor(needs: GiveBackNeeds): SQL {
  return sql`(${allowances.status} = 'denied'
    and ${allowances.settledMinor} + ${allowances.returnedMinor} < ${allowances.capMinor}
    and ${allowances.disputedCount} = 0
    and exists (
      select 1 from ${deniedSubjects} d
      where d.kind = 'allowance' and d.subject_id = ${allowances.id} and d.reason = 'lost')
    and not exists (select 1 from ${doubleSpendCases} c where c.allowance_id = ${allowances.id})
    and not exists (
      select 1 from ${kioskEnrolments} e
      where (e.ended_at is null or e.ended_at >= ${allowances.notBefore}) and ${mayHoldMore(needs)}))`;
}

/** The claim window is over. With an open dispute the rest stays, for a person to decide. */
function isOverdue({ clock }: GiveBackNeeds): SQL {
  const now = new Date(clock.nowMs()).toISOString();
  return sql`(${allowances.returnsAt} <= ${now}::timestamptz
    and (${allowances.status} in ('active', 'closing')
      or (${allowances.status} = 'denied'
        and ${allowances.settledMinor} + ${allowances.returnedMinor} < ${allowances.capMinor}))
    and ${allowances.disputedCount} = 0)`;
}

const mayReturn = (needs: GiveBackNeeds): SQL =>
  sql`(${isAccountedFor(needs)} or ${isLostAndAccountedFor(needs)} or ${isOverdue(needs)})`;

/** Returns the rest of one allowance if that is safe now. Idempotent. */
export function giveBack(needs: GiveBackNeeds, allowanceId: string): Promise<boolean> {
  return inTransaction(needs.db, async (tx) => {
    // First the lock, then the question: a settlement that holds the row may be about to change the answer.
    await tx
      .select({ id: allowances.id })
      .from(allowances)
      .where(eq(allowances.id, allowanceId))
      .for('no key update');
    const [row] = await tx
      .select()
      .from(allowances)
      .where(and(eq(allowances.id, allowanceId), mayReturn(needs)));
    if (row === undefined) return false;
    const restMinor = reservedMinor(row);
    if (restMinor > 0n) await post(tx, row, restMinor);
    await tx
      .update(allowances)
      .set({
        returnedMinor: row.returnedMinor + restMinor,
        // A denied one stays denied: its payments must never look acceptable again.
        ...(row.status === 'denied' ? {} : { status: 'closed' as const }),
        closedAt: new Date(needs.clock.nowMs()),
      })
      .where(eq(allowances.id, allowanceId));
    return true;
  });
}

async function post(tx: Tx, row: typeof allowances.$inferSelect, restMinor: bigint): Promise<void> {
  const online = await findAccount(tx, { kind: 'user_online', ownerId: row.userId, currency: row.currency });
  const transferId = randomUUIDv7();
  const [posted] = await postTransfers(tx, [
    {
      id: transferId,
      kind: 'allowance_return',
      idempotencyKey: `allowance_return:${row.id}`,
      reference: { allowanceId: row.id },
      entries: [
        { accountId: row.reserveAccountId, amountMinor: -restMinor },
        { accountId: online, amountMinor: restMinor },
      ],
    },
  ]);
  if (posted?.status !== 'posted') throw new Error(`returning allowance ${row.id} was ${posted?.status}`);
  await recoverDebts(tx, { userId: row.userId, currency: row.currency, amountMinor: restMinor, transferId });
}

/** Everything that may return now, of one user or of all. @returns how many allowances were closed. */
export async function giveBackAll(needs: GiveBackNeeds, userId?: string): Promise<number> {
  const whose = userId === undefined ? sql`true` : eq(allowances.userId, userId);
  const due = await needs.db
    .select({ id: allowances.id })
    .from(allowances)
    .where(and(whose, sql`${allowances.status} <> 'closed'`, mayReturn(needs)))
    .limit(ROUND);
  let closed = 0;
  for (const { id } of due) if (await giveBack(needs, id)) closed += 1;
  return closed;
}

/** After a kiosk reported: the closing and the lost allowances that may have waited for it alone. */
export async function giveBackClosing(
  needs: GiveBackNeeds,
  reportedDenyListVersion: number,
): Promise<number> {
  let closed = 0;
  // Two questions, because each has an index of its own.
  for (const accountedFor of [isAccountedFor(needs), isLostAndAccountedFor(needs)]) {
    const due = await needs.db
      .select({ id: allowances.id })
      .from(allowances)
      .where(and(lte(allowances.deniedVersion, reportedDenyListVersion), accountedFor))
      .limit(ROUND);
    for (const { id } of due) if (await giveBack(needs, id)) closed += 1;
  }
  return closed;
}
