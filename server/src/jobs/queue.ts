/**
 * Background work, kept in PostgreSQL by pg-boss: a job stands or falls with the transaction that asks for it.
 *
 * Owns: the queue's schema, the names of queues and how often each is tried. Never: the work itself.
 */
import { sql } from 'drizzle-orm';
import { type Db as QueueStatements, fromDrizzle, PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import type { Db, Tx } from '../db/client.ts';

export const QUEUE_SCHEMA = 'pgboss';
const WEBHOOKS = 'webhooks';
const WEBHOOKS_DEAD = 'webhooks.dead';
/** A merchant has one of them at a time at most, so this many receivers that hang hold a process up, not one. */
const WEBHOOK_WORKERS = 8;

/** As the owner of the tables: the queue's own schema, and the rights of those who work in it. */
export async function migrateQueue(ownerUrl: string, roles: readonly string[]): Promise<void> {
  const boss = new PgBoss({
    connectionString: ownerUrl,
    schema: QUEUE_SCHEMA,
    max: 2,
    supervise: false,
    schedule: false,
  });
  boss.on('error', () => undefined);
  await boss.start();
  try {
    // Tried for about three days: half a minute, a minute, two, ... eight hours.
    await boss.createQueue(WEBHOOKS_DEAD);
    await boss.createQueue(WEBHOOKS, {
      retryLimit: 16,
      retryDelay: 30,
      retryBackoff: true,
      retryDelayMax: 8 * 3600,
      expireInSeconds: 60,
      deadLetter: WEBHOOKS_DEAD,
    });
    for (const role of roles)
      await boss.getDb().executeSql(`
        DO $$ BEGIN
          IF EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN
            GRANT USAGE ON SCHEMA ${QUEUE_SCHEMA} TO ${role};
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${QUEUE_SCHEMA} TO ${role};
          END IF;
        END $$`);
  } finally {
    await boss.stop({ graceful: false });
  }
}

interface WebhookJob {
  readonly deliveryId: string;
}

export interface WaitingDelivery {
  readonly id: string;
  readonly merchantId: string;
}

export interface Queue {
  /** In the transaction of whoever asks. */
  readonly enqueueWebhooks: (tx: Tx, deliveries: readonly WaitingDelivery[]) => Promise<void>;
  /**
   * Takes jobs from now on, of each merchant one at a time, however many processes do so: a receiver that hangs holds one
   * worker. `failed` jobs come again; after the last time they go to `onDead`.
   */
  workOnWebhooks(work: {
    readonly deliver: (deliveryId: string) => Promise<void>;
    readonly onDead: (deliveryId: string) => Promise<void>;
  }): Promise<void>;
  /** Waits for jobs that run. */
  stop(): Promise<void>;
}

/** Expiry, counts and other care come as one text with its own BEGIN and COMMIT. */
const WHOLE_TRANSACTION = /^\s*BEGIN;(?<statements>.*)COMMIT;\s*$/s;
/** How the queue takes a job: past those that somebody else is taking. */
const TAKES_A_JOB = /\bSKIP LOCKED\b/;
/** Held by whoever takes a job, until that is committed. */
export const TAKING_JOBS = 7_310_002;

/**
 * The queue's statements on the application's pool.
 *
 * A pool gives each statement any connection and therefore refuses a BEGIN in a text; without this, a job whose worker was
 * killed would stay "active" for ever. And those who take jobs take turns: two at once would each see that a merchant has
 * nothing in flight, and each take one of its jobs.
 */
function onPool(db: Db): QueueStatements {
  const plain = fromDrizzle(db, sql);
  const inTurn = oneAtATime();
  return {
    executeSql: async (text, values) => {
      const statements = WHOLE_TRANSACTION.exec(text)?.groups?.['statements'];
      if (statements !== undefined)
        return db.transaction((tx) => fromDrizzle(tx, sql).executeSql(statements, values));
      if (!TAKES_A_JOB.test(text)) return plain.executeSql(text, values);
      return inTurn(() =>
        db.transaction(async (tx) => {
          await tx.execute(sql`select pg_advisory_xact_lock(${TAKING_JOBS})`);
          return fromDrizzle(tx, sql).executeSql(text, values);
        }),
      );
    },
  };
}

/** Who waits for the lock of another process holds one connection of our pool, not one for each worker. */
function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

/** On the application's own pool; needs a migrated database. */
export function makeBoss(db: Db, log: Logger): PgBoss {
  const boss = new PgBoss({
    db: onPool(db),
    schema: QUEUE_SCHEMA,
    // The application may neither make nor change the queue's tables.
    migrate: false,
    createSchema: false,
    reindex: false,
    monitorVacuum: false,
    schedule: false,
  });
  boss.on('error', (error) => log.warn({ err: error }, 'the queue could not work now'));
  return boss;
}

/** @see makeBoss */
export async function startQueue(db: Db, log: Logger): Promise<Queue> {
  const boss = makeBoss(db, log);
  await boss.start();
  return {
    enqueueWebhooks: async (tx, deliveries) => {
      const jobs = deliveries.map(({ id, merchantId }) => ({
        data: { deliveryId: id } satisfies WebhookJob,
        group: { id: merchantId },
      }));
      await boss.insert(WEBHOOKS, jobs, { db: fromDrizzle(tx, sql) });
    },
    workOnWebhooks: async ({ deliver, onDead }) => {
      for (let n = 0; n < WEBHOOK_WORKERS; n += 1) await startWorker(boss, deliver);
      await boss.work<WebhookJob>(WEBHOOKS_DEAD, { pollingIntervalSeconds: 10 }, async ([job]) => {
        if (job !== undefined) await onDead(job.data.deliveryId);
      });
    },
    stop: () => boss.stop({ graceful: true, timeout: 15_000 }),
  };
}

async function startWorker(boss: PgBoss, deliver: (deliveryId: string) => Promise<void>): Promise<void> {
  const settings = { pollingIntervalSeconds: 2, groupConcurrency: 1 };
  const worker = await boss.work<WebhookJob>(WEBHOOKS, settings, async ([job]) => {
    if (job === undefined) return;
    try {
      await deliver(job.data.deliveryId);
    } finally {
      // It looks again at once: with one at a time, a merchant's events would else go out at the pace of the polling.
      boss.notifyWorker(worker);
    }
  });
}
