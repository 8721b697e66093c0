/** Double spends as an operator sees and judges them: a judgement is a word with a reason, written down; it moves no money. */
import { and, desc, eq, inArray } from 'drizzle-orm';
import type { CaseVerdict, DoubleSpendView, OperatorCaseView } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/client.ts';
import { inTransaction } from '../db/retry.ts';
import { operatorActs } from '../db/schema/operator.ts';
import { doubleSpendCases } from '../db/schema/settlement.ts';
import { problem } from '../http/problem.ts';
import { listDoubleSpends } from '../settlement/index.ts';
import { type ActBy, writeDown } from './audit.ts';

export async function listCases(
  db: Db,
  query: { readonly limit: number; readonly cursor: string | undefined },
): Promise<{ items: OperatorCaseView[]; nextCursor: string | null }> {
  const { items, nextCursor } = await listDoubleSpends(db, { merchantId: null, ...query });
  return { items: await withJudgements(db, items), nextCursor };
}

/** @throws ApiProblem `double_spend_not_found` */
export async function judgeCase(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  caseId: string,
  { verdict, ...by }: ActBy & { readonly verdict: CaseVerdict },
): Promise<void> {
  const [found] = await db
    .select({ id: doubleSpendCases.id })
    .from(doubleSpendCases)
    .where(eq(doubleSpendCases.id, caseId));
  if (found === undefined) throw problem('double_spend_not_found');
  const at = new Date(clock.nowMs());
  await inTransaction(db, (tx) => writeDown(tx, by, { act: 'case_judged', subjectId: caseId, verdict, at }));
}

async function withJudgements(db: Db, cases: readonly DoubleSpendView[]): Promise<OperatorCaseView[]> {
  if (cases.length === 0) return [];
  const ids = cases.map(({ id }) => id);
  const rows = await db
    .select()
    .from(operatorActs)
    .where(and(eq(operatorActs.act, 'case_judged'), inArray(operatorActs.subjectId, ids)))
    .orderBy(desc(operatorActs.id));
  return cases.map((one) => {
    const newest = rows.find(({ subjectId }) => subjectId === one.id);
    if (newest === undefined || newest.verdict === null) return { ...one, judgement: null };
    const { verdict, reason, at } = newest;
    return { ...one, judgement: { verdict, reason, at: at.toISOString() } };
  });
}
