/**
 * Tills that hand in batches sealed to a key that is not known here. Each is told so and comes again under another key a moment
 * later; one that does not settles nothing more, and its shop sees no fault of its own.
 *
 * Owns: since when, per machine. Never: what is answered.
 */
import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { kioskEnrolments } from '../db/schema/kiosks.ts';
import type { EnrolledKiosk } from './authenticate-kiosk.ts';

/** Longer than a till takes to fetch a key and come again, over several tries on a bad line. */
const STUCK_MINUTES = 30;

type Till = Pick<EnrolledKiosk, 'enrolmentId' | 'sealingUnknownSince'>;

/** @returns whether it is the first time since a batch of it was settled */
export async function noteSealingUnknown(db: Db, till: Till, now: Date): Promise<boolean> {
  if (till.sealingUnknownSince !== null) return false;
  const { id, sealingUnknownSince } = kioskEnrolments;
  await db
    .update(kioskEnrolments)
    .set({ sealingUnknownSince: now })
    .where(and(eq(id, till.enrolmentId), isNull(sealingUnknownSince)));
  return true;
}

/** It settles. Nothing is written for who was never refused. */
export async function noteSealingKnown(db: Db, till: Till): Promise<void> {
  if (till.sealingUnknownSince === null) return;
  await db
    .update(kioskEnrolments)
    .set({ sealingUnknownSince: null })
    .where(eq(kioskEnrolments.id, till.enrolmentId));
}

/** How many were refused so for longer than a new key takes, and settled nothing since: part of a statement. */
export function tillsThatCannotSeal(now: string): SQL {
  return sql`(select count(*)::int from kiosk_enrolments where ended_at is null
    and sealing_unknown_since < ${now}::timestamptz - make_interval(mins => ${STUCK_MINUTES}))`;
}
