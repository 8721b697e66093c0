/**
 * Proves refunds against the ledger: each that is paid has its one transfer of its amount, no transfer lacks its
 * refund, and no payment was given back beyond what its merchant got. Reads only.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';

export type RefundFault =
  | 'is paid and has no transfer'
  | 'waits and has a transfer'
  | 'has a transfer of another amount'
  | 'has a transfer and is not recorded'
  | 'its payment was given back beyond what the merchant got'
  | 'the sum kept for its payment is not the sum of its refunds';

export interface RefundReconciliation {
  readonly settledCount: bigint;
  readonly waitingCount: bigint;
  readonly faults: readonly { readonly offerHash: string; readonly fault: RefundFault }[];
}

export async function reconcileRefunds(tx: Tx): Promise<RefundReconciliation> {
  const [counts] = await tx.execute<{ settled: string; waiting: string }>(sql`
    select count(*) filter (where state = 'settled') as settled,
           count(*) filter (where state = 'waiting') as waiting from refunds`);
  const faults = await tx.execute<{ offer: string; fault: RefundFault }>(sql`
    with paid as (
      select t.idempotency_key, -e.amount_minor as given
      from ledger_transfers t
      join ledger_entries e on e.transfer_id = t.id and e.amount_minor < 0
      where t.kind = 'offline_refund'
    ), held as (
      select encode(offer_hash, 'hex') as offer, state, amount_minor, payment_hash from refunds
    ), sums as (
      select payment_hash, sum(amount_minor) as total from refunds group by payment_hash
    )
    select coalesce(h.offer, substr(p.idempotency_key, 16)) as offer,
      case when h.offer is null then 'has a transfer and is not recorded'
           when p.idempotency_key is null then 'is paid and has no transfer'
           when h.state = 'waiting' then 'waits and has a transfer'
           else 'has a transfer of another amount' end as fault
    from held h full join paid p on p.idempotency_key = 'offline_refund:' || h.offer
    where h.offer is null
       or (h.state = 'settled' and (p.given is null or p.given <> h.amount_minor))
       or (h.state = 'waiting' and p.given is not null)
    union all
    select h.offer, 'its payment was given back beyond what the merchant got'
    from held h join sums s using (payment_hash) join payments p using (payment_hash)
    where s.total > p.from_reserve_minor + p.from_guarantee_minor
    union all
    select h.offer, 'the sum kept for its payment is not the sum of its refunds'
    from held h join sums s using (payment_hash) left join refund_sums k using (payment_hash)
    where k.refunded_minor is distinct from s.total
    order by 1, 2`);
  return {
    settledCount: BigInt(counts?.settled ?? 0),
    waitingCount: BigInt(counts?.waiting ?? 0),
    faults: faults.map(({ offer, fault }) => ({ offerHash: offer, fault })),
  };
}
