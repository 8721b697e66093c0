/**
 * Connections beside the pool, each for one transaction of `pipeline.ts` at a time.
 *
 * Owns: who has which. Never: two transactions on one connection.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { LaneConnection } from './lane-connection.ts';
import { LaneLost } from './lane-session.ts';

type Waiting = PromiseWithResolvers<LaneConnection>;

export class Lanes {
  readonly #all: readonly LaneConnection[];
  /** The last one that was used is the first to be used again: who is alone keeps one connection warm. */
  readonly #free: LaneConnection[];
  #waiting: Waiting[] = [];
  readonly #used = new Set<Promise<unknown>>();
  #hasEnded = false;

  constructor(count: number, open: () => LaneConnection) {
    this.#all = Array.from({ length: count }, open);
    this.#free = [...this.#all];
  }

  /** @throws LaneLost `CONNECTION_ENDED` */
  use<T>(work: (lane: LaneConnection) => Promise<T>): Promise<T> {
    if (this.#hasEnded) return Promise.reject(new LaneLost('CONNECTION_ENDED'));
    const used = this.#use(work);
    this.#used.add(used);
    const over = () => this.#used.delete(used);
    used.then(over, over);
    return used;
  }

  async #use<T>(work: (lane: LaneConnection) => Promise<T>): Promise<T> {
    const lane = this.#free.pop() ?? (await this.#next());
    try {
      return await work(lane);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(lane);
      else next.resolve(lane);
    }
  }

  #next(): Promise<LaneConnection> {
    const waiting = Promise.withResolvers<LaneConnection>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Lets nobody in any more, and waits so long for all who are, and for the goodbyes. */
  async end(timeoutSeconds: number): Promise<void> {
    this.#hasEnded = true;
    const until = performance.now() + timeoutSeconds * 1000;
    const over = new AbortController();
    const late = delay(timeoutSeconds * 1000, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([Promise.allSettled(this.#used), late]);
    over.abort();
    for (const { reject } of this.#waiting.splice(0)) reject(new LaneLost('CONNECTION_ENDED'));
    const leftSeconds = Math.max(until - performance.now(), 0) / 1000;
    await Promise.all(this.#all.map((lane) => lane.close(leftSeconds)));
  }
}
