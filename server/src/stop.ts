/**
 * How a server process leaves: so that no request is dropped and nothing is answered that is not committed.
 *
 * Owns: the order. Never: waits for ever - what is not done in `allMs` is cut, and the exit code says so.
 *
 * 1. `/readyz` says 503 and answers ask clients to come by another connection, while requests are still taken: load
 *    balancers need `leaveMs` to hear of it.
 * 2. Nothing new is taken; requests that run are answered.
 * 3. Periodic work ends its round, traces are sent, connections to the database close.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Listening } from './http/listen.ts';
import type { Life } from './life.ts';
import type { PeriodicJob } from './periodic.ts';

export interface Stopping {
  readonly log: Logger;
  readonly life: Life;
  readonly server: Listening;
  readonly jobs: readonly PeriodicJob[];
  /** Closed after everything that might use them, one after the other. */
  readonly last: readonly (() => Promise<void>)[];
  readonly leaveMs: number;
  readonly allMs: number;
}

/** The bound was reached; what ran then was cut. */
export class StoppedTooLate extends Error {
  constructor(allMs: number) {
    super(`not everything had ended after ${allMs / 1000} seconds`);
  }
}

/** @throws StoppedTooLate */
export async function stopServer(parts: Stopping): Promise<void> {
  const { allMs } = parts;
  const bound = new AbortController();
  const late = delay(allMs, undefined, { signal: bound.signal }).then(() => {
    throw new StoppedTooLate(allMs);
  });
  try {
    await Promise.race([stopInOrder(parts), late]);
  } finally {
    bound.abort();
    late.catch(() => undefined);
  }
}

async function stopInOrder({ log, life, server, jobs, last, leaveMs, allMs }: Stopping): Promise<void> {
  const startedAt = performance.now();
  life.leave();
  server.leave();
  if (leaveMs > 0) await delay(leaveMs);
  // A third of the time that is left is kept for what comes after.
  const leftMs = Math.max(0, allMs - (performance.now() - startedAt));
  await server.close((leftMs * 2) / 3);
  log.info({ afterMs: Math.round(performance.now() - startedAt) }, 'every request is answered');
  await Promise.all(jobs.map((job) => job.stop()));
  for (const close of last) await close();
}
