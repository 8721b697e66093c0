/**
 * After a refusal that a manager at the shop may set aside (page 05): the same bytes are offered again, quietly, as long
 * as the request lives, so that the receipt arrives when the shop decides. Signs nothing, and takes nothing back.
 */
import { OVERRIDABLE_CODES } from '@tikiwallet/protocol';
import type { DeliveryOutcome } from './deliver.ts';
import { ASK_MANAGER_MS } from './timing.ts';

export function mayBeDecidedAtShop(code: string): boolean {
  return OVERRIDABLE_CODES.some((known) => known === code);
}

export interface ManagerWait {
  /** One round to the kiosk. */
  readonly ask: () => Promise<DeliveryOutcome>;
  readonly nowMs: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly untilMs: number;
  readonly signal: AbortSignal;
}

/** The receipt, or null when the request's time is over or the person has left. */
export async function awaitManager(
  wait: ManagerWait,
): Promise<Extract<DeliveryOutcome, { kind: 'receipt' }> | null> {
  while (!wait.signal.aborted && wait.nowMs() + ASK_MANAGER_MS <= wait.untilMs) {
    await wait.pause(ASK_MANAGER_MS, wait.signal);
    if (wait.signal.aborted) return null;
    const outcome = await wait.ask();
    if (outcome.kind === 'receipt') return outcome;
  }
  return null;
}
