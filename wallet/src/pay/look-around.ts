/**
 * What waits for this person on the network: sales, and beside them money that comes back. Neither hides the other, and a sale
 * waits for no refund. Without cryptography: the screens load it.
 */
import type { NearbyRefund } from './nearby-refunds.ts';
import type { ReadOutcome } from './read-request.ts';
import { signedSubject } from './signed-subject.ts';

/** After the sales are known: a sale is not kept waiting for a kiosk that says nothing of refunds. */
const REFUNDS_MS = 400;

export interface Found {
  readonly sales: readonly ReadOutcome[];
  readonly refunds: readonly NearbyRefund[];
}

/** @throws what the search for sales throws, where no refund waits either. */
export async function lookAround(
  sales: Promise<readonly ReadOutcome[]>,
  refunds: Promise<readonly NearbyRefund[]>,
): Promise<Found> {
  const none: readonly NearbyRefund[] = [];
  const waiting = refunds.catch((error: unknown) => {
    console.error(error);
    return none;
  });
  const found = await sales.catch(async (error: unknown) => {
    if ((await waiting).length === 0) throw error;
    return [];
  });
  const beside = await Promise.race([waiting, after(REFUNDS_MS, none)]);
  // A request without a signature that holds is shown for its reason, and only where there is nothing better to show.
  const shown = beside.length === 0 ? found : found.filter((outcome) => signedSubject(outcome) !== null);
  return { sales: shown, refunds: beside };
}

function after<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(() => resolve(value), ms));
}
