/**
 * Callers over raw sockets with requests built beforehand, so that the client costs as little as a client can: it
 * shares the machine with what it measures. Each caller has a socket of its own and one request on its way.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly mediaType: string;
  readonly bodies: readonly Uint8Array[];
  readonly callers: number;
  /** Beside what every request has: one line each, for the body of this number. */
  readonly headersOf?: (index: number) => readonly string[];
}

export interface Measured {
  readonly perSecond: number;
  readonly waitsMs: readonly number[];
}

/** Every body once, in order. @throws when any of them is not answered with 200. */
export async function deliver(load: Load): Promise<Measured> {
  const queue = load.bodies.map((body, index) => requestFor(load, body, index)).values();
  const callers = await Promise.all(Array.from({ length: load.callers }, () => Caller.connect(load.port)));
  const waitsMs: number[] = [];
  const began = performance.now();
  await Promise.all(
    callers.map(async (caller) => {
      for (const request of queue) {
        const asked = performance.now();
        await caller.ask(request);
        waitsMs.push(performance.now() - asked);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  for (const caller of callers) caller.end();
  return { perSecond: load.bodies.length / seconds, waitsMs };
}

function requestFor(load: Load, body: Uint8Array, index: number): Buffer {
  const head = [
    `POST ${load.path} HTTP/1.1`,
    `host: 127.0.0.1:${load.port}`,
    `content-type: ${load.mediaType}`,
    `content-length: ${body.length}`,
    ...(load.headersOf?.(index) ?? []),
    '\r\n',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head), body]);
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const ACCEPTED = Buffer.from('HTTP/1.1 200 ');
/** More than a head and a receipt. */
const MAX_ANSWER_BYTES = 8_192;

type Waiting = { readonly resolve: () => void; readonly reject: (cause: Error) => void };

/** Reads into memory of its own and looks at as little of an answer as tells that it is whole: its kiosk needs the processor more. */
class Caller {
  readonly #port: number;
  readonly #got = Buffer.alloc(MAX_ANSWER_BYTES);
  #length = 0;
  /** Of the last answer that was read in full, accepted and to be followed by another on its socket. */
  #usual = { headLength: 0, length: 0 };
  #socket: Socket;
  #waiting: Waiting | null = null;

  private constructor(port: number) {
    this.#port = port;
    this.#socket = this.#open();
  }

  static async connect(port: number): Promise<Caller> {
    const caller = new Caller(port);
    await once(caller.#socket, 'connect');
    return caller;
  }

  async ask(request: Buffer): Promise<void> {
    // The listener ends a socket after so many requests, as it does to everyone.
    if (this.#socket.destroyed || !this.#socket.writable) {
      this.#socket = this.#open();
      await once(this.#socket, 'connect');
    }
    this.#length = 0;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { resolve, reject };
    this.#socket.write(request);
    await promise;
  }

  end(): void {
    this.#socket.destroy();
  }

  #open(): Socket {
    const chunk = Buffer.alloc(MAX_ANSWER_BYTES);
    const onread = {
      buffer: chunk,
      callback: (size: number) => {
        this.#receive(socket, chunk.subarray(0, size));
        return true;
      },
    };
    const socket: Socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true, onread });
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => {
      if (socket === this.#socket) this.#waiting?.reject(new Error('the connection ended without an answer'));
    });
    return socket;
  }

  /** One answer after the other has the same head but for its date: where it ends and what it begins with tell. */
  #isAsBefore(): boolean {
    const { headLength, length } = this.#usual;
    if (this.#length !== length || length === 0) return false;
    for (let at = 0; at < ACCEPTED.length; at += 1) if (this.#got[at] !== ACCEPTED[at]) return false;
    for (let at = 0; at < END_OF_HEAD.length; at += 1)
      if (this.#got[headLength + at] !== END_OF_HEAD[at]) return false;
    return true;
  }

  #settle(): Waiting | null {
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }

  #receive(socket: Socket, chunk: Buffer): void {
    chunk.copy(this.#got, this.#length);
    this.#length += chunk.length;
    if (this.#isAsBefore()) return this.#settle()?.resolve();
    const got = this.#got.subarray(0, this.#length);
    const end = got.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = got.toString('latin1', 0, end).toLowerCase();
    const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
    if (got.length < end + END_OF_HEAD.length + length) return;
    const waiting = this.#settle();
    if (head.includes('\r\nconnection: close')) socket.destroy();
    const isAccepted = got.indexOf(ACCEPTED) === 0;
    if (isAccepted && !socket.destroyed) this.#usual = { headLength: end, length: got.length };
    if (isAccepted) waiting?.resolve();
    else waiting?.reject(new Error(`not accepted: ${head.slice(0, 15)} ${got.toString('utf8', end)}`));
  }
}
