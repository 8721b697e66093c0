/**
 * What postgres.js, and `pg` for the lanes, is given to speak to the database over: a way that ends with an error, in the moment when it is closed.
 *
 * Owns: TCP and TLS to the database, and what the driver hears and sends there. Never: the database's protocol beyond the
 * question for TLS, and where a connection begins.
 */
import { EventEmitter } from 'node:events';
import { isIP, Socket } from 'node:net';
import { type ConnectionOptions, connect as overTls } from 'node:tls';
import { LeftRows } from './left-rows.ts';
import type { Reach } from './reach.ts';
import { isReady, isStartup, withoutPadding } from './startup.ts';

/** How TLS was asked for, in the driver's own words. */
export interface Security {
  /** `require`, `allow` and `prefer` take any certificate, whatever else it says only one for the host; or options of node's. */
  readonly ssl: unknown;
  /** `direct` does not ask first whether the database speaks TLS. */
  readonly sslnegotiation?: unknown;
}

export interface Address {
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** A socket of the file system, instead. */
  readonly path: string | undefined;
}

interface Dialled {
  readonly address: Address;
  /** None: TCP, or the file system, as it is. */
  readonly security: Security | null;
  readonly reach: Reach;
  /** Gives the driver an error: `isFinal` when it is for who waits, whatever other places there are to try. */
  readonly tell: (isFinal: boolean, emit: () => void) => void;
  /** Whether it is postgres.js who speaks: what it begins with, and what it hears of a statement that failed, is put right for it. */
  readonly isForPool: boolean;
}

const QUESTION_FOR_TLS = Buffer.from('0000000804d2162f', 'hex');
const ANY_CERTIFICATE: readonly unknown[] = ['require', 'allow', 'prefer'];

/**
 * Of a socket what the driver asks of one.
 *
 * The driver takes an end before the database is ready for a reason to dial again at once, for ever: so each end is an error. What
 * it is given between an error and the close it puts on the connection that is going, and nobody hears of it again: so both are one
 * moment. It does not reserve the connection of a transaction whose `begin` found the socket full, and takes a socket that is
 * no longer full for one that is free, whoever has it: so this one is never full. What is written before the other side
 * has shown who it is waits until then.
 */
export class DatabaseSocket extends EventEmitter {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly #dialled: Dialled;
  readonly #tcp = new Socket();
  /** The TCP until the database said that it speaks TLS, and the TLS above it from then on. */
  #way: Socket = this.#tcp;
  #waiting: (() => void)[] | null = [];
  #reason: Error | null = null;
  #hasBegun = false;
  /** To cancel a statement: the database ends such a connection without a word, and of an error nobody would hear but the process. */
  #isToCancel = false;
  #isRefused = false;
  readonly #leftRows = new LeftRows();
  #dialledAt: number | null = null;
  /** What the database said, until it is ready. */
  #said: Buffer | null = Buffer.alloc(0);

  constructor(dialled: Dialled) {
    super();
    this.#dialled = dialled;
    this.host = dialled.address.host;
    this.port = dialled.address.port;
    this.#follow(this.#tcp);
    // The driver listens only after this: who is refused at once would end before, and nobody would hear of it.
    setImmediate(() => this.#dial());
  }

  get readyState(): string {
    return this.#waiting !== null && !this.#way.destroyed ? 'opening' : this.#way.readyState;
  }

  write(chunk: Buffer, done?: (error?: Error | null) => void): boolean {
    const isFirst = this.#dialled.isForPool && !this.#hasBegun;
    const sent = isFirst ? withoutPadding(chunk) : chunk;
    if (isFirst) this.#isToCancel = !isStartup(chunk);
    this.#hasBegun = true;
    if (this.#waiting === null) this.#way.write(sent, done);
    else this.#waiting.push(() => this.#way.write(sent, done));
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
    this.#tcp.setKeepAlive(isOn, afterMs);
  }

  setNoDelay(isOn: boolean): void {
    this.#tcp.setNoDelay(isOn);
  }

  #dial(): void {
    const { address, security, reach } = this.#dialled;
    if (this.#tcp.destroyed) return;
    const refusal = reach.refusal();
    if (refusal !== null) {
      this.#isRefused = true;
      this.#tcp.destroy(refusal);
      return;
    }
    this.#dialledAt = performance.now();
    const isAsked = security !== null && security.sslnegotiation !== 'direct';
    this.#tcp.once('connect', () => {
      if (isAsked) this.#tcp.write(QUESTION_FOR_TLS);
      else if (security === null) this.#open();
      else this.#secure(security);
    });
    if (isAsked) this.#tcp.once('data', (answer: Buffer) => this.#answered(answer, security));
    if (address.path !== undefined) this.#tcp.connect(address.path);
    else this.#tcp.connect(address.port ?? 5432, address.host ?? 'localhost');
  }

  /** One byte. What came with it, came from whoever sits between: the database does not speak before it is spoken to. */
  #answered(answer: Buffer, security: Security): void {
    const said = answer.length === 1 ? answer.toString('latin1') : '';
    if (said === 'S') this.#secure(security);
    else if (said === 'N' && security.ssl === 'prefer') this.#open();
    else this.#way.destroy(new TlsRefused(said === 'N'));
  }

  #secure(security: Security): void {
    const { host, path } = this.#dialled.address;
    try {
      const names = namesOf(path === undefined ? (host ?? 'localhost') : undefined);
      const way = overTls({ socket: this.#tcp, ...names, ...checksOf(security) });
      this.#tcp.off('close', this.#closed);
      this.#way = way;
      this.#follow(way);
      way.once('secureConnect', () => this.#open());
    } catch (error) {
      this.#tcp.destroy(error instanceof Error ? error : new TlsRefused(false));
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
    this.#way.on('data', (chunk: Buffer) => {
      this.#hear(chunk);
      if (!this.#dialled.isForPool) this.emit('data', chunk);
      else for (const part of this.#leftRows.heard(chunk)) this.emit('data', part);
    });
    // Nothing is answered any more.
    this.#way.on('end', () => this.#way.destroy());
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const write of waiting) write();
  }

  #hear(chunk: Buffer): void {
    if (this.#said === null) return;
    this.#said = Buffer.concat([this.#said, chunk]);
    if (!isReady(this.#said)) return;
    this.#said = null;
    this.#dialled.reach.ready();
  }

  readonly #closed = (hadError: boolean) => {
    if (!this.#isToCancel) this.#fail(this.#reason ?? new ConnectionEnded());
    this.emit('close', hadError);
  };

  #fail(reason: Error): void {
    const { reach, tell } = this.#dialled;
    const wasReady = this.#said === null;
    const left = this.#dialled.isForPool ? this.#leftRows.ended() : null;
    if (wasReady && left !== null) this.emit('data', left);
    if (wasReady) reach.lost();
    else if (this.#dialledAt !== null) reach.failed(reason, this.#dialledAt);
    if (this.listenerCount('error') > 0) tell(wasReady || this.#isRefused, () => this.emit('error', reason));
  }
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
