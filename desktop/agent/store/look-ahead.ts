/**
 * Has signatures checked beside the store's thread while deliveries wait for it. Owns that second thread and its
 * errand; a delivery waits for it one group at the most, and only while there are others to send: what has not come back
 * by then is checked in the store, as ever.
 * Started by the first queue, so that a till with one customer pays nothing for it.
 */
import { Worker } from 'node:worker_threads';
import { packBytes } from './packing.ts';

/** A delivery in the queue, and what is known of it. */
export interface Queued {
  readonly bytes: Uint8Array;
  /** The payment's signature was checked on exactly these bytes and holds. */
  isSigned: boolean;
  isLookedAt: boolean;
}

/** Small, so that few wait for it when the store comes free in the middle of an errand. */
const MAX_ERRAND = 16;

export class LookAhead {
  readonly #onError: (error: unknown) => void;
  #worker: Worker | null = null;
  #errand: readonly Queued[] | null = null;
  #isOver = false;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Takes the next of `queue` that nobody has looked at, if the thread is free. Called whenever the queue grows. */
  look(queue: readonly Queued[]): void {
    if (this.#errand !== null || this.#isOver) return;
    const errand = nextOf(queue);
    if (errand.length === 0) return;
    const worker = (this.#worker ??= this.#start());
    this.#errand = errand;
    worker.once('message', (verdicts: Uint8Array) => {
      for (const [index, queued] of errand.entries()) queued.isSigned = verdicts[index] === 1;
      this.#errand = null;
      this.look(queue);
    });
    worker.postMessage(packBytes(errand.map((queued) => queued.bytes)));
  }

  /** Its signature is being checked at this moment: to check it again elsewhere would be work for nothing. */
  isChecking(queued: Queued): boolean {
    return this.#errand?.includes(queued) ?? false;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(threadFile(), { name: 'signatures' });
    // Nothing depends on it: the store goes on alone.
    worker.on('error', (error) => {
      this.#isOver = true;
      this.#errand = null;
      this.#onError(error);
    });
    worker.unref();
    return worker;
  }
}

/** The newest: the store takes the oldest first, so that both work towards each other and nothing overtakes anything. */
function nextOf(queue: readonly Queued[]): readonly Queued[] {
  const errand: Queued[] = [];
  for (let index = queue.length - 1; index >= 0 && errand.length < MAX_ERRAND; index -= 1) {
    const queued = queue[index];
    if (queued === undefined || queued.isLookedAt) continue;
    queued.isLookedAt = true;
    errand.unshift(queued);
  }
  return errand;
}

/** Beside this file as source; beside the one file that a packaged agent is built into. */
function threadFile(): URL {
  const source = new URL('./signature-thread.ts', import.meta.url);
  return import.meta.url.endsWith('.ts') ? source : new URL('./signature-thread.js', import.meta.url);
}
