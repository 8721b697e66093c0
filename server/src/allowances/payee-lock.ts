/**
 * Whether an allowance may be locked to a merchant or to one of its kiosks: only to somebody who can be paid with it.
 * Reads only. Never: says who a merchant is; whoever asks has met it and names it by its certificate's ids.
 */
import { sql } from 'drizzle-orm';
import type { PayeeLock } from '@tikiwallet/protocol';
import type { Executor } from '../db/client.ts';
import type { StoredKioskStatus } from '../db/schema/kiosks.ts';
import { problem } from '../http/problem.ts';

/**
 * @throws ApiProblem `kiosk_not_found` (no such kiosk of this merchant, or none that a machine stands behind),
 *   `kiosk_denied`, `kiosk_suspended`, `currency_mismatch`
 */
export async function assertCanBePaid(executor: Executor, lock: PayeeLock, currency: string): Promise<void> {
  const candidates = await executor.execute<{
    status: StoredKioskStatus;
    isSuspended: boolean;
    currency: string;
  }>(sql`
    select status, suspended_at is not null as "isSuspended", currency from tills_of_payee(${lock.merchantId})
    where ${lock.kioskId}::uuid is null or id = ${lock.kioskId}`);
  const active = candidates.filter((kiosk) => kiosk.status === 'active');
  if (active.length === 0) {
    throw problem(candidates.some((kiosk) => kiosk.status === 'denied') ? 'kiosk_denied' : 'kiosk_not_found');
  }
  if (active.every((kiosk) => kiosk.isSuspended)) throw problem('kiosk_suspended');
  if (!active.some((kiosk) => kiosk.currency === currency)) throw problem('currency_mismatch');
}
