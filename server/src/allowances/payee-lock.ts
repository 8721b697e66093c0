/**
 * Whether an allowance may be locked to a merchant or to one of its kiosks: only to somebody who can be paid with it.
 * Reads only. Never: says who a merchant is; whoever asks has met it and names it by its certificate's ids.
 */
import { and, eq } from 'drizzle-orm';
import type { PayeeLock } from '@tikiwallet/protocol';
import type { Executor } from '../db/client.ts';
import { kiosks } from '../db/schema/kiosks.ts';
import { problem } from '../http/problem.ts';

/**
 * @throws ApiProblem `kiosk_not_found` (no such kiosk of this merchant, or none that a machine stands behind),
 *   `kiosk_denied`, `kiosk_suspended`, `currency_mismatch`
 */
export async function assertCanBePaid(executor: Executor, lock: PayeeLock, currency: string): Promise<void> {
  const named = lock.kioskId === null ? undefined : eq(kiosks.id, lock.kioskId);
  const candidates = await executor
    .select({ status: kiosks.status, suspendedAt: kiosks.suspendedAt, currency: kiosks.currency })
    .from(kiosks)
    .where(and(eq(kiosks.merchantId, lock.merchantId), named));
  const active = candidates.filter((kiosk) => kiosk.status === 'active');
  if (active.length === 0) {
    throw problem(candidates.some((kiosk) => kiosk.status === 'denied') ? 'kiosk_denied' : 'kiosk_not_found');
  }
  if (active.every((kiosk) => kiosk.suspendedAt !== null)) throw problem('kiosk_suspended');
  if (!active.some((kiosk) => kiosk.currency === currency)) throw problem('currency_mismatch');
}
