/**
 * Statements that run thousands of times with the same words: read and planned by PostgreSQL once a connection, and one
 * round trip instead of two.
 *
 * A plan that is kept from when a table was small would read the whole of it later, so these are planned, and the rest of their
 * transaction with them, to go by indexes. Never: a statement whose words depend on the data (a list of placeholders as long
 * as its values), because each wording would be kept for as long as its connection lives. Behind a pooler nothing is kept: the
 * driver's own setting decides.
 */
import { type SQL, sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type { Tx } from './client.ts';

const dialect = new PgDialect();
/** Transactions that go by indexes already. */
const byIndex = new WeakSet<Tx>();

/** As `tx.execute`, prepared. */
export async function executePrepared<Row extends Record<string, unknown>>(
  tx: Tx,
  statement: SQL,
): Promise<readonly Row[]> {
  const query = tx._.session.prepareQuery<{
    execute: readonly Row[];
    all: unknown;
    values: unknown;
  }>(dialect.sqlToQuery(statement), undefined, 'kept', false);
  if (byIndex.has(tx)) return query.execute();
  byIndex.add(tx);
  const [, rows] = await Promise.all([tx.execute(sql`set local enable_seqscan = off`), query.execute()]);
  return rows;
}
