/**
 * How this process opens connections with postgres.js, so that a connection may be cut at every byte.
 *
 * Owns: what the driver is told about sockets, TLS and types, and that nothing of a transaction is sent once its connection is lost.
 * Never: pools' sizes, roles, SQL.
 */
import postgres, { type Options, type Sql, type TransactionSql } from 'postgres';
import { ConnectionEnded, DatabaseSocket, type Security } from './database-socket.ts';
import { Reach } from './reach.ts';
import { PADDING } from './startup.ts';

/** What the driver knows of itself when it asks for a socket; its own types leave this out. */
interface Place {
  host: readonly string[];
  readonly port: readonly number[];
  /** A socket of the file system, when the host is a folder. */
  readonly path?: string | false;
}

/**
 * Arrays are not asked for when a connection begins: nobody hears when the driver's own question fails, and that ends the
 * process. We write arrays as text (`pg-array.ts`); Drizzle reads its columns from text, and other statements select no arrays.
 *
 * The driver would wait longer before each dial that follows one that failed, for all connections together and up to 20 seconds, while
 * whoever asked waits: here it dials at once, and {@link Reach} says when that is not worth it. And it does not reserve the
 * connection of a transaction whose `begin` is the hundredth statement on it: so there is no hundredth.
 */
export function openDriver(url: string, options: Options<Record<string, never>>): Sql {
  const losses = new Losses();
  const onclose = (id: number) => {
    losses.note();
    options.onclose?.(id);
  };
  const open = (more: object) =>
    postgres(url, {
      onnotice: () => undefined,
      ...options,
      connection: { ...options.connection, ...PADDING },
      onclose,
      fetch_types: false,
      backoff: () => 0,
      ...{ max_pipeline: Number.POSITIVE_INFINITY },
      ...more,
    });
  // It dials nothing before it is asked, and knows whether TLS was: then another, for whom we speak it.
  const plain = open({ socket: dialler(null) });
  const sql = plain.options.ssl ? open({ socket: dialler(plain.options), ssl: false }) : plain;
  return Object.assign(sql, { begin: keptTogether(sql, losses) });
}

/**
 * Of several places, one after the other, as the driver itself would. While there is another place to try, it tells nobody that a dial
 * failed, or that a connection was lost within its first statement, and dials for ever: so it knows of one only when that is told.
 */
function dialler(security: Security | null) {
  const reach = new Reach();
  let turn = 0;
  return (driver: Place): DatabaseSocket => {
    const { host, port, path } = driver;
    const place = turn++ % host.length;
    const address = { host: host[place], port: port[place], path: path || undefined };
    const tell = (isFinal: boolean, emit: () => void) => {
      if (isFinal) driver.host = host.slice(0, 1);
      emit();
      driver.host = host;
    };
    return new DatabaseSocket({ address, security, reach, tell, isForPool: true });
  };
}

/** What the driver understands of a URL, for connections that are not its own. */
export interface UnderstoodUrl {
  /** To one place after the other, where there are several. */
  readonly dial: () => DatabaseSocket;
  readonly places: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Of the session: the URL's own come before the given ones. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Dials nothing yet. Whoever asks for it by the same URL goes where {@link openDriver} goes, and by the same TLS. */
export function understand(url: string, ofSession: Readonly<Record<string, string | number>>): UnderstoodUrl {
  const { options } = postgres(url, { connection: ofSession });
  const { host, port, path, user, pass, database, connection } = options;
  const reach = new Reach();
  let turn = 0;
  const dial = () => {
    const place = turn++ % host.length;
    const address = { host: host[place], port: port[place], path: path || undefined };
    const tell = (_: boolean, emit: () => void) => emit();
    return new DatabaseSocket({
      ...{ address, reach, tell, isForPool: false },
      security: options.ssl ? options : null,
    });
  };
  const parameters = Object.entries(connection).map(([name, value]) => [name, String(value)] as const);
  return {
    ...{ dial, places: host.length, user, database },
    password: typeof pass === 'string' ? pass : '',
    parameters: Object.fromEntries(parameters),
  };
}

/** Connections of one pool that were lost. */
class Losses {
  count = 0;
  /** One was lost in this turn of the event loop: not all whom it concerns have heard of it. */
  isFresh = false;

  note(): void {
    this.count += 1;
    this.isFresh = true;
    setImmediate(() => {
      this.isFresh = false;
    });
  }
}

type Work<T> = (tx: TransactionSql) => T | Promise<T>;

/**
 * `begin` of the driver, which tells its caller when the connection is lost, but goes on with the work: what that sends then, and
 * the end of the transaction, go to the next connection, outside of any transaction or within somebody else's, or to none, which
 * ends the process. Here whatever the work sends then is refused, and the driver hears no more of it.
 */
function keptTogether(sql: Sql, losses: Losses): Sql['begin'] {
  const begin = sql.begin.bind(sql);
  return <T>(...given: [Work<T>] | [string, Work<T>]) => {
    const [settings, work] = given.length === 1 ? ['', given[0]] : given;
    const before = losses.count;
    let isLost = false;
    const mayBeLost = () => isLost || (losses.isFresh && losses.count !== before);
    const guard =
      <R>(inner: Work<R>): Work<R> =>
      async (tx) => {
        const [ended] = await Promise.allSettled([resultOf(inner, guarded(tx, { mayBeLost, guard }))]);
        if (mayBeLost()) await new Promise(setImmediate);
        if (isLost) return new Promise<never>(() => undefined);
        if (ended.status === 'rejected') throw ended.reason;
        return ended.value;
      };
    const done = begin<T>(settings, guard(work));
    done.catch(() => {
      isLost = true;
    });
    return done;
  };
}

/** Of statements in a list all, as the driver has it. */
async function resultOf<T>(work: Work<T>, tx: TransactionSql): Promise<T> {
  const result = work(tx);
  if (Array.isArray(result)) await Promise.all(result);
  return result;
}

interface Guard {
  readonly mayBeLost: () => boolean;
  readonly guard: <R>(inner: Work<R>) => Work<R>;
}

function guarded(tx: TransactionSql, { mayBeLost, guard }: Guard): TransactionSql {
  const refuse = () => {
    if (mayBeLost()) throw new ConnectionEnded();
  };
  const unsafe: TransactionSql['unsafe'] = (...statement) => {
    refuse();
    return tx.unsafe(...statement);
  };
  const savepoint = <R>(...given: [Work<R>] | [string, Work<R>]) => {
    refuse();
    return given.length === 1 ? tx.savepoint(guard(given[0])) : tx.savepoint(given[0], guard(given[1]));
  };
  return new Proxy(tx, {
    apply: (target, self, statement): unknown => {
      refuse();
      return Reflect.apply(target, self, statement);
    },
    get: (target, name): unknown => {
      if (name === 'unsafe') return unsafe;
      return name === 'savepoint' ? savepoint : Reflect.get(target, name);
    },
  });
}
