/**
 * The clocks that the agent reads, handed in as one parameter so that tests can turn them. Owns no judgement: what
 * a wall clock is worth is decided in trusted-time.ts.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Clock {
  /** Milliseconds since 1970 by the machine's clock, which anybody may have set. */
  wallMs(): number;
  /** Milliseconds since the machine started; comparable between processes as long as `bootId` is the same. */
  monotonicMs(): number;
  readonly bootId: string;
}

export function systemClock(): Clock {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => Number(process.hrtime.bigint() / 1_000_000n),
    bootId: readBootId(),
  };
}

/**
 * The kernel's id of this boot: with it, a deadline survives a killed agent. Where there is none, every process
 * counts as a boot of its own, and what was open before it is over.
 */
function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return randomUUID();
    throw error;
  }
}
