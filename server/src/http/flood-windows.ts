/**
 * Counts against floods in this process's memory: so many in a window that begins with the first of them.
 *
 * Owns: the counts, and that keys whose window is over are let go. Never: a timer or a promise - it is asked several times a request.
 */
export class FloodWindows {
  readonly #most: number;
  readonly #windowMs: number;
  readonly #nowMs: () => number;
  readonly #windows = new Map<string, { count: number; readonly endsMs: number }>();
  #sweepMs = 0;

  constructor(
    { most, windowMs }: { readonly most: number; readonly windowMs: number },
    nowMs: () => number = Date.now,
  ) {
    this.#most = most;
    this.#windowMs = windowMs;
    this.#nowMs = nowMs;
  }

  /** Counts one more. @returns 0, or when there were too many, after how many milliseconds the window is over */
  take(key: string): number {
    const nowMs = this.#nowMs();
    const window = this.#windows.get(key);
    if (window === undefined || window.endsMs <= nowMs) {
      if (nowMs >= this.#sweepMs) this.#sweep(nowMs);
      // Anew, so that the oldest windows stand first.
      this.#windows.delete(key);
      this.#windows.set(key, { count: 1, endsMs: nowMs + this.#windowMs });
      return this.#most >= 1 ? 0 : this.#windowMs;
    }
    window.count += 1;
    return window.count <= this.#most ? 0 : window.endsMs - nowMs;
  }

  /** Of keys that are kept. */
  get size(): number {
    return this.#windows.size;
  }

  #sweep(nowMs: number): void {
    for (const [key, { endsMs }] of this.#windows) {
      if (endsMs > nowMs) break;
      this.#windows.delete(key);
    }
    this.#sweepMs = nowMs + this.#windowMs;
  }
}
