/**
 * The audit trail of accounts: what changed who may act for one.
 *
 * Owns: the table `account_events`, append-only by the database's own rule. Never: writes numbers, names or codes into it.
 */
import { randomUUIDv7 } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Executor } from '../db/client.ts';
import { type AccountEventKind, accountEvents } from '../db/schema/accounts.ts';

export interface AccountEvent {
  readonly userId: string;
  readonly kind: AccountEventKind;
  /** By which proof, where there are several ways. */
  readonly proof?: string;
  readonly sessionId?: string;
}

/** `db` may be the caller's transaction: the event and what it tells of stand or fall together. */
export async function writeEvent(
  { db, clock }: { readonly db: Executor; readonly clock: Clock },
  event: AccountEvent,
): Promise<void> {
  await db.insert(accountEvents).values({ id: randomUUIDv7(), at: new Date(clock.nowMs()), ...event });
}
