/**
 * How this process opens connections with postgres.js, so that a connection may be cut at every byte.
 *
 * Owns: what the driver is told about sockets and types. Never: pools' sizes, roles, SQL.
 */
import { Socket } from 'node:net';
import postgres, { type Options, type Sql } from 'postgres';

/** What the driver knows of itself when it asks for a socket; its own types leave this out. */
interface Place {
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** A socket of the file system, when the host is a folder. */
  readonly path?: string | false;
}

/**
 * Arrays are not asked for when a connection begins: nobody hears when the driver's own question fails, and that ends the
 * process. We write arrays as text (`pg-array.ts`); Drizzle reads its columns from text, and other statements select no arrays.
 */
export function openDriver(url: string, options: Options<Record<string, never>>): Sql {
  let turn = 0;
  const socket = ({ host, port, path }: Place) => {
    // Of several places, one after the other, as the driver itself would.
    const place = turn++ % host.length;
    return path ? new DatabaseSocket().connect(path) : dial(host[place], port[place]);
  };
  return postgres(url, { onnotice: () => undefined, ...options, fetch_types: false, ...{ socket } });
}

function dial(host = 'localhost', port = 5432): Socket {
  // The driver reads the name from here for which a certificate has to be, when it speaks TLS.
  return Object.assign(new DatabaseSocket().connect(port, host), { host });
}

/**
 * One that ends with an error, in the moment when it is closed. The driver takes an end before the database is ready for a reason
 * to dial again at once, for ever: hundreds of times a second, while who asked waits. And what it is given between an error and
 * the close it puts on the connection that is going, and nobody hears of it again. Under TLS the driver makes another socket above
 * this one: there both are as the driver has them, once the database has said that it speaks TLS.
 */
class DatabaseSocket extends Socket {
  #reason: Error | null = null;

  override emit(event: string | symbol, ...said: unknown[]): boolean {
    if (event === 'error' && said[0] instanceof Error) {
      this.#reason = said[0];
      return true;
    }
    if (event === 'close' && this.listenerCount('error') > 0)
      super.emit('error', this.#reason ?? new ConnectionEnded());
    return super.emit(event, ...said);
  }
}

class ConnectionEnded extends Error {
  readonly code = 'CONNECTION_CLOSED';
  constructor() {
    super('the database, or what is before it, ended the connection');
  }
}
