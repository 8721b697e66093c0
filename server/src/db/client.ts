/**
 * The one connection pool of the process and its Drizzle face.
 *
 * Owns: how postgres.js is set up. Never: SQL of any room.
 */
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import type { Sql } from 'postgres';
import { openDriver, understand } from './driver.ts';
import { LaneConnection } from './lane-connection.ts';
import { Lanes } from './lanes.ts';
import { sql } from './words.ts';

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

const APPLICATION = 'tikiwallet';

/** A lock that is not had in time becomes an answer instead of a pile of waiting requests. */
const TIMEOUTS = {
  lock_timeout: 10_000,
  statement_timeout: 60_000,
  idle_in_transaction_session_timeout: 60_000,
};

/**
 * While the database works on one transaction of many requests, this process answers those of another and reads those of the
 * next, and one that has to wait for a lock keeps nobody from the other. With two cores a third has nobody left to work on it.
 */
export const LANES = 2;

/** Of each pool that is open. */
const lanesOfPools = new WeakMap<Db, Lanes>();

export function lanesOf(db: Db): Lanes {
  const lanes = lanesOfPools.get(db);
  if (lanes === undefined) throw new Error('this database was not opened by connect()');
  return lanes;
}

/**
 * Everything that goes over a lane looks up rows by keys that it has, some hundred at most. A plan that is kept from when a table
 * was small would read the whole of it later.
 */
const BY_INDEX = {
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  // However many rows there are in its arrays, the plan is the same one.
  plan_cache_mode: 'force_generic_plan',
};

/** Times are read as this writes them, whatever the database writes by itself. */
const READABLE = { DateStyle: 'ISO' };

/** Many wait for whoever waits on a lane. What is locked for longer goes another way. */
const LANE_LOCK_MS = '300';

/** Opens a lazy pool: nothing is sent until the first query. */
export function connect(options: ConnectOptions): Database {
  const isPooled = options.isPooled === true;
  const role: Record<string, string> = options.role === undefined ? {} : { role: options.role };
  const pool = openDriver(options.url, {
    max: options.maxConnections,
    idle_timeout: 60,
    connect_timeout: 10,
    onnotice: (notice) => options.onNotice?.(notice.message ?? ''),
    // Prepared statements live in a session; poolers that know them (PgBouncer 1.21) do not need us to prepare.
    prepare: !isPooled,
    connection: { application_name: APPLICATION, ...(isPooled ? {} : TIMEOUTS), ...role },
  });
  const place = understand(options.url, {
    application_name: APPLICATION,
    ...(isPooled ? {} : { ...TIMEOUTS, ...BY_INDEX, ...READABLE, lock_timeout: LANE_LOCK_MS }),
    ...role,
  });
  const lanes = new Lanes(
    LANES,
    () =>
      new LaneConnection({
        ...place,
        isKept: !isPooled,
        // Behind a pooler nothing is kept in a session, and this must hold there, too. Nothing is planned to be kept either; but what
        // moves balances locks them in the order of their ids only where it does not read the whole table.
        beginning: isPooled
          ? [
              sql`select set_config('lock_timeout', ${LANE_LOCK_MS}, true), set_config('enable_seqscan', 'off', true), set_config('DateStyle', 'ISO', true)`,
            ]
          : [],
        onNotice: options.onNotice,
      }),
  );
  const db = drizzle(pool);
  lanesOfPools.set(db, lanes);
  const close = async (timeoutSeconds = 5) => {
    await Promise.all([pool.end({ timeout: timeoutSeconds }), lanes.end(timeoutSeconds)]);
  };
  return { db, close };
}
