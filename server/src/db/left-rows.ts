/**
 * That of a statement which ended half way nothing is left for the next one: neither its rows nor its refusal.
 *
 * Owns: where messages of the database begin, and what the driver is told between two of them. Never: what they say.
 */

/**
 * The driver begins to count rows anew when a statement is complete, and not when it failed, or its connection ended, after its first
 * rows: the rows of the next statement would come behind as many that are none, and its first row would be none. So before the
 * first row on each connection, and after each failure, it hears that something without a name is complete. That means nothing else to
 * it, except within a cursor: we have none.
 */
export const COUNT_ANEW = Buffer.from('C\0\0\0\x05\0', 'latin1');

/**
 * The driver keeps a refusal until the database is ready again. When the connection ends before, it takes the next one's being ready for
 * that: whoever asks then is refused for it (a key that stands, say), or, where it was for a plan that was gone, the statement is sent
 * again after all, and its answer is given to them. So it hears of another one that means what happened.
 */
const ENDED = Buffer.from(
  'E\0\0\0\0SFATAL\0VFATAL\0C08006\0Mthe connection of the statement before this one ended\0\0',
  'latin1',
);
ENDED.writeUInt32BE(ENDED.length - 1, 1);

const [COMPLETE, ROW, FAILED, READY] = [...Buffer.from('CDEZ', 'latin1')];
const LENGTH_BYTES = 4;

export class LeftRows {
  /** Whether the driver may count from where another statement ended. */
  #mayBeLeft = true;
  #isRefused = false;
  /** Bytes to come of the message that is under way, once its length is known. */
  #toCome = 0;
  /** Bytes to come of its length, and what is known of it. */
  #lengthToCome = 0;
  #length = 0;

  /** @returns the chunk, in parts where the driver has to hear something in between */
  heard(chunk: Buffer): readonly Buffer[] {
    const parts: Buffer[] = [];
    let passed = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#toCome > 0) {
        const here = Math.min(this.#toCome, chunk.length - at);
        this.#toCome -= here;
        at += here;
      } else if (this.#lengthToCome > 0) {
        this.#length = this.#length * 256 + (chunk[at] ?? 0);
        this.#lengthToCome -= 1;
        at += 1;
        if (this.#lengthToCome === 0) this.#toCome = this.#length - LENGTH_BYTES;
      } else {
        if (this.#isToldBefore(chunk[at])) {
          if (at > passed) parts.push(chunk.subarray(passed, at));
          parts.push(COUNT_ANEW);
          passed = at;
        }
        this.#lengthToCome = LENGTH_BYTES;
        this.#length = 0;
        at += 1;
      }
    }
    parts.push(passed === 0 ? chunk : chunk.subarray(passed));
    return parts;
  }

  /** @returns what the driver has to hear when the connection has ended */
  ended(): Buffer | null {
    const isBetween = this.#toCome === 0 && this.#lengthToCome === 0;
    return this.#isRefused && isBetween ? ENDED : null;
  }

  #isToldBefore(kind: number | undefined): boolean {
    if (kind === FAILED) this.#mayBeLeft = this.#isRefused = true;
    if (kind === READY) this.#isRefused = false;
    if (kind === COMPLETE) this.#mayBeLeft = false;
    if (kind !== ROW || !this.#mayBeLeft) return false;
    this.#mayBeLeft = false;
    return true;
  }
}
