/**
 * The phone's idea of now: its own clock, corrected by what the server said when they last met, and held against the
 * newest time seen in anything the issuer signed. Never: trusts a kiosk's time.
 */
import { CLOCK_TOLERANCE_SECONDS } from '@tikiwallet/protocol';

export interface Clock {
  nowSeconds(): number;
  nowMs(): number;
  /** False when the clock stands before a moment that has certainly passed. */
  isPlausible(): boolean;
  /** Takes the server's time, read at `Date.now()`. @returns the offset to remember. */
  learn(serverTimeMs: number): number;
  learnLowerBound(seconds: number): void;
  /** The issuer signed that its time had run ahead: the newest time is this one after all. */
  goBackTo(seconds: number): void;
  readonly newestTime: number;
}

export function createClock(
  remembered: { offsetMs: number; newestTime: number },
  wallClock: () => number = Date.now,
): Clock {
  let { offsetMs, newestTime } = remembered;
  const nowMs = () => wallClock() + offsetMs;
  return {
    nowMs,
    nowSeconds: () => Math.floor(nowMs() / 1000),
    isPlausible: () => Math.floor(nowMs() / 1000) >= newestTime - CLOCK_TOLERANCE_SECONDS,
    learn(serverTimeMs) {
      offsetMs = Math.round(serverTimeMs - wallClock());
      newestTime = Math.max(newestTime, Math.floor(serverTimeMs / 1000));
      return offsetMs;
    },
    learnLowerBound(seconds) {
      newestTime = Math.max(newestTime, seconds);
    },
    goBackTo(seconds) {
      newestTime = seconds;
    },
    get newestTime() {
      return newestTime;
    },
  };
}
