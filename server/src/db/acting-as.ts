/**
 * The pool, worn as another role: every statement and every transaction of it runs with less than the application may.
 *
 * Owns: the roles `tiki_member` (writes on behalf of one signed-in person: their rows and their merchant's), `tiki_worker`
 * (settlement and background work: no secret of any account) and `tiki_operator` (the operator's pages: no secret, no money moved). All are
 * the second line; the rooms' own conditions stay. A role is taken on for one transaction, so that a pooled connection forgets it by itself. Never: a role that could not be taken on without saying so.
 */
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import type { Logger } from 'pino';
import type { ParameterOrJSON, PendingQuery, Row, TransactionSql, UnsafeQueryOptions } from 'postgres';
import type { Db } from './client.ts';
import type { Tenant } from './tenant.ts';

export const MEMBER_ROLE = 'tiki_member';
export const WORKER_ROLE = 'tiki_worker';
export const OPERATOR_ROLE = 'tiki_operator';

export interface ActingRoles {
  /** For writes on behalf of whoever is signed in: only their rows, and those of the merchant that they act for, are there. */
  readonly dbOf: (tenant: Tenant) => Db;
  /** For settlement and background work, which is nobody's own. */
  readonly worker: Db;
  /** For the pages of an operator, who is written down by this name and no other. */
  readonly operatorOf: (userId: string) => Db;
}

/** Says loudly when the database's roles do not allow it; everything then runs as the application. */
export async function createActingRoles(db: Db, log: Logger): Promise<ActingRoles> {
  const may = await mayTakeOn(db, [MEMBER_ROLE, WORKER_ROLE]);
  const mayOperate = await mayTakeOn(db, [OPERATOR_ROLE]);
  const missing = [...(may ? [] : [MEMBER_ROLE, WORKER_ROLE]), ...(mayOperate ? [] : [OPERATOR_ROLE])];
  if (missing.length > 0)
    log.error(
      `rights are not narrowed: these roles cannot be taken on: ${missing.join(', ')} (see "Your own PostgreSQL" in server/README.md)`,
    );
  const operatorOf = mayOperate ? (userId: string) => actingAs(db, operating(userId)) : () => db;
  if (!may) return { dbOf: () => db, worker: db, operatorOf };
  return {
    dbOf: ({ userId, merchantId }) =>
      actingAs(db, (tx) =>
        tx.unsafe(
          `select set_config('app.user', $1, true), set_config('app.merchant', $2, true), set_config('role', '${MEMBER_ROLE}', true)`,
          [userId, merchantId ?? ''],
          { prepare: true },
        ),
      ),
    worker: actingAs(db, (tx) => tx.unsafe(`set local role ${WORKER_ROLE}`, [], { prepare: true })),
    operatorOf,
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Settings and no query: a query would be the transaction's first, and its isolation could not be chosen any more. */
function operating(userId: string): Become {
  if (!UUID.test(userId)) throw new TypeError('an operator without an id');
  return (tx) => tx.unsafe(`set local app."user" = '${userId}'; set local role ${OPERATOR_ROLE}`);
}

type Become = (tx: TransactionSql) => PromiseLike<unknown>;

/** @param become what each transaction begins with */
function actingAs(db: Db, become: Become): Db {
  const client = db.$client;
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

/** One that was made after the migrations that grant to it may be worn, and may do nothing: each of these reads accounts. */
async function mayTakeOn(db: Db, roles: readonly string[]): Promise<boolean> {
  const rows = await db.execute<{ may: boolean }>(sql`
    select count(*) = ${roles.length} as may from pg_roles
    where rolname in ${roles} and pg_has_role(session_user, oid, 'SET') and has_table_privilege(oid, 'ledger_accounts', 'SELECT')`);
  return rows[0]?.may === true;
}
