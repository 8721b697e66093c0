/** Allowances as the API shows them to their holder. Reads only. */
import { and, desc, eq, gt, ne, or } from 'drizzle-orm';
import { toBase64Url } from '@tikiwallet/protocol';
import type { Allowance } from '../../contract/index.ts';
import type { Executor } from '../db/client.ts';
import { allowances } from '../db/schema/allowances.ts';
import { type DenialReason, deniedSubjects } from '../db/schema/trust.ts';

export type AllowanceRow = typeof allowances.$inferSelect;

/** Closed ones stay visible this long, so that a phone that was away learns what became of its money. */
const CLOSED_SHOWN_MS = 30 * 24 * 3600 * 1000;
const MAX_SHOWN = 100;

/** Everything that still holds money, and what was closed lately. Newest first. */
export async function listAllowances(
  executor: Executor,
  query: { readonly userId: string; readonly nowMs: number },
): Promise<Allowance[]> {
  const since = new Date(query.nowMs - CLOSED_SHOWN_MS);
  const rows = await executor
    .select({ row: allowances, deniedFor: deniedSubjects.reason })
    .from(allowances)
    .leftJoin(deniedSubjects, isDenialOfAllowance)
    .where(
      and(
        eq(allowances.userId, query.userId),
        or(ne(allowances.status, 'closed'), gt(allowances.closedAt, since)),
      ),
    )
    .orderBy(desc(allowances.createdAt), desc(allowances.id))
    .limit(MAX_SHOWN);
  return rows.map((one) => allowanceView(one, query.nowMs));
}

const isDenialOfAllowance = and(
  eq(deniedSubjects.kind, 'allowance'),
  eq(deniedSubjects.subjectId, allowances.id),
);

/**
 * One allowance as it stands now.
 * @throws Error when there is none: the caller has just written it
 */
export async function showAllowance(executor: Executor, id: string, nowMs: number): Promise<Allowance> {
  const [found] = await executor
    .select({ row: allowances, deniedFor: deniedSubjects.reason })
    .from(allowances)
    .leftJoin(deniedSubjects, isDenialOfAllowance)
    .where(eq(allowances.id, id));
  if (found === undefined) throw new Error(`no allowance ${id}`);
  return allowanceView(found, nowMs);
}

/** What is still in the reserve. */
export function reservedMinor(
  row: Pick<AllowanceRow, 'capMinor' | 'settledMinor' | 'returnedMinor'>,
): bigint {
  return row.capMinor - row.settledMinor - row.returnedMinor;
}

interface ShownAllowance {
  readonly row: AllowanceRow;
  readonly deniedFor: DenialReason | null;
}

function allowanceView({ row, deniedFor }: ShownAllowance, nowMs: number): Allowance {
  const isExpired = row.status === 'active' && row.notAfter.getTime() <= nowMs;
  const isDenied = row.status === 'denied' && reservedMinor(row) > 0n;
  const waits = row.status === 'closing' || isExpired || isDenied;
  return {
    id: row.id,
    status: isExpired ? 'expired' : row.status,
    deniedFor,
    currency: row.currency,
    capMinor: row.capMinor.toString(),
    settledMinor: row.settledMinor.toString(),
    reservedMinor: reservedMinor(row).toString(),
    returnedMinor: row.returnedMinor.toString(),
    settledCounter: row.settledCounter,
    notBefore: row.notBefore.toISOString(),
    notAfter: row.notAfter.toISOString(),
    certificate: toBase64Url(row.certificate),
    phoneSalt: toBase64Url(row.phoneSalt),
    devicePublicKey: toBase64Url(row.devicePublicKey),
    returnsBy: waits ? row.returnsAt.toISOString() : null,
  };
}
