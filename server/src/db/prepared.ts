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
/** That there is a name makes it prepared; the driver knows statements by their words. */
const KEPT = 'kept';
/** Transactions that go by indexes already. */
const byIndex = new WeakSet<Tx>();

/** As `tx.execute`, prepared. */
export function executePrepared<Row extends Record<string, unknown>>(
  tx: Tx,
  statement: SQL,
): Promise<readonly Row[]> {
  return runByIndex(tx, () => prepare<Row>(tx, statement).execute());
}

/** What a query builder made, prepared. */
interface Preparable<T> {
  prepare(name: string): { execute(): Promise<T> };
}

/** As the query by itself, prepared. */
export function runPrepared<T>(tx: Tx, query: Preparable<T>): Promise<T> {
  return runByIndex(tx, () => query.prepare(KEPT).execute());
}

async function runByIndex<T>(tx: Tx, run: () => Promise<T>): Promise<T> {
  if (byIndex.has(tx)) return run();
  byIndex.add(tx);
  // Begun the same way, so that it is sent first.
  const setting = prepare(tx, sql`set local enable_seqscan = off`).execute();
  const [, result] = await bothInOrder(setting, run());
  return result;
}

/** As `tx.execute`, prepared, whatever the rest of its transaction goes by: for what reads no table. */
export function executeKept(tx: Tx, statement: SQL): Promise<unknown> {
  return prepare(tx, statement).execute();
}

function prepare<Row extends Record<string, unknown>>(tx: Tx, statement: SQL) {
  return tx._.session.prepareQuery<{
    execute: readonly Row[];
    all: unknown;
    values: unknown;
  }>(dialect.sqlToQuery(statement), undefined, KEPT, false);
}

/**
 * Two statements of one transaction on their way at once.
 * @throws what went wrong first: what the second one then says is only that its transaction is over
 */
export async function bothInOrder<A, B>(first: Promise<A>, second: Promise<B>): Promise<readonly [A, B]> {
  const [before, after] = await Promise.allSettled([first, second]);
  if (before.status === 'rejected') throw before.reason;
  if (after.status === 'rejected') throw after.reason;
  return [before.value, after.value];
}
