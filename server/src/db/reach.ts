/**
 * Whether the database can be reached, as the connections of one pool have found.
 *
 * Owns: when who asks for a connection is refused without a try. Never: sockets.
 */

/**
 * The driver gives each call that waits a dial of its own, one after the other on each connection: while dials end after ten
 * seconds, the hundredth call would wait for minutes. Once nobody has reached the database for this long, those who wait are refused
 * with the dial that failed.
 */
const TRIED_FOR_MS = 1000;

/** That is enough for hundreds of calls on each connection. It is also how long the pool may refuse when the database is there again. */
export const REFUSED_FOR_MS = 200;

export class Reach {
  readonly #now: () => number;
  #ready = 0;
  #failed: { readonly since: number; readonly at: number; readonly reason: Error } | null = null;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  ready(): void {
    this.#ready += 1;
    this.#failed = null;
  }

  /** One that was ready is no more. */
  lost(): void {
    this.#ready -= 1;
  }

  /** One that was dialled at `dialledAt` ended before it was ready. */
  failed(reason: Error, dialledAt: number): void {
    const before = this.#failed;
    // Whoever tried long ago says nothing of now.
    const isGoingOn = before !== null && dialledAt - before.at < TRIED_FOR_MS;
    this.#failed = { since: isGoingOn ? before.since : dialledAt, at: this.#now(), reason };
  }

  /** Why it is not worth a try now, if so. */
  refusal(): Error | null {
    if (this.#ready > 0 || this.#failed === null) return null;
    const { since, at, reason } = this.#failed;
    if (at - since < TRIED_FOR_MS || this.#now() - at >= REFUSED_FOR_MS) return null;
    return new NotReached(reason);
  }
}

/** Another one for each call, because the driver writes its statement into it. */
class NotReached extends Error {
  readonly code: string;
  constructor(cause: Error) {
    super(`the database was not reached a moment ago: ${cause.message}`, { cause });
    this.code = 'code' in cause && typeof cause.code === 'string' ? cause.code : 'CONNECTION_CLOSED';
  }
}
