/**
 * Connections beside the pool, each for one transaction of `pipeline.ts` at a time.
 *
 * Owns: who has which. Never: two transactions on one connection.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { LaneConnection } from './lane-connection.ts';

export class Lanes {
  readonly #all: readonly LaneConnection[];
  /** The last one that was used is the first to be used again: who is alone keeps one connection warm. */
  readonly #free: LaneConnection[];
  readonly #waiting: ((lane: LaneConnection) => void)[] = [];
  readonly #used = new Set<Promise<unknown>>();
  #hasEnded = false;

  constructor(count: number, open: () => LaneConnection) {
    this.#all = Array.from({ length: count }, open);
    this.#free = [...this.#all];
  }

  /** @throws LanesEnded */
  async use<T>(work: (lane: LaneConnection) => Promise<T>): Promise<T> {
    if (this.#hasEnded) throw new LanesEnded();
    const lane =
      this.#free.pop() ?? (await new Promise<LaneConnection>((resolve) => this.#waiting.push(resolve)));
    const used = work(lane);
    this.#used.add(used);
    try {
      return await used;
    } finally {
      this.#used.delete(used);
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(lane);
      else next(lane);
    }
  }

  /** Waits so long for what is on its way, and for whoever waits to be on theirs. */
  async end(timeoutSeconds: number): Promise<void> {
    this.#hasEnded = true;
    const waited = new AbortController();
    const timeIsUp = delay(timeoutSeconds * 1000, 'late' as const, { signal: waited.signal }).catch(
      () => 'late',
    );
    while (this.#used.size > 0 || this.#waiting.length > 0) {
      const ended = await Promise.race([Promise.allSettled(this.#used), timeIsUp]);
      if (ended === 'late') break;
    }
    waited.abort();
    const late = this.#used.size > 0;
    if (late) for (const lane of this.#all) lane.drop();
    else await Promise.all(this.#all.map((lane) => lane.end(timeoutSeconds)));
  }
}

class LanesEnded extends Error {
  readonly code = 'CONNECTION_ENDED';
  constructor() {
    super('the connections to the database were closed');
  }
}
