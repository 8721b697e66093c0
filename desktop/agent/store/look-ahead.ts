/**
 * Has signatures checked and receipts signed beside the store's thread while deliveries wait for it. Owns that second thread.
 * Nothing depends on it: what it has not done when it is needed is done in the store. Started by the first queue, so that a
 * till with one customer pays nothing for it.
 */
import { Worker } from 'node:worker_threads';
import type { SignatureThreadData } from './messages.ts';

export class LookAhead {
  readonly #data: SignatureThreadData;
  readonly #onError: (error: unknown) => void;
  #worker: Worker | null = null;
  #isOver = false;

  constructor(data: SignatureThreadData, onError: (error: unknown) => void) {
    this.#data = data;
    this.#onError = onError;
  }

  /** Deliveries lie there that the store will not come to at once. */
  begin(): void {
    if (!this.#isOver) this.#worker ??= this.#start();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(threadFile(), { name: 'signatures', workerData: this.#data });
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
