/**
 * Statements that run thousands of times with the same words: read and planned by PostgreSQL once a connection, and one
 * round trip instead of two.
 *
 * Never: a statement whose words depend on the data (a list of placeholders as long as its values), because each wording
 * would be kept for as long as its connection lives. Behind a pooler nothing is kept: the driver's own setting decides.
 */
import type { SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type { Executor } from './client.ts';

const dialect = new PgDialect();

/** As `executor.execute`, prepared. */
export function executePrepared<Row extends Record<string, unknown>>(
  executor: Executor,
  statement: SQL,
): Promise<readonly Row[]> {
  const query = executor._.session.prepareQuery<{
    execute: readonly Row[];
    all: unknown;
    values: unknown;
  }>(dialect.sqlToQuery(statement), undefined, 'kept', false);
  return query.execute();
}
