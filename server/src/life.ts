/** Whether this process is on its way out. Owns the one way there is: there is none back. */
export class Life {
  readonly #leaving = new AbortController();

  get isLeaving(): boolean {
    return this.#leaving.signal.aborted;
  }

  /** Aborts when the process begins to leave: for what runs longer than a request should. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  leave(): void {
    this.#leaving.abort();
  }
}
