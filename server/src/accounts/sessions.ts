/**
 * Sessions: six hours from log-in, kept alive by rotating refresh tokens.
 *
 * Owns: the table `sessions` and the rule of reuse: an old token that comes back ends the whole family. Two tabs or a
 * lost answer may send one token twice within a moment; both then get the same successor.
 *
 * A browser writes a cookie to its disk when it likes, Chromium half a minute after it was given: killed sooner, it comes
 * back with an older one, or none. It proves itself by a key instead, and by a count that it has on its disk before it
 * sends it. A count that comes back is what an old token is: somebody's copy, and the end of the family.
 */
import { randomUUIDv7, webcrypto } from 'node:crypto';
import { and, desc, eq, gt, isNull, lt, ne, type SQL } from 'drizzle-orm';
import type { DeviceSession, SessionProof } from '../../contract/index.ts';
import type { Clock } from '../clock.ts';
import type { Db, Executor } from '../db/client.ts';
import { type ClientKind, type SessionEnd, sessions } from '../db/schema/accounts.ts';
import { problem } from '../http/problem.ts';

export const SESSION_MS = 6 * 60 * 60_000;
/** How long after a rotation the previous token is taken for a twin and not for theft. */
export const ROTATION_GRACE_MS = 10_000;
/** A log-out in another process is noticed after this at the latest. */
const ALIVE_CACHE_MS = 5_000;
const ALIVE_CACHE_MAX = 50_000;

export interface LivingSession {
  readonly id: string;
  readonly userId: string;
  readonly client: ClientKind;
  /** Of the refresh token that is valid now. */
  readonly sequence: number;
  readonly expiresAt: Date;
  readonly proofKey: string | null;
}

export interface NewSession {
  readonly client: ClientKind;
  readonly proofKey?: string | null;
  readonly deviceName?: string | null;
}

export class Sessions {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #aliveUntilMs = new Map<string, number>();

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** @throws ApiProblem `device_key_invalid` when the key is no point of the curve */
  async open(
    userId: string,
    { client, proofKey = null, deviceName = null }: NewSession,
  ): Promise<LivingSession> {
    if (proofKey !== null && (await importProofKey(proofKey)) === null) throw problem('device_key_invalid');
    const now = new Date(this.#clock.nowMs());
    const expiresAt = new Date(now.getTime() + SESSION_MS);
    const row = {
      id: randomUUIDv7(),
      userId,
      client,
      sequence: 0,
      rotatedAt: now,
      createdAt: now,
      expiresAt,
      proofKey,
      deviceName,
    };
    await this.#db.insert(sessions).values(row);
    return row;
  }

  /**
   * Uses up a refresh token.
   * @throws ApiProblem `session_expired`, or `refresh_token_reused` after which the session is over
   */
  async rotate(token: { sessionId: string; sequence: number }): Promise<LivingSession> {
    const now = new Date(this.#clock.nowMs());
    const [rotated] = await this.#db
      .update(sessions)
      .set({ sequence: token.sequence + 1, rotatedAt: now })
      .where(
        and(
          eq(sessions.id, token.sessionId),
          eq(sessions.sequence, token.sequence),
          // A browser that has once proved itself goes on doing so: who then has a cookie alone has a copy of it.
          eq(sessions.proofCount, 0),
          isNull(sessions.revokedAt),
          gt(sessions.expiresAt, now),
        ),
      )
      .returning();
    if (rotated !== undefined) return rotated;

    const row = await this.#findLiving(token.sessionId, now);
    // Nothing ends: whose session it is has the key.
    if (row.proofCount > 0) throw problem('session_expired');
    const isTwin =
      row.sequence === token.sequence + 1 && now.getTime() - row.rotatedAt.getTime() <= ROTATION_GRACE_MS;
    if (isTwin) return row;
    await this.revoke(row.id, 'refresh_token_reused');
    throw problem('refresh_token_reused');
  }

  /**
   * Uses up a count of the session's key. The refresh token stays as it is: one that was lost meanwhile is not old.
   * @throws ApiProblem `not_authenticated`, `session_expired`, or `refresh_token_reused` after which the session is over
   */
  async resume({ sessionId, count, signature }: SessionProof): Promise<LivingSession> {
    const now = new Date(this.#clock.nowMs());
    const [row] = await this.#db.select().from(sessions).where(eq(sessions.id, sessionId));
    const proofKey = row?.proofKey ?? null;
    const key = proofKey === null ? null : await importProofKey(proofKey);
    // Whoever knows no more than the id learns nothing, and ends nothing.
    if (key === null || !(await isProof(key, { sessionId, count, signature }))) {
      throw problem('not_authenticated');
    }
    const [counted] = await this.#db
      .update(sessions)
      .set({ proofCount: count, provedAt: now })
      .where(
        and(
          eq(sessions.id, sessionId),
          lt(sessions.proofCount, count),
          isNull(sessions.revokedAt),
          gt(sessions.expiresAt, now),
        ),
      )
      .returning();
    if (counted !== undefined) return counted;
    const living = await this.#findLiving(sessionId, now);
    // A request that was on its way for long, overtaken by the next one, gets nothing and is no theft.
    if (now.getTime() - (living.provedAt?.getTime() ?? 0) <= ROTATION_GRACE_MS)
      throw problem('session_expired');
    await this.revoke(sessionId, 'refresh_token_reused');
    throw problem('refresh_token_reused');
  }

  /** @throws ApiProblem `session_expired`, `refresh_token_reused` */
  async #findLiving(sessionId: string, now: Date): Promise<typeof sessions.$inferSelect> {
    const [row] = await this.#db.select().from(sessions).where(eq(sessions.id, sessionId));
    if (row === undefined || row.expiresAt <= now) throw problem('session_expired');
    if (row.revokedAt !== null) {
      throw problem(
        row.revokedReason === 'refresh_token_reused' ? 'refresh_token_reused' : 'session_expired',
      );
    }
    return row;
  }

  /** Of everything that is open. Access tokens in other processes end within `ALIVE_CACHE_MS`. */
  async revokeAll(userId: string): Promise<void> {
    await this.endAll(userId, 'ended_elsewhere');
  }

  /** Where the person is signed in, the last used first. */
  async list(userId: string, currentId: string): Promise<DeviceSession[]> {
    const now = new Date(this.#clock.nowMs());
    const rows = await this.#db
      .select()
      .from(sessions)
      .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt), gt(sessions.expiresAt, now)))
      .orderBy(desc(sessions.id));
    return rows
      .map((row) => ({
        id: row.id,
        client: row.client,
        deviceName: row.deviceName,
        signedInAt: row.createdAt.toISOString(),
        lastUsedAt: lastUse(row).toISOString(),
        isCurrent: row.id === currentId,
      }))
      .toSorted((a, b) => b.lastUsedAt.localeCompare(a.lastUsedAt));
  }

  /** @throws ApiProblem `session_not_found`, for other people's too */
  async end(userId: string, sessionId: string): Promise<void> {
    const ended = await this.#revokeWhere(
      this.#db,
      and(eq(sessions.userId, userId), eq(sessions.id, sessionId)),
      'ended_elsewhere',
    );
    if (ended === 0) throw problem('session_not_found');
  }

  /** Of one person, in the caller's transaction if there is one. `exceptId` goes on. @returns how many ended */
  endAll(
    userId: string,
    reason: SessionEnd,
    { executor = this.#db, exceptId }: { readonly executor?: Executor; readonly exceptId?: string } = {},
  ): Promise<number> {
    const others = exceptId === undefined ? undefined : ne(sessions.id, exceptId);
    return this.#revokeWhere(executor, and(eq(sessions.userId, userId), others), reason);
  }

  async #revokeWhere(executor: Executor, which: SQL | undefined, reason: SessionEnd): Promise<number> {
    const now = new Date(this.#clock.nowMs());
    const ended = await executor
      .update(sessions)
      .set({ revokedAt: now, revokedReason: reason })
      .where(and(which, isNull(sessions.revokedAt), gt(sessions.expiresAt, now)))
      .returning({ id: sessions.id });
    for (const { id } of ended) this.#aliveUntilMs.delete(id);
    return ended.length;
  }

  async revoke(sessionId: string, reason: 'logged_out' | 'refresh_token_reused'): Promise<void> {
    this.#aliveUntilMs.delete(sessionId);
    await this.#db
      .update(sessions)
      .set({ revokedAt: new Date(this.#clock.nowMs()), revokedReason: reason })
      .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt)));
  }

  /**
   * Access tokens end with their session, not 15 minutes later.
   * @throws ApiProblem `session_expired`
   */
  async assertAlive(sessionId: string): Promise<void> {
    const nowMs = this.#clock.nowMs();
    if ((this.#aliveUntilMs.get(sessionId) ?? 0) > nowMs) return;
    const [row] = await this.#db
      .select({ expiresAt: sessions.expiresAt })
      .from(sessions)
      .where(
        and(eq(sessions.id, sessionId), isNull(sessions.revokedAt), gt(sessions.expiresAt, new Date(nowMs))),
      );
    if (row === undefined) {
      this.#aliveUntilMs.delete(sessionId);
      throw problem('session_expired');
    }
    if (this.#aliveUntilMs.size >= ALIVE_CACHE_MAX) this.#aliveUntilMs.clear();
    this.#aliveUntilMs.set(sessionId, Math.min(nowMs + ALIVE_CACHE_MS, row.expiresAt.getTime()));
  }
}

/** A refresh is the use that leaves a trace; every quarter of an hour there is one. */
function lastUse({ rotatedAt, provedAt }: { rotatedAt: Date; provedAt: Date | null }): Date {
  return provedAt !== null && provedAt > rotatedAt ? provedAt : rotatedAt;
}

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

async function importProofKey(text: string): Promise<webcrypto.CryptoKey | null> {
  const point = Buffer.from(text, 'base64url');
  return await webcrypto.subtle.importKey('raw', point, KEY, false, ['verify']).catch(() => null);
}

async function isProof(
  key: webcrypto.CryptoKey,
  { sessionId, count, signature }: SessionProof,
): Promise<boolean> {
  const signed = Buffer.from(`tikiwallet session\n${sessionId}\n${count}`);
  return await webcrypto.subtle.verify(SIGNATURE, key, Buffer.from(signature, 'base64url'), signed);
}
