/**
 * Whether a batch is worth trying as a usual one (`send-usual.ts`): where every other batch has somebody in it who has too little or
 * repeats a key, the try is wasted on most of them, and the way that copes with everything is the shorter one.
 *
 * Never: keeps a transfer from being sent, or lets what is usual go the longer way for long.
 */
const MOST_SKIPPED = 31;

export class OddBatches {
  #skips = 0;
  #left = 0;

  /** One transfer says nothing about the next one. */
  mayTry(size: number): boolean {
    if (size === 1 || this.#left === 0) return true;
    this.#left -= 1;
    return false;
  }

  /** After each batch that was odd twice as many go without a try. */
  wasOdd(size: number): void {
    if (size === 1) return;
    this.#skips = Math.min(this.#skips * 2 + 1, MOST_SKIPPED);
    this.#left = this.#skips;
  }

  wasUsual(): void {
    this.#skips = 0;
  }
}
