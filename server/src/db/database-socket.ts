/**
 * What postgres.js is given to speak to the database over: ways that end with an error in the moment when they are closed.
 *
 * Owns: TCP and TLS to the database, and when the driver hears that they ended. Never: the database's protocol beyond the
 * question for TLS.
 */
import { EventEmitter } from 'node:events';
import { isIP, Socket } from 'node:net';
import { type ConnectionOptions, connect as overTls } from 'node:tls';

/**
 * The driver takes an end before the database is ready for a reason to dial again at once, for ever: hundreds of times a second,
 * while who asked waits. And what it is given between an error and the close it puts on the connection that is going, and nobody
 * hears of it again.
 */
export class DatabaseSocket extends Socket {
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

/** How TLS was asked for, in the driver's own words. */
export interface Security {
  /** `require`, `allow` and `prefer` take any certificate, whatever else it says only one for the host; or options of node's. */
  readonly ssl: unknown;
  /** `direct` does not ask first whether the database speaks TLS. */
  readonly sslnegotiation?: unknown;
}

interface Dialled {
  readonly tcp: Socket;
  readonly host: string | undefined;
  readonly security: Security;
}

const QUESTION_FOR_TLS = Buffer.from('0000000804d2162f', 'hex');
const ANY_CERTIFICATE: readonly unknown[] = ['require', 'allow', 'prefer'];

/**
 * The same over TLS: of a socket what the driver asks of one. Made by the driver, the TLS would be above what we gave it and end
 * in the driver's way. What is written before the other side has shown who it is waits until then.
 */
export class SecureDatabaseSocket extends EventEmitter {
  readonly #dialled: Dialled;
  /** The TCP until the database said that it speaks TLS, and the TLS above it from then on. */
  #way: Socket;
  #waiting: (() => void)[] | null = [];
  #reason: Error | null = null;

  constructor(dialled: Dialled) {
    super();
    this.#dialled = dialled;
    this.#way = dialled.tcp;
    this.#follow(dialled.tcp);
    const isDirect = dialled.security.sslnegotiation === 'direct';
    dialled.tcp.once('connect', () => {
      if (isDirect) this.#secure();
      else dialled.tcp.write(QUESTION_FOR_TLS);
    });
    if (!isDirect) dialled.tcp.once('data', (answer: Buffer) => this.#answered(answer));
  }

  get readyState(): string {
    return this.#waiting !== null && !this.#way.destroyed ? 'opening' : this.#way.readyState;
  }

  write(chunk: Uint8Array, done?: (error?: Error | null) => void): boolean {
    if (this.#waiting === null) return this.#way.write(chunk, done);
    this.#waiting.push(() => this.#way.write(chunk, done));
    return true;
  }

  end(chunk: Uint8Array): void {
    if (this.#waiting === null) this.#way.end(chunk);
    else this.#waiting.push(() => this.#way.end(chunk));
  }

  destroy(): void {
    this.#way.destroy();
  }

  pause(): void {
    this.#way.pause();
  }

  resume(): void {
    this.#way.resume();
  }

  setKeepAlive(isOn: boolean, afterMs: number): void {
    this.#dialled.tcp.setKeepAlive(isOn, afterMs);
  }

  /** One byte. What came with it, came from whoever sits between: the database does not speak before it is spoken to. */
  #answered(answer: Buffer): void {
    const said = answer.length === 1 ? answer.toString('latin1') : '';
    if (said === 'S') this.#secure();
    else if (said === 'N' && this.#dialled.security.ssl === 'prefer') this.#open();
    else this.#way.destroy(new TlsRefused(said === 'N'));
  }

  #secure(): void {
    const { tcp, host, security } = this.#dialled;
    try {
      const way = overTls({ socket: tcp, ...namesOf(host), ...checksOf(security) });
      tcp.off('close', this.#closed);
      this.#way = way;
      this.#follow(way);
      way.once('secureConnect', () => this.#open());
    } catch (error) {
      tcp.destroy(error instanceof Error ? error : new TlsRefused(false));
    }
  }

  #follow(way: Socket): void {
    way.on('error', (error: Error) => {
      this.#reason ??= error;
      way.destroy();
    });
    way.on('close', this.#closed);
  }

  #open(): void {
    this.#way.on('data', (chunk: Buffer) => this.emit('data', chunk));
    this.#way.on('drain', () => this.emit('drain'));
    // Nothing is answered any more.
    this.#way.on('end', () => this.#way.destroy());
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const write of waiting) write();
  }

  readonly #closed = (hadError: boolean) => {
    if (this.listenerCount('error') > 0) this.emit('error', this.#reason ?? new ConnectionEnded());
    this.emit('close', hadError);
  };
}

/** An address of the network is no name to ask for, but a certificate has to be for it, too. */
function namesOf(host: string | undefined): ConnectionOptions {
  if (host === undefined) return {};
  return isIP(host) > 0 ? { host } : { host, servername: host };
}

function checksOf({ ssl, sslnegotiation }: Security): ConnectionOptions {
  return {
    ...(sslnegotiation === 'direct' ? { ALPNProtocols: ['postgresql'] } : {}),
    ...(ANY_CERTIFICATE.includes(ssl) ? { rejectUnauthorized: false } : {}),
    ...(typeof ssl === 'object' ? ssl : {}),
  };
}

export class ConnectionEnded extends Error {
  readonly code = 'CONNECTION_CLOSED';
  constructor() {
    super('the database, or what is before it, ended the connection');
  }
}

class TlsRefused extends Error {
  readonly code = 'TLS_REFUSED';
  constructor(isSaid: boolean) {
    super(
      isSaid
        ? 'the database does not speak TLS, and the connection was asked to'
        : 'what answered the question for TLS is no database, or somebody between',
    );
  }
}
