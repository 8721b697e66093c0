/**
 * A connection beside the pool, over `pg`, for one transaction at a time: what it is given goes out at once, with one end behind it,
 * and is kept prepared. It dials when it is asked, and says goodbye when nobody has asked for a while.
 *
 * Never: sends anything again. What was on its way over a connection that is lost stands as a whole or not at all, and whoever sent
 * it is told that it is not known.
 */
import pg, { type Client } from 'pg';
import type { DatabaseSocket } from './database-socket.ts';
import { Going, KeptStatements, type Row } from './going.ts';
import { LaneStream } from './lane-stream.ts';
import { sql, type Words } from './words.ts';

/** Longer than the database lets the statements of one transaction take together. */
const LOST_AFTER_MS = 150_000;
const CONNECT_MS = 10_000;
/** What is between us and the database forgets who is silent. */
const IDLE_MS = 60_000;

const GIVEN_UP = 'CONNECTION_DESTROYED';

/** Where the database is, and as whom. */
export interface LanePlace {
  /** To one place after the other, where there are several. */
  readonly dial: () => DatabaseSocket;
  readonly places: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface LaneOptions extends LanePlace {
  readonly applicationName: string;
  /** Of the session, in PostgreSQL's `-c name=value`; empty where nothing may be kept in one. */
  readonly settings: string;
  /** False behind a pooler: nothing is kept in a session. */
  readonly isKept: boolean;
  /** What each transaction begins with, where the session does not have it. */
  readonly beginning: readonly Words[];
  readonly onNotice?: ((message: string) => void) | undefined;
}

interface Session {
  readonly client: Client;
  readonly stream: LaneStream;
  readonly kept: KeptStatements | null;
}

export class LaneConnection {
  readonly #options: LaneOptions;
  #session: Promise<Session> | null = null;
  /** Also while it is dialled. */
  #stream: LaneStream | null = null;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /**
   * One transaction, where none of them begins one by itself.
   * @returns rows of the last statement, after the commit
   * @throws what the database refused first, or why it is not known what became of them
   */
  async go(statements: readonly Words[]): Promise<readonly Row[]> {
    clearTimeout(this.#idle);
    // An answer that never comes would keep everybody waiting who comes later.
    const watch = setTimeout(() => this.drop(), LOST_AFTER_MS);
    try {
      const session = await (this.#session ??= this.#open());
      const going = new Going(
        statements.map((words) => words.write()),
        session.kept,
      );
      session.client.query(going);
      return await going.done;
    } catch (error) {
      // What the database refused it rolled back, and goes on with us. Otherwise the state of the connection is unknown.
      if (!isRefusal(error)) this.drop();
      throw error;
    } finally {
      clearTimeout(watch);
      this.#idle = setTimeout(() => void this.end(1), IDLE_MS).unref();
    }
  }

  /** What a transaction begins with that is not begun by `begin`. */
  get beginning(): readonly Words[] {
    return this.#options.beginning;
  }

  /** Whatever its state. What is asked from now on goes over another. */
  drop(): void {
    this.#session = null;
    this.#stream?.destroy(new LaneLost(GIVEN_UP, 'a connection was given up'));
    this.#stream = null;
  }

  /** Says goodbye, and waits so long for the other side to hear it. Nothing may be on its way. */
  async end(timeoutSeconds: number): Promise<void> {
    clearTimeout(this.#idle);
    const [session, stream] = [this.#session, this.#stream];
    this.#session = null;
    this.#stream = null;
    if (session === null) return;
    const watch = setTimeout(() => stream?.destroy(), timeoutSeconds * 1000);
    await session.then(({ client }) => client.end()).catch(() => stream?.destroy());
    clearTimeout(watch);
  }

  async #open(): Promise<Session> {
    const { places } = this.#options;
    for (let place = 1; ; place += 1) {
      try {
        const session = await this.#dial();
        if (places === 1 || (await isWritable(session))) return session;
        session.stream.destroy();
        throw new LaneLost('CONNECTION_CLOSED', 'the database only reads');
      } catch (error) {
        if (place >= places || (error instanceof LaneLost && error.code === GIVEN_UP)) throw error;
      }
    }
  }

  async #dial(): Promise<Session> {
    const { dial, user, password, database, applicationName, settings, isKept, onNotice } = this.#options;
    const stream = new LaneStream(dial());
    this.#stream = stream;
    const client = new pg.Client({
      user,
      database,
      // Asked for when the database asks: what is empty would be looked for in files.
      password: () => password,
      ssl: false,
      stream: () => stream,
      keepAlive: true,
      keepAliveInitialDelayMillis: IDLE_MS,
      application_name: applicationName,
      ...(settings === '' ? {} : { options: settings }),
    });
    client.on('notice', ({ message }) => onNotice?.(message ?? ''));
    // Whoever waits hears of it by what they wait for.
    client.on('error', () => this.#lost(stream));
    client.on('end', () => this.#lost(stream));
    const watch = setTimeout(
      () => stream.destroy(new LaneLost('CONNECT_TIMEOUT', 'the database did not answer in time')),
      CONNECT_MS,
    );
    try {
      await client.connect();
      return { client, stream, kept: isKept ? new KeptStatements() : null };
    } catch (error) {
      stream.destroy();
      throw error;
    } finally {
      clearTimeout(watch);
    }
  }

  #lost(stream: LaneStream): void {
    stream.destroy();
    if (this.#stream !== stream) return;
    this.#session = null;
    this.#stream = null;
  }
}

/** Of several places one may be a copy of another. */
async function isWritable({ client, kept }: Session): Promise<boolean> {
  const asked = new Going(
    [sql`select current_setting('transaction_read_only') = 'off' as yes`.write()],
    kept,
  );
  client.query(asked);
  const [answer] = await asked.done;
  return answer?.['yes'] === true;
}

/** The database said no and goes on with us. */
export function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === 'ERROR';
}

class LaneLost extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
