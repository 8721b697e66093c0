/**
 * How long a payment request may still be paid, and a refund offer accepted: a pure rule that the store decides by and the screen counts down by.
 * The monotonic clock measures; the wall clock is believed only when it makes a request older.
 */
import { MAX_REQUEST_TTL_SECONDS } from '@tikiwallet/protocol';
import type { Clock } from './clock.ts';

export interface RequestLife {
  readonly openedAtMs: number;
  /** On the monotonic clock of this boot; null when it was another boot. */
  readonly deadlineMs: number | null;
}

/** Clocks are set right by seconds while people pay. */
const CLOCK_CORRECTION_MS = 30_000;

/** Zero when it is over. @param longestSeconds What nothing of this kind is ever given. */
export function remainingMs(
  { openedAtMs, deadlineMs }: RequestLife,
  clock: Clock,
  longestSeconds: number = MAX_REQUEST_TTL_SECONDS,
): number {
  const longestMs = longestSeconds * 1000;
  if (deadlineMs === null) return 0;
  const leftMs = deadlineMs - clock.monotonicMs();
  // More than any request is given: the counter began again, as in a container that was started anew.
  if (leftMs > longestMs) return 0;
  // The monotonic clock stands still in a machine that sleeps; the wall clock does not.
  if (clock.wallMs() - openedAtMs > longestMs + CLOCK_CORRECTION_MS) return 0;
  return Math.max(0, leftMs);
}
