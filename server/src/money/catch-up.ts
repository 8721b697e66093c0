/**
 * Handles the provider's events whose delivery was lost: it tries for days and then gives up, and an address that was
 * wrong for a week must not leave anybody's money in a wrong place.
 *
 * Owns: how far back is asked. Never: decides anything itself; the events go the way of every event.
 */
import { sql } from 'drizzle-orm';
import type { ServerContext } from '../context.ts';
import { pgArray } from '../db/pg-array.ts';
import { providerEvents } from '../db/schema/money.ts';
import { handleMoneyEvent } from './events.ts';

type Needs = Pick<ServerContext, 'db' | 'config' | 'clock' | 'money' | 'log'>;

const USUAL_MS = 3 * 24 * 3_600_000;
/** The provider keeps its events so long: a server that was away for weeks asks for all of it once. */
const LONGEST_MS = 30 * 24 * 3_600_000;
const asked = new WeakSet<ServerContext['money']>();

/** @returns how many events had been lost. */
export async function catchUpWithEvents(needs: Needs): Promise<number> {
  const { clock, db, log, money } = needs;
  const backMs = asked.has(money) ? USUAL_MS : LONGEST_MS;
  const events = await money.eventsSince(new Date(clock.nowMs() - backMs));
  asked.add(money);
  if (events.length === 0) return 0;
  const ids = events.map(({ eventId }) => eventId);
  const known = await db
    .select({ id: providerEvents.id })
    .from(providerEvents)
    // One parameter, however many events a month had.
    .where(sql`${providerEvents.id} = any(${pgArray(ids)}::text[])`);
  const handled = new Set(known.map(({ id }) => id));
  let found = 0;
  for (const event of events) {
    if (handled.has(event.eventId)) continue;
    const { eventId, eventType } = event;
    try {
      const outcome = await handleMoneyEvent(needs, event);
      log.warn({ eventId, eventType, outcome }, 'an event was found by asking');
      found += 1;
    } catch (error) {
      // The next round tries it again; the others do not wait for it.
      log.error({ eventId, eventType, err: error }, 'an event that was found by asking could not be handled');
    }
  }
  return found;
}
