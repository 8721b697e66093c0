/**
 * Cases of double spend as they are told and handed out: to the operator all, to a merchant those of allowances that
 * paid there. Reads only; a proof that would not convince a stranger never leaves.
 */
import { and, desc, eq, exists, inArray, lt, type SQL } from 'drizzle-orm';
import {
  encodeDoubleSpendProof,
  readAllowanceCertificate,
  shownMask,
  toHex,
  verifyDoubleSpendProof,
} from '@tikiwallet/protocol';
import type { DoubleSpendView } from '../../contract/index.ts';
import type { Executor } from '../db/client.ts';
import { allowances } from '../db/schema/allowances.ts';
import { doubleSpendCases, payments } from '../db/schema/settlement.ts';
import { issuerCertificates } from '../db/schema/trust.ts';
import { problem } from '../http/problem.ts';
import { check, must, type Trust } from '../trust/index.ts';

export interface CasesQuery {
  /** Null for the operator, who sees every case. */
  readonly merchantId: string | null;
  readonly limit: number;
  /** From the page before. */
  readonly cursor: string | undefined;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Newest first. @throws ApiProblem `request_invalid` for a cursor that is none of ours */
export async function listDoubleSpends(
  db: Executor,
  query: CasesQuery,
): Promise<{ items: DoubleSpendView[]; nextCursor: string | null }> {
  if (query.cursor !== undefined && !UUID.test(query.cursor))
    throw problem('request_invalid', { detail: 'cursor: not one of ours' });
  const rows = await db
    .select({ found: doubleSpendCases, allowance: allowances })
    .from(doubleSpendCases)
    .innerJoin(allowances, eq(allowances.id, doubleSpendCases.allowanceId))
    .where(
      and(
        concerns(db, query.merchantId),
        query.cursor === undefined ? undefined : lt(doubleSpendCases.id, query.cursor),
      ),
    )
    .orderBy(desc(doubleSpendCases.id))
    .limit(query.limit + 1);
  const page = rows.slice(0, query.limit);
  const paid = await paymentsOf(
    db,
    page.map((row) => row.allowance.id),
    query.merchantId,
  );
  return {
    items: page.map(({ found, allowance }) => ({
      id: found.id,
      rule: found.rule,
      allowanceId: allowance.id,
      maskedPhone: shownMask(allowance.maskedPhone),
      currency: allowance.currency,
      capMinor: allowance.capMinor.toString(),
      foundAt: found.createdAt.toISOString(),
      payments: paid.get(allowance.id) ?? [],
    })),
    nextCursor: rows.length > query.limit ? (page.at(-1)?.found.id ?? null) : null,
  };
}

/** A case is a merchant's business when the allowance paid there. */
function concerns(db: Executor, merchantId: string | null): SQL | undefined {
  if (merchantId === null) return undefined;
  return exists(
    db
      .select({ hash: payments.paymentHash })
      .from(payments)
      .where(
        and(eq(payments.allowanceId, doubleSpendCases.allowanceId), eq(payments.merchantId, merchantId)),
      ),
  );
}

async function paymentsOf(
  db: Executor,
  allowanceIds: readonly string[],
  merchantId: string | null,
): Promise<ReadonlyMap<string, DoubleSpendView['payments']>> {
  const found = new Map<string, DoubleSpendView['payments']>();
  if (allowanceIds.length === 0) return found;
  const rows = await db
    .select()
    .from(payments)
    .where(
      and(
        inArray(payments.allowanceId, [...allowanceIds]),
        merchantId === null ? undefined : eq(payments.merchantId, merchantId),
      ),
    )
    .orderBy(payments.counter);
  for (const { allowanceId, paymentHash, amountMinor, outcome } of rows) {
    const list = found.get(allowanceId) ?? [];
    list.push({ paymentHash: toHex(paymentHash), amountMinor: amountMinor.toString(), outcome });
    found.set(allowanceId, list);
  }
  return found;
}

export interface ProofQuery {
  readonly caseId: string;
  /** Null for the operator. */
  readonly merchantId: string | null;
}

/**
 * The proof file of a case, checked as a stranger would check it before it is handed out.
 * @throws ApiProblem `double_spend_not_found`, also for a case that does not concern the merchant
 */
export async function doubleSpendProof(
  db: Executor,
  trust: Pick<Trust, 'rootPublicKey'>,
  query: ProofQuery,
): Promise<Uint8Array> {
  const [found] = await db
    .select()
    .from(doubleSpendCases)
    .where(and(eq(doubleSpendCases.id, query.caseId), concerns(db, query.merchantId)));
  if (found === undefined) throw problem('double_spend_not_found');
  const keyId = must(readAllowanceCertificate(found.allowanceCertificate)).object.keyId;
  if (keyId === null) throw new Error(`the certificate of case ${found.id} names no issuer`);
  const issuers = await db
    .select({ certificate: issuerCertificates.certificate })
    .from(issuerCertificates)
    .where(eq(issuerCertificates.keyId, keyId));
  // One key may have been certified more than once; the certificate of the time of issue is the one that counts.
  for (const { certificate } of issuers) {
    const parts = {
      issuerCertificate: certificate,
      allowanceCertificate: found.allowanceCertificate,
      first: found.firstBytes,
      second: found.secondBytes,
    };
    if (check(verifyDoubleSpendProof(parts, trust.rootPublicKey)).ok) return encodeDoubleSpendProof(parts);
  }
  throw new Error(`case ${found.id} does not prove what it says`);
}
