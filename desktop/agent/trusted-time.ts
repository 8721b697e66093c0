/**
 * A lower bound of now that no one can turn back: the newest time seen in signed objects and in this kiosk's own
 * writes. Pure; the store keeps the mark. Never believes a wall clock that lies below the mark, and never lets one
 * that lies ahead brick the shop: a fresh signed word of the cloud brings the mark back.
 */
import { CLOCK_TOLERANCE_SECONDS } from '@tikiwallet/protocol';

export interface TrustedNow {
  readonly seconds: number;
  /** The wall clock has been set back: nothing that depends on dates may be decided by it. */
  readonly isBehind: boolean;
}

export function trustedNow(wallMs: number, markSeconds: number): TrustedNow {
  const wallSeconds = Math.floor(wallMs / 1000);
  return {
    seconds: Math.max(wallSeconds, markSeconds),
    isBehind: wallSeconds < markSeconds - CLOCK_TOLERANCE_SECONDS,
  };
}

/** The mark after the cloud has signed `serverSeconds` in answer to something that was just sent. */
export function correctedMark(markSeconds: number, serverSeconds: number): number {
  if (serverSeconds > markSeconds) return serverSeconds;
  // Small differences are two clocks; a large one is a wall clock that ran ahead and was written down.
  return markSeconds - serverSeconds > CLOCK_TOLERANCE_SECONDS ? serverSeconds : markSeconds;
}
