/**
 * Which database answers a read that may be a moment old: the streaming replica while it keeps up, else the primary.
 *
 * Owns: the judgement. Never: a read that decides about money, or that shows people what they have just done: those
 * stay with the primary.
 */
import { sql } from 'drizzle-orm';
import type { Logger } from 'pino';
import type { Db } from './client.ts';

/** So old may an answer be. */
const MAX_LAG_MS = 5_000;
const LOOK_EVERY_MS = 1_000;

export interface Reading {
  /** Never waits: what was found out last decides, and a look is begun when that is old. */
  db(): Db;
  /** Looks now. @returns whether the replica reads from here on. */
  look(): Promise<boolean>;
}

export interface ReadingOptions {
  readonly primary: Db;
  /** Null: there is none. */
  readonly replica: Db | null;
  readonly log: Logger;
  readonly nowMs?: () => number;
}

interface Mark {
  readonly lsn: string;
  readonly atMs: number;
}

export function createReading({
  primary,
  replica,
  log,
  nowMs = () => performance.now(),
}: ReadingOptions): Reading {
  if (replica === null) return { db: () => primary, look: () => Promise.resolve(false) };
  /** Where the primary stood at some time; the replica is as old as the newest of them that it has passed. */
  let marks: readonly Mark[] = [];
  let freshUntilMs = 0;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<boolean> | null = null;
  const judge = async () => {
    try {
      const [stands] = await primary.execute<{ lsn: string }>(sql`select pg_current_wal_lsn()::text as lsn`);
      const atMs = nowMs();
      marks = [...marks.filter((mark) => atMs - mark.atMs < MAX_LAG_MS), { lsn: stands?.lsn ?? '0/0', atMs }];
      const lsns = sql.join(
        marks.map(({ lsn }) => sql`${lsn}::pg_lsn`),
        sql`, `,
      );
      const [passed] = await replica.execute<{ count: number }>(sql`
        select count(*)::int as count from unnest(array[${lsns}]) as mark (lsn)
        where pg_is_in_recovery() and pg_last_wal_replay_lsn() >= mark.lsn`);
      const newest = marks[(passed?.count ?? 0) - 1];
      freshUntilMs = newest === undefined ? 0 : newest.atMs + MAX_LAG_MS;
    } catch (error) {
      if (freshUntilMs > nowMs()) log.warn({ err: error }, 'the replica does not answer: the primary reads');
      freshUntilMs = 0;
    }
    lookedAtMs = nowMs();
    return freshUntilMs > lookedAtMs;
  };
  const look = () => {
    looking ??= judge().finally(() => {
      looking = null;
    });
    return looking;
  };
  return {
    look,
    db: () => {
      if (nowMs() - lookedAtMs > LOOK_EVERY_MS) void look();
      return nowMs() < freshUntilMs ? replica : primary;
    },
  };
}
