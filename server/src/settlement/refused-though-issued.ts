/**
 * Sales that were refused because their allowance's certificate was not known, although the allowance is ours: its row was
 * damaged, or missing, when they came. Reads only; a person repairs (docs/runbooks/reconcile-differs.md).
 */
import { inArray, sql } from 'drizzle-orm';
import { attempt, decodeJournalEntry, decodeSaleBody, toHex } from '@tikiwallet/protocol';
import type { Executor } from '../db/client.ts';
import { allowances } from '../db/schema/allowances.ts';

export interface RefusedThoughIssued {
  readonly allowanceId: string;
  readonly enrolmentId: string;
  readonly sequence: number;
  /** Hex of the payment's hash; null when the payment cannot be read. */
  readonly paymentKey: string | null;
}

/** An entry of a machine's journal. */
export interface Place {
  readonly enrolment: string;
  readonly sequence: number;
}

interface RefusedRow extends Record<string, unknown>, Place {
  payment: string | null;
  entry: Uint8Array;
}

/** Sales looked at in one round trip. */
const PAGE = 500;

/** Those that nobody has made good: by a claim of the phone, or by a correction under the payment's own key. */
export async function findRefusedThoughIssued(executor: Executor): Promise<readonly RefusedThoughIssued[]> {
  const found: RefusedThoughIssued[] = [];
  for await (const one of refusedThoughIssued(executor, null)) found.push(one);
  return found;
}

/** The same one after the other, by machine and sequence: never more than a page of sales is held. */
export async function* refusedThoughIssued(
  executor: Executor,
  behind: Place | null,
): AsyncGenerator<RefusedThoughIssued> {
  for (let after = behind; ; ) {
    const rows = await readRefused(executor, after);
    yield* await ofOurs(executor, rows);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last;
  }
}

function readRefused(executor: Executor, after: Place | null): Promise<readonly RefusedRow[]> {
  return executor.execute<RefusedRow>(sql`
    select s.enrolment_id as enrolment, s.sequence, encode(s.payment_hash, 'hex') as payment, j.bytes as entry
    from sales s cross join lateral journal_between(s.enrolment_id, s.sequence, s.sequence) j
    where ${after === null ? sql`true` : sql`(s.enrolment_id, s.sequence) > (${after.enrolment}::uuid, ${after.sequence}::int)`}
      and s.outcome = 'refused' and s.code = 'issuer_unknown'
      and not exists (select 1 from payments p where p.payment_hash = s.payment_hash)
      and not exists (select 1 from ledger_transfers t
        where t.idempotency_key = 'refused_sale:' || encode(s.payment_hash, 'hex'))
    order by s.enrolment_id, s.sequence limit ${PAGE}`);
}

async function ofOurs(
  executor: Executor,
  rows: readonly RefusedRow[],
): Promise<readonly RefusedThoughIssued[]> {
  const named = rows.flatMap((row) => {
    const hash = allowanceIn(new Uint8Array(row.entry));
    return hash === null ? [] : [{ row, hash }];
  });
  if (named.length === 0) return [];
  const ours = await executor
    .select({ id: allowances.id, hash: allowances.certificateHash })
    .from(allowances)
    .where(
      inArray(
        allowances.certificateHash,
        named.map(({ hash }) => hash),
      ),
    );
  const idOf = new Map(ours.map(({ id, hash }) => [toHex(hash), id]));
  return named.flatMap(({ row: { enrolment: enrolmentId, sequence, payment: paymentKey }, hash }) => {
    const allowanceId = idOf.get(toHex(hash));
    return allowanceId === undefined ? [] : [{ allowanceId, enrolmentId, sequence, paymentKey }];
  });
}

/** The hash of the allowance certificate that a journal's sale names. */
function allowanceIn(bytes: Uint8Array): Uint8Array | null {
  const entry = attempt(() => decodeJournalEntry(bytes));
  if (!entry.ok) return null;
  const sale = attempt(() => decodeSaleBody(entry.value.body));
  return sale.ok ? sale.value.allowanceCertificateHash : null;
}
