/**
 * Whether the cloud can be reached, known within five seconds of a change. Owns the probe and its rhythm; every
 * other call's outcome counts too, so that a busy agent probes little. Says what is, decides nothing.
 */
export type CloudState = 'checking' | 'online' | 'offline';

export interface ReachabilityView {
  readonly state: CloudState;
  readonly sinceMs: number;
  /** Of any answer, this run. */
  readonly lastContactMs: number | null;
}

/** Probe time-out plus this stays under five seconds. */
const PROBE_EVERY_MS = 2_500;
/** At most this long after a failed call somebody looks again. */
const AFTER_FAILURE_MS = 200;

export class Reachability {
  readonly #probe: () => Promise<unknown>;
  readonly #onChange: (state: CloudState) => void;
  #view: ReachabilityView = { state: 'checking', sinceMs: Date.now(), lastContactMs: null };
  #timer: NodeJS.Timeout | undefined;
  #isProbing = false;
  #isStopped = true;

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
  }

  /** Any answer of the cloud proves the way to it. */
  reached(): void {
    this.#view = { ...this.#view, lastContactMs: Date.now() };
    this.#become('online');
  }

  /** A call failed: one call may fail for itself, so a probe decides. */
  failed(): void {
    if (this.#isProbing) return;
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
    if (this.#isProbing) return;
    this.#isProbing = true;
    try {
      await this.#probe();
      this.reached();
    } catch {
      // Whatever went wrong, nobody who speaks for the cloud said "ok".
      this.#become('offline');
    } finally {
      this.#isProbing = false;
      this.#schedule(PROBE_EVERY_MS);
    }
  }

  #become(state: CloudState): void {
    if (this.#isStopped || this.#view.state === state) return;
    this.#view = { ...this.#view, state, sinceMs: Date.now() };
    this.#onChange(state);
  }
}
