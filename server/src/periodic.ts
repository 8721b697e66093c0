/**
 * Work that comes round again, like a clock's.
 *
 * Owns: that rounds of one job never overlap in a process, and that a failed round stops nothing.
 */
import type { Logger } from 'pino';
import { publish } from './observe/facts.ts';

export interface Periodic {
  /** For the log. */
  readonly name: string;
  readonly everyMs: number;
  readonly log: Logger;
  /** Several processes may be at it: it takes its own locks. @returns how much it did. */
  readonly round: () => Promise<number>;
}

export interface PeriodicJob {
  /** Waits for a round that is running. */
  stop(): Promise<void>;
}

export function startPeriodic({ name, everyMs, log, round }: Periodic): PeriodicJob {
  let running: Promise<void> | null = null;
  const run = async () => {
    try {
      const done = await round();
      publish('round', { job: name, outcome: 'done' });
      if (done > 0) log.info({ job: name, done }, 'periodic work');
    } catch (error) {
      publish('round', { job: name, outcome: 'failed' });
      // The database is away or restarting; the next round comes.
      log.warn({ job: name, err: error }, 'periodic work could not be done now');
    }
  };
  const timer = setInterval(() => {
    running ??= run().finally(() => {
      running = null;
    });
  }, everyMs);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
