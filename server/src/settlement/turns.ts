/**
 * Who settles next: batches of streams take turns, first come, first served.
 *
 * Owns: that a stream, which always has a next batch, never has more than one turn before everybody who waited had one, and
 * that streams together leave the rest of the pool's connections to everybody else.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atATime: number) {
    this.#free = atATime;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The turn goes from hand to hand: nobody comes in between.
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
