/**
 * A phone is lost, stolen or replaced: its owner takes an allowance out of the world without the phone's signature.
 *
 * Owns: denials with the reason `lost`. Never: moves money; that is `give-back.ts`, and nobody knows here what the
 * phone has spent.
 */
import { and, eq } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { allowances } from '../db/schema/allowances.ts';
import { problem } from '../http/problem.ts';
import { deny, hasRoomForLoss } from '../trust/index.ts';
import { giveBack } from './give-back.ts';
import type { AllowanceNeeds } from './issue.ts';
import type { AllowanceRow } from './views.ts';

const DENY_LATER_MS = 5 * 60_000;

export interface LostAllowance {
  readonly userId: string;
  readonly allowanceId: string;
}

/**
 * Denies it everywhere. What shops accepted before they could know is still paid from the reserve; the rest returns
 * by the rules of decisions/0002. Repeatable; one that is closing or over is left as it is.
 * @param worker returns the rest: whether that is safe is a question about every shop
 * @throws ApiProblem `allowance_not_found`, `service_unavailable` (the deny list is full)
 */
export async function denyLostAllowance(
  needs: AllowanceNeeds,
  lost: LostAllowance,
  worker: Db,
): Promise<AllowanceRow> {
  const { db, clock, offline } = needs;
  const mine = and(eq(allowances.id, lost.allowanceId), eq(allowances.userId, lost.userId));
  await inTransaction(db, async (tx) => {
    const [row] = await tx.select().from(allowances).where(mine).for('no key update');
    if (row === undefined) throw problem('allowance_not_found');
    // Everything else is on the deny list already, or has nothing left that could be spent.
    if (row.status !== 'active') return;
    // Nothing may be denied under a version and missing from its list: kiosks are taken at their word for both.
    if (!(await hasRoomForLoss(tx, new Date(clock.nowMs())))) {
      throw problem('service_unavailable', {
        detail: 'too many allowances are denied at this moment',
        retryAfterMs: DENY_LATER_MS,
      });
    }
    const deniedVersion = await deny(tx, [
      { kind: 'allowance', subjectId: row.id, reason: 'lost', notAfter: row.notAfter },
    ]);
    await tx.update(allowances).set({ status: 'denied', deniedVersion }).where(eq(allowances.id, row.id));
  });
  await giveBack({ db: worker, clock, policy: offline.policy }, lost.allowanceId);
  const [row] = await db.select().from(allowances).where(mine);
  if (row === undefined) throw problem('allowance_not_found');
  return row;
}
