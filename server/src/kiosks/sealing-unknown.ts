/**
 * Tills that hand in batches sealed to a key that is not known here. Each is told so and comes again under another key a moment
 * later; one that does not settles nothing more, and its shop sees no fault of its own.
 *
 * Owns: since when, and when last, per machine. Never: what is answered; or that a till which is away cannot seal: it counts for
 * what was seen of it.
 */
import { and, eq, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { kioskEnrolments } from '../db/schema/kiosks.ts';
import type { EnrolledKiosk } from './authenticate-kiosk.ts';

/** Longer than a till takes to fetch a key and come again, over several tries on a bad line. */
const STUCK_MINUTES = 30;
/** A till with a line asks again within five minutes: one that was silent for longer was away, and that was no try. */
const AWAY_MINUTES = 15;
/** How exactly the last refusal is kept: a till that asks without pause is not written down each time. */
const NOTED_SECONDS = 60;

type Till = Pick<EnrolledKiosk, 'enrolmentId' | 'sealingUnknownSince'>;

/** @returns whether it is the first time since a batch of it was settled */
export async function noteSealingUnknown(db: Db, till: Till, now: Date): Promise<boolean> {
  const { id, sealingUnknownSince: since, sealingRefusedAt } = kioskEnrolments;
  const at = sql`${now.toISOString()}::timestamptz`;
  // Written by a release that does not know the second.
  const last = sql`greatest(${sealingRefusedAt}, ${since})`;
  const wasAway = sql`${last} < ${at} - make_interval(mins => ${AWAY_MINUTES}) and not ${isStuck}`;
  await db
    .update(kioskEnrolments)
    .set({
      sealingUnknownSince: sql`case when ${since} is null or (${wasAway}) then ${at} else ${since} end`,
      sealingRefusedAt: now,
    })
    .where(
      and(
        eq(id, till.enrolmentId),
        or(
          isNull(since),
          isNull(sealingRefusedAt),
          lt(sealingRefusedAt, new Date(now.getTime() - NOTED_SECONDS * 1000)),
        ),
      ),
    );
  return till.sealingUnknownSince === null;
}

/** It settles. Nothing is written for who was never refused. */
export async function noteSealingKnown(db: Db, till: Till): Promise<void> {
  if (till.sealingUnknownSince === null) return;
  await db
    .update(kioskEnrolments)
    .set({ sealingUnknownSince: null, sealingRefusedAt: null })
    .where(eq(kioskEnrolments.id, till.enrolmentId));
}

/** It was seen to come again and again, for longer than a new key takes. */
const isStuck = sql.raw(
  `coalesce(sealing_refused_at >= sealing_unknown_since + interval '${STUCK_MINUTES} minutes', false)`,
);

/** How many were refused so for longer than a new key takes, and settled nothing since: part of a statement. */
export const tillsThatCannotSeal: SQL = sql`(select count(*)::int from kiosk_enrolments
  where ended_at is null and sealing_unknown_since is not null and ${isStuck})`;
