/**
 * A connection beside the pool, over `pg`, for one transaction at a time. It dials when it is asked, and says goodbye when nobody has
 * asked for a while.
 *
 * Never: gives a transaction a second session, or sends anything again. What was on its way when a session was lost stands as a whole
 * or not at all, and whoever sent it is told that it is not known.
 */
import { LaneLost, type LanePlace, LaneSession, isRefusal } from './lane-session.ts';
import { LaneStream } from './lane-stream.ts';
import type { Words } from './words.ts';

/** Longer than what the database lets the statements of one transaction take. */
const LOST_AFTER_MS = 200_000;
/** What is between us and the database forgets who is silent. */
const IDLE_MS = 60_000;

export interface LaneOptions extends LanePlace {
  /** What each transaction begins with, where the session does not have it. */
  readonly beginning: readonly Words[];
}

export class LaneConnection {
  readonly #options: LaneOptions;
  #session: LaneSession | null = null;
  #dialling: LaneStream | null = null;
  #idle: NodeJS.Timeout | undefined;
  #isUsed = false;
  #isClosed = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** What a transaction begins with. */
  get beginning(): readonly Words[] {
    return this.#options.beginning;
  }

  /** @param work throws where it is not known what became of it, or where nothing of it stands */
  async use<T>(work: (session: LaneSession) => Promise<T>): Promise<T> {
    clearTimeout(this.#idle);
    this.#isUsed = true;
    // An answer that never comes would keep everybody waiting who comes later.
    const watch = setTimeout(() => this.drop(), LOST_AFTER_MS);
    try {
      if (this.#isClosed) throw new LaneLost('CONNECTION_ENDED');
      if (this.#session === null || this.#session.isLost) this.#session = await this.#open();
      return await work(this.#session);
    } catch (error) {
      if (!isRefusal(error)) this.drop();
      throw error;
    } finally {
      clearTimeout(watch);
      this.#isUsed = false;
      if (!this.#isClosed) this.#idle = setTimeout(() => void this.#goodbye(1), IDLE_MS).unref();
    }
  }

  /** Whatever its state. Who asks from now on has another session. */
  drop(): void {
    this.#session?.drop();
    this.#session = null;
    this.#dialling?.destroy(new LaneLost('CONNECTION_DESTROYED'));
  }

  /** For good. Says goodbye, and waits so long for the other side to hear it. Whatever is still on its way is given up. */
  async close(timeoutSeconds: number): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idle);
    if (this.#isUsed) this.drop();
    else await this.#goodbye(timeoutSeconds);
  }

  async #goodbye(timeoutSeconds: number): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await session?.end(timeoutSeconds);
  }

  /** The first of the places, from where the last dial led, that takes us and may be written to. */
  async #open(): Promise<LaneSession> {
    const { places } = this.#options;
    for (let place = 1; ; place += 1) {
      const stream = new LaneStream(this.#options.dial());
      this.#dialling = stream;
      try {
        const session = await LaneSession.open(stream, this.#options);
        // Of several places one may be a copy of another.
        if (places > 1) await session.assertWritable();
        return session;
      } catch (error) {
        stream.destroy();
        const isGivenUp = error instanceof LaneLost && error.code === 'CONNECTION_DESTROYED';
        if (place >= places || isGivenUp) throw error;
      } finally {
        this.#dialling = null;
      }
    }
  }
}
