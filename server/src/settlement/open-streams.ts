/**
 * The settlement streams of this process that are open.
 *
 * Owns: one for a kiosk, a bounded number in all, and each of their ends. Never: waits for a kiosk - a connection that was cut
 * may look open for a while, so the newer stream ends the older one.
 */
import { problem } from '../http/problem.ts';
import type { Life } from '../life.ts';

export interface OpenStream {
  /** Aborts with the problem that the stream ends with. */
  readonly signal: AbortSignal;
  /** The stream has ended, whatever the reason. */
  readonly close: () => void;
}

const BUSY_MS = 5_000;

export class OpenStreams {
  readonly #open = new Map<string, AbortController>();
  readonly #life: Life;
  readonly #most: number;

  constructor(life: Life, most: number) {
    this.#life = life;
    this.#most = most;
  }

  /** @throws ApiProblem `service_unavailable` */
  open(enrolmentId: string): OpenStream {
    const former = this.#open.get(enrolmentId);
    if (this.#life.isLeaving) throw leaving();
    if (former === undefined && this.#open.size >= this.#most)
      throw problem('service_unavailable', { detail: 'too many streams', retryAfterMs: BUSY_MS });
    former?.abort(problem('stream_limit_reached', { detail: 'a newer stream of this kiosk has begun' }));
    const end = new AbortController();
    const leave = () => end.abort(leaving());
    this.#life.leaving.addEventListener('abort', leave);
    this.#open.set(enrolmentId, end);
    const close = () => {
      this.#life.leaving.removeEventListener('abort', leave);
      if (this.#open.get(enrolmentId) === end) this.#open.delete(enrolmentId);
    };
    return { signal: end.signal, close };
  }
}

function leaving() {
  return problem('service_unavailable', { detail: 'this process is leaving', retryAfterMs: 1_000 });
}
