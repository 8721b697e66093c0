/**
 * Whether the cloud can be reached, known within five seconds of a change. Owns the probe and its rhythm; every
 * other call's outcome counts too. A slow answer is an answer: each probe waits for its own while the next ones go out, so
 * that a slow line, or a machine with its hands full, is not called offline. Says what is, decides nothing.
 */

/** `connecting`: since the start nobody has answered, and nothing has failed yet. */
export type CloudState = 'connecting' | 'online' | 'offline';

export interface ReachabilityView {
  readonly state: CloudState;
  readonly sinceMs: number;
  /** Of any answer, this run. */
  readonly lastContactMs: number | null;
}

const PROBE_EVERY_MS = 2_500;
/** Under five seconds, and long enough for two probes: a line on which every answer takes long answers as often as a quick one. */
const MOST_SILENCE_MS = 4_800;
/** At most this long after a failed call somebody looks again. */
const AFTER_FAILURE_MS = 200;

export class Reachability {
  readonly #probe: () => Promise<unknown>;
  readonly #onChange: (state: CloudState) => void;
  #view: ReachabilityView = { state: 'connecting', sinceMs: Date.now(), lastContactMs: null };
  #timer: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  /** On this process's clock. */
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  #isStopped = true;

  /** @param options `probe` gives up by itself: how many wait at once is its time-out by the rhythm. */
  constructor(options: { probe: () => Promise<unknown>; onChange: (state: CloudState) => void }) {
    this.#probe = options.probe;
    this.#onChange = options.onChange;
  }

  get view(): ReachabilityView {
    return this.#view;
  }

  get isOnline(): boolean {
    return this.#view.state === 'online';
  }

  start(): void {
    this.#isStopped = false;
    this.#schedule(0);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
  }

  /** Any answer of the cloud proves the way to it. */
  reached(): void {
    this.#view = { ...this.#view, lastContactMs: Date.now() };
    this.#answeredAtMs = performance.now();
    this.#become('online');
    clearTimeout(this.#silence);
    if (!this.#isStopped) this.#silence = setTimeout(() => this.#become('offline'), MOST_SILENCE_MS);
  }

  /** A call failed: one call may fail for itself, so a probe decides. */
  failed(): void {
    // A probe's own failure comes here as well: while nobody answers, the rhythm is enough.
    if (!this.isOnline) return;
    this.#schedule(AFTER_FAILURE_MS);
  }

  probeNow(): void {
    this.#schedule(0);
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), delayMs);
  }

  async #look(): Promise<void> {
    const askedAtMs = performance.now();
    this.#schedule(PROBE_EVERY_MS);
    try {
      await this.#probe();
      this.reached();
    } catch {
      // Whatever went wrong, nobody who speaks for the cloud said "ok"; unless somebody did, since.
      if (this.#answeredAtMs < askedAtMs) this.#become('offline');
    }
  }

  #become(state: CloudState): void {
    if (this.#isStopped || this.#view.state === state) return;
    this.#view = { ...this.#view, state, sinceMs: Date.now() };
    this.#onChange(state);
  }
}
