/**
 * Has signatures checked beside the store's thread while deliveries wait for it. Owns that second thread and how much
 * may lie before it. Nothing depends on it: what it has not said when a delivery's turn comes is checked in the store.
 * Started by the first queue, so that a till with one customer pays nothing for it.
 */
import { Worker } from 'node:worker_threads';
import type { DeliveriesMessage, SignatureThreadData } from './messages.ts';
import type { TicketBox } from './verdicts.ts';

/** A thread that gets no processor time must not gather messages without end. */
const MAX_MESSAGES = 64;

export class LookAhead {
  readonly #cells: Int32Array;
  readonly #onError: (error: unknown) => void;
  /** How many messages the thread has taken. */
  readonly #taken = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #sent = 0;
  #worker: Worker | null = null;
  #isOver = false;

  constructor(tickets: TicketBox, onError: (error: unknown) => void) {
    this.#cells = tickets.cells;
    this.#onError = onError;
  }

  /** Deliveries that the store will not come to at once. */
  look(message: DeliveriesMessage): void {
    if (this.#isOver) return;
    const worker = (this.#worker ??= this.#start());
    if (((this.#sent - Atomics.load(this.#taken, 0)) | 0) >= MAX_MESSAGES) return;
    this.#sent = (this.#sent + 1) | 0;
    worker.postMessage(message);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const workerData: SignatureThreadData = { cells: this.#cells, taken: this.#taken };
    const worker = new Worker(threadFile(), { name: 'signatures', workerData });
    // The store goes on alone.
    worker.on('error', (error) => {
      this.#isOver = true;
      this.#onError(error);
    });
    worker.unref();
    return worker;
  }
}

/** Beside this file as source; beside the one file that a packaged agent is built into. */
function threadFile(): URL {
  const source = new URL('./signature-thread.ts', import.meta.url);
  return import.meta.url.endsWith('.ts') ? source : new URL('./signature-thread.js', import.meta.url);
}
