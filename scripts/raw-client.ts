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

type Waiting = { readonly resolve: () => void; readonly reject: (cause: Error) => void };

class Caller {
  readonly #port: number;
  #socket: Socket;
  #got: Buffer = Buffer.alloc(0);
  #waiting: Waiting | null = null;

  private constructor(port: number, socket: Socket) {
    this.#port = port;
    this.#socket = socket;
    this.#listen();
  }

  static async connect(port: number): Promise<Caller> {
    return new Caller(port, await open(port));
  }

  async ask(request: Buffer): Promise<void> {
    // The listener ends a socket after so many requests, as it does to everyone.
    if (this.#socket.destroyed || !this.#socket.writable) {
      this.#socket = await open(this.#port);
      this.#listen();
    }
    this.#got = Buffer.alloc(0);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { resolve, reject };
    this.#socket.write(request);
    await promise;
  }

  end(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => this.#receive(socket, chunk));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => {
      if (socket === this.#socket) this.#waiting?.reject(new Error('the connection ended without an answer'));
    });
  }

  #receive(socket: Socket, chunk: Buffer): void {
    this.#got = this.#got.length === 0 ? chunk : Buffer.concat([this.#got, chunk]);
    const end = this.#got.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = this.#got.toString('latin1', 0, end).toLowerCase();
    const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
    if (this.#got.length < end + END_OF_HEAD.length + length) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (head.includes('\r\nconnection: close')) socket.destroy();
    if (head.startsWith('http/1.1 200')) waiting?.resolve();
    else
      waiting?.reject(
        new Error(`not accepted: ${this.#got.toString('latin1', 0, 15)} ${this.#got.toString('utf8', end)}`),
      );
  }
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}
