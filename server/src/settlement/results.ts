/** What an acknowledgement says: of everything in the batch, and of earlier refunds whose waiting has ended. Reads only. */
import { and, desc, eq, gte, not, sql } from 'drizzle-orm';
import { MAX_BATCH_ENTRIES, type SettlementBatch, type SettlementResult } from '@tikiwallet/protocol';
import type { Tx } from '../db/client.ts';
import { refundEntries, refunds } from '../db/schema/refunds.ts';
import { type Machine, refusalCode, storedResults } from './ground.ts';

interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Acknowledgeable {
  readonly batch: SettlementBatch;
  /** Of the sales that this batch brought. */
  readonly sales: readonly SettlementResult[];
  readonly now: Date;
  /** Most machines never refund, and are asked nothing about it. */
  readonly hasRefunds: boolean;
}

/** In the order of their sequences, never more than an acknowledgement holds. `machine` as it stood before this batch. */
export async function allResults(
  tx: Tx,
  machine: Machine,
  { batch, sales, now, hasRefunds }: Acknowledgeable,
): Promise<readonly SettlementResult[]> {
  const range = { from: batch.fromSequence, to: batch.toSequence };
  const earlier = { from: range.from, to: Math.min(range.to, machine.settledSequence) };
  const decided = [...(await storedResults(tx, machine.id, earlier)), ...sales];
  if (!hasRefunds) return decided;
  const own = [...decided, ...(await refundResults(tx, machine.id, range))];
  const limit = MAX_BATCH_ENTRIES - own.length;
  const ended = await endedRefunds(tx, machine.id, { outside: range, limit, now });
  return [...own, ...ended].sort((a, b) => a.sequence - b.sequence);
}

const inside = ({ from, to }: Range) => sql`${refundEntries.sequence} between ${from} and ${to}`;

/** Every refund entry of the range, as it stands now. */
async function refundResults(
  tx: Tx,
  enrolmentId: string,
  range: Range,
): Promise<readonly SettlementResult[]> {
  if (range.to < range.from) return [];
  const rows = await tx
    .select({ sequence: refundEntries.sequence, code: refundEntries.code, state: refunds.state })
    .from(refundEntries)
    .leftJoin(refunds, eq(refunds.offerHash, refundEntries.offerHash))
    .where(and(eq(refundEntries.enrolmentId, enrolmentId), inside(range)));
  return rows.map(({ sequence, code, state }) => ({
    sequence,
    outcome: state ?? 'refused',
    code: refusalCode(code),
  }));
}

/** Told again and again for this long: a kiosk that has heard it before changes nothing. */
const TOLD_FOR_MS = 30 * 24 * 3600 * 1000;

/** Refunds outside the range that had to wait and are paid by now, newest first, at most `limit`. */
async function endedRefunds(
  tx: Tx,
  enrolmentId: string,
  query: { readonly outside: Range; readonly limit: number; readonly now: Date },
): Promise<readonly SettlementResult[]> {
  if (query.limit <= 0) return [];
  const since = new Date(query.now.getTime() - TOLD_FOR_MS);
  const rows = await tx
    .select({ sequence: refundEntries.sequence })
    .from(refundEntries)
    .innerJoin(refunds, eq(refunds.offerHash, refundEntries.offerHash))
    .where(
      and(
        eq(refundEntries.enrolmentId, enrolmentId),
        refunds.hasWaited,
        eq(refunds.state, 'settled'),
        gte(refunds.settledAt, since),
        not(inside(query.outside)),
      ),
    )
    .orderBy(desc(refunds.settledAt))
    .limit(query.limit);
  return rows.map(({ sequence }) => ({ sequence, outcome: 'settled', code: null }));
}
