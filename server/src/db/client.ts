/**
 * The one connection pool of the process and its Drizzle face.
 *
 * Owns: how postgres.js is set up. Never: SQL of any room.
 */
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres, { type Sql } from 'postgres';

export type Db = PostgresJsDatabase<Record<string, never>> & { readonly $client: Sql };
export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0];
/** Where a read may run: on the pool or inside a transaction. */
export type Executor = Db | Tx;

export interface Database {
  readonly db: Db;
  /** Waits up to `timeoutSeconds` for running queries, then closes every connection. */
  close(timeoutSeconds?: number): Promise<void>;
}

export interface ConnectOptions {
  readonly url: string;
  readonly maxConnections: number;
  /** Taken on at connect, when the URL's own user is the owner of the tables. */
  readonly role?: string;
  /** True behind a pooler that gives a connection for one transaction: nothing may be kept in a session. */
  readonly isPooled?: boolean;
  readonly onNotice?: (message: string) => void;
}

/** A lock that is not had in time becomes an answer instead of a pile of waiting requests. */
const TIMEOUTS = {
  lock_timeout: 10_000,
  statement_timeout: 60_000,
  idle_in_transaction_session_timeout: 60_000,
};

/** Opens a lazy pool: nothing is sent until the first query. */
export function connect(options: ConnectOptions): Database {
  const sql = postgres(options.url, {
    max: options.maxConnections,
    idle_timeout: 60,
    connect_timeout: 10,
    onnotice: (notice) => options.onNotice?.(notice.message ?? ''),
    // Prepared statements live in a session; poolers that know them (PgBouncer 1.21) do not need us to prepare.
    prepare: options.isPooled !== true,
    connection: {
      application_name: 'tikiwallet',
      ...(options.isPooled === true ? {} : TIMEOUTS),
      ...(options.role === undefined ? {} : { role: options.role }),
    },
  });
  return { db: drizzle(sql), close: (timeoutSeconds = 5) => sql.end({ timeout: timeoutSeconds }) };
}
