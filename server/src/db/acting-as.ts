/**
 * The pool, worn as another role: every statement and every transaction of it runs with less than the application may.
 *
 * Owns: the roles `tiki_member` (writes on behalf of one signed-in person: their rows and their merchant's) and `tiki_worker`
 * (settlement and background work: no secret of any account). Both are the second line; the rooms' own conditions stay. A role is taken on
 * for one transaction, so that a pooled connection forgets it by itself. Never: a role that could not be taken on without saying so.
 */
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import type { Logger } from 'pino';
import type { ParameterOrJSON, PendingQuery, Row, TransactionSql, UnsafeQueryOptions } from 'postgres';
import type { Db } from './client.ts';
import type { Tenant } from './tenant.ts';

export const MEMBER_ROLE = 'tiki_member';
export const WORKER_ROLE = 'tiki_worker';

export interface ActingRoles {
  /** For writes on behalf of whoever is signed in: only their rows, and those of the merchant that they act for, are there. */
  readonly dbOf: (tenant: Tenant) => Db;
  /** For settlement and background work, which is nobody's own. */
  readonly worker: Db;
}

/** Says loudly when the database's roles do not allow it; everything then runs as the application. */
export async function createActingRoles(db: Db, log: Logger): Promise<ActingRoles> {
  const may = await mayTakeOn(db);
  if (!may) {
    log.error(
      `writes are not narrowed: the roles ${MEMBER_ROLE} and ${WORKER_ROLE} cannot be taken on (see "Your own PostgreSQL" in server/README.md)`,
    );
    return { dbOf: () => db, worker: db };
  }
  return {
    dbOf: ({ userId, merchantId }) =>
      actingAs(
        db,
        `select set_config('app.user', $1, true), set_config('app.merchant', $2, true), set_config('role', '${MEMBER_ROLE}', true)`,
        [userId, merchantId ?? ''],
      ),
    worker: actingAs(db, `set local role ${WORKER_ROLE}`, []),
  };
}

/** @param first what each transaction begins with */
function actingAs(db: Db, first: string, parameters: readonly string[]): Db {
  const client = db.$client;
  const become = (tx: TransactionSql) => tx.unsafe(first, [...parameters], { prepare: true });
  const begin = <T>(work: (tx: TransactionSql) => Promise<T>) =>
    client.begin(async (tx) => {
      await become(tx);
      return work(tx);
    });
  type Rows = PendingQuery<Row[]>;
  /** One statement is a transaction of one. Drizzle asks for objects by waiting for it, or for arrays by `values`. */
  const unsafe = (query: string, values?: ParameterOrJSON<never>[], options?: UnsafeQueryOptions) => {
    const run = <T>(read: (rows: Rows) => Promise<T>) =>
      begin((tx) => read(tx.unsafe(query, values, options)));
    return {
      values: () => run((rows) => rows.values()),
      // oxlint-disable-next-line unicorn/no-thenable -- a query of postgres.js is one, and runs when it is waited for
      then: (done: (rows: unknown) => unknown, failed: (reason: unknown) => unknown) =>
        run((rows) => rows).then(done, failed),
    };
  };
  const acting = new Proxy(client, {
    get: (target, name): unknown => {
      if (name === 'begin') return begin;
      return name === 'unsafe' ? unsafe : Reflect.get(target, name);
    },
  });
  return drizzle(acting);
}

async function mayTakeOn(db: Db): Promise<boolean> {
  const rows = await db.execute<{ may: boolean }>(sql`
    select count(*) = 2 as may from pg_roles where rolname in (${MEMBER_ROLE}, ${WORKER_ROLE}) and pg_has_role(session_user, oid, 'SET')`);
  return rows[0]?.may === true;
}
