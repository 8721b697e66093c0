/**
 * Asks the provider about top-ups whose event has not come: webhooks are tried for days and then given up, and an
 * address that was wrong for a week must not cost anybody their money.
 *
 * Owns: when a waiting top-up is asked about next. Never: credits by itself; the answer goes the way of every event.
 */
import { and, asc, eq, gt, isNotNull, isNull, lte, or } from 'drizzle-orm';
import type { ServerContext } from '../context.ts';
import { topUps } from '../db/schema/money.ts';
import { handleMoneyEvent } from './events.ts';

type Needs = Pick<ServerContext, 'db' | 'config' | 'clock' | 'money' | 'log'>;

/** Asked per round; the next round takes the rest. */
const ROUND = 50;
const SHORTEST_PAUSE_MS = 2 * 60_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;
/** Cards are paid within a day and bank debits within two weeks; later nothing comes any more. */
const GIVE_UP_AFTER_MS = 30 * 24 * 3_600_000;

/** @returns how many top-ups were found paid or over. */
export async function lookAfterTopUps(needs: Needs): Promise<number> {
  const { db, clock, log } = needs;
  const now = new Date(clock.nowMs());
  const due = await db
    .select({ id: topUps.id, checkoutId: topUps.checkoutId, createdAt: topUps.createdAt })
    .from(topUps)
    .where(
      and(
        eq(topUps.status, 'awaiting_payment'),
        isNotNull(topUps.checkoutId),
        gt(topUps.createdAt, new Date(now.getTime() - GIVE_UP_AFTER_MS)),
        or(isNull(topUps.nextLookAt), lte(topUps.nextLookAt, now)),
      ),
    )
    .orderBy(asc(topUps.nextLookAt))
    .limit(ROUND);
  let found = 0;
  for (const { id, checkoutId, createdAt } of due) {
    // Set before asking: whatever comes of it, this one does not stand in the way of the others.
    await db
      .update(topUps)
      .set({ nextLookAt: nextLook(createdAt, now) })
      .where(eq(topUps.id, id));
    try {
      const event = checkoutId === null ? null : await needs.money.askAbout(checkoutId);
      if (event === null) continue;
      const outcome = await handleMoneyEvent(needs, event);
      log.warn({ topUpId: id, eventId: event.eventId, outcome }, 'a top-up was settled by asking');
      found += 1;
    } catch (error) {
      log.warn({ topUpId: id, err: error }, 'the provider could not be asked about a top-up');
    }
  }
  return found;
}

/** The older the rarer: half its age, between two minutes and six hours. */
function nextLook(createdAt: Date, now: Date): Date {
  const halfAgeMs = (now.getTime() - createdAt.getTime()) / 2;
  return new Date(now.getTime() + Math.min(Math.max(halfAgeMs, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS));
}
