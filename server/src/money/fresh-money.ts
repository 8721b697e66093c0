/**
 * How much of somebody's money may still be taken back by a card's holder, and how much of that has left our reach.
 *
 * Money is alike, so this counts, over the hold's time, what came in by card or from another person (who may have it by
 * card) against what was there before: older money is taken to leave first. Reads the ledger only; nothing is kept, so
 * nothing can be out of step. `decisions/0011-money-out-and-money-on-hold.md` says why.
 */
import { sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';

export interface FreshMoney {
  readonly onlineMinor: bigint;
  /** In offline reserves, money on its way back included. */
  readonly reservedMinor: bigint;
  /** Within the hold's time: */
  readonly inflowMinor: bigint;
  readonly spentOfflineMinor: bigint;
  readonly withdrawnMinor: bigint;
}

export async function readFreshMoney(
  executor: Executor,
  query: { readonly userId: string; readonly currency: string; readonly since: Date },
): Promise<FreshMoney> {
  const { userId, currency } = query;
  const since = query.since.toISOString();
  // A card payment from before the hold that is taken back now takes nothing from what came in within it;
  // one whose refund failed is as fresh as it was.
  const [held] = await executor.execute<{ online: string; reserved: string }>(sql`
    select coalesce(sum(balance_minor) filter (where kind = 'user_online'), 0) as online,
           coalesce(sum(balance_minor) filter (where kind = 'allowance_reserve'), 0) as reserved
    from ledger_accounts where holder_id = ${userId} and currency = ${currency}`);
  const [moved] = await executor.execute<{ inflow: string; spent: string; withdrawn: string }>(sql`
    select coalesce(sum(e.amount_minor) filter (where a.kind = 'user_online'
             and (t.kind = 'top_up' or ((t.kind = 'top_up_reversal'
                    or (t.kind = 'correction' and t.reference->>'reason' = 'refund_failed')) and exists (
                    select 1 from ledger_transfers u
                    where u.id = (t.reference->>'topUpId')::uuid and u.created_at > ${since}::timestamptz))
               or (t.kind = 'user_transfer' and e.amount_minor > 0))), 0) as inflow,
           coalesce(-sum(e.amount_minor) filter (where a.kind = 'allowance_reserve' and t.kind in ('offline_payment', 'offline_payments')), 0) as spent,
           coalesce(-sum(e.amount_minor) filter (where a.kind = 'user_online' and t.kind in ('pay_out', 'pay_out_return')), 0) as withdrawn
    from ledger_accounts a
    join ledger_entries e on e.account_id = a.id
    join ledger_transfers t on t.id = e.transfer_id
    where a.holder_id = ${userId} and a.currency = ${currency} and t.created_at > ${since}::timestamptz`);
  return {
    onlineMinor: BigInt(held?.online ?? 0),
    reservedMinor: BigInt(held?.reserved ?? 0),
    inflowMinor: atLeastZero(BigInt(moved?.inflow ?? 0)),
    spentOfflineMinor: atLeastZero(BigInt(moved?.spent ?? 0)),
    withdrawnMinor: atLeastZero(BigInt(moved?.withdrawn ?? 0)),
  };
}

const atLeastZero = (amount: bigint) => (amount < 0n ? 0n : amount);

/** Fresh money that would be offline, or spent offline, with `amountMinor` more loaded. Pure. */
export function freshOffline(fresh: FreshMoney, amountMinor: bigint): bigint {
  const { onlineMinor, reservedMinor, inflowMinor, spentOfflineMinor } = fresh;
  const older = atLeastZero(onlineMinor + reservedMinor + spentOfflineMinor - inflowMinor);
  return atLeastZero(spentOfflineMinor + reservedMinor + amountMinor - older);
}

/** What may go to a bank now, by the hold alone, when `limitMinor` of fresh money may. Pure. */
export function withdrawableMinor(fresh: FreshMoney, limitMinor: bigint): bigint {
  const { onlineMinor, inflowMinor, withdrawnMinor } = fresh;
  const older = atLeastZero(onlineMinor + withdrawnMinor - inflowMinor);
  const allowed = atLeastZero(older + limitMinor - withdrawnMinor);
  return allowed < onlineMinor ? allowed : onlineMinor;
}
