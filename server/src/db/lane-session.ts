/**
 * One session with the database over `pg`: what it is given goes out at once, with one end behind it, and is kept prepared.
 *
 * Owns: how `pg` is set up. Never: another session in its place; once it is lost, everything that is asked of it fails.
 */
import pg, { type Client } from 'pg';
import type { UnderstoodUrl } from './driver.ts';
import { Going, KeptStatements, type Row } from './going.ts';
import type { LaneStream } from './lane-stream.ts';
import { sql, type Words } from './words.ts';

const CONNECT_MS = 10_000;
const ALIVE_AFTER_MS = 60_000;

/** Where the database is, and as whom; its parameters are those of the start-up message. */
export interface LanePlace extends UnderstoodUrl {
  /** False behind a pooler: nothing is kept in a session. */
  readonly isKept: boolean;
  readonly onNotice?: ((message: string) => void) | undefined;
}

export class LaneSession {
  readonly #client: Client;
  readonly #stream: LaneStream;
  readonly #kept: KeptStatements | null;
  #isLost = false;

  private constructor(client: Client, stream: LaneStream, isKept: boolean) {
    this.#client = client;
    this.#stream = stream;
    this.#kept = isKept ? new KeptStatements() : null;
    const lost = () => {
      this.#isLost = true;
      stream.destroy();
    };
    // Whoever waits for something hears of it by that.
    client.on('error', lost);
    client.on('end', lost);
  }

  /** @throws what the database refused, or why there is no way to it; the stream is of no use then */
  static async open(stream: LaneStream, place: LanePlace): Promise<LaneSession> {
    const { user, password, database, parameters, isKept, onNotice } = place;
    const client = new pg.Client({
      user,
      database,
      // Asked for when the database asks: one that is empty would be looked for in files.
      password: () => password,
      // Whatever the environment says: the stream is what knows about it.
      ssl: false,
      ...{ sslnegotiation: 'postgres' },
      stream: () => stream,
      keepAlive: true,
      keepAliveInitialDelayMillis: ALIVE_AFTER_MS,
      // As the driver does.
      ...{ scramMaxIterations: 0 },
    });
    // By itself it knows a few parameters only, and takes more from the environment; a pooler refuses them as `options`.
    Object.assign(client, { getStartupConf: () => ({ user, database, ...parameters }) });
    client.on('notice', ({ message }) => onNotice?.(message ?? ''));
    const session = new LaneSession(client, stream, isKept);
    const watch = setTimeout(() => stream.destroy(new LaneLost('CONNECT_TIMEOUT')), CONNECT_MS);
    try {
      await client.connect();
      return session;
    } finally {
      clearTimeout(watch);
    }
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /**
   * One transaction, where none of them begins one by itself.
   * @returns rows of the last statement, after the commit
   * @throws what the database refused first, or why it is not known what became of them
   */
  go(statements: readonly Words[]): Promise<readonly Row[]> {
    if (this.#isLost) return Promise.reject(new LaneLost('CONNECTION_CLOSED'));
    const going = new Going(
      statements.map((words) => words.write()),
      this.#kept,
    );
    this.#client.query(going);
    return going.done;
  }

  /** @throws LaneLost */
  async assertWritable(): Promise<void> {
    const [row] = await this.go([sql`select current_setting('transaction_read_only') = 'off' as yes`]);
    if (row?.['yes'] !== true) throw new LaneLost('CONNECTION_CLOSED', 'the database only reads');
  }

  drop(): void {
    this.#isLost = true;
    this.#stream.destroy(new LaneLost('CONNECTION_DESTROYED'));
  }

  /** Says goodbye, and waits so long for the other side to hear it. What is on its way is given up. */
  async end(timeoutSeconds: number): Promise<void> {
    this.#isLost = true;
    const watch = setTimeout(() => this.#stream.destroy(), timeoutSeconds * 1000);
    await this.#client.end().catch(() => this.#stream.destroy());
    clearTimeout(watch);
  }
}

/**
 * SQLSTATEs with which the database ends the session, or may. Not by the severity: `pg` knows it in the database's language only. One
 * that is missing here is found out when the connection ends.
 */
const LAST_WORDS = /^(08|28|53|57P|25P0[34]|XX)/;

/** The database said no, rolled back and goes on with us. */
export function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code !== undefined && !LAST_WORDS.test(error.code);
}

const MEANINGS = {
  CONNECTION_CLOSED: 'the connection was lost',
  CONNECTION_DESTROYED: 'the connection was given up',
  CONNECTION_ENDED: 'the connections to the database were closed',
  CONNECT_TIMEOUT: 'the database did not answer in time',
};

/** Its codes are the driver's. */
export class LaneLost extends Error {
  readonly code: keyof typeof MEANINGS;
  constructor(code: keyof typeof MEANINGS, message: string = MEANINGS[code]) {
    super(message);
    this.code = code;
  }
}
