/**
 * Forgets what has done its work: people who never proved their phone, ended sessions, answers kept for repeats.
 *
 * Owns: how long each is kept. Never: anything about money - a key that is forgotten here still stands in the ledger.
 */
import { inArray, lt } from 'drizzle-orm';
import type { Clock } from '../clock.ts';
import type { Db } from './client.ts';
import { passwordResets, phoneChanges, registrations, sessions } from './schema/accounts.ts';
import { idempotencyKeys } from './schema/http.ts';

const DAY_MS = 24 * 3_600_000;
/** A wallet that was offline that long asks its history instead of repeating the write. */
const ANSWERS_KEPT_MS = 30 * DAY_MS;
/** A registration can be finished for ten minutes after its last SMS, and holds a stranger's number and password. */
const REGISTRATIONS_KEPT_MS = DAY_MS;
/** For whoever asks afterwards when somebody was signed in. */
const SESSIONS_KEPT_MS = 30 * DAY_MS;
/** Rows of a table per round; the next round takes the rest. */
const ROUND = 5_000;

/** @returns how many rows went. */
export async function forgetOld(db: Db, clock: Clock): Promise<number> {
  const before = (keptMs: number) => new Date(clock.nowMs() - keptMs);
  const oldRegistrations = db
    .select({ id: registrations.id })
    .from(registrations)
    .where(lt(registrations.expiresAt, before(REGISTRATIONS_KEPT_MS)))
    .limit(ROUND);
  const oldSessions = db
    .select({ id: sessions.id })
    .from(sessions)
    .where(lt(sessions.expiresAt, before(SESSIONS_KEPT_MS)))
    .limit(ROUND);
  const gone = [
    await db.delete(registrations).where(inArray(registrations.id, oldRegistrations)),
    await db.delete(sessions).where(inArray(sessions.id, oldSessions)),
    await db.delete(passwordResets).where(lt(passwordResets.expiresAt, before(REGISTRATIONS_KEPT_MS))),
    await db.delete(phoneChanges).where(lt(phoneChanges.expiresAt, before(REGISTRATIONS_KEPT_MS))),
    await db.delete(idempotencyKeys).where(lt(idempotencyKeys.createdAt, before(ANSWERS_KEPT_MS))),
  ];
  return gone.reduce((sum, { count }) => sum + count, 0);
}
