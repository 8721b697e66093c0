/**
 * A write that is sent again answers what it answered the first time.
 *
 * Owns: the table `idempotency_keys`. Never: the only guard of money - the ledger has keys of its own, so a crash
 * between the work and the stored answer runs the work again without moving anything twice.
 */
import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import { z } from 'zod';
import { IDEMPOTENCY_HEADER, ProblemCode, Uuid } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/client.ts';
import { NaturalBatch, type Outcome } from '../db/natural-batch.ts';
import { pgArray, pgPlainArray, sharedValue } from '../db/pg-array.ts';
import { idempotencyKeys } from '../db/schema/http.ts';
import { sql as words } from '../db/words.ts';
import type { AskedHeaders } from './asked.ts';
import { ApiProblem, problem } from './problem.ts';

/** How long one attempt may work before another may take over; longer than any provider's time-out. */
const LOCK_MS = 60_000;
/** How long a twin waits for the first attempt's answer. */
const WAIT_MS = 15_000;
const POLL_MS = 40;

export interface Write {
  readonly userId: string;
  /** Method and path template: a key counts per user and route. */
  readonly route: string;
  /** Everything that the caller decided: validated body and path parameters. */
  readonly input: unknown;
}

export interface IdempotentWrite<T extends z.ZodType> extends Write {
  readonly schema: T;
  /**
   * Does the work and makes the answer. `key` names this write for ever: derive ledger and provider keys from it.
   * May run again after a crash, so it must end in the same answer.
   */
  readonly work: (key: string) => Promise<z.output<T>>;
}

/** One attempt at a write, which is the first with its key or has its answer already. */
export interface Attempt {
  /** For ledger and provider keys. */
  readonly key: string;
  /** JSON of the first answer; null when the caller owns the work now, and must end it with one of the two below. */
  readonly answered: string | null;
  /** @param body JSON */
  keep(body: string): Promise<void>;
  /** Keeps a refusal that will always be the same; otherwise the key is free again. */
  refused(error: unknown): Promise<void>;
}

export interface Idempotency {
  /** For callers that make answers by themselves. @throws ApiProblem like `run`, the kept refusal included */
  begin(c: AskedHeaders, write: Write): Promise<Attempt>;
  /**
   * Runs a write at most once per key and answers repeats from store. Refusals about the write itself are kept too;
   * failures of ours or of a provider are not, so that the client may try again.
   * @throws ApiProblem `idempotency_key_required`, `idempotency_key_reused`, or the write's own
   */
  run<T extends z.ZodType>(c: AskedHeaders, write: IdempotentWrite<T>): Promise<z.output<T>>;
}

/** A write as its row knows it, for callers whose own statement claims it and keeps its answer. */
export interface NamedWrite extends RowKey {
  readonly requestHash: string;
  /** For ledger and provider keys. */
  readonly ledgerKey: string;
}

/** @throws ApiProblem `idempotency_key_required`, `request_invalid` */
export function nameWrite(c: AskedHeaders, { userId, route, input }: Write): NamedWrite {
  const key = readKey(c);
  const requestHash = hash('sha256', JSON.stringify(input), 'hex');
  return { userId, route, key, requestHash, ledgerKey: `${userId}:${route}:${key}` };
}

export function hasKey(c: AskedHeaders): boolean {
  return Uuid.safeParse(c.req.header(IDEMPOTENCY_HEADER)).success;
}

/** What a row holds of its answer. */
export interface KeptAnswer {
  readonly status: number;
  readonly body: string;
}

/** @throws ApiProblem the kept refusal */
export function readKept({ status, body }: KeptAnswer): string {
  if (status < 400) return body;
  const { code, detail } = StoredProblem.parse(JSON.parse(body));
  throw problem(code, detail === undefined ? {} : { detail });
}

/** Null for a refusal that says something about the moment, not about the write. */
export function keptRefusal(error: unknown): KeptAnswer | null {
  if (!(error instanceof ApiProblem && isWorthKeeping(error))) return null;
  return { status: error.status, body: JSON.stringify({ code: error.code, detail: error.extras.detail }) };
}

/**
 * Where a kept answer ends with when its transaction began, which only the database knows while it is written: once for all that
 * are written together.
 */
export const endingWithBegin = (tail: string) =>
  words` || (select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || ${tail})`;

/**
 * Common table expression `kept`: rows that are claimed and answered at once. One that is there already fails the statement,
 * because what it stands for was done.
 * @param end {@link endingWithBegin}, where every body lacks that
 */
export function keepTogether(writes: readonly (NamedWrite & KeptAnswer)[], now: Date, end = words``) {
  const routes = pgArray(sharedValue(writes.map(({ route }) => route)));
  const statuses = pgPlainArray(sharedValue(writes.map(({ status }) => status)));
  return words`
    kept as (
      insert into idempotency_keys
        (user_id, route, key, request_hash, locked_until, response_status, response_body)
      select k.user_id, coalesce(k.route, (${routes}::text[])[1]), k.key, k.request_hash, ${now.toISOString()}::timestamptz,
        coalesce(k.status, (${statuses}::int[])[1]), k.body${end}
      from rows from (
        unnest(
          ${pgPlainArray(writes.map(({ userId }) => userId))}::uuid[],
          ${routes}::text[],
          ${pgPlainArray(writes.map(({ key }) => key))}::text[],
          ${pgPlainArray(writes.map(({ requestHash }) => requestHash))}::text[],
          ${statuses}::int[]
        ),
        json_array_elements_text(${JSON.stringify(writes.map(({ body }) => body))}::text::json)
      ) as k (user_id, route, key, request_hash, status, body)
    )`;
}

const StoredProblem = z.object({ code: ProblemCode, detail: z.string().optional() });

/** Statuses that say something about the moment, not about the write. */
function isWorthKeeping(refusal: ApiProblem): boolean {
  return refusal.status >= 400 && refusal.status < 500 && refusal.status !== 401 && refusal.status !== 429;
}

export function createIdempotency(db: Db, clock: Clock): Idempotency {
  const store = new AnswerStore(db, clock);
  const begin = async (c: AskedHeaders, write: Write): Promise<Attempt> => {
    const { ledgerKey, requestHash, ...row } = nameWrite(c, write);
    const stored = await store.claim(row, requestHash);
    const answered = stored === null ? null : readKept(stored);
    return {
      key: ledgerKey,
      answered,
      keep: (body) => store.keep(row, 200, body),
      refused: async (error) => {
        const refusal = keptRefusal(error);
        return refusal === null ? store.release(row) : store.keep(row, refusal.status, refusal.body);
      },
    };
  };
  return {
    begin,
    run: async (c, write) => {
      const attempt = await begin(c, write);
      if (attempt.answered !== null) return write.schema.parse(JSON.parse(attempt.answered));
      try {
        // Parsed before it is kept, so that a repeat reads the very same value.
        const answer = write.schema.parse(await write.work(attempt.key));
        await attempt.keep(JSON.stringify(answer));
        return answer;
      } catch (error) {
        await attempt.refused(error);
        throw error;
      }
    },
  };
}

function readKey(c: AskedHeaders): string {
  const header = c.req.header(IDEMPOTENCY_HEADER);
  if (header === undefined) throw problem('idempotency_key_required');
  const key = Uuid.safeParse(header);
  if (!key.success) throw problem('request_invalid', { detail: `${IDEMPOTENCY_HEADER} is not a UUID` });
  return key.data.toLowerCase();
}

interface RowKey {
  readonly userId: string;
  readonly route: string;
  readonly key: string;
}

interface Claim extends RowKey {
  readonly requestHash: string;
  readonly lockedUntil: Date;
}

interface Answer extends RowKey {
  readonly status: number;
  readonly body: string;
}

const nameOf = ({ userId, route, key }: RowKey) => `${userId} ${route} ${key}`;

/**
 * True for each claim that made its row. Of twins only the first goes into the statement: the row must hold the hash of
 * who owns the work, and the database sorts equals as it likes.
 */
async function claimTogether(db: Db, together: readonly Claim[]): Promise<readonly Outcome<boolean>[]> {
  const first = new Map<string, Claim>();
  for (const claim of together) if (!first.has(nameOf(claim))) first.set(nameOf(claim), claim);
  const claims = [...first.values()];
  const rows = await db.execute<{ user_id: string; route: string; key: string }>(sql`
    insert into idempotency_keys (user_id, route, key, request_hash, locked_until)
    select * from unnest(
      ${pgPlainArray(claims.map(({ userId }) => userId))}::uuid[],
      ${pgArray(claims.map(({ route }) => route))}::text[],
      ${pgArray(claims.map(({ key }) => key))}::text[],
      ${pgPlainArray(claims.map(({ requestHash }) => requestHash))}::text[],
      ${pgPlainArray(claims.map(({ lockedUntil }) => lockedUntil.toISOString()))}::timestamptz[]
    )
    order by 1, 2, 3
    on conflict do nothing
    returning user_id, route, key`);
  const made = new Set(rows.map((row) => nameOf({ userId: row.user_id, route: row.route, key: row.key })));
  return together.map((claim) => ({ ok: true, value: made.delete(nameOf(claim)) }));
}

async function answerTogether(db: Db, answers: readonly Answer[]): Promise<readonly Outcome<void>[]> {
  await db.execute(sql`
    update idempotency_keys k set response_status = a.status, response_body = a.body
    from unnest(
      ${pgPlainArray(answers.map(({ userId }) => userId))}::uuid[],
      ${pgArray(answers.map(({ route }) => route))}::text[],
      ${pgArray(answers.map(({ key }) => key))}::text[],
      ${pgPlainArray(answers.map(({ status }) => status))}::int[],
      ${pgArray(answers.map(({ body }) => body))}::text[]
    ) as a (user_id, route, key, status, body)
    where k.user_id = a.user_id and k.route = a.route and k.key = a.key and k.response_status is null`);
  return answers.map(() => ({ ok: true, value: undefined }));
}

class AnswerStore {
  readonly #db: Db;
  readonly #clock: Clock;
  /** Many who write at once share one statement, and its commit. */
  readonly #claims: NaturalBatch<Claim, boolean>;
  readonly #answers: NaturalBatch<Answer, void>;
  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#claims = new NaturalBatch((claims) => claimTogether(db, claims));
    this.#answers = new NaturalBatch((answers) => answerTogether(db, answers));
  }

  /** Null when the caller now owns the work; otherwise the answer of whoever did it. */
  async claim(row: RowKey, requestHash: string): Promise<KeptAnswer | null> {
    const deadline = this.#clock.nowMs() + WAIT_MS;
    for (;;) {
      const lockedUntil = new Date(this.#clock.nowMs() + LOCK_MS);
      if (await this.#claims.submit({ ...row, requestHash, lockedUntil })) return null;
      const [found] = await this.#db.select().from(idempotencyKeys).where(this.#is(row));
      if (found === undefined) continue;
      if (found.requestHash !== requestHash) throw problem('idempotency_key_reused');
      if (found.responseStatus !== null && found.responseBody !== null) {
        return { status: found.responseStatus, body: found.responseBody };
      }
      if (await this.#takeOver(row, lockedUntil)) return null;
      if (this.#clock.nowMs() > deadline) throw problem('service_unavailable', { retryAfterMs: 1000 });
      await delay(POLL_MS);
    }
  }

  /** The first answer stays: an attempt that was overtaken after a minute has nothing more to say. */
  async keep(row: RowKey, status: number, body: string): Promise<void> {
    await this.#answers.submit({ ...row, status, body });
  }

  async release(row: RowKey): Promise<void> {
    await this.#db.delete(idempotencyKeys).where(and(this.#is(row), isNull(idempotencyKeys.responseStatus)));
  }

  /** True when the first attempt's time is over: its process died on the way. */
  async #takeOver(row: RowKey, lockedUntil: Date): Promise<boolean> {
    const stale = lt(idempotencyKeys.lockedUntil, new Date(this.#clock.nowMs()));
    const taken = await this.#db
      .update(idempotencyKeys)
      .set({ lockedUntil })
      .where(and(this.#is(row), isNull(idempotencyKeys.responseStatus), stale))
      .returning({ key: idempotencyKeys.key });
    return taken.length > 0;
  }

  #is(row: RowKey) {
    return and(
      eq(idempotencyKeys.userId, row.userId),
      eq(idempotencyKeys.route, row.route),
      eq(idempotencyKeys.key, row.key),
    );
  }
}
